"""uvicorn's HTTP protocol: answers that are there at once, its own error as a problem, and the end
of the server made known."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

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

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._stopping = asyncio.Event()
        self._told = {"stopping": self._stopping, "abort": transport.abort}

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"] |= self._told

    def data_received(self, data: bytes) -> None:
        self._has_answered = False
        super().data_received(data)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if self.transport.is_closing():
            return  # nobody would hear what became of it
        at_once: AtOnce | None = self.app_state.get("at_once")
        ready = None
        # Who reads slower than we write is waited for in a task. What was sent behind an answered
        # request may be younger than all that this turn of the event loop began with.
        if at_once is not None and not self.flow.write_paused and not self._has_answered:
            try:
                ready = at_once(cycle.scope)
            except Exception:
                # Here it would be a fault of the request's; in a task it is one of the server's.
                self.logger.exception("not answered at once")
        if ready is None:
            super()._start_asgi_task(cycle, app)
            return
        head = head_of(cycle.default_headers) + ready.head
        if not cycle.keep_alive:
            head += b"connection: close\r\n"
        self._has_answered = True
        cycle.response_started = cycle.response_complete = True
        self.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[ready.status], head, ready.body))
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        cycle.on_response = _nothing  # the two would keep each other in memory

    def shutdown(self) -> None:
        super().shutdown()
        if self.cycle is not None and not self.cycle.response_complete:
            self._stopping.set()

    def send_400_response(self, msg: str) -> None:
        body = to_json(
            {
                "type": f"{TYPE_PREFIX}malformed-request",
                "title": "Bad Request",
                "status": 400,
                "detail": f"{msg} Send HTTP/1.1.",
                "instance": "/",
            }
        )
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
            "cache-control: no-store\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
