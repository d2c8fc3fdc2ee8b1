"""Bringing a copy of a newsroom in, line by line: what is new as it was, what is there as bulk does."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby
from typing import IO, Any

from sqlalchemy.exc import DataError, IntegrityError
from sqlmodel import Session

from app.access.caller import Caller, newsroom
from app.archive.models import Author, Tag
from app.archive.refs import keep_former_refs
from app.articles.bulk import Bulk, read_line
from app.articles.models import ArticleLine
from app.authors.actions import create_author, replace_author
from app.changes.actions import record_removal
from app.changes.queries import last_revision
from app.copies.records import RECORDS, AuthorRecord, Record, RemovedRecord, TagRecord
from app.db.database import Database
from app.tags.actions import create_tag, replace_tag
from app.web.answers import failed
from app.web.lines import ArraySplitter, Line, NdjsonSplitter
from app.web.problems import Problem, internal_problem, invalid_field

LINE_BYTES_MAX = 100_000_000
PART_BYTES = 65_536
LINES_AT_ONCE = 500
Read = tuple[int, ArticleLine | Record | Problem]
Answer = dict[str, Any]


def import_lines(
    database: Database,
    file: IO[bytes],
    clock: Callable[[], datetime],
    *,
    publish: bool,
    language: str,
    is_array: bool = False,
) -> Iterator[Answer]:
    """Imports an export, or lines or an array as a bulk request has them; an answer for each, in order."""

    @contextmanager
    def turn() -> Iterator[tuple[Session, Caller]]:
        with database.writing() as session:
            yield session, newsroom(clock())

    bulk = Bulk(database, turn, language=language, publish=publish)
    splitter = ArraySplitter if is_array else NdjsonSplitter
    for lines in _batches(file, splitter(LINE_BYTES_MAX)):
        read: list[Read] = [(line.number, read_line(line, _model_of)) for line in lines]
        for is_article, some in groupby(read, lambda one: isinstance(one[1], ArticleLine)):
            if is_article:
                answers = list(_written(bulk, list(some)))
            else:
                with turn() as (session, caller):
                    answers = [_restored(session, caller, *one) for one in some]
            yield from map(_told, answers)


def _told(answer: Answer) -> Answer:
    """An answer without what only HTTP needs."""
    problem = answer.pop("problem", None)
    if problem is not None:
        answer |= {name: problem[name] for name in ("detail", "errors") if name in problem}
    return answer


def _batches(file: IO[bytes], splitter: NdjsonSplitter | ArraySplitter) -> Iterator[list[Line]]:
    lines = list[Line]()
    while part := file.read(PART_BYTES):
        lines += splitter.feed(part)
        if len(lines) >= LINES_AT_ONCE:
            yield lines
            lines = []
    lines += splitter.end()
    if lines:
        yield lines


def _model_of(document: Any) -> type[ArticleLine | Record]:
    """Lines without a type are articles, as bulk takes them."""
    if not isinstance(document, dict) or "type" not in document:
        return ArticleLine
    model = RECORDS.get(str(document["type"]))
    if model is None:
        raise invalid_field("/type", f"must be {', '.join(RECORDS)}")
    return model


def _written(bulk: Bulk, articles: Sequence[Any]) -> Iterator[Answer]:
    prepared = bulk.prepare_read(articles)
    while prepared:
        answers = bulk.write(prepared)
        prepared = prepared[len(answers) :]
        yield from answers


def _restored(session: Session, caller: Caller, number: int, record: Any) -> Answer:
    try:
        if isinstance(record, Problem):
            raise record
        with session.begin_nested():
            return {"line": number, **_restore(session, caller, record)}
    except Problem as problem:
        refused = problem
    except (IntegrityError, DataError):
        refused = internal_problem()
    return failed(number, refused, "")


def _restore(session: Session, caller: Caller, record: Record) -> Answer:
    match record:
        case AuthorRecord():
            author = session.get(Author, record.id)
            return _named(session, caller, record, author, create_author, replace_author)
        case TagRecord():
            tag = session.get(Tag, record.id)
            return _named(session, caller, record, tag, create_tag, replace_tag)
        case RemovedRecord():
            return _removal(session, caller, record)
    raise AssertionError("articles are written by bulk")


def _named(
    session: Session,
    caller: Caller,
    record: AuthorRecord | TagRecord,
    there: Any,
    create: Callable[..., Any],
    replace: Callable[..., Any],
) -> Answer:
    """Makes an author or tag as it was, or gives the one that is `there` this content."""
    if there is None:
        _check_never_there(session, record.id)
        made = create(session, caller, record, history=record.history)
        return {"status": "created", "id": made.id, "slug": made.slug}
    version = there.version
    replace(session, caller, there, record)
    return _answer(there, version)


def _answer(there: Author | Tag, version: int) -> Answer:
    status = "unchanged" if there.version == version else "updated"
    return {"status": status, "id": there.id, "slug": there.slug}


def _check_never_there(session: Session, thing_id: str) -> None:
    if last_revision(session, thing_id) is not None:
        raise Problem(409, "id-taken", "Something else had this `id`.")


def _removal(session: Session, caller: Caller, record: RemovedRecord) -> Answer:
    """Keeps in mind what was deleted elsewhere. What is there is not deleted by it."""
    if last_revision(session, record.id) is not None:
        return {"status": "unchanged", "id": record.id, "slug": None}
    record_removal(
        session, record.kind, record.id, record.version, "deleted",
        at=record.at, key_id=caller.key_id, snapshot=record.snapshot,
    )  # fmt: skip
    keep_former_refs(session, record.kind, record.former_refs, record.id)
    return {"status": "created", "id": record.id, "slug": None}
