"""A judge from outside: schemathesis tries what the OpenAPI document allows, and what it forbids."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import Newsroom

HERE = Path(__file__).parent


def test_schemathesis_finds_nothing_that_the_contract_does_not_say(
    newsroom: Newsroom, served: str
) -> None:
    author = newsroom.make("authors", name="Mara Lind", email="mara@example.org")
    tag = newsroom.send("POST", "/v1/tags", {"name": "Climate", "kind": "section"}).json()
    newsroom.article(authors=[author["id"]], tags=[tag["id"]], image={"caption": "At dawn"})
    key = newsroom.key("admin")
    its_id = newsroom.get("/v1/me", key).json()["id"]

    run = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("--config-file", HERE / "schemathesis.toml"),
            *("run", f"{served}/openapi.json", "--url", served, "--no-color"),
        ],
        cwd=HERE,
        env={**os.environ, "API_KEY": key["Authorization"].split()[1], "API_KEY_ID": its_id},
        capture_output=True,
        text=True,
        timeout=600,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert newsroom.get("/v1/me", key).status_code == 200
