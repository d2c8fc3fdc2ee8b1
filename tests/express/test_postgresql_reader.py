"""Reading PostgreSQL together: whoever waits while all connections are busy, by one statement."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from app.access.visibility import Visibility
from app.db.database import Database
from app.express import postgresql_reader
from app.express.postgresql_reader import PostgresqlReader
from app.express.reads import Made
from tests.conftest import Newsroom
from tests.express.test_reads import FILTERS, SORTS, VIEWS, furnish

READERS = 40


@pytest.fixture
def postgresql(newsroom: Newsroom) -> Database:
    if newsroom.database.is_sqlite:
        pytest.skip("SQLite answers within the call, so nobody waits")
    return newsroom.database


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many were read at once, each time that these were several; there is one connection."""
    noted: list[int] = []
    fetch_together = postgresql_reader._fetch_together

    async def noting(connection: Any, statement: Any, some: Sequence[Any]) -> Any:
        noted.append(len(some))
        return await fetch_together(connection, statement, some)

    monkeypatch.setattr(postgresql_reader, "_fetch_together", noting)
    monkeypatch.setattr(postgresql_reader, "CONNECTIONS_MAX", 1)
    return noted


def in_turn_and_at_once(database: Database, work: Callable[[PostgresqlReader], Any]) -> list[Any]:
    async def run() -> list[Any]:
        reader = PostgresqlReader(database)
        await reader.start()
        found: list[Any] = await work(reader)
        await reader.stop()
        return found

    return asyncio.run(run())


def test_each_gets_its_own_rows_in_their_order(postgresql: Database, together: list[int]) -> None:
    async def read(reader: PostgresqlReader) -> list[Any]:
        await reader.rows("SELECT $1::text", ["the first is read alone"])
        asked = [
            ("SELECT place FROM generate_series(1, 9) AS place WHERE place <> $1::text::int"
             " ORDER BY place DESC LIMIT $2::int", [str(number % 10), 2 + number % 2])
            for number in range(READERS)
        ]  # fmt: skip
        return list(await asyncio.gather(*(reader.rows(*one) for one in asked)))

    for number, rows in enumerate(in_turn_and_at_once(postgresql, read)):
        wanted = [place for place in range(9, 0, -1) if place != number % 10][: 2 + number % 2]
        assert [tuple(row) for row in rows] == [(place,) for place in wanted]
    assert together
    assert max(together) <= postgresql_reader.TOGETHER_MAX


def test_a_statement_that_takes_long_is_read_for_one_at_a_time(
    postgresql: Database, together: list[int]
) -> None:
    async def read(reader: PostgresqlReader) -> list[Any]:
        slow = "SELECT $1::text FROM pg_sleep(0.02)"
        return list(await asyncio.gather(*(reader.rows(slow, [str(one)]) for one in range(5))))

    rows = in_turn_and_at_once(postgresql, read)
    assert [row[0] for (row,) in rows] == ["0", "1", "2", "3", "4"]
    assert together == []


def test_who_goes_away_takes_nobody_along(postgresql: Database, together: list[int]) -> None:
    async def read(reader: PostgresqlReader) -> list[Any]:
        await reader.rows("SELECT $1::text", ["warm"])
        await reader.rows("SELECT $1::text", ["warm"])
        tasks = [
            asyncio.ensure_future(reader.rows("SELECT $1::text", [str(one)]))
            for one in range(READERS)
        ]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        return list(await asyncio.gather(*tasks[1::2]))

    rows = in_turn_and_at_once(postgresql, read)
    assert [row[0] for (row,) in rows] == [str(one) for one in range(1, READERS, 2)]


def test_what_cannot_be_read_is_nothing_for_all_who_asked_and_the_next_are_read(
    postgresql: Database, together: list[int]
) -> None:
    async def read(reader: PostgresqlReader) -> list[Any]:
        wrong = "SELECT 1 / $1::text::int"
        await reader.rows(wrong, ["1"])
        await reader.rows(wrong, ["1"])
        all_of_them = await asyncio.gather(*(reader.rows(wrong, [str(one)]) for one in range(8)))
        return [list(all_of_them), await reader.rows(wrong, ["1"])]

    all_of_them, after = in_turn_and_at_once(postgresql, read)
    assert all_of_them == [None] * 8
    assert [tuple(row) for row in after] == [(1,)]
    assert together == [8]


def test_lists_and_articles_read_together_are_what_they_are_alone(
    newsroom: Newsroom, postgresql: Database, together: list[int]
) -> None:
    whole = furnish(newsroom)
    for number in range(12):
        newsroom.article(f"Filler {number}", tags=["sport"], authors=["mara-lind"], language="en")
    asked: list[tuple[str, bytes]] = [
        ("/v1/articles", f"{filters.format(id=whole['id'])}&sort={sort}&limit={limit}".encode())
        for filters in FILTERS
        for sort in SORTS
        for limit in (2, 3)
    ]
    asked += [("/v1/articles", f"{view}&limit=3".encode()) for view in VIEWS]
    asked += [(f"/v1/articles/filler-{number}", b"") for number in range(12)]
    for sort in SORTS:
        cursor = newsroom.get(f"/v1/articles?sort={sort}&limit=1").json()["page"]["next"]
        while cursor is not None:
            asked.append(("/v1/articles", f"cursor={cursor}".encode()))
            cursor = newsroom.get(f"/v1/articles?cursor={cursor}").json()["page"]["next"]

    async def answer(path: str, query: bytes) -> Made | None:
        now = newsroom.clock()
        made: Made | None = await newsroom.app.state.reads.answer(
            path, query, Visibility(now), now, False
        )
        return made

    async def at_once() -> list[Made | None]:
        return list(await asyncio.gather(*(answer(*one) for one in asked)))

    assert newsroom.client.portal is not None
    alone = [newsroom.client.portal.call(answer, *one) for one in asked]
    together.clear()
    assert newsroom.client.portal.call(at_once) == alone
    assert sum(together) > len(asked) / 2
    assert None not in alone
