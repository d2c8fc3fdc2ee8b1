"""Databases for tests: each has one to itself with the schema that the migrations make, made cheaply."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql

from app.db import database as database_module
from app.db.database import Database
from app.db.migrate import migrate

TIMES_USED_MAX = 200
"""Rows that were deleted still take room; a new database has none."""
_OBJECTS = """
SELECT (SELECT count(*) FROM pg_class WHERE oid >= 16384),
       (SELECT count(*) FROM pg_attribute WHERE attrelid >= 16384),
       (SELECT count(*) FROM pg_constraint WHERE oid >= 16384),
       (SELECT count(*) FROM pg_trigger WHERE oid >= 16384),
       (SELECT count(*) FROM pg_proc WHERE oid >= 16384)
"""
_OTHERS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


def migrate_template(url: str) -> None:
    """Makes the schema in an empty database, of which `copied` gives copies."""
    database = Database(url)
    migrate(database)
    database.close()


@contextmanager
def copied(template: str, folder: Path) -> Iterator[str]:
    """A copy of a migrated database that nobody is connected to."""
    if template.startswith("sqlite"):
        copy = folder / "byline.db"
        shutil.copy(template.removeprefix("sqlite:///"), copy)
        yield f"sqlite:///{copy}"
        return
    url = new_postgres_database(template, template=True)
    yield url
    # Before it is written to the disk for nothing: there are hundreds.
    drop_postgres_database(url)


class Emptied:
    """One PostgreSQL database for test after test, empty each time.

    To copy the template takes the server 30 ms, and the first to connect as long again; to delete
    what a test wrote takes 3 ms.
    """

    def __init__(self, template: str) -> None:
        self._template = template
        self._url: str | None = None
        self._used = 0
        self._objects: tuple[int, ...] = ()
        self._rows: dict[str, list[tuple[Any, ...]]] = {}

    def take(self) -> str:
        """Its address, once nobody is connected to it and it is as the migrations left it."""
        if self._url is not None and not self._empty(self._url):
            self.close()
        if self._url is None:
            self._url = new_postgres_database(self._template, template=True)
            self._used = 0
            with closing(psycopg.connect(self._url)) as connection:
                self._objects = _objects_of(connection)
                self._rows = _rows_of(connection)
        self._used += 1
        return self._url

    def close(self) -> None:
        if self._url is not None:
            drop_postgres_database(self._url)
            self._url = None

    def _empty(self, url: str) -> bool:
        """Whether that could be done. A test that changed the schema leaves nothing to go on with."""
        if self._used >= TIMES_USED_MAX:
            return False
        with closing(psycopg.connect(url)) as connection:
            connection.execute(_OTHERS)
            if _objects_of(connection) != self._objects:
                return False
            # Without foreign keys, in whatever order.
            connection.execute("SET LOCAL session_replication_role = replica")
            for table, rows in self._rows.items():
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
                for row in rows:
                    values = sql.SQL(", ").join(map(sql.Literal, row))
                    insert = sql.SQL("INSERT INTO {} VALUES ({})")
                    connection.execute(insert.format(sql.Identifier(table), values))
            connection.commit()
        return True


def _objects_of(connection: psycopg.Connection) -> tuple[int, ...]:
    """How many of each kind there are in the schema, so that a change of it shows."""
    found = connection.execute(_OBJECTS).fetchone()
    assert found
    return tuple(found)


def _rows_of(connection: psycopg.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """What the migrations left in each table."""
    query = "SELECT relname FROM pg_class WHERE oid >= 16384 AND relkind = 'r' ORDER BY oid"
    return {
        table: connection.execute(
            sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
        ).fetchall()
        for (table,) in connection.execute(query).fetchall()
    }


def new_postgres_database(url: str, *, template: bool = False) -> str:
    """A new database beside the one at `url`, empty or a copy of it."""
    name = f"test_{uuid.uuid4().hex}"
    server, existing, options = _parts_of(url)
    create = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template:
        create += sql.SQL(" TEMPLATE {}").format(sql.Identifier(existing))
    _administer(url, create)
    return f"{server}/{name}?{options}"


def drop_postgres_database(url: str) -> None:
    name = sql.Identifier(_parts_of(url)[1])
    _administer(url, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _parts_of(url: str) -> tuple[str, str, str]:
    """The server, the database and the options of an address."""
    address, _, options = url.partition("?")
    server, _, name = address.rpartition("/")
    return server, name, options


def _administer(url: str, command: sql.Composed) -> None:
    server, _, options = _parts_of(url)
    with psycopg.connect(f"{server}/postgres?{options}", autocommit=True) as connection:
        connection.execute(command)


@contextmanager
def statements_compiled_once(url: str) -> Iterator[None]:
    """Has all engines of a kind share what SQLAlchemy makes of a statement.

    Each engine keeps that for itself, and thousands of applications that answer a few requests
    each would take a fifth of their time for it.
    """
    make_engine = database_module._engine
    first = make_engine(database_module._with_driver(url), 1, 10)
    first.connect().close()  # so that its dialect knows the server
    first.dispose()

    def make_sharing_engine(url: str, pool_size: int, wait_seconds: float) -> sa.Engine:
        engine = make_engine(url, pool_size, wait_seconds)
        if engine.dialect.name == first.dialect.name:
            engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
        return engine

    database_module._engine = make_sharing_engine
    yield
    database_module._engine = make_engine
