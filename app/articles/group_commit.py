"""Group commit: articles that clients create at the same time are written in one transaction.

A commit that survives a power cut takes as long for fifty articles as for one, and so do most
statements. Nobody waits for company: a create that comes alone is written at once, and what comes
while others are being written is the next group.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from app.access.caller import Caller, writing
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


@dataclass(frozen=True)
class Create:
    """A request to create an article, and where its answer is awaited."""

    request: Request
    caller: Caller
    wanted: ArticleCreate
    publish: bool
    answer: Future[Response] = field(default_factory=Future)

    def prepared(self) -> Submission:
        """Renders the body; raises 422 where that would take too long."""
        language = self.request.app.state.settings.language
        return submission(self.wanted, language=language, publish=self.publish)

    def alone(self, once: Once) -> Response:
        """Its answer, created in a transaction of its own."""
        return create_alone(self.request, self.caller, self.prepared(), once)

    @property
    def is_long(self) -> bool:
        return self.wanted.body is not None and len(self.wanted.body.source) > SHORT_CHARACTERS_MAX


class GroupCommit:
    """Writes the creates of one process, group after group, in a thread of its own.

    Each is checked and answered by itself; where a group fails in a way that no check foresaw,
    its members are written one by one.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._is_writing = False

    @property
    def is_writing(self) -> bool:
        return self._is_writing

    @property
    def waiting_count(self) -> int:
        """Creates that no group has taken yet."""
        return len(self._waiting)

    async def create(self, one: Create) -> Response:
        """The answer, once the article is there for good. Raises what keeps it from being."""
        sent = await run_in_threadpool(one.prepared) if one.is_long else None
        with self._lock:
            self._waiting.append((one, sent))
            begins, self._is_writing = not self._is_writing, True
        if begins:
            asyncio.get_running_loop().run_in_executor(None, self._write_all)
        return await asyncio.wrap_future(one.answer)

    def _write_all(self) -> None:
        while group := self._next_group():
            self._write(group)

    def _next_group(self) -> "list[_Waiting]":
        """Those that wait, as many as may; none, and the thread ends, when nobody does."""
        with self._lock:
            group: list[_Waiting] = []
            while self._waiting and len(group) < GROUP_MAX:
                waiting = self._waiting.popleft()
                # From here on a client that goes away does not take its article back.
                if waiting[0].answer.set_running_or_notify_cancel():
                    group.append(waiting)
            self._is_writing = bool(group)
            return group

    def _write(self, group: "Sequence[_Waiting]") -> None:
        ready: list[tuple[Create, Submission]] = []
        for one, sent in group:
            with _told(one):
                ready.append((one, sent or one.prepared()))
        if len(ready) > 1 and self._write_together(ready):
            return
        for one, prepared in ready:
            with _told(one):
                one.answer.set_result(create_alone(one.request, one.caller, prepared))

    def _write_together(self, group: Sequence[tuple[Create, Submission]]) -> bool:
        """Writes them in one transaction and tells each; says no when nothing of it was kept."""
        try:
            with self._database.writing() as session:
                now = self._clock()
                callers = [one.caller.at(now) for one, _ in group]
                sent = [prepared for _, prepared in group]
                made = create_for_each(session, list(zip(callers, sent, strict=True)))
                ids = [one.id for one in made if not isinstance(one, Problem)]
                # Whoever may write, without an entitlement, sees every article.
                found = queries.find_articles(session, callers[0].visibility, ids, WHOLE)
                links = queries.load_links(session, ids)
        except DatabaseBusy as error:
            for one, _ in group:
                one.answer.set_exception(DatabaseBusy(str(error)))
            return True
        except Exception as error:
            # Nothing that was checked before; one of them is not to fail the others.
            log.warning("a group is written one by one", exc_info=error)
            return False
        for (one, _), caller, new in zip(group, callers, made, strict=True):
            with _told(one):
                if isinstance(new, Problem):
                    raise new
                one.answer.set_result(_created(one.request, caller, found[new.id], links))
        return True


_Waiting = tuple[Create, Submission | None]


@contextmanager
def _told(one: Create) -> Iterator[None]:
    """Whatever goes wrong with one create is for whoever awaits it, and for nobody else."""
    try:
        yield
    except Exception as error:
        one.answer.set_exception(error)


def create_alone(
    request: Request, caller: Caller, sent: Submission, once: Once | None = None
) -> Response:
    """Creates one article in a transaction of its own; its answer, kept where it is to be."""
    with writing(request, caller, once) as (session, caller):
        new = create_article(session, caller, sent)
        found = queries.find_article(session, caller.visibility, new.id, WHOLE)
        answer = _created(request, caller, found, queries.load_links(session, [new.id]))
        return once.keep(session, answer) if once else answer


def _created(request: Request, caller: Caller, row: Any, links: queries.Links) -> Response:
    answer = article_response(request, caller, row, links, view=WHOLE, status=201)
    base_url = request.app.state.settings.base_url
    answer.headers["Location"] = f"{base_url}/v1/articles/{row.slug}"
    return answer
