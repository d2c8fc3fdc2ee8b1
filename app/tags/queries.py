"""Reading tags."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.access.caller import Caller
from app.archive.models import Tag
from app.archive.names import count_of_articles, starts_with, walk_names
from app.archive.refs import absence, is_ref, resolve_refs
from app.archive.tables import article_tag
from app.db.columns import table
from app.tags.models import TagQuery
from app.web.pages import Position

tag = table(Tag)
parent = tag.alias("parent")


def find_tag(session: Session, caller: Caller, ref: str, *, with_count: bool = False) -> Any:
    """One tag's row; raises what an absent one is answered with."""
    query = _selected(session, caller, with_count).where(is_ref("tag", ref))
    found = session.connection().execute(query).first()
    if found is None:
        raise absence(session, "tag", ref)
    return found


def list_tags(
    session: Session, caller: Caller, wanted: TagQuery, position: Position | None
) -> Sequence[Any]:
    """A page of tags' rows and one more."""
    query = _selected(session, caller, wanted.article_count)
    if wanted.q is not None:
        query = query.where(starts_with(tag, wanted.q))
    if wanted.updated_since is not None:
        query = query.where(tag.c.updated_at >= wanted.updated_since)
    if wanted.kind is not None:
        query = query.where(tag.c.kind.in_(wanted.kind.split(",")))
    if wanted.parent is not None:
        found = resolve_refs(session, "tag", [wanted.parent])
        query = query.where(tag.c.parent_id.in_(found.values()))
    query = walk_names(query, tag, wanted.sort, position, wanted.limit)
    return session.connection().execute(query).all()


def tags_after(session: Session, caller: Caller, number: int, limit: int) -> Sequence[Any]:
    """Tags whose last change has a later number, in their order; one more than `limit`."""
    query = _selected(session, caller, with_count=False).where(tag.c.sequence > number)
    return session.connection().execute(query.order_by(tag.c.sequence).limit(limit + 1)).all()


def tag_document(row: Any) -> dict[str, Any]:
    """A tag as `TagPublic`, from a row of these queries."""
    document = {
        "id": row.id,
        "slug": row.slug,
        "name": row.name,
        "kind": row.kind,
        "description": row.description,
        "parent": None,
        "version": row.version,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
    if row.parent_id is not None:
        document["parent"] = {"id": row.parent_id, "slug": row.parent_slug, "name": row.parent_name}
    if hasattr(row, "article_count"):
        document["article_count"] = row.article_count
    return document


def _selected(session: Session, caller: Caller, with_count: bool) -> sa.Select[Any]:
    columns = [parent.c.slug.label("parent_slug"), parent.c.name.label("parent_name")]
    if with_count:
        count = count_of_articles(session, caller.visibility, article_tag, tag.c.id)
        columns.append(count.label("article_count"))
    return sa.select(tag, *columns).select_from(
        tag.outerjoin(parent, parent.c.id == tag.c.parent_id)
    )
