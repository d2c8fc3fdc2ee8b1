"""What is left of a write when the server is killed, with real processes and `kill -9`."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from app.access.actions import create_key
from app.access.models import KeyCreate
from app.db.database import Database
from app.main import utc_now
from tests.test_cli import BYLINE, clean_environment, free_port

ROUNDS = 3
REQUESTS_AT_ONCE = 6
Start = Callable[..., str]
Kill = Callable[[], None]


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[tuple[Start, Kill]]:
    """Starts `byline serve` on the database, and kills it with all its workers at once."""
    running: list[subprocess.Popen[bytes]] = []

    def start(workers: int = 1) -> str:
        port = free_port()
        with (tmp_path / f"{port}.log").open("w") as log:
            process = subprocess.Popen(
                [BYLINE, "serve", "--workers", str(workers), "--port", str(port)],
                cwd=tmp_path,
                env={**clean_environment(), "BYLINE_DATABASE_URL": database_url},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        running.append(process)
        site = f"http://127.0.0.1:{port}"
        for _ in range(1200):
            try:
                httpx2.get(f"{site}/readyz")
            except httpx2.TransportError:
                assert process.poll() is None
                time.sleep(0.05)
            else:
                return site
        raise AssertionError("it never answered")

    def kill() -> None:
        process = running.pop()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    yield start, kill
    while running:
        kill()


@pytest.fixture
def headers(database_url: str) -> dict[str, str]:
    database = Database(database_url)
    with database.writing() as session:
        wanted = KeyCreate(name="Desk", scopes=["write"])
        _, key = create_key(session, wanted, utc_now())
    database.close()
    return {"Authorization": f"Bearer {key}"}


def create(site: str, headers: dict[str, str], name: str) -> httpx2.Response:
    named = {**headers, "Idempotency-Key": f'"{name}"'}
    return httpx2.post(f"{site}/v1/articles", json={"headline": name}, headers=named, timeout=30)


def create_if_it_lives(site: str, headers: dict[str, str], name: str) -> bytes | None:
    try:
        answer = create(site, headers, name)
    except httpx2.TransportError:
        return None
    assert answer.status_code == 201
    return answer.content


def create_until_it_is_done(site: str, headers: dict[str, str], name: str) -> httpx2.Response:
    for _ in range(20):
        answer = create(site, headers, name)
        if answer.status_code != 503:
            return answer
        time.sleep(0.2)
    raise AssertionError("it was busy all the time")


def headlines(site: str, headers: dict[str, str]) -> list[str]:
    page = httpx2.get(f"{site}/v1/articles?limit=100&sort=headline", headers=headers).json()
    return [one["headline"] for one in page["data"]]


def test_an_answer_outlives_the_server_that_gave_it(
    server: tuple[Start, Kill], headers: dict[str, str]
) -> None:
    start, kill = server
    first = create(start(workers=2), headers, "Storm")
    kill()
    site = start(workers=2)
    for _ in range(4):
        again = create(site, headers, "Storm")
        assert (again.status_code, again.content) == (201, first.content)
        for name in ("etag", "location", "content-type", "cache-control", "vary"):
            assert again.headers[name] == first.headers[name]
    assert headlines(site, headers) == ["Storm"]


def test_killed_at_any_moment_a_create_that_is_sent_until_it_is_done_is_done_once(
    server: tuple[Start, Kill], headers: dict[str, str]
) -> None:
    start, kill = server
    expected: list[str] = []
    site = start()
    for number in range(ROUNDS):
        names = [f"Storm {number} {letter}" for letter in "abcdefgh"[:REQUESTS_AT_ONCE]]
        with ThreadPoolExecutor(len(names)) as threads:
            sent = [threads.submit(create_if_it_lives, site, headers, name) for name in names]
            time.sleep(random.uniform(0.01, 0.4))
            kill()
            before = [one.result() for one in sent]
        site = start()
        for name, content in zip(names, before, strict=True):
            answer = create_until_it_is_done(site, headers, name)
            assert answer.status_code == 201
            assert content in (None, answer.content)
        expected += names
        assert headlines(site, headers) == sorted(expected)
