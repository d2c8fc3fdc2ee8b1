"""`Prefer: wait=N` (RFC 7240) on a write: its answer comes when search finds what it wrote."""

import asyncio
import re
import time

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.changes.actions import last_number
from app.db.database import Database
from app.search.index import SearchIndex

WAIT_SECONDS_MAX = 30
POLL_SECONDS = 0.02
_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?=$|[,;])", re.IGNORECASE)
_WRITES = {"POST", "PUT", "PATCH", "DELETE"}


class WaitForSearch:
    """Holds the end of a write's answer until the index has it, or so many seconds are over.

    `Preference-Applied` says so where it was held long enough, and the whole answer was there.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        seconds = _seconds(scope)
        if seconds is None:
            await self.app(scope, receive, send)
            return
        state = scope["app"].state
        begun: Message | None = None
        is_written = False

        async def send_when_found(message: Message) -> None:
            nonlocal begun, is_written
            if message["type"] == "http.response.start" and message["status"] < 300:
                begun, is_written = message, True
                return
            is_end = message["type"] == "http.response.body" and not message.get("more_body")
            if is_written and is_end:
                is_found = await _is_found(state.search, state.database, seconds)
                if begun is not None and is_found:
                    MutableHeaders(scope=begun)["Preference-Applied"] = f"wait={seconds}"
            if begun is not None:
                held, begun = begun, None
                await send(held)
            await send(message)

        await self.app(scope, receive, send_when_found)


def _seconds(scope: Scope) -> int | None:
    if scope["type"] != "http" or scope["method"] not in _WRITES:
        return None
    asked = _WAIT.search(",".join(Headers(scope=scope).getlist("prefer")))
    return min(int(asked.group(1)), WAIT_SECONDS_MAX) if asked else None


async def _is_found(index: SearchIndex | None, database: Database, seconds: int) -> bool:
    if index is None:
        return False

    def last() -> int:
        with database.reading() as session:
            return last_number(session)

    written, until = await run_in_threadpool(last), time.monotonic() + seconds
    while True:
        view = await run_in_threadpool(index.newest)
        if view is not None and view.place.sequence >= written:
            return True
        if time.monotonic() > until:
            return False
        await asyncio.sleep(POLL_SECONDS)
