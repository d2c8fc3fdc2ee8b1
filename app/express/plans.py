"""Plans: what lists and followers ask in SQL, compiled once for each shape of request.

A statement is made as for every other read, but with stand-ins for the values of this request:
the moment, ids, dates, the place in the list. What stands where they stood is filled in for each
request after it. Dates are compared when a statement is made, so stand-ins keep their order.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any, Literal, cast

import sqlalchemy as sa
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from app.access.visibility import ArticleFilter, Visibility, groups
from app.archive.filter import Linked, ResolvedFilter, narrowed
from app.archive.former_states import former_state
from app.archive.selection import MOMENT, SORT_COLUMNS, Order, Selection
from app.archive.tables import article, article_body, article_with_body
from app.archive.walks import LookAhead
from app.changes.models import SequenceCounter
from app.db.columns import UtcDateTime, table
from app.express.names import names_number
from app.single_flight import SingleFlight
from app.sync.places import Place
from app.web.pages import Position

counter = table(SequenceCounter)
PLANS_MAX = 500
Chosen = int | Literal["not looked"] | None
NOT_LOOKED: Literal["not looked"] = "not looked"
TEXTS_MAX = 20
"""Ids, slugs and languages of one request; the statement of many takes long to make."""
_STAND_IN_LIMIT, _STAND_IN_NUMBER = 1_000_000_007, 1_000_000_009
_FIRST_DATE = datetime(1, 1, 2, tzinfo=UTC)
NOTHING = ResolvedFilter(ArticleFilter())


class Unplanned(Exception):
    """A statement has to be made first, which takes long for the event loop: some 30 ms."""

    def __init__(self, key: Hashable, make: "Callable[[], Plan]") -> None:
        self.key, self.make = key, make


class NotPlain(Exception):
    """A list for the long way: it names too much, or compares dates that are the same."""


@dataclass(frozen=True, slots=True)
class Plan:
    """SQL in the words of a driver; `places` are where the values of a request go, by number.

    One that looks `ahead` says by its only row what the list is to be found by; then it is asked for
    again, with that as what was `chosen`.
    """

    sql: str
    constants: tuple[Any, ...]
    places: tuple[tuple[int, int], ...]
    ahead: LookAhead | None = None

    def parameters(self, values: Sequence[Any]) -> list[Any]:
        filled = list(self.constants)
        for place, number in self.places:
            filled[place] = values[number]
        return filled


@dataclass(slots=True)
class Shape:
    """What is asked for, apart from what it has in common with others like it.

    `key` is the same for all who share a statement. `values` are what differs, each once: texts,
    numbers and dates as they come, with the moment of the request first.
    """

    key: Hashable
    texts: list[str]
    dates: list[datetime]
    limit: int
    numbers: list[int] = field(default_factory=list)

    @property
    def values(self) -> list[Any]:
        now = self.dates[0]
        return [*self.texts, self.limit + 1, *self.numbers, *self.dates, now + MOMENT]


class Plans:
    """The plans that were made lately, for one dialect."""

    def __init__(
        self, dialect: sa.Dialect, as_bytes: Callable[[sa.ColumnElement[Any]], Any]
    ) -> None:
        self._dialect = dialect
        self._as_bytes = as_bytes
        self._plans: OrderedDict[Hashable, Plan] = OrderedDict()
        self._making = SingleFlight[Plan]()

    async def plan(self, unplanned: Unplanned) -> None:
        """Makes the statement that was not there, in a thread; once for all who ask meanwhile."""
        self._plans[unplanned.key] = await self._making.do(
            unplanned.key, lambda: run_in_threadpool(unplanned.make)
        )
        if len(self._plans) > PLANS_MAX:
            self._plans.popitem(last=False)

    def of_list(
        self,
        now: datetime,
        chosen: ResolvedFilter,
        entitlement: ResolvedFilter,
        sort: Order,
        position: Position | None,
        limit: int,
        forms: frozenset[str],
        chosen_by: Chosen = NOT_LOOKED,
    ) -> tuple[Plan, Shape]:
        """A page of a list, with the key that it is sorted by as the last column; or the plan that
        looks ahead, where what to find it by has still to be chosen. Raises `Unplanned`.

        By `sequence`, the columns before the last say what `of_counter` does.
        """
        key = article.c[SORT_COLUMNS[sort]]
        is_by_number, is_by_date = sort == "sequence", isinstance(key.type, UtcDateTime)
        # Here, for no two stand-ins are the same.
        chosen, entitlement = narrowed(chosen, entitlement)
        shape = _shape(now, (chosen, entitlement), limit)
        if position is not None:
            value, row_id = position.key
            shape.texts.append(row_id)
            if is_by_date:
                shape.dates.append(datetime.fromisoformat(value))
            elif is_by_number:
                shape.numbers.append(value)
            else:
                shape.texts.append(value)
            shape.key = (shape.key, position.backwards, position.inclusive)

        def make(stand_ins: _StandIns) -> sa.Select[Any]:
            wanted = stand_ins.filter(chosen)
            entitled = stand_ins.filter(entitlement)
            place = position
            if position is not None:
                its_id = stand_ins.text()
                if is_by_date:
                    value: Any = stand_ins.date().isoformat()
                else:
                    value = stand_ins.number() if is_by_number else stand_ins.text()
                place = replace(position, key=(value, its_id))
            selection = Selection(_NO_SESSION, Visibility(stand_ins.now), wanted, entitled, choose)
            columns = self._columns(forms)
            columns += [*_counter(stand_ins), key] if is_by_number else [self._as_bytes(key)]
            return selection.page(columns, sort, place, _STAND_IN_LIMIT)

        def choose(ahead: LookAhead) -> int | None:
            if chosen_by == NOT_LOOKED:
                raise _MustLook(ahead)
            return chosen_by

        return self._find((sort, forms, chosen_by, shape.key), shape, make), shape

    def of_article(
        self,
        now: datetime,
        entitlement: ResolvedFilter,
        ref: str,
        *,
        is_id: bool,
        forms: frozenset[str],
    ) -> tuple[Plan, Shape]:
        """One article that may be seen, if there is one. Raises `Unplanned`."""
        chosen, entitlement = narrowed(NOTHING, entitlement)
        shape = _shape(now, (chosen, entitlement), 0)
        shape.texts.append(ref)

        def make(stand_ins: _StandIns) -> sa.Select[Any]:
            wanted = stand_ins.filter(chosen)
            entitled = stand_ins.filter(entitlement)
            selection = Selection(_NO_SESSION, Visibility(stand_ins.now), wanted, entitled)
            named = article.c.id if is_id else article.c.slug
            rows = article_with_body if forms else article
            found = sa.select(*self._columns(forms)).select_from(rows)
            return found.where(*selection.conditions(), named == stand_ins.text())

        return self._find((is_id, forms, shape.key), shape, make), shape

    def of_counter(self, now: datetime) -> tuple[Plan, Shape]:
        """One row, for lists that have none: since when names are as they are, and at its end as a
        list by `sequence` has it the last number and whether it was taken later than now, by another
        clock. Raises `Unplanned`."""

        def make(stand_ins: _StandIns) -> sa.Select[Any]:
            return sa.select(names_number, *_counter(stand_ins), sa.null())

        shape = Shape((), [], [now], 0)
        return self._find("counter", shape, make), shape

    def of_departures(
        self, now: datetime, place: Place, until: int, walked_max: int
    ) -> tuple[Plan, Shape]:
        """Up to so many states of anything that were over since a follower's place, by the number
        `until`: whose each was, and whether the follower may have had it. Raises `Unplanned`."""

        def make(stand_ins: _StandIns) -> sa.Select[Any]:
            states, since, number = former_state.c, stand_ins.number(), stand_ins.number()
            may_have_had = sa.and_(
                states.kind == "article", states.live, states.state_sequence <= number
            )
            return (
                sa.select(self._as_bytes(states.entity_id), may_have_had)
                .where(states.sequence > since, states.sequence <= stand_ins.number())
                .order_by(states.sequence)
                .limit(walked_max)
            )

        numbers = [place.since, place.number, until]
        shape = Shape((), [], [now], 0, numbers)
        return self._find(("departures", walked_max), shape, make), shape

    def _columns(self, forms: frozenset[str]) -> list[Any]:
        shown = [
            names_number,
            *map(self._as_bytes, (article.c.pieces, article.c.stamp)),
        ]
        if forms:
            # Who wants the text needs to know as well whether there is a body at all.
            html = sa.type_coerce(article_body.c.body_html, sa.Text)
            shown.append(self._as_bytes(html))
        if "text" in forms:
            shown.append(self._as_bytes(article_body.c.body_text))
        return shown

    def _find(
        self, key: Hashable, shape: Shape, make: "Callable[[_StandIns], sa.Select[Any]]"
    ) -> Plan:
        if len(shape.texts) > TEXTS_MAX:
            raise NotPlain
        # Dates are compared while the statement is made: those in another order need another one.
        order = _order(shape.dates)
        key = (key, order)
        if key not in self._plans:
            raise Unplanned(key, partial(self._made, shape, order, make))
        self._plans.move_to_end(key)
        return self._plans[key]

    def _made(
        self,
        shape: Shape,
        order: tuple[int, ...],
        make: "Callable[[_StandIns], sa.Select[Any]]",
    ) -> Plan:
        stand_ins = _StandIns(len(shape.texts), len(shape.numbers), order)
        ahead = None
        try:
            statement = make(stand_ins)
        except _MustLook as must:
            ahead = must.ahead
            statement = ahead.statement()
        compiled = statement.compile(
            dialect=self._dialect, compile_kwargs={"render_postcompile": True}
        )
        numbers = {(type(one), one): number for number, one in enumerate(stand_ins.values)}
        constants: list[Any] = []
        places = []
        for name in compiled.positiontup or ():
            value = compiled.params[name]
            number = numbers.get((type(value), value))
            if number is not None:
                places.append((len(constants), number))
                value = None
            elif (process := compiled._bind_processors.get(name)) is not None:
                value = cast(Callable[[Any], Any], process)(value)
            constants.append(value)
        return Plan(str(compiled), tuple(constants), tuple(places), ahead)


class _MustLook(Exception):
    """What a list is found by is not chosen yet."""

    def __init__(self, ahead: LookAhead) -> None:
        self.ahead = ahead


class _StandIns:
    """What stands for the values of a request, given out in the order in which a shape has them."""

    def __init__(self, texts: int, numbers: int, order: tuple[int, ...]) -> None:
        # No text that a request may have begins with NUL, and no date is that old.
        self._texts = [f"\x00{number}" for number in range(texts)]
        self._dates = [_FIRST_DATE + timedelta(days=rank) for rank in order]
        self._numbers = [_STAND_IN_NUMBER + number for number in range(numbers)]
        self.now = self._dates[0]
        limit, moment = _STAND_IN_LIMIT + 1, self.now + MOMENT
        self.values = [*self._texts, limit, *self._numbers, *self._dates, moment]
        self._next_text, self._next_date = iter(self._texts), iter(self._dates[1:])
        self._next_number = iter(self._numbers)

    def text(self) -> str:
        return next(self._next_text)

    def number(self) -> int:
        return next(self._next_number)

    def date(self) -> datetime:
        return next(self._next_date)

    def filter(self, resolved: ResolvedFilter) -> ResolvedFilter:
        if resolved is NOTHING:
            return resolved
        wanted = resolved.wanted
        linked = tuple(Linked(one.kind, self._some(one.ids)) for one in resolved.linked)
        excluded = self._some(resolved.excluded)
        languages = tuple(map(self._some, resolved.languages))
        values: dict[str, Any] = {
            "ids": [",".join(self._some(choices)) for choices in groups(wanted.ids)],
            "status": wanted.status,
        }
        values |= {name: getattr(wanted, name) and self.date() for name in _DATES}
        plain = ArticleFilter.model_construct(**values)
        return ResolvedFilter(plain, linked, excluded, languages, resolved.holds_nothing)

    def _some(self, values: Sequence[str]) -> tuple[str, ...]:
        return tuple(self.text() for _ in values)


def _counter(stand_ins: _StandIns) -> list[sa.ColumnElement[Any]]:
    """Columns: the last number that was taken, and whether that was later than now."""
    last, at = counter.c.value, counter.c.at
    is_ahead = sa.func.coalesce(at > stand_ins.now, sa.false())
    return [sa.select(column).scalar_subquery() for column in (last, is_ahead)]


_DATES = ("published_since", "published_until", "updated_since")


def _shape(now: datetime, filters: Sequence[ResolvedFilter], limit: int) -> Shape:
    shape = Shape((), [], [now], limit)
    keys: list[Hashable] = []
    for resolved in filters:
        if resolved is NOTHING:
            keys.append(None)
            continue
        wanted = resolved.wanted
        ids = groups(wanted.ids) if wanted.ids else ()
        dated = [at for name in _DATES if (at := getattr(wanted, name)) is not None]
        for linked in resolved.linked:
            shape.texts += linked.ids
        shape.texts += resolved.excluded
        for choices in resolved.languages:
            shape.texts += choices
        for choices in ids:
            shape.texts += map(str.lower, choices)
        shape.dates += dated
        keys.append(
            (
                *((one.kind, len(one.ids)) for one in resolved.linked),
                len(resolved.excluded),
                tuple(map(len, resolved.languages)),
                tuple(map(len, ids)),
                tuple(wanted.status),
                resolved.holds_nothing,
                *(getattr(wanted, name) is None for name in _DATES),
            )
        )
    shape.key = tuple(keys)
    return shape


def _order(dates: list[datetime]) -> tuple[int, ...]:
    """The rank of each date. Raises `NotPlain` where two are the same, or no more apart than now
    is from the moment after it."""
    if len(dates) == 1:
        return (0,)
    rising = sorted([*dates, dates[0] + MOMENT])
    if any(one == other for one, other in pairwise(rising)):
        raise NotPlain
    return tuple(rising.index(at) for at in dates)


_NO_SESSION = cast(Session, None)
"""No statement is run while another is made: refs are looked up, and what to walk is chosen before."""
