"""What uvicorn's protocol answers at once is what a task would have answered, on a real connection."""

import gzip
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from app.express.way import SHARED_SECONDS_MAX
from app.main import create_app
from app.web.server import HttpProtocol
from tests.conftest import Newsroom, serving
from tests.express.test_response_cache import CODINGS, ITEM, PATHS, furnish

_NEVER_THE_SAME = re.compile(rb"(?m)^(date|x-request-id): .*\r\n")
LIST = "/v1/articles?limit=2"


class Connection:
    """Sends bytes as they are, and reads answers one after the other."""

    def __init__(self, served: str) -> None:
        host, port = served.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.file = self.socket.makefile("rb")

    def send(self, path: str, *lines: str, version: str = "1.1", method: str = "GET") -> None:
        head = [f"{method} {path} HTTP/{version}", "Host: byline", *lines, "", ""]
        self.socket.sendall("\r\n".join(head).encode())

    def read(self) -> tuple[bytes, bytes]:
        """Head and body of the next answer."""
        head = b"".join(iter(self.file.readline, b"\r\n"))
        length = re.search(rb"content-length: (\d+)", head)
        return head, self.file.read(int(length[1])) if length else b""

    def ask(self, path: str, *lines: str) -> tuple[bytes, bytes]:
        self.send(path, *lines)
        return self.read()

    def is_closed(self) -> bool:
        return self.file.read(1) == b""


@pytest.fixture
def app(newsroom: Newsroom) -> FastAPI:
    """A second application on the newsroom's database, which the first one writes to."""
    return create_app(newsroom.app.state.settings, clock=newsroom.clock)


@pytest.fixture
def connect(newsroom: Newsroom, app: FastAPI) -> Iterator[Callable[[], Connection]]:
    opened: list[Connection] = []
    furnish(newsroom)
    with serving(app, lifespan="on") as address:

        def connection() -> Connection:
            opened.append(Connection(address))
            return opened[-1]

        yield connection
        for one in opened:
            one.file.close()
            one.socket.close()


def known(app: FastAPI, connection: Connection, path: str, *lines: str) -> tuple[bytes, bytes]:
    """The answer from memory, once there is one: PostgreSQL tells of a commit a moment later."""
    figures = app.state.metrics.response_cache
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        hits = figures.hits
        answer = connection.ask(path, *lines)
        if figures.hits > hits:
            return answer
        time.sleep(0.01)
    raise AssertionError(f"{path} is never answered from memory")


def shown(answer: tuple[bytes, bytes]) -> tuple[list[bytes], bytes]:
    head, body = answer
    if b"content-encoding: gzip" in head:
        body = gzip.decompress(body)  # what it is compressed to says the time
    return sorted(_NEVER_THE_SAME.sub(b"", head).split(b"\r\n")), body


@pytest.mark.parametrize("coding", CODINGS)
def test_an_answer_at_once_is_the_one_of_a_task(
    app: FastAPI, connect: Callable[[], Connection], coding: str
) -> None:
    connection = connect()
    for path in PATHS:
        for origin in ((), ("Origin: https://example.org",)):
            lines = (f"Accept-Encoding: {coding}", *origin)
            at_once = known(app, connection, path, *lines)
            assert at_once[0].startswith(b"HTTP/1.1 200 OK\r\n")
            assert shown(at_once) == shown(connection.ask(path, *lines, "Prefer: none")), path
            etag = re.search(rb'etag: (".*")', at_once[0])
            assert etag is not None
            has_it = (*lines, f"If-None-Match: {etag[1].decode()}")
            unchanged = known(app, connection, path, *has_it)
            assert unchanged[0].startswith(b"HTTP/1.1 304 Not Modified\r\n")
            assert shown(unchanged) == shown(connection.ask(path, *has_it, "Prefer: none")), path


def test_no_task_is_begun_for_what_is_there(
    app: FastAPI, connect: Callable[[], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = known(app, connect(), LIST)[1]

    async def called(*_arguments: Any) -> None:
        raise AssertionError("a task was begun")

    monkeypatch.setattr(app, "middleware_stack", called)
    assert connect().ask(LIST)[1] == body


def test_a_write_is_seen_by_the_next_request(
    newsroom: Newsroom, app: FastAPI, connect: Callable[[], Connection]
) -> None:
    connection = connect()
    for number in range(5):
        known(app, connection, ITEM)
        headline = f"Harbour bridge opens {number}"
        assert newsroom.send("PATCH", ITEM, {"headline": headline}).status_code == 200
        if app.state.database.is_sqlite:  # elsewhere it is seen when the server has told of it
            assert headline.encode() in connection.ask(ITEM)[1]


def test_a_connection_goes_on_as_it_was_asked_to(
    app: FastAPI, connect: Callable[[], Connection]
) -> None:
    body = known(app, connect(), LIST)[1]
    for lines, version in ((("Connection: close",), "1.1"), ((), "1.0")):
        connection = connect()
        connection.send(LIST, *lines, version=version)
        head, answered = connection.read()
        assert answered == body
        assert b"\r\nconnection: close\r\n" in head
        assert connection.is_closed()
    connection = connect()
    for _ in range(3):
        assert connection.ask(LIST)[1] == body
    connection.send(LIST, method="HEAD")
    head = b"".join(iter(connection.file.readline, b"\r\n"))
    assert b"content-length: %d\r\n" % len(body) in head
    assert connection.ask(LIST)[1] == body


def test_what_is_sent_behind_the_last_answer_is_never_done(
    newsroom: Newsroom, app: FastAPI, connect: Callable[[], Connection]
) -> None:
    """Its answer could not be sent any more."""
    known(app, connect(), LIST)
    connection = connect()
    key = newsroom.key("publish")["Authorization"]
    connection.socket.sendall(
        f"GET {LIST} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        f"DELETE {ITEM} HTTP/1.1\r\nHost: byline\r\nIf-Match: *\r\nAuthorization: {key}\r\n\r\n".encode()
    )
    connection.read()
    assert connection.is_closed()
    assert connect().ask(ITEM)[0].startswith(b"HTTP/1.1 200")


def test_a_request_behind_another_is_of_a_later_turn(
    newsroom: Newsroom,
    app: FastAPI,
    connect: Callable[[], Connection],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While the first of two is answered another process writes; the second has to show that."""
    known(app, connect(), ITEM)
    at_once, headline = app.state.express.at_once, "Harbour bridge has opened"

    def then_write(scope: Any) -> Any:
        ready = at_once(scope)
        if (b"x-first", b"1") in scope["headers"]:
            assert newsroom.send("PATCH", ITEM, {"headline": headline}).status_code == 200
        return ready

    monkeypatch.setattr(HttpProtocol, "_start_asgi_task", asked_by(then_write))
    connection = connect()
    connection.socket.sendall(
        f"GET {ITEM} HTTP/1.1\r\nHost: byline\r\nX-First: 1\r\n\r\n"
        f"GET {ITEM} HTTP/1.1\r\nHost: byline\r\n\r\n".encode()
    )
    connection.read()
    is_seen = headline.encode() in connection.read()[1]
    # PostgreSQL takes a moment to tell those who listen.
    assert is_seen or not app.state.database.is_sqlite


def test_a_request_later_in_the_same_turn_is_of_its_own_moment(
    newsroom: Newsroom,
    app: FastAPI,
    connect: Callable[[], Connection],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SQLite reads in one transaction for each turn of the event loop, which a write between two
    requests must end: what is read after it would be kept as what is there after it."""
    if not app.state.database.is_sqlite:
        pytest.skip("PostgreSQL is asked in tasks")
    at_once, headline = app.state.express.at_once, "Harbour bridge has opened"
    answers = []

    def twice(scope: Any) -> Any:
        answers.append(at_once(scope))
        if (b"x-first", b"1") in scope["headers"]:
            assert newsroom.send("PATCH", ITEM, {"headline": headline}).status_code == 200
            time.sleep(2 * SHARED_SECONDS_MAX)
            answers.append(at_once(scope))
        return answers[-1]

    monkeypatch.setattr(HttpProtocol, "_start_asgi_task", asked_by(twice))
    connection = connect()
    other = "/v1/articles/swimmers-win"
    connection.ask(other)  # the statement is made
    answers.clear()
    assert headline.encode() in connection.ask(ITEM, "X-First: 1")[1]
    before, after = answers
    assert before is not None
    assert headline.encode() not in before.body
    assert after is not None
    assert headline.encode() in after.body


def asked_by(at_once: Callable[[Any], Any]) -> Any:
    """The protocol's own start of a request, asking another."""
    start = HttpProtocol._start_asgi_task

    def starting(self: HttpProtocol, *arguments: Any) -> None:
        self.app_state = {**self.app_state, "at_once": at_once}
        start(self, *arguments)

    return starting


def test_requests_sent_together_are_answered_in_their_order(
    app: FastAPI, connect: Callable[[], Connection]
) -> None:
    paths = [LIST, "/v1/articles/none", LIST, "/v1/authors", "/v1/articles/swimmers-win", LIST] * 5
    wanted = [connect().ask(path)[1] for path in paths]
    connection = connect()
    together = "".join(f"GET {path} HTTP/1.1\r\nHost: byline\r\n\r\n" for path in paths)
    connection.socket.sendall(together.encode())
    got = [connection.read()[1] for _ in paths]
    assert [b'"status":404' in one for one in got] == [path.endswith("none") for path in paths]
    for path, one, other in zip(paths, got, wanted, strict=True):
        # Only a problem has the id of its request.
        assert one == other or path.endswith("none")


def test_a_request_that_comes_in_pieces_or_with_a_body_is_answered(
    app: FastAPI, connect: Callable[[], Connection]
) -> None:
    body = known(app, connect(), LIST)[1]
    connection = connect()
    for piece in re.findall(".{1,7}", f"GET {LIST} HTTP/1.1|Host: byline||"):
        connection.socket.sendall(piece.replace("|", "\r\n").encode())
    assert connection.read()[1] == body
    connection.send(LIST, "Content-Length: 5")
    connection.socket.sendall(b"hello")
    assert connection.read()[1] == body
    connection.send(LIST, "Transfer-Encoding: chunked")
    connection.socket.sendall(b"5\r\nhello\r\n0\r\n\r\n")
    assert connection.read()[1] == body
    assert connection.ask(LIST)[1] == body


def test_who_reads_slowly_gets_everything(
    newsroom: Newsroom, app: FastAPI, connect: Callable[[], Connection]
) -> None:
    """Answers of a megabyte and more, asked for without reading, until nothing more can be written."""
    for number in range(12):
        newsroom.article(
            f"Long {number}", body={"format": "text", "source": f"{number} word " * 9_000}
        )
    path = "/v1/articles?body=html"
    body = known(app, connect(), path)[1]
    assert len(body) > 500_000
    connection = connect()
    count = 30

    def ask() -> None:
        for _ in range(count):
            connection.send(path)

    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(count):
        assert connection.read()[1] == body
    asking.join(10)
    assert not asking.is_alive()


def test_what_is_answered_at_once_is_logged_and_counted(
    app: FastAPI, connect: Callable[[], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    known(app, connect(), LIST)
    lines: list[tuple[Any, ...]] = []
    monkeypatch.setattr("app.web.access_log.note", lambda *line: lines.append(line))
    figures = app.state.metrics._requests
    before = sum(figures["GET", "/v1/articles", 200][:-1])
    head, _ = connect().ask(LIST, "X-Request-ID: mine-1")
    assert b"\r\nx-request-id: mine-1\r\n" in head
    ((method, path, status, _, request_id, key),) = lines
    assert (method, path, status, request_id, key) == ("GET", "/v1/articles", 200, "mine-1", None)
    assert sum(figures["GET", "/v1/articles", 200][:-1]) == before + 1
