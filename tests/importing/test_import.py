"""`byline import`: news pages captured as text become articles, whole or not at all."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SHARED, Newsroom

SEED = SHARED / "seeds" / "000_611d51fa6e7b450c.txt"
BYLINE = Path(sys.executable).with_name("byline")
PAGE = """Last update: May 3, 2025 10:00

Harbour bridge opens

By Mara Lind and Tor Vik May 2, 2025

The new bridge at dawn / Harrow Bay Wire

The bridge opened at dawn.

Cars went first.
"""


def run_import(newsroom: Newsroom, *arguments: Any) -> tuple[int, list[dict[str, Any]]]:
    run = subprocess.run(
        [BYLINE, "import", *map(str, arguments)],
        env={**os.environ, "BYLINE_DATABASE_URL": newsroom.url},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return run.returncode, [json.loads(line) for line in run.stdout.splitlines()]


def test_a_page_becomes_an_article_once(newsroom: Newsroom, tmp_path: Path) -> None:
    page = tmp_path / "page.txt"
    page.write_text(PAGE)
    code, (line,) = run_import(newsroom, page, "--publish")
    assert (code, line["status"], line["slug"]) == (0, "created", "harbour-bridge-opens")
    assert line["file"] == str(page)
    article = newsroom.get("/v1/articles/harbour-bridge-opens").json()
    assert article["id"] == line["id"]
    assert [one["slug"] for one in article["authors"]] == ["mara-lind", "tor-vik"]
    assert article["published_at"] == "2025-05-02T00:00:00Z"
    assert article["image"]["credit"] == "Harrow Bay Wire"
    assert article["metadata"]["last_update"] == "May 3, 2025 10:00"
    assert article["body"]["html"].count("<p>") == 2
    code, (line,) = run_import(newsroom, page, "--publish")
    assert (code, line["status"]) == (0, "unchanged")
    assert newsroom.get("/v1/articles/harbour-bridge-opens").json()["version"] == article["version"]
    page.write_text(PAGE.replace("Cars went", "Cyclists went"))
    code, (line,) = run_import(newsroom, page, "--publish")
    assert (code, line["status"]) == (0, "updated")
    assert "Cyclists" in newsroom.get("/v1/articles/harbour-bridge-opens").text


def test_without_publish_it_is_a_draft_with_its_date(newsroom: Newsroom, tmp_path: Path) -> None:
    page = tmp_path / "page.txt"
    page.write_text(PAGE)
    code, (line,) = run_import(newsroom, page)
    assert (code, line["status"]) == (0, "created")
    assert newsroom.get("/v1/articles/harbour-bridge-opens").status_code == 404
    article = newsroom.get("/v1/articles/harbour-bridge-opens", newsroom.key("preview")).json()
    assert (article["status"], article["published_at"]) == ("draft", "2025-05-02T00:00:00Z")


def test_a_bad_file_says_where_and_leaves_nothing_behind(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    good, bad, missing = tmp_path / "good.txt", tmp_path / "bad.txt", tmp_path / "missing.txt"
    good.write_text(PAGE)
    bad.write_text("Harbour bridge closes\n\nBy Ada Noone June 31, 2025\n\nText.\n")
    code, lines = run_import(newsroom, bad, missing, good, "--publish")
    assert code != 0
    assert [line["status"] for line in lines] == ["failed", "failed", "created"]
    assert f"{bad}:3:" in lines[0]["detail"]
    slugs = [one["slug"] for one in newsroom.get("/v1/authors").json()["data"]]
    assert slugs == ["mara-lind", "tor-vik"]


def test_the_page_that_the_mission_started_from(newsroom: Newsroom) -> None:
    if not SEED.is_file():
        pytest.skip("the page lies beside the project, and is not here")
    code, (line,) = run_import(newsroom, SEED, "--publish")
    assert (code, line["status"]) == (0, "created")
    article = newsroom.get(f"/v1/articles/{line['slug']}").json()
    assert article["headline"].startswith("It Is Time to Officially Disband OSCE Minsk Group")
    assert article["published_at"] == "2024-06-22T00:00:00Z"
    assert article["image"]["caption"].endswith("February 18, 2024")
    assert article["image"]["credit"] == "Courtesy"
    assert article["body"]["html"].count("<p>") == 13
    assert article["metadata"]["last_update"] == "July 14, 2024 01:49"
    listed = newsroom.get("/v1/articles?author=gunay-hajiyeva").json()["data"]
    assert [one["id"] for one in listed] == [line["id"]]
