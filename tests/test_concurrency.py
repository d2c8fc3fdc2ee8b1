"""What happens when several write at once, against a real server."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx2
import sqlalchemy as sa

from tests.conftest import Newsroom

Answer = TypeVar("Answer")


def at_once(calls: int, send: Callable[[int], Answer]) -> list[Answer]:
    with ThreadPoolExecutor(calls) as threads:
        return list(threads.map(send, range(calls)))


def test_of_two_writers_of_one_version_one_wins(newsroom: Newsroom, served: str) -> None:
    newsroom.article()
    etag = newsroom.get("/v1/articles/harbour-bridge-opens").headers["etag"]
    headers = {**newsroom.key("publish"), "If-Match": etag}

    def change(number: int) -> httpx2.Response:
        address = f"{served}/v1/articles/harbour-bridge-opens"
        return httpx2.patch(address, json={"summary": f"{number}"}, headers=headers)

    statuses = Counter(answer.status_code for answer in at_once(6, change))
    assert statuses == {200: 1, 412: 5}
    assert newsroom.get("/v1/articles/harbour-bridge-opens").json()["version"] == 2


def test_the_same_headline_at_once_makes_different_slugs(newsroom: Newsroom, served: str) -> None:
    headers = newsroom.key("write")

    def create(_number: int) -> httpx2.Response:
        return httpx2.post(f"{served}/v1/articles", json={"headline": "Storm"}, headers=headers)

    answers = at_once(8, create)
    assert {answer.status_code for answer in answers} == {201}
    slugs = {answer.json()["slug"] for answer in answers}
    assert slugs == {"storm", *(f"storm-{number}" for number in range(2, 9))}


def test_a_slug_asked_for_at_once_goes_to_one(newsroom: Newsroom, served: str) -> None:
    headers, wanted = newsroom.key("write"), {"headline": "Storm", "slug": "the-storm"}

    def create(_number: int) -> httpx2.Response:
        return httpx2.post(f"{served}/v1/articles", json=wanted, headers=headers)

    statuses = Counter(answer.status_code for answer in at_once(6, create))
    assert statuses == {201: 1, 409: 5}


def test_numbers_are_seen_in_order_by_whoever_reads_meanwhile(
    newsroom: Newsroom, served: str
) -> None:
    headers = newsroom.key("write")
    gaps: list[Any] = []

    def write(number: int) -> httpx2.Response | None:
        if number == 0:
            gaps.extend(_missing(newsroom) for _ in range(60))
            return None
        for _ in range(10):
            httpx2.post(f"{served}/v1/articles", json={"headline": "Storm"}, headers=headers)
        return None

    at_once(9, write)
    assert not any(gaps)
    assert _missing(newsroom) == 0
    with newsroom.database.reading() as session:
        last = session.connection().execute(sa.text("SELECT max(sequence) FROM revision"))
        assert last.scalar_one() == 80


def _missing(newsroom: Newsroom) -> int:
    """How many numbers up to the counter have no revision, in one moment."""
    query = "SELECT (SELECT value FROM sequence_counter) - (SELECT count(*) FROM revision)"
    with newsroom.database.reading() as session:
        return int(session.connection().execute(sa.text(query)).scalar_one())


def test_a_reader_meanwhile_never_sees_half_a_write(newsroom: Newsroom, served: str) -> None:
    """The article is all of one or all of the other, whichever way it is asked for."""
    wholes: list[dict[str, Any]] = []
    for name in ("One", "Two"):
        newsroom.make("authors", name=name)
        newsroom.make("tags", name=name)
        ref = name.lower()
        wholes.append({"headline": name, "authors": [ref], "tags": [ref], "summary": name})
    made = newsroom.make("articles", publish=True, **wholes[0])
    address = f"{served}/v1/articles/{made['id']}"
    headers = {**newsroom.key("publish"), "If-Match": "*"}
    finished = threading.Event()

    def parts(article: dict[str, Any]) -> tuple[str, ...]:
        links = [one["name"] for kind in ("authors", "tags") for one in article[kind]]
        return (article["headline"], article["summary"], *links)

    def read(_number: int) -> set[tuple[str, ...]]:
        seen = set()
        with httpx2.Client() as client:
            while not finished.is_set():
                seen.add(parts(client.get(address).json()))
                seen |= {parts(one) for one in client.get(f"{served}/v1/articles").json()["data"]}
                for name in ("one", "two"):
                    query = f"author={name}&tag={name}"
                    found = client.get(f"{served}/v1/articles?{query}").json()["data"]
                    seen |= {parts(one) for one in found}
                    assert {parts(one)[0] for one in found} <= {name.title()}
        return seen

    with ThreadPoolExecutor(3) as threads, httpx2.Client() as client:
        readers = [threads.submit(read, number) for number in range(3)]
        try:
            for number in range(40):
                change = wholes[(number + 1) % 2]
                assert client.patch(address, json=change, headers=headers).status_code == 200
        finally:
            finished.set()
        seen = set().union(*(reader.result() for reader in readers))
    assert seen == {("One",) * 4, ("Two",) * 4}
    assert newsroom.get(address.removeprefix(served)).json()["version"] == 41


def test_a_name_changes_in_all_articles_at_once(newsroom: Newsroom, served: str) -> None:
    newsroom.make("authors", name="Mara 0")
    for number in range(5):
        newsroom.article(f"Article {number}", authors=["mara-0"])
    headers = {**newsroom.key("write"), "If-Match": "*"}

    def call(number: int) -> set[str]:
        if number == 0:
            for time in range(1, 31):
                renamed = {"name": f"Mara {time}"}
                httpx2.patch(f"{served}/v1/authors/mara-0", json=renamed, headers=headers)
            return {"1"}
        shown = []
        for _ in range(20):
            data = httpx2.get(f"{served}/v1/articles").json()["data"]
            shown.append({(one["byline"], one["version"]) for one in data})
        return {str(len(pairs)) for pairs in shown}

    assert set().union(*at_once(4, call)) == {"1"}


def test_of_two_deletions_at_once_one_finds_it_there(newsroom: Newsroom, served: str) -> None:
    newsroom.article()
    headers = {**newsroom.key("publish"), "If-Match": "*"}

    def delete(_number: int) -> httpx2.Response:
        return httpx2.delete(f"{served}/v1/articles/harbour-bridge-opens", headers=headers)

    statuses = Counter(answer.status_code for answer in at_once(5, delete))
    assert statuses == {204: 1, 410: 4}


def test_two_that_are_merged_into_each_other_at_once_are_one(
    newsroom: Newsroom, served: str
) -> None:
    refs = ("one", "two")
    for name in ("One", "Two"):
        newsroom.make("tags", name=name)
    newsroom.article(tags=["one", "two"])
    headers = newsroom.key("write")

    def merge(number: int) -> httpx2.Response:
        address = f"{served}/v1/tags/{refs[number]}/merge"
        return httpx2.post(address, json={"into": refs[1 - number]}, headers=headers)

    statuses = Counter(answer.status_code for answer in at_once(2, merge))
    assert statuses == {200: 1, 422: 1}
    assert len(newsroom.get("/v1/tags").json()["data"]) == 1
    assert len(newsroom.get("/v1/articles").json()["data"][0]["tags"]) == 1


def test_tags_put_under_each_other_at_once_make_no_circle(newsroom: Newsroom, served: str) -> None:
    refs = ("one", "two")
    for name in ("One", "Two"):
        newsroom.make("tags", name=name)
    headers = {**newsroom.key("write"), "If-Match": "*"}

    def move(number: int) -> httpx2.Response:
        body = {"parent": refs[1 - number]}
        return httpx2.patch(f"{served}/v1/tags/{refs[number]}", json=body, headers=headers)

    statuses = Counter(answer.status_code for answer in at_once(2, move))
    assert statuses == {200: 1, 422: 1}
