"""A judge from outside: schemathesis tries what the OpenAPI document allows, and what it forbids."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.db.database import Database
from app.db.migrate import migrate
from tests.conftest import Newsroom

HERE = Path(__file__).parent


@pytest.fixture
def newsroom(open_newsroom: Callable[..., Newsroom], tmp_path: Path) -> Newsroom:
    """On SQLite alone: it judges what is documented, which is one for both databases."""
    url = f"sqlite:///{tmp_path / 'byline.db'}"
    migrate(Database(url))
    judged = open_newsroom(url, search=True, data_dir=tmp_path)
    judged.indexed()
    return judged


def operations_of(newsroom: Newsroom) -> int:
    paths = newsroom.get("/openapi.json").json()["paths"]
    return sum(len(operations) for operations in paths.values())


def test_schemathesis_finds_nothing_that_the_contract_does_not_say(
    newsroom: Newsroom, served: str, tmp_path: Path
) -> None:
    author = newsroom.make("authors", name="Mara Lind", email="mara@example.org")
    tag = newsroom.send("POST", "/v1/tags", {"name": "Climate", "kind": "section"}).json()
    newsroom.article(authors=[author["id"]], tags=[tag["id"]], image={"caption": "At dawn"})
    key = newsroom.key("admin")

    run = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("--config-file", HERE / "schemathesis.toml"),
            *("run", f"{served}/openapi.json", "--url", served, "--no-color"),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "HOOKS": str(HERE / "schemathesis_hooks.py"),
            "API_KEY": key["Authorization"].removeprefix("Bearer "),
            "API_KEY_ID": newsroom.get("/v1/me", key).json()["id"],
        },
        capture_output=True,
        text=True,
        timeout=600,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert f"Tested: {operations_of(newsroom)}\n" in run.stdout
    assert newsroom.get("/v1/me", key).status_code == 200
