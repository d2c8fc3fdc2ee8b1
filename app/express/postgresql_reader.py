"""Reading PostgreSQL by asyncpg, from the event loop."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
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
RETRY_SECONDS = 1.0
READ_SECONDS_MAX = 2.0
"""How long a read may keep others from their turn; then the long way is gone."""
_TAKEN = {
    "host", "port", "passfile", "sslmode", "sslcert", "sslkey", "sslrootcert", "sslpassword",
    "sslcrl", "target_session_attrs",
}  # fmt: skip
"""What asyncpg takes from an address as psycopg does. It takes anything else for a setting of the server."""


class PostgresqlReader:
    """A few connections, each with its prepared statements; where all are busy, one waits its turn."""

    dialect: sa.Dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
    is_immediate = False

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
            if time.monotonic() < self._retry_at:
                return None
            connection = self._free.pop() if self._free else await self._connect()
            if connection is None:
                return None
            try:
                rows: Sequence[Any] = await connection.fetch(sql, *parameters)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                log.warning("a read by the driver failed", reason=str(error).partition("\n")[0])
                connection.terminate()
                if isinstance(error, TimeoutError):
                    # Those who wait for their turn are not to wait as long, one after the other.
                    self._retry_at = time.monotonic() + RETRY_SECONDS
                return None
            except BaseException:  # a server that is made to stop cancels it
                connection.terminate()
                raise
            if self._thread_id:
                self._free.append(connection)
            else:
                connection.terminate()
            return rows

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
                },
            )
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
            log.warning("no reads by the driver", reason=str(error).partition("\n")[0])
            self._retry_at = time.monotonic() + RETRY_SECONDS
            return None
