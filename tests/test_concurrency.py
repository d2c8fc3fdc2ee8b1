"""What happens when several write at once, against a real server."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import sqlalchemy as sa

from tests.conftest import Newsroom


def at_once(calls: int, send: Any) -> list[httpx2.Response]:
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
