"""The sample newsroom: whole, in several languages, in every state, and using every field."""

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest

from app.archive.shapes import TAG_KINDS, Image
from app.articles.models import ArticleCreate, Body, BodyFormat, CorrectionKind
from app.authors.models import AuthorCreate
from app.demo.actions import NEWSROOM, load_demo
from app.tags.models import TagCreate
from tests.conftest import Newsroom

SAMPLE: dict[str, list[dict[str, Any]]] = json.loads(NEWSROOM.read_text(encoding="utf-8"))
ARTICLES = SAMPLE["articles"]
SETTLED_BY_STATE = {"published_at", "embargoed_until", "expires_at"}


@pytest.fixture
def demo(newsroom: Newsroom) -> Newsroom:
    assert load_demo(newsroom.database, newsroom.clock()) == len(ARTICLES)
    return newsroom


def listed(newsroom: Newsroom, query: str = "", *scopes: str) -> list[dict[str, Any]]:
    headers = newsroom.key(*scopes) if scopes else None
    answer = newsroom.get(f"/v1/articles?limit=100&{query}", headers)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


def headlines(state: str) -> set[str]:
    return {one["headline"] for one in ARTICLES if one["demo"]["state"] == state}


def used(samples: list[dict[str, Any]]) -> set[str]:
    """The fields that some sample fills."""
    return {name for one in samples for name, value in one.items() if value not in (None, [], {})}


def test_every_sample_could_be_sent_by_a_client() -> None:
    for article in ARTICLES:
        fields = {name: value for name, value in article.items() if name != "demo"}
        ArticleCreate.model_validate_json(json.dumps(fields))
    for author in SAMPLE["authors"]:
        AuthorCreate.model_validate_json(json.dumps(author))
    for tag in SAMPLE["tags"]:
        TagCreate.model_validate_json(json.dumps(tag))


def test_every_writable_field_is_used() -> None:
    assert used(ARTICLES) - {"demo"} == set(ArticleCreate.model_fields) - SETTLED_BY_STATE
    assert used(SAMPLE["authors"]) == set(AuthorCreate.model_fields)
    assert used(SAMPLE["tags"]) == set(TagCreate.model_fields)
    assert used([one["image"] for one in ARTICLES if one.get("image")]) == set(Image.model_fields)
    assert used([one["body"] for one in ARTICLES if one.get("body")]) == set(Body.model_fields)


def test_every_choice_is_made_somewhere() -> None:
    bodies = [one["body"] for one in ARTICLES if one.get("body")]
    assert {body["format"] for body in bodies} == set(get_args(BodyFormat))
    corrections = [one for article in ARTICLES for one in article["demo"].get("corrections", [])]
    assert {one["kind"] for one in corrections} == set(get_args(CorrectionKind))
    assert len({tag["kind"] for tag in SAMPLE["tags"]} & set(TAG_KINDS)) >= 5
    assert len({one["urgency"] for one in ARTICLES if "urgency" in one}) >= 4


def test_a_reader_finds_32_articles_in_many_languages(demo: Newsroom) -> None:
    articles = listed(demo)
    assert len(articles) == 32
    assert {one["headline"] for one in articles} == headlines("published")
    languages = Counter(one["language"] for one in articles)
    assert len(languages) >= 8
    for language, count in languages.items():
        assert len(listed(demo, f"language={language}")) == count


def test_every_article_is_in_the_state_that_it_says(demo: Newsroom) -> None:
    for state in ("draft", "scheduled", "withdrawn", "expired"):
        found = {one["headline"] for one in listed(demo, f"status={state}", "preview")}
        assert found == headlines(state)
        assert found
    early = {one["headline"] for one in listed(demo, "status=published", "preview")}
    assert early - headlines("published") == headlines("embargoed")
    assert len(listed(demo, "", "preview")) == len(ARTICLES)


def test_the_clock_brings_out_what_is_scheduled_and_under_embargo(demo: Newsroom) -> None:
    to_come = headlines("scheduled") | headlines("embargoed")
    demo.clock.move(hours=48)
    assert to_come <= {one["headline"] for one in listed(demo)}


def test_the_withdrawn_one_says_why(demo: Newsroom) -> None:
    (withdrawn,) = listed(demo, "status=withdrawn", "preview")
    gone = demo.get(f"/v1/articles/{withdrawn['slug']}")
    (sample,) = [one for one in ARTICLES if one["demo"]["state"] == "withdrawn"]
    assert (gone.status_code, gone.json()["reason"]) == (410, sample["demo"]["withdrawn_reason"])


def test_every_article_can_be_opened_and_has_a_section_an_author_and_text(demo: Newsroom) -> None:
    for one in listed(demo):
        article = demo.get(f"/v1/articles/{one['slug']}?body=html,text").json()
        assert article["section"] is not None, article["slug"]
        assert article["byline"], article["slug"]
        assert article["body"] is None or article["body"]["text"].strip()
        assert (article["word_count"] > 0) == (article["body"] is not None)
    assert sum(one["word_count"] > 0 for one in listed(demo)) >= 30


def test_the_newsroom_is_never_stale_and_never_ahead_of_the_clock(demo: Newsroom) -> None:
    now = demo.clock()
    newest, *_rest = listed(demo)
    assert now - timedelta(hours=1) < datetime.fromisoformat(newest["published_at"]) <= now
    for one in listed(demo, "", "preview"):
        created, updated = (
            datetime.fromisoformat(one[name]) for name in ("created_at", "updated_at")
        )
        assert created <= updated <= now
        for correction in one["corrections"]:
            assert created <= datetime.fromisoformat(correction["at"]) <= now


def test_it_is_loaded_once_and_never_among_real_articles(newsroom: Newsroom) -> None:
    assert load_demo(newsroom.database, newsroom.clock()) == len(ARTICLES)
    assert load_demo(newsroom.database, newsroom.clock()) == 0
    assert len(listed(newsroom)) == 32


def test_it_is_not_loaded_beside_a_draft(newsroom: Newsroom) -> None:
    newsroom.article("Real", publish=False)
    assert load_demo(newsroom.database, newsroom.clock()) == 0
    assert newsroom.get("/v1/authors").json()["data"] == []
