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
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from app.cli import main

BYLINE = Path(sys.executable).with_name("byline")
Serve = Callable[..., str]


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("BYLINE_")}


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BYLINE, *arguments],
        cwd=folder,
        env={**clean_environment(), **environment},
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
        output, log = tmp_path / f"{port}.txt", tmp_path / f"{port}.log"
        with output.open("w") as stdout, log.open("w") as stderr:
            process = subprocess.Popen(
                [BYLINE, "serve", "--port", str(port), *arguments],
                cwd=tmp_path,
                env=clean_environment(),
                stdout=stdout,
                stderr=stderr,
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
    for log in tmp_path.glob("*.log"):
        assert "Traceback" not in log.read_text()


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


def test_the_admin_key_is_shown_on_the_first_start_only(serve: Serve, tmp_path: Path) -> None:
    first, second = serve(), serve()
    (key,) = set(re.findall(r"byline_[A-Za-z0-9_-]{43}", first))
    me = httpx2.get(f"{site_of(first)}/v1/me", headers={"Authorization": f"Bearer {key}"})
    assert "admin" in me.json()["scopes"]
    assert "byline_" not in second
    lines = [line for line in second.splitlines() if line.strip().startswith("curl")]
    environment = {**os.environ, "KEY": key}
    for line in lines:
        answer = subprocess.check_output(line, shell=True, env=environment, cwd=tmp_path)
        assert "status" not in json.loads(answer) or json.loads(answer)["status"] == "published"
    listed = httpx2.get(f"{site_of(second)}/v1/articles").json()["data"]
    assert [one["headline"] for one in listed] == ["Hello, readers"]


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


@pytest.mark.parametrize(
    ("arguments", "environment", "word"),
    [
        (["key", "create", "x", "--expires-at", "tomorrow"], {}, "expires_at"),
        (["key", "create", "x", "--entitlement", "{"], {}, "entitlement"),
        (["key", "create", "x", "--entitlement", '{"articles": 1}'], {}, "entitlement.articles"),
        (["key", "revoke", "018f2b3c-0000-7000-8000-000000000000"], {}, "no key"),
        (["migrate", "--to", "nowhere"], {}, "nowhere"),
        (["migrate", "--to", "-1"], {}, "-1"),
        (["migrate"], {"BYLINE_DATA_DIR": "/dev/null"}, "BYLINE_DATA_DIR"),
        (["migrate"], {"BYLINE_DATABASE_URL": "sqlite:///no/such/folder.db"}, "database"),
        (["serve"], {"BYLINE_MIGRATE_ON_START": "false"}, "no such table"),
    ],
)
def test_whatever_a_person_can_mend_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    environment: dict[str, str],
    word: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere = {"BYLINE_PORT": str(free_port()), **environment}
    done = CliRunner().invoke(main, arguments, env=elsewhere)
    assert isinstance(done.exception, SystemExit)
    assert (done.exit_code, len(done.stderr.strip().splitlines())) == (1, 1)
    assert word in done.stderr


def test_a_port_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run(tmp_path, "serve", "--port", str(taken.getsockname()[1]))
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1)


def test_a_file_that_is_no_database_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "byline.db").write_text("This is a letter, not a database.\n" * 100)
    done = CliRunner().invoke(main, ["serve", "--port", str(free_port())])
    assert (done.exit_code, len(done.stderr.strip().splitlines())) == (1, 1)
    assert "not a database" in done.stderr


def test_a_database_server_that_says_nothing_is_not_waited_for_for_ever() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        environment = {
            "BYLINE_DATABASE_URL": f"postgresql://127.0.0.1:{silent.getsockname()[1]}/news",
            "BYLINE_DATABASE_WAIT_SECONDS": "0.5",
        }
        done = CliRunner().invoke(main, ["migrate"], env=environment)
    assert (done.exit_code, len(done.stderr.strip().splitlines())) == (1, 1)
    assert "timeout" in done.stderr


def test_the_schema_goes_up_and_down_and_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = sa.create_engine("sqlite:///byline.db", poolclass=sa.NullPool)
    for arguments, tables in (([], True), (["--to", "base"], False), (["--to", "head"], True)):
        assert CliRunner().invoke(main, ["migrate", *arguments]).exit_code == 0
        assert sa.inspect(engine).has_table("article") == tables


def test_keys_are_made_listed_and_revoked_without_a_server(tmp_path: Path) -> None:
    entitlement = '{"articles": {"tag": ["sport"]}}'
    made = run(
        tmp_path, "key", "create", "Mobile app", "--scopes", "write, read",
        "--expires-at", "2999-01-01T00:00:00Z", "--entitlement", entitlement,
    )  # fmt: skip
    key = made.stdout.splitlines()[-1]
    assert re.fullmatch(r"byline_[A-Za-z0-9_-]{43}", key)

    def listed() -> Any:
        out = run(tmp_path, "key", "list").stdout
        assert key not in out
        (line,) = out.splitlines()
        return json.loads(line)

    shown = listed()
    assert (shown["name"], shown["scopes"]) == ("Mobile app", ["read", "write"])
    assert shown["entitlement"] == json.loads(entitlement)
    assert shown["expires_at"].startswith("2999-01-01T00:00:00")
    assert shown["revoked_at"] is None
    assert key.startswith(shown["hint"])
    for _ in range(2):
        assert run(tmp_path, "key", "revoke", shown["id"].upper()).returncode == 0
    assert listed()["revoked_at"] is not None


def test_settings_come_from_env_files_and_names_are_checked_there_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BYLINE_DATABASE_URL=sqlite:///other.db\n")
    assert run(tmp_path, "migrate").returncode == 0
    assert (tmp_path / "other.db").is_file()
    (tmp_path / ".env").write_text("BYLINE_DATABSE_URL=x\n")
    assert "BYLINE_DATABSE_URL" in run(tmp_path, "migrate").stderr
