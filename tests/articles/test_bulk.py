"""`POST /v1/articles/bulk`: many lines, each by itself, answered in order while they come."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from app.db.database import Database, DatabaseBusy
from tests.conftest import Newsroom, Response
from tests.contract.test_openapi import SCHEMAS, errors_of

BULK = "/v1/articles/bulk"
UNKNOWN_ID = "01a20c95-fd9f-710b-8f03-e27cdf1368f0"


def send(
    newsroom: Newsroom, body: bytes, key: dict[str, str], query: str = "", **headers: str
) -> Response:
    all_headers = {"Content-Type": "application/x-ndjson", **key, **headers}
    return newsroom.client.post(BULK + query, content=body, headers=all_headers)


def bulk(
    newsroom: Newsroom, *lines: Any, key: dict[str, str] | None = None, query: str = ""
) -> list[dict[str, Any]]:
    """The answers to lines, which are documents or bytes as they are."""
    body = b"\n".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines)
    answer = send(newsroom, body, key or newsroom.key("publish"), query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    found = [json.loads(line) for line in answer.text.splitlines()]
    for one in found:
        assert errors_of(SCHEMAS["LineAnswer"], one) == []
    return found


def statuses(answers: list[dict[str, Any]]) -> list[str]:
    return [
        f"{one['problem']['status']} {one['problem']['type'].rpartition(':')[2]}"
        if one["status"] == "failed"
        else one["status"]
        for one in answers
    ]


def article(newsroom: Newsroom, ref: str) -> Any:
    return newsroom.get(f"/v1/articles/{ref}", newsroom.key("preview")).json()


def test_lines_are_created_updated_and_left_as_they_are(newsroom: Newsroom) -> None:
    wire = [{"external_id": f"wire-{n}", "headline": f"Bridge {n}"} for n in range(3)]
    first = bulk(newsroom, *wire)
    assert statuses(first) == ["created"] * 3
    assert [one["line"] for one in first] == [1, 2, 3]
    wire[1]["headline"] = "Bridge closed"
    again = bulk(newsroom, *wire, {"id": first[0]["id"].upper(), "headline": "By id"})
    assert statuses(again) == ["unchanged", "updated", "unchanged", "updated"]
    assert [one["version"] for one in again] == [1, 2, 1, 2]
    assert (again[1]["id"], again[1]["slug"]) == (first[1]["id"], "bridge-1")
    by_id = article(newsroom, first[0]["id"])
    assert (by_id["headline"], by_id["external_id"]) == ("By id", None)  # left out is cleared


def test_a_new_article_has_all_that_was_sent_as_a_single_one_has(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind")
    newsroom.send("POST", "/v1/tags", {"name": "World", "kind": "section"})
    newsroom.make("tags", name="Sea")
    fields: dict[str, Any] = {
        "headline": "Harbour ist größer",
        "summary": "It opened.",
        "body": {"format": "markdown", "source": "It *opened*."},
        "authors": [{"ref": "mara-lind", "role": "words"}],
        "tags": ["sea", "world"],
        "image": {"caption": "At dawn"},
        "metadata": {"a": [1, None]},
        "expires_at": newsroom.clock.at(days=1),
    }
    single = newsroom.make("articles", **fields, publish=True)
    (line,) = bulk(newsroom, fields, query="?publish=true")
    many = newsroom.get(f"/v1/articles/{line['id']}", newsroom.key("publish")).json()
    assert line["slug"] == many["slug"] == f"{single['slug']}-2"
    differing = {name for name in single if single[name] != many[name]}
    assert differing <= {
        "id", "slug", "url", "created_at", "updated_at", "published_at", "first_published_at",
    }  # fmt: skip
    with newsroom.database.reading() as session:
        rows = session.connection().exec_driver_sql(
            "SELECT kind, version, operation, live FROM revision WHERE kind = 'article'"
        )
        assert len(set(map(tuple, rows))) == 1


WRONG: list[tuple[Any, str, str | None]] = [
    (b"{", "400 malformed-json", None),
    (b"\xff", "400 malformed-json", None),
    (b'{"headline": "\\ud800"}', "400 malformed-json", None),
    (b'{"headline": "x", "metadata": {"n": NaN}}', "400 malformed-json", None),
    (b"[" * 5000, "400 malformed-json", None),
    ([], "422 invalid", ""),
    ({"headlin": "x", "headline": "x"}, "422 invalid", "/headlin"),
    ({"headline": 5}, "422 invalid", "/headline"),
    ({"headline": "x", "id": "no-id"}, "422 invalid", "/id"),
    ({"headline": "x", "id": "00000000-0000-0000-0000-000000000000"}, "422 invalid", "/id"),
    ({"headline": "x", "tags": ["nowhere"]}, "422 invalid", "/tags/0"),
    ({"headline": "x", "slug": "taken"}, "409 slug-taken", None),
    ({"headline": "x", "published_at": "2026-01-01T00:00:00Z"}, "403 forbidden", None),
    ({"headline": "x", "expires_at": "2026-01-01T00:00:00Z", "embargoed_until": "2026-01-02T00:00:00Z"},
     "422 invalid", "/expires_at"),
]  # fmt: skip


def test_a_bad_line_fails_alone_and_says_why(newsroom: Newsroom) -> None:
    newsroom.make("articles", headline="x", slug="taken")
    lines = [line for one, _, _ in WRONG for line in (one, {"headline": "Good"})]
    answers = bulk(newsroom, *lines, key=newsroom.key("write"))
    assert statuses(answers[1::2]) == ["created"] * len(WRONG)
    assert statuses(answers[::2]) == [problem for _, problem, _ in WRONG]
    for answer, (_, _, pointer) in zip(answers[::2], WRONG, strict=True):
        errors = answer["problem"].get("errors", [])
        assert [one["pointer"] for one in errors[:1]] == ([] if pointer is None else [pointer])


def test_lines_of_one_batch_know_each_other(newsroom: Newsroom) -> None:
    one = {"headline": "Same", "external_id": "1"}
    answers = bulk(
        newsroom,
        one,
        {"headline": "Same"},
        {"headline": "Same", "slug": "same-3"},
        {"headline": "Same"},
        {"headline": "Same", "slug": "same"},
        {**one, "summary": "Later"},
        {**one, "id": UNKNOWN_ID},
        {"headline": "Other", "external_id": "2", "id": UNKNOWN_ID},
        {"headline": "Moved", "external_id": "3", "id": UNKNOWN_ID},
        {"headline": "New two", "external_id": "2"},
        {**one, "id": UNKNOWN_ID},
    )
    assert statuses(answers) == [
        "created", "created", "created", "created", "409 slug-taken", "updated",
        "409 external-id-taken", "created", "updated", "created", "409 external-id-taken",
    ]  # fmt: skip
    assert [one.get("slug") for one in answers[:4]] == ["same", "same-2", "same-3", "same-4"]
    assert answers[7]["id"] == UNKNOWN_ID
    assert article(newsroom, "same")["summary"] == "Later"


def test_a_hundred_same_headlines_get_a_hundred_slugs(newsroom: Newsroom) -> None:
    for _ in range(2):
        answers = bulk(newsroom, *[{"headline": "Weather"}] * 60)
        assert statuses(answers) == ["created"] * 60
    with newsroom.database.reading() as session:
        slugs = session.connection().exec_driver_sql("SELECT slug FROM article")
        assert len(set(slugs.scalars())) == 120


def test_publishing_needs_the_scope_and_what_is_withdrawn_stays_so(newsroom: Newsroom) -> None:
    refused = send(newsroom, b'{"headline": "x"}', newsroom.key("write"), "?publish=true")
    assert refused.status_code == 403
    one = {"headline": "x", "external_id": "1"}
    bulk(newsroom, one)
    assert statuses(bulk(newsroom, one, query="?publish=true")) == ["updated"]
    assert newsroom.get("/v1/articles/x").status_code == 200
    newsroom.send("POST", "/v1/articles/x/withdraw", {})
    changed = {**one, "summary": "New"}
    assert statuses(bulk(newsroom, changed, one, query="?publish=true")) == ["updated"] * 2
    assert article(newsroom, "x")["status"] == "withdrawn"


def test_an_id_that_was_given_is_not_given_again(newsroom: Newsroom) -> None:
    gone = newsroom.article("Gone")
    newsroom.send("DELETE", "/v1/articles/gone")
    author = newsroom.make("authors", name="Mara Lind")
    answers = bulk(newsroom, *[{"headline": "x", "id": one["id"]} for one in (gone, author)])
    assert statuses(answers) == ["410 gone", "409 id-taken"]


def test_an_entitlement_holds_for_every_line_and_tells_nothing(newsroom: Newsroom) -> None:
    for name in ("Sport", "Local"):
        newsroom.make("tags", name=name)
    hidden = newsroom.article("Hidden", tags=["local"], external_id="hidden")
    deleted = newsroom.article("Deleted", tags=["local"])
    newsroom.send("DELETE", "/v1/articles/deleted")
    key = newsroom.key("write", entitlement={"articles": {"tag": ["sport"]}})
    theirs = {"headline": "Match", "tags": ["sport"], "external_id": "match"}
    ids = [hidden["id"], deleted["id"], UNKNOWN_ID]
    answers = bulk(
        newsroom,
        theirs,
        {**theirs, "summary": "Won"},
        {**theirs, "tags": ["local"]},
        {"headline": "x", "tags": ["local"]},
        {"headline": "x", "tags": ["sport"], "external_id": "hidden"},
        *[{"headline": "x", "tags": ["sport"], "id": one} for one in ids],
        key=key,
    )
    assert statuses(answers) == [
        "created", "updated", "403 forbidden", "403 forbidden", "409 external-id-taken",
        *["404 not-found"] * 3,
    ]  # fmt: skip
    assert len({json.dumps(one["problem"]) for one in answers[5:]}) == 1
    assert article(newsroom, "match")["version"] == 2


@pytest.mark.parametrize("body", [b"", b"\n \n", b"[]", b" [ ] "])
def test_nothing_is_answered_with_nothing(newsroom: Newsroom, body: bytes) -> None:
    media_type = "application/json" if b"[" in body else "application/jsonl"
    answer = send(newsroom, body, newsroom.key("write"), **{"Content-Type": media_type})
    assert (answer.status_code, answer.text) == (200, "")


def test_an_array_is_taken_element_by_element(newsroom: Newsroom) -> None:
    headers = {"Content-Type": "application/json"}
    body = b'[{"headline": "One, [two] \\" {"}, {"headline": "Two"}, 5, {"headline": "Cut'
    answer = send(newsroom, body, newsroom.key("write"), **headers)
    found = [json.loads(line) for line in answer.text.splitlines()]
    assert statuses(found) == ["created", "created", "422 invalid", "400 malformed-json"]
    for wrong in (b"{}", b'{"headline": "x"}', b'"x"'):
        assert send(newsroom, wrong, newsroom.key("write"), **headers).status_code == 422


def test_what_is_compressed_or_of_another_type_is_refused(newsroom: Newsroom) -> None:
    key = newsroom.key("write")
    assert send(newsroom, b"{}", key, **{"Content-Type": "text/plain"}).status_code == 415
    assert send(newsroom, b"{}", key, **{"Content-Encoding": "gzip"}).status_code == 415


def test_a_line_and_the_number_of_lines_are_bounded_and_the_whole_is_not(
    open_newsroom: Callable[..., Newsroom], database_url: str
) -> None:
    town = open_newsroom(
        database_url, body_bytes_max=1000, bulk_line_bytes_max=1000, bulk_lines_max=20
    )
    line = {"headline": "x", "summary": "y" * 900}
    answers = bulk(town, *[line] * 10, {"headline": "x", "summary": "y" * 1000}, *[line] * 20)
    assert statuses(answers) == [
        *["created"] * 10, "413 too-large", *["created"] * 9, "413 too-many-lines",
    ]  # fmt: skip
    assert answers[-1]["line"] == 21


def test_a_batch_that_cannot_be_written_fails_its_lines_and_no_others(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.answers.BATCH_LINES", 2)
    writing, turns = Database.writing, [0]
    key = newsroom.key("write")

    def busy(database: Database) -> Any:
        turns[0] += 1
        if turns[0] == 2:
            raise DatabaseBusy("another write took too long")
        return writing(database)

    monkeypatch.setattr(Database, "writing", busy)
    answers = bulk(newsroom, *[{"headline": f"Line {n}"} for n in range(6)], key=key)
    assert statuses(answers) == ["created"] * 2 + ["503 busy"] * 2 + ["created"] * 2


def test_a_key_that_is_revoked_meanwhile_writes_no_more(
    newsroom: Newsroom, connection: socket.socket
) -> None:
    answers = connection.makefile("rb")
    connection.sendall(chunk("Before"))
    while b'"slug":"before"' not in answers.readline():
        pass
    with newsroom.database.writing() as session:
        session.connection().execute(sa.text("UPDATE api_key SET revoked_at = created_at"))
    connection.sendall(chunk("After") + b"0\r\n\r\n")
    assert b'"status":401' in b"".join(iter(answers.readline, b"0\r\n"))
    newsroom.keys.clear()
    assert newsroom.get("/v1/articles/after", newsroom.key("preview")).status_code == 404


def test_a_broken_constraint_fails_its_line_only(newsroom: Newsroom) -> None:
    with newsroom.database.writing() as session:
        session.connection().execute(
            sa.text("CREATE UNIQUE INDEX one_summary ON article (summary)")
        )
    answers = bulk(newsroom, *[{"headline": "x", "summary": one} for one in ("a", "b", "a", "c")])
    assert statuses(answers) == ["created", "created", "500 internal", "created"]


@pytest.fixture
def connection(newsroom: Newsroom, served: str) -> Iterator[socket.socket]:
    """A bulk request whose head is sent, and nothing of its body."""
    host, port = served.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        key = newsroom.key("write")["Authorization"]
        sock.sendall(
            f"POST {BULK} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n"
            "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        yield sock


def chunk(*headlines: str) -> bytes:
    lines = b"".join(json.dumps({"headline": one}).encode() + b"\n" for one in headlines)
    return b"%x\r\n%b\r\n" % (len(lines), lines)


def test_answers_come_while_the_request_is_still_being_sent(connection: socket.socket) -> None:
    answers = connection.makefile("rb")
    for number in range(3):
        connection.sendall(chunk(f"Slow {number}"))
        while not (line := answers.readline()).startswith(b'{"line"'):
            pass
        assert json.loads(line)["slug"] == f"slow-{number}"
    connection.sendall(b"0\r\n\r\n")


def test_what_was_answered_stays_when_the_connection_breaks(
    newsroom: Newsroom, connection: socket.socket
) -> None:
    connection.sendall(chunk("Answered"))
    while b'"slug":"answered"' not in connection.recv(10_000):
        pass
    connection.sendall(b'ff\r\n{"headline": "Cut')
    connection.close()
    time.sleep(0.5)
    listed = newsroom.get("/v1/articles?status=draft", newsroom.key("preview")).json()["data"]
    assert [one["slug"] for one in listed] == ["answered"]


def test_an_article_may_be_called_bulk(newsroom: Newsroom) -> None:
    newsroom.article("Bulk")
    assert newsroom.get(BULK).json()["headline"] == "Bulk"
    assert newsroom.send("PATCH", BULK, {"summary": "x"}).status_code == 200


def test_who_reads_no_answers_is_read_no_further(connection: socket.socket) -> None:
    lines = b"[]\n" * 20_000
    connection.settimeout(3)
    with pytest.raises(TimeoutError):
        connection.sendall((b"%x\r\n%b\r\n" % (len(lines), lines)) * 2_000)
