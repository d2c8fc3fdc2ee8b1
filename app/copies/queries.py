"""Reading a whole newsroom, as lines, in one snapshot and in constant memory."""

from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from pydantic_core import to_json
from sqlmodel import Session

from app.archive.models import Author, Tag
from app.archive.queries import current_refs_of
from app.archive.refs import former_refs_of
from app.archive.tables import article, article_body, article_with_body
from app.changes.queries import revision
from app.db.columns import table
from app.db.database import Database

author = table(Author)
tag = table(Tag)
ROWS_AT_ONCE = 100
Document = dict[str, Any]
_NAME = ("id", "slug", "name", "version", "created_at", "updated_at")
_AUTHOR = (*_NAME, "role", "bio", "image", "links", "email")
_TAG = (*_NAME, "kind", "description")
_ARTICLE = (
    "id", "slug", "version", "created_at", "updated_at", "released_at", "published_at",
    "embargoed_until", "expires_at", "withdrawn_at", "withdrawn_reason", "first_published_at",
    "external_id", "headline", "subheadline", "summary", "dateline", "byline", "language", "image",
    "source", "canonical_url", "copyright", "usage_terms", "urgency", "corrections", "metadata",
)  # fmt: skip


def exported(database: Database) -> Iterator[bytes]:
    """The lines: authors, tags with parents before children, articles, and what was deleted."""
    with database.reading() as session:
        for document in _documents(session):
            yield to_json(document) + b"\n"


def _documents(session: Session) -> Iterator[Document]:
    yield from _walk(session, sa.select(author), author.c.sequence, _authors)
    for depth in _depths(session):
        yield from _walk(session, sa.select(tag).where(depth), tag.c.sequence, _tags)
    yield from _walk(
        session,
        sa.select(article, article_body).select_from(article_with_body),
        article.c.sequence,
        _articles,
    )
    deleted = sa.select(revision).where(
        revision.c.operation == "remove", revision.c.reason == "deleted"
    )
    yield from _walk(session, deleted, revision.c.sequence, _removed)


def _walk(
    session: Session,
    rows: sa.Select[Any],
    key: sa.Column[int],
    documents: Callable[[Session, list[Any]], Iterator[Document]],
) -> Iterator[Document]:
    """All rows in the order of the sequence, some at a time."""
    some: list[Any] = []
    ordered = rows.order_by(key).limit(ROWS_AT_ONCE)
    while some := list(
        session.connection().execute(ordered.where(key > some[-1].sequence) if some else ordered)
    ):
        yield from documents(session, some)


def _depths(session: Session) -> Iterator[sa.ColumnElement[bool]]:
    """The tags under nothing, those under them, and so on."""
    level = sa.select(tag.c.id).where(tag.c.parent_id.is_(None))
    while session.connection().execute(level.limit(1)).first() is not None:
        yield tag.c.id.in_(level)
        level = sa.select(tag.c.id).where(tag.c.parent_id.in_(level))


def _some(row: Any, names: tuple[str, ...]) -> Document:
    return {name: getattr(row, name) for name in names}


def _authors(session: Session, rows: list[Any]) -> Iterator[Document]:
    former = former_refs_of(session, "author", [row.id for row in rows])
    for row in rows:
        yield {"type": "author", **_some(row, _AUTHOR), "former_refs": former.get(row.id, [])}


def _tags(session: Session, rows: list[Any]) -> Iterator[Document]:
    former = former_refs_of(session, "tag", [row.id for row in rows])
    for row in rows:
        more = {"parent": row.parent_id, "former_refs": former.get(row.id, [])}
        yield {"type": "tag", **_some(row, _TAG), **more}


def _articles(session: Session, rows: list[Any]) -> Iterator[Document]:
    ids = [row.id for row in rows]
    former, refs = former_refs_of(session, "article", ids), current_refs_of(session, ids)
    for row in rows:
        body = row.body_format and {"format": row.body_format, "source": row.body_source}
        named = refs[row.id]
        more = {
            "body": body,
            "authors": [{"ref": author_id, "role": role} for author_id, role in named.authors],
            "tags": list(named.tags),
            "former_refs": former.get(row.id, []),
        }
        yield {"type": "article", **_some(row, _ARTICLE), **more}


def _removed(session: Session, rows: list[Any]) -> Iterator[Document]:
    for row in rows:
        former = former_refs_of(session, row.kind, [row.entity_id])
        yield {
            "type": "removed",
            "kind": row.kind,
            "id": row.entity_id,
            "version": row.version,
            "at": row.at,
            "snapshot": row.snapshot,
            "former_refs": former.get(row.entity_id, []),
        }
