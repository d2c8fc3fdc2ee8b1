"""Commit order is number order: whoever has seen a number has seen every one below it."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from app.access.caller import newsroom as works_here
from app.authors.actions import create_author, replace_author
from app.authors.models import AuthorCreate
from app.db.database import Database
from app.tags.actions import create_tag
from app.tags.models import TagCreate

NOW = datetime(2026, 11, 24, tzinfo=UTC)
WRITERS = 8
SEEN = sa.text(
    "SELECT (SELECT value FROM sequence_counter), (SELECT count(*) FROM revision),"
    " (SELECT coalesce(max(sequence), 0) FROM revision)"
)


@pytest.fixture
def machines(database_url: str) -> Iterator[tuple[Database, Database]]:
    """Two servers on one database, each with its own connections."""
    pair = (
        Database(database_url, pool_size=WRITERS, wait_seconds=60),
        Database(database_url, pool_size=WRITERS, wait_seconds=60),
    )
    yield pair
    for database in pair:
        database.close()


def write(database: Database, number: int) -> None:
    """One transaction that takes one number or two; every seventh fails after it took its own."""
    caller = works_here(NOW)
    with database.writing() as session:
        wanted = AuthorCreate(name=f"Author {number}")
        author = create_author(session, caller, wanted)
        if number % 3 == 0:
            create_tag(session, caller, TagCreate(name=f"Tag {number}"))
        if number % 5 == 0:
            replace_author(session, caller, author, wanted.model_copy(update={"bio": "Long."}))
        if number % 7 == 0:
            raise ZeroDivisionError


def look(database: Database) -> tuple[int, int, int]:
    with database.reading() as session:
        counter, count, last = session.connection().execute(SEEN).one()
    return counter, count, last


def test_a_number_is_never_seen_before_those_below_it(
    machines: tuple[Database, Database],
) -> None:
    seen: list[tuple[int, int, int]] = []
    finished = threading.Event()

    def watch(database: Database) -> None:
        while not finished.is_set():
            seen.append(look(database))

    def attempt(number: int) -> Any:
        try:
            write(machines[number % 2], number)
        except ZeroDivisionError:
            return None
        return number

    writes = 40 if machines[0].is_sqlite else 200
    watchers = [threading.Thread(target=watch, args=(machine,)) for machine in machines]
    for watcher in watchers:
        watcher.start()
    with ThreadPoolExecutor(WRITERS) as threads:
        done = [one for one in threads.map(attempt, range(1, writes + 1)) if one is not None]
    finished.set()
    for watcher in watchers:
        watcher.join()

    assert {counter == count == last for counter, count, last in seen} == {True}
    expected = len(done) + sum(one % 3 == 0 for one in done) + sum(one % 5 == 0 for one in done)
    assert look(machines[0]) == (expected, expected, expected)
    assert len(seen) > 10
