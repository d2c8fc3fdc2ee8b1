"""Server-sent events (WHATWG HTML, section 9.2): an answer that goes on until one side ends it."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.web.problems import Problem

RETRY_AFTER_SECONDS = 5


class Seats:
    """How many clients may wait for news at once in this process."""

    def __init__(self, seats_max: int) -> None:
        self.seats_max = seats_max
        self.taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Takes a seat while the block runs; 503 when all are taken."""
        if self.taken >= self.seats_max:
            raise Problem(
                503,
                "too-many-followers",
                "As many clients wait for news here as can; try again, or ask without waiting.",
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


class EventStream(Response):
    """Sends chunks as they come, until they end, the client goes, the server stops, or the time is over.

    Clients come again by themselves, and go on where they were: so that a stream's end costs them
    nothing, and in time they spread anew over the processes.

    Nothing piles up for a client that does not read: the next chunk is made when the last one has
    been taken, and after `send_timeout_seconds` without that the connection is cut.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        chunks: AsyncGenerator[bytes],
        seats: Seats,
        *,
        seconds_max: float,
        send_timeout_seconds: float,
    ) -> None:
        # `no-transform` and the second one keep proxies from holding events back.
        headers = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
        super().__init__(headers=headers)
        del self.headers["content-length"]
        self._chunks = chunks
        self._seats = seats
        self._seconds_max = seconds_max
        self._send_timeout_seconds = send_timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._seats.one():
            ends = [
                asyncio.ensure_future(one)
                for one in (
                    self._pump(scope, send),
                    until_gone(receive),
                    stopping_event(scope).wait(),
                    asyncio.sleep(self._seconds_max),
                )
            ]
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in ends:
                    one.cancel()
                await asyncio.wait(ends)
                await self._chunks.aclose()
            pumped = ends[0]
            if not pumped.cancelled() and (failure := pumped.exception()):
                raise failure
            await self._end(scope, send)

    async def _end(self, scope: Scope, send: Send) -> None:
        try:
            async with asyncio.timeout(self._send_timeout_seconds):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            cut_connection(scope)

    async def _pump(self, scope: Scope, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        async for chunk in self._chunks:
            message = {"type": "http.response.body", "body": chunk, "more_body": True}
            try:
                async with asyncio.timeout(self._send_timeout_seconds):
                    await send(message)
            except TimeoutError:
                cut_connection(scope)
                return


async def until_gone(receive: Receive) -> None:
    """Waits until the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


def stopping_event(scope: Scope) -> asyncio.Event:
    """Set when the server is asked to stop, where the server says so (see `HttpProtocol`)."""
    state: dict[str, Any] = scope.get("state", {})
    event: asyncio.Event = state.get("stopping") or asyncio.Event()
    return event


def cut_connection(scope: Scope) -> None:
    """Drops a client that does not read, with what the kernel still holds for it."""
    abort = scope.get("state", {}).get("abort")
    if abort is not None:
        abort()
