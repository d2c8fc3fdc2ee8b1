"""One filter, one visibility: which articles, for whom, compiled to SQL.

Every query about articles goes through `Selection`, which cannot be built without a `Visibility`.
Refs that lead nowhere choose nothing; an entitlement that excludes something unknown chooses
nothing at all, because what it meant to keep away cannot be known any more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

import sqlalchemy as sa
from sqlmodel import Session

from app.access.visibility import ArticleFilter, Status, Visibility, groups, refs_in
from app.archive.keyset import in_order
from app.archive.models import Article, ArticleAuthor, ArticleBody, ArticleTag
from app.archive.refs import resolve_refs
from app.db.columns import table
from app.web.pages import Position

article = table(Article)
article_body = table(ArticleBody)
article_with_body = article.join(article_body, article_body.c.article_id == article.c.id)
article_author = table(ArticleAuthor)
article_tag = table(ArticleTag)

Condition = sa.ColumnElement[bool]
LinkKind = Literal["tag", "section", "author"]
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


def status_is(status: Status, now: datetime) -> Condition:
    """The condition that the clock gives an article this status."""
    live, published_at, expires_at = article.c.live, article.c.published_at, article.c.expires_at
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
        article.c.live,
        article.c.sort_at <= now,
        sa.or_(article.c.expires_at.is_(None), article.c.expires_at > now),
    ]
    if not visibility.embargoed:
        conditions.append(
            sa.or_(article.c.embargoed_until.is_(None), article.c.embargoed_until <= now)
        )
    return conditions


@dataclass(frozen=True)
class _Group:
    """One *or* of a filter: articles linked to any of these, by one link table."""

    links: sa.Table
    target: str
    ids: tuple[str, ...]
    sections_only: bool = False

    def holds(self, link: sa.FromClause) -> Condition:
        """The condition that a link row is of this group."""
        is_one = _any_of(link.c[self.target], self.ids)
        return sa.and_(is_one, link.c.is_section) if self.sections_only else is_one

    def holds_somewhere(self) -> Condition:
        link = self.links.alias()
        return sa.exists().where(link.c.article_id == article.c.id, self.holds(link))


_GROUPS: dict[LinkKind, Callable[[tuple[str, ...]], _Group]] = {
    "tag": partial(_Group, article_tag, "tag_id"),
    "section": partial(_Group, article_tag, "tag_id", sections_only=True),
    "author": partial(_Group, article_author, "author_id"),
}


@dataclass(frozen=True)
class Linked:
    """One *or* of a filter: articles that have any of these authors, tags or sections."""

    kind: LinkKind
    ids: tuple[str, ...]


@dataclass(frozen=True)
class ResolvedFilter:
    """A filter whose refs are looked up: what it comes to, for whatever compiles it.

    `linked`: each must hold; one without ids holds for nothing. `excluded`: ids of tags.
    `holds_nothing`: it is an entitlement that excludes something unknown.
    """

    wanted: ArticleFilter
    linked: tuple[Linked, ...]
    excluded: tuple[str, ...]
    holds_nothing: bool


def resolve_filter(
    session: Session, wanted: ArticleFilter, *, is_entitlement: bool
) -> ResolvedFilter:
    tag_refs = refs_in(wanted.tag, wanted.section, wanted.exclude_tag)
    tags = resolve_refs(session, "tag", tag_refs)
    authors = resolve_refs(session, "author", refs_in(wanted.author))
    kinds: tuple[tuple[LinkKind, list[str], dict[str, str]], ...] = (
        ("tag", wanted.tag, tags),
        ("section", wanted.section, tags),
        ("author", wanted.author, authors),
    )
    linked = tuple(
        Linked(kind, _known(choices, found))
        for kind, values, found in kinds
        for choices in groups(values)
    )
    excluded = refs_in(wanted.exclude_tag)
    return ResolvedFilter(
        wanted,
        linked,
        _known(sorted(excluded), tags),
        is_entitlement and not excluded <= tags.keys(),
    )


class Selection:
    """The articles of some filters that one caller may see, ready to be listed, counted or found.

    `chosen` and `entitlement` are what it was made of, for the search index, which is asked in
    another language.
    """

    def __init__(
        self, session: Session, visibility: Visibility, chosen: ArticleFilter | None = None
    ) -> None:
        self.session = session
        self.visibility = visibility
        self.chosen = resolve_filter(session, chosen or ArticleFilter(), is_entitlement=False)
        self.entitlement = resolve_filter(
            session, visibility.entitlement or ArticleFilter(), is_entitlement=True
        )
        self._groups: list[_Group] = []
        self._conditions: list[Condition] = []
        self._statuses: list[Condition] = []
        for one in (self.chosen, self.entitlement):
            self._add(one)

    def conditions(self) -> list[Condition]:
        """All conditions on `article`, for a query that finds single rows."""
        linked = [group.holds_somewhere() for group in self._groups]
        return [*self._seen(), *self._conditions, *linked]

    def entitled(self) -> list[Condition]:
        """The conditions without the clock and the scopes: what the caller's key is about at all."""
        return [*self._conditions, *(group.holds_somewhere() for group in self._groups)]

    def page(
        self,
        columns: Sequence[sa.ColumnElement[Any]],
        sort: Order,
        position: Position | None,
        limit: int,
    ) -> sa.Select[Any]:
        """One page: a walk along one index, from the position on, one row more than `limit`.

        The walk goes by the filter's rarest-looking group (one author, tag or section), whose
        links carry the sort keys. Alternatives are walked one by one and merged.
        """
        driver = min(self._groups, key=lambda group: len(group.ids), default=None)
        if driver is None:
            walk = self._walk(article, article.c.id, sort, position).select_from(article)
            return _showing(walk, columns).limit(limit + 1)
        if len(driver.ids) == 1:
            walk = self._walk_links(driver, driver.ids[0], sort, position)
            return _showing(walk, columns).limit(limit + 1)
        found = sa.union(
            *(
                sa.select(walk.subquery().c.id)
                for walk in (
                    self._walk_links(driver, target, sort, position)
                    .with_only_columns(article.c.id)
                    .limit(limit + 1)
                    for target in driver.ids
                )
            )
        )
        ordered = in_order(
            sa.select(article.c.id), article.c[SORT_COLUMNS[sort]], article.c.id, sort, position
        )
        ordered = ordered.select_from(article).where(article.c.id.in_(found))
        return _showing(ordered, columns).limit(limit + 1)

    def count(self, rows_max: int | None = None) -> int:
        """How many there are; counting stops at `rows_max`."""
        driver = min(self._groups, key=lambda group: len(group.ids), default=None)
        counted = sa.select(sa.literal(1)).select_from(article)
        conditions = [*self._seen(), *self._conditions]
        conditions += [group.holds_somewhere() for group in self._groups if group is not driver]
        if driver is not None:
            link = driver.links.alias()
            conditions.append(
                article.c.id.in_(sa.select(link.c.article_id).where(driver.holds(link)))
            )
        counted = counted.where(*conditions)
        if rows_max is not None:
            counted = counted.limit(rows_max)
        total = sa.select(sa.func.count()).select_from(counted.subquery())
        return int(self.session.connection().execute(total).scalar_one())

    def _seen(self) -> list[Condition]:
        """What the clock decides: what the caller may see now, and the statuses asked for."""
        return [*may_see(self.visibility), *self._statuses]

    def _walk_links(
        self, driver: _Group, target: str, sort: Order, position: Position | None
    ) -> sa.Select[Any]:
        link = driver.links.alias()
        walk = self._walk(link, link.c.article_id, sort, position)
        walk = walk.select_from(link.join(article, article.c.id == link.c.article_id))
        walk = walk.where(link.c[driver.target] == target)
        others = [group.holds_somewhere() for group in self._groups if group is not driver]
        return (
            walk.where(link.c.is_section, *others) if driver.sections_only else walk.where(*others)
        )

    def _walk(
        self,
        walked: sa.FromClause,
        row_id: sa.ColumnElement[Any],
        sort: Order,
        position: Position | None,
    ) -> sa.Select[Any]:
        walk = in_order(sa.select(row_id), walked.c[SORT_COLUMNS[sort]], row_id, sort, position)
        walk = walk.where(*self._seen(), *self._conditions)
        if SORT_COLUMNS[sort] == "sort_at" and not self.visibility.previews:
            walk = walk.where(walked.c.sort_at <= self.visibility.now)
        return walk

    def _add(self, resolved: ResolvedFilter) -> None:
        wanted = resolved.wanted
        for linked in resolved.linked:
            self._add_group(_GROUPS[linked.kind](linked.ids))
        if resolved.excluded:
            excluded = _GROUPS["tag"](resolved.excluded)
            self._conditions.append(sa.not_(excluded.holds_somewhere()))
        if resolved.holds_nothing:
            self._conditions.append(sa.false())
        self._add_times(wanted)
        for choices in groups(wanted.language):
            self._conditions.append(
                _any_of(article.c.language_key, [choice.lower() for choice in choices])
            )
        for choices in groups(wanted.ids):
            self._conditions.append(article.c.id.in_([choice.lower() for choice in choices]))
        for choices in groups(wanted.status):
            now = self.visibility.now
            self._statuses.append(sa.or_(*(status_is(choice, now) for choice in choices)))  # type: ignore[arg-type]

    def _add_group(self, group: _Group) -> None:
        if group.ids:
            self._groups.append(group)
        else:
            self._conditions.append(sa.false())

    def _add_times(self, wanted: ArticleFilter) -> None:
        if wanted.published_since is not None:
            # `sort_at` is never before `published_at`, and is what the index is walked by.
            self._conditions.append(article.c.sort_at >= wanted.published_since)
            self._conditions.append(article.c.published_at >= wanted.published_since)
        if wanted.published_until is not None:
            self._conditions.append(article.c.published_at < wanted.published_until)
        if wanted.updated_since is not None:
            self._conditions.append(article.c.updated_at >= wanted.updated_since)


def _showing(walk: sa.Select[Any], columns: Sequence[sa.ColumnElement[Any]]) -> sa.Select[Any]:
    """The walk with these columns; those of bodies bring their table along."""
    shown = walk.with_only_columns(*columns)
    if any(article_body in column._from_objects for column in columns):
        return shown.join(article_body, article_body.c.article_id == article.c.id)
    return shown


def _known(choices: Sequence[str], found: dict[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found[ref] for ref in choices if ref in found))


def _any_of(column: sa.ColumnElement[Any], choices: Sequence[str]) -> Condition:
    return column == choices[0] if len(choices) == 1 else column.in_(choices)


def excludes_unknown(session: Session, entitlement: ArticleFilter | None) -> bool:
    """Whether an entitlement excludes something that is no more, and so holds nothing."""
    if entitlement is None:
        return False
    refs = refs_in(entitlement.exclude_tag)
    return len(resolve_refs(session, "tag", refs)) < len(refs)


def matches(wanted: ArticleFilter, snapshot: dict[str, Any], session: Session) -> bool:
    """Whether an article that exists no more was one of these, by its last snapshot."""
    return (
        snapshot_test(wanted, session)(snapshot)
        and all("published" in choices for choices in groups(wanted.status))
        and (not wanted.status or snapshot["first_published_at"] is not None)
        and wanted.updated_since is None  # when it changed last is not kept with it
    )


def snapshot_test(wanted: ArticleFilter, session: Session) -> Callable[[dict[str, Any]], bool]:
    """A test of snapshots: is what they say of tags, authors, language, id and date one of these?

    It leaves out what a snapshot does not say: the status and when the article changed last.
    """
    tag_refs = refs_in(wanted.tag, wanted.section, wanted.exclude_tag)
    known_tags = resolve_refs(session, "tag", tag_refs)
    known_authors = resolve_refs(session, "author", refs_in(wanted.author))
    excluded = refs_in(wanted.exclude_tag)

    def holds(snapshot: dict[str, Any]) -> bool:
        tags = set(snapshot["tags"])
        authors = {credit["id"] for credit in snapshot["authors"]}
        return (
            all(tags & set(_known(choices, known_tags)) for choices in groups(wanted.tag))
            and all(
                snapshot["section"] in _known(choices, known_tags)
                for choices in groups(wanted.section)
            )
            and all(
                authors & set(_known(choices, known_authors)) for choices in groups(wanted.author)
            )
            and all(ref in known_tags and known_tags[ref] not in tags for ref in excluded)
            and all(
                snapshot["language"].lower() in map(str.lower, choices)
                for choices in groups(wanted.language)
            )
            and all(snapshot["id"] in map(str.lower, choices) for choices in groups(wanted.ids))
            and is_published_within(wanted, _instant(snapshot["published_at"]))
        )

    return holds


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def is_published_within(wanted: ArticleFilter, at: datetime | None) -> bool:
    """Whether a date of publication is one of those wanted; none is, where any is asked for."""
    since, until = wanted.published_since, wanted.published_until
    if since is None and until is None:
        return True
    return at is not None and (since is None or at >= since) and (until is None or at < until)
