"""Cold reads by the short way: from the address to the bytes, without FastAPI and SQLAlchemy.

What it answers is what the long way answers, byte for byte, for readers of what is public, keys
with entitlements among them. Whatever it cannot do, or finds nothing for, it leaves to the long
way, with all errors: it never says more than the long way would, nor anything first.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import to_json
from starlette.datastructures import State

from app.access.visibility import ArticleFilter, Visibility, refs_in
from app.archive.filter import ResolvedFilter, filter_by_ids, languages_of, tag_refs_of
from app.articles.models import ArticleQuery, ArticleView
from app.articles.queries import View, position_after, view_of
from app.body.derived import DERIVED
from app.db.database import Database
from app.express.joining import (
    FIRST_OF_BODY,
    NotWritten,
    Row,
    changes_of,
    check_written,
    cut,
    document_of,
    id_of,
    list_of,
    upsert_of,
    url_parts,
    version_of,
)
from app.express.names import Names, Unknown
from app.express.plans import NOTHING, NotPlain, Plan, Plans, Shape, Unplanned
from app.express.readers import Reader
from app.sync.models import MAX_AGE_SECONDS, ChangesQuery, next_link
from app.sync.places import Place
from app.sync.queries import at_the_end, cursors_of
from app.web.conditional import cache_control, entity_tag
from app.web.pages import Paging
from app.web.params import given_parameters, is_id, parameters_of
from app.web.problems import Problem
from app.web.server import head_of

Result = TypeVar("Result")
_Steps = Generator[tuple[str, Sequence[Any]], Sequence[Any] | None, Result]
"""Statements with their parameters; their rows, or None where a `Reader` has none; what comes of it."""
LIST, ITEM, CHANGES = "/v1/articles", "/v1/articles/", "/v1/changes"
TRIES = 8
"""Statements may have to be made first and names looked up, which may change meanwhile."""
ROWS_MAX, BODIES_MAX, DERIVED_MAX = 100, 20, 5
DERIVED_BYTES_MAX = 20_000
"""Of one answer; more may take long to read and to join, and are for a thread."""
DEPARTURES_MAX = 500
"""States that were over since a follower's place; to find out what has been lost is for a thread."""
_TO_THE_END = 2**62
FirstThis = (Unknown, Unplanned)
QUERY_LENGTH_KEPT = 500
"""Longer query strings are validated each time, so that nobody fills the memory with them."""


class NotHere(Exception):
    """The long way is to be gone."""


_LONG_WAY = (NotHere, NotPlain, NotWritten, Problem, ValidationError)


@dataclass(frozen=True, slots=True)
class Made:
    """An answer of status 200 before its content coding, without `Vary`.

    `cache_control` and `link` are header lines, `template` is that of its route.
    """

    body: bytes
    tag: str
    cache_control: bytes
    template: str
    link: bytes = b""


class Reads:
    """Reads articles, and what changed of them, for whoever sees what is public."""

    def __init__(self, app: State, database: Database, reader: Reader) -> None:
        self._app = app
        self._reader = reader
        self._plans = Plans(reader.dialect, reader.as_bytes)
        self._names = Names(database, url_parts(app.settings.article_url_template))
        max_age_seconds = app.settings.cache_max_age_seconds
        self._cache_control = _cache_control(max_age_seconds)
        self._cache_control_of_changes = _cache_control(MAX_AGE_SECONDS)

    @property
    def are_immediate(self) -> bool:
        """Whether `answer_at_once` can answer anything."""
        return self._reader.is_immediate

    def renew(self) -> None:
        """What is asked for from here on is not to be read as of any moment before."""
        self._reader.renew()

    async def answer(
        self, path: str, query: bytes, visibility: Visibility, now: datetime, private: bool
    ) -> Made | None:
        """The answer to a GET; None where the long way is to be gone."""
        try:
            for _ in range(TRIES):
                try:
                    return await self._answered(path, query, visibility, now, private)
                except Unplanned as unplanned:
                    await self._plans.plan(unplanned)
                except Unknown as unknown:
                    if not await self._names.look_up(unknown):
                        return None
        except _LONG_WAY:
            pass
        return None

    async def _answered(
        self, path: str, query: bytes, visibility: Visibility, now: datetime, private: bool
    ) -> Made:
        steps, rows = self._steps(path, query, visibility, now, private), None
        try:
            while True:
                rows = await self._reader.rows(*steps.send(rows))
        except StopIteration as end:
            made: Made = end.value
            return made

    def answer_at_once(
        self, path: str, query: bytes, visibility: Visibility, now: datetime, private: bool
    ) -> Made | None:
        """The same without waiting; raises `FirstThis` where something has to be done first."""
        steps, rows = self._steps(path, query, visibility, now, private), None
        try:
            while True:
                rows = self._reader.rows_at_once(*steps.send(rows))
        except StopIteration as end:
            made: Made = end.value
            return made
        except _LONG_WAY:
            return None

    def _steps(
        self, path: str, query: bytes, visibility: Visibility, now: datetime, private: bool
    ) -> _Steps[Made]:
        """Yields what is to be read, is sent the rows of each, and returns the answer.

        Raises `FirstThis` where names have to be looked up first, or a statement made; then it is
        to begin anew.
        """
        if visibility.previews or visibility.embargoed:
            raise NotHere
        if path == LIST:
            return (yield from self._list(query, visibility, now, private))
        if path == CHANGES:
            return (yield from self._changes(query, visibility, now, private))
        ref = path.removeprefix(ITEM)
        if ref == path or not ref or "/" in ref or "." in ref or "\x00" in ref:
            raise NotHere
        return (yield from self._article(ref, query, visibility, now, private))

    def _article(
        self, ref: str, query: bytes, visibility: Visibility, now: datetime, private: bool
    ) -> _Steps[Made]:
        asked, number = _asked(ArticleView, query), self._names.number
        view = _view(asked.fields, asked.body, "html")
        named_by_id = is_id(ref)
        plan, shape = self._plans.of_article(
            now,
            self._resolved(visibility.entitlement),
            ref.lower() if named_by_id else ref,
            is_id=named_by_id,
            forms=view.body_forms,
        )
        rows = yield from self._rows(plan, shape)
        if not rows:
            raise NotHere
        self._check(rows[0], number)
        check_written(rows)
        document = self._document(rows[0], view)
        tag = entity_tag(document, version_of(rows[0]))
        return Made(document, tag, self._cache_control[private], "/v1/articles/{ref}")

    def _list(
        self, query: bytes, visibility: Visibility, now: datetime, private: bool
    ) -> _Steps[Made]:
        asked = _asked(ArticleQuery, query)
        paging = Paging(
            self._app, LIST, asked, "articles", visibility.fingerprint, ("fields", "body", "count")
        )
        wanted = paging.params
        if wanted.count != "none" or refs_in(wanted.status) - {"published"}:
            raise NotHere
        view = _view(wanted.fields, wanted.body)
        limit, position, number = wanted.limit, paging.position, self._names.number
        _check_size(view, limit)
        planned = partial(
            self._plans.of_list,
            now,
            self._resolved(None if _has_no_filter(wanted) else wanted),
            self._resolved(visibility.entitlement),
            wanted.sort,
            position,
            limit,
            view.body_forms,
        )
        rows = yield from self._walked(planned)
        first = rows[0] if rows else (yield from self._rows(*self._plans.of_counter(now)))[0]
        self._check(first, number)
        check_written(rows)
        is_by_date = wanted.sort != "headline"

        def key_of(row: Row) -> tuple[Any, ...]:
            key = self._reader.json_instant(row[-1]) if is_by_date else row[-1]
            return (key.decode(), id_of(row))

        shown, page = paging.page(rows, key_of)
        if view.is_whole and not view.body_forms:
            body = list_of(shown, to_json(page), self._names)
        else:
            documents = [self._document(row, view) for row in shown]
            body = b'{"data":[%b],"page":%b}' % (b",".join(documents), to_json(page))
        links = paging.links(page)
        link = head_of([(b"link", links.encode("latin-1"))]) if links else b""
        return Made(body, entity_tag(body), self._cache_control[private], LIST, link)

    def _changes(
        self, query: bytes, visibility: Visibility, now: datetime, private: bool
    ) -> _Steps[Made]:
        """A page of changes of articles of which the follower has lost none, as far as it goes.

        All that it may have lost is either told of as it is now, on this page, or is for the long
        way, which looks what became of it.
        """
        asked = _asked(ChangesQuery, query)
        is_of_articles = asked.kinds == {"article"} and refs_in(asked.status) <= {"published"}
        if asked.since is None or not is_of_articles:  # and nobody who waits comes here
            raise NotHere
        view = _view(asked.fields, asked.body)
        limit, number = asked.limit, self._names.number
        _check_size(view, limit)
        secret = self._app.cursor_secret
        # With refs that lead nowhere the long way is gone, and no address of authors is shown.
        cursors = cursors_of(secret, asked, visibility, sees_nothing=False, sees_email=False)
        place = cursors.decode(asked.since, start="")
        planned = partial(
            self._plans.of_list,
            now,
            self._resolved(None if _has_no_filter(asked) else asked.chosen),
            self._resolved(visibility.entitlement),
            "sequence",
            position_after(place.number),
            limit,
            view.body_forms,
        )
        rows = yield from self._walked(planned)
        first = rows[0] if rows else (yield from self._rows(*self._plans.of_counter(now)))[0]
        last, is_ahead, _ = first[-3:]
        self._check(first, number)
        if is_ahead:
            raise NotHere
        check_written(rows)
        shown, has_more = rows[:limit], len(rows) > limit
        reached = shown[-1][-1] if shown else place.number
        yield from self._check_departures(now, place, reached if has_more else _TO_THE_END, shown)
        if not has_more:
            end = at_the_end(reached, last)
            # Where there is no row, the last number may be of a later moment than that was.
            if end != reached and not rows:
                raise NotHere
            reached = end
        following = cursors.encode(Place(reached, place.began))
        page = to_json({"next": following, "has_more": has_more})
        if view.is_whole and not view.body_forms:
            body = changes_of(shown, page, self._names)
        else:
            entries = [b"%b%b}" % (upsert_of(row), self._document(row, view)) for row in shown]
            body = b'{"data":[%b],"page":%b}' % (b",".join(entries), page)
        address = asked.address(f"{self._app.settings.base_url}{CHANGES}", following)
        link = head_of([(b"link", next_link(address).encode("latin-1"))])
        return Made(body, entity_tag(body), self._cache_control_of_changes[private], CHANGES, link)

    def _check_departures(
        self, now: datetime, place: Place, until: int, shown: Sequence[Row]
    ) -> _Steps[None]:
        """Raises `NotHere` where the follower may have lost something by that number that is not shown."""
        plan, shape = self._plans.of_departures(now, place, until, DEPARTURES_MAX)
        walked = yield from self._rows(plan, shape)
        told = {id_of(row).encode() for row in shown}
        if len(walked) == DEPARTURES_MAX or any(had and one not in told for one, had in walked):
            raise NotHere

    def _walked(self, planned: Callable[..., tuple[Plan, Shape]]) -> _Steps[Sequence[Any]]:
        """The rows of a list, which may have to look ahead first."""
        plan, shape = planned()
        if plan.ahead is not None:
            (found,) = yield from self._rows(plan, shape)
            plan, shape = planned(plan.ahead.rarest(found))
        return (yield from self._rows(plan, shape))

    def _rows(self, plan: Plan, shape: Shape) -> _Steps[Sequence[Any]]:
        instant = self._reader.instant
        values = [instant(one) if isinstance(one, datetime) else one for one in shape.values]
        rows = yield plan.sql, plan.parameters(values)
        if rows is None:
            raise NotHere
        return rows

    def _check(self, row: Sequence[Any], number: int) -> None:
        """Raises `Unknown` unless names were at this number when refs were looked up, when the row
        was read, and still are."""
        if not row[0] == number == self._names.number:
            raise Unknown

    def _document(self, row: Row, view: View) -> bytes:
        if (
            not DERIVED.isdisjoint(view.body_forms)
            and len(row[FIRST_OF_BODY] or b"") > DERIVED_BYTES_MAX
        ):
            raise NotHere
        document = document_of(row, view.body_forms, self._names)
        return document if view.is_whole else cut(document, view.fields)

    def _resolved(self, wanted: ArticleFilter | None) -> ResolvedFilter:
        """The filter with its refs looked up in memory; raises `Unknown`.

        One with a ref that leads nowhere goes the long way, so entitlements need no other care.
        """
        if wanted is None:
            return NOTHING
        if not (wanted.tag or wanted.section or wanted.exclude_tag or wanted.author):
            return ResolvedFilter(wanted, languages=languages_of(wanted))
        tags = self._names.ids_behind("tag", tag_refs_of(wanted))
        authors = self._names.ids_behind("author", refs_in(wanted.author))
        return filter_by_ids(wanted, tags, authors, is_entitlement=False)


def _check_size(view: View, limit: int) -> None:
    most = BODIES_MAX if view.body_forms else ROWS_MAX
    if limit > (most if DERIVED.isdisjoint(view.body_forms) else DERIVED_MAX):
        raise NotHere


def _cache_control(max_age_seconds: int) -> dict[bool, bytes]:
    """The header line, by whether an answer is private."""
    return {
        private: head_of([(b"cache-control", cache_control(max_age_seconds, private).encode())])
        for private in (False, True)
    }


_PARAMETERS = {model: parameters_of(model) for model in (ArticleQuery, ArticleView, ChangesQuery)}
_NOT_FILTERS = {"limit", "cursor", "sort", "fields", "body", "count", "since", "types"}
Query = TypeVar("Query", ArticleQuery, ArticleView, ChangesQuery)


def _validated(model: type[Query], query: bytes) -> Query:
    return model.model_validate(given_parameters(query, _PARAMETERS[model]))


_kept = lru_cache(1_000)(_validated)


def _asked(model: type[Query], query: bytes) -> Query:
    """The parameters, as the route would validate them; raises where it would refuse them."""
    return (_kept if len(query) <= QUERY_LENGTH_KEPT else _validated)(model, query)


def _has_no_filter(wanted: ArticleQuery | ChangesQuery) -> bool:
    return wanted.model_fields_set <= _NOT_FILTERS


def _view(fields: str | None, body: str | None, default_body: str = "") -> View:
    length = len(fields or "") + len(body or "")
    return (_kept_view if length <= QUERY_LENGTH_KEPT else _chosen)(fields, body, default_body)


def _chosen(fields: str | None, body: str | None, default_body: str) -> View:
    view = view_of(fields, body, default_body=default_body)
    if "source" in view.body_forms:
        raise NotHere
    return view


_kept_view = lru_cache(1_000)(_chosen)
