"""Listing articles: filters, orders, fields and counts."""

from collections.abc import Callable

import pytest

from tests.conftest import Newsroom


def found(newsroom: Newsroom, query: str, key: dict[str, str] | None = None) -> str:
    """The headlines of a list, each one letter."""
    answer = newsroom.get(f"/v1/articles?fields=headline&limit=100&{query}", key)
    assert answer.status_code == 200, answer.text
    return "".join(one["headline"] for one in answer.json()["data"])


@pytest.fixture
def town(newsroom: Newsroom) -> Newsroom:
    """Articles A (oldest) to D (newest), and E, a draft."""
    for name, kind in (("Local", "section"), ("World", "section"), ("Sea", "topic")):
        newsroom.send("POST", "/v1/tags", {"name": name, "kind": kind})
    newsroom.make("authors", name="Mara")
    newsroom.make("authors", name="Tor")
    rows: list[tuple[str, list[str], list[str], str]] = [
        ("A", ["local", "sea"], ["mara"], "en-GB"),
        ("B", ["world", "local"], ["tor"], "de"),
        ("C", ["sea"], ["mara", "tor"], "en-GB"),
        ("D", ["world"], [], "tr"),
    ]
    for day, (headline, tags, authors, language) in enumerate(rows, start=1):
        newsroom.article(
            headline,
            tags=tags,
            authors=authors,
            language=language,
            published_at=f"2026-01-0{day}T00:00:00Z",
        )
    newsroom.article("E", publish=False)
    return newsroom


@pytest.mark.parametrize(
    ("query", "headlines"),
    [
        ("", "DCBA"),
        ("tag=sea", "CA"),
        ("tag=local,sea", "CBA"),
        ("tag=local&tag=sea", "A"),
        ("tag=local,world&tag=sea", "A"),
        ("section=local", "A"),
        ("section=world,local", "DBA"),
        ("author=mara", "CA"),
        ("author=mara&author=tor", "C"),
        ("author=mara,tor&tag=local", "BA"),
        ("language=EN-gb", "CA"),
        ("language=de,tr", "DB"),
        ("exclude_tag=sea", "DB"),
        ("exclude_tag=sea,world", ""),
        ("published_since=2026-01-02T00:00:00Z", "DCB"),
        ("published_until=2026-01-02T00:00:00Z", "A"),
        ("published_since=2026-01-02T00:00:00Z&published_until=2026-01-04T00:00:00Z", "CB"),
        ("tag=nothing", ""),
        ("author=nobody,mara", "CA"),
        ("status=published", "DCBA"),
        ("sort=published_at", "ABCD"),
        ("sort=headline", "ABCD"),
        ("sort=headline&tag=local,world", "ABD"),
        ("sort=-updated_at", "DCBA"),
        ("sort=updated_at&author=tor", "BC"),
    ],
)
def test_a_filter_finds_what_it_says(town: Newsroom, query: str, headlines: str) -> None:
    assert found(town, query) == headlines


@pytest.mark.parametrize(
    ("query", "headlines"),
    [("", "EDCBA"), ("status=draft", "E"), ("status=draft,published&tag=sea", "CA")],
)
def test_preview_sees_drafts_first(town: Newsroom, query: str, headlines: str) -> None:
    assert found(town, query, town.key("preview")) == headlines


def test_ids_choose_exactly_these(town: Newsroom) -> None:
    data = town.get("/v1/articles?fields=id,headline").json()["data"]
    ids = [one["id"] for one in data if one["headline"] in "AC"]
    assert found(town, f"ids={','.join(ids).upper()}") == "CA"
    assert found(town, f"ids={ids[0]}&ids={ids[1]}") == ""


def test_a_renamed_and_a_merged_tag_still_filter(town: Newsroom) -> None:
    town.send("PATCH", "/v1/tags/sea", {"slug": "ocean"})
    assert found(town, "tag=sea") == "CA"
    town.send("POST", "/v1/tags/ocean/merge", {"into": "world"})
    assert found(town, "tag=sea") == found(town, "tag=world") == "DCBA"


@pytest.mark.parametrize(
    ("query", "total", "kind"),
    [
        ("count=exact", 4, "exact"),
        ("count=estimate", 2, "at_least"),
        ("count=estimate&tag=sea", 2, "exact"),
    ],
)
def test_a_count_says_how_exact_it_is(
    open_newsroom: Callable[..., Newsroom], town: Newsroom, query: str, total: int, kind: str
) -> None:
    other = open_newsroom(town.url, count_rows_max=2)
    page = other.get(f"/v1/articles?{query}").json()["page"]
    assert (page["total"], page["total_kind"]) == (total, kind)
    assert "total" not in town.get("/v1/articles").json()["page"]


def test_fields_and_body_choose_what_is_shown(town: Newsroom) -> None:
    town.article("F", body={"format": "markdown", "source": "*Hi*"})
    first = town.get("/v1/articles?limit=1&fields=slug,version").json()["data"][0]
    assert first == {"slug": "f", "version": 1}
    assert "body" not in town.get("/v1/articles?limit=1").json()["data"][0]
    shown = town.get("/v1/articles?limit=1&body=html,text").json()["data"][0]
    assert shown["body"] == {"html": "<p><em>Hi</em></p>\n", "text": "Hi"}
    assert town.get("/v1/articles/f?body=source").status_code == 403
    source = town.get("/v1/articles/f?body=source", town.key("preview")).json()["body"]
    assert source == {"format": "markdown", "source": "*Hi*"}


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "sort=slug",
        "fields=nope",
        "ids=a-slug",
        "foo=1",
        "limit=1&limit=2",
        "tag=",
        "published_since=2026-01-01",
    ],
)
def test_a_parameter_that_cannot_be_is_refused_by_name(town: Newsroom, query: str) -> None:
    answer = town.get(f"/v1/articles?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == query.partition("=")[0]
