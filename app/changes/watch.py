"""Waiting for news: each process learns soon of every number that any process takes."""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog

from app.changes.actions import CHANNEL
from app.changes.models import SequenceCounter
from app.db.columns import table
from app.db.database import Database

log = structlog.get_logger("byline.watch")
counter = table(SequenceCounter)
POLL_SECONDS = 0.05
"""How often SQLite is asked whether any connection has committed; the question takes 2 µs."""
CHECK_SECONDS = 5.0
"""How often PostgreSQL is asked even if it notified nobody, so that a dead connection shows."""
RETRY_SECONDS = 1.0


class Watch:
    """Tells waiters when the sequence has moved past the number that they know.

    On PostgreSQL it listens for what commits notify; on SQLite it asks for the data version. It
    keeps one connection, made when the first waiter comes, in a thread of its own.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last = 0
        self._waiters: dict[object, Callable[[], object]] = {}
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    async def beyond(self, number: int, timeout_seconds: float) -> bool:
        """Waits until a later number than `number` is taken; False when the time is over first."""
        news, loop = asyncio.Event(), asyncio.get_running_loop()
        self._add(news, partial(loop.call_soon_threadsafe, news.set))
        try:
            async with asyncio.timeout(timeout_seconds):
                while self._last <= number:
                    await news.wait()
                    news.clear()
            return True
        except TimeoutError:
            return False
        finally:
            self._remove(news)

    def wait_beyond(self, number: int, timeout_seconds: float, news: threading.Event) -> None:
        """The same for a thread, which may be woken in vain; others can wake it by setting `news`."""
        self._add(news, news.set)
        try:
            if self._last <= number:
                news.wait(timeout_seconds)
            news.clear()
        finally:
            self._remove(news)

    def stop(self) -> None:
        self._stopping.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    def _remove(self, news: object) -> None:
        with self._lock:
            del self._waiters[news]

    def _add(self, news: object, wake: Callable[[], object]) -> None:
        with self._lock:
            self._waiters[news] = wake
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
                self._thread.start()
        self._wanted.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except Exception as error:
                # Nobody is told of anything meanwhile; the first look afterwards makes up for it.
                log.warning("the watch lost its connection", reason=str(error).partition("\n")[0])
                self._stopping.wait(RETRY_SECONDS)

    def _follow(self) -> None:
        raw = self._database.detached()
        try:
            connection: Any = raw.dbapi_connection
            if self._database.is_sqlite:
                self._follow_sqlite(connection)
            else:
                self._follow_postgresql(connection)
        finally:
            raw.close()

    def _follow_sqlite(self, connection: Any) -> None:
        seen: int | None = None
        while not self._stopping.is_set():
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            if version != seen:
                self._tell(connection.execute(str(sa.select(counter.c.value))).fetchone()[0])
                seen = version
            self._stopping.wait(POLL_SECONDS)
            self._rest()

    def _follow_postgresql(self, connection: Any) -> None:
        connection.autocommit = True
        connection.execute(f"LISTEN {CHANNEL}")
        while not self._stopping.is_set():
            self._tell(connection.execute(str(sa.select(counter.c.value))).fetchone()[0])
            until = time.monotonic() + CHECK_SECONDS
            heard = False
            while not heard and not self._stopping.is_set() and time.monotonic() < until:
                heard = bool(list(connection.notifies(timeout=0.5, stop_after=1)))

    def _rest(self) -> None:
        """While nobody waits, nobody asks. (Listening to PostgreSQL costs nothing, and goes on.)"""
        if not self._waiters and not self._stopping.is_set():
            self._wanted.clear()
            if not self._waiters and not self._stopping.is_set():
                self._wanted.wait()

    def _tell(self, last: int) -> None:
        self._last = last
        with self._lock:
            for wake in self._waiters.values():
                with suppress(RuntimeError):  # a loop that has closed meanwhile waits for nothing
                    wake()
