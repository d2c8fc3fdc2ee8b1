"""A rename that many articles show: the new name at once, and each article moved once after it."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from app.archive import moves
from app.archive.actions import move_articles
from app.archive.models import PendingMove
from app.archive.moves import move_some
from app.changes.models import Revision
from app.db.columns import table
from app.db.database import Database
from tests.conftest import Newsroom
from tests.sync.followers import Follower

KINDS = ["authors", "tags"]
MANY = 7
revision, pending_move = table(Revision), table(PendingMove)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes two articles too many for one transaction, and moves two at a time."""
    monkeypatch.setattr(moves, "MOVED_AT_ONCE_MAX", 1)
    monkeypatch.setattr(moves, "BATCH", 2)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def furnish(newsroom: Newsroom, kind: str) -> None:
    """Sam, whom many articles show, and one that shows another."""
    newsroom.make(kind, name="Sam")
    newsroom.make(kind, name="Alex")
    for number in range(MANY):
        newsroom.article(f"Number {number}", **{kind: ["sam"]})
    newsroom.article("Other", **{kind: ["alex"]})


@pytest.fixture
def town(newsroom: Newsroom, few: None, kind: str) -> Newsroom:
    furnish(newsroom, kind)
    return newsroom


def rename(town: Newsroom, kind: str, name: str = "Samantha") -> dict[str, Any]:
    town.clock.move(minutes=1)
    answer = town.send("PATCH", f"/v1/{kind}/sam", {"name": name})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def move_all(database: Database, clock: Any) -> None:
    while move_some(database, clock):
        pass


def is_pending(town: Newsroom) -> bool:
    with town.database.reading() as session:
        return session.connection().execute(sa.select(pending_move)).first() is not None


def versions(town: Newsroom) -> dict[str, int]:
    data = town.get("/v1/articles?limit=100").json()["data"]
    return {one["slug"]: one["version"] for one in data}


def moved_once(town: Newsroom, *slugs: str) -> dict[str, int]:
    """The versions of all where these were moved once."""
    before = dict.fromkeys([*(f"number-{number}" for number in range(MANY)), "other"], 1)
    return before | dict.fromkeys(slugs, 2)


ALL = [f"number-{number}" for number in range(MANY)]


def test_every_read_shows_the_new_name_at_once(town: Newsroom, kind: str) -> None:
    rename(town, kind)
    assert is_pending(town)
    preview = town.key("preview")
    singular = kind.removesuffix("s")
    for path in ("/v1/articles/number-3", "/v1/articles/number-3?body=text"):
        for headers in (None, preview):
            article = town.get(path, headers).json()
            assert [one["name"] for one in article[kind]] == ["Samantha"]
            assert article["version"] == 1
    for headers in (None, preview):
        data = town.get(f"/v1/articles?{singular}=sam", headers).json()["data"]
        assert {one[kind][0]["name"] for one in data} == {"Samantha"}
        assert len(data) == MANY


def test_each_article_then_takes_its_number_once(town: Newsroom, kind: str) -> None:
    renamed = rename(town, kind)
    town.clock.move(minutes=1)
    move_all(town.database, town.clock)
    assert versions(town) == moved_once(town, *ALL)
    assert not is_pending(town)
    data = town.get("/v1/articles?sort=-updated_at").json()["data"]
    assert {one["slug"] for one in data[:MANY]} == set(ALL)
    assert data[MANY - 1]["updated_at"] > renamed["updated_at"]
    with town.database.reading() as session:
        written = sa.select(revision).where(revision.c.version == 2, revision.c.kind == "article")
        rows = session.connection().execute(written).all()
    assert len({row.entity_id for row in rows}) == len(rows) == MANY
    me = town.get("/v1/me", town.key("publish")).json()
    assert {row.key_id for row in rows} == {me["id"]}


def test_few_are_moved_at_once(newsroom: Newsroom, kind: str) -> None:
    furnish(newsroom, kind)
    rename(newsroom, kind)
    assert not is_pending(newsroom)
    assert versions(newsroom) == moved_once(newsroom, *ALL)


def test_a_copy_is_stale_at_once_and_no_edit_is_refused_before_the_move(
    town: Newsroom, kind: str
) -> None:
    path = "/v1/articles/number-6"
    tag = town.get(path).headers["ETag"]
    rename(town, kind)
    changed = town.get(path, {"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag
    assert town.get(path, {"If-None-Match": changed.headers["ETag"]}).status_code == 304
    edited = town.send("PATCH", path, {"summary": "Mine."}, {"If-Match": tag})
    assert (edited.status_code, edited.json()["version"]) == (200, 2)
    now = edited.headers["ETag"]
    move_all(town.database, town.clock)
    # What has a version of after the rename needs no other; the next edit goes on from it.
    assert versions(town) == moved_once(town, *ALL)
    assert town.send("PATCH", path, {"summary": "x"}, {"If-Match": now}).status_code == 200
    unread = "/v1/articles/number-5"
    assert town.send("PATCH", unread, {"summary": "x"}, {"If-Match": tag}).status_code == 412


def test_what_is_written_meanwhile_is_right_and_not_moved(town: Newsroom, kind: str) -> None:
    rename(town, kind)
    move_some(town.database, town.clock)
    town.article("New", **{kind: ["sam"]})
    town.send("PATCH", "/v1/articles/number-5", {kind: ["alex"]})
    town.send("PATCH", "/v1/articles/other", {kind: ["sam"]})
    town.send("DELETE", "/v1/articles/number-6")
    follower = Follower(town).catch_up()
    move_all(town.database, town.clock)
    follower.catch_up()
    assert follower.copy == follower.listed()
    expected = moved_once(town, *ALL, "other") | {"new": 1}
    del expected["number-6"]
    assert versions(town) == expected


def test_another_rename_begins_anew(town: Newsroom, kind: str) -> None:
    rename(town, kind)
    move_some(town.database, town.clock)
    follower = Follower(town).catch_up()
    rename(town, kind, "Sammy")
    move_all(town.database, town.clock)
    follower.catch_up()
    assert follower.copy == follower.listed()
    assert {one[kind][0]["name"] for one in follower.copy.values()} == {"Sammy", "Alex"}
    assert sorted(versions(town).values()) == [1] + [2] * (MANY - 2) + [3] * 2


def test_the_oldest_rename_comes_first(town: Newsroom, kind: str) -> None:
    for number in range(2):
        town.article(f"Alex {number}", **{kind: ["alex"]})
    town.send("PATCH", f"/v1/{kind}/alex", {"name": "Alexandra"})
    rename(town, kind)
    move_some(town.database, town.clock)
    moved = {slug for slug, version in versions(town).items() if version == 2}
    assert moved == {"other", "alex-0"}


def test_a_merge_meanwhile_leaves_nothing_behind(town: Newsroom, kind: str) -> None:
    rename(town, kind)
    move_some(town.database, town.clock)
    follower = Follower(town).catch_up()
    assert town.send("POST", f"/v1/{kind}/sam/merge", {"into": "alex"}).is_success
    follower.catch_up()
    assert follower.copy == follower.listed()
    before = versions(town)
    move_all(town.database, town.clock)
    assert not is_pending(town)
    assert versions(town) == before


def test_what_is_merged_into_it_meanwhile_is_moved_as_well(town: Newsroom, kind: str) -> None:
    rename(town, kind)
    follower = Follower(town).catch_up()
    assert town.send("POST", f"/v1/{kind}/alex/merge", {"into": "sam"}).is_success
    move_all(town.database, town.clock)
    follower.catch_up()
    assert follower.copy == follower.listed()
    assert versions(town) == moved_once(town, *ALL, "other")


def test_one_that_is_shown_no_more_can_be_deleted_meanwhile(town: Newsroom, kind: str) -> None:
    rename(town, kind)
    assert town.send("DELETE", f"/v1/{kind}/sam").status_code == 409
    for slug in ALL:
        town.send("PATCH", f"/v1/articles/{slug}", {kind: []})
    assert town.send("DELETE", f"/v1/{kind}/sam").status_code == 204
    move_all(town.database, town.clock)
    assert not is_pending(town)
    assert versions(town) == moved_once(town, *ALL)


def test_a_new_slug_is_followed_while_articles_wait(town: Newsroom, kind: str) -> None:
    singular = kind.removesuffix("s")
    before = Follower(town, {singular: ["samantha"]}).catch_up()
    old = Follower(town, {singular: ["sam"]}).catch_up()
    town.send("PATCH", f"/v1/{kind}/sam", {"slug": "samantha"})
    assert is_pending(town)
    after = Follower(town, {singular: ["samantha"]}).catch_up()
    assert len(after.copy) == len(old.copy) == MANY
    # One leaves before it is moved, and who could have had it is to hear of that.
    town.send("PATCH", "/v1/articles/number-6", {kind: ["alex"]})
    for one in (before, old, after):
        one.catch_up()
    late = Follower(town, {singular: ["samantha"]}).catch_up()
    move_all(town.database, town.clock)
    for one in (before, old, after, late):
        one.catch_up()
        assert one.copy == one.listed()
        assert len(one.copy) == MANY - 1
    assert [one["op"] for one in late.told if one["op"] == "remove"] == []


def test_what_excludes_a_new_slug_lets_go_of_all(newsroom: Newsroom, few: None) -> None:
    furnish(newsroom, "tags")
    follower = Follower(newsroom, {"exclude_tag": ["samantha"]}).catch_up()
    assert len(follower.copy) == MANY + 1
    newsroom.send("PATCH", "/v1/tags/sam", {"slug": "samantha"})
    newsroom.send("PATCH", "/v1/articles/number-2", {"summary": "Edited before it is moved."})
    move_all(newsroom.database, newsroom.clock)
    follower.catch_up()
    assert follower.copy == follower.listed()
    assert len(follower.copy) == 1


def test_a_new_kind_moves_all_at_once_with_what_was_pending(newsroom: Newsroom, few: None) -> None:
    furnish(newsroom, "tags")
    rename(newsroom, "tags")
    assert is_pending(newsroom)
    newsroom.send("PATCH", "/v1/tags/sam", {"kind": "section"})
    assert not is_pending(newsroom)
    assert versions(newsroom) == moved_once(newsroom, *ALL)
    assert newsroom.get("/v1/articles/number-0").json()["section"]["name"] == "Samantha"


def test_however_many_processes_move_at_once_each_article_is_moved_once(
    town: Newsroom, kind: str
) -> None:
    rename(town, kind)
    databases = [Database(town.url) for _process in range(4)]
    with ThreadPoolExecutor(len(databases)) as threads:
        list(threads.map(lambda one: move_all(one, town.clock), databases))
    for one in databases:
        one.close()
    assert versions(town) == moved_once(town, *ALL)


def test_a_batch_that_fails_leaves_its_place(
    town: Newsroom, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename(town, kind)
    move_some(town.database, town.clock)

    def fails(*arguments: Any, **named: Any) -> None:
        move_articles(*arguments, **named)
        raise RuntimeError

    monkeypatch.setattr("app.archive.moves.move_articles", fails)
    before = versions(town)
    with pytest.raises(RuntimeError):
        move_some(town.database, town.clock)
    assert versions(town) == before
    monkeypatch.setattr("app.archive.moves.move_articles", move_articles)
    move_all(town.database, town.clock)
    assert versions(town) == moved_once(town, *ALL)


def test_search_finds_them_by_the_new_name(searching: Newsroom, few: None) -> None:
    furnish(searching, "authors")
    searching.indexed()
    rename(searching, "authors")
    move_all(searching.database, searching.clock)
    assert len(searching.found("author:Samantha")) == MANY


def test_a_server_goes_on_where_another_ended(
    open_newsroom: Any, database_url: str, few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moves, "PAUSE_SECONDS", 0.01)
    town = open_newsroom(database_url)
    furnish(town, "authors")
    rename(town, "authors")
    move_some(town.database, town.clock)
    open_newsroom(database_url, ticker=True, tick_seconds=0.05)
    began = time.monotonic()
    while is_pending(town):
        assert time.monotonic() - began < 10
        time.sleep(0.02)
    assert versions(town) == moved_once(town, *ALL)
