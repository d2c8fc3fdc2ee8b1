"""What every request passes through: id, log line, failures, body bound, HEAD, coded entity tags."""

import time
from collections.abc import Container

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.db.database import DatabaseBusy
from app.web import access_log
from app.web.metrics import Metrics
from app.web.problems import Problem, busy_problem, internal_problem, problem_response

log = structlog.get_logger("byline.http")


class RequestLog:
    """Gives each request an id, answers with it, and notes and counts it when the answer has left.

    A proxy's `X-Request-ID` is kept when it is plain. The query and the key never reach the log.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        began = time.perf_counter()
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), None)
        request_id = access_log.request_id(given)
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - began
            method, key_id = scope["method"], state.get("key_id")
            access_log.note(method, scope["path"], status, seconds * 1000, request_id, key_id)
            self.metrics.observe(method, self.metrics.route_of(scope), status, seconds)
            structlog.contextvars.clear_contextvars()


class Failures:
    """Turns what nobody caught into a problem; the traceback goes to the log, never to a client."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_noting_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_noting_start)
        except Exception as error:
            if scope["type"] != "http" or started:
                raise
            await problem_response(problem_of(error), scope)(scope, receive, send)


def problem_of(error: Exception) -> Problem:
    """What is said of an exception that nobody caught; what it was goes to the log."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, DatabaseBusy):
        log.warning("database busy", reason=str(error))
        return busy_problem()
    log.error("unexpected failure", exc_info=error)
    return internal_problem()


class BodyLimit:
    """Refuses a request body over the bound: at once when it says its length, else while it comes.

    `streamed` are the methods and paths of what reads its body piece by piece, each piece bounded.
    """

    def __init__(
        self, app: ASGIApp, bytes_max: int, streamed: Container[tuple[str, str]] = ()
    ) -> None:
        self.app = app
        self.bytes_max = bytes_max
        self.streamed = streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (scope["method"], scope["path"]) in self.streamed:
            await self.app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length) > self.bytes_max:
            raise self._too_large()
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.bytes_max:
                raise self._too_large()
            return message

        await self.app(scope, receive_counted, send)

    def _too_large(self) -> Problem:
        return Problem(413, "too-large", f"A request body may have {self.bytes_max} bytes at most.")


class HeadAsGet:
    """Answers HEAD with the headers of GET (RFC 9110, section 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        ended = False

        async def send_without_body(message: Message) -> None:
            nonlocal ended
            if message["type"] == "http.response.body":
                if ended:
                    return
                # An answer that would go on ends here; its sender then hears that nobody listens.
                ended, message = True, {"type": "http.response.body", "body": b""}
            await send(message)

        as_get = {**scope, "method": "GET"}
        await self.app(as_get, receive, send_without_body)
        scope["route"] = as_get.get("route")  # who counts requests sees this scope, not that one


class CodedEntityTags:
    """Gives each content coding of an answer its own strong entity tag.

    A compressed body is another representation (RFC 9110, section 8.8.3); `If-None-Match` and
    `If-Match` take the tag with and without the suffix.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_suffix(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                _add_suffix(headers)
                _name_once(headers)
            await send(message)

        await self.app(scope, receive, send_with_suffix)


def _name_once(headers: MutableHeaders) -> None:
    # Each layer adds what it varies by; a header named twice helps nobody.
    if "vary" in headers:
        named = {name.strip().title(): None for name in headers["vary"].split(",")}
        headers["vary"] = ", ".join(named)


def _add_suffix(headers: MutableHeaders) -> None:
    coding, tag = headers.get("content-encoding"), headers.get("etag")
    if coding and tag:
        headers["etag"] = f'{tag.removesuffix(chr(34)).removeprefix("W/")}-{coding}"'
