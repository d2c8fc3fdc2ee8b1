"""Reading PostgreSQL by asyncpg, from the event loop."""

import asyncio
import re
import time
from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import repeat
from threading import get_ident
from typing import Any

import asyncpg
import sqlalchemy as sa
import structlog
from pydantic_core import to_json
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from app.db.columns import UtcDateTime
from app.db.database import Database

log = structlog.get_logger("byline.express")
CONNECTIONS_MAX = 4
"""More of them read no more in the same time."""
TOGETHER_MAX, TOGETHER_SECONDS_MAX = 16, 0.01
"""Of one statement: as many as are read in that time, so that none waits long for the others."""
STATEMENTS_MAX = 1_000
RETRY_SECONDS = 1.0
READ_SECONDS_MAX = 2.0
"""How long a read may keep others from their turn; then the long way is gone."""
_TAKEN = {
    "host", "port", "passfile", "sslmode", "sslcert", "sslkey", "sslrootcert", "sslpassword",
    "sslcrl", "target_session_attrs",
}  # fmt: skip
"""What asyncpg takes from an address as psycopg does. It takes anything else for a setting of the server."""


@dataclass(eq=False, slots=True)
class _Asked:
    """A statement that is awaited, and the rows that come of it."""

    sql: str
    parameters: Sequence[Any]
    rows: "asyncio.Future[Sequence[Any] | None]"

    def tell(self, rows: Sequence[Any] | None) -> None:
        if not self.rows.done():
            self.rows.set_result(rows)


@dataclass(slots=True)
class _Statement:
    """The types of a statement's parameters, once known, and how long it took lately for each."""

    types: tuple[str, ...] = ()
    seconds_each: float = TOGETHER_SECONDS_MAX

    @property
    def together_max(self) -> int:
        return max(1, min(TOGETHER_MAX, int(TOGETHER_SECONDS_MAX / self.seconds_each)))


class PostgresqlReader:
    """A few connections, each with its prepared statements.

    Those who wait while all are busy, and ask by the same statement, are read together: to ask and
    to answer takes longer than what is read.
    """

    dialect: sa.Dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
    is_immediate = False

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[Hashable, deque[_Asked]] = {}
        self._statements: dict[str, _Statement] = {}
        self._reading: set[asyncio.Task[None] | None] = set()
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
        loop = asyncio.get_running_loop()
        asked = _Asked(sql, parameters, loop.create_future())
        # A plan depends on how many rows are wanted, so only those who want as many go together;
        # who follows changes has a place of his own besides.
        numbers = tuple(one for one in parameters if isinstance(one, int))
        is_one_of_many = len(numbers) < len(parameters)
        key = (sql, numbers) if is_one_of_many else asked
        self._waiting.setdefault(key, deque()).append(asked)
        if len(self._reading) < CONNECTIONS_MAX:
            self._reading.add(loop.create_task(self._read_what_waits()))
        return await asked.rows

    async def _read_what_waits(self) -> None:
        some: Sequence[_Asked] = ()
        try:
            while self._waiting:
                some = self._next()
                found = await self._read(some)
                for one, rows in zip(some, found or repeat(None), strict=False):
                    one.tell(rows)
        finally:
            # Not in a callback of the task: who asks before that would wait for nobody.
            self._reading.discard(asyncio.current_task())
            # Told already, unless a server that is made to stop has cancelled this.
            for one in some:
                one.tell(None)

    def _next(self) -> list[_Asked]:
        """Those who have waited longest, as many as may be read together."""
        key = next(iter(self._waiting))
        waiting = self._waiting.pop(key)
        statement = self._statement(waiting[0].sql)
        some = [waiting.popleft() for _ in range(min(len(waiting), statement.together_max))]
        if waiting:
            self._waiting[key] = waiting  # behind all others
        return some

    def _statement(self, sql: str) -> _Statement:
        if sql not in self._statements:
            if len(self._statements) >= STATEMENTS_MAX:
                self._statements.clear()
            self._statements[sql] = _Statement()
        return self._statements[sql]

    async def _read(self, some: Sequence[_Asked]) -> "Sequence[Sequence[Any]] | None":
        """The rows of each; None where there are none to be had."""
        if time.monotonic() < self._retry_at:
            return None
        connection = self._free.pop() if self._free else await self._connect()
        if connection is None:
            return None
        statement, began = self._statement(some[0].sql), time.monotonic()
        try:
            found: Sequence[Sequence[Any]]
            if len(some) == 1:
                found = [await connection.fetch(some[0].sql, *some[0].parameters)]
            else:
                found = await _fetch_together(connection, statement, some)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            log.warning("a read by the driver failed", reason=str(error).partition("\n")[0])
            connection.terminate()
            if isinstance(error, TimeoutError):
                # Those who wait for their turn are not to wait as long, one after the other.
                self._retry_at = time.monotonic() + RETRY_SECONDS
            return None
        except BaseException:
            connection.terminate()
            raise
        statement.seconds_each = (time.monotonic() - began) / len(some)
        if self._thread_id:
            self._free.append(connection)
        else:
            connection.terminate()
        return found

    def rows_at_once(self, _sql: str, _parameters: Sequence[Any]) -> Sequence[Any] | None:
        return None

    def renew(self) -> None:
        pass  # each statement is of a moment of its own

    async def start(self) -> None:
        self._thread_id = get_ident()

    async def stop(self) -> None:
        self._thread_id = 0
        for connection in self._free:
            connection.terminate()
        self._free.clear()

    async def _connect(self) -> "asyncpg.Connection[Any] | None":
        url = self._database.engine.url
        known = {name: value for name, value in url.query.items() if name in _TAKEN}
        address = url.set(drivername="postgresql", query=known)
        try:
            return await asyncpg.connect(
                address.render_as_string(hide_password=False),
                timeout=self._database.wait_seconds,
                command_timeout=min(READ_SECONDS_MAX, self._database.wait_seconds),
                server_settings={
                    "application_name": "byline",
                    "timezone": "UTC",
                    "default_transaction_read_only": "on",
                    # What is guessed to be costly reads a page all the same.
                    "jit": "off",
                    "max_parallel_workers_per_gather": "0",
                },
            )
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
            log.warning("no reads by the driver", reason=str(error).partition("\n")[0])
            self._retry_at = time.monotonic() + RETRY_SECONDS
            return None


async def _fetch_together(
    connection: "asyncpg.Connection[Any]", statement: _Statement, some: Sequence[_Asked]
) -> Sequence[Sequence[Any]]:
    """The rows of each, by one statement, in its one snapshot."""
    sql = some[0].sql
    statement.types = statement.types or await types_of(connection, sql)
    together, values = read_together(sql, statement.types, [one.parameters for one in some])
    found: list[list[Any]] = [[] for _ in some]
    for row in await connection.fetch(together, *values):
        found[row[0] - 1].append(row[1:])
    return found


async def types_of(connection: "asyncpg.Connection[Any]", sql: str) -> tuple[str, ...]:
    """The types of a statement's parameters."""
    parameters = (await connection.prepare(sql)).get_parameters()
    return tuple(f"{one.schema}.{one.name}" for one in parameters)


def read_together(
    sql: str, types: tuple[str, ...], asked: Sequence[Sequence[Any]]
) -> tuple[str, list[Any]]:
    """One statement for several of the same, and its parameters: lists, but for numbers, which are
    the same for all. Before the columns stands whose row it is, counted from one."""
    values: list[Any] = [one if isinstance(one, int) else [] for one in asked[0]]
    lists = tuple(place for place, one in enumerate(values) if isinstance(one, list))
    for place in lists:
        values[place] = [one[place] for one in asked]
    return _together(sql, types, lists), values


@lru_cache(STATEMENTS_MAX)
def _together(sql: str, types: tuple[str, ...], lists: tuple[int, ...]) -> str:
    """Each is a run of its own in a nested loop, whose rows keep their order."""
    numbers = {str(place + 1) for place in lists}
    inner = re.sub(
        r"\$(\d+)", lambda found: f"asked.p{found[1]}" if found[1] in numbers else found[0], sql
    )
    unnested = ", ".join(f"${place + 1}::{types[place]}[]" for place in lists)
    names = "".join(f"p{place + 1}, " for place in lists)
    asked = f"unnest({unnested}) WITH ORDINALITY AS asked({names}place)"
    return f"SELECT asked.place, found.* FROM {asked} CROSS JOIN LATERAL ({inner}) AS found"  # noqa: S608 (of a plan's text)
