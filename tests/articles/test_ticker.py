"""The ticker: each date gives one number, however many processes tick and however late."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from app.articles import ticker
from app.articles.ticker import tick
from app.changes.models import Revision
from app.db.columns import table
from app.db.database import Database
from tests.conftest import Newsroom

revision = table(Revision)


def ticked(newsroom: Newsroom) -> list[str]:
    """The articles that the clock gave a number, once for each number."""
    query = sa.select(revision.c.entity_id).where(revision.c.reason == "clock")
    with newsroom.database.reading() as session:
        return list(session.connection().scalars(query))


def tick_all(database: Database, now: datetime) -> int:
    ticked = 0
    while some := tick(database, now):
        ticked += some
    return ticked


def test_every_date_gives_one_number_however_many_tick_at_once(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticker, "BATCH", 7)
    due = newsroom.clock.at(hours=1)
    made = [newsroom.article(f"Later {n}", published_at=due)["id"] for n in range(40)]
    newsroom.clock.move(hours=1)
    databases = [Database(newsroom.url) for _process in range(4)]
    with ThreadPoolExecutor(len(databases)) as threads:
        counts = list(threads.map(lambda one: tick_all(one, newsroom.clock.now), databases))
    for one in databases:
        one.close()
    assert sum(counts) == len(made)
    assert sorted(ticked(newsroom)) == sorted(made)


def test_an_edit_after_the_date_has_passed_takes_its_place(newsroom: Newsroom) -> None:
    newsroom.article("Later", published_at=newsroom.clock.at(hours=1))
    newsroom.clock.move(hours=2)
    newsroom.send("PATCH", "/v1/articles/later", {"summary": "It is out."})
    assert newsroom.tick() == 0


@pytest.mark.parametrize("action", ["withdraw", "delete"])
def test_what_is_taken_back_before_its_date_has_none(newsroom: Newsroom, action: str) -> None:
    article = newsroom.article("Later", published_at=newsroom.clock.at(hours=1))
    path = f"/v1/articles/{article['id']}"
    if action == "delete":
        newsroom.send("DELETE", path)
    else:
        newsroom.send("POST", f"{path}/withdraw")
    newsroom.clock.move(hours=2)
    assert newsroom.tick() == 0


def test_a_restored_article_has_its_dates_again(newsroom: Newsroom) -> None:
    article = newsroom.article("Later", published_at=newsroom.clock.at(hours=1))
    for action in ("withdraw", "restore"):
        newsroom.send("POST", f"/v1/articles/later/{action}")
    newsroom.clock.move(hours=2)
    assert newsroom.tick() == 1
    assert ticked(newsroom) == [article["id"]]


def test_a_server_ticks_by_itself_within_a_second(open_newsroom: Any, database_url: str) -> None:
    newsroom = open_newsroom(database_url, ticker=True, tick_seconds=0.2)
    newsroom.article("Later", published_at=newsroom.clock.at(hours=1))
    newsroom.clock.move(hours=2)
    began = time.monotonic()
    while not ticked(newsroom):
        assert time.monotonic() - began < 10
        time.sleep(0.02)
