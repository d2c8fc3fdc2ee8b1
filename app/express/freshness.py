"""Whether anything may have changed: how long an answer that was made can be given again.

An epoch begins with a commit and ends with the next, or when the clock changes what is to be seen.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import get_ident
from typing import Any, Protocol

import psycopg
import sqlalchemy as sa
import structlog

from app.archive.filter import article
from app.changes.actions import CHANNEL
from app.db.columns import FAR_FUTURE
from app.db.database import Database

log = structlog.get_logger("byline.express")
HEARTBEAT_SECONDS = 1.0
"""How often PostgreSQL is asked even if it notified nobody, so that a dead connection shows."""
RETRY_SECONDS = 1.0
_next_tick_at = article.c.next_tick_at
_NEXT_TICK = str(sa.select(sa.func.min(_next_tick_at)).where(_next_tick_at.is_not(None)))


@dataclass(frozen=True, eq=False, slots=True)
class Epoch:
    """From `since` on and before `until`, with no commit between: one and the same answers."""

    since: datetime
    until: datetime
    mark: int

    def holds(self, now: datetime) -> bool:
        return self.since <= now < self.until


class Freshness(Protocol):
    """Says which epoch it is, to the thread of the event loop that started it; no other knows one."""

    tells_of_keys: bool
    """Whether an epoch ends also when a key is made, changed or revoked."""

    def epoch(self, now: datetime) -> Epoch | None:
        """The epoch that it is now; None while that cannot be known."""
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
                (at,) = self._cursor.execute(_NEXT_TICK).fetchone()
                until = datetime.fromisoformat(at) if at else FAR_FUTURE
                epoch = self._epoch = Epoch(now, until, version)
        except sqlite3.Error:
            return None
        return epoch if epoch.holds(now) else None


class PostgresqlFreshness:
    """Listens for what commits notify, and counts those of this process itself.

    While the connection is down nothing is known, and nothing is said to be fresh.
    """

    tells_of_keys = False

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._epoch: Epoch | None = None
        self._following: asyncio.Task[None] | None = None
        self._thread_id = 0

    async def start(self) -> None:
        self._thread_id = get_ident()
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait({self._following})
            self._epoch = None

    def epoch(self, now: datetime) -> Epoch | None:
        epoch = self._epoch
        if epoch is None or epoch.mark != self._database.commits or get_ident() != self._thread_id:
            return None
        return epoch if epoch.holds(now) else None

    async def _follow(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError) as error:
                log.warning("no answers from memory", reason=str(error).partition("\n")[0])
            finally:
                self._epoch = None
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self) -> None:
        address = self._database.engine.url.set(drivername="postgresql")
        async with await psycopg.AsyncConnection.connect(
            address.render_as_string(hide_password=False),
            autocommit=True,
            application_name="byline",
            options="-c timezone=UTC",
        ) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            while True:
                await self._renew(connection)
                # What was notified meanwhile comes first.
                async for _ in connection.notifies(timeout=HEARTBEAT_SECONDS, stop_after=1):
                    self._epoch = None

    async def _renew(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Begins a new epoch where something was committed since; else it shows that we are heard."""
        commits, now = self._database.commits, self._clock()
        found = await (await connection.execute(_NEXT_TICK)).fetchone()
        epoch = self._epoch
        if epoch is None or epoch.mark != commits or now < epoch.since:
            self._epoch = Epoch(now, (found and found[0]) or FAR_FUTURE, commits)


def freshness_of(database: Database, clock: Callable[[], datetime]) -> Freshness:
    return SqliteFreshness(database) if database.is_sqlite else PostgresqlFreshness(database, clock)
