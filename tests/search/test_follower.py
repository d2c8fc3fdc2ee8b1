"""The follower keeps the index of its machine at the end of the sequence, whatever happens to it."""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.access.visibility import ArticleFilter, Visibility
from app.archive import moves
from app.archive.selection import Selection
from app.search import follower as follower_module
from app.search.follower import Keeper, Progress
from app.search.index import PLACE_FILE, REBUILD_FILE, SearchIndex, read_place, write_place
from app.search.queries import index_selection
from tests.conftest import Newsroom, wait_until

Open = Callable[..., Newsroom]


@pytest.fixture
def opened(database_url: str, open_newsroom: Open, tmp_path: Path) -> Callable[..., Newsroom]:
    """Opens one more process, as it were, on the same database and the same machine."""

    def another(**settings: Any) -> Newsroom:
        return open_newsroom(database_url, **{"search": True, "data_dir": tmp_path, **settings})

    return another


def keeper_of(newsroom: Newsroom) -> Keeper:
    index: SearchIndex = newsroom.app.state.search
    return Keeper(index, newsroom.database, newsroom.clock, 30_000_000)


@contextmanager
def nobody_follows(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Applications opened within have an index that only the test brings forward."""
    with monkeypatch.context() as patch:
        patch.setattr(follower_module.Follower, "run", lambda self: None)
        yield


@pytest.fixture
def followed(
    monkeypatch: pytest.MonkeyPatch, opened: Callable[..., Newsroom]
) -> Iterator[tuple[Newsroom, Keeper]]:
    """A newsroom whose index goes forward only when the test says so."""
    with nobody_follows(monkeypatch):
        newsroom = opened()
    keeper = keeper_of(newsroom)
    with keeper.locked():
        keeper.open(lambda _: None)
        yield newsroom, keeper
        keeper.close()


def search(newsroom: Newsroom, q: str, key: dict[str, str] | None = None) -> Any:
    return newsroom.get(f"/v1/search?q={q}&facets=tag,year", key)


def headlines(newsroom: Newsroom, q: str) -> list[str]:
    return [one["headline"] for one in search(newsroom, q).json()["data"]]


def test_a_write_is_found_without_waiting_for_the_next_look(
    monkeypatch: pytest.MonkeyPatch, searching: Newsroom
) -> None:
    searching.indexed()
    monkeypatch.setattr(follower_module, "QUIET_SECONDS", 600)
    for number in range(5):
        searching.article(f"Ferry {number}", summary=f"unique{number}")
        wait_until(lambda number=number: headlines(searching, f"unique{number}") != [])  # type: ignore[misc]


def test_the_answer_to_a_write_can_wait_for_search(searching: Newsroom) -> None:
    for number in range(5):
        answer = searching.send(
            "POST", "/v1/articles?publish=true", {"headline": f"Ferry {number}"},
            {"Prefer": "respond-async, wait=10"},
        )  # fmt: skip
        assert answer.status_code == 201
        assert answer.headers["preference-applied"] == "wait=10"
        assert len(headlines(searching, "ferry")) == number + 1
    gone = searching.send("DELETE", "/v1/articles/ferry-1", headers={"Prefer": "wait=10"})
    assert gone.status_code == 204
    assert len(headlines(searching, "ferry")) == 4


def test_waiting_ends_when_its_time_is_over(followed: tuple[Newsroom, Keeper]) -> None:
    newsroom, _ = followed
    answer = newsroom.send(
        "POST", "/v1/articles", {"headline": "Ferry"}, {"Prefer": "wait=0"}
    )  # fmt: skip
    assert answer.status_code == 201
    assert "preference-applied" not in answer.headers


def test_whatever_goes_wrong_while_waiting_the_write_is_answered(
    followed: tuple[Newsroom, Keeper], monkeypatch: pytest.MonkeyPatch
) -> None:
    newsroom, _ = followed
    monkeypatch.setattr(SearchIndex, "newest", lambda self: (self.folder / "gone").stat())
    answer = newsroom.send("POST", "/v1/articles", {"headline": "Ferry"}, {"Prefer": "wait=1"})
    assert answer.status_code == 201
    assert "preference-applied" not in answer.headers


def test_a_clock_that_is_behind_the_writers_is_waited_for(
    followed: tuple[Newsroom, Keeper],
) -> None:
    """Else what is public would be taken for what is still to come, for ever."""
    newsroom, keeper = followed
    newsroom.article("Ferry")
    began = time.monotonic()

    def behind() -> datetime:
        return newsroom.clock.now - timedelta(seconds=0.4 - (time.monotonic() - began))

    keeper._clock = behind
    assert keeper.follow()
    assert time.monotonic() - began >= 0.4
    view = newsroom.app.state.search.newest()
    assert (view.public.num_docs, view.hidden.num_docs) == (1, 0)


def test_while_writes_pour_in_there_is_some_time_between_commits(
    searching: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    searching.indexed()
    monkeypatch.setattr(follower_module, "REST_SHARE", 1e6)
    monkeypatch.setattr(follower_module, "REST_SECONDS_MAX", 0.5)
    searching.send("POST", "/v1/articles", {"headline": "First"}, {"Prefer": "wait=9"})
    began = time.monotonic()
    searching.send("POST", "/v1/articles", {"headline": "Second"}, {"Prefer": "wait=9"})
    assert 0.3 < time.monotonic() - began < 5


def test_the_answer_to_a_rename_waits_for_the_articles_that_are_moved_after_it(
    monkeypatch: pytest.MonkeyPatch, searching: Newsroom
) -> None:
    monkeypatch.setattr(moves, "MOVED_AT_ONCE_MAX", 1)
    searching.send("POST", "/v1/tags", {"name": "Harbour", "kind": "topic"})
    for number in range(3):
        searching.article(f"Story {number}", tags=["harbour"])
    rename = "PATCH", "/v1/tags/harbour"
    late = searching.send(*rename, {"name": "Marina"}, {"Prefer": "wait=1"})
    assert late.status_code == 200
    assert "preference-applied" not in late.headers
    # Who writes something else meanwhile does not wait for it.
    other = searching.send(
        "POST", "/v1/tags", {"name": "Other", "kind": "topic"}, {"Prefer": "wait=20"}
    )
    assert other.headers["preference-applied"] == "wait=20"
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(searching.send, *rename, {"name": "Jetty"}, {"Prefer": "wait=20"})
        wait_until(lambda: searching.get("/v1/tags/harbour").json()["name"] == "Jetty")
        while not answer.done():
            moves.move_some(searching.database, searching.clock)
    assert answer.result().headers["preference-applied"] == "wait=20"
    assert len(headlines(searching, "jetty")) == 3
    assert headlines(searching, "marina") == []


def test_a_refusal_waits_for_nothing(followed: tuple[Newsroom, Keeper]) -> None:
    newsroom, _ = followed
    began = time.monotonic()
    answer = newsroom.send("POST", "/v1/articles", {"headline": ""}, {"Prefer": "wait=20"})
    assert answer.status_code == 422
    assert time.monotonic() - began < 5


def test_every_kind_of_change_reaches_the_index(searching: Newsroom) -> None:
    article = searching.article("Ferry sails", summary="Old words.")
    searching.make("authors", name="Mara Lind")
    searching.send(
        "PATCH", "/v1/articles/ferry-sails", {"summary": "New.", "authors": ["mara-lind"]}
    )
    assert searching.found("old") == []
    assert searching.found("new") == ["Ferry sails"]
    searching.send("PATCH", "/v1/authors/mara-lind", {"name": "Mara Berg", "slug": "mara-berg"})
    assert searching.found("author:berg") == ["Ferry sails"]
    assert searching.found("author:lind") == []
    searching.send("POST", "/v1/articles/ferry-sails/withdraw", {})
    assert searching.found("ferry") == []
    assert searching.found("ferry", searching.key("preview"), status="withdrawn") == ["Ferry sails"]
    searching.send("POST", "/v1/articles/ferry-sails/restore")
    assert searching.found("ferry") == ["Ferry sails"]
    searching.send("DELETE", f"/v1/articles/{article['id']}")
    assert searching.found("ferry", searching.key("preview")) == []


@pytest.mark.parametrize("action", ["withdraw", "delete", "hide by date", "retag"])
def test_what_is_taken_back_is_gone_before_the_index_knows(
    followed: tuple[Newsroom, Keeper], action: str
) -> None:
    newsroom, keeper = followed
    newsroom.send("POST", "/v1/tags", {"name": "Secret", "kind": "topic"})
    newsroom.send("POST", "/v1/tags", {"name": "Sport", "kind": "topic"})
    key = newsroom.key("read", entitlement={"articles": {"tag": ["sport"]}})
    newsroom.article("Ferry sails", tags=["sport"])
    newsroom.article("Ferryman rests", tags=["sport", "secret"])
    while keeper.follow():
        pass
    place = "/v1/articles/ferryman-rests"
    assert search(newsroom, "ferryman rest", key).json()["page"]["total"] == 1
    match action:
        case "withdraw":
            newsroom.send("POST", f"{place}/withdraw", {})
        case "delete":
            newsroom.send("DELETE", place)
        case "hide by date":
            newsroom.send("PATCH", place, {"embargoed_until": newsroom.clock.at(days=1)})
        case "retag":
            newsroom.send("PATCH", place, {"tags": ["secret"]})

    found = search(newsroom, "ferry*", key).json()
    assert [one["headline"] for one in found["data"]] == ["Ferry sails"]
    assert found["page"]["total"] == 1
    assert found["facets"]["tag"] == [{"value": "sport", "name": "Sport", "count": 1}]
    assert found["facets"]["year"][0]["count"] == 1
    assert search(newsroom, "ferryman", key).json()["page"]["total"] == 0
    assert search(newsroom, "ferrymen", key).json()["did_you_mean"] is None
    assert search(newsroom, "", key).json()["page"]["total"] == 1
    suggested = newsroom.get("/v1/suggest?q=ferry", key).json()["data"]
    assert [one["text"] for one in suggested] == ["Ferry sails"]
    related = newsroom.get("/v1/articles/ferry-sails/related", key).json()["data"]
    assert related == []


def test_what_the_clock_changes_needs_no_follower(followed: tuple[Newsroom, Keeper]) -> None:
    newsroom, keeper = followed
    at = newsroom.clock.at
    newsroom.article("Ferry later", published_at=at(hours=1))
    newsroom.article("Ferry now", expires_at=at(hours=1))
    newsroom.article("Ferry embargoed", embargoed_until=at(hours=1))
    while keeper.follow():
        pass
    early = newsroom.key("read", entitlement={"embargoed": True})
    assert headlines(newsroom, "ferry") == ["Ferry now"]
    assert search(newsroom, "ferry", early).json()["page"]["total"] == 2
    newsroom.clock.move(hours=2)
    assert sorted(headlines(newsroom, "ferry")) == ["Ferry embargoed", "Ferry later"]
    assert search(newsroom, "ferry").json()["page"]["total"] == 2
    assert search(newsroom, "ferry").json()["facets"]["year"][0]["count"] == 2
    newsroom.tick()
    while keeper.follow():
        pass
    assert sorted(headlines(newsroom, "ferry")) == ["Ferry embargoed", "Ferry later"]


def test_how_much_there_is_does_not_depend_on_what_was_chosen(
    followed: tuple[Newsroom, Keeper],
) -> None:
    """Also while the index has what was chosen no more in the database."""
    newsroom, keeper = followed
    for number in range(4):
        newsroom.article(f"Ferry {number}", language="en")
    while keeper.follow():
        pass
    newsroom.send("PATCH", "/v1/articles/ferry-1", {"language": "de"})
    newsroom.send("POST", "/v1/articles/ferry-2/withdraw", {"reason": "wrong"})
    view = newsroom.app.state.search.newest()
    with newsroom.database.reading() as session:
        sizes = [
            index_selection(view, Selection(session, Visibility(newsroom.clock.now), chosen)).size
            for chosen in (ArticleFilter(), ArticleFilter(language=["en"]))
        ]
    assert sizes == [3, 3]
    found = newsroom.get("/v1/search?q=ferry&language=en").json()
    assert sorted(one["headline"] for one in found["data"]) == ["Ferry 0", "Ferry 3"]


def test_memory_is_given_back_when_the_work_is_done_and_not_after_each_write(
    opened: Callable[..., Newsroom], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(follower_module, "give_memory_back", lambda: calls.append(1))
    monkeypatch.setattr(follower_module, "TIDY_CHANGES", 10)
    newsroom = opened()
    wait_until(lambda: len(calls) == 1)  # an index was made
    for _ in range(4):
        newsroom.make("articles", headline="Ferry is late")  # one change each
        newsroom.indexed()
    assert len(calls) == 1
    for _ in range(6):
        newsroom.make("articles", headline="Ferry is late")
        newsroom.indexed()
    wait_until(lambda: len(calls) == 2)


def test_one_process_writes_and_another_takes_over(opened: Callable[..., Newsroom]) -> None:
    first, second = opened(), opened()
    second.clock.move(seconds=1)  # its own, which is not to be late
    first.article("Ferry one")
    first.indexed()
    assert second.found("ferry") == ["Ferry one"]
    first.client.__exit__(None, None, None)
    second.article("Ferry two")
    assert sorted(second.found("ferry")) == ["Ferry one", "Ferry two"]
    first.client.__enter__()


def test_the_lock_goes_with_a_process_that_is_killed(
    opened: Callable[..., Newsroom], tmp_path: Path
) -> None:
    (tmp_path / "search").mkdir()
    hold = (
        "import fcntl, sys, time; file = open(sys.argv[1], 'a'); fcntl.flock(file, fcntl.LOCK_EX);"
        "print('held', flush=True); time.sleep(60)"
    )
    lock = tmp_path / "search" / "writer.lock"
    holder = subprocess.Popen([sys.executable, "-c", hold, str(lock)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    newsroom = opened()
    newsroom.article("Ferry")
    answer = search(newsroom, "ferry")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert answer.json()["type"].endswith("search-building")
    holder.kill()
    holder.wait()
    assert newsroom.found("ferry") == ["Ferry"]


def test_an_index_is_taken_up_where_it_was_left(
    opened: Callable[..., Newsroom], tmp_path: Path
) -> None:
    first = opened()
    first.article("Ferry one")
    first.indexed()
    first.client.__exit__(None, None, None)
    before = read_place(tmp_path / "search")
    second = opened()
    second.article("Ferry two")
    assert sorted(second.found("ferry")) == ["Ferry one", "Ferry two"]
    after = read_place(tmp_path / "search")
    assert before is not None
    assert after is not None
    assert before.generation == after.generation
    first.client.__enter__()


def _garble(file: Path) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_bytes(b"garbled")
    fresh.replace(file)


def _lose(folder: Path) -> None:
    shutil.rmtree(folder)


def _lose_place(folder: Path) -> None:
    (folder / PLACE_FILE).unlink()


def _garble_place(folder: Path) -> None:
    (folder / PLACE_FILE).write_text("{")


def _lose_a_file(folder: Path) -> None:
    next(folder.glob("*/public/*.term")).unlink()


def _cut_files(folder: Path) -> None:
    for file in folder.glob("*/public/*.term"):
        file.write_bytes(file.read_bytes()[:10])


def _garble_files(folder: Path) -> None:
    for file in folder.glob("*/public/*.*"):
        if "lock" not in file.name:
            _garble(file)


def _garble_meta(folder: Path) -> None:
    next(folder.glob("*/public/meta.json")).write_text("{}")


def _change_place(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / PLACE_FILE).write_text(
            json.dumps(json.loads((folder / PLACE_FILE).read_text()) | changes)
        )

    return change


@pytest.mark.parametrize(
    "spoil",
    [
        _lose, _lose_place, _garble_place, _lose_a_file, _cut_files, _garble_files, _garble_meta,
        _change_place(structure="another"),
        _change_place(rules="others"),
        _change_place(database="another"),
        _change_place(sequence=10_000),
        _change_place(mark="2 01a20c95-fd9f-710b-8f03-e27cdf1368f0 2026-01-01T00:00:00+00:00"),
    ],
    ids=[
        "missing", "no place", "garbled place", "a file missing", "files cut", "garbled files", "garbled meta",
        "outdated structure", "outdated rules", "of another database", "ahead of the database",
        "of another past",
    ],
)  # fmt: skip
def test_an_index_that_cannot_be_used_is_made_anew(
    opened: Callable[..., Newsroom], tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    first = opened()
    first.article("Ferry one")
    first.indexed()
    first.client.__exit__(None, None, None)
    folder = tmp_path / "search"
    generation = next(one.name for one in folder.iterdir() if one.is_dir())
    spoil(folder)
    second = opened()
    second.article("Ferry two")

    def is_made_anew() -> bool:
        place = read_place(folder)
        return place is not None and place.generation != generation

    wait_until(is_made_anew)
    assert sorted(second.found("ferry")) == ["Ferry one", "Ferry two"]
    wait_until(lambda: len([one for one in folder.iterdir() if one.is_dir()]) == 1)
    first.client.__enter__()


def test_the_old_index_answers_and_is_followed_while_a_new_one_is_made(
    followed: tuple[Newsroom, Keeper],
) -> None:
    newsroom, keeper = followed
    newsroom.article("Ferry one")
    while keeper.follow():
        pass
    seen: list[tuple[list[str], Progress]] = []

    def tell(progress: Progress) -> None:
        newsroom.article(f"Ferry while {len(seen)}")
        keeper.follow()
        seen.append((headlines(newsroom, "ferry"), progress))

    keeper.rebuild(tell)
    assert sorted(seen[0][0]) == ["Ferry one", "Ferry while 0"]
    assert (seen[0][1].done, seen[0][1].total) == (1, 1)
    assert str(seen[0][1]).startswith("████████████████████ 100%  1 of 1")
    assert sorted(headlines(newsroom, "ferry")) == ["Ferry one", "Ferry while 0"]


def test_an_old_index_that_can_be_followed_no_more_does_not_keep_a_new_one_from_being_made(
    followed: tuple[Newsroom, Keeper], tmp_path: Path
) -> None:
    newsroom, keeper = followed
    newsroom.article("Ferry")
    damaged = keeper._generation
    assert damaged is not None
    damaged.close()  # it takes nothing more
    (tmp_path / "search" / REBUILD_FILE).touch()
    keeper.rebuild(lambda _: None)
    assert headlines(newsroom, "ferry") == ["Ferry"]
    assert not keeper.is_asked_to_rebuild()


def test_an_index_that_is_damaged_while_it_is_used_is_made_anew(
    searching: Newsroom, tmp_path: Path
) -> None:
    searching.article("Ferry one")
    searching.indexed()
    _garble(next((tmp_path / "search").glob("*/public/meta.json")))
    searching.article("Ferry two")
    assert sorted(searching.found("ferry")) == ["Ferry one", "Ferry two"]
    searching.article("Ferry three")
    assert len(searching.found("ferry")) == 3


def test_an_outdated_index_answers_until_the_new_one_is_there(
    followed: tuple[Newsroom, Keeper], tmp_path: Path
) -> None:
    newsroom, keeper = followed
    newsroom.article("Ferry")
    while keeper.follow():
        pass
    place = read_place(tmp_path / "search")
    assert place is not None
    write_place(tmp_path / "search", type(place)(**{**place.__dict__, "rules": "others"}))
    assert headlines(newsroom, "ferry") == ["Ferry"]


def test_a_rebuild_that_is_asked_for_is_done(searching: Newsroom, tmp_path: Path) -> None:
    searching.article("Ferry")
    searching.indexed()
    before = read_place(tmp_path / "search")
    assert before is not None
    (tmp_path / "search" / REBUILD_FILE).touch()

    def is_made_anew() -> bool:
        place = read_place(tmp_path / "search")
        return place is not None and place.generation != before.generation

    wait_until(is_made_anew)
    assert searching.found("ferry") == ["Ferry"]


def test_many_write_and_everything_is_found(searching: Newsroom) -> None:
    def write(number: int) -> None:
        for one in range(20):
            searching.article(f"Ferry {number} {one}")

    key = searching.key("publish")
    assert key
    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert searching.search("ferry", limit=1)["page"]["total"] == 80


def test_a_server_that_does_not_search_says_so(newsroom: Newsroom) -> None:
    answer = newsroom.get("/v1/search?q=ferry")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:byline:problem:search-off")
