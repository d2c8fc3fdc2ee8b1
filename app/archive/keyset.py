"""Keyset paging: walking a list in order from a position on, however deep it is."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.db.columns import UtcDateTime
from app.web.pages import Position


def in_order(
    query: sa.Select[Any],
    key: sa.ColumnElement[Any],
    row_id: sa.ColumnElement[Any],
    sort: str,
    position: Position | None,
) -> sa.Select[Any]:
    """The query in the order of `key` and id, falling when `sort` begins with a minus.

    From a position on it goes on after that row, or before it when the position is backwards;
    rows then come nearest first. Both columns are compared as a pair, which is one index range.
    """
    falling = sort.startswith("-") != (position is not None and position.backwards)
    if position is not None:
        value, last_id = position.key
        if isinstance(key.type, UtcDateTime):
            value = datetime.fromisoformat(value)
        here = sa.tuple_(key, row_id)
        there = sa.tuple_(sa.literal(value, key.type), sa.literal(last_id, row_id.type))
        if position.inclusive:
            query = query.where(here <= there if falling else here >= there)
        else:
            query = query.where(here < there if falling else here > there)
    return query.order_by(key.desc(), row_id.desc()) if falling else query.order_by(key, row_id)
