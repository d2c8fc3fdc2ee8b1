"""Walks: the indexes that a list can be read along, so that it costs what its page costs.

A group is one *or* of a filter, and each of its alternatives is walked along an index of its own
that carries the keys of every order. A window is a part of the archive that is worth putting in
order once it is known to be small.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import sqlalchemy as sa
from sqlmodel import Session

from app.archive.keyset import EVERYWHERE, Band, in_order
from app.archive.tables import article, article_author, article_tag
from app.db.columns import unindexed
from app.web.pages import Position

Condition = sa.ColumnElement[bool]
LinkKind = Literal["tag", "section", "author"]
STEPS_LOOKED_AHEAD = 200
"""Of each group: the one that has come furthest by then is the rarest from here on."""
WINDOW_ROWS_MAX = 5_000
"""More are not put in order for a page: in an archive of a million, a walk finds as many as soon."""


@dataclass(frozen=True)
class Walk:
    """Rows that name articles, in an order that one index has."""

    rows: sa.FromClause
    article_id: sa.ColumnElement[Any]
    conditions: tuple[Condition, ...] = ()

    def in_order(
        self, key: str, sort: str, position: Position | None, band: Band
    ) -> sa.Select[Any]:
        """The walk itself, from a position on; it selects ids of articles."""
        is_one = (*self.conditions, *Band(live=band.live).within(self.rows, key))
        walked = sa.select(self.article_id).select_from(self.rows).where(*is_one)
        return in_order(walked, self.rows.c[key], self.article_id, sort, position, band)

    def past(self, group: "Group") -> "Walk":
        """The same without the articles of a group."""
        return replace(self, conditions=(*self.conditions, sa.not_(group.holds(self.article_id))))

    def with_articles(self, walked: sa.Select[Any]) -> sa.Select[Any]:
        """The same with the articles beside, where the rows are links."""
        if self.rows is article:
            return walked
        return walked.join(article, article.c.id == self.article_id)


THE_ARCHIVE = Walk(article, article.c.id)


@dataclass(frozen=True)
class Group:
    """One *or* of a filter: the articles whose rows have any of these values."""

    rows: sa.Table
    target: str
    values: tuple[str, ...]
    sections_only: bool = False

    def walks(self) -> list[Walk]:
        return [self._walk(value) for value in self.values]

    def walks_apart(self) -> list[Walk]:
        """The same, each past what one before it has: together they come to every article once."""
        if self.rows is article or self.sections_only:
            return self.walks()
        return [
            walk.past(replace(self, values=self.values[:number])) if number else walk
            for number, walk in enumerate(self.walks())
        ]

    def _walk(self, value: str) -> Walk:
        if self.rows is article:
            return Walk(article, article.c.id, (article.c[self.target] == value,))
        link = self.rows.alias()
        found = link.c[self.target] == value
        conditions = (found, link.c.is_section) if self.sections_only else (found,)
        return Walk(link, link.c.article_id, conditions)

    def holds(self, article_id: sa.ColumnElement[Any]) -> Condition:
        """The condition that an article is of this group. Links are looked up by its id alone, so
        that articles which are not of it need not be looked at."""
        if self.rows is article:
            return any_of(unindexed(article.c[self.target]), self.values)
        link = self.rows.alias()
        is_one = any_of(link.c[self.target], self.values)
        held = sa.and_(is_one, link.c.is_section) if self.sections_only else is_one
        return sa.exists().where(link.c.article_id == article_id, held)


GROUPS: dict[LinkKind, Callable[[tuple[str, ...]], Group]] = {
    "tag": partial(Group, article_tag, "tag_id"),
    "section": partial(Group, article_tag, "tag_id", sections_only=True),
    "author": partial(Group, article_author, "author_id"),
}
of_language = partial(Group, article, "language_key")


@dataclass(frozen=True)
class Window:
    """Articles between two ends of an order that is not the list's."""

    conditions: tuple[Condition, ...]

    def rows(self) -> sa.Select[Any]:
        return sa.select(article.c.id).where(*self.conditions)


@dataclass(frozen=True)
class Route:
    """The order that a list is in, and where it stands."""

    key: str
    sort: str
    position: Position | None
    bands: tuple[Band, ...] = (EVERYWHERE,)

    @property
    def falling(self) -> bool:
        is_backwards = self.position is not None and self.position.backwards
        return self.sort.startswith("-") != is_backwards


@dataclass(frozen=True)
class LookAhead:
    """What a list may be found by: groups to walk, windows to put in order.

    `statement` looks some steps ahead in each, so that asking costs the same in any archive, and
    `rarest` says which of `groups` and `windows`, counted through, its only row speaks for.
    """

    route: Route
    groups: tuple[Group, ...]
    windows: tuple[Window, ...]

    def statement(self) -> sa.Select[Any]:
        ahead = [key for group in self.groups for key in _keys_ahead(self.route, group)]
        return sa.select(*ahead, *map(_rows_of, self.windows))

    def rarest(self, found: Sequence[Any]) -> int | None:
        left, falling = iter(found), self.route.falling
        bands = self.route.bands
        nearest = [
            _nearest([next(left) for _ in one.values for _ in bands], falling)
            for one in self.groups
        ]
        sizes = list(left)
        whole = [number for number, key in enumerate(nearest) if key is None]
        if whole:
            return min(whole, key=lambda number: len(self.groups[number].values))
        if sizes and min(sizes) <= WINDOW_ROWS_MAX:
            return len(self.groups) + sizes.index(min(sizes))
        furthest = min if falling else max
        return furthest(range(len(nearest)), key=nearest.__getitem__, default=None)


Choose = Callable[[LookAhead], int | None]
"""Says what a list is found by: what `LookAhead.rarest` says of the archive as it is."""


def driver_of(
    choose: Choose, route: Route, groups: Sequence[Group], windows: Sequence[Window]
) -> Group | Window | None:
    """What to find a list's articles by; nothing where the whole archive is to be walked."""
    if not windows and len(groups) < 2:
        return groups[0] if groups else None
    chosen = choose(LookAhead(route, tuple(groups), tuple(windows)))
    candidates: list[Group | Window] = [*groups, *windows]
    return None if chosen is None else candidates[chosen]


def by_looking(session: Session) -> Choose:
    """Looks ahead in the archive of a session."""

    def choose(ahead: LookAhead) -> int | None:
        return ahead.rarest(session.connection().execute(ahead.statement()).one())

    return choose


def _keys_ahead(route: Route, group: Group) -> list[sa.ColumnElement[Any]]:
    """Of each walk side by side, the key that it has come to; null where it ends before."""
    steps = max(1, STEPS_LOOKED_AHEAD // (len(group.values) * len(route.bands)))
    return [
        walk.in_order(route.key, route.sort, route.position, band)
        .with_only_columns(walk.rows.c[route.key])
        .limit(1)
        .offset(steps)
        .scalar_subquery()
        for walk in group.walks()
        for band in route.bands
    ]


def _nearest(keys: Sequence[Any], falling: bool) -> Any:
    known = [key for key in keys if key is not None]
    return (max if falling else min)(known, default=None)


def _rows_of(window: Window) -> sa.ColumnElement[Any]:
    some = window.rows().limit(WINDOW_ROWS_MAX + 1).subquery()
    return sa.select(sa.func.count()).select_from(some).scalar_subquery()


def any_of(column: sa.ColumnElement[Any], choices: Sequence[str]) -> Condition:
    return column == choices[0] if len(choices) == 1 else column.in_(choices)
