"""Listing articles: filters, orders, fields, counts, and pages that neither skip nor repeat."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Newsroom

SORTS = ["-published_at", "published_at", "-updated_at", "updated_at", "headline"]


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


def pages(newsroom: Newsroom, address: str, relation: str) -> list[list[str]]:
    shown: list[list[str]] = []
    while address:
        answer = newsroom.get(address)
        shown.append([one["headline"] for one in answer.json()["data"]])
        links = answer.headers.get("link", "").split(", ")
        found = [link for link in links if f'rel="{relation}"' in link]
        address = found[0].partition("<")[2].partition(">")[0] if found else ""
    return shown


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("query", ["", "tag=local,world,sea", "author=mara"])
def test_link_leads_through_the_list_and_back(town: Newsroom, sort: str, query: str) -> None:
    whole = found(town, f"sort={sort}&{query}")
    start = f"/v1/articles?limit=1&sort={sort}&{query}"
    forth = pages(town, start, "next")
    assert "".join(row for page in forth for row in page) == whole
    cursor = town.get(start).json()["page"]["next"]
    while following := town.get(f"/v1/articles?cursor={cursor}").json()["page"]["next"]:
        cursor = following
    back = pages(town, f"/v1/articles?cursor={cursor}", "prev")
    assert back == forth[::-1]


@pytest.mark.parametrize("change", ["&tag=sea", "&sort=headline", "&status=published"])
def test_a_cursor_is_refused_beside_other_filters(town: Newsroom, change: str) -> None:
    cursor = town.get("/v1/articles?limit=1&tag=local").json()["page"]["next"]
    assert town.get(f"/v1/articles?cursor={cursor}").status_code == 200
    assert town.get(f"/v1/articles?cursor={cursor}&tag=local&limit=2").status_code == 200
    assert town.get(f"/v1/articles?cursor={cursor}{change}").status_code == 422


def test_a_cursor_that_we_did_not_give_out_is_refused(town: Newsroom) -> None:
    cursor = town.get("/v1/articles?limit=1").json()["page"]["next"]
    flipped = "B" if cursor[20] != "B" else "C"
    forged = [cursor[:-2], cursor[:20] + flipped + cursor[21:], "x", "%00", "e30"]
    for bad in forged:
        assert town.get(f"/v1/articles?cursor={bad}").status_code == 422
    assert town.get(f"/v1/articles?cursor={cursor}", town.key("preview")).status_code == 422
    assert town.get(f"/v1/tags?cursor={cursor}").status_code == 422


@given(data=st.data())
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_pages_neither_skip_nor_repeat_while_others_come_and_go(
    newsroom: Newsroom, data: st.DataObject
) -> None:
    tag = newsroom.make("tags", name="T")["slug"]
    days = data.draw(st.lists(st.integers(1, 5), min_size=3, max_size=9))
    ids = [_dated(newsroom, tag, day) for day in days]
    sort = data.draw(st.sampled_from(SORTS))
    address: str | None = f"/v1/articles?tag={tag}&sort={sort}&limit={data.draw(st.integers(1, 3))}"
    staying, read = set(ids), list[str]()
    while address:
        page: dict[str, Any] = newsroom.get(address).json()
        read += [one["id"] for one in page["data"]]
        cursor = page["page"]["next"]
        address = cursor and f"/v1/articles?cursor={cursor}"
        if data.draw(st.booleans()):
            _dated(newsroom, tag, data.draw(st.integers(1, 5)))
        if data.draw(st.booleans()) and staying:
            leaving = data.draw(st.sampled_from(sorted(staying)))
            newsroom.send("POST", f"/v1/articles/{leaving}/withdraw")
            staying.discard(leaving)
    assert len(read) == len(set(read))
    assert staying <= set(read)


def _dated(newsroom: Newsroom, tag: str, day: int) -> str:
    article = newsroom.article(f"H{day}", tags=[tag], published_at=f"2026-02-0{day}T00:00:00Z")
    return str(article["id"])
