"""The short way reads what the long way reads, byte for byte, for every caller; and when it is gone."""

import asyncio
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.access.visibility import Visibility
from app.archive import walks
from app.archive.pieces import URL_BEFORE
from app.express import way
from app.express.plans import Plans
from app.express.reads import Reads
from tests.conftest import Newsroom
from tests.express.test_response_cache import seen

FILTERS = (
    "",
    "tag=sport",
    "tag=harbour,sport",
    "tag=sport-news",
    "author=mara-lind",
    "author=mara-lind,jon-berg",
    "section=sport",
    "exclude_tag=harbour",
    "language=EN,de",
    "status=published",
    "published_since=2026-01-01T00:00:00Z",
    "published_until=2030-01-01T00:00:00Z",
    "published_since=2020-01-01T00:00:00Z&published_until=2026-12-01T00:00:00%2B01:00",
    "ids={id}",
    "tag=harbour&exclude_tag=sport",
    "language=fr",
    # What an article has one of, and what it cannot have.
    "language=en,de&language=de,fr",
    "section=sport&section=harbour,sport",
    "tag=harbour,sport&exclude_tag=harbour",
    # What these are found by is chosen by looking ahead.
    "tag=sport&author=mara-lind",
    "tag=harbour&tag=sport&language=en",
    "section=sport&author=jon-berg,mara-lind",
    "updated_since=2020-01-01T00:00:00Z",
    "updated_since=2026-01-01T00:00:00Z&tag=sport,harbour",
    "published_since=2026-01-01T00:00:00Z&updated_since=2025-01-01T00:00:00Z&author=jon-berg",
)
SORTS = ("-published_at", "published_at", "-updated_at", "updated_at", "headline")
VIEWS = ("", "fields=headline,url,version", "body=html", "body=text", "body=text,html&fields=slug",
         "body=blocks", "body=markdown,html,blocks,text&fields=slug")  # fmt: skip
LONG = (
    "published_since=2020-01-01T00:00:00Z&updated_since=2020-01-01T00:00:00Z",
    "count=exact",
    "count=estimate",
    "language=" + ",".join(f"l{number}" for number in range(30)) + ",en",
)
REFUSED = ("limit=0", "such=no", "limit=1&limit=2", "tag=", "cursor=none", "status=draft", "body=x",
           "body=source", "published_since=yesterday", "tag=%00", "tag=%ff", "sort=")  # fmt: skip
ABSENT = (
    "none",
    "a-draft",
    "withdrawn",
    "former-slug",
    "Harbour-bridge-opens",
    "%00",
    "..",
    "a%2Fb",
)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each request that came to `Reads`, whether it answered."""
    noted: list[bool] = []
    answer, answer_at_once = Reads.answer, Reads.answer_at_once

    async def noting(self: Reads, *arguments: Any) -> Any:
        made = await answer(self, *arguments)
        noted.append(made is not None)
        return made

    def noting_at_once(self: Reads, *arguments: Any) -> Any:
        made = answer_at_once(self, *arguments)
        if made is not None:  # else it is to be asked again, by `answer`
            noted.append(True)
        return made

    monkeypatch.setattr(Reads, "answer", noting)
    monkeypatch.setattr(Reads, "answer_at_once", noting_at_once)
    return noted


def furnish(newsroom: Newsroom) -> dict[str, Any]:
    """Articles of every status, with all that an article may have; one of them whole."""
    clock = newsroom.clock
    newsroom.make("authors", name="Mara Lind")
    newsroom.make("authors", name='Jón "JB" Berg', slug="jon-berg")
    newsroom.send("POST", "/v1/tags", {"name": "Sport", "kind": "section"})
    tag = {"name": "Häfen & Küsten", "kind": "topic", "slug": "harbour"}
    newsroom.send("POST", "/v1/tags", tag)
    newsroom.send("PATCH", "/v1/tags/sport", {"slug": "sport-today"})
    newsroom.send("PATCH", "/v1/tags/sport-today", {"slug": "sport-news"})
    newsroom.send("PATCH", "/v1/tags/sport-news", {"slug": "sport"})
    whole = newsroom.article(
        "Harbour bridge opens",
        subheadline="After “ten” years \\ at last",
        summary="Größer als gedacht 🌉",
        dateline="HAMBURG",
        language="en",
        image={"url": "https://example.org/bridge.jpg", "alt": "The bridge"},
        authors=["mara-lind", {"ref": "jon-berg", "role": "photographs"}],
        tags=["harbour", "sport"],
        source="dpa",
        urgency=3,
        metadata={"a": [1, 2.5, None, {"é": "\u2028"}]},
        body={"format": "html", "source": "<p>Text <b>bold</b></p><ul><li>one</li></ul>"},
    )
    newsroom.send(
        "POST", f"/v1/articles/{whole['id']}/corrections", {"kind": "correction", "note": "310 m"}
    )
    newsroom.article("No names", language="de", body={"format": "text", "source": "Just text"})
    newsroom.article("Own byline", byline="By our staff", tags=["sport"])
    newsroom.article("No body", authors=["jon-berg"], tags=["sport", "harbour"], language="en")
    newsroom.article("Earlier", published_at=clock.at(days=-30), tags=["sport"])
    newsroom.article("Former slug", slug="former-slug", authors=["mara-lind"])
    newsroom.send("PATCH", "/v1/articles/former-slug", {"slug": "latter-slug"})
    newsroom.article("A draft", publish=False)
    newsroom.article("Scheduled", published_at=clock.at(days=1), tags=["sport"])
    newsroom.article("Embargoed", embargoed_until=clock.at(hours=1), tags=["sport"])
    newsroom.article("Expires", expires_at=clock.at(hours=2), tags=["harbour"])
    newsroom.article("Withdrawn")
    newsroom.send("POST", "/v1/articles/withdrawn/withdraw", {"reason": "wrong"})
    return whole


def callers(newsroom: Newsroom) -> dict[str, dict[str, str]]:
    def entitled(**articles: Any) -> dict[str, str]:
        return newsroom.key("read", entitlement={"articles": articles})

    return {
        "anybody": {},
        "reader": newsroom.key("read"),
        "of a tag": entitled(tag=["harbour"]),
        "of a language": entitled(language=["en"], exclude_tag=["sport"]),
        "of what both have": entitled(
            language=["en,de", "en,fr"], section=["sport", "sport,harbour"], exclude_tag=["harbour"]
        ),
        "of what is lost": entitled(exclude_tag=["no-such-tag"]),
        "embargoed": newsroom.key("read", entitlement={"embargoed": True, "articles": {}}),
        "previews": newsroom.key("read", "preview"),
    }


def compare(newsroom: Newsroom, path: str, headers: dict[str, str] | None = None) -> Any:
    """The answer, once it is that of the long way too; asked for twice, to be given from memory."""
    answers = [seen(newsroom.get(path, headers)) for _ in range(2)]
    wanted = newsroom.long_way(path, headers)
    assert answers == [seen(wanted)] * 2, path
    return wanted


@pytest.mark.parametrize("steps", [walks.STEPS_LOOKED_AHEAD, 1])
def test_every_list_is_the_one_of_the_long_way(
    newsroom: Newsroom, read: list[bool], monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(walks, "STEPS_LOOKED_AHEAD", steps)
    monkeypatch.setattr(walks, "WINDOW_ROWS_MAX", 5 * steps)
    whole = furnish(newsroom)
    for filters in FILTERS:
        for sort in SORTS:
            query = "&".join(filter(None, (filters.format(id=whole["id"]), f"sort={sort}")))
            read.clear()
            compare(newsroom, f"/v1/articles?{query}")
            assert read, query
            assert all(read), query
    for view in VIEWS:
        compare(newsroom, f"/v1/articles?{view}&limit=3")


def test_every_page_is_the_one_of_the_long_way(newsroom: Newsroom, read: list[bool]) -> None:
    furnish(newsroom)
    read.clear()
    for first in (
        "limit=2",
        "limit=1&tag=sport",
        "limit=2&tag=harbour,sport&fields=slug,body",
        "limit=1&tag=harbour&author=mara-lind,jon-berg",
    ):
        for sort in SORTS:
            path, pages = f"/v1/articles?{first}&sort={sort}", []
            for direction in ("next", "previous"):
                while True:
                    page = compare(newsroom, path).json()
                    pages.append([one["slug"] for one in page["data"]])
                    if page["page"][direction] is None:
                        break
                    path = f"/v1/articles?cursor={page['page'][direction]}"
            there, back = pages[: len(pages) // 2], pages[len(pages) // 2 :]
            assert there == back[::-1]
            assert len(there) > 1
    assert read
    assert all(read)


def test_every_article_is_the_one_of_the_long_way(newsroom: Newsroom, read: list[bool]) -> None:
    whole = furnish(newsroom)
    refs = [one["slug"] for one in newsroom.get("/v1/articles").json()["data"]]
    read.clear()
    for ref in (*refs, whole["id"], whole["id"].upper()):
        for view in VIEWS:
            assert compare(newsroom, f"/v1/articles/{ref}?{view}").status_code == 200
    assert read
    assert all(read)
    for ref in ABSENT:
        assert compare(newsroom, f"/v1/articles/{ref}").status_code >= 300


def test_what_the_short_way_leaves_alone_is_answered_as_ever(
    newsroom: Newsroom, read: list[bool]
) -> None:
    furnish(newsroom)
    read.clear()
    for query in (*LONG, *REFUSED):
        answer = compare(newsroom, f"/v1/articles?{query}")
        assert (answer.status_code == 200) == (query in LONG), query
        assert compare(newsroom, f"/v1/articles/no-names?{query}").status_code >= 400
    assert not any(read)


@pytest.mark.parametrize("hours", [0, 1, 2, 30])
def test_every_caller_is_answered_as_by_the_long_way(newsroom: Newsroom, hours: int) -> None:
    furnish(newsroom)
    newsroom.clock.move(hours=hours)
    slugs = ["harbour-bridge-opens", "embargoed", "expires", "scheduled", "a-draft", "withdrawn"]
    paths = [f"/v1/articles/{slug}" for slug in slugs]
    paths += [f"/v1/articles?{one}" for one in ("", "tag=sport", "language=en", "status=expired")]
    for ticked in (False, True):
        if ticked:
            newsroom.tick()
        for headers in callers(newsroom).values():
            for path in paths:
                compare(newsroom, path, headers)


def test_codings_origins_and_what_is_known_already(newsroom: Newsroom, read: list[bool]) -> None:
    furnish(newsroom)
    read.clear()
    for path in ("/v1/articles", "/v1/articles/harbour-bridge-opens"):
        for coding in ("identity", "gzip", "br", "zstd"):
            for origin in ({}, {"Origin": "https://example.org"}):
                headers = {"Accept-Encoding": coding, **origin}
                answer = compare(newsroom, path, headers)
                known = headers | {"If-None-Match": answer.headers["ETag"]}
                assert compare(newsroom, path, known).status_code == 304
    assert read
    assert all(read)


def test_where_no_epoch_is_known_nothing_is_kept_but_read_alike(
    newsroom: Newsroom, read: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(newsroom)
    monkeypatch.setattr(newsroom.app.state.freshness, "epoch", lambda _now: None)
    read.clear()
    for path in ("/v1/articles?limit=2", "/v1/articles/harbour-bridge-opens"):
        for coding in ("identity", "gzip"):
            answer = compare(newsroom, path, {"Accept-Encoding": coding})
            known = {"Accept-Encoding": coding, "If-None-Match": answer.headers["ETag"]}
            assert compare(newsroom, path, known).status_code == 304
    assert read
    assert all(read)
    assert newsroom.app.state.metrics.response_cache.bytes == 0


def test_names_and_refs_are_those_of_now(newsroom: Newsroom) -> None:
    furnish(newsroom)
    paths = ["/v1/articles/harbour-bridge-opens", "/v1/articles?tag=harbour", "/v1/articles"]
    changes: list[tuple[str, str, Any]] = [
        ("PATCH", "/v1/authors/mara-lind", {"name": "Mara Õun"}),
        ("PATCH", "/v1/tags/harbour", {"name": "Ports", "slug": "ports"}),
        ("POST", "/v1/tags", {"name": "Harbours", "kind": "topic", "slug": "harbours"}),
        ("POST", "/v1/tags/ports/merge", {"into": "harbours"}),
        ("PATCH", "/v1/articles/harbour-bridge-opens", {"authors": ["jon-berg"], "tags": []}),
        ("POST", "/v1/authors/mara-lind/merge", {"into": "jon-berg"}),
    ]
    for method, path, body in changes:
        for one in paths:
            compare(newsroom, one)
        assert newsroom.send(method, path, body).status_code < 300, path
    for one in paths:
        compare(newsroom, one)


def test_credits_are_forgotten_before_they_fill_the_memory(
    newsroom: Newsroom, read: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.express.names.CREDITS_BYTES_MAX", 3_000)
    names = newsroom.app.state.reads._names
    newsroom.make("authors", name="Mara Lind")
    for number in range(30):
        credit = {"ref": "mara-lind", "role": f"role {number}"}
        newsroom.article(f"Credit {number}", authors=[credit])
    kept = []
    for number in range(30):
        compare(newsroom, f"/v1/articles/credit-{number}")
        kept.append(sum(map(len, names.known.values())))
    assert all(read)
    assert max(kept) < 3_000
    assert kept != sorted(kept)


def test_an_article_without_pieces_is_read_the_long_way(
    newsroom: Newsroom, read: list[bool]
) -> None:
    furnish(newsroom)
    with newsroom.database.writing() as session:
        session.connection().exec_driver_sql("UPDATE article SET pieces = NULL")
    read.clear()
    assert compare(newsroom, "/v1/articles").json()["data"]
    assert compare(newsroom, "/v1/articles/no-names").status_code == 200
    assert not any(read)


TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=40
).filter(lambda text: bool(text.strip())) | st.text(
    '%()bat3<>\\"\x1c\x1d\x1e', min_size=1, max_size=12
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    headline=TEXT,
    name=TEXT,
    role=TEXT,
    metadata=st.dictionaries(
        TEXT, st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
    ),
)  # fmt: skip
@example("100 % of (it), %%, %(t)b", "%(b)b", "Editor (sport", {"%(a": "%d"})
def test_whatever_is_written_is_read_alike(
    newsroom: Newsroom, headline: str, name: str, role: str, metadata: dict[str, Any]
) -> None:
    author = newsroom.send("POST", "/v1/authors", {"name": name})
    if author.status_code != 201:
        return
    made = newsroom.send(
        "POST",
        "/v1/articles?publish=true",
        {
            "headline": headline,
            "summary": name,
            "byline": role if len(role) % 2 else None,
            "authors": [{"ref": author.json()["id"], "role": role}],
            "metadata": metadata,
            "body": {"format": "text", "source": headline},
        },
    )
    if made.status_code == 201:
        compare(newsroom, f"/v1/articles/{made.json()['id']}")
        compare(newsroom, "/v1/articles?limit=1&body=text")
        compare(newsroom, f"/v1/articles/{made.json()['id']}?fields=headline,metadata,authors,body")


@pytest.fixture
def made_in(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """For each statement that was made, the thread in which that was."""
    noted: list[int] = []
    make = Plans._made

    def noting(self: Plans, *arguments: Any) -> Any:
        noted.append(threading.get_ident())
        return make(self, *arguments)

    monkeypatch.setattr(Plans, "_made", noting)
    return noted


def test_a_shape_is_compiled_once(newsroom: Newsroom, made_in: list[int]) -> None:
    furnish(newsroom)
    for path in ("/v1/articles/{}", "/v1/articles?published_until=2027-01-{:02}T00:00:00Z"):
        made_in.clear()
        for number in range(1, 9):
            newsroom.get(path.format(number))
        assert len(made_in) == 1


def test_a_shape_is_compiled_once_for_all_who_ask_at_the_same_time(
    newsroom: Newsroom, made_in: list[int]
) -> None:
    newsroom.article()  # a list of nothing asks by a second one
    now = newsroom.clock.now
    query = b"sort=headline&limit=7"

    async def ask() -> list[Any]:
        reads = newsroom.app.state.reads
        asked = (reads.answer("/v1/articles", query, Visibility(now), now, False) for _ in range(9))
        return list(await asyncio.gather(*asked))

    assert newsroom.client.portal is not None
    answers = newsroom.client.portal.call(ask)
    assert answers == [answers[0]] * 9
    assert answers[0] is not None
    assert len(made_in) == 1


def test_statements_are_made_in_threads(
    newsroom: Newsroom, read: list[bool], made_in: list[int]
) -> None:
    """Each takes some 30 ms, and anybody can ask for many."""
    furnish(newsroom)
    portal = newsroom.client.portal
    assert portal is not None
    loops = portal.call(threading.get_ident)
    made_in.clear()
    read.clear()
    compare(newsroom, "/v1/articles?language=en,de&sort=headline&tag=sport")
    compare(newsroom, "/v1/articles/no-names?fields=slug,version")
    assert all(read)
    assert made_in
    assert loops not in made_in


def test_many_bodies_are_left_to_a_thread(newsroom: Newsroom, read: list[bool]) -> None:
    furnish(newsroom)
    read.clear()
    compare(newsroom, "/v1/articles?limit=20&body=html")
    assert all(read)
    read.clear()
    compare(newsroom, "/v1/articles?limit=21&body=html")
    assert not any(read)


def test_what_takes_long_does_not_keep_the_loop(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch, read: list[bool]
) -> None:
    if not newsroom.database.is_sqlite:
        pytest.skip("PostgreSQL is waited for, while the loop does other things")
    monkeypatch.setattr("app.express.readers.READ_SECONDS_MAX", -1)
    monkeypatch.setattr("app.express.readers.STEPS_BETWEEN_LOOKS", 1)
    newsroom.app.state.reader._connection.set_progress_handler(
        newsroom.app.state.reader._is_over, 1
    )
    furnish(newsroom)
    read.clear()
    compare(newsroom, "/v1/articles")
    assert not any(read)


def test_postgresql_that_went_away_is_read_again_later(
    newsroom: Newsroom, read: list[bool]
) -> None:
    if newsroom.database.is_sqlite:
        pytest.skip("SQLite has no connection that could be cut")
    furnish(newsroom)
    compare(newsroom, "/v1/articles")
    for connection in newsroom.app.state.reader._free:
        connection.terminate()
    read.clear()
    assert newsroom.get("/v1/articles?limit=3").status_code == 200
    assert newsroom.get("/v1/articles?limit=4").status_code == 200
    assert read[-1]


def test_the_walks_are_those_of_the_long_way(newsroom: Newsroom) -> None:
    """One of the two knows the other's statements: both are made by `Selection`."""
    furnish(newsroom)
    newsroom.get("/v1/articles?tag=sport&sort=headline&limit=7")
    plans = newsroom.app.state.reads._plans._plans.values()
    (sql,) = [one.sql for one in plans if one is not None and "headline_key" in one.sql]
    assert re.search(r"ORDER BY article_tag_1\.headline_key, article_tag_1\.article_id", sql)


def test_pieces_of_another_version_are_left_to_the_long_way_without_a_word(
    newsroom: Newsroom, read: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(newsroom)
    complaints: list[Any] = []
    monkeypatch.setattr(way.log, "exception", lambda *what: complaints.append(what))
    of_another = f"replace(pieces, '{URL_BEFORE}', '4<')"
    for pieces in (of_another, "NULL"):
        with newsroom.database.writing() as session:
            session.connection().exec_driver_sql(f"UPDATE article SET pieces = {pieces}")
        read.clear()
        assert len(compare(newsroom, "/v1/articles").json()["data"]) > 1
        assert not any(read)
    assert complaints == []


def test_refs_are_of_the_same_moment_as_what_is_read(
    newsroom: Newsroom, open_newsroom: Callable[..., Newsroom], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a read waits for its rows a tag is merged, and another read learns of that."""
    for slug in ("hot", "cold", "mild"):
        newsroom.send("POST", "/v1/tags", {"name": slug, "kind": "topic", "slug": slug})
        newsroom.article(f"About {slug}", tags=[slug])
    reads, reader = newsroom.app.state.reads, newsroom.app.state.reader
    other, rows, query = open_newsroom(newsroom.url), reader.rows, b"tag=hot,mild"

    async def read(wanted: bytes) -> Any:
        now = newsroom.clock()
        return await reads.answer("/v1/articles", wanted, Visibility(now), now, False)

    async def held(*statement: Any) -> Any:
        monkeypatch.setattr(reader, "rows", rows)
        merge = ("POST", "/v1/tags/hot/merge", {"into": "cold"})
        merged = await asyncio.to_thread(other.send, *merge)
        assert merged.status_code < 300
        await read(query)
        await read(b"")
        return await rows(*statement)

    async def read_meanwhile() -> Any:
        await read(query)
        monkeypatch.setattr(reader, "rows", held)
        return await read(query)

    other.make_keys()
    portal = newsroom.client.portal
    assert portal is not None
    made = portal.call(read_meanwhile)
    assert made is None or made.body == newsroom.long_way("/v1/articles?tag=hot,mild").content


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_who_has_a_key_is_answered_from_memory_in_any_coding(
    newsroom: Newsroom, coding: str
) -> None:
    furnish(newsroom)
    figures = newsroom.app.state.metrics.response_cache
    headers = {"Accept-Encoding": coding, **newsroom.key("read")}
    for _ in range(3):
        hits = figures.hits
        newsroom.get("/v1/articles", headers)
    assert figures.hits == hits + newsroom.database.is_sqlite


@pytest.mark.parametrize(
    "option", ["connect_timeout=5", "keepalives=1", "application_name=news", "sslmode=prefer"]
)
def test_an_address_with_options_of_psycopgs_is_read_from_too(
    newsroom: Newsroom, open_newsroom: Callable[..., Newsroom], option: str
) -> None:
    if newsroom.database.is_sqlite:
        pytest.skip("SQLite's address is a file")
    newsroom.article()
    mark = "&" if "?" in newsroom.url else "?"
    other = open_newsroom(f"{newsroom.url}{mark}{option}")
    other.clock.move(minutes=1)  # it has a clock of its own
    portal, now = other.client.portal, other.clock()
    assert portal is not None
    reads = other.app.state.reads
    made = portal.call(reads.answer, "/v1/articles", b"", Visibility(now), now, False)
    assert made.body == other.long_way("/v1/articles").content
