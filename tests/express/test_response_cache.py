"""Answers from memory are the answers that the long way gives, and none is given once too often."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx2
import psycopg
import pytest

from app.articles.ticker import tick
from app.changes.actions import CHANNEL
from app.express.cache import Answer, ResponseCache
from app.express.way import Gather
from app.search import queries
from app.search.follower import Keeper
from app.web.metrics import CacheFigures
from tests.conftest import Newsroom

ITEM = "/v1/articles/harbour-bridge-opens"
CODINGS = ("identity", "gzip", "br", "zstd", "gzip;q=0, *", "deflate")
PATHS = (
    ITEM,
    f"{ITEM}?body=text&fields=headline,authors",
    "/v1/articles?limit=2",
    "/v1/articles?tag=sport&sort=headline&body=html",
    "/v1/authors",
    "/v1/authors/mara-lind",
    "/v1/tags?limit=1",
    "/v1/tags/sport",
    "/v1/changes",
    "/v1/changes?types=article,author,tag&limit=2&tag=sport&body=text",
)
FOUND = (
    "/v1/search?q=bridge&facets=tag,year",
    "/v1/search?limit=2",
    "/v1/search?q=brige&body=html&fields=slug",
    "/v1/suggest?q=har",
    f"{ITEM}/related",
)
ABSENT = ("/v1/articles/none", "/v1/articles?limit=0", "/v1/articles?such=no")


def furnish(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind")
    newsroom.send("POST", "/v1/tags", {"name": "Sport", "kind": "section"})
    newsroom.send("POST", "/v1/tags", {"name": "Harbour", "kind": "topic"})
    for headline in ("Harbour bridge opens", "Ferry is late", "Swimmers win"):
        newsroom.article(
            headline,
            authors=["mara-lind"],
            tags=["sport"],
            body={"format": "html", "source": "<p>The bridge has opened today.</p>" * 30},
        )


def settled(newsroom: Newsroom, path: str, headers: dict[str, str] | None = None) -> Any:
    """The answer from memory, once there is one: PostgreSQL tells of a commit a moment later."""
    figures = newsroom.app.state.metrics.response_cache
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        hits = figures.hits
        answer = newsroom.get(path, headers)
        if figures.hits > hits:
            return answer
        time.sleep(0.01)
    raise AssertionError(f"{path} is never answered from memory")


def seen(answer: Any) -> Any:
    headers = [one for one in answer.headers.raw if one[0].lower() != b"x-request-id"]
    return answer.status_code, [(name.lower(), value) for name, value in headers], answer.content


@pytest.mark.parametrize("coding", CODINGS)
def test_an_answer_from_memory_is_the_one_of_the_long_way(newsroom: Newsroom, coding: str) -> None:
    furnish(newsroom)
    compare(newsroom, PATHS, coding)


@pytest.mark.parametrize("coding", ["identity", "zstd"])
def test_what_was_found_is_the_same_from_memory(searching: Newsroom, coding: str) -> None:
    furnish(searching)
    searching.indexed()
    compare(searching, FOUND, coding)


def compare(newsroom: Newsroom, paths: Sequence[str], coding: str) -> None:
    for path in paths:
        for more in ({}, {"Origin": "https://example.org"}):
            headers = {"Accept-Encoding": coding, **more}
            from_memory = settled(newsroom, path, headers)
            assert seen(from_memory) == seen(newsroom.long_way(path, headers)), path
            has_it = headers | {"If-None-Match": from_memory.headers["ETag"]}
            unchanged = settled(newsroom, path, has_it)
            assert unchanged.status_code == 304
            assert seen(unchanged) == seen(newsroom.long_way(path, has_it)), path


def test_a_request_id_is_never_kept(newsroom: Newsroom) -> None:
    newsroom.article()
    ids = {settled(newsroom, ITEM).headers["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3
    given = settled(newsroom, ITEM, {"X-Request-ID": "mine-1"})
    assert given.headers["X-Request-ID"] == "mine-1"


@pytest.mark.parametrize("path", ABSENT)
def test_what_is_no_200_is_not_kept(newsroom: Newsroom, path: str) -> None:
    furnish(newsroom)
    settled(newsroom, ITEM)
    figures = newsroom.app.state.metrics.response_cache
    before, hits = figures.bytes, figures.hits
    for _ in range(3):
        assert newsroom.get(path).status_code >= 400
    assert (figures.bytes, figures.hits) == (before, hits)


def test_every_write_is_seen_at_once(newsroom: Newsroom) -> None:
    furnish(newsroom)

    def headline() -> str:
        newsroom.get(ITEM)
        return str(newsroom.get(ITEM).json()["headline"])

    for number in range(20):
        newsroom.send("PATCH", ITEM, {"headline": f"Bridge {number}"})
        assert headline() == f"Bridge {number}"
    newsroom.send("PATCH", "/v1/authors/mara-lind", {"name": "Mara Berg"})
    assert newsroom.get(ITEM).json()["authors"][0]["name"] == "Mara Berg"
    newsroom.send("POST", f"{ITEM}/withdraw", {"reason": "wrong"})
    assert newsroom.get(ITEM).status_code == 410
    assert len(newsroom.get("/v1/articles").json()["data"]) == 2


def test_the_clock_is_obeyed_without_a_write(newsroom: Newsroom) -> None:
    newsroom.article("Opens later", published_at=newsroom.clock.at(minutes=10))
    newsroom.article("Embargoed", embargoed_until=newsroom.clock.at(minutes=20))
    newsroom.article("Ends", expires_at=newsroom.clock.at(minutes=30))

    def headlines() -> set[str]:
        return {one["headline"] for one in newsroom.get("/v1/articles").json()["data"]}

    settled(newsroom, "/v1/articles")
    assert headlines() == {"Ends"}
    newsroom.clock.move(minutes=10)
    assert headlines() == headlines() == {"Ends", "Opens later"}
    newsroom.clock.move(minutes=10)
    assert headlines() == headlines() == {"Ends", "Opens later", "Embargoed"}
    newsroom.clock.move(minutes=10)
    assert headlines() == headlines() == {"Opens later", "Embargoed"}
    newsroom.tick()
    settled(newsroom, "/v1/articles")
    assert headlines() == {"Opens later", "Embargoed"}


def test_what_the_index_comes_to_know_later_is_found(
    searching: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(searching)
    searching.indexed()
    paths = {"/v1/search?q=ferry": 1, "/v1/suggest?q=ferry": 1, f"{ITEM}/related": 2}
    with monkeypatch.context() as context:
        context.setattr(Keeper, "follow", lambda _: False)
        searching.article("Ferry sails again", authors=["mara-lind"], tags=["sport"])
        for path, before in paths.items():
            assert len(settled(searching, path).json()["data"]) == before, path
    searching.indexed()
    for path, before in paths.items():
        assert len(searching.get(path).json()["data"]) == before + 1, path


def test_what_is_taken_back_is_found_no_more(
    searching: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(searching)
    searching.indexed()
    monkeypatch.setattr(Keeper, "follow", lambda _: False)
    for path in ("/v1/search?q=ferry", "/v1/suggest?q=ferry"):
        assert len(settled(searching, path).json()["data"]) == 1, path
    searching.send("POST", "/v1/articles/ferry-is-late/withdraw", {"reason": "wrong"})
    for path in ("/v1/search?q=ferry", "/v1/suggest?q=ferry"):
        assert searching.get(path).json()["data"] == [], path


def test_news_are_preferred_by_the_hour(searching: Newsroom) -> None:
    """An article becomes a day old in the middle of an hour; what was found is true until its end."""
    path, clock, figures = "/v1/search?q=ferry", searching.clock, searching.app.state.metrics
    clock.move(minutes=10 - clock().minute)
    searching.article("Ferry is late", published_at=clock.at(days=-1, minutes=20))
    searching.indexed()
    found = [settled(searching, path)]
    for minutes, is_kept in ((30, True), (19, True), (1, False), (59, True)):
        clock.move(minutes=minutes)
        hits = figures.response_cache.hits
        found.append(searching.get(path))
        assert (figures.response_cache.hits > hits) == is_kept
        assert seen(found[-1]) == seen(searching.long_way(path))
    clock.move(days=1)
    scores = [one.json()["data"][0]["score"] for one in (found[0], searching.get(path))]
    assert scores[0] > scores[1]


def test_kuwait_does_not_wait(newsroom: Newsroom) -> None:
    newsroom.send("POST", "/v1/tags", {"name": "Kuwait", "kind": "topic"})
    newsroom.article(tags=["kuwait"])
    assert len(settled(newsroom, "/v1/changes?tag=kuwait").json()["data"]) == 1


@pytest.mark.parametrize("wait", ["wait=1", "w%61it=1", "tag=sport&wait=01"])
def test_who_waits_for_changes_is_not_told_what_there_was(newsroom: Newsroom, wait: str) -> None:
    furnish(newsroom)
    tag = "&tag=sport" if "tag" in wait else ""
    end = settled(newsroom, f"/v1/changes?{tag}").json()["page"]["next"]
    for _ in range(2):
        began = time.monotonic()
        assert newsroom.get(f"/v1/changes?since={end}&{wait}").json()["data"] == []
        assert time.monotonic() - began >= 1


def test_a_follower_is_told_what_is_new_at_once(newsroom: Newsroom) -> None:
    furnish(newsroom)
    end = settled(newsroom, "/v1/changes").json()["page"]["next"]
    for number in range(5):
        assert settled(newsroom, f"/v1/changes?since={end}").json()["data"] == []
        newsroom.send("PATCH", ITEM, {"headline": f"Bridge {number}"})
        page = newsroom.get(f"/v1/changes?since={end}").json()
        assert [one["article"]["headline"] for one in page["data"]] == [f"Bridge {number}"]
        end = page["page"]["next"]


def test_addresses_of_authors_are_not_shared_with_who_may_not_see_them(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind", email="mara@example.org")
    reader, writer = newsroom.key("read"), newsroom.key("write")
    for _ in range(3):
        for headers, email in (({}, None), (reader, None), (writer, "mara@example.org")):
            (entry,) = newsroom.get("/v1/changes?types=author", headers).json()["data"]
            assert entry["author"].get("email") == email


@pytest.mark.parametrize(
    ("dates", "before", "after"), [("published_at", 1, 2), ("expires_at", 2, 1)]
)
def test_what_a_clock_ahead_has_settled_already_is_kept_by_nobody(
    searching: Newsroom, dates: str, before: int, after: int
) -> None:
    """Another machine's ticker has given its number to what is still to come by this one's clock."""
    lists = ("/v1/articles", "/v1/search?q=bridge", "/v1/suggest?q=bridge")
    searching.article("Bridge opens")
    searching.article("Bridge closes", **{dates: searching.clock.at(seconds=2)})
    searching.indexed()
    assert tick(searching.database, searching.clock.now + timedelta(seconds=3))
    for _ in range(5):
        time.sleep(0.05)  # PostgreSQL has told of it meanwhile
        searching.get("/v1/changes")
        for path in lists[: 2 if dates == "expires_at" else 3]:
            assert len(searching.get(path).json()["data"]) == before, path
    searching.clock.move(minutes=1)
    searching.indexed()
    for _ in range(3):
        for path in (*lists, "/v1/changes"):
            told = searching.get(path).json()["data"]
            assert len([one for one in told if one.get("op") != "remove"]) == after, path


def test_an_index_that_cannot_be_looked_at_is_a_problem(searching: Newsroom) -> None:
    index = searching.app.state.search
    index._place_file = f"{__file__}/none"
    answer = searching.get("/v1/search?q=bridge")
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"]


def test_rights_are_never_shared_with_who_has_others(searching: Newsroom) -> None:
    newsroom = searching
    furnish(newsroom)
    newsroom.article("Only a draft", publish=False)
    newsroom.article("Cup final", tags=["harbour"])
    newsroom.indexed()
    callers = {
        "anybody": {},
        "previews": newsroom.key("read", "preview"),
        "harbour": newsroom.key("read", entitlement={"articles": {"tag": ["harbour"]}}),
        "sport": newsroom.key("read", entitlement={"articles": {"tag": ["sport"]}}),
    }
    wanted = {"anybody": 4, "previews": 5, "harbour": 1, "sport": 3}
    for _ in range(3):
        for name, headers in callers.items():
            for path in ("/v1/articles", "/v1/changes", "/v1/search"):
                answer = newsroom.get(path, headers)
                assert len(answer.json()["data"]) == wanted[name], (name, path)
                private = "public" if name == "anybody" else "private"
                assert answer.headers["Cache-Control"].startswith(private)


def test_a_key_that_is_over_or_revoked_is_refused_at_once(newsroom: Newsroom) -> None:
    newsroom.article()
    admin = newsroom.key("admin")
    wanted = {"name": "one", "scopes": ["read"], "expires_at": newsroom.clock.at(hours=1)}
    keys = []
    for _ in range(2):
        made = newsroom.client.post("/v1/keys", json=wanted, headers=admin).json()
        keys.append((made["id"], {"Authorization": f"Bearer {made['key']}"}))
    for _, headers in keys:
        for _ in range(3):
            assert newsroom.get(ITEM, headers).status_code == 200
    first, second = keys
    newsroom.client.delete(f"/v1/keys/{first[0]}", headers={"If-Match": "*", **admin})
    assert newsroom.get(ITEM, first[1]).status_code == 401
    assert newsroom.get(ITEM, second[1]).status_code == 200
    newsroom.clock.move(hours=1)
    assert newsroom.get(ITEM, second[1]).status_code == 401


def test_reading_for_keys_only_stays_so(
    database_url: str, open_newsroom: Callable[..., Newsroom]
) -> None:
    newsroom = open_newsroom(database_url, public_read=False)
    newsroom.article()
    for _ in range(3):
        assert newsroom.get(ITEM, newsroom.key("read")).status_code == 200
        assert newsroom.get(ITEM).status_code == 401


def test_memory_is_bounded(database_url: str, open_newsroom: Callable[..., Newsroom]) -> None:
    newsroom = open_newsroom(database_url, response_cache_bytes=200_000)
    furnish(newsroom)
    settled(newsroom, ITEM)
    figures = newsroom.app.state.metrics.response_cache
    for number in range(300):
        newsroom.get(f"/v1/articles?limit={number % 100 + 1}&body=html&sort=headline")
        newsroom.get(f"{ITEM}?body={'html,' * number}html")
        assert figures.bytes <= 200_000
    assert figures.bytes > 100_000
    settled(newsroom, ITEM)


def test_many_who_ask_at_the_same_time_wait_for_one_answer(newsroom: Newsroom) -> None:
    furnish(newsroom)
    settled(newsroom, ITEM)
    figures = newsroom.app.state.metrics.response_cache
    made = 0
    articles = newsroom.app.state.database.reading

    def counted() -> Any:
        nonlocal made
        made += 1
        return articles()

    newsroom.app.state.database.reading = counted

    async def ask_often() -> list[Any]:
        transport = httpx2.ASGITransport(newsroom.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            return await asyncio.gather(*(client.get("/v1/authors?limit=3") for _ in range(50)))

    before = figures.misses
    portal = newsroom.client.portal
    assert portal is not None
    answers = portal.call(ask_often)
    assert {answer.content for answer in answers} == {answers[0].content}
    assert answers[0].status_code == 200
    assert figures.misses > before
    assert made == 1


def test_those_who_came_after_others_had_failed_are_all_answered() -> None:
    """As where too many search at once: each who is told so leaves the others to try."""

    async def test() -> list[Any]:
        cache, begun = ResponseCache(10**6, CacheFigures()), 0
        gather = SimpleNamespace(express=SimpleNamespace(cache=cache))
        asked: Any = SimpleNamespace(key="same")

        async def made() -> Answer | None:
            nonlocal begun
            begun += 1
            number = begun
            await asyncio.sleep(0.01 * number)
            return None if number < 3 else Answer(b"", b"", str(number), b"", "", 1)

        async def ask() -> Answer | None:
            answer = await Gather._made_by_another(gather, asked)  # type: ignore[arg-type]
            return answer or await cache.make(asked.key, made)

        answers = await asyncio.gather(*(ask() for _ in range(8)), return_exceptions=True)
        assert cache.under_way == {}
        return answers

    answers = asyncio.run(test())
    assert [type(one) for one in answers[:2]] == [type(None)] * 2
    assert [type(one) for one in answers[2:]] == [Answer] * 6


def test_after_each_write_one_search_is_made_for_all(
    searching: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while PostgreSQL has not told of the write yet."""
    furnish(searching)
    settled(searching, "/v1/search?q=late")
    made, find = 0, queries.search

    def counted(*asked: Any) -> Any:
        nonlocal made
        made += 1
        time.sleep(0.05)
        return find(*asked)

    monkeypatch.setattr("app.search.answers.search", counted)

    async def ask_often() -> list[Any]:
        transport = httpx2.ASGITransport(searching.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            return await asyncio.gather(*(client.get("/v1/search?q=ferry") for _ in range(30)))

    portal = searching.client.portal
    assert portal is not None
    for number in range(5):
        searching.send("PATCH", ITEM, {"summary": f"Then {number}"})
        searching.indexed()
        made = 0
        assert [one.status_code for one in portal.call(ask_often)] == [200] * 30
        assert made <= 2  # the index may be written meanwhile


def test_what_was_made_while_something_changed_is_not_kept(newsroom: Newsroom) -> None:
    furnish(newsroom)
    settled(newsroom, ITEM)
    figures = newsroom.app.state.metrics.response_cache
    reading = newsroom.app.state.database.reading

    def written_meanwhile() -> Any:
        newsroom.app.state.database.reading = reading
        with newsroom.database.writing() as session:
            session.connection().exec_driver_sql("UPDATE article SET word_count = word_count + 1")
        return reading()

    newsroom.app.state.database.reading = written_meanwhile
    hits = figures.hits
    for _ in range(2):
        newsroom.get("/v1/authors?limit=3")
    assert figures.hits == hits


def test_a_connection_that_has_gone_silent_is_not_trusted(newsroom: Newsroom) -> None:
    """As when the host of the database vanishes: nobody closes anything."""
    if newsroom.database.is_sqlite:
        pytest.skip("SQLite is asked at each request, and has no connection that could be down")
    newsroom.article()
    settled(newsroom, ITEM)
    with psycopg.connect(newsroom.url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND "
            "(query LIKE 'LISTEN %' OR query LIKE '%min(%next_tick_at%') AND pid <> pg_backend_pid()"
        ).fetchall()
    assert found
    try:
        for (pid,) in found:
            os.kill(pid, signal.SIGSTOP)
        deadline = time.monotonic() + 20
        while newsroom.app.state.freshness._epoch is not None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        for (pid,) in found:
            os.kill(pid, signal.SIGCONT)
    settled(newsroom, ITEM)


def test_what_postgresql_has_told_counts_before_the_loop_comes_to_it(newsroom: Newsroom) -> None:
    if newsroom.database.is_sqlite:
        pytest.skip("SQLite is asked at each request")
    newsroom.article()
    settled(newsroom, ITEM)

    async def while_the_loop_is_busy() -> list[bool]:
        freshness, known = newsroom.app.state.freshness, []
        with psycopg.connect(newsroom.url, autocommit=True) as other:
            known.append(freshness.epoch(newsroom.clock()) is not None)
            other.execute(f"NOTIFY {CHANNEL}")
            deadline = time.monotonic() + 5
            while freshness.epoch(newsroom.clock()) is not None and time.monotonic() < deadline:
                time.sleep(0.001)
            known.append(freshness.epoch(newsroom.clock()) is not None)
        return known

    assert newsroom.client.portal is not None
    assert newsroom.client.portal.call(while_the_loop_is_busy) == [True, False]
    settled(newsroom, ITEM)


def test_postgresql_gives_nothing_from_memory_while_nobody_listens(newsroom: Newsroom) -> None:
    if newsroom.database.is_sqlite:
        pytest.skip("SQLite is asked at each request, and has no connection that could be down")
    newsroom.article()
    settled(newsroom, ITEM)
    with psycopg.connect(newsroom.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %' "
            "OR query LIKE '%min(%next_tick_at%' AND pid <> pg_backend_pid()"
        )
    deadline = time.monotonic() + 5
    while newsroom.app.state.freshness._epoch is not None:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    hits = newsroom.app.state.metrics.response_cache.hits
    assert newsroom.get(ITEM).status_code == 200
    assert newsroom.app.state.metrics.response_cache.hits == hits
    settled(newsroom, ITEM)
