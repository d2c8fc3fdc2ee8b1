"""Listing articles: filters, orders, fields and counts."""

from collections.abc import Callable

import pytest

from tests.conftest import Lend, Newsroom


def found(newsroom: Newsroom, query: str, key: dict[str, str] | None = None) -> str:
    """The headlines of a list, each one letter."""
    answer = newsroom.get(f"/v1/articles?fields=headline&limit=100&{query}", key)
    assert answer.status_code == 200, answer.text
    return "".join(one["headline"] for one in answer.json()["data"])


@pytest.fixture
def town(lend: Lend) -> Newsroom:
    return lend(furnish)


def furnish(newsroom: Newsroom) -> None:
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
    newsroom.make_keys()


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
        ("published_until=2026-01-02T00:00:00.000001Z", "BA"),
        (
            "published_since=2026-01-02T05:30:00%2B05:30&published_until=2026-01-02T23:00:00-01:00",
            "B",
        ),
        ("section=local&tag=sea", "A"),
        ("section=local&section=world", ""),
        ("section=sea", ""),
        ("tag=sea&exclude_tag=local", "C"),
        ("exclude_tag=local&exclude_tag=sea", "D"),
        ("exclude_tag=nothing", "DCBA"),
        ("author=mara&language=en-GB&tag=sea&published_since=2026-01-02T00:00:00Z", "C"),
        ("language=en", ""),
        ("language=en-GB&language=de", ""),
        ("tag=sea,nothing", "CA"),
        ("tag=sea&tag=nothing", ""),
        ("section=nothing", ""),
        ("author=nobody", ""),
        ("ids=01a20c95-fd9f-710b-8f03-e27cdf1368f0", ""),
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


def test_a_date_filter_leaves_out_what_has_no_date(town: Newsroom) -> None:
    preview = town.key("preview")
    assert found(town, "published_since=2026-01-02T00:00:00Z", preview) == "DCB"
    assert found(town, "published_until=2026-01-02T00:00:00Z", preview) == "A"
    town.article("F", publish=False, published_at="2026-01-03T12:00:00Z")
    dated = found(town, "published_since=2026-01-03T00:00:00Z&status=draft", preview)
    assert dated == "F"


@pytest.mark.parametrize("status", ["draft", "scheduled", "expired", "withdrawn"])
def test_other_statuses_than_published_are_for_preview(town: Newsroom, status: str) -> None:
    for query in (f"status={status}", f"status=published,{status}"):
        for key in ({}, town.key("read")):
            assert town.get(f"/v1/articles?{query}", key).status_code == 403
        assert town.get(f"/v1/articles?{query}", town.key("preview")).status_code == 200


def test_updated_since_finds_what_changed_from_then_on(town: Newsroom) -> None:
    town.clock.move(hours=1)
    since = town.clock.at()
    town.send("PATCH", "/v1/articles/b", {"summary": "New"})
    assert found(town, f"updated_since={since}") == "B"
    exactly = town.get("/v1/articles/b").json()["updated_at"]
    assert found(town, f"updated_since={exactly}") == "B"
    town.clock.move(hours=1)
    town.send("PATCH", "/v1/authors/mara", {"name": "Mara Lind"})
    assert found(town, f"updated_since={since}&sort=headline") == "ABC"


def test_ids_are_tags_and_authors_as_well_as_slugs(town: Newsroom) -> None:
    tag, author = (town.get(path).json()["id"] for path in ("/v1/tags/sea", "/v1/authors/mara"))
    assert found(town, f"tag={tag.upper()}") == found(town, f"author={author}") == "CA"
    assert found(town, f"tag={tag},sea") == "CA"


def test_an_article_is_listed_once_however_many_alternatives_it_meets(town: Newsroom) -> None:
    assert found(town, "tag=local,sea,world,sea&sort=published_at") == "ABCD"
    page = town.get("/v1/articles?tag=local,sea,world&count=exact").json()["page"]
    assert page["total"] == 4


def test_headlines_are_sorted_without_case_and_accents(newsroom: Newsroom) -> None:
    for headline in ("Öl", "apple", "Zebra", "Éclair", "eclipse", "Apple pie"):
        newsroom.article(headline)
    data = newsroom.get("/v1/articles?sort=headline").json()["data"]
    assert [one["headline"] for one in data] == [
        "apple", "Apple pie", "Éclair", "eclipse", "Öl", "Zebra",
    ]  # fmt: skip


def test_articles_of_one_moment_keep_one_order(newsroom: Newsroom) -> None:
    for _ in range(5):
        newsroom.article(published_at="2026-01-01T00:00:00Z")
    orders = {
        sort: [
            one["id"] for one in newsroom.get(f"/v1/articles?sort={sort}&fields=id").json()["data"]
        ]
        for sort in ("published_at", "-published_at", "headline")
    }
    assert orders["published_at"] == orders["-published_at"][::-1] == orders["headline"]


def test_ids_choose_exactly_these(town: Newsroom) -> None:
    data = town.get("/v1/articles?fields=id,headline").json()["data"]
    ids = [one["id"] for one in data if one["headline"] in "AC"]
    assert found(town, f"ids={','.join(ids).upper()}") == "CA"
    assert found(town, f"ids={ids[0]}&ids={ids[1]}") == ""


def test_a_renamed_and_a_merged_author_still_filter(town: Newsroom) -> None:
    former_id = town.get("/v1/authors/mara").json()["id"]
    town.send("PATCH", "/v1/authors/mara", {"slug": "mara-lind"})
    assert found(town, "author=mara") == "CA"
    town.send("POST", "/v1/authors/mara-lind/merge", {"into": "tor"})
    for ref in ("mara", "mara-lind", former_id, "tor", "mara,tor"):
        assert found(town, f"author={ref}") == "CBA"
    assert found(town, "author=mara&author=tor") == "CBA"


def test_a_merged_section_is_still_the_section(town: Newsroom) -> None:
    town.send("POST", "/v1/tags/local/merge", {"into": "world"})
    assert found(town, "section=local") == found(town, "section=world") == "DBA"


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
    for query in ("", "?count=none"):
        assert "total" not in town.get(f"/v1/articles{query}").json()["page"]


def test_a_count_is_of_what_the_caller_may_see(town: Newsroom) -> None:
    entitled = town.key("read", entitlement={"articles": {"tag": ["sea"]}})
    for key, total in (({}, 4), (town.key("preview"), 5), (entitled, 2)):
        page = town.get("/v1/articles?limit=1&count=exact", key).json()["page"]
        assert (page["total"], page["limit"]) == (total, 1)


def test_an_estimate_is_the_same_whatever_is_hidden(
    open_newsroom: Callable[..., Newsroom], town: Newsroom
) -> None:
    other = open_newsroom(town.url, count_rows_max=3)
    asked = ("", "&tag=sea", "&tag=world", "&tag=sea&tag=world", "&language=en", "&tag=sea,world")

    def estimates() -> list[tuple[int, str]]:
        other.clock.now = town.clock.now
        entitled = town.key("read", entitlement={"articles": {"tag": ["sea"]}})
        pages = [
            other.get(f"/v1/articles?count=estimate{one}", key).json()["page"]
            for one in asked
            for key in ({}, entitled)
        ]
        return [(page["total"], page["total_kind"]) for page in pages]

    before = estimates()
    for number in range(5):
        tags = ["sea", "world"]
        town.article(f"Later {number}", tags=tags, embargoed_until=town.clock.at(days=1))
        town.article(f"Draft {number}", tags=tags, publish=False)
        over = town.article(f"Over {number}", tags=tags)
        town.send("POST", f"/v1/articles/{over['slug']}/withdraw")
    assert estimates() == before


def test_fields_and_body_choose_what_is_shown(town: Newsroom) -> None:
    town.article("F", body={"format": "markdown", "source": "*Hi*"})
    first = town.get("/v1/articles?limit=1&fields=slug,version").json()["data"][0]
    assert first == {"slug": "f", "version": 1}
    assert "body" not in town.get("/v1/articles?limit=1").json()["data"][0]
    shown = town.get("/v1/articles?limit=1&body=html,text").json()["data"][0]
    assert shown["body"] == {"html": "<p><em>Hi</em></p>\n", "text": "Hi"}
    shown = town.get("/v1/articles?limit=1&body=markdown,blocks").json()["data"][0]
    span = {"text": "Hi", "marks": ["emphasis"]}
    blocks = [{"type": "paragraph", "content": [span]}]
    assert shown["body"] == {"markdown": "*Hi*\n", "blocks": blocks}
    assert town.get("/v1/articles/f?body=source").status_code == 403
    source = town.get("/v1/articles/f?body=source", town.key("preview")).json()["body"]
    assert source == {"format": "markdown", "source": "*Hi*"}


def test_naming_a_form_of_the_body_adds_it_to_the_fields(town: Newsroom) -> None:
    town.article("F", body={"format": "text", "source": "Hi"})
    for query, shown in (
        ("fields=slug&body=text", {"slug": "f", "body": {"text": "Hi"}}),
        ("fields=slug,body", {"slug": "f", "body": {"html": "<p>Hi</p>"}}),
        ("fields=body&body=text,html", {"body": {"html": "<p>Hi</p>", "text": "Hi"}}),
        ("fields=slug", {"slug": "f"}),
    ):
        assert town.get(f"/v1/articles?limit=1&{query}").json()["data"] == [shown]
        assert town.get(f"/v1/articles/f?{query}").json() == shown
    assert town.get("/v1/articles/a?fields=body").json() == {"body": None}


def test_every_field_of_an_article_can_be_asked_for_alone(town: Newsroom) -> None:
    whole = town.get("/v1/articles/a").json()
    for name in whole:
        assert town.get(f"/v1/articles/a?fields={name}").json() == {name: whole[name]}
    listed = town.get("/v1/articles?ids=" + whole["id"]).json()["data"]
    del whole["body"]
    assert listed == [whole]


def test_a_list_of_sources_is_for_preview(town: Newsroom) -> None:
    assert town.get("/v1/articles?body=source").status_code == 403
    town.article("F", body={"format": "text", "source": "Hi"})
    data = town.get("/v1/articles?body=source&tag=nothing", town.key("preview"))
    assert data.json()["data"] == []
    first = town.get("/v1/articles?status=published&limit=1&body=source", town.key("preview"))
    assert first.json()["data"][0]["body"] == {"format": "text", "source": "Hi"}


def test_a_page_has_20_articles_unless_another_limit_up_to_100_is_given(newsroom: Newsroom) -> None:
    for number in range(22):
        newsroom.article(f"H{number}")
    for query, rows, limit in (("", 20, 20), ("?limit=1", 1, 1), ("?limit=100", 22, 100)):
        answer = newsroom.get(f"/v1/articles{query}").json()
        assert (len(answer["data"]), answer["page"]["limit"]) == (rows, limit)


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


def test_a_plus_that_was_lost_in_the_address_is_said_to_be_written_otherwise(
    town: Newsroom,
) -> None:
    at = "published_since=2026-01-02T00:00:00{}02:00"
    lost = town.get(f"/v1/articles?{at.format('+')}")
    assert lost.status_code == 422
    assert lost.json()["errors"][0]["detail"].endswith("in an address `+` is written as `%2B`")
    assert town.get(f"/v1/articles?{at.format('%2B')}").status_code == 200
