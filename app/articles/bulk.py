"""Many articles at once: each line is created or replaced by itself, many lines in one transaction."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy.exc import DataError, IntegrityError
from sqlmodel import Session

from app.access.caller import Caller
from app.archive.models import Article
from app.archive.queries import current_refs_of
from app.archive.refs import in_parts
from app.archive.selection import Selection
from app.archive.tables import article, article_body, article_with_body
from app.articles.actions import replace_article
from app.articles.creation import create_article, create_articles
from app.articles.models import ArticleLine, LineStatus
from app.articles.rows import COMPARED, NewArticle
from app.articles.submissions import NamedRefs, Submission, changes_nothing, submission
from app.db.database import Database, DatabaseBusy
from app.web.answers import failed
from app.web.lines import Line
from app.web.params import read_json, validated
from app.web.problems import Problem, internal_problem, not_found, validation_problem

log = structlog.get_logger("byline.bulk")
Model = TypeVar("Model", bound=BaseModel)
TURN_SECONDS = 0.15
"""A writer's turn ends then, so that other writers get theirs."""


@dataclass(frozen=True)
class PreparedLine:
    """A line, read and checked by itself: what to write, or why not.

    `sent` is rendered; it is left to the turn where the article that is there seems to have the
    same body.
    """

    number: int
    wanted: ArticleLine | Problem
    sent: Submission | None = None


class Bulk:
    """The articles of one bulk request. `turn` opens a writer's turn."""

    def __init__(
        self,
        database: Database,
        turn: Callable[[], AbstractContextManager[tuple[Session, Caller]]],
        *,
        language: str,
        publish: bool,
        path: str = "",
    ) -> None:
        self._database = database
        self._turn = turn
        self._language = language
        self._publish = publish
        self._path = path

    def prepare(self, lines: Sequence[Line]) -> list[PreparedLine]:
        """Reads, validates and renders the lines."""
        return self.prepare_read(
            [(line.number, read_line(line, lambda _: ArticleLine)) for line in lines]
        )

    def prepare_read(
        self, lines: Sequence[tuple[int, ArticleLine | Problem]]
    ) -> list[PreparedLine]:
        """Renders lines that were read already."""
        read = [PreparedLine(number, wanted) for number, wanted in lines]
        lengths = self._lengths([one.wanted for one in read if not isinstance(one.wanted, Problem)])
        return [self._rendered(one, lengths) for one in read]

    def write(self, lines: Sequence[PreparedLine]) -> list[dict[str, Any]]:
        """Writes as many of the lines as a turn has time for, in order; their answers."""
        with self._turn() as (session, caller):
            batch = _Batch(session, caller, lines, self._submission)
            until = time.perf_counter() + TURN_SECONDS
            for line in lines:
                batch.add(line)
                if time.perf_counter() > until:
                    break
            answers = batch.finish()
        return [self._answer(number, answers[number]) for number in sorted(answers)]

    def _answer(self, number: int, answer: "Written | Problem") -> dict[str, Any]:
        if isinstance(answer, Problem):
            return failed(number, answer, self._path)
        return {"line": number, **vars(answer)}

    def _submission(self, wanted: ArticleLine, **known: Any) -> Submission:
        publish = known.pop("publish", True) and self._publish
        return submission(
            wanted,
            language=self._language,
            publish=publish,
            article_id=wanted.id,
            history=wanted.history,
            **known,
        )

    def _rendered(self, line: PreparedLine, lengths: dict[str, int | None]) -> PreparedLine:
        wanted = line.wanted
        if isinstance(wanted, Problem):
            return line
        key = wanted.id or wanted.external_id
        length = wanted.body and len(wanted.body.source)
        if key in lengths and lengths[key] == length:
            return line
        try:
            return PreparedLine(line.number, wanted, self._submission(wanted))
        except Problem as problem:
            return PreparedLine(line.number, problem)

    def _lengths(self, wanted: Sequence[ArticleLine]) -> dict[str, int | None]:
        """How long the bodies are that the articles have now, by id and external id."""
        lengths: dict[str, int | None] = {}
        ids, external_ids = _keys(wanted)
        length = sa.func.length(article_body.c.body_source)
        try:
            with self._database.reading() as session:
                for column, asked in ((article.c.id, ids), (article.c.external_id, external_ids)):
                    for some in in_parts(asked):
                        found = (
                            sa.select(column, length)
                            .select_from(article_with_body)
                            .where(column.in_(some))
                        )
                        lengths |= dict(session.connection().execute(found).all())
        except DatabaseBusy:
            return {}  # it only saves rendering what will not change
        return lengths


def read_line(line: Line, model_of: Callable[[Any], type[Model]]) -> Model | Problem:
    """The document of a line, as the model that `model_of` it gives, or what is wrong with it."""
    if isinstance(line.data, Problem):
        return line.data
    try:
        document = read_json(line.data)
        return validated(model_of(document), document)
    except Problem as problem:
        return problem
    except RequestValidationError as error:
        return validation_problem(error)


def _keys(wanted: Sequence[ArticleLine]) -> tuple[set[str], set[str]]:
    """The ids and external ids that lines name."""
    ids = {one.id for one in wanted if one.id is not None}
    return ids, {one.external_id for one in wanted if one.external_id is not None}


@dataclass(frozen=True)
class Written:
    status: LineStatus
    id: str
    slug: str
    version: int


class _Batch:
    """Some lines in one transaction. New articles wait, to be written as a set."""

    def __init__(
        self,
        session: Session,
        caller: Caller,
        lines: Sequence[PreparedLine],
        submission_of: Callable[..., Submission],
    ) -> None:
        self._session = session
        self._caller = caller
        self._submission = submission_of
        self._answers: dict[int, Written | Problem] = {}
        self._new: list[tuple[int, Submission]] = []
        self._expected: set[str] = set()
        self._look_up([one.wanted for one in lines if not isinstance(one.wanted, Problem)])
        self._load_for_comparison(lines)

    def add(self, line: PreparedLine) -> None:
        """Takes a line. Its answer may have to wait for `finish`."""
        wanted = line.wanted
        if isinstance(wanted, Problem):
            self._answers[line.number] = wanted
            return
        if {wanted.id, wanted.external_id} & self._expected:
            self._create_new()  # an earlier line of this batch makes what this one names
        existing = self._find(wanted)
        if existing is not None and self._is_unchanged(line, wanted, existing):
            now = self._same_body[existing]
            self._answers[line.number] = Written("unchanged", now.id, now.slug, now.version)
        elif existing is not None:
            self._create_new()  # in order: this one may want a slug that one of them takes
            self._alone(line.number, lambda: self._replace(line, wanted, existing))
        elif self._caller.visibility.entitlement is not None:
            self._alone(line.number, lambda: self._create_entitled(line, wanted))
        else:
            self._expect(line, wanted)

    def finish(self) -> dict[int, Written | Problem]:
        """The answers, by the numbers of the lines that were taken."""
        self._create_new()
        return self._answers

    def _look_up(self, wanted: Sequence[ArticleLine]) -> None:
        """Finds the articles that lines name. What the caller may not see is not among them."""
        ids, external_ids = _keys(wanted)
        visible = Selection(self._session, self._caller.visibility).conditions()
        self._external_ids: dict[str, str | None] = {}
        for column, asked in ((article.c.id, ids), (article.c.external_id, external_ids)):
            for some in in_parts(asked):
                found = sa.select(article.c.id, article.c.external_id).where(
                    column.in_(some), *visible
                )
                self._external_ids |= dict(self._session.connection().execute(found).all())
        self._ids = {name: key for key, name in self._external_ids.items() if name is not None}

    def _load_for_comparison(self, lines: Sequence[PreparedLine]) -> None:
        """Loads what seems to have the body that was sent; so it is no longer than what was sent."""
        wanted = [
            one.wanted for one in lines if one.sent is None and not isinstance(one.wanted, Problem)
        ]
        ids = [one for one in map(self._find, wanted) if one is not None]
        columns = (column.label(name) for column, name in COMPARED.items())
        rows = sa.select(*columns).select_from(article_with_body)
        found = self._session.connection().execute(rows.where(article.c.id.in_(ids)))
        self._same_body = {row.id: NewArticle(**row._mapping) for row in found}
        self._refs_now = current_refs_of(self._session, ids)
        self._refs = NamedRefs(self._session, wanted)

    def _is_unchanged(self, line: PreparedLine, wanted: ArticleLine, article_id: str) -> bool:
        now = self._same_body.get(article_id)
        if now is None or line.sent is not None:
            return False
        try:
            refs = self._refs.of(wanted)
        except Problem:
            return False  # trying it will say so
        # What is rendered follows from the source, and so is not compared.
        unrendered = Submission(wanted, None, "", publish=False)
        sent = self._submission(wanted, prepared=unrendered, publish=now.withdrawn_at is None)
        return changes_nothing(sent, now, self._refs_now[article_id], refs)

    def _find(self, wanted: ArticleLine) -> str | None:
        """The id of the article that a line is about."""
        if wanted.id is not None:
            return wanted.id if wanted.id in self._external_ids else None
        return self._ids.get(wanted.external_id) if wanted.external_id is not None else None

    def _note(self, article_id: str, external_id: str | None) -> None:
        """Keeps what a line has made of an article, for the lines after it."""
        former = self._external_ids.get(article_id)
        if former is not None:
            self._ids.pop(former, None)
        self._external_ids[article_id] = external_id
        if external_id is not None:
            self._ids[external_id] = article_id

    def _expect(self, line: PreparedLine, wanted: ArticleLine) -> None:
        try:
            self._new.append((line.number, line.sent or self._submission(wanted)))
        except Problem as problem:
            self._answers[line.number] = problem
            return
        self._expected |= {key for key in (wanted.id, wanted.external_id) if key is not None}

    def _create_new(self) -> None:
        lines, self._new = self._new, []
        self._expected = set()
        if not lines:
            return
        try:
            with self._session.begin_nested():
                made = create_articles(self._session, self._caller, [one for _, one in lines])
        except (IntegrityError, DataError):
            # Nothing that was checked before; one of them is not to fail the others.
            for number, one in lines:
                self._alone(number, lambda one=one: self._create(one))  # type: ignore[misc]
            return
        for (number, _), new in zip(lines, made, strict=True):
            self._answers[number] = new if isinstance(new, Problem) else self._created(new)

    def _alone(self, number: int, write: Callable[[], Written]) -> None:
        """Writes one line; where it fails, nothing of it stays."""
        try:
            with self._session.begin_nested():
                self._answers[number] = write()
        except Problem as problem:
            self._answers[number] = problem
        except (IntegrityError, DataError) as error:
            log.error("unexpected failure", exc_info=error)
            self._answers[number] = internal_problem()

    def _create(self, one: Submission) -> Written:
        return self._created(create_article(self._session, self._caller, one))

    def _create_entitled(self, line: PreparedLine, wanted: ArticleLine) -> Written:
        if wanted.id is not None:
            # Whether it is beyond the entitlement, deleted or of nothing is not to be found out.
            raise not_found("article")
        return self._create(line.sent or self._submission(wanted))

    def _created(self, new: NewArticle) -> Written:
        self._note(new.id, new.external_id)
        return Written("created", new.id, new.slug, new.version)

    def _replace(self, line: PreparedLine, wanted: ArticleLine, article_id: str) -> Written:
        row = self._session.get_one(Article, article_id)
        version = row.version
        sent = self._submission(
            wanted, before=row, prepared=line.sent, publish=row.withdrawn_at is None
        )
        replace_article(self._session, self._caller, row, sent)
        self._same_body.pop(article_id, None)
        self._note(row.id, row.external_id)
        status: LineStatus = "unchanged" if row.version == version else "updated"
        return Written(status, row.id, row.slug, row.version)
