"""The `byline` command as a newcomer runs it: real processes, free ports, an empty folder."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

BYLINE = Path(sys.executable).with_name("byline")
Serve = Callable[..., str]


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BYLINE_")}
    return subprocess.run(
        [BYLINE, *arguments],
        cwd=folder,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts `byline serve` in the test's folder; gives what it printed once it answers."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> str:
        port = free_port()
        output = tmp_path / f"{port}.txt"
        with output.open("w") as stdout:
            process = subprocess.Popen(
                [BYLINE, "serve", "--port", str(port), *arguments],
                cwd=tmp_path,
                stdout=stdout,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        running.append(process)
        for _ in range(300):
            try:
                httpx2.get(f"http://127.0.0.1:{port}/healthz")
                return output.read_text()
            except httpx2.TransportError:
                assert process.poll() is None
                time.sleep(0.1)
        raise AssertionError("it never answered")

    yield start
    for process in running:
        process.terminate()
    for process in running:
        assert process.wait(15) in (0, -signal.SIGTERM)


def site_of(printed: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+", printed)
    assert found
    return found.group()


def test_the_first_start_is_all_that_is_needed(serve: Serve, tmp_path: Path) -> None:
    printed = serve()
    assert (tmp_path / "byline.db").is_file()
    assert "/docs" in printed
    lines = [line.strip() for line in printed.splitlines() if line.strip().startswith("curl")]
    for line in lines:
        answer = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=20)
        assert "problem" not in answer.stdout
    assert len(lines) == 2
    articles = httpx2.get(f"{site_of(printed)}/v1/articles").json()["data"]
    assert [one["headline"] for one in articles] == ["Hello, readers"]
    assert "Admin key" not in serve()


def test_the_demo_is_a_newsroom_to_look_at(serve: Serve) -> None:
    site = site_of(serve("--demo"))
    page = httpx2.get(f"{site}/v1/articles?count=exact&limit=100").json()
    assert page["page"]["total"] == 32
    assert len({one["language"] for one in page["data"]}) >= 8
    again = site_of(serve("--demo"))
    assert httpx2.get(f"{again}/v1/articles?count=exact").json()["page"]["total"] == 32
    for path in ("/docs", "/docs/assets/swagger-ui-bundle.js", "/openapi.json", "/readyz"):
        assert httpx2.get(site + path).status_code == 200


def test_a_revoked_key_fails_at_once_in_every_process(serve: Serve, tmp_path: Path) -> None:
    site = site_of(serve("--workers", "2"))
    key = run(tmp_path, "key", "create", "app", "--scopes", "read,write").stdout.splitlines()[-1]
    headers = {"Authorization": f"Bearer {key}"}
    assert httpx2.get(f"{site}/v1/me", headers=headers).json()["name"] == "app"
    listed = [json.loads(line) for line in run(tmp_path, "key", "list").stdout.splitlines()]
    (its_id,) = [one["id"] for one in listed if one["name"] == "app"]
    assert run(tmp_path, "key", "revoke", its_id).returncode == 0
    answers = [httpx2.get(f"{site}/v1/me", headers=headers).status_code for _ in range(12)]
    assert set(answers) == {401}


@pytest.mark.parametrize(
    ("arguments", "environment", "word"),
    [
        (["serve"], {"BYLINE_PORT": "abc"}, "BYLINE_PORT"),
        (["serve"], {"BYLINE_PROT": "8000"}, "BYLINE_PROT"),
        (["serve"], {"BYLINE_DATABASE_URL": "mysql://x"}, "BYLINE_DATABASE_URL"),
        (["migrate"], {"BYLINE_DATABASE_URL": "postgresql://127.0.0.1:1/x"}, "database"),
        (["key", "create", "x", "--scopes", "fly"], {}, "scopes"),
        (["key", "revoke", "x"], {}, "id"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], word: str
) -> None:
    done = run(tmp_path, *arguments, **environment)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert word in done.stderr


def test_a_port_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run(tmp_path, "serve", "--port", str(taken.getsockname()[1]))
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1)


def test_settings_come_from_env_files_and_names_are_checked_there_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BYLINE_DATABASE_URL=sqlite:///other.db\n")
    assert run(tmp_path, "migrate").returncode == 0
    assert (tmp_path / "other.db").is_file()
    (tmp_path / ".env").write_text("BYLINE_DATABSE_URL=x\n")
    assert "BYLINE_DATABSE_URL" in run(tmp_path, "migrate").stderr
