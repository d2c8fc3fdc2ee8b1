"""Pages of the list of articles: every article once, in both directions, while others come and go."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Lend, Newsroom

LIST = "/v1/articles"
SORTS = ["-published_at", "published_at", "-updated_at", "updated_at", "headline"]
Marks = frozenset[str]
QUERIES: dict[str, Callable[[Marks], bool]] = {
    "": lambda marks: True,
    "tag=t": lambda marks: "t" in marks,
    "author=a": lambda marks: "a" in marks,
    "tag=t,u": lambda marks: bool(marks & {"t", "u"}),
    "tag=t&tag=u": lambda marks: marks >= {"t", "u"},
    "tag=t,u&author=a": lambda marks: "a" in marks and bool(marks & {"t", "u"}),
    "exclude_tag=u": lambda marks: "u" not in marks,
    "language=en": lambda marks: True,
}
MARKS = st.frozensets(st.sampled_from("tua"))


def links(answer: Any) -> dict[str, str]:
    """The addresses of a `Link` header (RFC 8288), by their relation."""
    found = {}
    for link in filter(None, answer.headers.get("link", "").split(", ")):
        address, relation = link.split("; ")
        found[relation.removeprefix('rel="').rstrip('"')] = address.strip("<>")
    return found


def followed(newsroom: Newsroom, address: str, relation: str) -> list[list[str]]:
    """The ids of each page, from an address on by its links."""
    pages = []
    while address:
        answer = newsroom.get(address)
        pages.append([one["id"] for one in answer.json()["data"]])
        address = links(answer).get(relation, "")
    return pages


def last_page(newsroom: Newsroom, address: str) -> str:
    while further := links(newsroom.get(address)).get("next"):
        address = further
    return address


def written(marks: Marks) -> dict[str, Any]:
    return {
        "tags": sorted(marks & {"t", "u"}),
        "authors": sorted(marks & {"a"}),
    }


@pytest.fixture
def town(newsroom: Newsroom) -> Newsroom:
    name_marks(newsroom)
    return newsroom


def name_marks(newsroom: Newsroom) -> None:
    """Makes the tags `t` and `u` and the author `a`."""
    for kind, name in (("tags", "T"), ("tags", "U"), ("authors", "A")):
        newsroom.make(kind, name=name)


@pytest.fixture
def shelf(lend: Lend) -> Newsroom:
    return lend(fill)


def fill(newsroom: Newsroom) -> None:
    """Seven articles of three days and two headlines, with every kind of mark."""
    name_marks(newsroom)
    for number, marks in enumerate(("", "t", "u", "a", "tu", "tua", "ta")):
        day = f"2026-02-0{number % 3 + 1}T00:00:00Z"
        newsroom.article(f"H{number % 2}", published_at=day, **written(frozenset(marks)))
    newsroom.make_keys()


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("query", QUERIES)
def test_links_lead_through_the_list_and_back_by_the_same_pages(
    shelf: Newsroom, query: str, sort: str
) -> None:
    (whole,) = followed(shelf, f"{LIST}?limit=100&sort={sort}&{query}", "next")
    start = f"{LIST}?limit=2&sort={sort}&{query}"
    forth = followed(shelf, start, "next")
    assert forth == [whole[row : row + 2] for row in range(0, len(whole), 2)]
    assert followed(shelf, last_page(shelf, start), "prev") == forth[::-1]


def test_the_first_page_has_none_before_and_the_last_none_after(shelf: Newsroom) -> None:
    first = shelf.get(f"{LIST}?limit=6")
    assert set(links(first)) == {"next"}
    assert first.json()["page"]["previous"] is None
    last = shelf.get(links(first)["next"])
    assert set(links(last)) == {"prev"}
    assert last.json()["page"]["next"] is None
    assert links(shelf.get(f"{LIST}?limit=7")) == {}


def test_a_cursor_alone_goes_on_with_all_that_the_list_began_with(shelf: Newsroom) -> None:
    started = shelf.get(f"{LIST}?limit=1&tag=t,u&author=a&sort=headline&fields=id,headline")
    cursor = started.json()["page"]["next"]
    alone = shelf.get(f"{LIST}?cursor={cursor}").json()
    again = shelf.get(
        f"{LIST}?cursor={cursor}&limit=1&tag=t,u&author=a&sort=headline&fields=id,headline"
    ).json()
    assert alone == again
    assert alone["page"]["limit"] == len(alone["data"]) == 1
    assert set(alone["data"][0]) == {"id", "headline"}


def test_the_size_and_the_look_of_pages_may_change_on_the_way(shelf: Newsroom) -> None:
    first = shelf.get(f"{LIST}?limit=2&fields=id").json()
    cursor = first["page"]["next"]
    rest = shelf.get(f"{LIST}?cursor={cursor}&limit=100&fields=id,slug&count=exact").json()
    assert len(first["data"]) + len(rest["data"]) == rest["page"]["total"] == 7
    assert set(rest["data"][0]) == {"id", "slug"}


@pytest.mark.parametrize(
    "change", ["tag=u", "tag=t&tag=u", "author=a", "language=en", "status=published",
               "exclude_tag=u", "sort=headline", "published_since=2026-01-01T00:00:00Z"]
)  # fmt: skip
def test_a_cursor_is_refused_beside_other_filters(shelf: Newsroom, change: str) -> None:
    cursor = shelf.get(f"{LIST}?limit=1&tag=t").json()["page"]["next"]
    answer = shelf.get(f"{LIST}?cursor={cursor}&{change}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == change.partition("=")[0]


def test_a_cursor_is_refused_to_who_sees_another_list(shelf: Newsroom) -> None:
    cursor = shelf.get(f"{LIST}?limit=1").json()["page"]["next"]
    entitled = shelf.key("read", entitlement={"articles": {"tag": ["t"]}})
    for other in (
        shelf.key("preview"),
        entitled,
        shelf.key("read", entitlement={"embargoed": True}),
    ):
        assert shelf.get(f"{LIST}?cursor={cursor}", other).status_code == 422
    assert shelf.get(f"{LIST}?cursor={cursor}", shelf.key("read")).status_code == 200
    own = shelf.get(f"{LIST}?limit=1", entitled).json()["page"]["next"]
    assert shelf.get(f"{LIST}?cursor={own}").status_code == 422
    assert shelf.get(f"{LIST}?cursor={own}", entitled).status_code == 200


def test_a_cursor_that_we_did_not_give_out_is_refused(shelf: Newsroom) -> None:
    cursor = shelf.get(f"{LIST}?limit=1").json()["page"]["next"]
    of_tags = shelf.get("/v1/tags?limit=1").json()["page"]["next"]
    changed = [
        cursor[:place] + ("A" if letter != "A" else "B") + cursor[place + 1 :]
        for place, letter in enumerate(cursor[:-1])
    ]
    cut = [cursor[:length] for length in (1, 10, 16, 17, len(cursor) - 2)]
    for bad in [*changed[::7], *cut, cursor * 2, "x", "e30", "%20", "é", of_tags]:
        answer = shelf.get(f"{LIST}?cursor={bad}")
        assert answer.status_code == 422, bad
        assert answer.json()["errors"][0]["parameter"] == "cursor"
    assert shelf.get(f"/v1/tags?cursor={cursor}").status_code == 422


def test_a_cursor_holds_when_the_article_that_it_stood_at_is_gone(shelf: Newsroom) -> None:
    (whole,) = followed(shelf, f"{LIST}?limit=100", "next")
    first = shelf.get(f"{LIST}?limit=3")
    shelf.send("DELETE", f"{LIST}/{whole[2]}")
    second = shelf.get(links(first)["next"])
    assert [one["id"] for one in second.json()["data"]] == whole[3:6]
    back = shelf.get(links(second)["prev"])
    assert [one["id"] for one in back.json()["data"]] == whole[:2]


def test_from_a_page_that_has_become_empty_there_is_a_way_back_to_all(shelf: Newsroom) -> None:
    (whole,) = followed(shelf, f"{LIST}?limit=100", "next")
    first = shelf.get(f"{LIST}?limit=5")
    for gone in whole[5:]:
        shelf.send("DELETE", f"{LIST}/{gone}")
    empty = shelf.get(links(first)["next"])
    assert empty.json()["data"] == []
    assert followed(shelf, links(empty)["prev"], "prev") == [whole[:5]]


def test_from_an_empty_page_before_the_first_there_is_a_way_on_to_all(shelf: Newsroom) -> None:
    (whole,) = followed(shelf, f"{LIST}?limit=100", "next")
    second = shelf.get(links(shelf.get(f"{LIST}?limit=2"))["next"])
    for gone in whole[:2]:
        shelf.send("DELETE", f"{LIST}/{gone}")
    empty = shelf.get(links(second)["prev"])
    assert empty.json()["data"] == []
    onward = followed(shelf, links(empty)["next"], "next")
    assert [one for page in onward for one in page] == whole[2:]


@dataclass(repr=False)
class Desk:
    """Articles that come, change and go while somebody reads a list.

    `steady` are those that were in the list when reading began and stay in it where they were;
    `unmoved` are all, in the list or not, that have the place in its order that they came with.
    """

    newsroom: Newsroom
    data: st.DataObject
    sort: str
    listed: Callable[[Marks], bool]
    present: list[str] = field(default_factory=list)
    steady: set[str] = field(default_factory=set)
    unmoved: set[str] = field(default_factory=set)

    def open(self, articles: int) -> None:
        for _ in range(articles):
            one, is_listed = self.arrive()
            if is_listed:
                self.steady.add(one)

    def arrive(self) -> tuple[str, bool]:
        marks = self.data.draw(MARKS)
        day, name = self.data.draw(st.integers(1, 4)), self.data.draw(st.sampled_from("XYZ"))
        article_id = str(
            self.newsroom.article(name, published_at=f"2026-02-0{day}T00:00:00Z", **written(marks))[
                "id"
            ]
        )
        self.present.append(article_id)
        self.unmoved.add(article_id)
        return article_id, self.listed(marks)

    def touch(self, one: str) -> None:
        self._change(one, {"summary": self.data.draw(st.sampled_from("abcdef"))})
        self._moves(one, "updated_at")

    def rename(self, one: str) -> None:
        self._change(one, {"headline": self.data.draw(st.sampled_from("XYZ"))})
        self._moves(one, "headline", "updated_at")

    def date(self, one: str) -> None:
        day = self.data.draw(st.integers(1, 4))
        self._change(one, {"published_at": f"2026-02-0{day}T00:00:00Z"})
        self._moves(one, "published_at", "updated_at")

    def mark(self, one: str) -> None:
        self._change(one, written(self.data.draw(MARKS)))
        self._moves(one, *SORTS)

    def withdraw(self, one: str) -> None:
        self.newsroom.send("POST", f"{LIST}/{one}/withdraw")
        self._leaves(one)

    def delete(self, one: str) -> None:
        self.newsroom.send("DELETE", f"{LIST}/{one}")
        self._leaves(one)

    def happen(self) -> None:
        """Up to two things between one page and the next."""
        events = ["arrive", "touch", "rename", "date", "mark", "withdraw", "delete"]
        for event in self.data.draw(st.lists(st.sampled_from(events), max_size=2)):
            if event == "arrive":
                self.arrive()
            elif self.present:
                getattr(self, event)(self.data.draw(st.sampled_from(self.present)))

    def clear(self) -> None:
        while data := self.newsroom.get(LIST).json()["data"]:
            for one in data:
                self.newsroom.send("DELETE", f"{LIST}/{one['id']}")

    def _change(self, one: str, fields: dict[str, Any]) -> None:
        assert self.newsroom.send("PATCH", f"{LIST}/{one}", fields).status_code == 200

    def _moves(self, one: str, *sorts: str) -> None:
        if self.sort.removeprefix("-") in sorts:
            self.steady.discard(one)
            self.unmoved.discard(one)

    def _leaves(self, one: str) -> None:
        self.present.remove(one)
        self.steady.discard(one)


def page_of(newsroom: Newsroom, address: str) -> tuple[list[str], dict[str, Any]]:
    answer = newsroom.get(address)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["data"]], links(answer)


@given(data=st.data(), query=st.sampled_from(list(QUERIES)), sort=st.sampled_from(SORTS))
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_article_that_stays_is_skipped_or_repeated_while_others_come_and_go(
    town: Newsroom, data: st.DataObject, query: str, sort: str
) -> None:
    desk = Desk(town, data, sort, QUERIES[query])
    desk.clear()
    desk.open(data.draw(st.integers(3, 8)))
    start = f"{LIST}?sort={sort}&limit={data.draw(st.integers(1, 3))}&{query}"
    relation = data.draw(st.sampled_from(["next", "prev"]))
    address = start if relation == "next" else last_page(town, start)
    read: list[str] = []
    while address:
        shown, following = page_of(town, address)
        read += shown
        address = following.get(relation, "")
        desk.happen()
    assert {one for one in read if read.count(one) > 1} & desk.unmoved == set()
    assert desk.steady <= set(read)


@given(data=st.data(), query=st.sampled_from(list(QUERIES)), sort=st.sampled_from(SORTS))
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_reader_who_turns_back_finds_all_that_stayed_again(
    town: Newsroom, data: st.DataObject, query: str, sort: str
) -> None:
    desk = Desk(town, data, sort, QUERIES[query])
    desk.clear()
    desk.open(data.draw(st.integers(3, 8)))
    address = f"{LIST}?sort={sort}&limit={data.draw(st.integers(1, 3))}&{query}"
    read: list[str] = []
    shown, following = page_of(town, address)
    for _ in range(data.draw(st.integers(1, 4))):
        read += shown
        desk.happen()
        if "next" in following:
            shown, following = page_of(town, following["next"])
    back = list(shown)
    while "prev" in following:
        desk.happen()
        shown, following = page_of(town, following["prev"])
        back += shown
    assert {one for one in back if back.count(one) > 1} & desk.unmoved == set()
    assert desk.steady & set(read) <= set(back)
