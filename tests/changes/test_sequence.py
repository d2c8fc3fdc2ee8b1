"""The sequence: each change that a reader could notice takes the next number, nothing else does."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.archive.models import Article, Author, Tag
from app.changes.models import Revision, SequenceCounter
from app.db.columns import table
from tests.conftest import Newsroom

revision = table(Revision)
ROWS = {"article": table(Article), "author": table(Author), "tag": table(Tag)}


def counter(newsroom: Newsroom) -> int:
    with newsroom.database.reading() as session:
        value = session.connection().execute(sa.select(table(SequenceCounter).c.value))
        return int(value.scalar_one())


def revisions(newsroom: Newsroom, entity_id: str | None = None) -> list[sa.Row[Any]]:
    query = sa.select(revision).order_by(revision.c.sequence)
    if entity_id is not None:
        query = query.where(revision.c.entity_id == entity_id)
    with newsroom.database.reading() as session:
        return list(session.connection().execute(query))


def assert_whole(newsroom: Newsroom) -> None:
    """Numbers are 1, 2, 3 … without a gap; versions likewise; rows stand where they last moved."""
    numbered = revisions(newsroom)
    assert [one.sequence for one in numbered] == list(range(1, counter(newsroom) + 1))
    last: dict[str, Any] = {}
    for one in numbered:
        before = last.get(one.entity_id)
        only_seen_by_others = one.operation == "upsert" and one.reason is not None
        step = 0 if only_seen_by_others else 1
        assert one.version == (before.version + step if before else 1)
        assert before is None or before.operation == "upsert"
        last[one.entity_id] = one
    with newsroom.database.reading() as session:
        for kind, rows in ROWS.items():
            standing = session.connection().execute(
                sa.select(rows.c.id, rows.c.version, rows.c.sequence)
            )
            assert {tuple(row) for row in standing} == {
                (one.entity_id, one.version, one.sequence)
                for one in last.values()
                if one.kind == kind and one.operation == "upsert"
            }


@dataclass(frozen=True)
class Write:
    method: str
    path: str
    body: Any = None
    takes: int = 1


def furnish(newsroom: Newsroom) -> None:
    """An author with three articles; a tag with one article and a child; one of each unused."""
    newsroom.make("authors", name="Mara Lind")
    newsroom.make("authors", name="Free")
    newsroom.make("tags", name="Sport")
    newsroom.make("tags", name="Football", parent="sport")
    newsroom.make("tags", name="Free")
    newsroom.article("Out", authors=["mara-lind"], tags=["sport"])
    newsroom.article("Draft", publish=False, authors=["mara-lind"])
    newsroom.article("Withdrawn", authors=["mara-lind"])
    newsroom.send("POST", "/v1/articles/withdrawn/withdraw")


NOTICED = [
    Write("POST", "/v1/articles", {"headline": "New"}),
    Write("POST", "/v1/articles?publish=true", {"headline": "New"}),
    Write("PATCH", "/v1/articles/out", {"headline": "Changed"}),
    Write("PATCH", "/v1/articles/out", {"slug": "moved", "authors": [], "metadata": {"a": 1}}),
    Write("PATCH", "/v1/articles/draft", {"summary": "Changed"}),
    Write("PUT", "/v1/articles/out", {"headline": "Replaced"}),
    Write("PUT", "/v1/articles/draft?publish=true", {"headline": "Replaced"}),
    Write("POST", "/v1/articles/draft/publish"),
    Write("POST", "/v1/articles/out/publish", {"at": "2027-01-01T00:00:00Z"}),
    Write("POST", "/v1/articles/out/withdraw", {"reason": "wrong"}),
    Write("POST", "/v1/articles/withdrawn/restore"),
    Write("POST", "/v1/articles/out/corrections", {"kind": "update", "note": "More."}),
    Write("DELETE", "/v1/articles/out"),
    Write("DELETE", "/v1/articles/draft"),
    Write("POST", "/v1/authors", {"name": "New"}),
    Write("PATCH", "/v1/authors/mara-lind", {"bio": "At length."}),
    Write("PATCH", "/v1/authors/mara-lind", {"name": "Mara Holm"}, takes=1 + 3),
    Write("PATCH", "/v1/authors/mara-lind", {"slug": "mara"}, takes=1 + 3),
    Write("PUT", "/v1/authors/mara-lind", {"name": "M", "bio": "B", "slug": "m"}, takes=1 + 3),
    Write("POST", "/v1/authors/mara-lind/merge", {"into": "free"}, takes=3 + 1),
    # Whoever follows the articles of `free` is to hear of those of `mara-lind`.
    Write("POST", "/v1/authors/free/merge", {"into": "mara-lind"}, takes=3 + 1),
    Write("DELETE", "/v1/authors/free"),
    Write("POST", "/v1/tags", {"name": "New"}),
    Write("PATCH", "/v1/tags/sport", {"description": "At length."}),
    Write("PATCH", "/v1/tags/sport", {"kind": "section"}, takes=1 + 1),
    Write("PATCH", "/v1/tags/sport", {"name": "Sports"}, takes=1 + 1 + 1),
    Write("PATCH", "/v1/tags/football", {"parent": "free"}),
    Write("POST", "/v1/tags/sport/merge", {"into": "free"}, takes=1 + 1 + 1),
    Write("POST", "/v1/tags/sport/merge", {"into": "football"}, takes=1 + 1 + 1),
    Write("POST", "/v1/tags/free/merge", {"into": "sport"}, takes=1 + 1),
    Write("DELETE", "/v1/tags/football"),
]
UNNOTICED = [
    Write("PATCH", "/v1/articles/out", {"headline": "Out"}),
    Write("PATCH", "/v1/articles/out", {}),
    Write("PUT", "/v1/articles/draft", {"headline": "Draft", "authors": ["mara-lind"]}),
    Write("POST", "/v1/articles/out/publish"),
    Write("PATCH", "/v1/authors/mara-lind", {"name": "Mara Lind"}),
    Write("PUT", "/v1/tags/sport", {"name": "Sport", "slug": "sport"}),
    Write("PATCH", "/v1/tags/football", {"parent": "sport"}),
    Write("POST", "/v1/keys", {"name": "App", "scopes": ["read"]}),
    Write("GET", "/v1/articles/out"),
]
REFUSED = [
    Write("POST", "/v1/articles", {"headline": ""}),
    Write("POST", "/v1/articles", {"headline": "New", "slug": "out"}),
    Write("POST", "/v1/articles", {"headline": "New", "authors": ["nobody"]}),
    Write("PATCH", "/v1/articles/out", {"expires_at": "2001-01-01T00:00:00Z"}),
    Write("PATCH", "/v1/articles/nothing", {"headline": "x"}),
    Write("POST", "/v1/articles/draft/withdraw"),
    Write("POST", "/v1/articles/withdrawn/publish"),
    Write("POST", "/v1/articles/out/restore"),
    Write("PATCH", "/v1/authors/mara-lind", {"name": "Mara Holm", "slug": "free"}),
    Write("DELETE", "/v1/authors/mara-lind"),
    Write("POST", "/v1/authors/mara-lind/merge", {"into": "nobody"}),
    Write("DELETE", "/v1/tags/sport"),
    Write("PATCH", "/v1/tags/sport", {"name": "Sports", "parent": "football"}),
    Write("POST", "/v1/tags/sport/merge", {"into": "sport"}),
]


def named(write: Write) -> str:
    return f"{write.method} {write.path} {write.body}"


@pytest.mark.parametrize("write", NOTICED, ids=named)
def test_a_change_takes_the_next_number_for_each_thing_it_changes(
    newsroom: Newsroom, write: Write
) -> None:
    furnish(newsroom)
    before = counter(newsroom)
    answer = newsroom.send(write.method, write.path, write.body)
    assert answer.is_success, answer.text
    assert counter(newsroom) == before + write.takes
    assert_whole(newsroom)


def test_what_changes_nothing_takes_no_number(newsroom: Newsroom) -> None:
    furnish(newsroom)
    before = counter(newsroom)
    for write in UNNOTICED:
        answer = newsroom.send(write.method, write.path, write.body, newsroom.key("admin"))
        assert answer.is_success, answer.text
        assert counter(newsroom) == before, write
    assert_whole(newsroom)


def test_what_is_refused_takes_no_number(newsroom: Newsroom) -> None:
    furnish(newsroom)
    before = counter(newsroom)
    for write in REFUSED:
        answer = newsroom.send(write.method, write.path, write.body)
        assert answer.is_client_error, write
        assert counter(newsroom) == before, write
    assert_whole(newsroom)


def test_a_stale_or_forbidden_write_takes_no_number(newsroom: Newsroom) -> None:
    furnish(newsroom)
    before = counter(newsroom)
    change = {"headline": "Changed"}
    for headers in ({"If-Match": '"9-x"'}, newsroom.key("read"), {"Authorization": "Bearer x"}):
        answer = newsroom.send("PATCH", "/v1/articles/out", change, headers)
        assert answer.status_code in (401, 403, 412)
    assert counter(newsroom) == before


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from([*NOTICED, *UNNOTICED, *REFUSED]), max_size=8))
def test_whatever_is_written_the_sequence_is_whole(newsroom: Newsroom, writes: list[Write]) -> None:
    furnish_once(newsroom)
    for write in writes:
        answer = newsroom.send(write.method, write.path, write.body)
        assert answer.status_code < 500, answer.text
    assert_whole(newsroom)


def furnish_once(newsroom: Newsroom) -> None:
    if counter(newsroom) == 0:
        furnish(newsroom)


# --- What a revision keeps -----------------------------------------------------------------------


def test_a_revision_keeps_the_whole_article_as_it_was(newsroom: Newsroom) -> None:
    author = newsroom.make("authors", name="Mara Lind")
    tag = newsroom.send("POST", "/v1/tags", {"name": "World", "kind": "section"}).json()
    plain: dict[str, Any] = {
        "slug": "bridge",
        "headline": "Bridge opens",
        "subheadline": "At last",
        "summary": "It is open.",
        "dateline": "HARROW BAY",
        "byline": "By our staff",
        "language": "en-GB",
        "source": "Wire",
        "canonical_url": "https://example.org/bridge",
        "copyright": "© Wire",
        "usage_terms": "None",
        "external_id": "wire-1",
        "urgency": 3,
        "metadata": {"desk": ["north", None]},
    }
    picture = {
        "url": "https://example.org/b.jpg",
        "caption": "The bridge",
        "credit": "Tor Vik",
        "alt": "A bridge",
        "width": 800,
        "height": 600,
    }
    newsroom.article(
        **plain,
        image=picture,
        body={"format": "html", "source": "<p onclick='x()'>Open.</p>"},
        authors=[{"ref": author["id"], "role": "reporter"}],
        tags=[tag["id"]],
        published_at="2026-01-01T10:00:00Z",
        embargoed_until="2026-01-02T00:00:00Z",
        expires_at="2027-01-01T00:00:00Z",
    )
    (kept,) = revisions(newsroom)[2:]
    assert {name: kept.snapshot[name] for name in plain} == plain
    assert kept.snapshot["image"] == picture
    assert (kept.snapshot["body_format"], kept.snapshot["body_source"]) == (
        "html",
        "<p onclick='x()'>Open.</p>",
    )
    assert kept.snapshot["authors"] == [{"id": author["id"], "role": "reporter"}]
    assert (kept.snapshot["tags"], kept.snapshot["section"]) == ([tag["id"]], tag["id"])
    assert kept.live is True
    times = [kept.published_at, kept.embargoed_until, kept.expires_at]
    assert [at.isoformat() for at in times] == [
        "2026-01-01T10:00:00+00:00",
        "2026-01-02T00:00:00+00:00",
        "2027-01-01T00:00:00+00:00",
    ]


def test_each_version_keeps_its_own_content_and_who_wrote_it(newsroom: Newsroom) -> None:
    keys = [newsroom.key("write"), newsroom.key("publish")]
    key_ids = [newsroom.get("/v1/me", key).json()["id"] for key in keys]
    made = newsroom.send("POST", "/v1/articles", {"headline": "First"}, keys[0]).json()
    newsroom.send("PATCH", f"/v1/articles/{made['id']}", {"headline": "Second"}, keys[1])
    newsroom.send("POST", f"/v1/articles/{made['id']}/publish", None, keys[1])
    newsroom.send("DELETE", f"/v1/articles/{made['id']}", None, keys[1])
    history = revisions(newsroom, made["id"])
    assert [one.version for one in history] == [1, 2, 3, 4]
    assert [one.key_id for one in history] == [key_ids[0], *[key_ids[1]] * 3]
    assert [one.operation for one in history] == ["upsert", "upsert", "upsert", "remove"]
    assert [one.reason for one in history] == [None, None, None, "deleted"]
    assert [one.live for one in history[:3]] == [False, False, True]
    headlines = [one.snapshot["headline"] for one in history]
    assert headlines == ["First", "Second", "Second", "Second"]
    assert all(one.at < after.at for one, after in pairwise(history))


@pytest.mark.parametrize("kind", ["author", "tag"])
def test_authors_and_tags_keep_theirs_too(newsroom: Newsroom, kind: str) -> None:
    key_id = newsroom.get("/v1/me", newsroom.key("publish")).json()["id"]
    made = newsroom.make(f"{kind}s", name="First")
    newsroom.make(f"{kind}s", name="Survivor")
    newsroom.send("PATCH", f"/v1/{kind}s/first", {"name": "Second", "slug": "second"})
    newsroom.send("POST", f"/v1/{kind}s/second/merge", {"into": "survivor"})
    history = revisions(newsroom, made["id"])
    assert [(one.kind, one.operation, one.reason) for one in history] == [
        (kind, "upsert", None),
        (kind, "upsert", None),
        (kind, "remove", "merged"),
    ]
    assert [(one.snapshot["name"], one.snapshot["slug"]) for one in history] == [
        ("First", "first"),
        ("Second", "second"),
        ("Second", "second"),
    ]
    assert {one.key_id for one in history} == {key_id}


def test_a_moved_article_says_when_and_by_whom_and_that_its_own_content_stays(
    newsroom: Newsroom,
) -> None:
    newsroom.make("authors", name="Mara Lind")
    made = newsroom.article(authors=["mara-lind"])
    newsroom.clock.move(hours=1)
    editor = newsroom.key("write")
    renamed = newsroom.send("PATCH", "/v1/authors/mara-lind", {"name": "Mara Holm"}, editor)
    first, moved = revisions(newsroom, made["id"])
    assert moved.sequence == counter(newsroom)
    assert (moved.operation, moved.version, moved.snapshot) == ("upsert", 2, None)
    assert moved.key_id == newsroom.get("/v1/me", editor).json()["id"]
    assert moved.at.isoformat().replace("+00:00", "Z") == renamed.json()["updated_at"]
    assert (moved.live, moved.published_at) == (first.live, first.published_at)


def test_a_revision_knows_the_links_that_a_merge_made(newsroom: Newsroom) -> None:
    tags = [newsroom.make("tags", name=name)["id"] for name in ("Sea", "Ocean")]
    authors = [newsroom.make("authors", name=name)["id"] for name in ("Mara", "Tor")]
    article = newsroom.article(tags=["sea"], authors=["mara"])
    newsroom.send("POST", "/v1/tags/sea/merge", {"into": "ocean"})
    newsroom.send("POST", "/v1/authors/mara/merge", {"into": "tor"})
    newsroom.send("PATCH", "/v1/tags/ocean", {"kind": "section"})
    snapshot = revisions(newsroom, article["id"])[-1].snapshot
    assert snapshot["headline"] == article["headline"]
    assert snapshot["tags"] == [tags[1]]
    assert snapshot["section"] == tags[1]
    assert snapshot["authors"] == [{"id": authors[1], "role": None}]
