"""Old revisions are forgotten after some days, and what is needed of them is not."""

from typing import Any

import pytest
import sqlalchemy as sa

from app.changes.actions import forget_old_revisions
from app.changes.models import Revision
from app.db.columns import table
from tests.conftest import Newsroom

revision = table(Revision)
PATH = "/v1/articles/harbour-bridge-opens"


def forget(newsroom: Newsroom, days: int, batch: int = 100) -> int:
    return forget_old_revisions(newsroom.database, newsroom.clock(), days, batch)


def kept(newsroom: Newsroom, entity_id: str | None = None) -> list[sa.Row[Any]]:
    query = sa.select(revision).order_by(revision.c.sequence)
    if entity_id is not None:
        query = query.where(revision.c.entity_id == entity_id)
    with newsroom.database.reading() as session:
        return list(session.connection().execute(query))


def versions(newsroom: Newsroom) -> list[int]:
    history = newsroom.get(f"{PATH}/revisions").json()["data"]
    return [one["version"] for one in history]


def edit_daily(newsroom: Newsroom, days: int) -> None:
    """One change a day, the first of them now."""
    newsroom.article()
    for day in range(2, days + 1):
        newsroom.clock.move(days=1)
        newsroom.send("PATCH", PATH, {"summary": f"Day {day}"})


def test_without_a_number_of_days_everything_is_kept(newsroom: Newsroom) -> None:
    edit_daily(newsroom, 3)
    newsroom.clock.move(days=9_999)
    assert forget(newsroom, days=0) == 0
    assert versions(newsroom) == [3, 2, 1]


def test_what_was_replaced_longer_ago_is_forgotten(newsroom: Newsroom) -> None:
    edit_daily(newsroom, 5)
    newsroom.clock.move(hours=1)
    assert forget(newsroom, days=2) == 2
    assert versions(newsroom) == [5, 4, 3]
    history = newsroom.get(f"{PATH}/revisions").json()["data"]
    assert history[-1]["changed"] is None
    assert newsroom.get(f"{PATH}/revisions/3").json()["summary"] == "Day 3"
    for address in ("revisions/2", "revisions/5/diff?with=1"):
        forgotten = newsroom.get(f"{PATH}/{address}")
        assert forgotten.status_code == 404
        assert "is kept no more" in forgotten.json()["detail"]
    restored = newsroom.send("POST", f"{PATH}/revisions/1/restore")
    assert (restored.status_code, "is kept no more" in restored.text) == (404, True)


def test_the_newest_revision_of_anything_stays_for_ever(newsroom: Newsroom) -> None:
    for kind in ("authors", "tags"):
        newsroom.make(kind, name="First")
    edit_daily(newsroom, 2)
    newsroom.send("PATCH", "/v1/authors/first", {"bio": "Writes."})
    newsroom.clock.move(days=9_999)
    assert forget(newsroom, days=1) == 1
    assert [(one.kind, one.version) for one in kept(newsroom)] == [
        ("author", 1), ("tag", 1), ("article", 2), ("author", 2),
    ]  # fmt: skip
    assert versions(newsroom) == [2]
    assert newsroom.send("PATCH", PATH, {"summary": "x"}).status_code == 200


def test_removals_stay_and_go_on_answering_410(newsroom: Newsroom) -> None:
    newsroom.make("tags", name="Sport")
    article = newsroom.article(tags=["sport"])
    newsroom.send("DELETE", PATH)
    newsroom.send("DELETE", "/v1/tags/sport")
    newsroom.clock.move(days=9_999)
    assert forget(newsroom, days=1) == 1
    assert [(one.kind, one.operation) for one in kept(newsroom)] == [
        ("tag", "upsert"), ("article", "remove"), ("tag", "remove"),
    ]  # fmt: skip
    assert kept(newsroom, article["id"])[0].snapshot["headline"] == article["headline"]
    assert newsroom.get(PATH).status_code == newsroom.get("/v1/tags/sport").status_code == 410


def test_a_revision_without_a_snapshot_takes_over_the_one_it_stood_on(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind")
    article = newsroom.article(authors=["mara-lind"], summary="Open")
    for name in ("Mara Holm", "Mara Berg"):
        newsroom.clock.move(days=1)
        newsroom.send("PATCH", "/v1/authors/mara-lind", {"name": name})
    assert [one.snapshot is None for one in kept(newsroom, article["id"])] == [False, True, True]
    newsroom.clock.move(days=5)
    forget(newsroom, days=5)
    stays = kept(newsroom, article["id"])
    assert [(one.version, one.snapshot is None) for one in stays] == [(3, False)]
    assert newsroom.get(f"{PATH}/revisions/3").json()["summary"] == "Open"
    newsroom.make("authors", name="Tor Vik")
    merged = newsroom.send("POST", "/v1/authors/mara-lind/merge", {"into": "tor-vik"})
    assert merged.status_code == 200
    assert newsroom.get(f"{PATH}/revisions/4").json()["byline"] == "Tor Vik"


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_it_is_done_in_batches_after_each_of_which_all_that_stays_is_whole(
    newsroom: Newsroom, batch: int
) -> None:
    newsroom.make("authors", name="Mara Lind")
    articles = [newsroom.article(f"Harbour {n}", authors=["mara-lind"]) for n in range(2)]
    for number in range(3):
        newsroom.send("PATCH", "/v1/authors/mara-lind", {"name": f"Mara {number}"})
        newsroom.send("PATCH", f"/v1/articles/harbour-{number % 2}", {"summary": str(number)})
    before = len(kept(newsroom))
    newsroom.clock.move(days=2)
    forgotten = 0
    while done := forget(newsroom, 1, batch):
        assert done <= batch
        forgotten += done
        for article in articles:
            assert kept(newsroom, article["id"])[0].snapshot is not None
            history = newsroom.get(f"/v1/articles/{article['id']}/revisions").json()["data"]
            for one in history:
                place = f"/v1/articles/{article['id']}/revisions/{one['version']}"
                assert newsroom.get(place).status_code == 200
    # One of each article, and all four of the author: only articles have a history to read.
    assert len(kept(newsroom)) == before - forgotten == 2 + 4


@pytest.mark.parametrize("batch", [1, 100])
def test_what_the_clock_wrote_replaces_nothing_and_goes_with_its_version(
    newsroom: Newsroom, batch: int
) -> None:
    article = newsroom.article(published_at=newsroom.clock.at(hours=1))
    newsroom.clock.move(days=9)
    assert newsroom.tick() == 1
    assert forget(newsroom, days=1) == 0
    assert versions(newsroom) == [1]
    newsroom.send("PATCH", PATH, {"embargoed_until": newsroom.clock.at(hours=1)})
    newsroom.clock.move(days=9)
    assert newsroom.tick() == 1
    while forget(newsroom, 1, batch):
        pass
    assert [one.reason for one in kept(newsroom, article["id"])] == [None, "clock"]
    assert versions(newsroom) == [2]
