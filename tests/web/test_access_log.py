"""The access log: the lines of structlog, written in batches, in order, and none of them lost."""

import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog

from app.settings import Settings
from app.web import access_log
from app.web.access_log import AccessLog
from app.web.logs import configure_logs
from tests.test_cli import BYLINE, clean_environment, free_port

PATHS = ["/v1/articles", "/v1/articles/é\"'", "/a b=c\n", "/tab\t\x1b[2J ", "/日本"]
TIME = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    configure_logs(Settings(log_level="error"))


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("duration_ms", "key_id"), [(0.04, None), (1234.56, "01a20d19-7")])
def test_a_line_is_what_structlog_would_write(
    capsys: pytest.CaptureFixture[str],
    log_format: str,
    path: str,
    duration_ms: float,
    key_id: str | None,
) -> None:
    configure_logs(Settings.model_validate({"log_format": log_format}))
    # Two digits after the point are one in the log.
    access_log.note("GET", path, 200, duration_ms, "proxy-7", key_id)
    structlog.contextvars.bind_contextvars(request_id="proxy-7")
    structlog.get_logger("byline.http").info(
        "request",
        method="GET",
        path=path,
        status=200,
        duration_ms=round(duration_ms, 1),
        key=key_id,
    )
    structlog.contextvars.clear_contextvars()
    ours, theirs = capsys.readouterr().err.splitlines()
    assert re.search(TIME, ours)
    assert re.sub(TIME, "", ours) == re.sub(TIME, "", theirs)


def test_an_error_comes_after_the_requests_before_it(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(Settings(log_format="json"))
    access_log.note("GET", "/before", 200, 1, "a", None)
    logging.getLogger("byline").error("broken")
    access_log.note("GET", "/after", 200, 1, "b", None)
    access_log.flush()
    said: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [one.get("path", one["event"]) for one in said] == ["/before", "broken", "/after"]


class Pipe(io.StringIO):
    """A log's reader that takes nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = threading.Event()
        self.writes = 0

    def write(self, text: str) -> int:
        self.reads.wait(20)
        self.writes += 1
        return super().write(text)


def test_lines_are_written_soon_together_and_by_another_thread() -> None:
    pipe, log = Pipe(), AccessLog()
    log.write_to(pipe, access_log.json_line, threading.RLock())
    began = time.monotonic()
    for number in range(1000):
        log.note("GET", f"/{number}", 200, 1, "a", None)
    assert time.monotonic() - began < 1  # nobody reads, and nobody waits for that
    pipe.reads.set()
    while pipe.getvalue().count("\n") < 1000:
        assert time.monotonic() - began < 20
        time.sleep(0.01)
    paths = [json.loads(line)["path"] for line in pipe.getvalue().splitlines()]
    assert paths == [f"/{number}" for number in range(1000)]
    assert pipe.writes <= 10


def test_what_nobody_reads_is_bounded_and_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(Settings(log_format="json"))
    monkeypatch.setattr(access_log, "LINES_MAX", 10)
    for _ in range(15):
        access_log.note("GET", "/", 200, 1, "a", None)
    access_log.flush()
    *requests, last = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert len(requests) == 10
    assert (last["level"], last["count"]) == ("warning", 5)


def test_threads_lose_no_line() -> None:
    pipe, log = Pipe(), AccessLog()
    pipe.reads.set()
    log.write_to(pipe, access_log.json_line, threading.RLock())

    def note_many() -> None:
        for _ in range(2000):
            log.note("GET", "/", 200, 1, "a", None)
            log.flush()

    threads = [threading.Thread(target=note_many) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    log.flush()
    assert pipe.getvalue().count("\n") == 6000


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_that_is_stopped_has_written_every_line(tmp_path: Path, workers: str) -> None:
    port, log = free_port(), tmp_path / "log"
    with log.open("w") as stderr:
        server = subprocess.Popen(
            [BYLINE, "serve", "--port", str(port), "--workers", workers],
            cwd=tmp_path,
            env=clean_environment() | {"BYLINE_LOG_FORMAT": "json"},
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
    site = f"http://127.0.0.1:{port}"
    wait_for(lambda: httpx2.get(f"{site}/healthz").status_code == 200)
    with httpx2.Client() as client:
        for number in range(50):
            client.get(f"{site}/v1/articles/a-{number}")
    os.kill(server.pid, signal.SIGTERM)
    server.wait(30)
    paths = re.findall(r'"path": "/v1/articles/(a-\d+)"', log.read_text())
    assert paths == [f"a-{number}" for number in range(50)]


def wait_for(answers: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            assert answers()
            return
        except httpx2.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_process_that_ends_by_itself_has_too(tmp_path: Path) -> None:
    program = (
        "from app.settings import Settings; from app.web import access_log, logs\n"
        "logs.configure_logs(Settings()); access_log.note('GET', '/last', 200, 1, 'a', None)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert "path=/last" in ended.stderr


@pytest.mark.parametrize("given", [b"proxy-7", b"A.b_c-1", b"x" * 100])
def test_a_plain_id_is_kept(given: bytes) -> None:
    assert access_log.request_id(given) == given.decode()


@pytest.mark.parametrize("given", [None, b"", b"a b", b'"', b"a\n", b"x" * 101, b"\xc3\xa9"])
def test_any_other_gets_a_new_one(given: bytes | None) -> None:
    made = [access_log.request_id(given) for _ in range(2)]
    assert made[0] != made[1]
    assert all(re.fullmatch(r"[0-9a-f-]{36}", one) for one in made)
