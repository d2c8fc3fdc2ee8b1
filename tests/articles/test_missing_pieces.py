"""Articles that an upgrade left without their JSON get it, just as if they had been written."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from app.archive.tables import article
from app.articles import missing_pieces
from app.articles.missing_pieces import make_missing_pieces, without_pieces
from app.db.columns import new_id
from app.db.database import Database
from app.db.migrate import migrate
from tests.conftest import Newsroom

MANY = 5_000


def rows_of(database: Database) -> list[Any]:
    with database.reading() as session:
        return list(session.connection().execute(sa.select(article).order_by(article.c.id)))


def clear(database: Database) -> None:
    with database.writing() as session:
        session.connection().execute(sa.update(article).values(pieces=None, stamp=None))


def make_all(database: Database) -> int:
    made = 0
    while some := make_missing_pieces(database):
        made += some
    return made


@pytest.fixture
def town(newsroom: Newsroom) -> Newsroom:
    """Articles of many kinds, some of them changed since."""
    for name in ("Mara Lind", "Sam Ode"):
        newsroom.make("authors", name=name)
    for name, kind in (("Local", "section"), ("Sea", "topic")):
        newsroom.send("POST", "/v1/tags", {"name": name, "kind": kind})
    newsroom.article("Plain")
    newsroom.article(
        "Whole",
        summary="All “of” it.",
        byline="By nobody",
        image={"url": "https://example.org/a.jpg"},
        metadata={"a": {"b": [1, None]}},
        urgency=3,
        authors=["sam-ode", {"ref": "mara-lind", "role": "Photos"}],
        tags=["sea", "local"],
        body={"format": "html", "source": "<p>Hello</p>"},
        published_at="2020-01-01T00:00:00Z",
        embargoed_until="2020-01-02T00:00:00.5Z",
        expires_at="2030-01-01T00:00:00Z",
    )
    newsroom.article("A draft", publish=False, tags=["local"])
    newsroom.article("Later", published_at=newsroom.clock.at(hours=1))
    newsroom.article("Corrected", authors=["mara-lind"])
    note = {"kind": "correction", "note": "A name."}
    newsroom.send("POST", "/v1/articles/corrected/corrections", note)
    newsroom.article("Withdrawn")
    newsroom.send("POST", "/v1/articles/withdrawn/withdraw")
    newsroom.clock.move(hours=2)
    newsroom.tick()
    return newsroom


def test_they_are_the_same_as_when_written(town: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing_pieces, "BATCH", 4)
    before = rows_of(town.database)
    assert all(row.pieces and row.stamp for row in before)
    clear(town.database)
    assert make_all(town.database) == len(before)
    assert rows_of(town.database) == before


def test_what_has_some_keeps_them(town: Newsroom) -> None:
    with town.database.writing() as session:
        session.connection().execute(sa.update(article).values(pieces="kept"))
    assert make_all(town.database) == 0
    assert {row.pieces for row in rows_of(town.database)} == {"kept"}


def test_several_processes_at_once_and_writers_do_no_harm(
    town: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missing_pieces, "BATCH", 1)
    for number in range(12):
        town.article(f"Another {number}", tags=["sea"])
    clear(town.database)
    databases = [Database(town.url) for _process in range(3)]
    with ThreadPoolExecutor(len(databases)) as threads:
        counts = threads.map(make_all, databases)
        for number in range(12):
            changes = {"summary": f"New {number}", "tags": ["local"]}
            assert town.send("PATCH", f"/v1/articles/another-{number}", changes).is_success
    for one in databases:
        one.close()
    assert sum(counts) <= len(rows_of(town.database))
    made = rows_of(town.database)
    assert not [row.slug for row in made if row.pieces is None or row.stamp is None]
    clear(town.database)
    make_all(town.database)
    assert rows_of(town.database) == made


def test_a_server_makes_them_by_itself(
    open_newsroom: Any, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missing_pieces, "LOOK_SECONDS", 0.1)
    newsroom = open_newsroom(database_url)
    newsroom.article("Plain")
    clear(newsroom.database)
    began = time.monotonic()
    while rows_of(newsroom.database)[0].pieces is None:
        assert time.monotonic() - began < 10
        time.sleep(0.02)


def test_an_upgrade_clears_those_of_another_format(town: Newsroom) -> None:
    before = rows_of(town.database)
    migrate(town.database, "2026_11_26_pending_moves")
    migrate(town.database)
    assert all(row.pieces is None for row in rows_of(town.database))
    make_all(town.database)
    assert rows_of(town.database) == before


def test_they_are_found_by_the_index_of_those_without(town: Newsroom) -> None:
    database = town.database
    one = rows_of(database)[0]._asdict()
    others = [
        one | {"id": new_id(), "slug": f"{number}", "pieces": "some"} for number in range(MANY)
    ]
    with database.writing() as session:
        session.connection().execute(sa.insert(article), others)
        if not database.is_sqlite:
            session.connection().exec_driver_sql("ANALYZE article")
    compiled = without_pieces(5).compile(database.engine, compile_kwargs={"literal_binds": True})
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    with database.reading() as session:
        plan = str(session.connection().exec_driver_sql(f"{explain} {compiled}").all())
    assert "ix_article_without_pieces" in plan
    assert "SCAN article\n" not in plan
    assert "Seq Scan" not in plan
