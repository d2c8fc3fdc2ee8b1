"""What the tables are given for an article: one function for each kind of row.

`article` is an `Article`, or a `NewArticle` that no row holds yet.
"""

from types import SimpleNamespace
from typing import Any

from app.access.caller import Caller
from app.archive.pieces import pieces_of
from app.archive.queries import Refs
from app.archive.tables import article as article_table
from app.archive.tables import article_body

Row = dict[str, Any]
_ATTRIBUTES = {column.name: column.name for column in article_table.c} | {"metadata": "extra"}
BODY = tuple(column.name for column in article_body.c if column.name != "article_id")
_MADE = ("body_html", "body_text", "pieces", "stamp")
COMPARED = {
    column: _ATTRIBUTES.get(column.name, column.name)
    for column in (*article_table.c, *article_body.c)
    if column.name not in ("article_id", *_MADE)
}
"""The columns that say all of an article, with their attributes: the rest is made from these."""
_KEPT = (
    "id", "slug", "external_id", "headline", "subheadline", "summary", "dateline", "byline",
    "language", "body_format", "body_source", "image", "source", "canonical_url", "copyright",
    "usage_terms", "urgency", "corrections", "withdrawn_reason",
)  # fmt: skip
_TIMES = (
    "released_at", "published_at", "embargoed_until", "expires_at", "withdrawn_at",
    "first_published_at", "created_at",
)  # fmt: skip


class NewArticle(SimpleNamespace):
    """All attributes of an `Article`, without a row.

    A mapped object takes 0.2 ms to make and fill, which is as long as writing all its rows.
    """


def article_row(article: Any, refs: Refs) -> Row:
    """The row of `article`, by the names of its columns."""
    article.pieces, article.stamp = pieces_of(article, refs)
    return {column: getattr(article, name) for column, name in _ATTRIBUTES.items()}


def body_row(article: Any) -> Row:
    """The row of `article_body`."""
    return {"article_id": article.id} | {name: getattr(article, name) for name in BODY}


def link_rows(article: Any, refs: Refs) -> tuple[list[Row], list[Row]]:
    """The rows of `article_author` and of `article_tag`."""
    shared = {
        "article_id": article.id,
        "live": article.live,
        "sort_at": article.sort_at,
        "updated_at": article.updated_at,
        "headline_key": article.headline_key,
        "sequence": article.sequence,
    }
    authors = [
        {**shared, "author_id": author_id, "role": role, "position": position}
        for position, (author_id, role) in enumerate(refs.authors)
    ]
    tags = [
        {**shared, "tag_id": tag_id, "is_section": tag_id == refs.section, "position": position}
        for position, tag_id in enumerate(refs.tags)
    ]
    return authors, tags


def revision_row(article: Any, refs: Refs, caller: Caller) -> Row:
    """What the article is from its sequence number on."""
    return {
        "sequence": article.sequence,
        "kind": "article",
        "entity_id": article.id,
        "version": article.version,
        "operation": "upsert",
        "at": caller.visibility.now,
        "key_id": caller.key_id,
        "live": article.live,
        "published_at": article.published_at,
        "embargoed_until": article.embargoed_until,
        "expires_at": article.expires_at,
        "snapshot": snapshot_of(article, refs),
    }


def snapshot_of(article: Any, refs: Refs) -> Row:
    """All that a reader or an editor could notice of an article, as plain JSON."""
    return (
        {name: getattr(article, name) for name in _KEPT}
        | {name: (at := getattr(article, name)) and at.isoformat() for name in _TIMES}
        | {"metadata": article.extra}
        | refs.in_snapshot
    )
