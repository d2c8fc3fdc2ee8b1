"""uvicorn's HTTP protocol: its own error as a problem, and the end of the server made known."""

import asyncio

from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.web.problems import MEDIA_TYPE, TYPE_PREFIX


class HttpProtocol(HttpToolsProtocol):
    """Answers what is not HTTP at all with a problem, and tells answers that go on of the server's end.

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
