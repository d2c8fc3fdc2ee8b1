"""Publishing, scheduling, embargoes, expiry, withdrawing: the clock decides at every read."""

from typing import Any

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


def test_publishing_now_is_publishing_at_this_moment(newsroom: Newsroom) -> None:
    newsroom.article(publish=False)
    newsroom.clock.move(hours=1)
    answer = newsroom.send("POST", f"{PATH}/publish").json()
    assert newsroom.clock.at(seconds=-1) < answer["published_at"] <= newsroom.clock.at()
    assert answer["first_published_at"] == answer["published_at"]


def test_the_date_given_when_publishing_stands_before_the_one_carried(newsroom: Newsroom) -> None:
    newsroom.article(publish=False, published_at="2010-05-06T00:00:00Z")
    answer = newsroom.send("POST", f"{PATH}/publish", {"at": "2011-01-01T01:00:00+01:00"}).json()
    assert answer["published_at"] == "2011-01-01T00:00:00Z"


def test_publishing_what_is_published_changes_nothing_unless_it_is_dated(
    newsroom: Newsroom,
) -> None:
    before = newsroom.article()
    newsroom.clock.move(hours=1)
    assert newsroom.send("POST", f"{PATH}/publish").json() == before
    moved = newsroom.send("POST", f"{PATH}/publish", {"at": newsroom.clock.at(hours=1)}).json()
    assert (moved["status"], moved["version"]) == ("scheduled", 2)
    assert newsroom.get(PATH).status_code == 404


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


def test_a_draft_with_a_date_stays_a_draft_when_the_date_comes(newsroom: Newsroom) -> None:
    newsroom.article(publish=False, published_at=newsroom.clock.at(hours=1))
    newsroom.clock.move(hours=2)
    assert (status(newsroom), newsroom.get(PATH).status_code) == ("draft", 404)


def test_what_is_scheduled_can_be_published_earlier(newsroom: Newsroom) -> None:
    newsroom.article(published_at=newsroom.clock.at(days=1))
    now = newsroom.clock.at()
    answer = newsroom.send("POST", f"{PATH}/publish", {"at": now}).json()
    assert (answer["status"], answer["published_at"]) == ("published", now)
    assert newsroom.get(PATH).status_code == 200


def test_the_clock_moves_an_article_through_the_lists_by_status(newsroom: Newsroom) -> None:
    times = {"published_at": newsroom.clock.at(hours=1), "expires_at": newsroom.clock.at(hours=3)}
    article = newsroom.article(**times)
    for expected in ("scheduled", "published", "expired"):
        for one in ("draft", "scheduled", "published", "expired", "withdrawn"):
            answer = newsroom.get(f"/v1/articles?status={one}", newsroom.key("preview"))
            listed = [(row["id"], row["status"]) for row in answer.json()["data"]]
            assert listed == ([(article["id"], expected)] if one == expected else [])
        newsroom.clock.move(hours=2)


def test_what_the_clock_does_is_no_new_version(newsroom: Newsroom) -> None:
    made = newsroom.article(embargoed_until=newsroom.clock.at(hours=1))
    newsroom.clock.move(hours=1)
    shown = newsroom.get(PATH).json()
    assert (shown["version"], shown["updated_at"]) == (made["version"], made["updated_at"])


def test_an_embargo_hides_from_all_but_those_who_may_see_it(newsroom: Newsroom) -> None:
    newsroom.article(embargoed_until=newsroom.clock.at(hours=1))
    partner = newsroom.key("read", entitlement={"embargoed": True})
    assert newsroom.get(PATH, newsroom.key("read")).status_code == 404
    assert newsroom.get(PATH, partner).json()["status"] == "published"
    assert newsroom.get(PATH, newsroom.key("preview")).status_code == 200


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


def test_an_expiry_that_is_moved_brings_the_article_back(newsroom: Newsroom) -> None:
    newsroom.article(expires_at=newsroom.clock.at(hours=1))
    newsroom.clock.move(hours=2)
    assert newsroom.send("PATCH", PATH, {"expires_at": None}).json()["status"] == "published"
    assert newsroom.get(PATH).status_code == 200


def test_withdrawing_takes_back_at_once_and_restoring_undoes_it(newsroom: Newsroom) -> None:
    newsroom.article()
    newsroom.send("POST", f"{PATH}/withdraw", {"reason": "Sent too early"})
    gone = newsroom.get(PATH)
    assert (gone.status_code, gone.json()["reason"]) == (410, "Sent too early")
    assert newsroom.get("/v1/articles").json()["data"] == []
    assert status(newsroom) == "withdrawn"
    newsroom.send("POST", f"{PATH}/restore")
    assert newsroom.get(PATH).status_code == 200


def test_a_withdrawal_may_be_without_a_reason(newsroom: Newsroom) -> None:
    newsroom.article()
    assert newsroom.send("POST", f"{PATH}/withdraw").json()["status"] == "withdrawn"
    gone = newsroom.get(PATH)
    assert gone.status_code == 410
    assert "reason" not in gone.json()


def test_what_was_withdrawn_before_it_was_public_was_never_there(newsroom: Newsroom) -> None:
    newsroom.article(published_at=newsroom.clock.at(hours=1))
    newsroom.send("POST", f"{PATH}/withdraw", {"reason": "Wrong"})
    assert newsroom.get(PATH).status_code == 404
    newsroom.clock.move(hours=2)
    assert newsroom.get(PATH).status_code == 404
    assert newsroom.send("POST", f"{PATH}/restore").json()["status"] == "published"


def test_what_is_withdrawn_can_be_edited_and_stays_withdrawn(newsroom: Newsroom) -> None:
    newsroom.article()
    newsroom.send("POST", f"{PATH}/withdraw")
    changed = newsroom.send("PATCH", PATH, {"summary": "Put right."}, newsroom.key("write"))
    assert changed.json()["status"] == "withdrawn"
    assert newsroom.get(PATH).status_code == 410
    newsroom.send("POST", f"{PATH}/restore")
    assert newsroom.get(PATH).json()["summary"] == "Put right."


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
    before = newsroom.get(PATH, newsroom.key("preview")).json()
    assert newsroom.send("POST", f"{PATH}/{moves[-1]}").status_code == 409
    assert newsroom.get(PATH, newsroom.key("preview")).json() == before


def test_a_withdrawn_article_is_not_published_by_replacing_it(newsroom: Newsroom) -> None:
    newsroom.article()
    newsroom.send("POST", f"{PATH}/withdraw")
    answer = newsroom.send("PUT", f"{PATH}?publish=true", {"headline": "x"})
    assert (answer.status_code, status(newsroom)) == (409, "withdrawn")


def test_replacing_publishes_only_when_told_to(newsroom: Newsroom) -> None:
    newsroom.article(publish=False)
    assert newsroom.send("PUT", PATH, {"headline": "x"}).json()["status"] == "draft"
    refused = newsroom.send("PUT", f"{PATH}?publish=true", {"headline": "y"}, newsroom.key("write"))
    assert (refused.status_code, status(newsroom)) == (403, "draft")
    assert newsroom.get(PATH, newsroom.key("preview")).json()["headline"] == "x"
    answer = newsroom.send("PUT", f"{PATH}?publish=true", {"headline": "y"})
    assert (answer.json()["status"], answer.json()["headline"]) == ("published", "y")


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


def test_a_date_of_publication_is_the_publishers_in_a_draft_too(newsroom: Newsroom) -> None:
    dated = {"headline": "x", "published_at": "2010-05-06T00:00:00Z"}
    assert newsroom.send("POST", "/v1/articles", dated, newsroom.key("write")).status_code == 403
    newsroom.article(publish=False, published_at="2010-05-06T00:00:00Z")
    writer = newsroom.key("write")
    later = {"published_at": "2011-01-01T00:00:00Z"}
    assert newsroom.send("PATCH", PATH, later, writer).status_code == 403
    assert newsroom.send("PATCH", PATH, {"published_at": None}, writer).status_code == 403
    same = {"published_at": "2010-05-06T02:00:00+02:00", "summary": "New"}
    assert newsroom.send("PATCH", PATH, same, writer).json()["summary"] == "New"
    kept = newsroom.send("PUT", PATH, {"headline": "x"}, writer).json()
    assert kept["published_at"] == "2010-05-06T00:00:00Z"


def test_a_writer_sets_embargo_and_expiry_of_a_draft(newsroom: Newsroom) -> None:
    newsroom.article(publish=False)
    times = {"embargoed_until": newsroom.clock.at(days=1), "expires_at": newsroom.clock.at(days=2)}
    answer = newsroom.send("PATCH", PATH, times, newsroom.key("write"))
    assert {name: answer.json()[name] for name in times} == times


def test_a_writer_does_not_end_an_expiry_by_leaving_it_out(newsroom: Newsroom) -> None:
    newsroom.article(expires_at=newsroom.clock.at(days=1))
    writer = newsroom.key("write")
    assert newsroom.send("PUT", PATH, {"headline": "x"}, writer).status_code == 403
    kept = {"headline": "x", "expires_at": newsroom.get(PATH).json()["expires_at"]}
    assert newsroom.send("PUT", PATH, kept, writer).status_code == 200


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


def test_a_correction_says_when_and_moves_the_version(newsroom: Newsroom) -> None:
    newsroom.article()
    newsroom.clock.move(hours=1)
    earliest = newsroom.clock.at()
    note = {"kind": "retraction", "note": "It did not open."}
    answer = newsroom.send("POST", f"{PATH}/corrections", note, newsroom.key("write"))
    (one,) = answer.json()["corrections"]
    assert earliest < one["at"] == answer.json()["updated_at"]
    assert answer.json()["version"] == 2


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "typo", "note": "x"}, "/kind"),
        ({"kind": "update", "note": " "}, "/note"),
        ({"kind": "update"}, "/note"),
        ({"kind": "update", "note": "x", "at": "2026-01-01T00:00:00Z"}, "/at"),
    ],
)
def test_a_correction_that_says_nothing_is_refused(
    newsroom: Newsroom, body: dict[str, Any], pointer: str
) -> None:
    newsroom.article()
    answer = newsroom.send("POST", f"{PATH}/corrections", body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_when_it_was_first_public_stays_whatever_comes_later(newsroom: Newsroom) -> None:
    first = newsroom.article()["first_published_at"]
    newsroom.clock.move(hours=1)
    later, much_later = newsroom.clock.at(hours=-0.5), newsroom.clock.at(days=1)
    moves: list[tuple[str, dict[str, Any]]] = [
        ("POST", {"at": later}),
        ("PATCH", {"published_at": "2010-01-01T00:00:00Z"}),
        ("PATCH", {"embargoed_until": much_later}),
        ("POST", {"at": much_later}),
    ]
    for method, body in moves:
        path = f"{PATH}/publish" if method == "POST" else PATH
        answer = newsroom.send(method, path, body)
        assert answer.json()["first_published_at"] == first
    for move in ("withdraw", "restore"):
        assert newsroom.send("POST", f"{PATH}/{move}").json()["first_published_at"] == first


def test_what_nobody_could_see_was_not_yet_public(newsroom: Newsroom) -> None:
    preview = newsroom.key("preview")
    newsroom.article(
        published_at=newsroom.clock.at(hours=1), embargoed_until=newsroom.clock.at(hours=2)
    )
    for expected in (False, False, True):
        shown = newsroom.get(PATH, preview).json()
        assert (shown["first_published_at"] is not None) == expected
        newsroom.clock.move(hours=1)
    assert shown["first_published_at"] == shown["embargoed_until"]


CONTRADICTIONS: list[tuple[dict[str, float], str]] = [
    ({"published_at": 2, "expires_at": 1}, "/expires_at"),
    ({"published_at": 1, "expires_at": 1}, "/expires_at"),
    ({"embargoed_until": 2, "expires_at": 1}, "/expires_at"),
    ({"published_at": 1, "embargoed_until": 3, "expires_at": 2}, "/expires_at"),
]


@pytest.mark.parametrize("publish", [False, True])
@pytest.mark.parametrize(("days", "pointer"), CONTRADICTIONS)
def test_times_that_contradict_each_other_are_refused(
    newsroom: Newsroom, days: dict[str, float], pointer: str, publish: bool
) -> None:
    newsroom.article("Storm", publish=publish, slug="storm")
    times = {name: newsroom.clock.at(days=day) for name, day in days.items()}
    for method, path in (("POST", "/v1/articles"), ("PATCH", "/v1/articles/storm")):
        answer = newsroom.send(method, path, {"headline": "x", **times})
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_publishing_after_the_expiry_is_refused(newsroom: Newsroom) -> None:
    newsroom.article(publish=False, expires_at=newsroom.clock.at(days=1))
    late = newsroom.send("POST", f"{PATH}/publish", {"at": newsroom.clock.at(days=2)})
    assert (late.status_code, status(newsroom)) == (422, "draft")
    newsroom.clock.move(days=3)
    assert newsroom.send("POST", f"{PATH}/publish").status_code == 422
    assert newsroom.send("POST", f"{PATH}/publish", {"at": newsroom.clock.at(days=-3)}).is_success
    assert status(newsroom) == "expired"
