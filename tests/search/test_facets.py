"""Facets: counts of the finds, each with all filters but its own."""

from typing import Any

import pytest

from tests.conftest import Newsroom


@pytest.fixture
def town(searching: Newsroom) -> Newsroom:
    searching.make("authors", name="Mara Lind")
    searching.make("authors", name="Otto Berg")
    for name, kind in (("Sport", "section"), ("Local", "section"), ("Climate", "topic")):
        searching.send("POST", "/v1/tags", {"name": name, "kind": kind})
    at = {"published_at": "2025-05-01T00:00:00Z"}
    searching.article(
        "Bridge 1", tags=["local", "climate"], authors=["mara-lind"], language="en-GB"
    )
    searching.article("Bridge 2", tags=["local"], authors=["mara-lind", "otto-berg"], **at)
    searching.article("Bridge 3", tags=["sport", "climate"], authors=["otto-berg"], **at)
    searching.article("Ferry", tags=["sport"], authors=["otto-berg"])
    return searching


def counts(town: Newsroom, name: str, q: str = "bridge", **parameters: Any) -> dict[str, int]:
    found = town.search(q, facets=name, **parameters)
    assert list(found["facets"]) == [name]
    return {one["value"]: one["count"] for one in found["facets"][name]}


def test_each_facet_counts_the_finds(town: Newsroom) -> None:
    assert counts(town, "tag") == {"local": 2, "climate": 2, "sport": 1}
    assert counts(town, "section") == {"local": 2, "sport": 1}
    assert counts(town, "author") == {"mara-lind": 2, "otto-berg": 2}
    assert counts(town, "language") == {"en": 2, "en-gb": 1}
    assert counts(town, "kind") == {"section": 3, "topic": 2}
    assert counts(town, "year") == {"2025": 2, "2026": 1}


def test_they_say_what_to_show_and_the_most_frequent_first(town: Newsroom) -> None:
    assert town.search("bridge", facets="tag,language")["facets"] == {
        "tag": [
            {"value": "climate", "name": "Climate", "count": 2},
            {"value": "local", "name": "Local", "count": 2},
            {"value": "sport", "name": "Sport", "count": 1},
        ],
        "language": [
            {"value": "en", "name": "en", "count": 2},
            {"value": "en-gb", "name": "en-GB", "count": 1},
        ],
    }


def test_a_facet_leaves_out_its_own_filter_and_no_other(town: Newsroom) -> None:
    assert counts(town, "section", section="sport") == {"local": 2, "sport": 1}
    assert counts(town, "author", section="sport") == {"otto-berg": 1}
    assert counts(town, "section", section="sport", author="mara-lind") == {"local": 2}
    assert counts(town, "language", language="en-GB") == {"en": 2, "en-gb": 1}
    until = {"published_until": "2026-01-01T00:00:00Z"}
    assert counts(town, "year", **until) == {"2025": 2, "2026": 1}
    assert counts(town, "tag", **until) == {"climate": 1, "local": 1, "sport": 1}


def test_without_words_they_count_everything(town: Newsroom) -> None:
    assert counts(town, "section", q="") == {"local": 2, "sport": 2}
    assert counts(town, "section", q="!!!") == {}


def test_they_are_there_only_when_asked_for(town: Newsroom) -> None:
    assert "facets" not in town.search("bridge")


def test_the_value_of_a_facet_is_what_to_filter_by(town: Newsroom) -> None:
    for name in ("tag", "section", "author", "language"):
        for value, count in counts(town, name).items():
            chosen: Any = {name: value}
            assert town.search("bridge", **chosen)["page"]["total"] == count
