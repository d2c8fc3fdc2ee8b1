"""Group commit: articles that clients create at the same time are written in one transaction.

A commit that survives a power cut takes as long for fifty articles as for one, and so do most
statements. Nobody waits for company: a create that comes alone is written at once, and what comes
while others are being written is the next group. Its bodies are rendered meanwhile.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from app.access.caller import Caller, key_problems, writing, writing_on
from app.access.idempotency import Once
from app.articles import queries
from app.articles.answers import WHOLE, article_response
from app.articles.creation import create_article, create_for_each
from app.articles.models import ArticleCreate
from app.articles.submissions import Submission, submission
from app.db.database import Database, DatabaseBusy
from app.web.problems import Problem

log = structlog.get_logger("byline.articles")
GROUP_MAX = 64
"""Articles of one transaction, so that other writers get their turn."""
SHORT_CHARACTERS_MAX = 20_000
"""A longer body is rendered in a thread of its own, for the others of its group not to wait."""
THREADS = 2
"""One renders while the other waits for the disk."""


@dataclass(frozen=True)
class Create:
    """A request to create an article."""

    request: Request
    caller: Caller
    wanted: ArticleCreate
    publish: bool

    def prepared(self) -> Submission:
        """Renders the body; raises 422 where that would take too long."""
        language = self.request.app.state.settings.language
        return submission(self.wanted, language=language, publish=self.publish)

    def alone(self, once: Once) -> Response:
        """Its answer, created in a transaction of its own, and kept where it is to be."""
        prepared = self.prepared()
        with writing(self.request, self.caller, once) as (session, caller):
            return once.keep(session, _create(session, self.request, caller, prepared))

    @property
    def is_long(self) -> bool:
        return self.wanted.body is not None and len(self.wanted.body.source) > SHORT_CHARACTERS_MAX


@dataclass(eq=False)
class _Waiting:
    """A create that is awaited on an event loop, and what comes of it there."""

    create: Create
    sent: Submission | None
    answer: asyncio.Future[Response]
    outcome: Response | Exception | None = field(default=None, init=False)

    def tell(self) -> None:
        """For the event loop. A client that has gone away is told nothing."""
        if self.answer.done():
            return
        if isinstance(self.outcome, Response):
            self.answer.set_result(self.outcome)
        else:
            self.answer.set_exception(self.outcome or RuntimeError("no outcome"))


class GroupCommit:
    """Writes the creates of one process, group after group, in threads of its own.

    Each is checked and answered by itself; where a group fails in a way that no check foresaw,
    its members are written one by one.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._prepared: deque[_Waiting] = deque()
        self._threads = 0
        self._is_writing = False

    @property
    def is_writing(self) -> bool:
        return self._is_writing

    @property
    def prepared_count(self) -> int:
        """Creates that no group has taken yet, and that are ready for one."""
        return len(self._prepared)

    async def create(self, create: Create) -> Response:
        """The answer, once the article is there for good. Raises what keeps it from being."""
        loop = asyncio.get_running_loop()
        sent = await run_in_threadpool(create.prepared) if create.is_long else None
        one = _Waiting(create, sent, loop.create_future())
        with self._lock:
            self._waiting.append(one)
            begins = self._threads < THREADS
            self._threads += begins
        if begins:
            try:
                loop.run_in_executor(None, self._work)
            except RuntimeError as error:  # no thread can be had
                self._give_up(error)
        return await one.answer

    def _give_up(self, error: Exception) -> None:
        """Fails all that nobody would write any more."""
        with self._lock:
            self._threads -= 1
            left = [] if self._threads else [*self._waiting, *self._prepared]
            if left:
                self._waiting.clear()
                self._prepared.clear()
        _fail(left, error)

    def _work(self) -> None:
        """Renders what waits for it, then writes what waits for that, unless another thread does."""
        while True:
            one, group = None, []
            with self._lock:
                may_write = bool(self._prepared) and not self._is_writing
                if may_write and (not self._waiting or len(self._prepared) >= GROUP_MAX):
                    group, self._is_writing = self._next_group(), True
                elif self._waiting:
                    one = self._waiting.popleft()
                else:
                    self._threads -= 1
                    return
            try:
                if one is not None:
                    self._prepare(one)
                else:
                    self._write(group)
            except BaseException as error:  # a library's panic is none of Exception
                _fail([one] if one is not None else group, error)
            if one is None:
                with self._lock:
                    self._is_writing = False

    def _prepare(self, one: _Waiting) -> None:
        with _noted(one):
            one.sent = one.sent or one.create.prepared()
        if one.outcome is None:
            with self._lock:
                self._prepared.append(one)
        else:
            _tell([one])

    def _next_group(self) -> list[_Waiting]:
        count = min(len(self._prepared), GROUP_MAX)
        taken = [self._prepared.popleft() for _ in range(count)]
        # From here on a client that goes away does not take its article back.
        return [one for one in taken if not one.answer.cancelled()]

    def _write(self, group: Sequence[_Waiting]) -> None:
        if len(group) > 1 and self._write_together(group):
            _tell(group)
            return
        for one in group:
            with _noted(one):
                request, sent = one.create.request, one.sent
                assert sent is not None  # noqa: S101 (no group takes it before)
                with writing_on(request, one.create.caller) as (session, caller):
                    answer = _create(session, request, caller, sent)
                one.outcome = answer
            _tell([one])

    def _write_together(self, group: Sequence[_Waiting]) -> bool:
        """Writes them in one transaction; says no when nothing of it was kept."""
        try:
            with self._database.writing() as session:
                now = self._clock()
                callers = [one.create.caller.at(now) for one in group]
                refused = key_problems(session, callers)
                wanted = [
                    (caller, one.sent)
                    for caller, one in zip(callers, group, strict=True)
                    if caller.key_id not in refused and one.sent is not None
                ]
                new = iter(create_for_each(session, wanted))
                made = [refused.get(one.key_id) or next(new) for one in callers]
                ids = [one.id for one in made if not isinstance(one, Problem)]
                # Whoever may write, without an entitlement, sees every article.
                found = queries.find_articles(session, callers[0].visibility, ids, WHOLE)
                links = queries.load_links(session, ids)
        except DatabaseBusy as error:
            for one in group:
                one.outcome = DatabaseBusy(str(error))
            return True
        except Exception as error:
            # Nothing that was checked before; one of them is not to fail the others.
            log.warning("a group is written one by one", exc_info=error)
            return False
        for one, caller, article in zip(group, callers, made, strict=True):
            with _noted(one):
                if isinstance(article, Problem):
                    raise article
                one.outcome = _created(one.create.request, caller, found[article.id], links)
        return True


@contextmanager
def _noted(one: _Waiting) -> Iterator[None]:
    """Whatever goes wrong with one create is for whoever awaits it, and for nobody else."""
    try:
        yield
    except Exception as error:
        one.outcome = error


def _fail(group: Sequence[_Waiting], error: BaseException) -> None:
    """Has none of them wait for ever."""
    failed = RuntimeError("an article could not be created")
    failed.__cause__ = error
    for one in group:
        one.outcome = one.outcome or failed
    _tell(group)


def _tell(group: Sequence[_Waiting]) -> None:
    """Has the event loop give them their answers, all in one turn."""
    for loop in {one.answer.get_loop() for one in group}:
        there = [one for one in group if one.answer.get_loop() is loop]
        # Where the loop has ended, nobody waits any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_tell_each, there)


def _tell_each(group: Sequence[_Waiting]) -> None:
    for one in group:
        one.tell()


def _create(session: Session, request: Request, caller: Caller, sent: Submission) -> Response:
    new = create_article(session, caller, sent)
    found = queries.find_article(session, caller.visibility, new.id, WHOLE)
    return _created(request, caller, found, queries.load_links(session, [new.id]))


def _created(request: Request, caller: Caller, row: Any, links: queries.Links) -> Response:
    answer = article_response(request, caller, row, links, view=WHOLE, status=201)
    base_url = request.app.state.settings.base_url
    answer.headers["Location"] = f"{base_url}/v1/articles/{row.slug}"
    return answer
