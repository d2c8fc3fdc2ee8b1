"""`byline import`: news pages captured as text become articles, whole or not at all."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli import main
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


def import_here(newsroom: Newsroom, *arguments: Any) -> list[dict[str, Any]]:
    """The lines that the command prints, without a process of its own."""
    environment = {"BYLINE_DATABASE_URL": newsroom.url}
    done = CliRunner().invoke(main, ["import", *map(str, arguments)], env=environment)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == any(line["status"] == "failed" for line in lines)
    return lines


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


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


def test_a_draft_is_published_by_a_later_run(newsroom: Newsroom, tmp_path: Path) -> None:
    page = write(tmp_path, "page.txt", PAGE)
    (first,) = import_here(newsroom, page)
    assert newsroom.get(f"/v1/articles/{first['slug']}").status_code == 404
    (second,) = import_here(newsroom, page, "--publish")
    assert (first["id"], first["status"]) == (second["id"], "created")
    assert second["status"] == "updated"
    article = newsroom.get(f"/v1/articles/{first['slug']}").json()
    assert (article["status"], article["published_at"]) == ("published", "2025-05-02T00:00:00Z")
    (third,) = import_here(newsroom, page)
    assert third["status"] == "unchanged"
    assert newsroom.get(f"/v1/articles/{first['slug']}").json()["status"] == "published"


def test_a_corrected_page_keeps_its_article_and_does_not_unpublish_it(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    page = write(tmp_path, "page.txt", PAGE)
    (made,) = import_here(newsroom, page, "--publish")
    page = write(tmp_path, "renamed.txt", PAGE.replace("at dawn", "at noon"))
    (corrected,) = import_here(newsroom, page)
    assert (corrected["id"], corrected["slug"]) == (made["id"], made["slug"])
    assert corrected["status"] == "updated"
    article = newsroom.get(f"/v1/articles/{made['slug']}").json()
    assert "at noon" in article["body"]["html"]
    assert (article["status"], article["version"]) == ("published", 2)


def test_a_withdrawn_article_stays_withdrawn(newsroom: Newsroom, tmp_path: Path) -> None:
    page = write(tmp_path, "page.txt", PAGE)
    (made,) = import_here(newsroom, page, "--publish")
    newsroom.send("POST", f"/v1/articles/{made['id']}/withdraw")
    (same,) = import_here(newsroom, page, "--publish")
    page = write(tmp_path, "page.txt", PAGE.replace("at dawn", "at noon"))
    (corrected,) = import_here(newsroom, page, "--publish")
    assert (same["status"], corrected["status"]) == ("unchanged", "updated")
    assert newsroom.get(f"/v1/articles/{made['slug']}").status_code == 410


def test_an_author_who_is_there_is_used_whatever_the_spelling(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    there = newsroom.make("authors", name="José Pérez", slug="jose")
    one = write(tmp_path, "1.txt", "One Day\n\nBy JOSE PEREZ May 2, 2025\n\nText.\n")
    two = write(
        tmp_path, "2.txt", "Two Days\n\nBy José Pérez and Jose Perez May 3, 2025\n\nText.\n"
    )
    lines = import_here(newsroom, one, two, "--publish")
    assert [line["status"] for line in lines] == ["created", "created"]
    for line in lines:
        authors = newsroom.get(f"/v1/articles/{line['slug']}").json()["authors"]
        assert [author["id"] for author in authors] == [there["id"]]
    assert len(newsroom.get("/v1/authors").json()["data"]) == 1


def test_a_page_that_is_too_much_for_an_article_fails_alone(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    caption = write(
        tmp_path, "caption.txt", f"One Day\n\nBy New Name\n\nPhoto: {'x' * 2001}\n\nText.\n"
    )
    folder = tmp_path / "folder"
    folder.mkdir()
    lines = import_here(newsroom, caption, folder, write(tmp_path, "page.txt", PAGE), "--publish")
    assert [line["status"] for line in lines] == ["failed", "failed", "created"]
    assert lines[0]["detail"].startswith(f"{caption}: image.caption: ")
    assert str(folder) in lines[1]["detail"]
    assert ["id" not in line for line in lines] == [True, True, False]
    names = [one["name"] for one in newsroom.get("/v1/authors").json()["data"]]
    assert names == ["Mara Lind", "Tor Vik"]


def test_what_is_printed_is_text_and_never_markup(newsroom: Newsroom, tmp_path: Path) -> None:
    text = "1 < 2 & <script>alert(1)</script> <b>bold</b> &amp;."
    page = write(tmp_path, "page.txt", f"One Day\n\nBy Sam Doe May 2, 2025\n\n{text}\n")
    (line,) = import_here(newsroom, page, "--publish")
    body = newsroom.get(f"/v1/articles/{line['slug']}?body=html,text").json()["body"]
    assert body["text"] == text
    assert "<script" not in body["html"]
    assert "<b>" not in body["html"]


def test_two_pages_with_one_headline_are_two_articles(newsroom: Newsroom, tmp_path: Path) -> None:
    weather = "Weather\n\nBy Sam Doe May {day}, 2025\n\nRain.\n"
    files = [write(tmp_path, f"{day}.txt", weather.format(day=day)) for day in (2, 3)]
    lines = import_here(newsroom, *files, files[0])
    assert [line["status"] for line in lines] == ["created", "created", "unchanged"]
    assert [line["slug"] for line in lines] == ["weather", "weather-2", "weather"]


def test_on_a_terminal_there_is_a_bar_and_what_failed(newsroom: Newsroom, tmp_path: Path) -> None:
    pages = [
        write(tmp_path, f"{number}.txt", PAGE.replace("Harbour", f"Harbour {number}"))
        for number in range(3)
    ]
    broken = write(tmp_path, "broken.json", "{ broken")
    screen, inside = pty.openpty()
    environment = {**os.environ, "BYLINE_DATABASE_URL": newsroom.url}
    run = subprocess.run(
        [BYLINE, "import", *map(str, [*pages, broken])],
        env=environment,
        stdout=inside,
        stderr=inside,
        timeout=60,
        check=False,
    )
    os.close(inside)
    seen = os.read(screen, 100_000).decode()
    os.close(screen)
    assert run.returncode == 1
    assert f"[{'#' * 30}] 100% 4 items: 3 created, 1 failed" in seen
    lines = [json.loads(line) for line in seen.splitlines() if line.startswith("{")]
    assert [line["file"] for line in lines] == [str(broken)]
    assert "1 of 4 could not be imported" in seen
