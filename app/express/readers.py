"""Reading by the driver itself, on the event loop: a statement of a `Plan`, and its rows as they lie there.

SQLite answers within the thread of the loop: 10 µs for an article are less than the way to another
thread and back. What takes long there is broken off, and read the long way, which has threads.
PostgreSQL is asked by asyncpg, which takes 84 µs where psycopg takes 141 on the same core, and half of
that where several are read together.
"""

import asyncio
import math
import sqlite3
import time
from collections.abc import Sequence
from datetime import datetime
from threading import get_ident
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from app.db.columns import sqlite_text
from app.db.database import Database

READ_SECONDS_MAX = 0.005
"""How long SQLite may keep the event loop from everything else."""
STEPS_BETWEEN_LOOKS = 5_000
"""Of SQLite's machine, between two looks at the clock: some tenths of a millisecond."""


class Reader(Protocol):
    dialect: sa.Dialect
    is_immediate: bool
    """Whether it reads within the call, so that `rows_at_once` may give some."""

    def as_bytes(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """A column whose text is to come as bytes; one of dates comes as `json_instant` takes it."""
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

    def rows_at_once(self, sql: str, parameters: Sequence[Any]) -> Sequence[Any] | None:
        """The same without waiting for anything."""
        ...

    def renew(self) -> None:
        """From here on it reads what is there from here on, in this turn of the event loop too."""
        ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class SqliteReader:
    """A connection of its own, whose text stays bytes.

    All that is read in one turn of the event loop is of one moment, in one transaction: to begin
    one for each costs a fifth of reading an article.
    """

    dialect: sa.Dialect = sqlite.dialect(paramstyle="qmark")
    is_immediate = True

    def __init__(self, database: Database) -> None:
        self._database = database
        self._raw: Any = None
        self._connection: Any = None
        self._thread_id = 0
        self._until = 0.0

    def as_bytes(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return column

    def instant(self, at: datetime) -> str:
        return sqlite_text(at)

    def json_instant(self, value: bytes) -> bytes:
        return value[:-8] + b"Z" if value.endswith(b".000000Z") else value

    async def rows(self, sql: str, parameters: Sequence[Any]) -> Sequence[Any] | None:
        return self.rows_at_once(sql, parameters)

    def rows_at_once(self, sql: str, parameters: Sequence[Any]) -> Sequence[Any] | None:
        if get_ident() != self._thread_id:
            return None
        self._until = time.perf_counter() + READ_SECONDS_MAX
        try:
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN")
                asyncio.get_running_loop().call_soon(self.renew)
            found: list[Any] = self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error:
            return None
        return found

    def renew(self) -> None:
        if self._thread_id and self._connection.in_transaction:
            self._until = math.inf  # this is not to be broken off as what it ends was
            self._connection.execute("COMMIT")

    async def start(self) -> None:
        self._raw = self._database.detached()
        self._connection = self._raw.dbapi_connection
        self._connection.execute("PRAGMA busy_timeout = 0")  # the event loop never waits for a lock
        self._connection.execute("PRAGMA query_only = ON")
        self._connection.text_factory = bytes
        self._connection.set_progress_handler(self._is_over, STEPS_BETWEEN_LOOKS)
        self._thread_id = get_ident()

    async def stop(self) -> None:
        self.renew()
        self._thread_id = 0
        self._raw.close()

    def _is_over(self) -> bool:
        return time.perf_counter() > self._until


def reader_of(database: Database) -> Reader:
    if database.is_sqlite:
        return SqliteReader(database)
    # A server on SQLite starts without asyncpg.
    from app.express.postgresql_reader import PostgresqlReader

    return PostgresqlReader(database)
