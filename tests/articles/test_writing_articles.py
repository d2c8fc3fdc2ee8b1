"""Writing articles: creating, replacing, patching, addresses, deleting."""

from typing import Any

import pytest
import sqlalchemy as sa

from tests.conftest import Newsroom

PATH = "/v1/articles/harbour-bridge-opens"
EVERYTHING: dict[str, Any] = {
    "headline": "Harbour bridge opens",
    "subheadline": "After nine years",
    "summary": "Cars first, trains later.",
    "dateline": "HARROW BAY",
    "byline": "By our own correspondent",
    "language": "en-GB",
    "image": {
        "url": "https://images.example.org/bridge.jpg",
        "caption": "The bridge",
        "credit": "Mara Lind",
        "alt": "A bridge at dawn",
        "width": 1600,
        "height": 900,
    },
    "source": "Harrow Bay Wire",
    "canonical_url": "https://example.org/bridge",
    "copyright": "Harrow Bay Wire",
    "usage_terms": "No resale.",
    "external_id": "wire:1",
    "urgency": 3,
    "published_at": "2026-01-02T03:04:05Z",
    "embargoed_until": "2026-01-02T04:00:00Z",
    "expires_at": "2036-01-01T00:00:00Z",
    "metadata": {"desk": "local", "deep": {"numbers": [1, 2.5, None, True]}},
}


def numbers(newsroom: Newsroom) -> tuple[int, int]:
    """The last number of the sequence and how many revisions there are."""
    query = "SELECT (SELECT value FROM sequence_counter), (SELECT count(*) FROM revision)"
    with newsroom.database.reading() as session:
        value, count = session.connection().execute(sa.text(query)).one()
    return value, count


def test_every_field_comes_back_as_it_was_written(newsroom: Newsroom) -> None:
    newsroom.article(**EVERYTHING)
    answer = newsroom.get(PATH).json()
    assert {name: answer[name] for name in EVERYTHING} == EVERYTHING


def test_times_come_back_in_utc(newsroom: Newsroom) -> None:
    article = newsroom.article(published_at="2026-01-02T03:04:05.678+05:30")
    assert article["published_at"] == "2026-01-01T21:34:05.678000Z"


def test_authors_tags_section_and_byline(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind")
    author_id = newsroom.make("authors", name="Tor Vik")["id"]
    for name, kind in (("Bridges", "topic"), ("Local", "section"), ("World", "section")):
        newsroom.send("POST", "/v1/tags", {"name": name, "kind": kind})
    article = newsroom.article(
        authors=["mara-lind", {"ref": author_id, "role": "photographer"}],
        tags=["bridges", "local", "world"],
    )
    credited = [(one["slug"], one["role"]) for one in article["authors"]]
    assert credited == [("mara-lind", None), ("tor-vik", "photographer")]
    assert [one["slug"] for one in article["tags"]] == ["bridges", "local", "world"]
    assert article["section"]["slug"] == "local"
    assert article["byline"] == "Mara Lind, Tor Vik"


@pytest.mark.parametrize(
    ("headline", "slug"),
    [
        ("Åre: größte Übung", "are-grosste-ubung"),
        ("Северный ветер", "severnyi-veter"),
        ("🎉🎉", "article"),
        ("x" * 300, "x" * 180),
    ],
)
def test_a_slug_is_made_from_the_headline(newsroom: Newsroom, headline: str, slug: str) -> None:
    assert newsroom.article(headline)["slug"] == slug


def test_a_headline_that_looks_like_an_id_makes_no_slug_like_one(newsroom: Newsroom) -> None:
    looks_like = "01a20c95-fd9f-710b-8f03-e27cdf1368f0"
    article = newsroom.article(looks_like)
    assert article["slug"] == f"article-{looks_like}"


def test_the_same_headline_again_is_numbered(newsroom: Newsroom) -> None:
    slugs = [newsroom.article("Storm")["slug"] for _ in range(4)]
    assert slugs == ["storm", "storm-2", "storm-3", "storm-4"]


def test_a_former_slug_leads_on_and_stays_its_owners(newsroom: Newsroom) -> None:
    newsroom.article()
    newsroom.send("PATCH", PATH, {"slug": "bridge"})
    moved = newsroom.get(f"{PATH}?fields=slug")
    assert (moved.status_code, moved.headers["location"]) == (
        301,
        "/v1/articles/bridge?fields=slug",
    )
    assert newsroom.send("PUT", PATH, {"headline": "x"}).status_code == 308
    other = {"headline": "Other", "slug": "harbour-bridge-opens"}
    assert newsroom.send("POST", "/v1/articles", other).status_code == 409
    assert newsroom.send(
        "PATCH", "/v1/articles/bridge", {"slug": "harbour-bridge-opens"}
    ).is_success
    assert newsroom.get(PATH).status_code == 200
    assert newsroom.get("/v1/articles/bridge").status_code == 301


def test_put_clears_what_it_leaves_out_but_slug_and_date(newsroom: Newsroom) -> None:
    newsroom.article(**{**EVERYTHING, "embargoed_until": None})
    answer = newsroom.send("PUT", PATH, {"headline": "Bridge closes"}).json()
    assert (answer["slug"], answer["published_at"]) == (
        "harbour-bridge-opens",
        EVERYTHING["published_at"],
    )
    cleared = ("subheadline", "summary", "image", "external_id", "urgency", "expires_at", "byline")
    assert all(answer[name] is None for name in cleared)
    assert answer["metadata"] == {}


def test_patch_merges_as_rfc_7396_says(newsroom: Newsroom) -> None:
    newsroom.article(**EVERYTHING)
    changes = {
        "summary": None,
        "image": {"credit": "Tor Vik", "alt": None},
        "metadata": {"desk": None, "deep": {"more": 1}},
    }
    answer = newsroom.send("PATCH", PATH, changes).json()
    assert answer["summary"] is None
    assert answer["image"] == {**EVERYTHING["image"], "credit": "Tor Vik", "alt": None}
    assert answer["metadata"] == {"deep": {**EVERYTHING["metadata"]["deep"], "more": 1}}
    assert answer["headline"] == EVERYTHING["headline"]


def test_a_required_field_cannot_be_cleared(newsroom: Newsroom) -> None:
    newsroom.article()
    answer = newsroom.send("PATCH", PATH, {"headline": None})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/headline"]


def test_a_write_that_changes_nothing_leaves_no_trace(newsroom: Newsroom) -> None:
    newsroom.article(**EVERYTHING)
    before, answer = numbers(newsroom), newsroom.get(PATH)
    newsroom.clock.move(minutes=1)
    assert newsroom.send("PATCH", PATH, {"headline": EVERYTHING["headline"]}).is_success
    assert newsroom.send("PUT", PATH, EVERYTHING).is_success
    assert (numbers(newsroom), newsroom.get(PATH).text) == (before, answer.text)


def test_every_change_takes_the_next_number_and_a_revision(newsroom: Newsroom) -> None:
    article = newsroom.article()
    first, _ = numbers(newsroom)
    newsroom.send("PATCH", PATH, {"summary": "New"})
    newsroom.send("POST", f"{PATH}/corrections", {"kind": "update", "note": "Later."})
    newsroom.send("POST", f"{PATH}/withdraw", {})
    newsroom.send("DELETE", PATH)
    query = "SELECT sequence, version, operation FROM revision WHERE entity_id = :id ORDER BY 1"
    with newsroom.database.reading() as session:
        rows = session.connection().execute(sa.text(query), {"id": article["id"]}).all()
    operations = ["upsert", "upsert", "upsert", "upsert", "remove"]
    assert [tuple(row) for row in rows] == [
        (first + step, 1 + step, operation) for step, operation in enumerate(operations)
    ]


def test_writes_are_guarded_by_any_etag_of_the_current_version(newsroom: Newsroom) -> None:
    newsroom.article()
    whole, part = newsroom.get(PATH), newsroom.get(f"{PATH}?fields=slug")
    headers = newsroom.key("publish")
    bare = newsroom.client.patch(PATH, json={"summary": "x"}, headers=headers)
    assert bare.status_code == 428
    for etag, status in (
        (part.headers["etag"], 200),
        (whole.headers["etag"], 412),
        ("W/" + part.headers["etag"], 412),
    ):
        answer = newsroom.send("PATCH", PATH, {"summary": etag}, {"If-Match": etag})
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"authors": ["nobody"]}, "/authors/0"),
        ({"tags": ["nothing"]}, "/tags/0"),
        ({"authors": ["mara-lind", "mara-lind"]}, "/authors/1"),
        (
            {"expires_at": "2026-01-01T00:00:00Z", "published_at": "2026-01-02T00:00:00Z"},
            "/expires_at",
        ),
        ({"body": {"format": "html", "source": "<div>" * 101}}, "/body/source"),
        ({"image": {"url": "javascript:x"}}, "/image/url"),
        ({"urgency": "5"}, "/urgency"),
        ({"urgency": 10}, "/urgency"),
        ({"published_at": "2026-01-01T00:00:00"}, "/published_at"),
        ({"published_at": "2026-02-30T00:00:00Z"}, "/published_at"),
        ({"headline": "  "}, "/headline"),
        ({"headline": "a\x00b"}, "/headline"),
        ({"metadata": {"a": {"b": "\x00"}}}, "/metadata"),
        ({"metadata": {"a": "x" * 17_000}}, "/metadata"),
        ({"id": "01a20c95-fd9f-710b-8f03-e27cdf1368f0"}, "/id"),
        ({"version": 3}, "/version"),
        ({"status": "published"}, "/status"),
        ({"no_such_field": 1}, "/no_such_field"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_made(
    newsroom: Newsroom, fields: dict[str, Any], pointer: str
) -> None:
    newsroom.make("authors", name="Mara Lind")
    before = numbers(newsroom)
    answer = newsroom.send("POST", "/v1/articles", {"headline": "x", **fields})
    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert numbers(newsroom) == before


def test_an_external_id_is_unique(newsroom: Newsroom) -> None:
    newsroom.article(external_id="wire:1")
    again = {"headline": "Other", "external_id": "wire:1"}
    assert newsroom.send("POST", "/v1/articles", again).status_code == 409


def test_a_deleted_draft_leaves_no_address(newsroom: Newsroom) -> None:
    newsroom.article(publish=False)
    assert newsroom.send("DELETE", PATH, headers=newsroom.key("write")).status_code == 204
    assert newsroom.get(PATH).status_code == 404
    assert newsroom.article()["slug"] == "harbour-bridge-opens"


def test_what_was_published_is_deleted_by_a_publisher_and_is_gone(newsroom: Newsroom) -> None:
    article = newsroom.article()
    assert newsroom.send("DELETE", PATH, headers=newsroom.key("write")).status_code == 403
    assert newsroom.send("DELETE", PATH).status_code == 204
    assert newsroom.get(PATH).status_code == 410
    assert newsroom.get(f"/v1/articles/{article['id']}").status_code == 410
    assert newsroom.article()["slug"] == "harbour-bridge-opens-2"
