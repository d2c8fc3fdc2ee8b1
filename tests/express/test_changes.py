"""Changes read by the short way are those of the long way, whatever has become of what was followed."""

import asyncio
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from app.express import reads
from app.sync import queries
from tests.conftest import Newsroom
from tests.express.test_reads import FILTERS, VIEWS, callers, compare, furnish, read

__all__ = ["read"]
FOLLOWED = (
    "",
    "tag=sport",
    "tag=harbour,sport&exclude_tag=no-such",
    "tag=sport&author=mara-lind&limit=1",
    "section=sport&exclude_tag=harbour&limit=2",
    "language=en,de&limit=3&body=text",
    "limit=1&fields=headline,version",
    "types=article,author,tag&limit=2",
    "status=published&published_since=2026-01-01T00:00:00Z&limit=2",
)


def pages(newsroom: Newsroom, path: str, headers: dict[str, str]) -> Iterator[dict[str, Any]]:
    """To the end, each compared with what the long way answers."""
    more = True
    while more:
        page = compare(newsroom, path, headers).json()
        yield page
        more = page["page"]["has_more"]
        path = followed(path.partition("&since=")[0], page)


def followed(path: str, page: dict[str, Any]) -> str:
    return f"{path}&since={page['page']['next']}"


def test_every_page_of_a_copy_is_the_one_of_the_long_way(
    newsroom: Newsroom, read: list[bool]
) -> None:
    whole = furnish(newsroom)
    for filters in FILTERS:
        path = f"/v1/changes?limit=3&{filters.format(id=whole['id'])}"
        began = newsroom.get(path).json()
        read.clear()
        *_, end = pages(newsroom, followed(path, began), {})
        assert compare(newsroom, followed(path, end)).json()["data"] == []
        assert read, path
        # What walks by two dates is for the long way in lists, too.
        assert all(read) or "since" in filters, path


def test_what_is_answered_at_once_is_the_same(newsroom: Newsroom) -> None:
    furnish(newsroom)
    for view in VIEWS:
        for headers in ({}, {"Origin": "https://example.org"}):
            plain = {"Accept-Encoding": "identity", **headers}
            assert list(pages(newsroom, f"/v1/changes?limit=4&{view}", plain))


def test_what_is_lost_after_the_page_is_for_a_later_page(
    newsroom: Newsroom, read: list[bool]
) -> None:
    furnish(newsroom)
    began = newsroom.get("/v1/changes?limit=2").json()
    newsroom.send("POST", "/v1/articles/no-names/withdraw", {"reason": "wrong"})
    read.clear()
    page = compare(newsroom, followed("/v1/changes?limit=2", began)).json()
    assert page["page"]["has_more"]
    assert all(read)


def test_every_caller_is_told_the_same_by_either_way(newsroom: Newsroom) -> None:
    furnish(newsroom)
    for headers in callers(newsroom).values():
        assert list(pages(newsroom, "/v1/changes?limit=3&tag=harbour,sport", headers))


def edited(newsroom: Newsroom, random: Random) -> None:
    ref = random.choice(slugs(newsroom))
    newsroom.send("PATCH", f"/v1/articles/{ref}", {"summary": f"Then {random.random()}"})


def retagged(newsroom: Newsroom, random: Random) -> None:
    ref, tags = random.choice(slugs(newsroom)), random.choice(([], ["sport"], ["harbour", "sport"]))
    newsroom.send("PATCH", f"/v1/articles/{ref}", {"tags": tags})


def published(newsroom: Newsroom, random: Random) -> None:
    at = newsroom.clock.at(minutes=random.choice((-5, 5)))
    newsroom.article(
        f"News {random.random()}",
        published_at=at,
        authors=["mara-lind"],
        tags=["sport"] * random.randrange(2),
        language=random.choice(("en", "de")),
    )


def taken_back(newsroom: Newsroom, random: Random) -> None:
    ref = random.choice(slugs(newsroom))
    if random.random() < 0.5:
        newsroom.send("POST", f"/v1/articles/{ref}/withdraw", {"reason": "wrong"})
    else:
        newsroom.send("DELETE", f"/v1/articles/{ref}")


def given_back(newsroom: Newsroom, _: Random) -> None:
    given = newsroom.send("POST", "/v1/articles/withdrawn/restore")
    assert given.status_code in (200, 409, 410), given.text  # once; or it may have been deleted


def drafted(newsroom: Newsroom, random: Random) -> None:
    newsroom.article(f"Draft {random.random()}", publish=False)


def renamed(newsroom: Newsroom, random: Random) -> None:
    newsroom.send("PATCH", "/v1/authors/mara-lind", {"name": f"Mara {random.randrange(100)}"})


def passed(newsroom: Newsroom, random: Random) -> None:
    newsroom.clock.move(minutes=random.choice((1, 50)))
    newsroom.tick()


EVENTS: tuple[Callable[[Newsroom, Random], None], ...] = (
    edited, edited, retagged, published, published, taken_back, given_back, drafted, renamed, passed,
)  # fmt: skip


def slugs(newsroom: Newsroom) -> list[str]:
    headers = newsroom.key("read", "preview")
    return [one["slug"] for one in newsroom.get("/v1/articles?limit=100", headers).json()["data"]]


@pytest.mark.parametrize("seed", range(2))
def test_whatever_happens_each_place_leads_to_the_same(
    newsroom: Newsroom, read: list[bool], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Followers who come often and who come seldom, each from where they stood."""
    random = Random(seed)
    monkeypatch.setattr(queries, "UNSEEN_MAX", random.choice((3, 5_000)))
    monkeypatch.setattr(reads, "DEPARTURES_MAX", random.choice((6, 500)))
    furnish(newsroom)
    keys = callers(newsroom)
    places: dict[tuple[str, str], list[str]] = {}
    for filters in FOLLOWED:
        for name in ("anybody", random.choice(list(keys))):
            path = f"/v1/changes?{filters}"
            places[name, path] = [followed(path, one) for one in pages(newsroom, path, keys[name])]
    read.clear()
    for _ in range(6):
        for _ in range(random.choice((1, 3, 6))):
            random.choice(EVENTS)(newsroom, random)
        for (name, path), known in random.sample(sorted(places.items()), 6):
            start = random.choice([known[-1], random.choice(known)])
            known += [followed(path, one) for one in pages(newsroom, start, keys[name])]
    assert any(read)
    assert not all(read)


def test_more_that_was_lost_than_is_looked_at_is_for_the_long_way(
    newsroom: Newsroom, read: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(newsroom)
    *_, end = pages(newsroom, "/v1/changes?", {})
    for slug in ("no-names", "own-byline"):
        newsroom.send("PATCH", f"/v1/articles/{slug}", {"language": "fr"})
    read.clear()
    compare(newsroom, followed("/v1/changes?", end))
    assert all(read)
    newsroom.send("POST", "/v1/articles/no-body/withdraw", {"reason": "wrong"})
    monkeypatch.setattr(reads, "DEPARTURES_MAX", 2)
    read.clear()
    page = compare(newsroom, followed("/v1/changes?", end)).json()
    assert [one["op"] for one in page["data"]] == ["upsert", "upsert", "remove"]
    assert not any(read)


def test_a_number_that_a_clock_ahead_has_given_out_is_for_the_long_way(
    newsroom: Newsroom, read: list[bool]
) -> None:
    furnish(newsroom)
    path = "/v1/changes?limit=2"
    began = newsroom.get(path).json()
    newsroom.article("By another machine", published_at=newsroom.clock.at(seconds=2))
    newsroom.clock.move(seconds=3)
    newsroom.send("PATCH", "/v1/articles/no-names", {"summary": "Then"})
    newsroom.clock.move(seconds=-3)
    read.clear()
    told = [one for page in pages(newsroom, followed(path, began), {}) for one in page["data"]]
    assert not any(read)
    assert "By another machine" in [one["article"]["headline"] for one in told]


@pytest.mark.parametrize("limit", [2, 100])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/articles/no-names/withdraw", {"reason": "wrong"}),
        ("PATCH", "/v1/articles/own-byline", {"headline": "Between"}),
        ("POST", "/v1/articles/withdrawn/restore", None),
    ],
)
def test_what_is_written_between_two_statements_is_told_in_the_end(
    newsroom: Newsroom,
    open_newsroom: Callable[..., Newsroom],
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
    method: str,
    path: str,
    body: Any,
) -> None:
    furnish(newsroom)
    other, query = open_newsroom(newsroom.url), f"limit={limit}"
    other.make_keys()
    end = newsroom.get(f"/v1/changes?{query}").json()
    copy = dict(told(end))
    for slug in ("no-names", "own-byline", "no-body"):
        newsroom.send("PATCH", f"/v1/articles/{slug}", {"summary": "Then"})
    newsroom.get(f"/v1/changes?{query}&since={end['page']['next']}&fields=slug")  # makes statements

    def write() -> None:
        written = other.send(method, path, body)
        assert written.status_code < 300, written.text

    done = once_rows_are_read(newsroom, monkeypatch, write)
    more = True
    while more:
        end = newsroom.get(f"/v1/changes?{query}&since={end['page']['next']}").json()
        copy |= dict(told(end))
        more = bool(end["data"])
    listed = {one["id"]: one["headline"] for one in newsroom.get("/v1/articles").json()["data"]}
    assert {its_id: shown for its_id, shown in copy.items() if shown} == listed
    assert done


def test_who_is_at_the_end_is_not_led_past_what_comes_while_that_is_found_out(
    newsroom: Newsroom,
    open_newsroom: Callable[..., Newsroom],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queries, "UNSEEN_MAX", 3)
    furnish(newsroom)
    other = open_newsroom(newsroom.url)
    other.make_keys()
    *_, end = pages(newsroom, "/v1/changes?", {})
    assert compare(newsroom, followed("/v1/changes?limit=9", end)).json()["data"] == []

    def write() -> None:
        for number in range(7):
            other.article(f"News {number}")

    done = once_rows_are_read(newsroom, monkeypatch, write)
    found: list[str | None] = []
    for _ in range(2):
        end = newsroom.get(f"/v1/changes?since={end['page']['next']}").json()
        found += [headline for _, headline in told(end)]
    assert done
    assert found == [f"News {number}" for number in range(7)]


def once_rows_are_read(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch, write: Callable[[], None]
) -> list[bool]:
    """Has something written between the first statement of a page and the next; says whether it was.

    Where that fails the page is read the long way, and nothing is said.
    """
    if newsroom.database.is_sqlite:
        pytest.skip("all statements of a page are of one moment of SQLite")
    reader, begun, done = newsroom.app.state.reader, False, list[bool]()
    rows = reader.rows

    async def then_written(sql: str, parameters: Any) -> Any:
        nonlocal begun
        found = await rows(sql, parameters)
        if "pieces" in sql and not begun:
            begun = True
            await asyncio.to_thread(write)
            done.append(True)
        return found

    monkeypatch.setattr(reader, "rows", then_written)
    return done


def told(page: Any) -> Iterator[tuple[str, str | None]]:
    """What is left of each thing, by its id."""
    for one in page["data"]:
        yield one["id"], one["article"]["headline"] if one["op"] == "upsert" else None
