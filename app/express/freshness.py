"""Whether anything may have changed: how long an answer that was made can be given again.

An epoch begins with a commit and ends with the next, or when the clock changes what is to be seen.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import get_ident
from typing import Any, Protocol

import sqlalchemy as sa

from app.archive.tables import article
from app.changes.models import SequenceCounter
from app.db.columns import FAR_FUTURE, table
from app.db.database import Database

_next_tick_at = article.c.next_tick_at
_next_tick = sa.select(sa.func.min(_next_tick_at)).where(_next_tick_at.is_not(None))
CLOCKS = str(sa.select(_next_tick.scalar_subquery(), table(SequenceCounter).c.at))
"""When the clock next changes what is to be seen, and the latest moment that a number was taken at."""


@dataclass(frozen=True, eq=False, slots=True)
class Epoch:
    """From `since` on and before `until`, with no commit between: one and the same answers."""

    since: datetime
    until: datetime
    mark: int

    def holds(self, now: datetime) -> bool:
        return self.since <= now < self.until


def epoch_from(
    now: datetime, next_tick: datetime | None, latest: datetime | None, mark: int
) -> Epoch | None:
    """The epoch that begins now, by what `CLOCKS` says.

    None before `latest`: another machine whose clock is ahead may have taken a number for what is
    still to come by this one's, and then that is no longer among what is to come.
    """
    if latest is not None and latest > now:
        return None
    return Epoch(now, next_tick or FAR_FUTURE, mark)


class Freshness(Protocol):
    """Says which epoch it is, to the thread of the event loop that started it; no other knows one."""

    tells_of_keys: bool
    """Whether an epoch ends also when a key is made, changed or revoked."""

    def epoch(self, now: datetime) -> Epoch | None:
        """The epoch that it is now; None while that cannot be known."""
        ...

    async def settled(self) -> None:
        """Waits for a moment, where an epoch will be known after that."""
        ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class SqliteFreshness:
    """Asks the file: `PRAGMA data_version` counts the commits of all others."""

    tells_of_keys = True

    def __init__(self, database: Database) -> None:
        self._database = database
        self._raw: Any = None
        self._cursor: Any = None
        self._thread_id = 0
        self._epoch: Epoch | None = None

    async def start(self) -> None:
        self._raw = self._database.detached()
        self._cursor = self._raw.dbapi_connection.cursor()
        self._cursor.execute("PRAGMA busy_timeout = 0")  # the event loop never waits for a lock
        self._thread_id = get_ident()

    async def stop(self) -> None:
        self._thread_id = 0
        self._raw.close()

    def epoch(self, now: datetime) -> Epoch | None:
        if get_ident() != self._thread_id:
            return None
        try:
            (version,) = self._cursor.execute("PRAGMA data_version").fetchone()
            epoch = self._epoch
            if epoch is None or epoch.mark != version or now < epoch.since:
                clocks = self._cursor.execute(CLOCKS).fetchone()
                next_tick, latest = (at and datetime.fromisoformat(at) for at in clocks)
                epoch = self._epoch = epoch_from(now, next_tick, latest, version)
        except sqlite3.Error:
            return None
        return epoch if epoch is not None and epoch.holds(now) else None

    async def settled(self) -> None:
        pass  # it answers at once


def freshness_of(database: Database, clock: Callable[[], datetime]) -> Freshness:
    if database.is_sqlite:
        return SqliteFreshness(database)
    # A server on SQLite starts without psycopg.
    from app.express.postgresql_freshness import PostgresqlFreshness

    return PostgresqlFreshness(database, clock)
