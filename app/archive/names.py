"""Lists of named things, authors and tags: sorted by name, found by prefix, counted by article."""

from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.access.visibility import Visibility
from app.archive.keyset import in_order
from app.archive.models import sort_key
from app.archive.selection import Selection
from app.archive.tables import article
from app.web.pages import Position

LAST_CHARACTER = "\U0010ffff"


def count_of_articles(
    session: Session, visibility: Visibility, links: sa.Table, target: sa.ColumnElement[str]
) -> sa.ColumnElement[int]:
    """A column: how many articles that the caller may see are linked to the row's `target` id."""
    link = links.alias()
    column = link.c.author_id if "author_id" in link.c else link.c.tag_id
    return (
        sa.select(sa.func.count())
        .select_from(link.join(article, article.c.id == link.c.article_id))
        .where(column == target, *Selection(session, visibility).conditions())
        .correlate(target.table)
        .scalar_subquery()
    )


def starts_with(rows: sa.Table, prefix: str) -> sa.ColumnElement[bool]:
    """Names that begin so, as a range of the name index."""
    key = sort_key(prefix)
    return sa.and_(rows.c.name_key >= key, rows.c.name_key < key + LAST_CHARACTER)


def walk_names(
    query: sa.Select[Any], rows: sa.Table, sort: str, position: Position | None, limit: int
) -> sa.Select[Any]:
    """One page in the order of `sort`, from the position on, and one row more."""
    key = rows.c.name_key if sort.endswith("name") else rows.c.updated_at
    return in_order(query, key, rows.c.id, sort, position).limit(limit + 1)


def order_key(row: Any, sort: str) -> tuple[Any, ...]:
    return (row.name_key if sort.endswith("name") else row.updated_at, row.id)
