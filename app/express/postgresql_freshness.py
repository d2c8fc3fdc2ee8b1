"""Whether anything may have changed on PostgreSQL, which tells those who listen of its commits."""

import asyncio
import select
import time
from collections.abc import Callable
from datetime import datetime
from threading import get_ident
from typing import Any

import psycopg
import structlog

from app.changes.actions import CHANNEL
from app.db.database import Database
from app.express.freshness import CLOCKS, Epoch, epoch_from

log = structlog.get_logger("byline.express")
HEARTBEAT_SECONDS = 1.0
"""How often PostgreSQL is asked even if it notified nobody, so that a dead connection shows."""
RETRY_SECONDS = 1.0
SETTLED_SECONDS_MAX, LOOK_SECONDS = 0.25, 0.002
"""How long it may take to hear what is new and to ask what that is, and how often to look."""


class PostgresqlFreshness:
    """Listens for what commits notify, and counts those of this process itself.

    While the connection is down nothing is known, and nothing is said to be fresh.
    """

    tells_of_keys = False

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._epoch: Epoch | None = None
        self._news = select.poll()
        self._following: asyncio.Task[None] | None = None
        self._thread_id = 0
        self._is_heard = False

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
        if self._news.poll(0):  # it lies there, and the event loop has not come to it yet
            return None
        return epoch if epoch.holds(now) else None

    async def settled(self) -> None:
        until = time.monotonic() + SETTLED_SECONDS_MAX
        while self._is_heard and time.monotonic() < until:
            await asyncio.sleep(LOOK_SECONDS)
            if self.epoch(self._clock()) is not None:
                return

    async def _follow(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError) as error:
                log.warning("no answers from memory", reason=str(error).partition("\n")[0])
            finally:
                self._is_heard, self._epoch = False, None
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
            self._news = select.poll()
            self._news.register(connection.fileno(), select.POLLIN)
            self._is_heard = True
            while True:
                # A server that has vanished is not told from a slow one, and neither is to be trusted.
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._renew(connection)
                # What was notified meanwhile comes first.
                async for _ in connection.notifies(timeout=HEARTBEAT_SECONDS, stop_after=1):
                    self._epoch = None

    async def _renew(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Begins a new epoch where something was committed since; else it shows that we are heard."""
        # PostgreSQL tells of a commit of our own a moment before that is counted here.
        until = time.monotonic() + SETTLED_SECONDS_MAX
        while self._database.commits_under_way and time.monotonic() < until:
            await asyncio.sleep(LOOK_SECONDS)
        commits, now = self._database.commits, self._clock()
        found = await (await connection.execute(CLOCKS)).fetchone()
        next_tick, latest = found or (None, None)
        epoch = self._epoch
        if epoch is None or epoch.mark != commits or now < epoch.since:
            self._epoch = epoch_from(now, next_tick, latest, commits)
