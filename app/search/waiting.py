"""`Prefer: wait=N` (RFC 7240) on a write: its answer comes when search finds what it wrote.

A new name of an author or tag with many articles is found once these have been moved, which comes
after the write; whoever waits, waits for that as well.
"""

import asyncio
import re
import time

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.archive.moves import is_moving, moves_begun
from app.changes.actions import last_number
from app.db.database import Database, DatabaseBusy
from app.search.index import SearchIndex

log = structlog.get_logger("byline.search")
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
        waiting = await run_in_threadpool(_Waiting, state.search, state.database)
        begun: Message | None = None
        is_written = False

        async def send_when_found(message: Message) -> None:
            nonlocal begun, is_written
            if message["type"] == "http.response.start" and message["status"] < 300:
                begun, is_written = message, True
                return
            is_end = message["type"] == "http.response.body" and not message.get("more_body")
            if is_written and is_end:
                is_found = await waiting.ends_within(seconds)
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


class _Waiting:
    """Waits for what one request writes; made before it is answered."""

    def __init__(self, index: SearchIndex | None, database: Database) -> None:
        self._index, self._database = index, database
        with database.reading() as session:
            self._before = last_number(session)
        self._wanted: int | None = None
        self._moving: set[str] | None = None

    async def ends_within(self, seconds: int) -> bool:
        """Whether search finds it within so many seconds from now."""
        until = time.monotonic() + seconds
        try:
            while not await run_in_threadpool(self._is_found):
                if self._index is None or time.monotonic() > until:
                    return False
                await asyncio.sleep(POLL_SECONDS)
        except DatabaseBusy:  # it is written all the same
            return False
        except Exception:
            log.exception("nobody knows whether search finds it")
            return False
        return True

    def _is_found(self) -> bool:
        if self._wanted is None:
            self._wanted = self._number_of_the_last()
        view = self._index.newest() if self._index else None
        return self._wanted is not None and view is not None and view.place.sequence >= self._wanted

    def _number_of_the_last(self) -> int | None:
        """The number of the last change that came of the request; None while more are to come."""
        with self._database.reading() as session:
            last = last_number(session)
            if self._moving is None:
                self._moving = moves_begun(session, self._before, last)
            return None if is_moving(session, self._moving) else last
