"""Fills an empty database with generated news, straight through SQL, in the shape that the app writes.

What the measured requests do not touch is left out: the generated articles have no revisions.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.access.caller import newsroom
from app.archive.models import Article, ArticleAuthor, ArticleBody, ArticleTag, sort_key
from app.archive.pieces import pieces_of
from app.archive.queries import Refs
from app.archive.shapes import TagKind
from app.articles.rows import BODY
from app.authors.actions import create_author
from app.authors.models import AuthorCreate
from app.body.rendering import RenderedBody, render
from app.changes.actions import take_numbers
from app.db.columns import new_id, table
from app.db.database import Database
from app.tags.actions import create_tag
from app.tags.models import TagCreate

AUTHORS, TAGS, TAGS_AN_ARTICLE = 50, 200, 3
BODIES, BODY_CHARACTERS = 200, 4_000
ARTICLES_A_BATCH = 1_000
NEWEST = datetime(2026, 11, 1, tzinfo=UTC)

_SYLLABLES = ("ka", "lo", "mi", "ren", "sa", "tu", "vel", "dor", "an", "ple", "gri", "sto", "ne")
_POPULARITY = list(accumulate(1 / rank for rank in range(1, TAGS + 1)))
Row = dict[str, Any]
_BLANK = dict.fromkeys(column.name for column in table(Article).c)


def fill(
    database: Database,
    articles: int,
    body_characters: int = BODY_CHARACTERS,
    *,
    authors: int = AUTHORS,
) -> None:
    """Adds the authors, the tags and so many published articles, a minute apart, oldest first."""
    random = Random(1)
    sources = [body_source(random, body_characters) for _ in range(BODIES)]
    bodies = [render("html", source) for source in sources]
    with database.writing() as session:
        author_ids, tags = _add_names(session, random, authors)
    for first in range(0, articles, ARTICLES_A_BATCH):
        numbers = range(first, min(first + ARTICLES_A_BATCH, articles))
        with database.writing() as session:
            sequence = take_numbers(session, len(numbers), at=NEWEST) - first
            rows = [
                article_row(
                    number,
                    sequence,
                    NEWEST - timedelta(minutes=articles - number),
                    _headlines(number, random) | _body(bodies[number % BODIES]),
                )
                for number in numbers
            ]
            writers = [[credit(random.choice(author_ids))] for _ in rows]
            topics = [list(_topics(tags, random)) for _ in rows]
            insert_articles(session, rows, writers, topics)
    tidy(database)


def insert_articles(
    session: Session, rows: list[Row], writers: list[list[Row]], topics: list[list[Row]]
) -> None:
    """Adds articles with their bodies, their links, and the JSON that is made when one is written."""
    for row, some, others in zip(rows, writers, topics, strict=True):
        section = next((one["tag_id"] for one in others if one["is_section"]), None)
        refs = Refs(
            tuple((one["author_id"], one["role"]) for one in some),
            tuple(one["tag_id"] for one in others),
            section,
        )
        article = SimpleNamespace(**_BLANK | row, extra=row["metadata"])
        row["pieces"], row["stamp"] = pieces_of(article, refs)
    bodies = [{"article_id": row["id"]} | {name: row.pop(name) for name in BODY} for row in rows]
    credited = [
        sort_keys(row) | one for row, some in zip(rows, writers, strict=True) for one in some
    ]
    tagged = [sort_keys(row) | one for row, some in zip(rows, topics, strict=True) for one in some]
    for model, values in (
        (Article, rows),
        (ArticleBody, bodies),
        (ArticleAuthor, credited),
        (ArticleTag, tagged),
    ):
        session.connection().execute(sa.insert(table(model)), values)


def tidy(database: Database) -> None:
    """Does at once what PostgreSQL's autovacuum does by itself a little later."""
    if not database.is_sqlite:
        engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text("VACUUM ANALYZE"))


def words(random: Random, count: int) -> str:
    return " ".join("".join(random.choices(_SYLLABLES, k=3)) for _ in range(count)).capitalize()


def body_source(random: Random, characters: int = BODY_CHARACTERS) -> str:
    """HTML of about so many characters."""
    paragraphs: list[str] = []
    while sum(len(paragraph) for paragraph in paragraphs) < characters:
        paragraphs.append(f"<p>{words(random, 60)}.</p>")
    return "\n".join(paragraphs)


def _add_names(
    session: Session, random: Random, count: int
) -> tuple[list[str], list[tuple[str, bool]]]:
    """The ids of the authors; those of the tags, each with whether it is a section."""
    editor, authors, tags = newsroom(NEWEST), [], []
    for number in range(count):
        author = AuthorCreate(slug=f"author-{number}", name=words(random, 2))
        authors.append(create_author(session, editor, author).id)
    for number in range(TAGS):
        kind: TagKind = "topic" if number % 20 else "section"
        tag = TagCreate(slug=f"tag-{number}", name=words(random, 2), kind=kind)
        tags.append((create_tag(session, editor, tag).id, kind == "section"))
    return authors, tags


def _headlines(number: int, random: Random) -> Row:
    return {"headline": f"{words(random, 6)} {number}", "summary": words(random, 25)}


def article_row(number: int, sequence: int, at: datetime, texts: Row) -> Row:
    """An article published at a moment, with what it says. `number` counts from 0, and is added to `sequence`."""
    times = ("released_at", "published_at", "first_published_at", "sort_at", "created_at")
    return dict.fromkeys((*times, "updated_at"), at) | {
        "id": new_id(),
        "slug": f"article-{number}",
        "headline_key": sort_key(texts["headline"]),
        "language": "en",
        "language_key": "en",
        "corrections": [],
        "metadata": {},
        "live": True,
        "version": 1,
        "sequence": sequence + number,
        "state_sequence": sequence + number,
        "state_at": at,
        **texts,
    }


def _body(body: RenderedBody) -> Row:
    return {
        "body_format": "html",
        "body_source": body.html,
        "body_html": body.html,
        "body_text": body.text,
        "word_count": body.word_count,
        "reading_minutes": body.reading_minutes,
    }


def sort_keys(article: Row) -> Row:
    """What a link carries of its article."""
    names = ("live", "sort_at", "updated_at", "headline_key", "sequence")
    return {name: article[name] for name in names} | {"article_id": article["id"]}


def credit(author_id: str) -> Row:
    return {"author_id": author_id, "role": None, "position": 0}


def _topics(tags: list[tuple[str, bool]], random: Random) -> Iterator[Row]:
    """A few tags are on many articles and most on few, as in a real archive."""
    chosen: dict[str, bool] = {}
    while len(chosen) < TAGS_AN_ARTICLE:
        chosen.update(random.choices(tags, cum_weights=_POPULARITY))
    section = next((tag_id for tag_id, is_section in chosen.items() if is_section), None)
    for position, tag_id in enumerate(chosen):
        yield {"tag_id": tag_id, "position": position, "is_section": tag_id == section}
