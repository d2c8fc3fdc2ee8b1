"""One filter, one visibility: which articles, for whom, compiled to SQL.

Every query about articles goes through `Selection`, which cannot be built without a `Visibility`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any, Literal

import sqlalchemy as sa
from sqlmodel import Session

from app.access.visibility import STATUSES, ArticleFilter, Status, Visibility, groups
from app.archive.filter import ResolvedFilter, narrowed, resolve_filter
from app.archive.keyset import EVERYWHERE, Band, in_order
from app.archive.tables import article, article_body
from app.archive.walks import (
    GROUPS,
    THE_ARCHIVE,
    Choose,
    Condition,
    Group,
    Route,
    Walk,
    Window,
    by_looking,
    driver_of,
    of_language,
)
from app.db.columns import FAR_FUTURE, unindexed
from app.web.pages import Position

SortName = Literal["-published_at", "published_at", "-updated_at", "updated_at", "headline"]
Order = SortName | Literal["sequence"]
"""`sequence` is the order of the last changes, which followers walk."""
SORT_COLUMNS: dict[Order, str] = {
    "-published_at": "sort_at",
    "published_at": "sort_at",
    "-updated_at": "updated_at",
    "updated_at": "updated_at",
    "headline": "headline_key",
    "sequence": "sequence",
}
MOMENT = timedelta(microseconds=1)
MERGED_MAX = 16
"""Walks side by side: each leaves out what those before it have, and a statement grows with their
square."""
_live = unindexed(article.c.live)


def status_is(status: Status, now: datetime) -> Condition:
    """The condition that the clock gives an article this status."""
    live, published_at, expires_at = _live, article.c.published_at, article.c.expires_at
    over = sa.and_(expires_at.is_not(None), expires_at <= now)
    match status:
        case "draft":
            return sa.and_(sa.not_(live), article.c.released_at.is_(None))
        case "withdrawn":
            return sa.and_(sa.not_(live), article.c.withdrawn_at.is_not(None))
        case "scheduled":
            return sa.and_(live, published_at > now)
        case "expired":
            return sa.and_(live, published_at <= now, over)
        case "published":
            return sa.and_(live, published_at <= now, sa.not_(over))


def status_column(now: datetime) -> sa.ColumnElement[str]:
    return sa.case(
        (article.c.withdrawn_at.is_not(None), "withdrawn"),
        (article.c.released_at.is_(None), "draft"),
        (article.c.published_at > now, "scheduled"),
        (article.c.expires_at <= now, "expired"),
        else_="published",
    )


def may_see(visibility: Visibility) -> list[Condition]:
    """The conditions of the clock and the caller's scopes; the entitlement is apart."""
    if visibility.previews:
        return []
    now = visibility.now
    conditions: list[Condition] = [
        _live,
        unindexed(article.c.sort_at <= now),
        sa.or_(article.c.expires_at.is_(None), article.c.expires_at > now),
    ]
    if not visibility.embargoed:
        conditions.append(
            sa.or_(article.c.embargoed_until.is_(None), article.c.embargoed_until <= now)
        )
    return conditions


class Selection:
    """The articles of some filters that one caller may see, ready to be listed, counted or found.

    `chosen` and `entitlement` are what it was made of, for the search index, which is asked in
    another language. Whoever has looked up their refs already may give them so, and whoever has
    looked ahead already may say what to `choose`.
    """

    def __init__(
        self,
        session: Session,
        visibility: Visibility,
        chosen: ArticleFilter | ResolvedFilter | None = None,
        entitlement: ResolvedFilter | None = None,
        choose: Choose | None = None,
    ) -> None:
        self.session = session
        self._choose = choose or by_looking(session)
        self.visibility = visibility
        if not isinstance(chosen, ResolvedFilter):
            chosen = resolve_filter(session, chosen or ArticleFilter(), is_entitlement=False)
        if entitlement is None:
            entitled = visibility.entitlement or ArticleFilter()
            entitlement = resolve_filter(session, entitled, is_entitlement=True)
        self.chosen, self.entitlement = chosen, entitlement
        self._groups: list[Group] = []
        self._excluded: list[Group] = []
        self._conditions: list[Condition] = []
        self._statuses: list[Condition] = []
        self._allowed: set[str] = set(STATUSES)
        self._ids: list[Condition] = []
        self._published = self._updated = EVERYWHERE
        self._is_empty = False
        for one in narrowed(chosen, entitlement):
            self._add(one)

    def conditions(self) -> list[Condition]:
        """All conditions on `article`, for a query that finds single rows."""
        return [*self._seen(), *self._conditions, *self._linked(article.c.id)]

    def entitled(self) -> list[Condition]:
        """The conditions without the clock and the scopes: what the caller's key is about at all."""
        return [*self._conditions, *self._linked(article.c.id)]

    def page(
        self,
        columns: Sequence[sa.ColumnElement[Any]],
        sort: Order,
        position: Position | None,
        limit: int,
    ) -> sa.Select[Any]:
        """One page: a walk along one index, from the position on, one row more than `limit`.

        The walk goes by the filter's rarest group from there on (one author, tag, section or
        language), whose rows carry the sort keys. Alternatives are walked one by one and merged;
        a few articles that are known by other things are put in order.
        """
        route = self._route(sort, position)
        driver = self._driver(route)
        if isinstance(driver, Window):
            found = sa.select(article.c.id).where(*driver.conditions, *self.conditions())
            return _showing(_put_in_order(found, route), columns).limit(limit + 1)
        ways = list(product(_walks(driver), route.bands))
        if len(ways) > MERGED_MAX:
            return _showing(self._gathered(ways, driver, route, limit), columns).limit(limit + 1)
        if len(ways) > 1:
            return _showing(self._merged(driver, route, limit), columns)
        ((walk, band),) = ways
        return _showing(self._walked(walk, driver, route, band), columns).limit(limit + 1)

    def count(self) -> int:
        """How many there are. All of them are looked at; see `count_some`."""
        route = self._route("-published_at", None)
        driver = self._driver(route)
        counted = sa.select(sa.func.count()).select_from(article).where(*self._others(driver))
        if isinstance(driver, Group):
            candidates = sa.union_all(*self._candidates(driver, route)).subquery()
            counted = counted.where(article.c.id.in_(sa.select(candidates.c.id)))
        else:
            conditions = driver.conditions if driver else (_in_any(route.bands, route.key),)
            counted = counted.where(*conditions)
        return int(self.session.connection().execute(counted).scalar_one())

    def count_some(self, rows_max: int) -> tuple[int, bool]:
        """How many there are, and whether that is all: `rows_max` candidates are looked at.

        So it costs the same in any archive. Candidates are what the caller may see by the filter
        that the list is walked by: where looking stops tells nothing of what is hidden from them.
        """
        if self._is_empty:
            return 0, True
        route = self._route("-published_at", None)
        driver = self._driver(route)
        theirs = Selection(self.session, self.visibility).conditions()
        some = sa.union_all(*self._candidates(driver, route, *theirs))
        candidates = some.limit(rows_max + 1).subquery()
        is_one = sa.and_(sa.true(), *self._others(driver))
        seen = sa.distinct(sa.case((is_one, candidates.c.id)))
        counted = sa.select(sa.func.count(), sa.func.count(seen))
        counted = counted.select_from(candidates.join(article, article.c.id == candidates.c.id))
        looked_at, total = self.session.connection().execute(counted).one()
        return min(total, rows_max), looked_at <= rows_max

    def _candidates(
        self, driver: Group | Window | None, route: Route, *seen: Condition
    ) -> list[sa.Select[Any]]:
        """The ids of what a driver leads to, in one or more parts; `seen` are of the articles."""
        if isinstance(driver, Window):
            return [driver.rows().where(*seen)]
        found = [
            (
                walk,
                sa.select(walk.article_id.label("id"))
                .select_from(walk.rows)
                .where(*walk.conditions, *band.within(walk.rows, route.key)),
            )
            for walk in _walks(driver)
            for band in route.bands
        ]
        return [walk.with_articles(ids).where(*seen) if seen else ids for walk, ids in found]

    def _driver(self, route: Route) -> Group | Window | None:
        """What the articles of a list are found by; nothing where the whole archive is walked."""
        if self._ids:
            return Window((self._ids[0],))
        return driver_of(self._choose, route, self._groups, self._windows(route))

    def _windows(self, route: Route) -> list[Window]:
        asked = {"sort_at": self._published, "updated_at": self._updated}
        # Withdrawn articles lie among drafts in every other order.
        apart = {"sort_at"} if self._allowed == {"withdrawn"} else set()
        return [
            Window((_in_any(self._bands(key), key),))
            for key, band in asked.items()
            if key != route.key and (band != EVERYWHERE or key in apart)
        ]

    def _route(self, sort: Order, position: Position | None) -> Route:
        key = SORT_COLUMNS[sort]
        # Followers hear of what is live no more as well.
        return Route(key, sort, position, (EVERYWHERE,) if key == "sequence" else self._bands(key))

    def _bands(self, key: str) -> tuple[Band, ...]:
        """The parts of an order that the list keeps to: what is live, and what is not."""
        if key == "sort_at":
            return self._published_bands()
        asked = self._updated if key == "updated_at" else EVERYWHERE
        parts = {band.live: None for band in self._published_bands()}
        return tuple(replace(asked, live=live) for live in parts)

    def _published_bands(self) -> tuple[Band, ...]:
        """The same by `sort_at`: drafts lie far behind, whatever date they are to have."""
        after_now = self.visibility.now + MOMENT
        if not self.visibility.previews:
            return (_within(self._published, Band(until=after_now, live=True)),)
        bands = []
        if live := self._allowed & {"scheduled", "published", "expired"}:
            since = after_now if live == {"scheduled"} else None
            until = None if "scheduled" in live else after_now
            bands.append(_within(self._published, Band(since, until, live=True)))
        if "withdrawn" in self._allowed:
            bands.append(_within(self._published, Band(until=FAR_FUTURE, live=False)))
        if "draft" in self._allowed:
            withdrawn = bands.pop() if bands and bands[-1].until == FAR_FUTURE else None
            bands.append(Band(withdrawn.since if withdrawn else FAR_FUTURE, live=False))
        return tuple(bands) or (EVERYWHERE,)

    def _seen(self) -> list[Condition]:
        """What the clock decides: what the caller may see now, and the statuses asked for."""
        # Where these are all, an index has them apart.
        apart = [article.c.expires_at.is_not(None)] if self._allowed == {"expired"} else []
        return [*may_see(self.visibility), *self._statuses, *apart]

    def _linked(self, article_id: sa.ColumnElement[Any], *but: Any) -> list[Condition]:
        excluded = (sa.not_(group.holds(article_id)) for group in self._excluded)
        return [*(group.holds(article_id) for group in self._groups if group not in but), *excluded]

    def _others(self, driver: Group | Window | None) -> list[Condition]:
        """The conditions that are left to look at beside a driver."""
        return [*self._seen(), *self._conditions, *self._linked(article.c.id, driver)]

    def _walked(self, walk: Walk, driver: Group | None, route: Route, band: Band) -> sa.Select[Any]:
        walked = walk.in_order(route.key, route.sort, route.position, band)
        walked = walk.with_articles(walked.where(*self._linked(walk.article_id, driver)))
        return walked.where(*self._seen(), *self._conditions)

    def _merged(self, driver: Group | None, route: Route, limit: int) -> sa.Select[Any]:
        """Walks side by side, always one step on where the nearest row is: no more rows are looked
        at than the page has, and one of each walk.

        Each walk is in order by itself, which PostgreSQL has to be told, and how few rows are
        wanted of it; SQLite orders only the whole, and would do the walks one after another if each
        had its limit.
        """
        each, walks = [], driver.walks_apart() if driver else [THE_ARCHIVE]
        for walk, band in product(walks, route.bands):
            keys = (walk.rows.c[route.key].label("key"), walk.article_id.label("id"))
            walked = self._walked(walk, driver, route, band).with_only_columns(*keys)
            few = sa.text("LIMIT :rows").bindparams(sa.bindparam("rows", limit + 1, unique=True))
            way = walked.suffix_with(few, dialect="postgresql").subquery()
            each.append(sa.select(way.c.key, way.c.id))
        rows = sa.union_all(*each).subquery()
        page = sa.select(rows.c.key, rows.c.id).limit(limit + 1)
        found = _falling_or_rising(page, rows, route).subquery()
        return _falling_or_rising(
            sa.select(article.c.id).join(found, found.c.id == article.c.id), found, route
        )

    def _gathered(
        self, ways: Sequence[tuple[Walk, Band]], driver: Group | None, route: Route, limit: int
    ) -> sa.Select[Any]:
        """The first rows of each of many walks, put in order."""
        firsts = (
            self._walked(walk, driver, route, band)
            .with_only_columns(article.c.id)
            .limit(limit + 1)
            .subquery()
            for walk, band in ways
        )
        gathered = sa.union(*(sa.select(first.c.id) for first in firsts))
        return _put_in_order(sa.select(article.c.id).where(article.c.id.in_(gathered)), route)

    def _add(self, resolved: ResolvedFilter) -> None:
        wanted = resolved.wanted
        for linked in resolved.linked:
            self._add_group(GROUPS[linked.kind](linked.ids))
        for languages in resolved.languages:
            self._add_group(of_language(languages))
        if resolved.excluded:
            self._excluded.append(GROUPS["tag"](resolved.excluded))
        if resolved.holds_nothing:
            self._hold_nothing()
        self._add_times(wanted)
        for choices in groups(wanted.ids):
            named = article.c.id.in_([choice.lower() for choice in choices])
            self._ids.append(named)
            self._conditions.append(named)
        for choices in groups(wanted.status):
            now = self.visibility.now
            self._statuses.append(sa.or_(*(status_is(choice, now) for choice in choices)))  # type: ignore[arg-type]
            self._allowed &= set(choices)
        if not self._allowed:
            self._hold_nothing()

    def _hold_nothing(self) -> None:
        self._is_empty = True
        self._conditions.append(sa.false())

    def _add_group(self, group: Group) -> None:
        if group.values:
            self._groups.append(group)
        else:
            self._hold_nothing()

    def _add_times(self, wanted: ArticleFilter) -> None:
        published_at, updated_at = article.c.published_at, article.c.updated_at
        since, until = wanted.published_since, wanted.published_until
        # `sort_at` is never before `published_at`, and is what lists are walked by.
        self._published = _within(self._published, Band(since, until))
        self._conditions += Band(since, until).holds(published_at)
        self._updated = _within(self._updated, Band(wanted.updated_since))
        self._conditions += map(unindexed, Band(wanted.updated_since).holds(updated_at))


def _showing(walk: sa.Select[Any], columns: Sequence[sa.ColumnElement[Any]]) -> sa.Select[Any]:
    """The walk with these columns; those of bodies bring their table along."""
    shown = walk.with_only_columns(*columns)
    if any(article_body in column._from_objects for column in columns):
        return shown.join(article_body, article_body.c.article_id == article.c.id)
    return shown


def _falling_or_rising(query: sa.Select[Any], rows: sa.Subquery, route: Route) -> sa.Select[Any]:
    keys = (rows.c.key, rows.c.id)
    return query.order_by(*(key.desc() if route.falling else key.asc() for key in keys))


def _walks(driver: Group | None) -> list[Walk]:
    return driver.walks() if driver else [THE_ARCHIVE]


def _put_in_order(found: sa.Select[Any], route: Route) -> sa.Select[Any]:
    """A few articles in the order of the list."""
    key = unindexed(article.c[route.key])
    return in_order(found, key, article.c.id, route.sort, route.position)


def _in_any(bands: Sequence[Band], key: str) -> Condition:
    """The condition that an article is in one of the parts of an order."""
    return sa.or_(*(sa.and_(sa.true(), *band.within(article, key)) for band in bands))


def _within(first: Band, *others: Band) -> Band:
    """What all of the bands hold; no more than one of them says whether of what is live."""
    bands = (first, *others)
    since = max((one.since for one in bands if one.since is not None), default=None)
    until = min((one.until for one in bands if one.until is not None), default=None)
    live = next((one.live for one in bands if one.live is not None), None)
    return Band(since, until, live)
