"""Sixteen writers and four followers on PostgreSQL: no number is seen late and none is missed."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from app.db.database import Database
from app.db.migrate import migrate
from tests.conftest import Newsroom, serving
from tests.databases import new_postgres_database

WRITERS, WRITES, FOLLOWERS = 16, 2_000, 4
NUMBERS = sa.text(
    "SELECT sequence FROM revision WHERE sequence > :after ORDER BY sequence LIMIT 50"
)


@pytest.fixture
def busy_newsroom(postgres: str, open_newsroom: Callable[..., Newsroom]) -> Newsroom:
    url = new_postgres_database(postgres)
    migrate(Database(url))
    return open_newsroom(url, database_pool_size=30, database_wait_seconds=60)


def write(served: str, headers: dict[str, str], name: str, count: int) -> None:
    """Creates articles, and changes each of them until `count` writes are done."""
    with httpx2.Client(base_url=served, headers=headers, timeout=120) as client:
        for number in range(count // 4):
            slug = f"{name}-{number}"
            steps: list[tuple[str, str, Any]] = [
                ("POST", "/v1/articles?publish=true", {"headline": slug, "slug": slug}),
                ("PATCH", f"/v1/articles/{slug}", {"summary": "changed"}),
                ("POST", f"/v1/articles/{slug}/withdraw", {"reason": "wrong"}),
                ("POST", f"/v1/articles/{slug}/restore", {}),
            ]
            for method, path, body in steps:
                answer = client.request(method, path, json=body, headers={"If-Match": "*"})
                assert answer.is_success, answer.text


def watch_numbers(newsroom: Newsroom, done: threading.Event) -> int:
    """Reads the sequence on; fails when a number is missing that a later one was seen before."""
    seen = 0
    while True:
        over = done.is_set()
        with newsroom.database.reading() as session:
            numbers = list(session.connection().scalars(NUMBERS, {"after": seen}))
        assert numbers == list(range(seen + 1, seen + 1 + len(numbers)))
        seen += len(numbers)
        if over and not numbers:
            return seen
        if not numbers:
            done.wait(0.002)  # seconds: the writers are to have the processor


def follow(served: str, headers: dict[str, str], done: threading.Event) -> dict[str, Any]:
    """Keeps a copy by pages of changes until there are no more."""
    copy: dict[str, Any] = {}
    cursor: dict[str, str] = {}
    with httpx2.Client(base_url=served, headers=headers, timeout=120) as client:
        while True:
            over = done.is_set()
            page = client.get("/v1/changes", params={"limit": 200, "wait": 1, **cursor}).json()
            for entry in page["data"]:
                if entry["op"] == "upsert":
                    copy[entry["id"]] = entry["article"]
                else:
                    copy.pop(entry["id"], None)
            cursor = {"since": page["page"]["next"]}
            if over and not page["page"]["has_more"]:
                return copy


def listed(newsroom: Newsroom) -> dict[str, Any]:
    found: dict[str, Any] = {}
    path = "/v1/articles?limit=100"
    while path:
        page = newsroom.get(path).json()
        found |= {one["id"]: one for one in page["data"]}
        onward = page["page"]["next"]
        path = onward and f"/v1/articles?limit=100&cursor={onward}"
    return found


def test_no_number_is_late_and_none_is_missed(busy_newsroom: Newsroom) -> None:
    newsroom = busy_newsroom
    publisher, preview = newsroom.key("publish"), newsroom.key("preview")
    done = threading.Event()
    with serving(newsroom.app) as served, ThreadPoolExecutor(WRITERS + FOLLOWERS) as threads:
        watching = [threads.submit(watch_numbers, newsroom, done) for _ in range(2)]
        following = [threads.submit(follow, served, rights, done) for rights in ({}, preview)]
        writing = [
            threads.submit(write, served, publisher, f"writer-{number}", WRITES // WRITERS)
            for number in range(WRITERS)
        ]
        try:
            for one in writing:
                one.result()
        finally:
            done.set()
        assert {one.result() for one in watching} == {WRITERS * (WRITES // WRITERS // 4) * 4}
        public, internal = (one.result() for one in following)
    assert public == listed(newsroom)
    assert public.keys() == internal.keys()
