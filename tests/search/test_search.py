"""Searching as a frontend does."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Newsroom


def text(source: str) -> dict[str, str]:
    return {"format": "text", "source": source}


@pytest.fixture
def town(searching: Newsroom) -> Newsroom:
    searching.make("authors", name="Mara Lind")
    for name, kind in (("Sport", "section"), ("Local", "section"), ("Climate change", "topic")):
        searching.send("POST", "/v1/tags", {"name": name, "kind": kind})
    searching.article(
        "Harbour bridge opens",
        summary="The first cars cross.",
        body=text("The mayor cut a ribbon at dawn."),
        authors=["mara-lind"],
        tags=["local"],
    )
    searching.article(
        "Ferry sails again",
        body=text("It left the harbour under the new bridge. " + "Waves rolled on. " * 50),
        tags=["local", "climate-change"],
    )
    searching.article("Rowers win", body=text("They trained beside the bridge."), tags=["sport"])
    return searching


def test_those_that_hold_all_words_come_before_those_that_hold_some(town: Newsroom) -> None:
    assert town.found("harbour bridge") == [
        "Harbour bridge opens", "Ferry sails again", "Rowers win",
    ]  # fmt: skip
    scores = [one["score"] for one in town.search("harbour bridge")["data"]]
    assert scores[0] > scores[1] > 1 > scores[2] > 0


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("ribbons", ["Harbour bridge opens"]),
        ("BRIDGÉ", ["Harbour bridge opens", "Rowers win", "Ferry sails again"]),
        ('"harbour bridge"', ["Harbour bridge opens"]),
        ('"bridge harbour"', []),
        ("bridge -ferry", ["Harbour bridge opens", "Rowers win"]),
        ('bridge -"harbour bridge"', ["Rowers win", "Ferry sails again"]),
        ("-bridge", []),
        ("headline:bridge", ["Harbour bridge opens"]),
        ("author:lind", ["Harbour bridge opens"]),
        ('author:"mara lind" ferry', ["Harbour bridge opens"]),
        ("tag:climate", ["Ferry sails again"]),
        ("tag:climate-change", ["Ferry sails again"]),
        ("climate", ["Ferry sails again"]),
        ("mara", ["Harbour bridge opens"]),
        ("ribbon OR rowers", ["Rowers win", "Harbour bridge opens"]),
        ("harb*", ["Harbour bridge opens", "Ferry sails again"]),
        ("headline:harb*", ["Harbour bridge opens"]),
        ("harbuor~", ["Harbour bridge opens", "Ferry sails again"]),
        ("what did the mayor cut at dawn", ["Harbour bridge opens"]),
        ("the", ["Ferry sails again", "Harbour bridge opens", "Rowers win"]),
        ("???", []),
        ("nowhere", []),
    ],
)
def test_what_is_typed_finds(town: Newsroom, typed: str, found: list[str]) -> None:
    order: Any = sorted if typed == "the" else list
    assert order(town.found(typed, recent=False)) == found


def test_nothing_typed_finds_everything_newest_first(town: Newsroom) -> None:
    found = town.search("")
    assert [one["headline"] for one in found["data"]] == [
        "Rowers win", "Ferry sails again", "Harbour bridge opens",
    ]  # fmt: skip
    assert {one["score"] for one in found["data"]} == {0}
    assert found["page"]["total"] == 3


def test_the_filters_of_the_list_apply(town: Newsroom) -> None:
    assert town.found("bridge", section="sport") == ["Rowers win"]
    assert town.found("bridge", tag="local", exclude_tag="climate-change") == [
        "Harbour bridge opens"
    ]
    assert town.found("bridge", author="mara-lind") == ["Harbour bridge opens"]
    assert town.found("bridge", language="de") == []
    assert len(town.found("bridge", published_since=town.clock.at(hours=-1))) == 3
    assert town.found("bridge", published_until=town.clock.at(hours=-1)) == []
    assert len(town.found("bridge", updated_since=town.clock.at(hours=-1))) == 3
    ids = [one["id"] for one in town.search("bridge")["data"][:2]]
    assert town.found("bridge", ids=",".join(ids)) == town.found("bridge")[:2]


def test_sorts(town: Newsroom) -> None:
    newest = town.found("bridge", sort="-published_at")
    assert newest == ["Rowers win", "Ferry sails again", "Harbour bridge opens"]
    assert town.found("bridge", sort="published_at") == newest[::-1]


def test_fields_and_body_choose_what_is_shown(town: Newsroom) -> None:
    (hit,) = town.search("ribbon", fields="headline", body="text")["data"]
    assert list(hit) == ["headline", "body", "score", "highlights"]
    assert hit["body"] == {"text": "The mayor cut a ribbon at dawn."}


def test_pages_go_on_both_ways(town: Newsroom) -> None:
    pages, page = [], town.search("bridge", limit=1)
    assert page["page"]["previous"] is None
    assert page["page"]["total"] == 3
    while True:
        pages.append(page["data"][0]["headline"])
        if page["page"]["next"] is None:
            break
        page = town.get(f"/v1/search?cursor={page['page']['next']}").json()
    assert pages == town.found("bridge")
    back = town.get(f"/v1/search?cursor={page['page']['previous']}").json()
    assert back["data"][0]["headline"] == pages[1]


@pytest.mark.parametrize("sort", ["relevance", "-published_at"])
def test_what_is_published_meanwhile_moves_no_page(town: Newsroom, sort: str) -> None:
    first = town.search("bridge", limit=2, sort=sort)
    town.article("Bridge, bridge and bridge")
    town.indexed()
    second = town.get(f"/v1/search?cursor={first['page']['next']}").json()
    shown = [one["headline"] for page in (first, second) for one in page["data"]]
    assert len(shown) == 3
    assert len(set(shown)) == 3
    assert "Bridge, bridge and bridge" in town.found("bridge", sort=sort)


def test_a_search_goes_only_so_deep(open_newsroom: Any, database_url: str, tmp_path: Any) -> None:
    deep = open_newsroom(database_url, search=True, data_dir=tmp_path, search_depth_max=100)
    lines = "\n".join(f'{{"headline": "Ferry {number}"}}' for number in range(130))
    headers = {"Content-Type": "application/x-ndjson", **deep.key("publish")}
    deep.client.post("/v1/articles/bulk?publish=true", content=lines, headers=headers)
    first = deep.search("ferry", limit=60)
    assert first["page"]["total"] == 130
    second = deep.get(f"/v1/search?cursor={first['page']['next']}").json()
    assert second["page"]["next"] is None
    both = [one["headline"] for page in (first, second) for one in page["data"]]
    assert len(set(both)) == 120


def test_recent_news_is_preferred_a_little(searching: Newsroom) -> None:
    searching.article("Ferry sails", published_at=searching.clock.at(days=-900))
    searching.article("Ferry stays", published_at=searching.clock.at(days=-1))
    searching.article("Ferry ferry", published_at=searching.clock.at(days=-900), summary="Ferry.")
    assert searching.found("ferry")[:1] == ["Ferry ferry"]  # what says more comes first even so
    assert searching.found("ferry")[1:] == ["Ferry stays", "Ferry sails"]
    scores = {
        one["headline"]: one["score"] for one in searching.search("ferry", recent=False)["data"]
    }
    assert scores["Ferry stays"] == scores["Ferry sails"]


def test_words_side_by_side_count_for_more(searching: Newsroom) -> None:
    apart = "The bridge is old. " + "Waves rolled on. " * 10 + "The harbour is new."
    searching.article("One", body=text(apart))
    searching.article("Two", body=text("The harbour bridge is old. " + "Waves rolled on. " * 11))
    assert searching.found("harbour bridge", recent=False) == ["Two", "One"]


def test_each_article_is_found_by_its_own_language(searching: Newsroom) -> None:
    searching.article("Neue Häuser am Hafen", language="de")
    searching.article("House prices", language="en-GB")
    searching.article("東京都の新しい橋", language="ja")
    searching.article("ข่าวประเทศไทย", language="th")
    searching.article("서울 뉴스룸", language="ko")
    searching.article("Élections générales", language="fr")
    assert searching.found("haus") == ["Neue Häuser am Hafen"]
    assert searching.found("hauser", language="de") == ["Neue Häuser am Hafen"]
    assert searching.found("houses", language="en-GB") == ["House prices"]
    assert searching.found("houses", language="de") == []
    assert searching.found("election generale") == ["Élections générales"]
    assert searching.found("京都") == ["東京都の新しい橋"]
    assert searching.found("京") == ["東京都の新しい橋"]
    assert searching.found("ประเทศ") == ["ข่าวประเทศไทย"]
    assert searching.found("뉴스") == ["서울 뉴스룸"]


def test_a_better_spelling_is_offered_when_it_finds_more(town: Newsroom) -> None:
    assert town.search("harbuor")["did_you_mean"] == "harbour"
    assert town.search("harbuor bridge")["did_you_mean"] == "harbour bridge"
    assert town.search("erry")["did_you_mean"] == "ferry"
    assert town.search("harbour")["did_you_mean"] is None
    assert town.search("harbuor", section="sport")["did_you_mean"] is None
    assert town.search("xyzzyx")["did_you_mean"] is None


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ("q=a&sort=headline", "sort"),
        ("q=a&facets=colour", "facets"),
        ("q=a&limit=101", "limit"),
        ("q=a&colour=red", "colour"),
        ("q=a&recent=perhaps", "recent"),
        ("q=a%00b", "q"),
        ("q=a&q=b", "q"),
        ("cursor=abc", "cursor"),
    ],
)
def test_parameters_that_cannot_be_used_are_refused(
    searching: Newsroom, parameters: str, named: str
) -> None:
    answer = searching.get(f"/v1/search?{parameters}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == named


def test_statuses_and_drafts_are_for_editors(town: Newsroom) -> None:
    town.make("articles", headline="Bridge draft")
    assert "Bridge draft" not in town.found("bridge")
    editor = town.key("preview")
    assert "Bridge draft" in town.found("bridge", editor)
    assert town.found("bridge", editor, status="draft") == ["Bridge draft"]
    assert town.get("/v1/search?q=bridge&status=draft").status_code == 403


def test_an_answer_is_checked_by_its_tag(town: Newsroom) -> None:
    town.indexed()
    answer = town.get("/v1/search?q=bridge&facets=tag")
    etag = {"If-None-Match": answer.headers["etag"]}
    assert town.get("/v1/search?q=bridge&facets=tag", etag).status_code == 304


@pytest.fixture
def asked(town: Newsroom) -> Newsroom:
    town.indexed()
    return town


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    typed=st.text(max_size=80)
    | st.lists(
        st.sampled_from(
            ["harbour", '"', "-", "OR", "AND", "*", "~", "headline:", "author:", "tag:", "(", ")",
             "京", "ไทย", "bridge*", "b*", "briqge~", "\\", "[a TO b]", "^5", "+", "🌉", "'s"]
        ),
        max_size=30,
    ).map(" ".join)
)  # fmt: skip
def test_whatever_is_typed_gets_an_answer(asked: Newsroom, typed: str) -> None:
    if "\x00" in typed:
        return
    try:
        typed.encode()
    except UnicodeEncodeError:
        return
    answer = asked.client.get("/v1/search", params={"q": typed, "facets": "tag,year"})
    assert answer.status_code == 200, typed
    page = answer.json()
    assert len(page["data"]) == page["page"]["total"], typed
    assert asked.client.get("/v1/suggest", params={"q": typed}).status_code == 200


def test_no_better_spelling_tells_of_a_word_that_stands_in_a_draft_alone(town: Newsroom) -> None:
    """A word that looks nearly like others is expanded to theirs, also where those are hidden."""
    town.article("Zentrika opens plant")
    town.indexed()
    asked = 'zentrixq~ -"zentrixa"'
    before = town.search(asked)["did_you_mean"]
    town.article("Takeover of Zentrixa planned", publish=False)
    town.indexed()
    assert town.search(asked)["did_you_mean"] == before
