"""Keyset paging: walking a list in order from a position on, however deep it is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.db.columns import UtcDateTime
from app.web.pages import Position


@dataclass(frozen=True)
class Band:
    """The keys that a list keeps to: from `since` on, and before `until`.

    `live`: whether of what is live or of what is not; of both when None.
    """

    since: Any = None
    until: Any = None
    live: bool | None = None

    def holds(self, key: sa.ColumnElement[Any]) -> list[sa.ColumnElement[bool]]:
        """The conditions that a key is in the band."""
        held = []
        if self.since is not None:
            held.append(key >= self.since)
        if self.until is not None:
            held.append(key < self.until)
        return held

    def within(self, rows: sa.FromClause, key: str) -> list[sa.ColumnElement[bool]]:
        """The conditions that rows of articles or of links are in the band, in the order of `key`."""
        held = self.holds(rows.c[key])
        if self.live is None:
            return held
        return [rows.c.live if self.live else sa.not_(rows.c.live), *held]


EVERYWHERE = Band()


def in_order(
    query: sa.Select[Any],
    key: sa.ColumnElement[Any],
    row_id: sa.ColumnElement[Any],
    sort: str,
    position: Position | None,
    band: Band = EVERYWHERE,
) -> sa.Select[Any]:
    """The query in the order of `key` and id, falling when `sort` begins with a minus.

    From a position on it goes on after that row, or before it when the position is backwards;
    rows then come nearest first. Both columns are compared as a pair, which is one index range.
    The range has one beginning, the later of the band's and the position's: given both, SQLite
    walks from the one to the other.
    """
    falling = sort.startswith("-") != (position is not None and position.backwards)
    query = query.order_by(key.desc(), row_id.desc()) if falling else query.order_by(key, row_id)
    if position is None:
        return query.where(*band.holds(key))
    value, last_id = position.key
    if isinstance(key.type, UtcDateTime):
        value = datetime.fromisoformat(value)
    if falling and band.until is not None and value >= band.until:
        return query.where(*band.holds(key))
    if not falling and band.since is not None and value < band.since:
        return query.where(*band.holds(key))
    here = sa.tuple_(key, row_id)
    there = sa.tuple_(sa.literal(value, key.type), sa.literal(last_id, row_id.type))
    if position.inclusive:
        query = query.where(here <= there if falling else here >= there)
    else:
        query = query.where(here < there if falling else here > there)
    ahead = Band(since=band.since) if falling else Band(until=band.until)
    return query.where(*ahead.holds(key))
