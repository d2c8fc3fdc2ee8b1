"""A key's entitlement: what it may say, and that it comes back as it was given."""

from typing import Any

import pytest

from tests.conftest import Newsroom, Response

EVERYTHING: dict[str, Any] = {
    "articles": {
        "tag": ["climate,energy", "europe"],
        "author": ["mara-lind"],
        "section": ["sport"],
        "language": ["en-GB,en-US"],
        "status": ["published"],
        "exclude_tag": ["gossip"],
        "ids": ["018f2b3c-0000-7000-8000-000000000000"],
        "published_since": "2026-01-01T00:00:00Z",
        "published_until": "2027-01-01T00:00:00Z",
        "updated_since": "2026-06-01T00:00:00.5Z",
    },
    "embargoed": True,
}


def make_key(newsroom: Newsroom, entitlement: Any) -> Response:
    body = {"name": "Partner", "scopes": ["read"], "entitlement": entitlement}
    return newsroom.send("POST", "/v1/keys", body, newsroom.key("admin"))


def headlines(newsroom: Newsroom, key: dict[str, Any]) -> set[str]:
    answer = newsroom.get("/v1/articles", {"Authorization": f"Bearer {key['key']}"})
    assert answer.status_code == 200, answer.text
    return {article["headline"] for article in answer.json()["data"]}


def test_an_entitlement_comes_back_as_it_was_given(newsroom: Newsroom) -> None:
    made = make_key(newsroom, EVERYTHING).json()
    shown = newsroom.get(f"/v1/keys/{made['id']}", newsroom.key("admin")).json()
    articles = EVERYTHING["articles"] | {"updated_since": "2026-06-01T00:00:00.500000Z"}
    assert made["entitlement"] == {"articles": articles, "embargoed": True}
    assert shown["entitlement"] == made["entitlement"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (None, None),
        ({}, {"articles": {}, "embargoed": False}),
        ({"embargoed": True}, {"articles": {}, "embargoed": True}),
        (
            {"articles": {"tag": ["sport"]}},
            {"articles": {"tag": ["sport"]}, "embargoed": False},
        ),
    ],
)
def test_an_entitlement_says_no_more_than_it_was_given(
    newsroom: Newsroom, given: Any, shown: Any
) -> None:
    made = make_key(newsroom, given).json()
    me = newsroom.get("/v1/me", {"Authorization": f"Bearer {made['key']}"}).json()
    assert made["entitlement"] == shown
    assert me["entitlement"] == shown


def test_a_time_with_an_offset_is_the_same_instant(newsroom: Newsroom) -> None:
    made = make_key(newsroom, {"articles": {"published_since": "2026-01-01T02:00:00+02:00"}}).json()
    assert made["entitlement"]["articles"]["published_since"] == "2026-01-01T00:00:00Z"


def test_a_merge_patch_changes_one_part_of_an_entitlement(newsroom: Newsroom) -> None:
    made = make_key(newsroom, EVERYTHING).json()
    changes = {"entitlement": {"articles": {"tag": ["arts"], "published_until": None}}}
    answer = newsroom.send("PATCH", f"/v1/keys/{made['id']}", changes, newsroom.key("admin"))
    expected = made["entitlement"]["articles"] | {"tag": ["arts"]}
    del expected["published_until"]
    assert answer.json()["entitlement"] == {"articles": expected, "embargoed": True}


REFUSED: list[tuple[Any, str]] = [
    ([], "/entitlement"),
    ({"tag": ["sport"]}, "/entitlement/tag"),
    ({"embargoed": "yes"}, "/entitlement/embargoed"),
    ({"articles": {"limit": 3}}, "/entitlement/articles/limit"),
    ({"articles": {"tag": "sport"}}, "/entitlement/articles/tag"),
    ({"articles": {"tag": [""]}}, "/entitlement/articles/tag"),
    ({"articles": {"tag": ["sport,"]}}, "/entitlement/articles/tag"),
    ({"articles": {"tag": [",".join("x" * 101)]}}, "/entitlement/articles/tag"),
    ({"articles": {"tag": ["x"] * 21}}, "/entitlement/articles/tag"),
    ({"articles": {"status": ["secret"]}}, "/entitlement/articles/status"),
    ({"articles": {"published_since": "2026-01-01"}}, "/entitlement/articles/published_since"),
    ({"articles": {"tag": ["a\u0000"]}}, "/entitlement/articles/tag/0"),
]


def test_an_entitlement_that_cannot_be_is_refused(newsroom: Newsroom) -> None:
    for entitlement, pointer in REFUSED:
        answer = make_key(newsroom, entitlement)
        assert answer.status_code == 422, entitlement
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer], entitlement


def test_a_partner_sees_embargoed_articles_early_and_only_its_own(newsroom: Newsroom) -> None:
    newsroom.make("tags", name="Sport")
    soon = newsroom.clock.at(hours=1)
    newsroom.article("Cup final", tags=["sport"], embargoed_until=soon)
    newsroom.article("Budget", embargoed_until=soon)
    newsroom.article("Old news", tags=["sport"])
    early = make_key(newsroom, {"articles": {"tag": ["sport"]}, "embargoed": True}).json()
    later = make_key(newsroom, {"articles": {"tag": ["sport"]}}).json()
    assert headlines(newsroom, early) == {"Cup final", "Old news"}
    assert headlines(newsroom, later) == {"Old news"}
    newsroom.clock.move(hours=1)
    assert headlines(newsroom, later) == {"Cup final", "Old news"}


def test_an_entitlement_to_what_is_not_there_shows_nothing(newsroom: Newsroom) -> None:
    newsroom.article()
    assert (
        headlines(newsroom, make_key(newsroom, {"articles": {"tag": ["no-such"]}}).json()) == set()
    )


def test_an_exclusion_of_what_is_not_there_shows_nothing(newsroom: Newsroom) -> None:
    newsroom.article()
    entitlement = {"articles": {"exclude_tag": ["no-such"]}}
    assert headlines(newsroom, make_key(newsroom, entitlement).json()) == set()


def test_an_entitlement_follows_its_tag_through_renaming_and_merging(newsroom: Newsroom) -> None:
    newsroom.make("tags", name="Soccer")
    newsroom.make("tags", name="Sport")
    newsroom.article("Cup final", tags=["soccer"])
    newsroom.article("Budget")
    partner = make_key(newsroom, {"articles": {"tag": ["soccer"]}}).json()
    newsroom.send("PATCH", "/v1/tags/soccer", {"slug": "football"})
    assert headlines(newsroom, partner) == {"Cup final"}
    newsroom.send("POST", "/v1/tags/football/merge", {"into": "sport"})
    assert headlines(newsroom, partner) == {"Cup final"}
