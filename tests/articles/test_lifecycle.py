"""Publishing, scheduling, embargoes, expiry, withdrawing: the clock decides at every read."""

import pytest

from tests.conftest import Newsroom

PATH = "/v1/articles/harbour-bridge-opens"


def status(newsroom: Newsroom) -> str:
    return str(newsroom.get(PATH, newsroom.key("preview")).json()["status"])


def test_a_new_article_is_a_draft_until_it_is_published(newsroom: Newsroom) -> None:
    newsroom.article(publish=False)
    assert (status(newsroom), newsroom.get(PATH).status_code) == ("draft", 404)
    newsroom.send("POST", f"{PATH}/publish", {})
    assert (status(newsroom), newsroom.get(PATH).status_code) == ("published", 200)


def test_a_draft_is_published_at_the_date_that_it_carries(newsroom: Newsroom) -> None:
    newsroom.article(publish=False, published_at="2010-05-06T00:00:00Z")
    answer = newsroom.send("POST", f"{PATH}/publish").json()
    assert answer["published_at"] == answer["first_published_at"] == "2010-05-06T00:00:00Z"


def test_the_clock_publishes_what_is_scheduled(newsroom: Newsroom) -> None:
    newsroom.article(publish=False)
    newsroom.send("POST", f"{PATH}/publish", {"at": newsroom.clock.at(hours=1)})
    assert (status(newsroom), newsroom.get(PATH).status_code) == ("scheduled", 404)
    newsroom.clock.move(hours=1)
    assert (status(newsroom), newsroom.get(PATH).status_code) == ("published", 200)
    assert newsroom.get("/v1/articles?count=exact").json()["page"]["total"] == 1


def test_the_clock_ends_an_embargo(newsroom: Newsroom) -> None:
    ends = newsroom.clock.at(hours=1)
    newsroom.article(embargoed_until=ends)
    assert newsroom.get(PATH).status_code == 404
    newsroom.clock.move(hours=1)
    assert newsroom.get(PATH).json()["first_published_at"] == ends


def test_the_clock_ends_what_expires(newsroom: Newsroom) -> None:
    newsroom.article(expires_at=newsroom.clock.at(hours=1))
    assert newsroom.get(PATH).status_code == 200
    newsroom.clock.move(hours=1)
    assert (status(newsroom), newsroom.get(PATH).status_code) == ("expired", 404)


def test_withdrawing_takes_back_at_once_and_restoring_undoes_it(newsroom: Newsroom) -> None:
    newsroom.article()
    newsroom.send("POST", f"{PATH}/withdraw", {"reason": "Sent too early"})
    gone = newsroom.get(PATH)
    assert (gone.status_code, gone.json()["reason"]) == (410, "Sent too early")
    assert newsroom.get("/v1/articles").json()["data"] == []
    assert status(newsroom) == "withdrawn"
    newsroom.send("POST", f"{PATH}/restore")
    assert newsroom.get(PATH).status_code == 200


@pytest.mark.parametrize(
    ("publish", "moves"),
    [
        (False, ["withdraw"]),
        (True, ["restore"]),
        (True, ["withdraw", "withdraw"]),
        (True, ["withdraw", "publish"]),
    ],
)
def test_a_move_that_makes_no_sense_is_409(
    newsroom: Newsroom, publish: bool, moves: list[str]
) -> None:
    newsroom.article(publish=publish)
    for move in moves[:-1]:
        assert newsroom.send("POST", f"{PATH}/{move}").is_success
    assert newsroom.send("POST", f"{PATH}/{moves[-1]}").status_code == 409


@pytest.mark.parametrize(
    "address", ["/v1/articles?publish=true", PATH + "/publish", PATH + "/withdraw"]
)
def test_publishing_needs_its_scope(newsroom: Newsroom, address: str) -> None:
    newsroom.article(publish=False)
    body = {"headline": "x"} if "?" in address else {}
    assert newsroom.send("POST", address, body, newsroom.key("write")).status_code == 403
    assert (
        newsroom.get("/v1/articles?count=exact", newsroom.key("preview")).json()["page"]["total"]
        == 1
    )
    assert status(newsroom) == "draft"


@pytest.mark.parametrize("field", ["published_at", "embargoed_until", "expires_at"])
def test_dates_of_what_is_published_are_the_publishers(newsroom: Newsroom, field: str) -> None:
    newsroom.article()
    changes = {field: newsroom.clock.at(days=3)}
    assert newsroom.send("PATCH", PATH, changes, newsroom.key("write")).status_code == 403
    assert newsroom.send("PATCH", PATH, changes).status_code == 200


def test_corrections_are_kept_in_order(newsroom: Newsroom) -> None:
    newsroom.article()
    for kind in ("correction", "clarification"):
        newsroom.send("POST", f"{PATH}/corrections", {"kind": kind, "note": f"A {kind}."})
    shown = newsroom.get(PATH).json()["corrections"]
    assert [(one["kind"], one["note"]) for one in shown] == [
        ("correction", "A correction."),
        ("clarification", "A clarification."),
    ]
