"""uvicorn's HTTP protocol: answers that are there at once, its own error as a problem, and the end
of the server made known."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar

from pydantic_core import to_json
from uvicorn._types import ASGI3Application, HTTPScope
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from app.web.outbox import GatheringTransport
from app.web.problems import MEDIA_TYPE, TYPE_PREFIX

Headers = Sequence[tuple[bytes, bytes]]


def head_of(headers: Headers) -> bytes:
    """The lines of some headers, as HTTP/1.1 has them."""
    lines = b"".join([b"%b: %b\r\n" % one for one in headers])
    if lines.count(b"\n") != len(headers):
        raise ValueError("a header has a line of its own")
    return lines


@dataclass(slots=True)
class Ready:
    """A whole answer. `head` are its header lines, `content-length` among them where it has a body."""

    status: int
    head: bytes
    body: bytes

    @property
    def headers(self) -> Headers:
        lines = self.head.split(b"\r\n")[:-1]
        return [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]


def _nothing() -> None:
    pass


HEAD_BYTES_MAX = 524_288
"""What a request may have before its body: the longest cursor, each character spelt out, is within."""
AtOnce = Callable[[Any], Ready | None]
"""Answers the request of a scope, where it needs nothing but its headers, within the call."""


class HttpProtocol(HttpToolsProtocol):
    """Answers what can be answered at once, and what is not HTTP at all with a problem; tells answers
    that go on of the server's end.

    The state of the application's lifespan has `at_once`, an `AtOnce`, which is asked before a task
    is begun for a request: task, ASGI and its messages take longer than an answer from memory.
    A request's `state` has `stopping`, an event that is set when the server is asked to stop, and
    `abort`, which drops the connection.
    """

    _default_headers: ClassVar[list[tuple[bytes, bytes]]] = []
    _default_lines: ClassVar[bytes] = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        gathering = GatheringTransport(transport)
        super().connection_made(gathering)
        self._stopping = asyncio.Event()
        self._is_head, self._head_bytes = True, 0
        self._told = {"stopping": self._stopping, "abort": gathering.abort}
        self._flush = gathering.flush

    def eof_received(self) -> None:
        # Who has sent all that they had may still be waiting for the answer.
        self._flush()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"] |= self._told

    def data_received(self, data: bytes) -> None:
        self._has_answered = False
        if self._is_head:
            # What comes in one piece is bounded by the event loop.
            if self._head_bytes > HEAD_BYTES_MAX:
                self._refuse_head()
                return
            self._head_bytes += len(data)
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._is_head, self._head_bytes = False, 0
        # Nothing is upgraded to here, but the parser takes what follows the headers for the other
        # protocol: a body would be lost, or be read as the next request.
        self.scope["state"]["upgrades"] = self.parser.should_upgrade()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_head = True
        super().on_message_complete()

    def _refuse_head(self) -> None:
        self._send_problem(
            431, "headers-too-large", f"A request's headers may have {HEAD_BYTES_MAX} bytes."
        )

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if self.transport.is_closing():
            return  # nobody would hear what became of it
        if cycle.scope["state"]["upgrades"]:
            cycle.keep_alive = False
            if _has_body(cycle.scope):
                app = _refuse_upgrade
        at_once: AtOnce | None = self.app_state.get("at_once")
        ready = None
        # Who reads slower than we write is waited for in a task. What was sent behind an answered
        # request may be younger than what is known in this turn of the event loop; a task is of the
        # next.
        if at_once is not None and not self.flow.write_paused and not self._has_answered:
            try:
                ready = at_once(cycle.scope)
            except Exception:
                # Here it would be a fault of the request's; in a task it is one of the server's.
                self.logger.exception("not answered at once")
        if ready is None:
            super()._start_asgi_task(cycle, app)
            return
        head = self._default_head(cycle.default_headers) + ready.head
        if not cycle.keep_alive:
            head += b"connection: close\r\n"
        self._has_answered = True
        cycle.response_started = cycle.response_complete = True
        self.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[ready.status], head, ready.body))
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        cycle.on_response = _nothing  # the two would keep each other in memory

    @classmethod
    def _default_head(cls, headers: list[tuple[bytes, bytes]]) -> bytes:
        """The lines of the server's own headers, made once for each list of them: one a second."""
        if headers is not cls._default_headers:
            cls._default_headers, cls._default_lines = headers, head_of(headers)
        return cls._default_lines

    def shutdown(self) -> None:
        super().shutdown()
        if self.cycle is not None and not self.cycle.response_complete:
            self._stopping.set()

    def send_400_response(self, msg: str) -> None:
        self._send_problem(400, "malformed-request", f"{msg} Send HTTP/1.1.")

    def _ends_with_what_came_before(self) -> bool:
        """Whether requests are still to be answered, after which the connection closes: a problem
        would be taken for the answer to one of them, which may have taken effect."""
        if self.pipeline and self.pipeline[0][0].more_body:
            self.pipeline.popleft()  # it will never be whole
        last = self.pipeline[0][0] if self.pipeline else self.cycle
        if last is None or last.response_complete:
            return False
        if last.response_started:
            self.transport.close()
            return True
        if last.more_body:
            return False
        last.keep_alive = False
        return True

    def _send_problem(self, status: int, kind: str, detail: str) -> None:
        if self._ends_with_what_came_before():
            return
        body = _problem(status, kind, detail)
        head = head_of([*_problem_headers(body), (b"connection", b"close")])
        self.transport.write(STATUS_LINE[status] + head + b"\r\n" + body)
        self.transport.close()


def _problem(status: int, kind: str, detail: str) -> bytes:
    """What cannot be answered by the application, which never sees it."""
    title = HTTPStatus(status).phrase
    return to_json(
        {
            "type": f"{TYPE_PREFIX}{kind}",
            "title": title,
            "status": status,
            "detail": detail,
            "instance": "/",
        }
    )


def _problem_headers(body: bytes) -> Headers:
    return [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]


def _has_body(scope: HTTPScope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0")
        for name, value in scope["headers"]
    )


async def _refuse_upgrade(_scope: Any, _receive: Any, send: Any) -> None:
    body = _problem(
        400,
        "upgrade-with-body",
        "This server speaks HTTP/1.1 alone, and cannot take a body together with Upgrade: send the "
        "request without it.",
    )
    headers = _problem_headers(body)
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})
