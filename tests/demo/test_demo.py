"""The sample newsroom: what a newcomer sees, what editors see, and that it shows every field."""

import json
from collections import Counter
from typing import Any

import pytest

from app.articles.models import ArticleCreate
from app.authors.models import AuthorCreate
from app.demo.actions import NEWSROOM, load_demo
from app.tags.models import TagCreate
from tests.conftest import Newsroom

SAMPLES: dict[str, list[dict[str, Any]]] = json.loads(NEWSROOM.read_text(encoding="utf-8"))


@pytest.fixture
def demo(newsroom: Newsroom) -> Newsroom:
    assert load_demo(newsroom.database, newsroom.clock()) == len(SAMPLES["articles"])
    return newsroom


def everything(newsroom: Newsroom, headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
    answer = newsroom.get("/v1/articles?limit=100", headers)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


def sample(state: str) -> str:
    """The headline of the one sample in this state."""
    (headline,) = [one["headline"] for one in SAMPLES["articles"] if one["demo"]["state"] == state]
    return str(headline)


def test_readers_see_what_is_published_and_nothing_else(demo: Newsroom) -> None:
    seen = everything(demo)
    assert {one["status"] for one in seen} == {"published"}
    assert {one["headline"] for one in seen} == {
        one["headline"] for one in SAMPLES["articles"] if one["demo"]["state"] == "published"
    }
    assert len(seen) == 32


def test_editors_see_every_state(demo: Newsroom) -> None:
    seen = everything(demo, demo.key("preview"))
    assert len(seen) == len(SAMPLES["articles"])
    by_status = Counter(one["status"] for one in seen)
    assert (by_status["draft"], by_status["expired"], by_status["withdrawn"]) == (3, 1, 1)
    assert set(by_status) == {"draft", "scheduled", "published", "expired", "withdrawn"}


def test_the_embargoed_article_is_for_keys_that_may_have_it_early(demo: Newsroom) -> None:
    embargoed = sample("embargoed")
    early = demo.key("read", entitlement={"embargoed": True})
    assert embargoed not in {one["headline"] for one in everything(demo, demo.key("read"))}
    assert embargoed in {one["headline"] for one in everything(demo, early)}


def test_what_is_scheduled_and_embargoed_comes_out_by_the_clock(demo: Newsroom) -> None:
    demo.clock.move(hours=41)
    assert len(everything(demo)) == 32 + 2 + 1


def test_what_was_taken_back_is_gone_and_what_was_corrected_says_so(demo: Newsroom) -> None:
    seen = {one["headline"]: one for one in everything(demo, demo.key("preview"))}
    slug = seen[sample("withdrawn")]["slug"]
    assert demo.get(f"/v1/articles/{slug}").status_code == 410
    for one in SAMPLES["articles"]:
        item = demo.get(f"/v1/articles/{seen[one['headline']]['id']}", demo.key("preview")).json()
        noted = [(note["kind"], note["note"]) for note in item["corrections"]]
        asked = [(note["kind"], note["note"]) for note in one["demo"].get("corrections", [])]
        assert noted == asked


def test_it_is_loaded_only_where_nothing_is(demo: Newsroom) -> None:
    assert load_demo(demo.database, demo.clock()) == 0
    assert len(everything(demo)) == 32


def test_it_does_not_mix_with_articles_that_are_there(newsroom: Newsroom) -> None:
    newsroom.article()
    assert load_demo(newsroom.database, newsroom.clock()) == 0
    assert [one["headline"] for one in everything(newsroom)] == ["Harbour bridge opens"]
    assert newsroom.get("/v1/authors").json()["data"] == []


@pytest.mark.parametrize(
    ("kind", "model", "dated"),
    [
        ("articles", ArticleCreate, {"published_at", "embargoed_until", "expires_at"}),
        ("authors", AuthorCreate, set()),
        ("tags", TagCreate, set()),
    ],
)
def test_every_field_that_can_be_written_is_used(kind: str, model: Any, dated: set[str]) -> None:
    used = {name for one in SAMPLES[kind] for name, value in one.items() if value is not None}
    assert used - {"demo"} == set(model.model_fields) - dated


def test_the_times_that_are_relative_are_used_too(demo: Newsroom) -> None:
    seen = everything(demo, demo.key("preview"))
    for name in ("published_at", "embargoed_until", "expires_at"):
        assert any(one[name] for one in seen), name
