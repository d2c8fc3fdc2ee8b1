"""The requests that are measured, made on an application in this process."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from starlette.testclient import TestClient

from app.main import create_app
from benchmarks.archives import Archive
from benchmarks.generated_archive import AUTHORS, NEWEST, TAGS, body_source, words
from benchmarks.load import CONNECTIONS, NUMBER

DEPTH = 50_000
REQUESTS_MAX = 50_000
PAGES = 200
BODIES = 500
SEARCHES, SEARCHES_AT_ONCE = 500, 8
INDEX_SECONDS_MAX = 3_600

ARTICLE, LIST, DEEP = "one article, cold", "newest 20, cold", "deep page"
ARTICLE_HOT, LIST_HOT, UNCHANGED = "article, hot", "list, hot", "304"
SEARCH, SEARCH_HOT = "search, cold", "search, hot"
CHANGES, CHANGES_HOT = "100 changes, cold", "100 changes, hot"
CREATE = "create"
SEARCHED = (SEARCH, SEARCH_HOT)
OTHERS = (*SEARCHED, CHANGES, CHANGES_HOT)
ARTICLES = (ARTICLE, LIST, DEEP, ARTICLE_HOT, LIST_HOT, UNCHANGED, CREATE)
CASES = (*(one for one in ARTICLES if one != CREATE), *OTHERS, CREATE)
"""In the order in which they are measured; creating changes what there is."""
COLD = (ARTICLE, LIST, DEEP, SEARCH, CHANGES, CREATE)
"""Measured with no answer cached; the others one and the same answer, over and over."""


@dataclass(frozen=True)
class Case:
    """Requests of one kind, the status that they are to have, and the body of one answer.

    More connections than `connections_max` would be refused: a search takes its turn.
    """

    name: str
    requests: list[bytes]
    status: int
    answer: bytes
    connections_max: int = CONNECTIONS


def byline_cases(archive: Archive) -> dict[str, Case]:
    """By their names; each cold request asks for another article or page."""
    random = Random(2)
    with TestClient(create_app(archive.settings()), base_url="http://benchmark") as client:
        hot = f"/v1/articles/article-{archive.articles // 2}"
        articles = [f"/v1/articles/article-{number}" for number in _numbers(archive, random)]
        etag = client.get(hot, headers={"Accept-Encoding": "identity"}).headers["etag"]
        cases = [
            _gets(client, ARTICLE, articles),
            _gets(client, LIST, list(_newest_before(archive, random))),
            _gets(client, DEEP, list(_deep(client, archive))),
            _gets(client, ARTICLE_HOT, [hot]),
            _gets(client, LIST_HOT, ["/v1/articles"]),
            _gets(client, UNCHANGED, [hot], {"If-None-Match": etag}),
            *_changes(client),
            *_searches(archive, random),
            _create(client, archive.key(), random),
        ]
    return {case.name: case for case in cases}


def tutorial_cases(archive: Archive) -> dict[str, Case]:
    """The same for the tutorial's application, where it has the same."""
    random = Random(2)
    depth = min(DEPTH, archive.articles // 2)
    gets = {
        ARTICLE: [f"/articles/{number + 1}" for number in _numbers(archive, random)],
        LIST: [f"/articles/?limit={limit}" for limit in (20, 19, 21, 18, 22)],
        DEEP: [f"/articles/?offset={depth + page * 20}&limit=20" for page in range(PAGES)],
    }
    cases = {
        name: Case(name, [_request("GET", path, {}) for path in paths], 200, b"")
        for name, paths in gets.items()
    }
    bodies = [json.dumps(_tutorial_article(random)).encode() for _ in range(BODIES)]
    cases[CREATE] = Case(
        CREATE, [sent("POST", "/articles/", {}, body) for body in bodies], 201, b""
    )
    return cases


def filtered_requests() -> list[bytes]:
    """The newest 20 of each tag."""
    return [_request("GET", f"/v1/articles?tag=tag-{number}", {}) for number in range(TAGS)]


def get(path: str) -> bytes:
    return _request("GET", path, {})


def _numbers(archive: Archive, random: Random) -> list[int]:
    return random.sample(range(archive.articles), min(archive.articles, REQUESTS_MAX))


def _newest_before(archive: Archive, random: Random) -> Iterator[str]:
    """The newest 20 as they were at many times: a page for each, that no other request has."""
    for number in random.sample(range(archive.articles - 20), min(archive.articles - 20, 5_000)):
        at = (NEWEST - timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield f"/v1/articles?published_until={quote(at)}"


def _deep(client: TestClient, archive: Archive) -> Iterator[str]:
    """Goes half as deep as there are articles; from there on the pages, by their cursors."""
    walked, cursor = 0, ""
    depth = min(DEPTH, archive.articles // 2)
    while walked < depth:
        cursor = _next(client, cursor, min(100, depth - walked))
        walked += 100
    for _ in range(min(PAGES, depth // 20 - 1)):
        yield f"/v1/articles?limit=20&cursor={cursor}"
        cursor = _next(client, cursor, 20)


def _changes(client: TestClient) -> list[Case]:
    """Pages of a copy that is begun, each from another place."""
    first, paths = "/v1/changes?limit=100", list[str]()
    page = client.get(first).raise_for_status().json()["page"]
    while page["has_more"] and len(paths) < PAGES:
        paths.append(f"{first}&since={page['next']}")
        page = client.get(paths[-1]).raise_for_status().json()["page"]
    return [_gets(client, CHANGES, paths), _gets(client, CHANGES_HOT, paths[-1:])]


def _searches(archive: Archive, random: Random) -> list[Case]:
    """Two words each."""
    paths = [f"/v1/search?q={quote(words(random, 2))}" for _ in range(SEARCHES)]
    settings = archive.settings().model_copy(update={"search": True})
    with TestClient(create_app(settings), base_url="http://benchmark") as client:
        deadline = time.monotonic() + INDEX_SECONDS_MAX
        while client.get(paths[0]).status_code != 200:
            if time.monotonic() > deadline:
                raise RuntimeError("search is not ready")
            time.sleep(0.1)
        cold, hot = _gets(client, SEARCH, paths), _gets(client, SEARCH_HOT, paths[-1:])
    return [replace(cold, connections_max=SEARCHES_AT_ONCE), hot]


def _next(client: TestClient, cursor: str, limit: int) -> str:
    asked = {"limit": limit} | ({"cursor": cursor} if cursor else {})
    page = client.get("/v1/articles", params=asked).raise_for_status().json()["page"]
    return str(page["next"])


def _gets(
    client: TestClient, name: str, paths: list[str], headers: dict[str, str] | None = None
) -> Case:
    answer = client.get(paths[-1], headers=headers)
    requests = [_request("GET", path, headers or {}) for path in paths]
    return Case(name, requests, answer.status_code, answer.content)


def _create(client: TestClient, key: str, random: Random) -> Case:
    path, headers = "/v1/articles", {"Authorization": f"Bearer {key}"}
    bodies = [json.dumps(_new_article(random)).encode() for _ in range(BODIES)]
    answer = client.post(
        path, content=bodies[0], headers=headers | {"Content-Type": "application/json"}
    )
    return Case(
        CREATE,
        [sent("POST", path, headers, one) for one in bodies],
        answer.status_code,
        answer.content,
    )


def _request(method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\nHost: benchmark\r\n{lines}\r\n".encode()


def sent(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """A request with a body of JSON."""
    about = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return _request(method, path, headers | about) + body


def _new_article(random: Random) -> dict[str, Any]:
    return {
        "headline": f"{words(random, 6)} {NUMBER}",
        "summary": words(random, 25),
        "body": {"format": "html", "source": body_source(random)},
        "authors": ["author-0"],
        "tags": [f"tag-{number}" for number in random.sample(range(TAGS), 3)],
    }


def _tutorial_article(random: Random) -> dict[str, Any]:
    headline = f"{words(random, 6)} {NUMBER}"
    return {
        "slug": headline.lower().replace(" ", "-"),
        "headline": headline,
        "summary": words(random, 25),
        "body": body_source(random),
        "author_ids": [random.randrange(AUTHORS) + 1],
        "tag_ids": [number + 1 for number in random.sample(range(TAGS), 3)],
    }


@contextmanager
def watched() -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith("BEGIN"):
            statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
