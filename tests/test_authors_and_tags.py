"""What authors and tags have in common: the five verbs, the list, renaming, merging, deleting."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import Newsroom, Response

pytestmark = pytest.mark.parametrize("kind", ["authors", "tags"])
NEVER_THERE = "018f2b3c-0000-7000-8000-000000000000"


def names(newsroom: Newsroom, kind: str, query: str = "") -> list[str]:
    answer = newsroom.get(f"/v1/{kind}?{query}")
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["data"]]


def article_names(newsroom: Newsroom, kind: str, slug: str) -> list[str]:
    """The names that an article shows of its authors or tags, in order."""
    answer = newsroom.get(f"/v1/articles/{slug}", newsroom.key("preview"))
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()[kind]]


def count_of(newsroom: Newsroom, path: str, headers: dict[str, str] | None = None) -> int:
    return int(newsroom.get(f"{path}?article_count=true", headers).json()["article_count"])


def location(answer: Response) -> tuple[int, str | None]:
    return answer.status_code, answer.headers.get("Location")


# --- The five verbs ------------------------------------------------------------------------------


def test_one_is_made_and_read_by_slug_and_by_id(newsroom: Newsroom, kind: str) -> None:
    answer = newsroom.send("POST", f"/v1/{kind}", {"name": "Zoë Łukasiewicz"})
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/{kind}/zoe-lukasiewicz"
    assert (made["slug"], made["name"], made["version"]) == (
        "zoe-lukasiewicz",
        "Zoë Łukasiewicz",
        1,
    )
    assert made["created_at"] == made["updated_at"]
    for ref in (made["slug"], made["id"], made["id"].upper()):
        read = newsroom.get(f"/v1/{kind}/{ref}", newsroom.key("publish"))
        assert read.json() == made
        assert read.headers["ETag"] == answer.headers["ETag"]


def test_the_same_name_twice_makes_two_slugs(newsroom: Newsroom, kind: str) -> None:
    slugs = [newsroom.make(kind, name="Sam")["slug"] for _ in range(3)]
    assert slugs == ["sam", "sam-2", "sam-3"]


def test_a_slug_that_is_taken_is_409(newsroom: Newsroom, kind: str) -> None:
    newsroom.make(kind, name="Sam", slug="sam")
    answer = newsroom.send("POST", f"/v1/{kind}", {"name": "Other", "slug": "sam"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:byline:problem:slug-taken")
    assert names(newsroom, kind) == ["Sam"]


REFUSED_BODIES: list[tuple[dict[str, Any], str]] = [
    ({}, "/name"),
    ({"name": ""}, "/name"),
    ({"name": "\u2003"}, "/name"),
    ({"name": "x" * 201}, "/name"),
    ({"name": None}, "/name"),
    ({"name": "a\u0000b"}, "/name"),
    ({"name": "Sam", "slug": "Not A Slug"}, "/slug"),
    ({"name": "Sam", "slug": NEVER_THERE}, "/slug"),
    ({"name": "Sam", "version": 3}, "/version"),
    ({"name": "Sam", "article_count": 3}, "/article_count"),
    ({"name": "Sam", "surname": "x"}, "/surname"),
]


def test_what_cannot_be_is_refused_and_nothing_is_made(newsroom: Newsroom, kind: str) -> None:
    for body, pointer in REFUSED_BODIES:
        answer = newsroom.send("POST", f"/v1/{kind}", body)
        assert answer.status_code == 422, body
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer], body
    assert names(newsroom, kind) == []


def test_put_clears_what_it_leaves_out_but_the_slug_stays(newsroom: Newsroom, kind: str) -> None:
    about = {"authors": "bio", "tags": "description"}[kind]
    made = newsroom.make(kind, name="Sam", **{about: "At length."})
    newsroom.clock.move(minutes=1)
    replaced = newsroom.send("PUT", f"/v1/{kind}/sam", {"name": "Samantha"}).json()
    assert (replaced["slug"], replaced["name"], replaced[about]) == ("sam", "Samantha", None)
    assert (replaced["id"], replaced["version"]) == (made["id"], 2)
    assert replaced["created_at"] == made["created_at"]
    assert replaced["updated_at"] > made["updated_at"]


def test_patch_changes_what_it_names_and_null_clears(newsroom: Newsroom, kind: str) -> None:
    about = {"authors": "bio", "tags": "description"}[kind]
    newsroom.make(kind, name="Sam", **{about: "At length."})
    renamed = newsroom.send("PATCH", f"/v1/{kind}/sam", {"name": "Samantha"}).json()
    assert (renamed["name"], renamed[about]) == ("Samantha", "At length.")
    cleared = newsroom.send("PATCH", f"/v1/{kind}/sam", {about: None}).json()
    assert (cleared["name"], cleared[about]) == ("Samantha", None)
    refused = newsroom.send("PATCH", f"/v1/{kind}/sam", {"name": None})
    assert refused.status_code == 422


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_null_slug_is_made_anew_from_the_name(newsroom: Newsroom, kind: str, method: str) -> None:
    newsroom.make(kind, name="Sam", slug="typo")
    changed = newsroom.send(method, f"/v1/{kind}/typo", {"name": "Sam", "slug": None})
    assert changed.json()["slug"] == "sam"


def test_a_write_that_changes_nothing_is_no_new_version(newsroom: Newsroom, kind: str) -> None:
    made = newsroom.make(kind, name="Sam")
    newsroom.clock.move(minutes=1)
    for method in ("PUT", "PATCH"):
        same = newsroom.send(method, f"/v1/{kind}/sam", {"name": "Sam"})
        assert same.json() == made


def test_writes_are_guarded_by_the_etag(newsroom: Newsroom, kind: str) -> None:
    newsroom.make(kind, name="Sam")
    path = f"/v1/{kind}/sam"
    tag = newsroom.get(path).headers["ETag"]
    body = {"name": "Samantha"}
    unguarded = newsroom.client.patch(path, json=body, headers=newsroom.key("write"))
    assert unguarded.status_code == 428
    assert newsroom.send("PATCH", path, body, {"If-Match": tag}).status_code == 200
    for method in ("PUT", "PATCH", "DELETE"):
        sent = None if method == "DELETE" else {"name": "Sammy"}
        assert newsroom.send(method, path, sent, {"If-Match": tag}).status_code == 412
    merge = newsroom.send("POST", f"{path}/merge", {"into": "sam"}, {"If-Match": tag})
    assert merge.status_code == 412
    assert names(newsroom, kind) == ["Samantha"]


def test_an_unchanged_one_is_304(newsroom: Newsroom, kind: str) -> None:
    newsroom.make(kind, name="Sam")
    for path in (f"/v1/{kind}/sam", f"/v1/{kind}", f"/v1/{kind}/sam?article_count=true"):
        tag = newsroom.get(path).headers["ETag"]
        again = newsroom.get(path, {"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
    newsroom.send("PATCH", f"/v1/{kind}/sam", {"name": "Samantha"})
    assert newsroom.get(f"/v1/{kind}/sam", {"If-None-Match": tag}).status_code == 200


def test_what_was_never_there_is_404(newsroom: Newsroom, kind: str) -> None:
    for ref in ("nobody", NEVER_THERE, f"{NEVER_THERE}%0A", "%20", "a%2Fb", "é"):
        assert newsroom.get(f"/v1/{kind}/{quote(ref, safe='%')}").status_code == 404
    for method in ("PUT", "PATCH"):
        missing = newsroom.send(method, f"/v1/{kind}/nobody", {"name": "Sam"})
        assert missing.status_code == 404
    assert newsroom.send("DELETE", f"/v1/{kind}/nobody").status_code == 404
    assert newsroom.send("POST", f"/v1/{kind}/nobody/merge", {"into": "x"}).status_code == 404


# --- Lists ---------------------------------------------------------------------------------------


def test_a_list_is_by_name_whatever_case_and_accents(newsroom: Newsroom, kind: str) -> None:
    for name in ("Émile", "zoë", "Adam", "emil", "Ärger", "Zara"):
        newsroom.make(kind, name=name)
    in_order = ["Adam", "Ärger", "emil", "Émile", "Zara", "zoë"]
    assert names(newsroom, kind) == in_order
    assert names(newsroom, kind, "sort=name") == in_order
    assert names(newsroom, kind, "sort=-name") == in_order[::-1]


def test_a_list_is_by_last_change_when_asked(newsroom: Newsroom, kind: str) -> None:
    for name in ("One", "Two", "Three"):
        newsroom.make(kind, name=name)
    newsroom.send("PATCH", f"/v1/{kind}/one", {"name": "One again"})
    assert names(newsroom, kind, "sort=updated_at") == ["Two", "Three", "One again"]
    assert names(newsroom, kind, "sort=-updated_at") == ["One again", "Three", "Two"]


PREFIXES = [
    ("em", ["Emil", "Émile Zola"]),
    ("ÉM", ["Emil", "Émile Zola"]),
    ("émile z", ["Émile Zola"]),
    ("STRASSE", ["Straße"]),
    ("straß", ["Straße"]),
    ("ｅｍ", ["Emil", "Émile Zola"]),
    ("zola", []),
    ("%", []),
    ("_", []),
    ("100%", ["100% Sport"]),
    ("東", ["東京"]),
]


def test_q_finds_names_that_begin_so(newsroom: Newsroom, kind: str) -> None:
    for name in ("Emil", "Émile Zola", "Straße", "Adam", "100% Sport", "東京"):
        newsroom.make(kind, name=name)
    for prefix, found in PREFIXES:
        assert names(newsroom, kind, f"q={quote(prefix)}") == found, prefix


def test_updated_since_is_that_time_or_later(newsroom: Newsroom, kind: str) -> None:
    newsroom.make(kind, name="Old")
    newsroom.clock.move(hours=1)
    recent = newsroom.make(kind, name="Recent")
    newsroom.clock.move(hours=1)
    since = quote(recent["updated_at"])
    assert names(newsroom, kind, f"updated_since={since}") == ["Recent"]
    newsroom.send("PATCH", f"/v1/{kind}/old", {"name": "Old, renewed"})
    assert names(newsroom, kind, f"updated_since={since}") == ["Old, renewed", "Recent"]
    assert names(newsroom, kind, f"updated_since={quote(newsroom.clock.at(hours=1))}") == []


REFUSED_PARAMETERS = [
    ("sort=slug", "sort"),
    ("limit=0", "limit"),
    ("limit=101", "limit"),
    ("limit=ten", "limit"),
    ("q=", "q"),
    ("q=" + "x" * 101, "q"),
    ("q=a&q=b", "q"),
    ("updated_since=2026-11-24", "updated_since"),
    ("article_count=maybe", "article_count"),
    ("cursor=AAAA", "cursor"),
    ("name=Sam", "name"),
    ("tag=sport", "tag"),
]


def test_a_parameter_that_cannot_be_is_refused(newsroom: Newsroom, kind: str) -> None:
    for query, parameter in REFUSED_PARAMETERS:
        answer = newsroom.get(f"/v1/{kind}?{query}")
        assert answer.status_code == 422, query
        assert [error["parameter"] for error in answer.json()["errors"]] == [parameter], query


def test_pages_go_forth_and_back_by_link(newsroom: Newsroom, kind: str) -> None:
    for number in range(5):
        newsroom.make(kind, name=f"Same name {number // 2}")
    for sort in ("name", "-name", "updated_at", "-updated_at"):
        assert_pages_are_whole(newsroom, kind, sort)


def assert_pages_are_whole(newsroom: Newsroom, kind: str, sort: str) -> None:
    whole = newsroom.get(f"/v1/{kind}?sort={sort}").json()["data"]
    first = newsroom.get(f"/v1/{kind}?sort={sort}&limit=2")
    second = newsroom.get(first.links["next"]["url"])
    third = newsroom.get(second.links["next"]["url"])
    pages = [first, second, third]
    assert [page.json()["data"] for page in pages] == [whole[:2], whole[2:4], whole[4:]]
    assert "prev" not in first.links
    assert first.json()["page"]["previous"] is None
    assert "next" not in third.links
    assert third.json()["page"]["next"] is None
    back = newsroom.get(third.links["prev"]["url"])
    assert back.json()["data"] == whole[2:4]
    assert newsroom.get(back.links["prev"]["url"]).json()["data"] == whole[:2]


def test_pages_neither_skip_nor_repeat_while_others_come_and_go(
    newsroom: Newsroom, kind: str
) -> None:
    for name in ("B", "D", "F", "H"):
        newsroom.make(kind, name=name)
    first = newsroom.get(f"/v1/{kind}?limit=2")
    newsroom.send("DELETE", f"/v1/{kind}/b")
    newsroom.send("DELETE", f"/v1/{kind}/d")
    for name in ("A", "C", "E"):
        newsroom.make(kind, name=name)
    rest = newsroom.get(first.links["next"]["url"]).json()["data"]
    assert [one["name"] for one in rest] == ["E", "F"]


def test_a_cursor_stands_alone_and_is_refused_with_other_filters(
    newsroom: Newsroom, kind: str
) -> None:
    for name in ("Ada", "Adam", "Adele", "Bea"):
        newsroom.make(kind, name=name)
    cursor = newsroom.get(f"/v1/{kind}?q=ad&limit=2").json()["page"]["next"]
    assert names(newsroom, kind, f"cursor={cursor}") == ["Adele"]
    assert names(newsroom, kind, f"cursor={cursor}&article_count=true&limit=1") == ["Adele"]
    other = newsroom.get(f"/v1/{kind}?cursor={cursor}&q=be")
    assert other.status_code == 422
    elsewhere = "tags" if kind == "authors" else "authors"
    assert newsroom.get(f"/v1/{elsewhere}?cursor={cursor}").status_code == 422


# --- Counting articles ---------------------------------------------------------------------------


def test_a_count_is_of_the_articles_that_the_caller_may_see(newsroom: Newsroom, kind: str) -> None:
    newsroom.make(kind, name="Sam")
    newsroom.make("tags", name="Partner")
    linked: dict[str, Any] = {kind: ["sam"]}
    with_partner: dict[str, Any] = {**linked, "tags": [*linked.get("tags", []), "partner"]}
    newsroom.article("Out", **linked)
    newsroom.article("Out for the partner", **with_partner)
    newsroom.article("Draft", publish=False, **linked)
    newsroom.article("Scheduled", published_at=newsroom.clock.at(hours=1), **linked)
    newsroom.article("Under embargo", embargoed_until=newsroom.clock.at(hours=2), **with_partner)
    newsroom.article("Expiring", expires_at=newsroom.clock.at(hours=1), **linked)
    withdrawn = newsroom.article("Withdrawn", **linked)
    newsroom.send("POST", f"/v1/articles/{withdrawn['id']}/withdraw")
    newsroom.article("Somebody else's")

    path = f"/v1/{kind}/sam"
    only_partner = {"articles": {"tag": ["partner"]}}
    partner = newsroom.key("read", entitlement=only_partner)
    early = newsroom.key("read", entitlement={**only_partner, "embargoed": True})
    assert count_of(newsroom, path) == 3
    assert count_of(newsroom, path, newsroom.key("preview")) == 7
    assert count_of(newsroom, path, partner) == 1
    assert count_of(newsroom, path, early) == 2
    newsroom.clock.move(hours=1)
    assert count_of(newsroom, path) == 3
    newsroom.clock.move(hours=1)
    assert count_of(newsroom, path) == 4

    listed = newsroom.get(f"/v1/{kind}?article_count=true&q=sam", partner).json()["data"]
    assert [one["article_count"] for one in listed] == [2]


def test_a_count_is_given_only_on_request(newsroom: Newsroom, kind: str) -> None:
    newsroom.make(kind, name="Sam")
    assert "article_count" not in newsroom.get(f"/v1/{kind}/sam").json()
    assert "article_count" not in newsroom.get(f"/v1/{kind}").json()["data"][0]
    assert count_of(newsroom, f"/v1/{kind}/sam") == 0


# --- Deleting ------------------------------------------------------------------------------------


def test_one_in_use_cannot_be_deleted_not_even_by_a_draft(newsroom: Newsroom, kind: str) -> None:
    newsroom.make(kind, name="Sam")
    draft = newsroom.article("Draft", publish=False, **{kind: ["sam"]})
    refused = newsroom.send("DELETE", f"/v1/{kind}/sam")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:byline:problem:in-use")
    newsroom.send("DELETE", f"/v1/articles/{draft['id']}")
    assert newsroom.send("DELETE", f"/v1/{kind}/sam").status_code == 204


def test_every_address_of_a_deleted_one_is_gone(newsroom: Newsroom, kind: str) -> None:
    made = newsroom.make(kind, name="Sam", slug="first")
    newsroom.send("PATCH", f"/v1/{kind}/first", {"slug": "second"})
    deleted = newsroom.send("DELETE", f"/v1/{kind}/second")
    assert (deleted.status_code, deleted.content) == (204, b"")
    for ref in ("first", "second", made["id"]):
        gone = newsroom.get(f"/v1/{kind}/{ref}")
        assert (gone.status_code, gone.json()["type"]) == (410, "urn:byline:problem:gone")
    assert names(newsroom, kind) == []
    assert newsroom.send("DELETE", f"/v1/{kind}/second").status_code == 410


# --- Renaming ------------------------------------------------------------------------------------


def test_a_new_name_shows_in_the_articles_at_once(newsroom: Newsroom, kind: str) -> None:
    newsroom.make(kind, name="Sam")
    shown = newsroom.article("Shown", **{kind: ["sam"]})
    other = newsroom.article("Other")
    path, other_path = f"/v1/articles/{shown['slug']}", f"/v1/articles/{other['slug']}"
    tag, other_tag = newsroom.get(path).headers["ETag"], newsroom.get(other_path).headers["ETag"]
    newsroom.clock.move(minutes=1)
    renamed = newsroom.send("PATCH", f"/v1/{kind}/sam", {"name": "Samantha"}).json()

    moved = newsroom.get(path, {"If-None-Match": tag})
    assert moved.status_code == 200
    assert [one["name"] for one in moved.json()[kind]] == ["Samantha"]
    assert moved.json()["version"] == shown["version"] + 1
    assert moved.json()["updated_at"] == renamed["updated_at"]
    assert newsroom.send("PATCH", path, {"summary": "x"}, {"If-Match": tag}).status_code == 412
    assert newsroom.get(other_path, {"If-None-Match": other_tag}).status_code == 304


def test_articles_of_a_renamed_one_are_the_last_changed_ones(newsroom: Newsroom, kind: str) -> None:
    newsroom.make(kind, name="Sam")
    newsroom.make(kind, name="Alex")
    newsroom.article("Sam's", **{kind: ["sam", "alex"]})
    newsroom.article("Alex's", **{kind: ["alex"]})
    singular = kind.removesuffix("s")

    def latest(query: str = "") -> list[str]:
        data = newsroom.get(f"/v1/articles?sort=-updated_at{query}").json()["data"]
        return [one["headline"] for one in data]

    assert latest() == latest(f"&{singular}=alex") == ["Alex's", "Sam's"]
    newsroom.send("PATCH", f"/v1/{kind}/sam", {"name": "Samantha"})
    assert latest() == latest(f"&{singular}=alex") == ["Sam's", "Alex's"]


def test_what_articles_do_not_show_does_not_move_them(newsroom: Newsroom, kind: str) -> None:
    about = {"authors": "bio", "tags": "description"}[kind]
    newsroom.make(kind, name="Sam")
    article = newsroom.article("Harbour bridge opens", **{kind: ["sam"]})
    changed = newsroom.send("PATCH", f"/v1/{kind}/sam", {about: "At length."}).json()
    assert changed["version"] == 2
    path = f"/v1/articles/{article['slug']}"
    assert newsroom.get(path, newsroom.key("publish")).json() == article


def test_an_old_slug_leads_to_the_new_one(newsroom: Newsroom, kind: str) -> None:
    newsroom.make(kind, name="Sam", slug="first")
    newsroom.article("Harbour bridge opens", **{kind: ["first"]})
    newsroom.send("PATCH", f"/v1/{kind}/first", {"slug": "second"})
    newsroom.send("PATCH", f"/v1/{kind}/second", {"slug": "third"})
    for old in ("first", "second"):
        answer = newsroom.get(f"/v1/{kind}/{old}?article_count=true")
        assert location(answer) == (301, f"/v1/{kind}/third?article_count=true")
        written = newsroom.send("PATCH", f"/v1/{kind}/{old}", {"name": "Sammy"})
        assert location(written) == (308, f"/v1/{kind}/third")
    shown = newsroom.get("/v1/articles/harbour-bridge-opens").json()[kind][0]
    assert (shown["slug"], shown["name"]) == ("third", "Sam")


def test_an_old_slug_still_filters_and_still_names(newsroom: Newsroom, kind: str) -> None:
    newsroom.make(kind, name="Sam", slug="old")
    newsroom.send("PATCH", f"/v1/{kind}/old", {"slug": "new"})
    article = newsroom.article("Harbour bridge opens", **{kind: ["old"]})
    assert article[kind][0]["slug"] == "new"
    singular = kind.removesuffix("s")
    for slug in ("old", "new"):
        data = newsroom.get(f"/v1/articles?{singular}={slug}").json()["data"]
        assert [one["id"] for one in data] == [article["id"]]


def test_an_old_slug_is_free_for_its_owner_only(newsroom: Newsroom, kind: str) -> None:
    newsroom.make(kind, name="Sam", slug="sam")
    newsroom.send("PATCH", f"/v1/{kind}/sam", {"slug": "samantha"})
    taken = newsroom.send("POST", f"/v1/{kind}", {"name": "Sam", "slug": "sam"})
    assert taken.status_code == 409
    assert newsroom.make(kind, name="Sam")["slug"] == "sam-2"
    back = newsroom.send("PATCH", f"/v1/{kind}/samantha", {"slug": "sam"})
    assert back.json()["slug"] == "sam"
    assert newsroom.get(f"/v1/{kind}/sam").status_code == 200
    assert location(newsroom.get(f"/v1/{kind}/samantha")) == (301, f"/v1/{kind}/sam")


# --- Merging -------------------------------------------------------------------------------------


def test_merging_moves_the_articles_and_keeps_their_order(newsroom: Newsroom, kind: str) -> None:
    for name in ("First", "Double", "Last", "Survivor"):
        newsroom.make(kind, name=name)
    alone = newsroom.article("Alone", **{kind: ["first", "double", "last"]})
    draft = newsroom.article("Draft", publish=False, **{kind: ["double"]})
    newsroom.clock.move(minutes=1)
    merged = newsroom.send("POST", f"/v1/{kind}/double/merge", {"into": "survivor"})
    assert (merged.status_code, merged.json()["name"]) == (200, "Survivor")
    assert article_names(newsroom, kind, alone["slug"]) == ["First", "Survivor", "Last"]
    assert article_names(newsroom, kind, draft["slug"]) == ["Survivor"]
    assert names(newsroom, kind) == ["First", "Last", "Survivor"]
    assert count_of(newsroom, f"/v1/{kind}/survivor") == 1
    read = newsroom.get("/v1/articles/alone").json()
    assert (read["version"], read["updated_at"] > alone["updated_at"]) == (2, True)


def test_merging_collapses_duplicates_to_the_survivors_place(newsroom: Newsroom, kind: str) -> None:
    for name in ("First", "Double", "Survivor"):
        newsroom.make(kind, name=name)
    before = newsroom.article("Before", **{kind: ["double", "first", "survivor"]})
    after = newsroom.article("After", **{kind: ["survivor", "first", "double"]})
    newsroom.send("POST", f"/v1/{kind}/double/merge", {"into": "survivor"})
    assert article_names(newsroom, kind, before["slug"]) == ["First", "Survivor"]
    assert article_names(newsroom, kind, after["slug"]) == ["Survivor", "First"]
    versions = [
        newsroom.get(f"/v1/articles/{slug}").json()["version"] for slug in ("before", "after")
    ]
    assert versions == [2, 2]


def test_merging_leaves_the_survivors_own_articles_as_they_are(
    newsroom: Newsroom, kind: str
) -> None:
    newsroom.make(kind, name="Double")
    newsroom.make(kind, name="Survivor")
    own = newsroom.article("Own", **{kind: ["survivor"]})
    tag = newsroom.get("/v1/articles/own").headers["ETag"]
    newsroom.send("POST", f"/v1/{kind}/double/merge", {"into": "survivor"})
    unchanged = newsroom.get("/v1/articles/own", newsroom.key("publish"))
    assert unchanged.json() == own
    assert newsroom.get("/v1/articles/own", {"If-None-Match": tag}).status_code == 304


def test_every_address_of_a_merged_one_leads_to_the_survivor(newsroom: Newsroom, kind: str) -> None:
    made = newsroom.make(kind, name="Double", slug="former")
    newsroom.send("PATCH", f"/v1/{kind}/former", {"slug": "double"})
    newsroom.make(kind, name="Survivor")
    newsroom.make(kind, name="Last")
    article = newsroom.article("Harbour bridge opens", **{kind: ["double"]})
    newsroom.send("POST", f"/v1/{kind}/double/merge", {"into": "survivor"})
    for ref in ("former", "double", made["id"]):
        assert location(newsroom.get(f"/v1/{kind}/{ref}")) == (301, f"/v1/{kind}/survivor")
    newsroom.send("POST", f"/v1/{kind}/survivor/merge", {"into": "last"})
    singular = kind.removesuffix("s")
    for ref in ("former", "double", made["id"], "survivor"):
        assert location(newsroom.get(f"/v1/{kind}/{ref}")) == (301, f"/v1/{kind}/last")
        data = newsroom.get(f"/v1/articles?{singular}={ref}").json()["data"]
        assert [one["id"] for one in data] == [article["id"]]


@pytest.mark.parametrize("into", ["double", "its id", "nobody", NEVER_THERE])
def test_merging_into_itself_or_nothing_is_refused(
    newsroom: Newsroom, kind: str, into: str
) -> None:
    made = newsroom.make(kind, name="Double")
    target = made["id"] if into == "its id" else into
    answer = newsroom.send("POST", f"/v1/{kind}/double/merge", {"into": target})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/into"]
    assert newsroom.get(f"/v1/{kind}/double", newsroom.key("publish")).json() == made


def test_merging_into_an_old_slug_finds_who_has_it_now(newsroom: Newsroom, kind: str) -> None:
    newsroom.make(kind, name="Double")
    newsroom.make(kind, name="Survivor", slug="old")
    newsroom.send("PATCH", f"/v1/{kind}/old", {"slug": "new"})
    merged = newsroom.send("POST", f"/v1/{kind}/double/merge", {"into": "old"})
    assert (merged.status_code, merged.json()["slug"]) == (200, "new")
    back = newsroom.send("POST", f"/v1/{kind}/new/merge", {"into": "double"})
    assert back.status_code == 422
