"""`/healthz` and `/readyz`: for those who keep the server running."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from tests.conftest import Newsroom


def test_a_running_server_is_alive_and_ready(newsroom: Newsroom) -> None:
    for path in ("/healthz", "/readyz"):
        answer = newsroom.get(path)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"


def test_they_need_no_key_even_where_reading_does(
    database_url: str, open_newsroom: Callable[..., Newsroom]
) -> None:
    closed = open_newsroom(database_url, public_read=False)
    assert [closed.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]


def test_without_its_database_a_server_is_alive_and_not_ready(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreachable = sa.create_engine("postgresql+psycopg://127.0.0.1:1/nothing")
    monkeypatch.setattr(newsroom.database, "_read_engine", unreachable)
    assert newsroom.get("/healthz").status_code == 200
    answer = newsroom.get("/readyz")
    assert answer.status_code >= 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "127.0.0.1" not in answer.text


def test_readiness_says_how_search_is_doing(searching: Newsroom) -> None:
    searching.indexed()
    assert searching.get("/readyz").json() == {"status": "ready", "search": "ready"}
