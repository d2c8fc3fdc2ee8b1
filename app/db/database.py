"""The database: one engine, sessions that read and sessions that write, on SQLite and PostgreSQL."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlmodel import Session

WRITERS_TURN = 0x62796C69  # the advisory lock that PostgreSQL writers queue for

SQLITE_CACHE_KB = 2000
"""Of one connection. Four times as much reads and writes no faster."""
ALONE_SECONDS_MAX = 10.0
"""How long a connection tries to set the journal mode of a file that others open as well."""


class DatabaseBusy(Exception):
    """No connection or no writer's turn came free in time; the same call may succeed later."""


class Database:
    """Opens sessions. Nothing connects before the first one is used.

    Writers go one after the other: on SQLite because it has one writer, on PostgreSQL because the
    change sequence is ordered by commit anyway. What a writer reads stays true until it commits,
    so that checking a version, finding a free slug or taking a number needs no retry.
    """

    def __init__(self, url: str, *, pool_size: int = 20, wait_seconds: float = 10) -> None:
        self.url = _with_driver(url)
        self.wait_seconds = wait_seconds
        self.engine = _engine(self.url, pool_size, wait_seconds)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._read_engine = self.engine.execution_options(**_read_options(self.is_sqlite))
        self._write_engine = self.engine.execution_options(byline_writes=True)
        self._sqlite_turn = threading.Lock()
        self._counting = threading.Lock()
        self.commits, self.commits_under_way = 0, 0
        """Of this process: another number after each, and how many have begun and not been counted."""

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session whose statements all see one and the same moment. It cannot write."""
        with _busy_said_plainly(), Session(self._read_engine, autoflush=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session with the writer's turn; commits at the end, or undoes everything on an error."""
        with (
            _busy_said_plainly(),
            self._turn(),
            Session(self._write_engine, expire_on_commit=False) as session,
        ):
            if not self.is_sqlite:
                session.connection().execute(sa.select(sa.func.pg_advisory_xact_lock(WRITERS_TURN)))
            yield session
            with self._committing():
                session.commit()

    @contextmanager
    def _committing(self) -> Iterator[None]:
        with self._counting:
            self.commits_under_way += 1
        try:
            yield
        finally:
            with self._counting:
                self.commits += 1
                self.commits_under_way -= 1

    @contextmanager
    def _turn(self) -> Iterator[None]:
        # Threads of one process queue here, in order; SQLite's own waiting is polling with pauses.
        if not self.is_sqlite:
            yield
            return
        if not self._sqlite_turn.acquire(timeout=self.wait_seconds):
            raise DatabaseBusy("another write took too long")
        try:
            yield
        finally:
            self._sqlite_turn.release()

    def detached(self) -> Any:
        """A connection of the driver's that is kept for good, and so is none of the pool's."""
        raw = self.engine.raw_connection()
        raw.detach()
        return raw

    def close(self) -> None:
        self.engine.dispose()


def _with_driver(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else url


def _engine(url: str, pool_size: int, wait_seconds: float) -> sa.Engine:
    engine = sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=wait_seconds,
        pool_use_lifo=True,  # few connections have warm caches, rather than all of them cool ones
        json_serializer=json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode,
        **_engine_options(url, wait_seconds),
    )
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        sa.event.listen(engine, "checkin", _undo_sqlite)
    return engine


def _engine_options(url: str, wait_seconds: float) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {
            "poolclass": sa.QueuePool,
            "connect_args": {"timeout": wait_seconds, "check_same_thread": False},
        }
    return {
        "pool_pre_ping": True,
        "connect_args": {
            # Zero would mean to wait for ever.
            "options": f"-c lock_timeout={max(1, int(wait_seconds * 1000))} -c timezone=UTC",
            "connect_timeout": max(2, ceil(wait_seconds)),
            "application_name": "byline",
        },
    }


def _read_options(is_sqlite: bool) -> dict[str, Any]:
    if is_sqlite:
        return {}
    return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = (
        None  # this module says BEGIN itself, so that a writer can say IMMEDIATE
    )
    _log_writes_ahead(connection)
    for pragma in (
        "synchronous=FULL",  # an acknowledged write survives a power cut
        "foreign_keys=ON",
        # Each connection has a cache of its own; what is not in it is a system call away, in the
        # system's. Mapping the file instead is no faster, and the system counts what is mapped as
        # resident memory again for each connection.
        f"cache_size=-{SQLITE_CACHE_KB}",
        "mmap_size=0",
        # Pages of the log, here 16 MB, before a commit has to move them into the file as well.
        "wal_autocheckpoint=4000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _log_writes_ahead(connection: Any) -> None:
    """Sets the journal mode of a new file. Whoever does that has to have the file alone, for which
    SQLite does not wait as it does for a lock: of several processes all but one would fail."""
    until = time.monotonic() + ALONE_SECONDS_MAX
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("byline_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _undo_sqlite(connection: Any, _record: Any) -> None:
    # A COMMIT that fails leaves SQLite in its transaction, and SQLAlchemy takes it to be over.
    if connection is not None:
        connection.rollback()


@contextmanager
def _busy_said_plainly() -> Iterator[None]:
    try:
        yield
    except PoolTimeoutError as error:
        raise DatabaseBusy("every database connection is in use") from error
    except OperationalError as error:
        if _is_wait_over(error):
            raise DatabaseBusy("another write took too long") from error
        if _is_unreachable(error):
            raise DatabaseBusy(str(error.orig).strip().splitlines()[0]) from error
        raise


def _is_unreachable(error: OperationalError) -> bool:
    """Whether PostgreSQL was not there, or went away: it then gives no code, or one of class 08 or 57P."""
    code = getattr(error.orig, "sqlstate", "")  # SQLite's errors have none
    return code is None or code.startswith(("08", "57P"))


def _is_wait_over(error: OperationalError) -> bool:
    sqlite_code = getattr(error.orig, "sqlite_errorname", "")
    postgres_code = getattr(error.orig, "sqlstate", "")
    return sqlite_code.startswith("SQLITE_BUSY") or postgres_code == "55P03"
