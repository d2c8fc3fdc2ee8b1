"""Answering while the request is still coming: documents in, a line of answer for each, in order.

A batch is prepared while the one before is written, and there are never more than a few in memory:
who reads no answers is read no further.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any, Protocol

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from app.web.event_stream import cut_connection, stopping_event
from app.web.lines import Line, Splitter
from app.web.middleware import problem_of
from app.web.problems import Problem, problem_document, validation_problem

LINE_MEDIA_TYPES = ("application/x-ndjson", "application/jsonl", "application/json")
BATCH_LINES = 500
BATCH_BYTES = 2_000_000
BATCH_SECONDS = 0.2
"""A batch that does not fill up waits no longer: a slow sender gets answers too."""


class Prepared(Protocol):
    """A line, ready to be written."""

    @property
    def number(self) -> int: ...


class Work(Protocol):
    """What is done with the lines. Both methods run in threads, and may run at the same time."""

    def prepare(self, lines: Sequence[Line]) -> Sequence[Any]:
        """What can be done before the writer's turn: a `Prepared` for each line. Never raises."""
        ...

    def write(self, prepared: Sequence[Any]) -> Sequence[dict[str, Any]]:
        """Writes the first of them and gives their answers; it is called again for the rest."""
        ...


class LineAnswers(StreamingResponse):
    """The answers. What fails before the first is an answer of its own; after it, a failed line."""

    media_type = "application/x-ndjson"

    def __init__(
        self,
        splitter: Splitter,
        work: Work,
        *,
        path: str,
        lines_max: int,
        client_timeout_seconds: float,
    ) -> None:
        super().__init__((), headers={"Cache-Control": "no-store"})
        self._splitter = splitter
        self._work = work
        self._path = path
        self._lines_max = lines_max
        self._client_timeout_seconds = client_timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Starlette's own would wait for a disconnect, and take the request's body away with that.
        body = _Body(receive, stopping_event(scope), self._client_timeout_seconds)
        try:
            async with aclosing(self._answers(body)) as answers:
                first = await anext(answers, b"")
                await send(
                    {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
                )
                await self._send(send, first)
                async for some in answers:
                    await self._send(send, some)
            await send({"type": "http.response.body", "body": b""})
        except ClientDisconnect:
            return
        except TimeoutError:
            cut_connection(scope)

    async def _send(self, send: Send, some: bytes) -> None:
        async with asyncio.timeout(self._client_timeout_seconds):
            await send({"type": "http.response.body", "body": some, "more_body": True})

    async def _answers(self, body: "_Body") -> AsyncGenerator[bytes]:
        batches: asyncio.Queue[Any] = asyncio.Queue(maxsize=1)
        reading = asyncio.create_task(self._read(body, batches))
        last = 0
        try:
            while (batch := await batches.get()) is not None:
                if isinstance(batch, Exception):
                    if not last or isinstance(batch, ClientDisconnect):
                        raise batch
                    number = max(last + 1, self._splitter.number)
                    yield _as_lines([failed(number, problem_of(batch), self._path)])
                    return
                while batch:
                    answers = await self._written(batch, is_first=not last)
                    batch, last = batch[len(answers) :], answers[-1]["line"]
                    yield _as_lines(answers)
        finally:
            reading.cancel()
            await asyncio.wait({reading})

    async def _written(self, batch: Sequence[Any], *, is_first: bool) -> Sequence[dict[str, Any]]:
        try:
            return await run_in_threadpool(self._work.write, batch)
        except Exception as error:
            if is_first:
                raise
            problem = problem_of(error)
            return [failed(one.number, problem, self._path) for one in batch]

    async def _read(self, body: "_Body", batches: asyncio.Queue[Any]) -> None:
        try:
            async with aclosing(self._batches(body)) as read:
                async for lines in read:
                    await batches.put(await run_in_threadpool(self._work.prepare, lines))
            await batches.put(None)
        except Exception as error:  # it is told where the answers are made
            await batches.put(error)

    async def _batches(self, body: "_Body") -> AsyncGenerator[list[Line]]:
        batch = _Batch()
        try:
            async with aclosing(body.parts(batch.patience_seconds)) as parts:
                async for part in parts:
                    for line in self._splitter.feed(part or b""):
                        batch.add(self._bounded(line))
                        if batch.is_full:
                            yield batch.take()
                    if part is None:
                        yield batch.take()
            for line in self._splitter.end():
                batch.add(self._bounded(line))
        except Problem:
            if batch.lines:
                yield batch.take()
            raise
        if batch.lines:
            yield batch.take()

    def _bounded(self, line: Line) -> Line:
        if line.number > self._lines_max:
            detail = (
                f"A request may have {self._lines_max} lines at most; send the rest in another."
            )
            raise Problem(413, "too-many-lines", detail)
        return line


class _Batch:
    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._bytes = 0
        self._began = 0.0

    def add(self, line: Line) -> None:
        if not self.lines:
            self._began = asyncio.get_running_loop().time()
        self.lines.append(line)
        self._bytes += len(line.data) if isinstance(line.data, bytes) else 0

    def take(self) -> list[Line]:
        lines, self.lines, self._bytes = self.lines, [], 0
        return lines

    @property
    def is_full(self) -> bool:
        return len(self.lines) >= BATCH_LINES or self._bytes >= BATCH_BYTES

    def patience_seconds(self) -> float | None:
        """How long this batch can wait for more."""
        if not self.lines:
            return None
        return max(0.0, self._began + BATCH_SECONDS - asyncio.get_running_loop().time())


class _Body:
    """A request's body as it comes, until it ends, nothing comes any more, or the server stops."""

    def __init__(
        self, receive: Receive, stopping: asyncio.Event, client_timeout_seconds: float
    ) -> None:
        self._receive = receive
        self._stopping = stopping
        self._client_timeout_seconds = client_timeout_seconds

    async def parts(
        self, patience_seconds: Callable[[], float | None]
    ) -> AsyncGenerator[bytes | None]:
        """The parts of the body; None whenever the patience ends before the next one."""
        coming: asyncio.Future[Any] = asyncio.ensure_future(self._receive())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            while True:
                patience = patience_seconds()
                timeout = self._client_timeout_seconds if patience is None else patience
                await asyncio.wait(
                    {coming, stopping}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
                )
                if coming.done():
                    message = coming.result()
                    if message["type"] == "http.disconnect":
                        raise ClientDisconnect
                    yield message.get("body", b"")
                    if not message.get("more_body", False):
                        return
                    coming = asyncio.ensure_future(self._receive())
                elif stopping.done():
                    raise _cut_short(503, "stopping", "The server is about to stop")
                elif patience is None:
                    raise _cut_short(408, "request-timeout", "Nothing came for too long")
                else:
                    yield None
        finally:
            coming.cancel()
            stopping.cancel()


def _cut_short(status: int, kind: str, reason: str) -> Problem:
    return Problem(
        status,
        kind,
        f"{reason}; what has an answer is written, so send the rest again.",
        headers={"Retry-After": "1"},
    )


def failed(number: int, problem: Problem | RequestValidationError, path: str) -> dict[str, Any]:
    """The answer of a line that cannot be written."""
    if isinstance(problem, RequestValidationError):
        problem = validation_problem(problem)
    return {"line": number, "status": "failed", "problem": problem_document(problem, path)}


def _as_lines(answers: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(to_json(answer) + b"\n" for answer in answers)


def body_of_lines(model: type[BaseModel]) -> dict[str, Any]:
    """The request body of a route that reads lines itself, for the OpenAPI document."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    content: dict[str, Any] = {name: {"schema": schema} for name in LINE_MEDIA_TYPES}
    content["application/json"] = {"schema": {"type": "array", "items": schema}}
    return {"requestBody": {"required": False, "content": content}}
