"""Who could see an article before it changed: written with the change, read by who follows.

An article's life is a row of states, each from one number of the sequence to the next change of
something that a filter, an entitlement or the clock looks at. A follower whose cursor lies within
a state has the article if it could see it in that state.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.access.visibility import ArticleFilter, Status, Visibility, groups, refs_in
from app.archive.filter import is_published_within, languages_of
from app.archive.refs import Meanings, meanings
from app.archive.tables import article, article_author, article_tag
from app.changes.models import FormerState, FormerStateRef
from app.db.columns import table

former_state = table(FormerState)
former_state_ref = table(FormerStateRef)
LATE_COMMIT = timedelta(seconds=2)
"""A reader's clock may be this far past the moment of a write that it does not see yet."""
_EVER = datetime.min.replace(tzinfo=UTC)


def end_states(
    session: Session, numbered: sa.FromClause, at: datetime, reason: sa.ColumnElement[str]
) -> None:
    """Writes down the present states of articles before they change.

    `numbered` has an `article_id` and the `number` of the change for each; `reason` says why who
    can no longer see the article has lost it.
    """
    names = [
        "sequence", "kind", "entity_id", "state_sequence", "state_at", "at", "reason", "live",
        "withdrawn", "published_at", "embargoed_until", "expires_at", "updated_at", "language_key",
    ]  # fmt: skip
    states = sa.select(
        numbered.c.number,
        sa.literal("article"),
        article.c.id,
        article.c.state_sequence,
        article.c.state_at,
        sa.literal(at, former_state.c.at.type),
        reason,
        article.c.live,
        article.c.withdrawn_at.is_not(None),
        *(article.c[name] for name in names[9:]),
    ).join(numbered, numbered.c.article_id == article.c.id)
    connection = session.connection()
    connection.execute(sa.insert(former_state).from_select(names, states))
    for links, kind, target, is_section in (
        (article_author, "author", "author_id", sa.false()),
        (article_tag, "tag", "tag_id", article_tag.c.is_section),
    ):
        refs = sa.select(numbered.c.number, links.c[target], sa.literal(kind), is_section).join(
            numbered, numbered.c.article_id == links.c.article_id
        )
        columns = ["sequence", "target_id", "kind", "is_section"]
        connection.execute(sa.insert(former_state_ref).from_select(columns, refs))


def one_numbered(article_id: str, number: int) -> sa.FromClause:
    """One article and the number of its change, for `end_states`."""
    one = sa.select(
        sa.literal(article_id, article.c.id.type).label("article_id"),
        sa.literal(number, sa.BigInteger).label("number"),
    )
    return one.subquery()


@dataclass(frozen=True)
class State:
    """What decides who can see an article, from one moment and number until another."""

    article_id: str
    state_sequence: int
    since: datetime
    until: datetime
    live: bool
    withdrawn: bool
    published_at: datetime | None
    embargoed_until: datetime | None
    expires_at: datetime | None
    updated_at: datetime
    language_key: str
    authors: frozenset[str]
    tags: frozenset[str]
    section: str | None

    def moments(self) -> Iterator[datetime]:
        """Moments of this state between which the clock changes nothing."""
        yield self.since
        for boundary in (self.published_at, self.embargoed_until, self.expires_at):
            if boundary is not None and self.since < boundary < self.until + LATE_COMMIT:
                yield boundary

    def status(self, at: datetime) -> Status:
        if self.withdrawn:
            return "withdrawn"
        if not self.live:
            return "draft"
        if self.published_at is not None and self.published_at > at:
            return "scheduled"
        return "expired" if self.expires_at is not None and self.expires_at <= at else "published"


@dataclass(frozen=True)
class Departure:
    """A former state, the number that ended it, and why it ended for whom it did."""

    state: State
    sequence: int
    reason: str


def read_departures(session: Session, query: sa.Select[Any]) -> list[Departure]:
    """The former states that a query on `former_state` finds, in its order: two statements."""
    rows = session.connection().execute(query).all()
    refs = _refs_of(session, [row.sequence for row in rows])
    return [
        Departure(
            _state(row, row.entity_id, row.at, row.withdrawn, *refs.get(row.sequence, _NO_REFS)),
            row.sequence,
            row.reason,
        )
        for row in rows
    ]


def present_states(
    session: Session, article_ids: Collection[str], now: datetime
) -> dict[str, State]:
    """The states that articles are in now; those that exist no more are left out."""
    connection = session.connection()
    names = ("live", "published_at", "embargoed_until", "expires_at", "updated_at", "language_key")
    rows = connection.execute(
        sa.select(
            article.c.id,
            article.c.state_sequence,
            article.c.state_at,
            article.c.withdrawn_at,
            *(article.c[name] for name in names),
        ).where(article.c.id.in_(article_ids))
    ).all()
    linked = _links_of(session, article_ids)
    return {
        row.id: _state(
            row, row.id, now, row.withdrawn_at is not None, *linked.get(row.id, _NO_REFS)
        )
        for row in rows
    }


Refs = tuple[set[str], set[str], str | None]
_NO_REFS: Refs = (set(), set(), None)


def _state(
    row: Any,
    article_id: str,
    until: datetime,
    withdrawn: bool,
    authors: set[str],
    tags: set[str],
    section: str | None,
) -> State:
    return State(
        article_id, row.state_sequence, row.state_at or _EVER, until, row.live, withdrawn,
        row.published_at, row.embargoed_until, row.expires_at, row.updated_at, row.language_key,
        frozenset(authors), frozenset(tags), section,
    )  # fmt: skip


def _refs_of(session: Session, numbers: Sequence[int]) -> dict[int, Refs]:
    found = sa.select(former_state_ref).where(former_state_ref.c.sequence.in_(numbers))
    return _gathered(
        (row.sequence, row.kind, row.target_id, row.is_section)
        for row in session.connection().execute(found)
    )


def _links_of(session: Session, article_ids: Collection[str]) -> dict[str, Refs]:
    found = sa.union_all(
        sa.select(
            article_author.c.article_id,
            sa.literal("author"),
            article_author.c.author_id,
            sa.false(),
        ).where(article_author.c.article_id.in_(article_ids)),
        sa.select(
            article_tag.c.article_id,
            sa.literal("tag"),
            article_tag.c.tag_id,
            article_tag.c.is_section,
        ).where(article_tag.c.article_id.in_(article_ids)),
    )
    return _gathered(tuple(row) for row in session.connection().execute(found))


def _gathered(rows: Any) -> dict[Any, Refs]:
    gathered: dict[Any, Refs] = {}
    for key, kind, target_id, is_section in rows:
        authors, tags, section = gathered.get(key, (set(), set(), None))
        (authors if kind == "author" else tags).add(target_id)
        gathered[key] = (authors, tags, target_id if is_section else section)
    return gathered


class Reach:
    """Whether a follower could have had an article while it was in some state.

    The same filter, entitlement and clock as `Selection`, for states that are no longer in the
    tables it looks at. Refs mean what they meant then: when the state began, for what they mean
    ends the states of all whom that concerns; but a new slug finds articles before they are moved.
    """

    def __init__(self, session: Session, visibility: Visibility, chosen: ArticleFilter) -> None:
        self._visibility = visibility
        self._filters = [(chosen, False)]
        if visibility.entitlement is not None:
            self._filters.append((visibility.entitlement, True))
        both = [one for one, _ in self._filters]
        tags = [part for one in both for part in (one.tag, one.section, one.exclude_tag)]
        self._tags = meanings(session, "tag", refs_in(*tags))
        self._authors = meanings(session, "author", refs_in(*(one.author for one in both)))

    def linked_ids(self) -> list[str] | None:
        """Ids of which any such article has one; None where the filters name no author or tag."""
        for wanted, _ in self._filters:
            for names, known in (
                (wanted.tag, self._tags),
                (wanted.section, self._tags),
                (wanted.author, self._authors),
            ):
                for choices in groups(names):
                    return sorted({one for ref in choices for one in known.ever(ref)})
        return None

    def holds(self, state: State, until: float) -> bool:
        """Whether it could, from the beginning of the state on and before the number `until`."""
        since = state.state_sequence
        numbers = {since} | self._tags.first_meant(since, until)
        numbers |= self._authors.first_meant(since, until)
        return any(self._shows(state, at) for at in state.moments()) and any(
            all(self._matches(state, *one, number) for one in self._filters) for number in numbers
        )

    def _shows(self, state: State, at: datetime) -> bool:
        status = state.status(at)
        asked = all(
            status in choices for wanted, _ in self._filters for choices in groups(wanted.status)
        )
        if self._visibility.previews or not asked:
            return asked
        embargo = None if self._visibility.embargoed else state.embargoed_until
        return status == "published" and (embargo is None or embargo <= at)

    def _matches(
        self, state: State, wanted: ArticleFilter, is_entitlement: bool, number: int
    ) -> bool:
        excluded = [self._tags.at(ref, number) for ref in refs_in(wanted.exclude_tag)]
        return (
            all(
                self._any(choices, state.tags, self._tags, number) for choices in groups(wanted.tag)
            )
            and all(
                self._any(choices, {state.section}, self._tags, number)
                for choices in groups(wanted.section)
            )
            and all(
                self._any(choices, state.authors, self._authors, number)
                for choices in groups(wanted.author)
            )
            and not state.tags.intersection(excluded)
            and not (is_entitlement and None in excluded)
            and all(state.language_key in choices for choices in languages_of(wanted))
            and all(state.article_id in map(str.lower, choices) for choices in groups(wanted.ids))
            and (wanted.updated_since is None or state.updated_at >= wanted.updated_since)
            and is_published_within(wanted, state.published_at)
        )

    @staticmethod
    def _any(
        choices: Sequence[str], had: Collection[str | None], known: Meanings, since: int
    ) -> bool:
        return any((one := known.at(ref, since)) is not None and one in had for ref in choices)
