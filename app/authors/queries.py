"""Reading authors."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.access.caller import Caller
from app.archive.models import Author
from app.archive.names import count_of_articles, starts_with, walk_names
from app.archive.refs import absence, is_ref
from app.archive.tables import article_author
from app.authors.models import AuthorQuery
from app.db.columns import table
from app.web.pages import Position

author = table(Author)


def find_author(session: Session, caller: Caller, ref: str, *, with_count: bool = False) -> Any:
    """One author's row; raises what an absent one is answered with."""
    query = _selected(session, caller, with_count).where(is_ref("author", ref))
    found = session.connection().execute(query).first()
    if found is None:
        raise absence(session, "author", ref)
    return found


def list_authors(
    session: Session, caller: Caller, wanted: AuthorQuery, position: Position | None
) -> Sequence[Any]:
    """A page of authors' rows and one more."""
    query = _selected(session, caller, wanted.article_count)
    if wanted.q is not None:
        query = query.where(starts_with(author, wanted.q))
    if wanted.updated_since is not None:
        query = query.where(author.c.updated_at >= wanted.updated_since)
    query = walk_names(query, author, wanted.sort, position, wanted.limit)
    return session.connection().execute(query).all()


def authors_after(session: Session, caller: Caller, number: int, limit: int) -> Sequence[Any]:
    """Authors whose last change has a later number, in their order; one more than `limit`."""
    query = _selected(session, caller, with_count=False).where(author.c.sequence > number)
    return session.connection().execute(query.order_by(author.c.sequence).limit(limit + 1)).all()


def author_document(row: Any, caller: Caller) -> dict[str, Any]:
    """An author as `AuthorPublic`; `row` is a table row or an `Author`."""
    document = {
        "id": row.id,
        "slug": row.slug,
        "name": row.name,
        "role": row.role,
        "bio": row.bio,
        "image": row.image,
        "links": row.links,
    }
    if caller.may("write"):
        document["email"] = row.email
    document |= {
        "version": row.version,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
    if hasattr(row, "article_count"):
        document["article_count"] = row.article_count
    return document


def _selected(session: Session, caller: Caller, with_count: bool) -> sa.Select[Any]:
    if not with_count:
        return sa.select(author)
    count = count_of_articles(session, caller.visibility, article_author, author.c.id)
    return sa.select(author, count.label("article_count"))
