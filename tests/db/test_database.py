"""Sessions: one moment for a reader, one turn for a writer, and a plain word when it takes too long."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app.db.database import Database, DatabaseBusy
from app.db.migrate import migrate
from tests.conftest import Newsroom
from tests.databases import new_postgres_database

COUNTER = sa.text("SELECT value FROM sequence_counter")
SET_COUNTER = sa.text("UPDATE sequence_counter SET value = :value")
Open = Callable[..., Database]


@pytest.fixture
def open_database(database_url: str) -> Iterator[Open]:
    """Opens databases on one address, each as a process of its own would."""
    with ExitStack() as stack:

        def open_one(**settings: Any) -> Database:
            database = Database(database_url, **settings)
            stack.callback(database.close)
            return database

        yield open_one


def value_of(database: Database) -> int:
    with database.reading() as session:
        return int(session.connection().execute(COUNTER).scalar_one())


def set_value(database: Database, value: int) -> None:
    with database.writing() as session:
        session.connection().execute(SET_COUNTER, {"value": value})


def set_value_and_fail(database: Database, value: int) -> None:
    with database.writing() as session:
        session.connection().execute(SET_COUNTER, {"value": value})
        session.connection().execute(sa.text("SELECT nonsense"))


def new_address(like: str, folder: Path) -> str:
    """The address of a database with nothing in it."""
    if like.startswith("sqlite"):
        return f"sqlite:///{folder / 'fresh.db'}"
    return new_postgres_database(like)


def test_a_reader_keeps_its_moment_while_others_write(open_database: Open) -> None:
    here, there = open_database(), open_database()
    with here.reading() as session:
        assert session.connection().execute(COUNTER).scalar_one() == 0
        set_value(there, 1)
        set_value(here, 2)
        assert session.connection().execute(COUNTER).scalar_one() == 0
    assert value_of(here) == 2


def test_a_reader_never_sees_half_a_write(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind")
    newsroom.article(authors=["mara-lind"])
    rows = sa.text(
        "SELECT author.name, author.version, article.version FROM author"
        " CROSS JOIN article CROSS JOIN sequence_counter"
    )
    with newsroom.database.reading() as session:
        first = session.connection().execute(rows).one()
        newsroom.send("PATCH", "/v1/authors/mara-lind", {"name": "Mara Holm"})
        assert session.connection().execute(rows).one() == first == ("Mara Lind", 1, 1)
    with newsroom.database.reading() as session:
        assert session.connection().execute(rows).one() == ("Mara Holm", 2, 2)


def test_nobody_sees_a_write_before_it_is_committed(open_database: Open) -> None:
    here, there = open_database(), open_database()
    with here.writing() as session:
        session.connection().execute(SET_COUNTER, {"value": 7})
        assert value_of(here) == value_of(there) == 0
    assert value_of(here) == value_of(there) == 7


def test_a_reading_session_leaves_no_trace(open_database: Open) -> None:
    database = open_database()
    with suppress(DBAPIError), database.reading() as session:
        session.connection().execute(SET_COUNTER, {"value": 7})
    assert value_of(database) == 0
    set_value(database, 1)


def test_a_failed_write_undoes_all_of_it_and_gives_its_turn_back(open_database: Open) -> None:
    database = open_database()
    with pytest.raises(DBAPIError):
        set_value_and_fail(database, 7)
    assert value_of(database) == 0
    set_value(database, 1)
    assert value_of(database) == 1


@pytest.mark.parametrize("processes", [1, 2])
def test_a_writer_that_waits_too_long_is_told_so(open_database: Open, processes: int) -> None:
    patient = open_database()
    hasty = open_database(wait_seconds=0.2)
    holder = hasty if processes == 1 else patient
    with ThreadPoolExecutor(1) as other_thread, holder.writing() as session:
        session.connection().execute(SET_COUNTER, {"value": 1})
        late = other_thread.submit(set_value, hasty, 2)
        with pytest.raises(DatabaseBusy):
            late.result(timeout=10)
    assert value_of(hasty) == 1
    set_value(hasty, 3)
    assert value_of(patient) == 3


def test_readers_do_not_wait_for_a_writer(open_database: Open) -> None:
    hasty = open_database(wait_seconds=0.2)
    with hasty.writing() as session:
        session.connection().execute(SET_COUNTER, {"value": 1})
        assert value_of(hasty) == 0


def test_a_reader_that_finds_no_connection_is_told_so(open_database: Open) -> None:
    small = open_database(pool_size=1, wait_seconds=0.2)
    with small.reading() as session:
        session.connection()
        with pytest.raises(DatabaseBusy):
            value_of(small)
    assert value_of(small) == 0


def test_a_request_that_waits_too_long_is_503(
    database_url: str, open_newsroom: Callable[..., Newsroom]
) -> None:
    busy = open_newsroom(database_url, database_wait_seconds=0.2)
    busy.key("publish")
    release, held = threading.Event(), threading.Event()

    def hold() -> None:
        with Database(database_url).writing() as session:
            session.connection().execute(COUNTER)
            held.set()
            release.wait(20)

    with ThreadPoolExecutor(1) as other_process:
        other_process.submit(hold)
        held.wait(20)
        refused = busy.send("POST", "/v1/articles", {"headline": "Late"})
        readable = busy.get("/v1/articles")
        release.set()
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:byline:problem:busy")
    assert int(refused.headers["Retry-After"]) > 0
    assert readable.status_code == 200
    assert busy.send("POST", "/v1/articles", {"headline": "In time"}).status_code == 201


def test_a_connection_that_was_lost_is_replaced(newsroom: Newsroom) -> None:
    newsroom.article()
    if not newsroom.database.is_sqlite:
        with newsroom.database.reading() as session:
            session.connection().execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND datname = current_database()"
                )
            )
    assert newsroom.get("/v1/articles").status_code == 200
    assert newsroom.send("POST", "/v1/articles", {"headline": "Next"}).status_code == 201


MIGRATE_ON_A_WORD = """
import sys
from app.db.database import Database
from app.db.migrate import migrate
print("ready", flush=True)
sys.stdin.readline()
migrate(Database(sys.argv[1]))
"""


OPEN_ON_A_WORD = """
import sys
from app.db.database import Database
import sqlalchemy as sa
print("ready", flush=True)
for url in sys.stdin:
    database = Database(url.strip())
    with database.reading() as session:
        session.connection().execute(sa.text("SELECT 1"))
    database.close()
    print("open", flush=True)
"""


def test_several_processes_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_ON_A_WORD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    said = [process.stdout.readline() for process in processes if process.stdout]
    assert said == ["ready\n"] * 4
    for number in range(100):
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(f"sqlite:///{tmp_path}/{number}.db\n")
            process.stdin.flush()
        said = [process.stdout.readline() for process in processes if process.stdout]
        assert said == ["open\n"] * 4, number
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_several_processes_may_migrate_at_once(migrated: str, tmp_path: Path) -> None:
    url = new_address(migrated, tmp_path)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE_ON_A_WORD, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said
    database = Database(url)
    assert value_of(database) == 0
    database.close()


def test_a_named_revision_is_reached_from_below_and_from_above(
    migrated: str, tmp_path: Path
) -> None:
    database = Database(new_address(migrated, tmp_path))
    for revision in ("2026_11_24_create_tables", "2026_11_24_create_tables", "head"):
        migrate(database, revision)
        assert value_of(database) == 0
    migrate(database, "base")
    with database.reading() as session:
        left = sa.inspect(session.connection()).get_table_names()
    assert left == ["alembic_version"]
    database.close()
