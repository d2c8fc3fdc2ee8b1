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
LOOKED_BACK_MAX = 2_000


@dataclass(frozen=True, order=True)
class Removal:
    """That a follower is to remove a thing: at which number it was lost, and why."""

    sequence: int
    kind: Kind
    id: str
    reason: str


def last_over(session: Session, kinds: frozenset[Kind], reach: Reach) -> int:
    """The number at which something that the follower could have had was last over.

    A copy that is begun now has none of what was over by then. Looking back ends after
    `LOOKED_BACK_MAX` states that it could not have had, at the number that was reached.
    """
    things = former_state.c
    named = sa.select(sa.func.max(things.sequence)).where(things.kind.in_(kinds - {"article"}))
    newest: int = (
        session.connection().execute(named).scalar_one() or 0 if kinds != {"article"} else 0
    )
    if "article" not in kinds:
        return newest
    reached, linked = math.inf, reach.linked_ids()
    for _batch in range(LOOKED_BACK_MAX // BATCH):
        walked = _walk(session, linked, reached, backwards=True)
        query = sa.select(former_state).where(things.sequence.in_(walked), things.kind == "article")
        for one in read_departures(session, query.order_by(things.sequence.desc())):
            if reach.holds(one.state, one.sequence):
                return max(newest, one.sequence)
        if len(walked) < BATCH:
            return newest
        reached = walked[-1]
    return max(newest, int(reached))


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
        had = [one for one in batch if reach.holds(one.state, one.sequence)]
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
            former_state.c.sequence > place.since,
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
    reached: float = place.since
    while reached < math.inf:
        walked = _walk(session, linked, reached)
        batch = read_departures(session, query.where(former_state.c.sequence.in_(walked)))
        reached = walked[-1] if len(walked) == BATCH else math.inf
        yield batch, reached


def _walk(
    session: Session, target_ids: Sequence[str] | None, start: float, *, backwards: bool = False
) -> list[int]:
    """The next numbers at which a state was over, where `target_ids` are given one with any of them."""
    if target_ids is None:
        query = _next_numbers(former_state.c.sequence, start, backwards)
        return list(session.connection().scalars(query))
    if not target_ids:
        return []
    refs = former_state_ref.c
    walks = (
        _next_numbers(refs.sequence, start, backwards).where(refs.target_id == target_id).subquery()
        for target_id in target_ids
    )
    found = sa.union(*(sa.select(walk.c.sequence) for walk in walks)).subquery()
    query = _next_numbers(found.c.sequence, start, backwards)
    return list(session.connection().scalars(query))


def _next_numbers(sequence: sa.ColumnElement[int], start: float, backwards: bool) -> sa.Select[int]:
    query = sa.select(sequence).limit(BATCH)
    if not backwards:
        return query.where(sequence > int(start)).order_by(sequence)
    query = query.order_by(sequence.desc())
    return query if start == math.inf else query.where(sequence < int(start))


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
                if not reach.holds(after.state, after.sequence):
                    break
                lost = after
        else:
            now = present.get(article_id)
            lost = None if now is not None and reach.holds(now, math.inf) else lost
        if lost is not None:
            yield Removal(lost.sequence, "article", article_id, lost.reason)
