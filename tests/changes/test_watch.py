"""Waiting for news: whoever commits, in whichever process, waiters hear of it soon."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from app.changes.actions import take_numbers
from app.changes.watch import Watch
from app.db.database import Database
from app.db.migrate import migrate
from tests.conftest import Newsroom
from tests.databases import new_postgres_database

WRITER = """
import sys
from datetime import UTC, datetime
from app.changes.actions import take_numbers
from app.db.database import Database
database = Database(sys.argv[1])
with database.writing() as session:
    take_numbers(session, at=datetime.now(UTC))
"""


@pytest.fixture
def watch(newsroom: Newsroom) -> Iterator[Watch]:
    watch = Watch(newsroom.database)
    yield watch
    watch.stop()


def take(newsroom: Newsroom, database: Database | None = None) -> None:
    with (database or newsroom.database).writing() as session:
        take_numbers(session, at=newsroom.clock())


@contextmanager
def later(work: threading.Timer) -> Iterator[None]:
    work.start()
    yield
    work.join()


async def waited(watch: Watch, number: int, seconds: float) -> tuple[bool, float]:
    began = time.monotonic()
    return await watch.beyond(number, seconds), time.monotonic() - began


def test_a_waiter_hears_of_a_commit_soon(newsroom: Newsroom, watch: Watch) -> None:
    with later(threading.Timer(0.3, take, [newsroom])):
        heard, seconds = asyncio.run(waited(watch, 0, 10))
    assert heard
    assert 0.2 < seconds < 2


def test_what_is_there_already_is_not_waited_for(newsroom: Newsroom, watch: Watch) -> None:
    take(newsroom)
    heard, seconds = asyncio.run(waited(watch, 0, 10))
    assert heard
    assert seconds < 2


def test_without_news_the_time_is_over(watch: Watch) -> None:
    heard, seconds = asyncio.run(waited(watch, 0, 0.5))
    assert not heard
    assert 0.4 < seconds < 2


def test_commits_of_another_process_are_heard(newsroom: Newsroom, watch: Watch) -> None:
    async def wait_and_write() -> tuple[bool, float]:
        waiting = asyncio.create_task(waited(watch, 0, 20))
        await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", WRITER, newsroom.url], check=True
        )
        return await waiting

    heard, _seconds = asyncio.run(wait_and_write())
    assert heard


def test_after_a_rest_it_listens_again(newsroom: Newsroom, watch: Watch) -> None:
    for number in range(3):
        with later(threading.Timer(0.2, take, [newsroom])):
            heard, _seconds = asyncio.run(waited(watch, number, 10))
        assert heard


def test_a_lost_connection_is_noticed_and_made_anew(
    postgres: str, open_newsroom: Callable[..., Newsroom]
) -> None:
    url = new_postgres_database(postgres)
    migrate(Database(url))
    newsroom = open_newsroom(url)
    watch = newsroom.app.state.watch
    take(newsroom)
    assert asyncio.run(waited(watch, 0, 10))[0]
    others = "pid <> pg_backend_pid() AND datname = current_database()"
    kill = sa.text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
    with newsroom.database.writing() as session:
        session.connection().execute(kill)
    with later(threading.Timer(1.5, take, [newsroom, Database(url)])):
        heard, _seconds = asyncio.run(waited(watch, 1, 20))
    assert heard
