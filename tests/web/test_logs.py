"""The log: one line a request, with what is needed to find it and nothing that is secret."""

import json
import logging
from typing import Any

import pytest

from app.settings import Settings
from app.web import access_log
from app.web.logs import configure_logs
from tests.conftest import Newsroom


@pytest.fixture(autouse=True)
def _client_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client of these tests writes to the same log."""
    monkeypatch.setattr(logging.getLogger("httpx2"), "disabled", True)


def lines(captured: pytest.CaptureFixture[str]) -> list[str]:
    access_log.flush()
    return captured.readouterr().err.splitlines()


def test_a_json_line_says_what_was_asked_and_how_it_ended(
    newsroom: Newsroom, capsys: pytest.CaptureFixture[str]
) -> None:
    key = newsroom.key("read")
    key_id = newsroom.get("/v1/me", key).json()["id"]
    configure_logs(Settings(log_format="json"))
    answer = newsroom.get("/v1/articles/no-such?body=text", {**key, "X-Request-ID": "proxy-7"})
    (line,) = lines(capsys)
    said: dict[str, Any] = json.loads(line)
    assert answer.headers["X-Request-ID"] == said["request_id"] == "proxy-7"
    assert (said["method"], said["path"], said["status"]) == ("GET", "/v1/articles/no-such", 404)
    assert (said["level"], said["key"]) == ("info", key_id)
    assert said["duration_ms"] >= 0
    assert said["timestamp"].endswith("Z")


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_neither_a_key_nor_the_query_is_logged(
    newsroom: Newsroom, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    configure_logs(Settings.model_validate({"log_format": log_format, "log_level": "debug"}))
    key = newsroom.key("publish")
    secret = key["Authorization"].removeprefix("Bearer ")
    newsroom.get("/v1/authors?q=somebody", key)
    newsroom.get("/v1/articles", {"Authorization": "Bearer byline_mistyped"})
    newsroom.send("POST", "/v1/articles", {"headline": "Not yet public"}, key)
    said = "\n".join(lines(capsys))
    assert said.count("/v1/") == 3
    for private in (secret, "somebody", "mistyped", "Not yet public"):
        assert private not in said


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_an_address_cannot_write_a_line_of_its_own(
    newsroom: Newsroom, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    configure_logs(Settings.model_validate({"log_format": log_format}))
    newsroom.get("/v1/articles/x%0A2026-11-24%20request%20status=200%1B%5B2J")
    newsroom.get("/v1/me", {"X-Request-ID": "a b\tc"})
    said = lines(capsys)
    assert len(said) == 2
    assert "\x1b[2J" not in said[0]
    assert "a b" not in said[1]


def test_a_quiet_log_has_failures_only(
    newsroom: Newsroom, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(Settings(log_level="error"))
    newsroom.get("/v1/articles")
    newsroom.get("/v1/articles/no-such")
    assert lines(capsys) == []
