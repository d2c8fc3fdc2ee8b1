"""Gives the tutorial's application the articles of a Byline, in tables of its own.

`python -m benchmarks.contenders.tutorial_data URL SOURCE`: on SQLite a file beside Byline's file
`SOURCE`, on PostgreSQL the first schema of the search path, from the schema `SOURCE`.
"""

import sys

import sqlalchemy as sa

from benchmarks.contenders.tutorial import TABLES, engine_for

_COPIES = (
    "INSERT INTO author (slug, name) SELECT slug, name FROM {source}.author ORDER BY slug",
    "INSERT INTO tag (slug, name, kind) SELECT slug, name, kind FROM {source}.tag ORDER BY slug",
    """INSERT INTO article (slug, headline, summary, language, published_at, word_count,
        reading_minutes, body)
    SELECT slug, headline, summary, language, {published_at}, word_count, reading_minutes,
        body_source
    FROM {source}.article JOIN {source}.article_body ON article_id = id
    WHERE published_at IS NOT NULL ORDER BY published_at""",
    """INSERT INTO article_author (article_id, author_id)
    SELECT mine.id, name.id FROM {source}.article_author AS link
    JOIN {source}.article AS its ON its.id = link.article_id
    JOIN {source}.author AS named ON named.id = link.author_id
    JOIN article AS mine ON mine.slug = its.slug JOIN author AS name ON name.slug = named.slug""",
    """INSERT INTO article_tag (article_id, tag_id)
    SELECT mine.id, name.id FROM {source}.article_tag AS link
    JOIN {source}.article AS its ON its.id = link.article_id
    JOIN {source}.tag AS named ON named.id = link.tag_id
    JOIN article AS mine ON mine.slug = its.slug JOIN tag AS name ON name.slug = named.slug""",
)


def main(url: str, source: str) -> None:
    engine, published_at = engine_for(url), "published_at"
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(sa.text("ATTACH :source AS byline"), {"source": source})
            source, published_at = "byline", "replace(substr(published_at, 1, 26), 'T', ' ')"
        for one in TABLES:
            one.create(connection)
        for statement in _COPIES:
            connection.execute(sa.text(statement.format(source=source, published_at=published_at)))
        connection.commit()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
