"""The requests that are measured, made with and tried on an application in this process."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import sqlalchemy as sa
from starlette.testclient import TestClient

from app.access.actions import create_key
from app.access.models import KeyCreate
from app.main import create_app, utc_now
from app.settings import Settings
from benchmarks.generated_archive import TAGS, body_source, words

DEPTH = 50_000
VARIANTS = 2_000


@dataclass(frozen=True)
class Case:
    """One figure: requests of one kind, and how many SQL statements each of them takes."""

    name: str
    requests: list[bytes]
    statements: int


def make_cases(url: str, articles: int) -> tuple[list[Case], bytes]:
    """The cases, in the order to measure them, and the answer of one article."""
    random = Random(2)
    app = create_app(Settings(database_url=url, log_level="error"))
    with app.state.database.writing() as session:
        wanted = KeyCreate(name="Benchmark", scopes=["publish"])
        key = create_key(session, wanted, utc_now())[1]
    with TestClient(app) as client:
        depth, cursor = _walk(client, min(DEPTH, articles // 2))
        numbers = [random.randrange(articles) for _ in range(VARIANTS)]
        gets = {
            "one article, random": [f"/v1/articles/article-{number}" for number in numbers],
            "newest 20": ["/v1/articles"],
            f"20 after {depth:,} others": [f"/v1/articles?limit=20&cursor={cursor}"],
            "newest 20 with a tag": [f"/v1/articles?tag=tag-{number}" for number in range(50)],
        }
        cases = [
            Case(name, [_get(path) for path in paths], _statements(client, "GET", paths[-1]))
            for name, paths in gets.items()
        ]
        body = client.get("/v1/articles/article-0").content
        return [*cases, _create(client, key, random)], bytes(body)


def _walk(client: TestClient, depth: int) -> tuple[int, str]:
    """Goes so deep in pages of a hundred; the depth, and the cursor of the page there."""
    walked, cursor = 0, ""
    while walked < depth:
        asked = {"limit": min(100, depth - walked)} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/articles", params=asked).raise_for_status().json()["page"]
        cursor, walked = page["next"], walked + page["limit"]
    return walked, cursor


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: benchmark\r\n\r\n".encode()


def _create(client: TestClient, key: str, random: Random) -> Case:
    path = "/v1/articles?publish=true"
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    bodies = [json.dumps(_new_article(random)).encode() for _ in range(VARIANTS)]
    head = f"POST {path} HTTP/1.1\r\nHost: benchmark\r\n" + "".join(
        f"{name}: {value}\r\n" for name, value in headers.items()
    )
    requests = [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies[1:]]
    statements = _statements(client, "POST", path, content=bodies[0], headers=headers)
    return Case("create and publish", requests, statements)


def _new_article(random: Random) -> dict[str, Any]:
    return {
        "headline": words(random, 6),
        "summary": words(random, 25),
        "body": {"format": "html", "source": body_source(random)},
        "authors": ["author-1"],
        "tags": [f"tag-{number}" for number in random.sample(range(TAGS), 3)],
    }


def _statements(client: TestClient, method: str, path: str, **request: Any) -> int:
    """How many SQL statements a request takes, beside BEGIN and COMMIT."""
    with watched() as statements:
        client.request(method, path, **request).raise_for_status()
    return len(statements)


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
