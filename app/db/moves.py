"""Moving a database's schema from revision to revision with Alembic, which is slow to import."""

from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.db.database import Database
from app.db.migrate import MIGRATIONS

MIGRATORS_TURN = 0x62796C6A  # the advisory lock that keeps machines from migrating at once


def move(database: Database, revision: str) -> None:
    """Moves the schema to `revision`, up or down; processes that do go one after the other."""
    with database.engine.connect() as connection:
        if not database.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_lock(MIGRATORS_TURN)))
            connection.commit()
        _hold_references(connection, database, held=False)
        try:
            _move(connection, revision)
            _hold_references(connection, database, held=True)
        except BaseException:
            connection.invalidate()  # the next one is as connections are made
            raise
        finally:
            if not database.is_sqlite:
                connection.rollback()
                connection.execute(sa.select(sa.func.pg_advisory_unlock(MIGRATORS_TURN)))
                connection.commit()


def _hold_references(connection: sa.Connection, database: Database, *, held: bool) -> None:
    """SQLite makes a table anew to change it; while the old one is away, references lead nowhere.

    It has to be said outside of a transaction.
    """
    if database.is_sqlite:
        raw: Any = connection.connection.dbapi_connection
        raw.execute(f"PRAGMA foreign_keys={'ON' if held else 'OFF'}")


def _move(connection: sa.Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection.execution_options(byline_writes=True)
    if _is_ahead(connection, ScriptDirectory.from_config(config), revision):
        command.upgrade(config, revision)
    else:
        command.downgrade(config, revision)


def _is_ahead(connection: sa.Connection, script: ScriptDirectory, revision: str) -> bool:
    if revision == "base" or revision.startswith("-"):
        return False
    if revision == "head" or revision.startswith("+"):
        return True
    current = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    applied = script.iterate_revisions(current, "base") if current else ()
    return script.get_revision(revision) not in applied
