"""The past of an article: listed, read, compared, brought back, and seen by nobody who could not then."""

from typing import Any

import pytest
import sqlalchemy as sa

from app.changes.models import Revision
from app.db.columns import table
from tests.conftest import Newsroom, Response

PATH = "/v1/articles/harbour-bridge-opens"
PAST = f"{PATH}/revisions"
SPORT = {"articles": {"tag": ["sport"]}}
revision = table(Revision)


def text(source: str) -> dict[str, str]:
    return {"format": "text", "source": source}


def change(newsroom: Newsroom, path: str = PATH, **fields: Any) -> dict[str, Any]:
    answer = newsroom.send("PATCH", path, fields)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def versions(newsroom: Newsroom, key: dict[str, str] | None = None, path: str = PAST) -> list[int]:
    """The versions that a caller finds, each of which they can read and no other."""
    listed = [one["version"] for one in newsroom.get(path, key).json()["data"]]
    for version in range(1, max(listed, default=0) + 5):
        for address in (f"{path}/{version}", f"{path}/{version}/diff"):
            found = newsroom.get(address, key).status_code
            assert found == (200 if version in listed else 404), address
    return listed


def told(answer: Response, field: str) -> str:
    """A text's changes as one line."""
    marks = {"equal": "{}", "delete": "[-{}-]", "insert": "{{+{}+}}"}
    changes = answer.json()["texts"][field]
    return "".join(marks[one["op"]].format(one["text"]) for one in changes)


# --- Listing ------------------------------------------------------------------------------------


def test_the_history_says_when_what_changed_and_by_which_key(newsroom: Newsroom) -> None:
    writer, publisher = newsroom.key("write"), newsroom.key("publish")
    writer_id, publisher_id = (
        newsroom.get("/v1/me", key).json()["id"] for key in (writer, publisher)
    )
    newsroom.send("POST", "/v1/articles", {"headline": "Harbour bridge opens"}, writer)
    newsroom.send("PATCH", PATH, {"headline": "Bridge opens", "body": text("Now.")}, writer)
    published = newsroom.send("POST", f"{PATH}/publish").json()

    history = newsroom.get(PAST, newsroom.key("preview")).json()["data"]

    assert [(one["version"], one["status"], one["changed"]) for one in history] == [
        (3, "published", ["published_at", "status"]),
        (2, "draft", ["headline", "body"]),
        (1, "draft", None),
    ]
    assert [one["key_id"] for one in history] == [publisher_id, writer_id, writer_id]
    assert [one["headline"] for one in history] == ["Bridge opens"] * 2 + ["Harbour bridge opens"]
    assert history[0]["at"] == published["updated_at"]


def test_a_history_is_paged_both_ways(newsroom: Newsroom) -> None:
    newsroom.article()
    for number in range(6):
        change(newsroom, summary=str(number))
    whole = newsroom.get(PAST).json()["data"]
    walked, address = [], f"{PAST}?limit=3"
    while True:
        answer = newsroom.get(address)
        page = answer.json()["page"]
        walked += answer.json()["data"]
        if page["next"] is None:
            break
        address = f"{PAST}?cursor={page['next']}"
        assert f"cursor={page['next']}" in answer.headers["link"]
    assert walked == whole
    assert [one["version"] for one in whole] == [7, 6, 5, 4, 3, 2, 1]
    back = newsroom.get(f"{PAST}?cursor={page['previous']}").json()
    assert back["data"] == whole[3:6]
    first = newsroom.get(f"{PAST}?cursor={back['page']['previous']}").json()
    assert first["data"] == whole[:3]


def test_a_page_of_any_size_takes_as_many_statements(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind")
    newsroom.article(authors=["mara-lind"])
    for number in range(9):
        change(newsroom, summary=str(number))
    count = 0

    def note(*_: Any) -> None:
        nonlocal count
        count += 1

    sa.event.listen(newsroom.database.engine, "before_cursor_execute", note)
    counts = set()
    for limit in (1, 3, 9):
        count = 0
        assert newsroom.get(f"{PAST}?limit={limit}").status_code == 200
        counts.add(count)
    assert len(counts) == 1


def test_a_cursor_is_of_one_article_and_one_view(newsroom: Newsroom) -> None:
    newsroom.article()
    newsroom.article("Another")
    for path in (PATH, "/v1/articles/another"):
        change(newsroom, path, summary="x")
    cursor = newsroom.get(f"{PAST}?limit=1").json()["page"]["next"]
    assert newsroom.get(f"{PAST}?cursor={cursor}").status_code == 200
    assert newsroom.get(f"/v1/articles/another/revisions?cursor={cursor}").status_code == 422
    assert newsroom.get(f"{PAST}?cursor={cursor}", newsroom.key("preview")).status_code == 422


def test_a_version_that_only_shows_a_new_name_changes_no_field(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind")
    newsroom.article(authors=["mara-lind"])
    newsroom.send("PATCH", "/v1/authors/mara-lind", {"name": "Mara Holm"})
    newest, first = newsroom.get(PAST).json()["data"]
    assert (newest["version"], newest["changed"], first["changed"]) == (2, [], None)
    past = newsroom.get(f"{PAST}/1").json()
    assert (past["byline"], past["authors"][0]["name"]) == ("Mara Holm", "Mara Holm")
    assert newsroom.get(f"{PAST}/2").json()["headline"] == past["headline"]


def test_what_the_clock_wrote_is_no_version_of_its_own(newsroom: Newsroom) -> None:
    article = newsroom.article(published_at=newsroom.clock.at(hours=1))
    newsroom.clock.move(hours=1)
    assert newsroom.tick() == 1
    change(newsroom, summary="It is open.", expires_at=newsroom.clock.at(hours=1))
    newsroom.clock.move(hours=1)
    assert newsroom.tick() == 1
    history = newsroom.get(PAST, newsroom.key("preview")).json()["data"]
    assert [one["version"] for one in history] == [2, 1]
    assert [one["changed"] for one in history] == [["summary", "expires_at", "status"], None]
    assert history[1]["at"] == article["updated_at"]
    first = newsroom.get(f"{PAST}/1", newsroom.key("preview")).json()
    assert first["summary"] is None


# --- One version --------------------------------------------------------------------------------


def test_a_version_is_the_article_as_it_was(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind")
    newsroom.send("POST", "/v1/tags", {"name": "World", "kind": "section"})
    first = newsroom.article(
        subheadline="At last",
        body={"format": "markdown", "source": "It *opened*."},
        image={"caption": "At dawn"},
        authors=[{"ref": "mara-lind", "role": "reporter"}],
        tags=["world"],
        external_id="wire-1",
        urgency=3,
        expires_at="2027-01-01T00:00:00+01:00",
        metadata={"desk": ["north", None]},
    )
    change(newsroom, headline="Changed", body=text("Other."), authors=[], tags=[], urgency=1)

    past = newsroom.get(f"{PAST}/1").json()

    html = newsroom.get(f"{PAST}/1").json()["body"]
    assert html == {"html": "<p>It <em>opened</em>.</p>\n", "text": "It opened."}
    shared = set(past) & set(first) - {"body"}
    assert shared > {"headline", "byline", "authors", "tags", "section", "image", "metadata"}
    assert {name: past[name] for name in shared} == {name: first[name] for name in shared}
    assert past["at"] == first["updated_at"]
    assert past["expires_at"] == "2026-12-31T23:00:00Z"
    assert newsroom.get(f"{PAST}/2").json()["body"]["text"] == "Other."


def test_what_was_written_is_shown_to_editors_only(newsroom: Newsroom) -> None:
    newsroom.article(body={"format": "html", "source": "<p onclick='x()'>Open</p>"})
    newsroom.send("POST", f"{PATH}/withdraw", {"reason": "Put off"})
    newsroom.send("POST", f"{PATH}/restore")
    past = newsroom.get(f"{PAST}/2", newsroom.key("preview")).json()
    assert past["body"]["source"] == "<p onclick='x()'>Open</p>"
    assert past["withdrawn_reason"] == "Put off"
    assert past["status"] == "withdrawn"
    for key in ({}, newsroom.key("read")):
        public = newsroom.get(f"{PAST}/3", key)
        assert set(public.json()["body"]) == {"html", "text"}
        assert not {"key_id", "withdrawn_reason"} & set(public.json())
        assert "onclick" not in public.text
        assert "key_id" not in newsroom.get(PAST, key).text


def test_links_follow_merges_and_what_is_gone_has_no_name(newsroom: Newsroom) -> None:
    for kind, names in (("authors", ("Mara", "Tor", "Ida")), ("tags", ("Sea", "Ocean", "Ship"))):
        for name in names:
            newsroom.make(kind, name=name)
    newsroom.article(authors=["mara", "tor", "ida"], tags=["sea", "ocean", "ship"])
    change(newsroom, authors=[], tags=[])
    for kind, one, into, gone in (
        ("authors", "mara", "tor", "ida"),
        ("tags", "sea", "ocean", "ship"),
    ):
        newsroom.send("POST", f"/v1/{kind}/{one}/merge", {"into": into})
        newsroom.send("DELETE", f"/v1/{kind}/{gone}")
    past = newsroom.get(f"{PAST}/1").json()
    assert [one["name"] for one in past["authors"]] == ["Tor", None]
    assert [one["slug"] for one in past["tags"]] == ["ocean", None]
    assert past["byline"] == "Tor"


def test_the_address_moves_with_the_slug_and_goes_with_the_article(newsroom: Newsroom) -> None:
    newsroom.article()
    change(newsroom, slug="opened")
    for end in ("revisions", "revisions/1", "revisions/1/diff"):
        moved = newsroom.get(f"{PATH}/{end}")
        assert (moved.status_code, moved.headers["location"]) == (
            301,
            f"/v1/articles/opened/{end}",
        )
    moved = newsroom.send("POST", f"{PAST}/1/restore")
    assert moved.status_code == 308
    newsroom.send("DELETE", "/v1/articles/opened")
    assert newsroom.get("/v1/articles/opened/revisions").status_code == 410


@pytest.mark.parametrize("version", ["0", "-1", "x", "1.5", "2147483648", "9" * 400])
def test_a_version_is_a_whole_number_from_one_on(newsroom: Newsroom, version: str) -> None:
    newsroom.article()
    for address in (f"{PAST}/{version}", f"{PAST}/1/diff?with={version}"):
        refused = newsroom.get(address)
        assert refused.status_code == 422
        name = "with" if "with" in address else "version"
        assert refused.json()["errors"][0]["parameter"] == name
    assert newsroom.get(f"{PAST}/2147483647").status_code == 404


# --- Comparing ----------------------------------------------------------------------------------


def test_two_versions_are_compared_word_by_word(newsroom: Newsroom) -> None:
    newsroom.article(body=text("The bridge opens.\n\nAt noon."), summary="Open", urgency=4)
    body = text("The new bridge opens.\n\nAt noon.")
    change(newsroom, headline="Harbour bridge closes", body=body, summary=None, urgency=2)
    answer = newsroom.get(f"{PAST}/2/diff")
    assert (answer.json()["from"], answer.json()["to"]) == (1, 2)
    assert told(answer, "headline") == "Harbour bridge [-opens-]{+closes+}"
    assert told(answer, "body") == "The {+new +}bridge opens.\n\nAt noon."
    assert told(answer, "summary") == "[-Open-]"
    assert answer.json()["values"] == {"urgency": {"from": 4, "to": 2}}
    assert set(answer.json()["texts"]) == {"headline", "body", "summary"}


def test_any_two_versions_can_be_compared_either_way(newsroom: Newsroom) -> None:
    newsroom.article()
    for word in ("closes", "burns"):
        change(newsroom, headline=f"Harbour bridge {word}")
    assert told(newsroom.get(f"{PAST}/3/diff?with=1"), "headline") == (
        "Harbour bridge [-opens-]{+burns+}"
    )
    assert told(newsroom.get(f"{PAST}/1/diff?with=3"), "headline") == (
        "Harbour bridge [-burns-]{+opens+}"
    )
    same = newsroom.get(f"{PAST}/2/diff?with=2").json()
    assert same == {"from": 2, "to": 2, "texts": {}, "values": {}}
    assert newsroom.get(f"{PAST}/2/diff?with=9").status_code == 404


def test_the_first_version_is_all_new(newsroom: Newsroom) -> None:
    newsroom.article(body=text("At dawn."))
    answer = newsroom.get(f"{PAST}/1/diff")
    assert answer.json()["from"] is None
    assert told(answer, "headline") == "{+Harbour bridge opens+}"
    assert told(answer, "body") == "{+At dawn.+}"
    assert answer.json()["values"]["status"] == {"from": None, "to": "published"}


def test_a_body_whose_markup_alone_changed_is_equal_throughout(newsroom: Newsroom) -> None:
    newsroom.article(body={"format": "html", "source": "<p>Open</p>"})
    change(newsroom, body={"source": "<p><b>Open</b></p>"})
    answer = newsroom.get(f"{PAST}/2/diff")
    assert answer.json()["texts"] == {"body": [{"op": "equal", "text": "Open"}]}
    assert newsroom.get(PAST).json()["data"][0]["changed"] == ["body"]


def test_what_the_list_says_changed_is_what_the_diff_shows(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind")
    newsroom.send("POST", "/v1/tags", {"name": "World", "kind": "section"})
    newsroom.article(publish=False)
    change(newsroom, authors=["mara-lind"], tags=["world"], metadata={"a": 1})
    change(newsroom, metadata={"a": True}, image={"caption": "x"}, external_id="x")
    newsroom.send("POST", f"{PATH}/publish")
    newsroom.send("POST", f"{PATH}/corrections", {"kind": "update", "note": "x"})
    change(newsroom, slug="other", expires_at=newsroom.clock.at(days=1), byline="Us")
    newsroom.send("POST", "/v1/articles/other/withdraw", {"reason": "x"})
    key, past = newsroom.key("preview"), "/v1/articles/other/revisions"
    history = newsroom.get(past, key).json()["data"]
    assert len(history) == 7
    for one in history[:-1]:
        diff = newsroom.get(f"{past}/{one['version']}/diff", key).json()
        assert set(one["changed"]) == {*diff["texts"], *diff["values"]}
        assert one["changed"]


# --- Bringing back ------------------------------------------------------------------------------


def test_a_restored_version_is_the_next_version(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind")
    newsroom.make("tags", name="Sea")
    first = newsroom.article(
        body=text("At dawn."),
        authors=[{"ref": "mara-lind", "role": "reporter"}],
        tags=["sea"],
        image={"caption": "Dawn"},
        external_id="wire-1",
        urgency=3,
        metadata={"desk": "north"},
    )
    whole = newsroom.get(PATH).json()
    changed: dict[str, Any] = {
        "headline": "Changed", "body": None, "authors": [], "tags": [], "image": None,
        "external_id": None, "urgency": None, "metadata": {"desk": None},
    }  # fmt: skip
    change(newsroom, **changed)
    newsroom.clock.move(hours=1)

    restored = newsroom.send("POST", f"{PAST}/1/restore")

    assert restored.status_code == 200
    moved = {"version", "updated_at"}
    assert {**restored.json(), **dict.fromkeys(moved)} == {
        **whole,
        **dict.fromkeys(moved),
    }
    assert (restored.json()["version"], first["version"]) == (3, 1)
    assert newsroom.get(PATH).json() == restored.json()
    assert versions(newsroom) == [3, 2, 1]
    assert newsroom.get(f"{PAST}/3/diff?with=1").json()["texts"] == {}


def test_slug_dates_status_and_corrections_stay_when_a_version_is_restored(
    newsroom: Newsroom,
) -> None:
    newsroom.article(publish=False, summary="First")
    newsroom.send("POST", f"{PATH}/publish")
    newsroom.send("POST", f"{PATH}/corrections", {"kind": "update", "note": "x"})
    dates = {"published_at": newsroom.clock.at(days=-1), "expires_at": newsroom.clock.at(days=9)}
    now = change(newsroom, slug="other", summary="Second", **dates)
    restored = newsroom.send("POST", "/v1/articles/other/revisions/1/restore").json()
    assert restored["summary"] == "First"
    assert restored["version"] == now["version"] + 1
    for name in (
        "slug", "status", "published_at", "expires_at", "first_published_at", "corrections",
    ):  # fmt: skip
        assert restored[name] == now[name], name


def test_to_restore_what_is_there_changes_nothing(newsroom: Newsroom) -> None:
    article = newsroom.article(body=text("At dawn."))
    restored = newsroom.send("POST", f"{PAST}/1/restore")
    assert (restored.status_code, restored.json()["version"]) == (200, 1)
    assert restored.json()["updated_at"] == article["updated_at"]


def test_a_version_is_restored_with_what_its_links_have_become(newsroom: Newsroom) -> None:
    for kind, names in (("authors", ("Mara", "Tor", "Ida")), ("tags", ("Sea", "Ocean", "Ship"))):
        for name in names:
            newsroom.make(kind, name=name)
    newsroom.article(authors=["mara", "ida", "tor"], tags=["sea", "ship", "ocean"])
    change(newsroom, authors=[], tags=[])
    for kind, one, into, gone in (
        ("authors", "mara", "tor", "ida"),
        ("tags", "sea", "ocean", "ship"),
    ):
        newsroom.send("POST", f"/v1/{kind}/{one}/merge", {"into": into})
        newsroom.send("DELETE", f"/v1/{kind}/{gone}")
    restored = newsroom.send("POST", f"{PAST}/1/restore").json()
    assert [one["slug"] for one in restored["authors"]] == ["tor"]
    assert [one["slug"] for one in restored["tags"]] == ["ocean"]


def test_an_external_id_that_is_taken_by_now_is_a_conflict(newsroom: Newsroom) -> None:
    newsroom.article(external_id="wire-1")
    change(newsroom, external_id=None)
    newsroom.article("Another", external_id="wire-1")
    refused = newsroom.send("POST", f"{PAST}/1/restore")
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:byline:problem:external-id-taken"
    assert versions(newsroom) == [2, 1]


def test_restoring_is_guarded_as_every_write(newsroom: Newsroom) -> None:
    stale = newsroom.article()
    etag = newsroom.get(PATH).headers["etag"]
    change(newsroom, summary="x")
    assert stale["version"] == 1
    assert newsroom.send("POST", f"{PAST}/1/restore", None, {"If-Match": etag}).status_code == 412
    assert newsroom.send("POST", f"{PAST}/9/restore").status_code == 404
    reader = newsroom.key("preview")
    assert newsroom.send("POST", f"{PAST}/1/restore", None, reader).status_code == 403
    unguarded = newsroom.client.post(f"{PAST}/1/restore", headers=newsroom.key("write"))
    assert unguarded.status_code == 200


# --- Who may see it -----------------------------------------------------------------------------


def test_readers_see_nothing_from_before_it_was_public(newsroom: Newsroom) -> None:
    newsroom.article("Zanzibar", slug="harbour-bridge-opens", publish=False)
    change(newsroom, headline="Harbour", summary="zanzibar")
    change(newsroom, summary="Open", body=text("zanzibar"))
    change(newsroom, body=text("Open"))
    newsroom.send("POST", f"{PATH}/publish")
    change(newsroom, summary="Wide open")
    for key in ({}, newsroom.key("read")):
        assert versions(newsroom, key) == [6, 5]
        for address in (PAST, f"{PAST}/5", f"{PAST}/5/diff", f"{PAST}/6/diff"):
            assert "zanzibar" not in newsroom.get(address, key).text.lower()
        assert [one["changed"] for one in newsroom.get(PAST, key).json()["data"]] == [
            ["summary"],
            None,
        ]
        for address in (f"{PAST}/4", f"{PAST}/6/diff?with=4", f"{PAST}/4/diff?with=6"):
            hidden, never = newsroom.get(address, key), newsroom.get(f"{PAST}/99", key)
            assert hidden.status_code == 404
            assert hidden.json()["detail"] == never.json()["detail"]
    assert versions(newsroom, newsroom.key("preview")) == [6, 5, 4, 3, 2, 1]


def test_a_scheduled_version_was_public_only_if_its_date_came_while_it_stood(
    newsroom: Newsroom,
) -> None:
    newsroom.article(published_at=newsroom.clock.at(hours=2))
    newsroom.clock.move(hours=1)
    change(newsroom, summary="Still to come")
    newsroom.clock.move(hours=2)
    assert versions(newsroom) == [2]
    change(newsroom, summary="Here")
    assert versions(newsroom) == [3, 2]


def test_a_version_under_embargo_stays_with_those_who_had_it_early(newsroom: Newsroom) -> None:
    early = newsroom.key("read", entitlement={"embargoed": True})
    newsroom.article(embargoed_until=newsroom.clock.at(hours=1))
    assert versions(newsroom, early) == [1]
    assert newsroom.get(PAST).status_code == 404
    change(newsroom, summary="Still under embargo")
    newsroom.clock.move(hours=2)
    change(newsroom, summary="Free")
    assert versions(newsroom, early) == [3, 2, 1]
    assert versions(newsroom) == [3, 2]


def test_what_never_was_public_by_its_own_dates_is_hidden(newsroom: Newsroom) -> None:
    newsroom.article()
    change(newsroom, summary="Later", published_at=newsroom.clock.at(hours=5))
    assert newsroom.get(PAST).status_code == 404
    change(newsroom, summary="Sooner", published_at=newsroom.clock.at(hours=-1))
    change(
        newsroom, summary="Over", published_at=newsroom.clock.at(hours=-3),
        expires_at=newsroom.clock.at(hours=-2),
    )  # fmt: skip
    assert newsroom.get(PAST).status_code == 404
    change(newsroom, summary="Back", expires_at=None)
    assert versions(newsroom) == [5, 3, 1]
    assert newsroom.get(PAST).json()["data"][0]["changed"] == ["summary", "published_at"]


def test_an_expired_article_has_no_history_for_readers(newsroom: Newsroom) -> None:
    newsroom.article(expires_at=newsroom.clock.at(hours=1))
    newsroom.clock.move(hours=1)
    assert newsroom.get(PAST).status_code == newsroom.get(f"{PAST}/1").status_code == 404


def test_what_was_withdrawn_is_taken_back_for_good(newsroom: Newsroom) -> None:
    newsroom.article(body=text("Libel"))
    newsroom.send("POST", f"{PATH}/withdraw", {"reason": "Libel"})
    change(newsroom, body=text("Fair"))
    for end in ("", "/1", "/3", "/1/diff"):
        assert newsroom.get(f"{PAST}{end}").status_code == 410
    newsroom.send("POST", f"{PATH}/restore")
    assert versions(newsroom) == [4]
    assert versions(newsroom, newsroom.key("preview")) == [4, 3, 2, 1]
    assert "Libel" not in newsroom.get(f"{PAST}/4/diff").text


@pytest.fixture
def town(newsroom: Newsroom) -> Newsroom:
    """Two sections, and an article that went from one to the other and back again."""
    for name in ("Sport", "Local"):
        newsroom.make("tags", name=name)
    newsroom.article(tags=["sport"], summary="One")
    change(newsroom, tags=["local"], summary="zanzibar", headline="zanzibar")
    change(newsroom, tags=["sport"], summary="Three", headline="Harbour bridge opens")
    return newsroom


@pytest.mark.parametrize("scope", ["read", "preview", "write"])
def test_a_version_outside_of_the_entitlement_is_not_there(town: Newsroom, scope: str) -> None:
    key = town.key(scope, entitlement=SPORT)
    assert versions(town, key) == [3, 1]
    assert versions(town) == [3, 2, 1]
    assert town.get(PAST, key).json()["data"][0]["changed"] == ["summary"]
    for address in (PAST, f"{PAST}/3/diff", f"{PAST}/1"):
        assert "zanzibar" not in town.get(address, key).text
    assert town.get(f"{PAST}/3/diff?with=2", key).status_code == 404
    assert town.get(f"{PAST}?limit=1", key).json()["page"]["next"] is not None
    if scope == "write":
        assert town.send("POST", f"{PAST}/2/restore", None, key).status_code == 404
        assert town.send("POST", f"{PAST}/1/restore", None, key).status_code == 200


def test_an_article_outside_of_the_entitlement_has_no_history(town: Newsroom) -> None:
    key = town.key("preview", entitlement={"articles": {"tag": ["local"]}})
    assert town.get(PAST, key).status_code == 404
    assert town.get(f"{PAST}/2", key).status_code == 404


@pytest.mark.parametrize("merged", [False, True])
def test_an_excluded_tag_hides_the_versions_that_had_it(town: Newsroom, merged: bool) -> None:
    key = town.key("read", entitlement={"articles": {"exclude_tag": ["local"]}})
    if merged:
        town.make("tags", name="Region")
        town.send("POST", "/v1/tags/local/merge", {"into": "region"})
    assert versions(town, key) == [3, 1]


def test_an_entitlement_to_a_time_or_a_status_is_to_its_versions(town: Newsroom) -> None:
    published = town.key("preview", entitlement={"articles": {"status": ["published"]}})
    town.article("Plan", publish=False)
    change(town, "/v1/articles/plan", summary="x")
    town.send("POST", "/v1/articles/plan/publish")
    assert versions(town, published, "/v1/articles/plan/revisions") == [3]
    since = town.clock.at()
    recent = town.key("read", entitlement={"articles": {"updated_since": since}})
    change(town, summary="Four")
    assert versions(town, recent) == [4]


def test_a_long_history_is_walked_to_find_what_an_entitlement_shows(town: Newsroom) -> None:
    for number in range(12):
        change(town, tags=["sport"] if number % 6 == 5 else ["local"], summary=str(number))
    key = town.key("read", entitlement=SPORT)
    assert versions(town, key) == [15, 9, 3, 1]
    page = town.get(f"{PAST}?limit=2", key).json()
    assert [one["version"] for one in page["data"]] == [15, 9]
    rest = town.get(f"{PAST}?limit=2&cursor={page['page']['next']}", key).json()
    assert [one["version"] for one in rest["data"]] == [3, 1]
    assert rest["page"]["next"] is None
    back = town.get(f"{PAST}?limit=2&cursor={rest['page']['previous']}", key).json()
    assert back["data"] == page["data"]


def test_a_restored_draft_becomes_public_only_as_the_new_version(newsroom: Newsroom) -> None:
    newsroom.article(publish=False, summary="Secret")
    change(newsroom, summary="Open")
    newsroom.send("POST", f"{PATH}/publish")
    newsroom.send("POST", f"{PAST}/1/restore")
    assert newsroom.get(PATH).json()["summary"] == "Secret"
    assert versions(newsroom) == [4, 3]


def test_where_reading_needs_a_key_so_does_the_past(open_newsroom: Any, database_url: str) -> None:
    closed = open_newsroom(database_url, public_read=False)
    closed.article()
    for end in ("", "/1", "/1/diff"):
        assert closed.get(f"{PAST}{end}").status_code == 401
        assert closed.get(f"{PAST}{end}", closed.key("read")).status_code == 200
