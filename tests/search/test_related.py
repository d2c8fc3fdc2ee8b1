"""Related articles: alike by their words, tags and authors."""

import pytest

from tests.conftest import Newsroom


@pytest.fixture
def town(searching: Newsroom) -> Newsroom:
    for name in ("Harbour", "Chess"):
        searching.send("POST", "/v1/tags", {"name": name, "kind": "topic"})

    def write(headline: str, body: str, *tags: str) -> None:
        source = {"format": "text", "source": body}
        searching.article(headline, body=source, tags=list(tags))

    write("Harbour bridge opens", "The suspension bridge spans the estuary.", "harbour")
    write("Second bridge planned", "Engineers drew another suspension bridge for the estuary.")
    write("Ferry sails", "Passengers boarded at noon.", "harbour")
    write("Grandmaster wins", "The endgame lasted six hours.", "chess")
    write("Rain expected", "Clouds gather over the hills.")
    return searching


def related(town: Newsroom, ref: str, key: dict[str, str] | None = None) -> list[str]:
    town.indexed()
    answer = town.get(f"/v1/articles/{ref}/related", key)
    assert answer.status_code == 200, answer.text
    return [one["headline"] for one in answer.json()["data"]]


def test_what_shares_words_and_tags_comes_and_never_itself(town: Newsroom) -> None:
    assert related(town, "harbour-bridge-opens") == ["Second bridge planned", "Ferry sails"]
    assert related(town, "grandmaster-wins") == []


def test_limit_and_fields_apply(town: Newsroom) -> None:
    town.indexed()
    answer = town.get("/v1/articles/harbour-bridge-opens/related?limit=1&fields=slug").json()
    assert answer == {"data": [{"slug": "second-bridge-planned"}]}


def test_what_the_caller_may_not_see_is_not_there(town: Newsroom) -> None:
    town.make(
        "articles", headline="Bridge scandal", body={"format": "text", "source": "Bridge estuary."}
    )
    assert "Bridge scandal" not in related(town, "harbour-bridge-opens")
    assert "Bridge scandal" in related(town, "harbour-bridge-opens", town.key("preview"))
    town.indexed()
    assert town.get("/v1/articles/bridge-scandal/related").status_code == 404


def test_refs_lead_as_everywhere(town: Newsroom) -> None:
    town.send("PATCH", "/v1/articles/ferry-sails", {"slug": "ferry"})
    town.indexed()
    moved = town.get("/v1/articles/ferry-sails/related")
    assert (moved.status_code, moved.headers["location"]) == (301, "/v1/articles/ferry/related")
    town.send("POST", "/v1/articles/ferry/withdraw", {})
    assert town.get("/v1/articles/ferry/related").status_code == 410
    assert related(town, "harbour-bridge-opens") == ["Second bridge planned"]
