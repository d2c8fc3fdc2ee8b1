"""Writing articles: creating, replacing, patching, addresses, deleting."""

from collections.abc import Callable
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
    "body": {"format": "markdown", "source": "It is *open*."},
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
    made = newsroom.article(**EVERYTHING)
    answer = newsroom.get(f"{PATH}?body=source", newsroom.key("preview")).json()
    assert {name: answer[name] for name in EVERYTHING} == EVERYTHING
    assert made["body"] == {"html": "<p>It is <em>open</em>.</p>\n"}
    assert (made["word_count"], made["reading_minutes"]) == (3, 1)


def test_a_headline_is_enough(newsroom: Newsroom) -> None:
    answer = newsroom.send("POST", "/v1/articles", {"headline": "Storm"})
    article = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/articles/storm")
    assert (article["slug"], article["status"], article["version"]) == ("storm", "draft", 1)
    assert article["url"].endswith("/storm")
    assert article["created_at"] == article["updated_at"]
    for name in ("authors", "tags", "corrections"):
        assert article[name] == []
    assert (article["metadata"], article["word_count"], article["reading_minutes"]) == ({}, 0, 0)
    optional = set(EVERYTHING) - {"headline", "language", "metadata"}
    assert all(article[name] is None for name in optional | {"section", "first_published_at"})


def test_the_language_is_the_sites_when_not_given(
    open_newsroom: Callable[..., Newsroom], database_url: str
) -> None:
    newsroom = open_newsroom(database_url, language="tr")
    assert newsroom.article("Fırtına")["language"] == "tr"
    english = newsroom.article("Storm", language="en-GB")
    assert english["language"] == "en-GB"
    cleared = newsroom.send("PATCH", "/v1/articles/storm", {"language": None}).json()
    assert cleared["language"] == "tr"


def test_an_answer_to_a_write_is_what_a_read_gives(newsroom: Newsroom) -> None:
    made = newsroom.send("POST", "/v1/articles?publish=true", EVERYTHING)
    read = newsroom.get(PATH, newsroom.key("publish"))
    assert (made.json(), made.headers["etag"]) == (read.json(), read.headers["etag"])


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


def test_a_printed_byline_stands_until_it_is_cleared(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind")
    printed = newsroom.article(authors=["mara-lind"], byline="By our own correspondent")
    assert printed["byline"] == "By our own correspondent"
    cleared = newsroom.send("PATCH", PATH, {"byline": None}).json()
    assert cleared["byline"] == "Mara Lind"


def test_an_article_without_a_section_has_none(newsroom: Newsroom) -> None:
    newsroom.make("tags", name="Bridges")
    newsroom.send("POST", "/v1/tags", {"name": "Local", "kind": "section"})
    assert newsroom.article(tags=["bridges"])["section"] is None
    later = newsroom.send("PATCH", PATH, {"tags": ["bridges", "local"]}).json()
    assert later["section"]["slug"] == "local"
    assert newsroom.send("PATCH", PATH, {"tags": None}).json()["section"] is None


def test_credits_are_replaced_as_a_whole_and_keep_their_order(newsroom: Newsroom) -> None:
    for name in ("Ada", "Bo", "Cy"):
        newsroom.make("authors", name=name)
    newsroom.article(authors=["cy", "ada"])
    changed = newsroom.send("PATCH", PATH, {"authors": ["bo", {"ref": "ada"}, "cy"]}).json()
    assert [one["slug"] for one in changed["authors"]] == ["bo", "ada", "cy"]
    assert changed["byline"] == "Bo, Ada, Cy"


@pytest.mark.parametrize(
    ("headline", "slug"),
    [
        ("Åre: größte Übung", "are-grosste-ubung"),
        ("Северный ветер", "severnyi-veter"),
        ("北京", "bei-jing"),
        ("Fish & chips — 20% off!", "fish-chips-20-off"),
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


@pytest.mark.parametrize("headline", ["Storm " * 50, "字" * 300, "a-" * 150, "É" * 300])
def test_a_slug_of_any_headline_is_an_address(newsroom: Newsroom, headline: str) -> None:
    for _ in range(2):
        slug = newsroom.article(headline)["slug"]
        assert len(slug) <= 200
        assert newsroom.get(f"/v1/articles/{slug}").status_code == 200
        assert newsroom.article("Copy", slug=f"{slug[:190]}-copy")


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


def test_a_slug_asked_for_is_given_or_refused(newsroom: Newsroom) -> None:
    assert newsroom.article(slug="bridge")["slug"] == "bridge"
    taken = newsroom.send("POST", "/v1/articles", {"headline": "Other", "slug": "bridge"})
    assert taken.status_code == 409
    newsroom.article("Other")
    assert newsroom.send("PATCH", "/v1/articles/other", {"slug": "bridge"}).status_code == 409
    assert newsroom.get("/v1/articles/other").status_code == 200


def test_a_slug_of_null_is_made_anew_from_the_headline(newsroom: Newsroom) -> None:
    newsroom.article()
    renamed = newsroom.send("PATCH", PATH, {"headline": "Bridge closes"}).json()
    assert renamed["slug"] == "harbour-bridge-opens"
    assert newsroom.send("PATCH", PATH, {"slug": None}).json()["slug"] == "bridge-closes"
    assert newsroom.get(PATH).status_code == 301


def test_every_former_slug_leads_to_the_newest(newsroom: Newsroom) -> None:
    newsroom.article()
    for slug in ("one", "two", "three"):
        newsroom.send("PATCH", f"/v1/articles/{newsroom_slug(newsroom)}", {"slug": slug})
    for former in ("harbour-bridge-opens", "one", "two"):
        answer = newsroom.get(f"/v1/articles/{former}")
        assert (answer.status_code, answer.headers["location"]) == (301, "/v1/articles/three")


def newsroom_slug(newsroom: Newsroom) -> str:
    """The slug that the newest article has now."""
    return str(newsroom.get("/v1/articles?limit=1&fields=slug").json()["data"][0]["slug"])


def test_put_clears_what_it_leaves_out_but_slug_and_date(newsroom: Newsroom) -> None:
    newsroom.article(**{**EVERYTHING, "embargoed_until": None})
    answer = newsroom.send("PUT", PATH, {"headline": "Bridge closes"}).json()
    assert (answer["slug"], answer["published_at"]) == (
        "harbour-bridge-opens",
        EVERYTHING["published_at"],
    )
    cleared = ("subheadline", "summary", "image", "external_id", "urgency", "expires_at", "byline")
    assert all(answer[name] is None for name in cleared)
    assert (answer["metadata"], answer["body"], answer["word_count"]) == ({}, None, 0)
    assert (answer["status"], answer["version"], answer["language"]) == ("published", 2, "en")


def test_put_makes_nothing_where_there_is_nothing(newsroom: Newsroom) -> None:
    assert newsroom.send("PUT", PATH, {"headline": "x"}).status_code == 404
    assert newsroom.get("/v1/articles", newsroom.key("preview")).json()["data"] == []


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


def test_a_patch_reaches_into_the_body(newsroom: Newsroom) -> None:
    newsroom.article(**EVERYTHING)
    changed = newsroom.send("PATCH", PATH, {"body": {"source": "It is *shut*."}}).json()
    assert changed["body"] == {"html": "<p>It is <em>shut</em>.</p>\n"}
    as_text = newsroom.send("PATCH", PATH, {"body": {"format": "text"}}).json()
    assert as_text["body"] == {"html": "<p>It is *shut*.</p>"}
    assert newsroom.send("PATCH", PATH, {"body": None}).json()["body"] is None


def test_a_patch_makes_what_was_not_there(newsroom: Newsroom) -> None:
    newsroom.article()
    image = {"url": "https://images.example.org/a.jpg", "alt": None}
    changed = newsroom.send("PATCH", PATH, {"image": image, "metadata": {"a": {"b": None}}}).json()
    others = dict.fromkeys(("caption", "credit", "alt", "width", "height"))
    assert changed["image"] == {"url": image["url"], **others}
    assert changed["metadata"] == {"a": {}}


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"headline": None}, "/headline"),
        ({"body": {"source": "x"}}, "/body/format"),
        ({"body": {"format": "text"}}, "/body/source"),
        ({"published_at": None}, "/published_at"),
        ({"image": {"width": 0}}, "/image/width"),
        ({"image": {"no_such_field": 1}}, "/image/no_such_field"),
    ],
)
def test_what_an_article_must_have_cannot_be_cleared(
    newsroom: Newsroom, changes: dict[str, Any], pointer: str
) -> None:
    before = newsroom.article()
    answer = newsroom.send("PATCH", PATH, changes)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert newsroom.get(PATH).json() == before


def test_a_write_that_changes_nothing_leaves_no_trace(newsroom: Newsroom) -> None:
    newsroom.article(**EVERYTHING)
    before, answer = numbers(newsroom), newsroom.get(PATH)
    newsroom.clock.move(minutes=1)
    assert newsroom.send("PATCH", PATH, {"headline": EVERYTHING["headline"]}).is_success
    assert newsroom.send("PUT", PATH, EVERYTHING).is_success
    assert (numbers(newsroom), newsroom.get(PATH).text) == (before, answer.text)


def test_a_change_moves_the_version_and_the_time_and_nothing_else(newsroom: Newsroom) -> None:
    before = newsroom.article(**EVERYTHING)
    newsroom.clock.move(hours=1)
    after = newsroom.send("PATCH", PATH, {"summary": "Trains first."}).json()
    assert after["updated_at"] > before["updated_at"]
    moved = {"summary": "Trains first.", "version": 2, "updated_at": after["updated_at"]}
    assert after == before | moved


@pytest.mark.parametrize(
    "changes",
    [
        {"authors": [{"ref": "ada", "role": "editor"}, "bo"]},
        {"authors": ["bo", "ada"]},
        {"tags": ["y", "x"]},
        {"metadata": {"a": 1}},
        {"body": {"format": "html", "source": "<p>Same</p><!-- note -->"}},
    ],
)
def test_a_change_of_one_part_is_a_change(newsroom: Newsroom, changes: dict[str, Any]) -> None:
    for kind, names in (("authors", ("Ada", "Bo")), ("tags", ("X", "Y"))):
        for name in names:
            newsroom.make(kind, name=name)
    body = {"format": "html", "source": "<p>Same</p>"}
    newsroom.article(authors=["ada", "bo"], tags=["x", "y"], body=body)
    assert newsroom.send("PATCH", PATH, changes).json()["version"] == 2
    assert newsroom.send("PATCH", PATH, changes).json()["version"] == 2


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


def test_of_two_who_read_the_same_version_one_wins(newsroom: Newsroom) -> None:
    newsroom.article()
    etag = newsroom.get(f"{PATH}?fields=headline").headers["etag"]
    first = newsroom.send("PUT", PATH, {"headline": "First"}, {"If-Match": etag})
    second = newsroom.send("PUT", PATH, {"headline": "Second"}, {"If-Match": etag})
    assert (first.status_code, second.status_code) == (200, 412)
    assert newsroom.get(PATH).json()["headline"] == "First"
    third = newsroom.send("PUT", PATH, {"headline": "Third"}, {"If-Match": first.headers["etag"]})
    assert third.status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_every_write_over_something_names_what_it_is_over(newsroom: Newsroom, method: str) -> None:
    newsroom.article()
    stale = newsroom.get(PATH).headers["etag"]
    newsroom.send("PATCH", PATH, {"summary": "Newer"})
    body = None if method == "DELETE" else {"headline": "Mine"}
    bare = newsroom.client.request(method, PATH, json=body, headers=newsroom.key("publish"))
    assert bare.status_code == 428
    assert newsroom.send(method, PATH, body, {"If-Match": stale}).status_code == 412
    assert newsroom.get(PATH).json()["summary"] == "Newer"
    current = f'"x", {newsroom.get(PATH).headers["etag"]}'
    assert newsroom.send(method, PATH, body, {"If-Match": current}).is_success


@pytest.mark.parametrize("action", ["publish", "withdraw", "corrections"])
def test_an_action_may_name_what_it_is_over(newsroom: Newsroom, action: str) -> None:
    newsroom.article()
    stale = newsroom.get(PATH).headers["etag"]
    newsroom.send("PATCH", PATH, {"summary": "Newer"})
    body = {"kind": "update", "note": "x"} if action == "corrections" else {}
    answer = newsroom.send("POST", f"{PATH}/{action}", body, {"If-Match": stale})
    assert (answer.status_code, newsroom.get(PATH).json()["version"]) == (412, 2)


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
        ({"body": {"format": "html", "source": "<div>" * 5001}}, "/body/source"),
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
    newsroom.article("Other", external_id="wire:2")
    taken = newsroom.send("PATCH", "/v1/articles/other", {"external_id": "wire:1"})
    assert taken.status_code == 409
    assert newsroom.get("/v1/articles/other").json()["external_id"] == "wire:2"
    assert newsroom.send("PATCH", PATH, {"external_id": "wire:1", "summary": "x"}).is_success
    newsroom.send("PATCH", PATH, {"external_id": None})
    assert newsroom.send("PATCH", "/v1/articles/other", {"external_id": "wire:1"}).is_success


def test_a_deleted_draft_leaves_no_address(newsroom: Newsroom) -> None:
    newsroom.article(publish=False)
    assert newsroom.send("DELETE", PATH, headers=newsroom.key("write")).status_code == 204
    assert newsroom.get(PATH).status_code == 404
    assert newsroom.article()["slug"] == "harbour-bridge-opens"


def test_a_deleted_draft_leaves_its_former_slugs_free_too(newsroom: Newsroom) -> None:
    draft = newsroom.article(publish=False)
    newsroom.send("PATCH", PATH, {"slug": "bridge"})
    newsroom.send("DELETE", "/v1/articles/bridge")
    for ref in (draft["id"], "bridge", "harbour-bridge-opens"):
        assert newsroom.get(f"/v1/articles/{ref}").status_code == 404
    for slug in ("bridge", "harbour-bridge-opens"):
        assert newsroom.article("Other", slug=slug)["slug"] == slug


def test_what_was_scheduled_is_deleted_by_a_publisher_and_nobody_knew_of_it(
    newsroom: Newsroom,
) -> None:
    newsroom.article(published_at=newsroom.clock.at(days=1))
    assert newsroom.send("DELETE", PATH, headers=newsroom.key("write")).status_code == 403
    assert newsroom.send("DELETE", PATH).status_code == 204
    assert newsroom.get(PATH).status_code == 404


def test_what_was_published_is_deleted_by_a_publisher_and_is_gone(newsroom: Newsroom) -> None:
    article = newsroom.article()
    assert newsroom.send("DELETE", PATH, headers=newsroom.key("write")).status_code == 403
    assert newsroom.send("DELETE", PATH).status_code == 204
    assert newsroom.get(PATH).status_code == 410
    assert newsroom.get(f"/v1/articles/{article['id']}").status_code == 410
    assert newsroom.article()["slug"] == "harbour-bridge-opens-2"
    asked = {"headline": "Other", "slug": "harbour-bridge-opens"}
    assert newsroom.send("POST", "/v1/articles", asked).status_code == 409
    for method, body in (("PUT", {"headline": "x"}), ("PATCH", {}), ("DELETE", None)):
        assert newsroom.send(method, PATH, body).status_code == 410


def test_every_address_that_was_public_is_gone_with_its_article(newsroom: Newsroom) -> None:
    newsroom.article()
    newsroom.send("PATCH", PATH, {"slug": "bridge"})
    newsroom.send("DELETE", "/v1/articles/bridge")
    for address in (PATH, "/v1/articles/bridge"):
        assert newsroom.get(address).status_code == 410
