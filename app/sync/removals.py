"""What a follower is to remove: what it could have had at its cursor and can have no more."""

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.access.visibility import Visibility
from app.archive.former_states import (
    Departure,
    Reach,
    former_state,
    former_state_ref,
    present_states,
    read_departures,
)
from app.changes.models import Kind
from app.sync.places import Place

BATCH = 200


@dataclass(frozen=True, order=True)
class Removal:
    """That a follower is to remove a thing: at which number it was lost, and why."""

    sequence: int
    kind: Kind
    id: str
    reason: str


def last_ended(session: Session, visibility: Visibility) -> int:
    """The number at which something that the caller could see, or anybody with such a key, was last
    over; a copy that is begun now has none of what was over by then."""
    ended = former_state.c
    query = sa.select(ended.sequence).order_by(ended.sequence.desc()).limit(1)
    if not visibility.previews:
        was_out = [ended.live, ended.published_at <= ended.at]
        if not visibility.embargoed:
            was_out.append(
                sa.or_(ended.embargoed_until.is_(None), ended.embargoed_until <= ended.at)
            )
        query = query.where(sa.or_(ended.kind != "article", sa.and_(*was_out)))
    return session.connection().execute(query).scalar_one_or_none() or 0


def removed_things(session: Session, kind: Kind, place: Place, limit: int) -> list[Removal]:
    """Authors or tags that were there at the follower's place and are gone; one more than `limit`."""
    query = _ended_since(place).where(former_state.c.kind == kind).limit(limit + 1)
    rows = session.connection().execute(query)
    return [Removal(row.sequence, kind, row.entity_id, row.reason) for row in rows]


def removed_articles(
    session: Session, visibility: Visibility, reach: Reach, place: Place
) -> Iterator[Removal]:
    """Articles that the follower could have had at its place and lost since, in order.

    A change of state that leaves an article within reach is followed on to the one that did not,
    so that nobody removes what they are to keep.
    """
    waiting: list[Removal] = []
    for batch, reached in _batches(session, visibility, reach, place):
        had = [one for one in batch if reach.holds(one.state)]
        for removal in _where_lost(session, visibility, reach, had):
            heapq.heappush(waiting, removal)
        # What later batches find was lost later than all of this one began to change.
        while waiting and waiting[0].sequence <= reached:
            yield heapq.heappop(waiting)


def _ended_since(place: Place) -> sa.Select[Any]:
    """The former states that the place lies within."""
    return (
        sa.select(former_state)
        .where(
            former_state.c.sequence > max(place.number, place.began),
            former_state.c.state_sequence <= place.number,
        )
        .order_by(former_state.c.sequence)
    )


def _batches(
    session: Session, visibility: Visibility, reach: Reach, place: Place
) -> Iterator[tuple[list[Departure], float]]:
    """What was over since the place, some at a time, each time with the number that was reached."""
    linked = reach.linked_ids()
    query = _ended_since(place).where(former_state.c.kind == "article")
    if not visibility.previews:
        query = query.where(former_state.c.live)
    reached: float = max(place.number, place.began)
    while reached < math.inf:
        if linked is None:
            batch = read_departures(
                session, query.where(former_state.c.sequence > reached).limit(BATCH)
            )
            walked = [one.sequence for one in batch]
        else:
            walked = _walk_refs(session, linked, reached)
            batch = read_departures(session, query.where(former_state.c.sequence.in_(walked)))
        reached = walked[-1] if len(walked) == BATCH else math.inf
        yield batch, reached


def _walk_refs(session: Session, target_ids: Sequence[str], after: float) -> list[int]:
    """The next numbers at which a state with one of these authors or tags was over."""
    if not target_ids:
        return []
    refs = former_state_ref.c
    walks = (
        sa.select(refs.sequence)
        .where(refs.target_id == target_id, refs.sequence > after)
        .order_by(refs.sequence)
        .limit(BATCH)
        .subquery()
        for target_id in target_ids
    )
    found = sa.union(*(sa.select(walk.c.sequence) for walk in walks)).subquery()
    query = sa.select(found.c.sequence).order_by(found.c.sequence).limit(BATCH)
    return list(session.connection().scalars(query))


def _where_lost(
    session: Session, visibility: Visibility, reach: Reach, had: list[Departure]
) -> Iterator[Removal]:
    """For each state that the follower had, the change that took the article out of its reach."""
    if not had:
        return
    ids = {one.state.article_id for one in had}
    later: dict[str, list[Departure]] = {}
    since = min(one.sequence for one in had)
    query = sa.select(former_state).where(
        former_state.c.entity_id.in_(ids), former_state.c.sequence > since
    )
    for one in read_departures(session, query.order_by(former_state.c.sequence)):
        later.setdefault(one.state.article_id, []).append(one)
    present = present_states(session, ids, visibility.now)
    for one in had:
        article_id = one.state.article_id
        lost: Departure | None = one
        for after in later.get(article_id, []):
            if lost is not None and after.state.state_sequence == lost.sequence:
                if not reach.holds(after.state):
                    break
                lost = after
        else:
            now = present.get(article_id)
            lost = None if now is not None and reach.holds(now) else lost
        if lost is not None:
            yield Removal(lost.sequence, "article", article_id, lost.reason)
