"""What the server itself refuses: headers without end, and bodies that would be taken for something else."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from app.web.outbox import Outbox
from tests.conftest import Newsroom
from tests.express.test_at_once import Connection

UPGRADE = ("Connection: upgrade", "Upgrade: h2c")


@pytest.fixture
def connection(newsroom: Newsroom, served: str) -> Iterator[Connection]:
    newsroom.article()
    one = Connection(served)
    yield one
    one.file.close()
    one.socket.close()


def rest(connection: Connection) -> bytes:
    """All that still comes, until the server closes."""
    try:
        return connection.file.read()
    except ConnectionResetError:  # it does not read on
        return b""


def problem(answer: tuple[bytes, bytes]) -> Any:
    head, body = answer
    assert b"content-type: application/problem+json\r\n" in head
    return json.loads(body)


@pytest.mark.parametrize("piece", [b"A: b\r\n" * 10_000, b"x" * 100_000])
def test_headers_without_end_are_refused(connection: Connection, piece: bytes) -> None:
    connection.socket.sendall(b"GET /v1/articles HTTP/1.1\r\nHost: byline\r\nB: ")
    try:
        for _ in range(100):
            connection.socket.sendall(piece)
    except OSError:
        pass  # it has been refused already
    try:
        answer = connection.read()
    except ConnectionResetError:
        return
    assert problem(answer)["status"] == 431
    assert rest(connection) == b""


def test_many_requests_of_usual_size_are_no_endless_headers(connection: Connection) -> None:
    filler = f"X-Filler: {'x' * 5_000}"
    for _ in range(40):
        assert connection.ask("/v1/articles", filler)[0].startswith(b"HTTP/1.1 200")


def test_a_large_body_behind_its_headers_is_no_endless_header(
    newsroom: Newsroom, connection: Connection
) -> None:
    key = newsroom.key("write")["Authorization"]
    source = "word " * 30_000
    body = json.dumps({"headline": "Long", "body": {"format": "text", "source": source}}).encode()
    connection.send("/v1/articles", f"Authorization: {key}", "Content-Type: application/json",
                    f"Content-Length: {len(body)}", method="POST")  # fmt: skip
    for start in range(0, len(body), 50_000):
        connection.socket.sendall(body[start : start + 50_000])
    assert connection.read()[0].startswith(b"HTTP/1.1 201")
    assert connection.ask("/v1/articles")[0].startswith(b"HTTP/1.1 200")


def test_an_upgrade_that_is_offered_is_passed_over(connection: Connection) -> None:
    head, body = connection.ask("/v1/articles", *UPGRADE)
    assert head.startswith(b"HTTP/1.1 200")
    assert len(json.loads(body)["data"]) == 1
    assert connection.is_closed()


@pytest.mark.parametrize("is_apart", [False, True])
def test_a_body_with_an_upgrade_is_refused_and_never_a_request_itself(
    newsroom: Newsroom, connection: Connection, is_apart: bool
) -> None:
    key = newsroom.key("publish")["Authorization"]
    smuggled = (
        "DELETE /v1/articles/harbour-bridge-opens HTTP/1.1\r\nHost: byline\r\nIf-Match: *\r\n"
        f"Authorization: {key}\r\n\r\n"
    ).encode()
    head = (
        "POST /v1/articles HTTP/1.1\r\nHost: byline\r\nConnection: upgrade\r\nUpgrade: h2c\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(smuggled)}\r\n\r\n"
    ).encode()
    if is_apart:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.socket.sendall(head)
        connection.socket.sendall(smuggled)
    else:
        connection.socket.sendall(head + smuggled)
    assert problem(connection.read())["type"].endswith("upgrade-with-body")
    assert rest(connection) == b""
    assert newsroom.get("/v1/articles/harbour-bridge-opens").status_code == 200


def test_what_is_answered_leaves_with_others(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, noted = Outbox.put, list[bytes]()

    def noting(self: Outbox, transport: Any, data: bytes) -> None:
        noted.append(data)
        put(self, transport, data)

    monkeypatch.setattr(Outbox, "put", noting)
    for path in ("/v1/articles", "/healthz"):
        noted.clear()
        head, body = connection.ask(path)
        assert b"".join(noted) == head + b"\r\n" + body


@pytest.mark.parametrize("path", ["/healthz", "/none", "/v1/articles?limit=0"])
def test_who_has_sent_all_that_they_had_is_answered(connection: Connection, path: str) -> None:
    known, _ = connection.ask(path)
    connection.send(path)
    connection.socket.shutdown(socket.SHUT_WR)
    assert rest(connection).startswith(known.split(b"\r\n")[0])


GARBAGE = b"\x00\x01\r\n\r\n"


def test_garbage_behind_a_request_takes_nobodys_answer(
    connection: Connection, newsroom: Newsroom
) -> None:
    body = json.dumps({"headline": "Ghost"}).encode()
    key = newsroom.key("write")["Authorization"]
    connection.socket.sendall(
        b"POST /v1/articles HTTP/1.1\r\nHost: byline\r\nContent-Type: application/json\r\n"
        + f"Authorization: {key}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
        + GARBAGE
    )
    head, _ = connection.read()
    assert head.startswith(b"HTTP/1.1 201")
    assert b"connection: close\r\n" in head
    assert rest(connection) == b""


def test_garbage_behind_an_answer_is_refused(connection: Connection) -> None:
    connection.ask("/v1/articles")
    connection.socket.sendall(GARBAGE)
    assert problem(connection.read())["status"] == 400
    assert rest(connection) == b""


def test_garbage_within_a_body_is_refused(connection: Connection) -> None:
    connection.socket.sendall(
        b"POST /v1/search HTTP/1.1\r\nHost: byline\r\nTransfer-Encoding: chunked\r\n\r\nno\r\n"
    )
    assert problem(connection.read())["status"] == 400
    assert rest(connection) == b""


def test_garbage_ends_a_stream_and_is_not_answered_in_it(connection: Connection) -> None:
    connection.send("/v1/changes/stream")
    while connection.file.readline() != b"\r\n":
        pass
    connection.socket.sendall(GARBAGE)
    assert b"HTTP/1.1" not in rest(connection)
