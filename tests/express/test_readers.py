"""The driver's own reads of SQLite, on the event loop."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.db.database import Database
from app.db.migrate import migrate
from app.express import readers
from app.express.readers import SqliteReader

VALUE = "SELECT value FROM sequence_counter"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'byline.db'}")
    migrate(database)
    yield database
    database.close()


def set_value(database: Database, value: int) -> None:
    with database.writing() as session:
        session.connection().execute(sa.text(f"UPDATE sequence_counter SET value = {value}"))


def test_a_turn_of_the_loop_reads_one_moment_and_the_next_another(database: Database) -> None:
    async def read() -> None:
        reader = SqliteReader(database)
        await reader.start()

        def value() -> int:
            ((found,),) = reader.rows_at_once(VALUE, ()) or ()
            return int(found)

        set_value(database, 1)
        assert value() == 1
        set_value(database, 2)
        assert value() == 1
        reader.renew()
        assert value() == 2
        set_value(database, 3)
        await asyncio.sleep(0)
        assert value() == 3
        assert reader.rows_at_once("SELECT nonsense", ()) is None
        set_value(database, 4)
        await asyncio.sleep(0)
        assert value() == 4
        await reader.stop()

    asyncio.run(read())


def test_an_idle_reader_is_in_no_writers_way(database: Database) -> None:
    """A transaction left open would keep the log of SQLite from ever being used again."""

    async def read() -> None:
        reader = SqliteReader(database)
        await reader.start()
        set_value(database, 1)
        assert reader.rows_at_once(VALUE, ())
        await asyncio.sleep(0)
        set_value(database, 2)
        raw = database.detached()
        busy, in_log, moved = raw.dbapi_connection.execute(
            "PRAGMA wal_checkpoint(TRUNCATE)"
        ).fetchone()
        assert (busy, in_log, moved) == (0, 0, 0)
        raw.close()
        await reader.stop()

    asyncio.run(read())


def test_a_turn_ends_however_long_its_reads_took(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What looks at the clock while it reads may also be asked by the statement that ends it."""
    monkeypatch.setattr(readers, "STEPS_BETWEEN_LOOKS", 1)

    async def read() -> None:
        reader = SqliteReader(database)
        await reader.start()
        set_value(database, 1)
        monkeypatch.setattr(readers, "READ_SECONDS_MAX", 10)
        assert reader.rows_at_once(VALUE, ())
        monkeypatch.setattr(readers, "READ_SECONDS_MAX", 0)
        assert reader.rows_at_once(VALUE, ()) is None
        set_value(database, 2)
        reader.renew()
        monkeypatch.setattr(readers, "READ_SECONDS_MAX", 10)
        ((found,),) = reader.rows_at_once(VALUE, ()) or ()
        assert found == 2
        await reader.stop()

    asyncio.run(read())
