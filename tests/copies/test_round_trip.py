"""What `byline export` writes, `byline import` reads back: the copy answers as the original does."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli import main
from app.db.database import Database
from app.db.migrate import migrate
from app.demo.actions import load_demo
from app.main import utc_now
from tests.conftest import Newsroom
from tests.databases import new_postgres_database

LISTS = [
    "/v1/articles?limit=100",
    "/v1/articles?limit=7&count=exact",
    "/v1/articles?sort=-updated_at&limit=100&body=html,text",
    "/v1/articles?sort=headline&limit=100",
    "/v1/articles?status=draft,scheduled,expired,withdrawn&limit=100",
    "/v1/authors?limit=100&article_count=true",
    "/v1/tags?limit=100&article_count=true",
]


def run(newsroom: Newsroom, *arguments: Any, **options: Any) -> list[dict[str, Any]]:
    """The lines that a command prints; it must succeed."""
    environment = {"BYLINE_DATABASE_URL": newsroom.url}
    done = CliRunner().invoke(main, list(map(str, arguments)), env=environment, **options)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def full_newsroom(original: Newsroom) -> Newsroom:
    """The sample newsroom, and everything that can happen to an article, an author or a tag."""
    load_demo(original.database, original.clock())
    send, clock = original.send, original.clock
    for name in ("Old Desk", "New Desk"):
        original.make("authors", name=name, email="desk@example.org", links=[])
        send("POST", "/v1/tags", {"name": name, "kind": "section"})
    original.make("tags", name="Below", parent="new-desk")
    named: dict[str, Any] = {
        "authors": [{"ref": "old-desk", "role": "x"}],
        "tags": ["old-desk", "below"],
    }
    for headline in ("Renamed", "Withdrawn", "Withdrawn unseen", "Deleted", "Corrected"):
        original.article(headline, **named, metadata={"a": [1, 1.5, None, True]})
    original.make("articles", headline="Deleted draft", **named)
    original.make("articles", headline="Draft with a date", published_at=clock.at(days=3))
    original.article("Scheduled", published_at=clock.at(days=1), external_id="x-1")
    original.article("Embargoed", embargoed_until=clock.at(hours=2))
    original.article("Expires", expires_at=clock.at(minutes=1), published_at=clock.at(days=-1))
    original.article(
        "日本語の見出し", language="ja", body={"format": "text", "source": "\x01\u2028é"}
    )
    send("PATCH", "/v1/articles/renamed", {"slug": "renamed-once"})
    send("PATCH", "/v1/articles/renamed-once", {"slug": "renamed-twice"})
    send("POST", "/v1/articles/withdrawn/withdraw", {"reason": "It was wrong."})
    send("POST", "/v1/articles/corrected/corrections", {"kind": "update", "note": "x"})
    for slug in ("deleted", "deleted-draft"):
        send("DELETE", f"/v1/articles/{slug}")
    for kind in ("authors", "tags"):
        send("POST", f"/v1/{kind}/old-desk/merge", {"into": "new-desk"})
        send("PATCH", f"/v1/{kind}/new-desk", {"slug": "newest-desk"})
        original.make(kind, name="Gone")
        send("DELETE", f"/v1/{kind}/gone")
    clock.move(minutes=5)
    return original


def addresses(original: Newsroom) -> Iterator[str]:
    """Every address of every thing that is or was there."""
    with original.database.reading() as session:
        connection = session.connection()
        for kind in ("article", "author", "tag"):
            for row in connection.exec_driver_sql(f"SELECT id, slug FROM {kind}"):
                yield from (f"/v1/{kind}s/{row[0]}", f"/v1/{kind}s/{row[1]}")
        for kind, ref in connection.exec_driver_sql("SELECT kind, ref FROM former_ref"):
            yield f"/v1/{kind}s/{ref}"
        for kind, ref in connection.exec_driver_sql(
            "SELECT kind, entity_id FROM revision WHERE operation = 'remove' AND reason = 'deleted'"
        ):
            yield f"/v1/{kind}s/{ref}"


def answers(newsroom: Newsroom, at: Any, paths: list[str]) -> Iterator[Any]:
    for scope in ("", "preview", "write"):
        key = newsroom.key(scope) if scope else {}
        for path in paths:
            newsroom.clock.now = at
            answer = newsroom.get(path, key)
            headers = {name: answer.headers.get(name) for name in ("etag", "location", "link")}
            yield scope, path, answer.status_code, headers, answer.text


def compare(original: Newsroom, copy: Newsroom) -> None:
    copy.app.state.cursor_secret = original.app.state.cursor_secret
    paths = [*LISTS, *addresses(original)]
    now = original.clock.now
    ours, theirs = answers(original, now, paths), answers(copy, now, paths)
    for one, other in zip(ours, theirs, strict=True):
        assert one == other


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(
    request: pytest.FixtureRequest, open_newsroom: Callable[..., Newsroom], tmp_path: Path
) -> Newsroom:
    """Another newsroom with nothing in it, on each database."""
    url = f"sqlite:///{tmp_path / 'copy.db'}"
    if request.param == "postgresql":
        url = new_postgres_database(request.getfixturevalue("postgres"))
    database = Database(url)
    migrate(database)
    database.close()
    return open_newsroom(url)


def test_a_copy_answers_as_the_original_does(
    newsroom: Newsroom, empty: Newsroom, tmp_path: Path
) -> None:
    original, file = full_newsroom(newsroom), tmp_path / "copy.ndjson"
    run(original, "export", file)
    lines = run(empty, "import", file)
    assert {line["status"] for line in lines} == {"created"}
    compare(original, empty)
    again = tmp_path / "again.ndjson"
    run(empty, "export", again)
    assert again.read_bytes() == file.read_bytes()
    assert {line["status"] for line in run(empty, "import", file)} == {"unchanged"}
    compare(original, empty)


def test_a_copy_goes_on_as_the_original_would(
    newsroom: Newsroom, empty: Newsroom, tmp_path: Path
) -> None:
    original, file = full_newsroom(newsroom), tmp_path / "copy.ndjson"
    run(original, "export", file)
    run(empty, "import", file)
    copied = original.get("/v1/articles/corrected", original.key("write")).json()["id"]
    for town in (original, empty):
        town.clock.now = original.clock.now
        town.send("PATCH", f"/v1/articles/{copied}", {"slug": "moved"})
        town.send("POST", "/v1/articles/withdrawn/restore")
        taken = town.send("POST", "/v1/articles", {"headline": "x", "slug": "renamed"})
        assert taken.status_code == 409
    versions = [town.get("/v1/articles/moved").json()["version"] for town in (original, empty)]
    assert versions[0] == versions[1]


def test_a_line_without_a_type_is_an_article_as_bulk_takes_it(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    file = tmp_path / "wire.ndjson"
    file.write_text('{"headline": "One", "external_id": "1"}\n\n{"headline": ""}\n{"type": "x"}\n')
    done = CliRunner().invoke(
        main, ["import", "--publish", str(file)], env={"BYLINE_DATABASE_URL": newsroom.url}
    )
    assert done.exit_code == 1
    one, two, three = map(json.loads, done.stdout.splitlines())
    assert (one["line"], one["status"], one["slug"]) == (1, "created", "one")
    newsroom.clock.now = utc_now()
    assert newsroom.get("/v1/articles/one").status_code == 200
    assert (two["line"], two["status"], two["errors"][0]["pointer"]) == (3, "failed", "/headline")
    assert three["errors"][0]["pointer"] == "/type"
    (again,) = run(newsroom, "import", "-", input='{"headline": "One", "external_id": "1"}')
    assert (again["file"], again["status"]) == ("-", "unchanged")


def test_what_is_there_is_updated_and_the_rest_restored(
    newsroom: Newsroom, empty: Newsroom, tmp_path: Path
) -> None:
    original, file = full_newsroom(newsroom), tmp_path / "copy.ndjson"
    run(original, "export", file)
    run(empty, "import", file)
    empty.clock.now = original.clock.now
    there = empty.get("/v1/articles/renamed-twice").json()
    empty.send("PATCH", f"/v1/articles/{there['id']}", {"headline": "Changed here"})
    empty.send("PATCH", "/v1/tags/below", {"name": "Changed here"})
    lines = run(empty, "import", file)
    updated = {line["slug"] for line in lines if line["status"] == "updated"}
    assert updated == {"renamed-twice", "below"}
    assert empty.get("/v1/articles/renamed-twice").json()["headline"] == there["headline"]
