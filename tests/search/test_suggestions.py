"""Suggestions: what begins as typed, best first."""

from typing import Any

import pytest

from tests.conftest import Newsroom


@pytest.fixture
def town(searching: Newsroom) -> Newsroom:
    searching.make("authors", name="Harriet Lind")
    for name in ("Harbour", "Hares", "Ferry"):
        searching.send("POST", "/v1/tags", {"name": name, "kind": "topic"})
    searching.article("Harbour bridge opens", tags=["harbour"], authors=["harriet-lind"])
    searching.article("Harbour ferry sails", tags=["harbour"])
    searching.article("The harbour is closed", tags=["ferry"])
    searching.article("Élan vital")
    searching.indexed()
    return searching


def suggested(town: Newsroom, q: str, **parameters: Any) -> list[tuple[str, str]]:
    answer = town.client.get("/v1/suggest", params={"q": q, **parameters})
    assert answer.status_code == 200, answer.text
    return [(one["type"], one["text"]) for one in answer.json()["data"]]


def test_names_with_the_most_articles_then_the_newest_headlines(town: Newsroom) -> None:
    assert suggested(town, "har") == [
        ("tag", "Harbour"), ("author", "Harriet Lind"), ("tag", "Hares"),
        ("headline", "Harbour ferry sails"), ("headline", "Harbour bridge opens"),
    ]  # fmt: skip


def test_they_lead_somewhere(town: Newsroom) -> None:
    tag, *_ = town.get("/v1/suggest?q=harbour").json()["data"]
    assert town.get(f"/v1/tags/{tag['slug']}").json()["id"] == tag["id"]


@pytest.mark.parametrize("typed", ["Élan", "elan", "ELAN V", " elan"])
def test_accents_and_case_do_not_matter(town: Newsroom, typed: str) -> None:
    assert suggested(town, typed) == [("headline", "Élan vital")]


def test_long_beginnings_are_exact(town: Newsroom) -> None:
    assert suggested(town, "harbour bridge opens") == [("headline", "Harbour bridge opens")]
    assert suggested(town, "harbour bridge operates") == []


def test_so_many_at_most(town: Newsroom) -> None:
    assert suggested(town, "har", limit=2) == [
        ("tag", "Harbour"), ("headline", "Harbour ferry sails"),
    ]  # fmt: skip
    assert len(suggested(town, "har", limit=4)) == 4


def test_nothing_typed_suggests_nothing(town: Newsroom) -> None:
    assert suggested(town, " ") == []
    assert town.get("/v1/suggest").status_code == 422
