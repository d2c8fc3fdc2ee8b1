"""Cold reads by the short way: from the address to the bytes, without FastAPI and SQLAlchemy.

What it answers is what the long way answers, byte for byte, for readers of what is public, keys
with entitlements among them. Whatever it cannot do, or finds nothing for, it leaves to the long
way, with all errors: it never says more than the long way would, nor anything first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import to_json
from starlette.datastructures import State

from app.access.visibility import ArticleFilter, Visibility, refs_in
from app.archive.filter import ResolvedFilter, filter_by_ids, tag_refs_of
from app.articles.models import ArticleQuery, ArticleView
from app.articles.queries import View, view_of
from app.db.database import Database
from app.express.joining import Joiner, NotWritten, cut, with_body
from app.express.names import Names, Unknown
from app.express.plans import NOT_LOOKED, NOTHING, Chosen, NotPlain, Plan, Plans, Shape
from app.express.readers import Reader
from app.web.conditional import cache_control, entity_tag
from app.web.pages import Paging
from app.web.params import given_parameters, is_id, parameters_of
from app.web.problems import Problem
from app.web.server import Headers

Rows = Sequence[Any] | None
"""What a `Reader` reads; None where it cannot."""
LIST, ITEM = "/v1/articles", "/v1/articles/"
TRIES = 5
"""Names may have to be looked up first, and may change while they are."""
QUERY_LENGTH_KEPT = 500
"""Longer query strings are validated each time, so that nobody fills the memory with them."""


class NotHere(Exception):
    """The long way is to be gone."""


_LONG_WAY = (NotHere, NotPlain, NotWritten, Problem, ValidationError)


@dataclass(frozen=True, slots=True)
class Made:
    """An answer of status 200 before its content coding, without `Vary`; `template` is that of its
    route."""

    headers: Headers
    body: bytes
    tag: str
    template: str


class Reads:
    """Reads articles for whoever sees what is public."""

    def __init__(self, app: State, database: Database, reader: Reader) -> None:
        self._app = app
        self._reader = reader
        self._plans = Plans(reader.dialect, reader.as_bytes)
        self._names = Names(database)
        self._joiner = Joiner(self._names, app.settings.article_url_template)
        self._cache_control = {
            private: cache_control(app.settings.cache_max_age_seconds, private).encode()
            for private in (False, True)
        }

    @property
    def are_immediate(self) -> bool:
        """Whether `answer_at_once` can answer anything."""
        return self._reader.is_immediate

    async def answer(
        self, path: str, query: bytes, visibility: Visibility, now: datetime, private: bool
    ) -> Made | None:
        """The answer to a GET; None where the long way is to be gone."""
        try:
            for _ in range(TRIES):
                try:
                    reading = self._reading(path, query, visibility, now)
                    rows = await self._reader.rows(reading.sql, reading.parameters)
                    if reading.further is not None:
                        reading = reading.further(rows)
                        rows = await self._reader.rows(reading.sql, reading.parameters)
                    return self._made(reading, rows, private)
                except Unknown as unknown:
                    if not await self._names.look_up(unknown):
                        return None
        except _LONG_WAY:
            pass
        return None

    def answer_at_once(
        self, path: str, query: bytes, visibility: Visibility, now: datetime, private: bool
    ) -> Made | None:
        """The same without waiting; None also where names have to be looked up first."""
        try:
            reading = self._reading(path, query, visibility, now)
            rows = self._reader.rows_at_once(reading.sql, reading.parameters)
            if reading.further is not None:
                reading = reading.further(rows)
                rows = self._reader.rows_at_once(reading.sql, reading.parameters)
            return self._made(reading, rows, private)
        except (Unknown, *_LONG_WAY):
            return None

    def _reading(
        self, path: str, query: bytes, visibility: Visibility, now: datetime
    ) -> "_Reading":
        if visibility.previews or visibility.embargoed:
            raise NotHere
        if path == LIST:
            return self._list(query, visibility, now)
        ref = path.removeprefix(ITEM)
        if ref == path or not ref or "/" in ref or "\x00" in ref:
            raise NotHere
        return self._article(ref, query, visibility, now)

    def _article(self, ref: str, query: bytes, visibility: Visibility, now: datetime) -> "_Reading":
        asked = _asked(ArticleView, query)
        view = _view(asked.fields, asked.body, "html")
        named_by_id = is_id(ref)
        plan, shape = self._plans.of_article(
            now,
            self._resolved(visibility.entitlement),
            ref.lower() if named_by_id else ref,
            is_id=named_by_id,
            forms=view.body_forms,
        )
        return self._planned(plan, shape, view, None)

    def _list(self, query: bytes, visibility: Visibility, now: datetime) -> "_Reading":
        asked = _asked(ArticleQuery, query)
        paging = Paging(
            self._app, LIST, asked, "articles", visibility.fingerprint, ("fields", "body", "count")
        )
        wanted = paging.params
        if wanted.count != "none" or refs_in(wanted.status) - {"published"}:
            raise NotHere
        view = _view(wanted.fields, wanted.body)
        chosen = self._resolved(None if _has_no_filter(wanted) else wanted)
        entitlement = self._resolved(visibility.entitlement)

        def reading(chosen_by: Chosen) -> _Reading:
            plan, shape = self._plans.of_list(
                now,
                chosen,
                entitlement,
                wanted.sort,
                paging.position,
                wanted.limit,
                view.body_forms,
                chosen_by,
            )
            planned = self._planned(plan, shape, view, paging)
            if (ahead := plan.ahead) is not None:
                planned.further = lambda rows: reading(ahead.rarest(_only(rows)))
            return planned

        return reading(NOT_LOOKED)

    def _planned(
        self, plan: Plan, shape: Shape, view: View, paging: Paging[ArticleQuery] | None
    ) -> "_Reading":
        instant = self._reader.instant
        values = [instant(one) if isinstance(one, datetime) else one for one in shape.values]
        return _Reading(plan.sql, plan.parameters(values), view, paging)

    def _made(self, reading: "_Reading", rows: Rows, private: bool) -> Made:
        """The answer that these rows are; raises `Unknown` where a name has to be looked up."""
        if not rows:
            raise NotHere
        if rows[0][0] != self._names.number:
            self._names.forget(rows[0][0])
            raise self._joiner.unknown(rows)
        paging = reading.paging
        shown = rows if paging is None else rows[: paging.params.limit]
        documents = self._documents(shown, reading.view)
        if paging is None:
            (document,) = documents
            tag = entity_tag(document, rows[0][1])
            return self._answer(document, tag, "/v1/articles/{ref}", b"", private)
        if paging.position is not None and paging.position.backwards:
            documents.reverse()
        is_by_date = paging.params.sort != "headline"

        def key_of(row: Sequence[Any]) -> tuple[Any, ...]:
            key = self._reader.json_instant(row[-1]) if is_by_date else row[-1]
            return (key.decode(), row[3].decode())

        _, page = paging.page(rows, key_of)
        body = b'{"data":[%b],"page":%b}' % (b",".join(documents), to_json(page))
        links = paging.links(page).encode("latin-1")
        return self._answer(body, entity_tag(body), LIST, links, private)

    def _documents(self, rows: Sequence[Any], view: View) -> list[bytes]:
        json_instant, article = self._reader.json_instant, self._joiner.article
        try:
            documents = [article(row, json_instant(row[2])) for row in rows]
        except KeyError:
            raise self._joiner.unknown(rows) from None
        if view.body_forms:
            documents = [
                with_body(one, view.body_forms, row)
                for one, row in zip(documents, rows, strict=True)
            ]
        documents = [one + b"}" for one in documents]
        return documents if view.is_whole else [cut(one, view.fields) for one in documents]

    def _resolved(self, wanted: ArticleFilter | None) -> ResolvedFilter:
        """The filter with its refs looked up in memory; raises `Unknown`.

        One with a ref that leads nowhere goes the long way, so entitlements need no other care.
        """
        if wanted is None:
            return NOTHING
        if not (wanted.tag or wanted.section or wanted.exclude_tag or wanted.author):
            return ResolvedFilter(wanted, (), (), holds_nothing=False)
        tags = self._names.known("tag", tag_refs_of(wanted))
        authors = self._names.known("author", refs_in(wanted.author))
        return filter_by_ids(wanted, tags, authors, is_entitlement=False)

    def _answer(self, body: bytes, tag: str, template: str, links: bytes, private: bool) -> Made:
        headers = [
            (b"etag", tag.encode()),
            (b"cache-control", self._cache_control[private]),
            *([(b"link", links)] if links else ()),
            (b"content-length", b"%d" % len(body)),
            (b"content-type", b"application/json"),
        ]
        return Made(headers, body, tag, template)


@dataclass(slots=True)
class _Reading:
    """A statement, and what is to be made of its rows: one article, a page of a list, or what is to
    be read `further`."""

    sql: str
    parameters: list[Any]
    view: View
    paging: Paging[ArticleQuery] | None
    further: "Callable[[Rows], _Reading] | None" = None


def _only(rows: Rows) -> Sequence[Any]:
    if not rows:
        raise NotHere
    row: Sequence[Any] = rows[0]
    return row


_PARAMETERS = {model: parameters_of(model) for model in (ArticleQuery, ArticleView)}
_NOT_FILTERS = {"limit", "cursor", "sort", "fields", "body", "count"}
Query = TypeVar("Query", ArticleQuery, ArticleView)


def _validated(model: type[Query], query: bytes) -> Query:
    return model.model_validate(given_parameters(query, _PARAMETERS[model]))


_kept = lru_cache(1_000)(_validated)


def _asked(model: type[Query], query: bytes) -> Query:
    """The parameters, as the route would validate them; raises where it would refuse them."""
    return (_kept if len(query) <= QUERY_LENGTH_KEPT else _validated)(model, query)


def _has_no_filter(wanted: ArticleQuery) -> bool:
    return wanted.model_fields_set <= _NOT_FILTERS


@lru_cache(1_000)
def _view(fields: str | None, body: str | None, default_body: str = "") -> View:
    view = view_of(fields, body, default_body=default_body)
    if "source" in view.body_forms:
        raise NotHere
    return view
