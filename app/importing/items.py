"""Writing what was found in other people's files: many at a time, an answer for each."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from sqlalchemy.orm import lazyload
from sqlmodel import Session, col, select

from app.access.caller import Caller, newsroom
from app.archive.models import Article, Author, Tag, sort_key
from app.archive.shapes import TagKind
from app.articles.bulk import Bulk
from app.articles.models import ArticleLine
from app.authors.actions import create_author
from app.authors.models import AuthorCreate
from app.db.database import Database
from app.importing.actions import Status, published
from app.importing.found import Found, Passed, Unreadable
from app.tags.actions import create_tag
from app.tags.models import TagCreate
from app.web.params import is_id, validated
from app.web.problems import Problem, validation_problem

ITEMS_AT_ONCE = 200
Answer = dict[str, Any]
OWN = "urn:uuid:"
SLUG_TAKEN = "urn:byline:problem:slug-taken"


class ItemImport:
    """Imports the items of one file; `publish`: what was public where it comes from is public here."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        *,
        publish: bool,
        language: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._publish = publish
        self._seen: set[str] = set()
        self._drafts = Bulk(database, self._turn, language=language, publish=False)
        self._published = Bulk(database, self._turn, language=language, publish=publish)

    def answers(self, items: Iterable[Found | Passed]) -> Iterator[Answer]:
        """What became of each, in order. A file that breaks off is a last answer, which failed."""
        walk = iter(items)
        while True:
            broken: Unreadable | None = None
            some: list[Found | Passed] = []
            try:
                some.extend(islice(walk, ITEMS_AT_ONCE))
            except Unreadable as error:
                broken = error
            yield from self._written(some)
            if broken is not None:
                yield {"status": "failed", "detail": broken.detail}
            if broken is not None or len(some) < ITEMS_AT_ONCE:
                return

    def _written(self, items: Sequence[Found | Passed]) -> Iterator[Answer]:
        found = [one for one in items if isinstance(one, Found)]
        lines, answers = self._lines(found)
        answers |= self._bulk(found, lines)
        taken = [
            place
            for place, answer in answers.items()
            if answer.get("type") == SLUG_TAKEN and "slug" in found[place].fields
        ]
        for place in taken:
            lines[place] = _without_slug(lines[place])
        if taken:
            answers |= self._bulk(found, {place: lines[place] for place in taken})
        places = iter(range(len(found)))
        for one in items:
            if isinstance(one, Passed):
                status = "failed" if one.is_wrong else "skipped"
                yield {"item": one.item, "status": status, "detail": one.detail}
            else:
                yield {"item": one.item, **self._said(one, answers[next(places)])}

    def _said(self, one: Found, answer: Answer) -> Answer:
        answer.pop("type", None)
        is_dated = "published_at" in one.fields
        if answer["status"] == "created" and self._publish and one.is_public and not is_dated:
            answer["detail"] = "says no date, so it is published as of now"
        return answer

    def _bulk(
        self, found: Sequence[Found], lines: dict[int, ArticleLine | Problem]
    ) -> dict[int, Answer]:
        answers: dict[int, Answer] = {}
        for bulk, is_public in ((self._published, True), (self._drafts, False)):
            some = [
                (place, line)
                for place, line in lines.items()
                if found[place].is_public == is_public
            ]
            prepared = bulk.prepare_read(some)
            while prepared:
                written = bulk.write(prepared)
                prepared = prepared[len(written) :]
                for answer in written:
                    answers[answer.pop("line")] = _told(answer)
        return answers

    def _lines(
        self, found: Sequence[Found]
    ) -> tuple[dict[int, ArticleLine | Problem], dict[int, Answer]]:
        """The lines to write, and the answers to what has not changed where it comes from.

        What was edited here since stays as it was edited, until the other side changes too.
        """
        lines: dict[int, ArticleLine | Problem] = {}
        answers: dict[int, Answer] = {}
        with self._turn() as (session, caller):
            names = _Names(session, caller)
            external_ids = [one.fields.get("external_id", "") for one in found]
            known, own = _known(session, external_ids), _own(session, external_ids)
            for place, one in enumerate(found):
                external_id, digest = external_ids[place], _digest(one)
                article = known.get(external_id)
                if not external_id:
                    answers[place] = {"status": "failed", "detail": "has no id that can be kept"}
                elif external_id in self._seen:
                    detail = "has the id of an item before it"
                    answers[place] = {"status": "failed", "detail": detail}
                elif external_id in own:
                    answers[place] = {
                        "status": "skipped",
                        "detail": "is an article of this newsroom",
                    }
                elif article is not None and article.extra.get("sha256") == digest:
                    answers[place] = self._again(session, caller, one, article)
                else:
                    fields = one.fields | {"metadata": {"sha256": digest}}
                    if article is not None:
                        fields.pop("slug", None)  # it has one, and may have been given another
                    lines[place] = _line(names, one, fields)
                self._seen.add(external_id)
        return lines, answers

    def _again(self, session: Session, caller: Caller, one: Found, article: Article) -> Answer:
        status: Status = "unchanged"
        if self._publish and one.is_public:
            try:
                with session.begin_nested():
                    article, status = published(session, caller, article)
            except Problem as problem:
                return {"status": "failed", "detail": problem.detail}
        return {
            "status": status,
            "id": article.id,
            "slug": article.slug,
            "version": article.version,
        }

    @contextmanager
    def _turn(self) -> Iterator[tuple[Session, Caller]]:
        with self._database.writing() as session:
            yield session, newsroom(self._clock())


def _told(answer: Answer) -> Answer:
    """An answer without what only HTTP needs; the type of its problem is for whoever tries again."""
    problem = answer.pop("problem", None)
    if problem is not None:
        answer |= {name: problem[name] for name in ("type", "detail", "errors") if name in problem}
    return answer


def _without_slug(line: ArticleLine | Problem) -> ArticleLine | Problem:
    if isinstance(line, Problem):
        return line
    return ArticleLine.model_validate(line.model_dump(exclude_unset=True, exclude={"slug"}))


def _line(names: "_Names", one: Found, fields: dict[str, Any]) -> ArticleLine | Problem:
    try:
        validated(ArticleLine, fields)  # before authors and tags are made for it
        fields |= {"authors": names.authors(one.authors), "tags": names.tags(one.tags)}
        return validated(ArticleLine, fields)
    except Problem as problem:
        return problem
    except RequestValidationError as error:
        return validation_problem(error)
    except ValidationError as error:  # of an author or a tag
        first = error.errors()[0]
        said = f"{first['input']!r}: {first['msg']}"
        return Problem(422, "invalid", f"An author or tag cannot be made of {said}")


def _digest(one: Found) -> str:
    """The same as long as nothing changes where the item comes from."""
    said = json.dumps([one.fields, one.authors, one.tags, one.is_public], default=str)
    return hashlib.sha256(said.encode()).hexdigest()


def _known(session: Session, external_ids: Sequence[str]) -> dict[str, Article]:
    asked = select(Article).where(col(Article.external_id).in_(external_ids))
    found = session.exec(asked.options(lazyload("*")))  # bodies are long, and not looked at
    return {one.external_id: one for one in found if one.external_id is not None}


def _own(session: Session, external_ids: Sequence[str]) -> set[str]:
    """Those of the names that are of articles of this newsroom, as its own feeds have them."""
    ids = [one.removeprefix(OWN) for one in external_ids if one.startswith(OWN)]
    found = session.exec(select(Article.id).where(col(Article.id).in_(filter(is_id, ids))))
    return {f"{OWN}{one}" for one in found}


class _Names:
    """Authors and tags by their names; those that are not there are made. Two spellings of one name
    are one."""

    def __init__(self, session: Session, caller: Caller) -> None:
        self._session = session
        self._caller = caller
        self._known: dict[tuple[str, str], str] = {}

    def authors(self, names: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(map(self._author, names)))

    def tags(self, named: Iterable[tuple[str, TagKind]]) -> list[str]:
        return list(dict.fromkeys(self._tag(*one) for one in named))

    def _author(self, name: str) -> str:
        key = ("author", sort_key(name))
        if key not in self._known:
            same = select(Author.id).where(col(Author.name_key) == key[1]).order_by(Author.id)
            there = self._session.exec(same).first()
            self._known[key] = (
                there or create_author(self._session, self._caller, AuthorCreate(name=name)).id
            )
        return self._known[key]

    def _tag(self, name: str, kind: TagKind) -> str:
        """The tag of that name, of that kind if there is one."""
        key = (f"tag {kind}", sort_key(name))
        if key not in self._known:
            is_other = sa.case((col(Tag.kind) == kind, 0), else_=1)
            same = select(Tag.id).where(col(Tag.name_key) == key[1]).order_by(is_other, Tag.id)
            there = self._session.exec(same).first()
            wanted = TagCreate(name=name, kind=kind)
            self._known[key] = there or create_tag(self._session, self._caller, wanted).id
        return self._known[key]
