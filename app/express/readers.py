"""Reading by the driver itself, on the event loop: a statement of a `Plan`, and its rows as they lie there.

SQLite answers within the thread of the loop: 10 µs for an article are less than the way to another
thread and back. What takes long there is broken off, and read the long way, which has threads.
PostgreSQL is asked by asyncpg.
"""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from threading import get_ident
from typing import Any, Protocol

import asyncpg
import sqlalchemy as sa
import structlog
from pydantic_core import to_json
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from app.db.columns import UtcDateTime
from app.db.database import Database

log = structlog.get_logger("byline.express")
READ_SECONDS_MAX = 0.005
"""How long SQLite may keep the event loop from everything else."""
STEPS_BETWEEN_LOOKS = 5_000
"""Of SQLite's machine, between two looks at the clock: some tenths of a millisecond."""
CONNECTIONS_MAX = 4
RETRY_SECONDS = 1.0


class Reader(Protocol):
    dialect: sa.Dialect

    def as_bytes(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """A column of text or of dates so that its values come as `value_of` and joining take them."""
        ...

    def instant(self, at: datetime) -> Any:
        """A parameter that is a date."""
        ...

    def json_instant(self, value: Any) -> bytes:
        """A date that was read, as it stands between quotes in JSON."""
        ...

    async def rows(self, sql: str, parameters: Sequence[Any]) -> Sequence[Any] | None:
        """The rows; None where they cannot be had now, or not soon enough."""
        ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class SqliteReader:
    """A connection of its own, whose text stays bytes."""

    dialect: sa.Dialect = sqlite.dialect(paramstyle="qmark")

    def __init__(self, database: Database) -> None:
        self._database = database
        self._raw: Any = None
        self._connection: Any = None
        self._thread_id = 0
        self._until = 0.0

    def as_bytes(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return column

    def instant(self, at: datetime) -> str:
        return f"{at.replace(tzinfo=None).isoformat(timespec='microseconds'):0>26}Z"

    def json_instant(self, value: bytes) -> bytes:
        return value[:-8] + b"Z" if value.endswith(b".000000Z") else value

    async def rows(self, sql: str, parameters: Sequence[Any]) -> Sequence[Any] | None:
        if get_ident() != self._thread_id:
            return None
        self._until = time.perf_counter() + READ_SECONDS_MAX
        try:
            found: list[Any] = self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error:
            return None
        return found

    async def start(self) -> None:
        self._raw = self._database.detached()
        self._connection = self._raw.dbapi_connection
        self._connection.execute("PRAGMA busy_timeout = 0")  # the event loop never waits for a lock
        self._connection.execute("PRAGMA query_only = ON")
        self._connection.text_factory = bytes
        self._connection.set_progress_handler(self._is_over, STEPS_BETWEEN_LOOKS)
        self._thread_id = get_ident()

    async def stop(self) -> None:
        self._thread_id = 0
        self._raw.close()

    def _is_over(self) -> bool:
        return time.perf_counter() > self._until


class PostgresqlReader:
    """A few connections, each with its prepared statements; where all are busy, one waits its turn."""

    dialect: sa.Dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns = asyncio.Semaphore(CONNECTIONS_MAX)
        self._free: list[asyncpg.Connection[Any]] = []
        self._retry_at = 0.0
        self._thread_id = 0

    def as_bytes(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        if isinstance(column.type, UtcDateTime):
            return column
        return sa.func.convert_to(sa.cast(column, sa.Text), sa.literal_column("'UTF8'"))

    def instant(self, at: datetime) -> datetime:
        return at

    def json_instant(self, value: datetime) -> bytes:
        return to_json(value.astimezone(UTC))[1:-1]

    async def rows(self, sql: str, parameters: Sequence[Any]) -> Sequence[Any] | None:
        if get_ident() != self._thread_id:
            return None
        async with self._turns:
            connection = self._free.pop() if self._free else await self._connect()
            if connection is None:
                return None
            try:
                rows: Sequence[Any] = await connection.fetch(sql, *parameters)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                log.warning("a read by the driver failed", reason=str(error).partition("\n")[0])
                connection.terminate()
                return None
            except BaseException:  # a client that leaves in the middle cancels it
                connection.terminate()
                raise
            self._free.append(connection)
            return rows

    async def start(self) -> None:
        self._thread_id = get_ident()

    async def stop(self) -> None:
        self._thread_id = 0
        for connection in self._free:
            connection.terminate()
        self._free.clear()

    async def _connect(self) -> "asyncpg.Connection[Any] | None":
        if time.monotonic() < self._retry_at:
            return None
        address = self._database.engine.url.set(drivername="postgresql")
        try:
            return await asyncpg.connect(
                address.render_as_string(hide_password=False),
                timeout=self._database.wait_seconds,
                command_timeout=self._database.wait_seconds,
                server_settings={
                    "application_name": "byline",
                    "timezone": "UTC",
                    "default_transaction_read_only": "on",
                },
            )
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
            log.warning("no reads by the driver", reason=str(error).partition("\n")[0])
            self._retry_at = time.monotonic() + RETRY_SECONDS
            return None


def reader_of(database: Database) -> Reader:
    return SqliteReader(database) if database.is_sqlite else PostgresqlReader(database)
