"""`/v1/changes`: following what changes, page by page or as a stream of events."""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from app.access.caller import Caller, Reader, reader_again
from app.articles.queries import check_body_forms, check_statuses, view_of
from app.changes.watch import Watch
from app.db.database import Database, DatabaseBusy
from app.single_flight import SingleFlight
from app.sync.models import (
    EVENT_SCHEMA,
    LIMIT_DEFAULT,
    MAX_AGE_SECONDS,
    Changes,
    ChangesQuery,
    StreamQuery,
    next_link,
)
from app.sync.queries import ChangesRead, Following, read_changes
from app.web.conditional import cache_control, json_response
from app.web.event_stream import EventStream, Seats, stopping_event, until_gone
from app.web.params import StrictRoute
from app.web.problems import Problem, busy_problem, problem_document
from app.web.sessions import Db

router = APIRouter(prefix="/v1/changes", tags=["changes"], route_class=StrictRoute)
HEARTBEAT_SECONDS = 15
RECONNECT_MILLISECONDS = 3000


@router.get("", operation_id="list_changes", response_model=Changes)
async def list_changes(
    request: Request, reader: Reader, db: Db, query: Annotated[ChangesQuery, Query()]
) -> Response:
    """Gives what has changed since a cursor, in order, each thing once in its latest state.

    Begin without `since` and go on with `page.next`: apply each `upsert` and each `remove`, and
    once `has_more` is false you hold exactly what `GET /v1/articles` gives with the same filters.
    A page is shorter than `limit` only at the end. Keep the cursor: it never expires, unless what
    your key may see has changed; that is a 410 that says where to begin again. `wait` holds the
    request until there is news.
    """
    following = _following(request, reader, query)
    read = await _read(db, reader, following, query.since, query.limit)
    if not read.data and query.wait:
        read = await _wait_for_news(request, db, following, read, query)
    page = {"next": read.next, "has_more": read.has_more}
    body = to_json({"data": read.data, "page": page})
    is_private = not reader.is_anonymous
    headers = {
        "Link": next_link(query.address(_endpoint(request), read.next)),
        "Cache-Control": cache_control(MAX_AGE_SECONDS, is_private),
    }
    return json_response(request, body, private=is_private, headers=headers)


@router.get(
    "/stream",
    operation_id="stream_changes",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {"schema": EVENT_SCHEMA}}}},
)
async def stream_changes(
    request: Request,
    reader: Reader,
    db: Db,
    query: Annotated[StreamQuery, Query()],
    last_event_id: Annotated[
        str | None,
        Header(
            alias="Last-Event-ID",
            max_length=500,
            description="The cursor to go on from, as browsers send it; it goes before `since`.",
        ),
    ] = None,
) -> Response:
    """Gives the same changes as they happen, as server-sent events.

    The `data` of each event is an entry as in `GET /v1/changes`. The `id` is the cursor: it comes
    with the last event of each batch, so that whoever was cut off in the middle of one gets it
    again. A comment with the `id` every 15 seconds says that the connection lives. A stream ends
    after a while, and clients come again with `Last-Event-ID`, as browsers do by themselves. When
    it must end, an event `problem` says why. A client that does not read is dropped.
    """
    following = _following(request, reader, query)
    # The first page is read before anything is sent, so that a wrong cursor is a proper answer.
    first = await _read(db, reader, following, last_event_id or query.since, LIMIT_DEFAULT)
    events = _events(request, db, following, first)
    seats: Seats = request.app.state.seats
    settings = request.app.state.settings
    return EventStream(
        events,
        seats,
        seconds_max=settings.stream_seconds_max,
        send_timeout_seconds=settings.stream_timeout_seconds,
    )


def _following(request: Request, reader: Caller, query: StreamQuery) -> Following:
    """What is asked for; 403 where the caller may not."""
    check_statuses(reader, query, "follow")
    view = view_of(query.fields, query.body)
    check_body_forms(view, reader.visibility)
    state = request.app.state
    start = query.address(_endpoint(request), since=None)
    return Following(query, view, state.cursor_secret, start, state.settings.article_url_template)


def _endpoint(request: Request) -> str:
    return f"{request.app.state.settings.base_url}{request.url.path}"


async def _read(
    db: Database, caller: Caller, following: Following, since: str | None, limit: int
) -> ChangesRead:
    def read() -> ChangesRead:
        with db.reading() as session:
            return read_changes(session, caller, following, since, limit)

    return await run_in_threadpool(read)


async def _read_on(
    request: Request, db: Database, following: Following, read: ChangesRead, limit: int
) -> ChangesRead:
    """Reads what comes after that, together with all who wait for the same: a write wakes them at once.

    What another began to read before the news came may not have it; then there still is news.
    """
    # A key that is revoked or may see less has to be noticed here too.
    caller = await reader_again(request)
    reads: SingleFlight[ChangesRead] = request.app.state.changes_read
    return await reads.do(
        following.key(caller, read.next, limit),
        lambda: _read(db, caller, following, read.next, limit),
    )


async def _wait_for_news(
    request: Request, db: Database, following: Following, read: ChangesRead, query: ChangesQuery
) -> ChangesRead:
    """Reads on, until there is something for this follower or `wait` is over."""
    deadline = time.monotonic() + query.wait
    with request.app.state.seats.one():
        while not read.data and await _news(request, read, deadline - time.monotonic()):
            read = await _read_on(request, db, following, read, query.limit)
    return read


async def _news(request: Request, read: ChangesRead, timeout_seconds: float) -> bool:
    """Whether a number after those read is taken before the time is over, or either side ends it."""
    watch: Watch = request.app.state.watch
    beyond = asyncio.ensure_future(watch.beyond(read.last_number, timeout_seconds))
    gone = asyncio.ensure_future(until_gone(request.receive))
    stopping = asyncio.ensure_future(stopping_event(request.scope).wait())
    waits = (beyond, gone, stopping)
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for one in waits:
        one.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    return not beyond.cancelled() and beyond.result()


async def _events(
    request: Request, db: Database, following: Following, read: ChangesRead
) -> AsyncGenerator[bytes]:
    watch: Watch = request.app.state.watch
    beginning = f"retry: {RECONNECT_MILLISECONDS}\n\n".encode()
    # What was read already leaves with it, however soon the stream is to end.
    yield beginning + read.events if read.data else beginning
    beat_at = time.monotonic() + HEARTBEAT_SECONDS
    try:
        while True:
            if not read.data:
                # What others write and this follower does not see must not move its heartbeat.
                await watch.beyond(read.last_number, max(0.0, beat_at - time.monotonic()))
                if time.monotonic() >= beat_at:
                    yield f": still here\nid: {read.next}\n\n".encode()
                    beat_at += HEARTBEAT_SECONDS
            read = await _read_on(request, db, following, read, LIMIT_DEFAULT)
            if read.data:
                yield read.events
                beat_at = time.monotonic() + HEARTBEAT_SECONDS
    except (Problem, DatabaseBusy) as error:
        problem = error if isinstance(error, Problem) else busy_problem()
        document = to_json(problem_document(problem, request.url.path)).decode()
        yield f"event: problem\ndata: {document}\n\n".encode()
