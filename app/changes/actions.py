"""Taking numbers of the sequence and writing down what changed, in the writer's own transaction."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.changes.models import FormerState, Kind, Revision, SequenceCounter
from app.changes.queries import begins_a_version, content_of
from app.db.columns import table
from app.db.database import Database

counter = table(SequenceCounter)
former_state = table(FormerState)
revision = table(Revision)
CHANNEL = "byline_sequence"


def take_numbers(session: Session, count: int = 1, *, at: datetime) -> int:
    """Takes the next `count` numbers of the sequence and returns the first of them.

    `at` is the moment of the change. On PostgreSQL the commit then wakes whoever follows.
    """
    later = sa.case((counter.c.at > at, counter.c.at), else_=sa.literal(at, counter.c.at.type))
    taken = (
        sa.update(counter)
        .values(value=counter.c.value + count, at=later)
        .returning(counter.c.value)
    )
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        taken = taken.returning(sa.func.pg_notify(CHANNEL, ""))
    return int(connection.execute(taken).scalar_one()) - count + 1


def _note_names(session: Session, number: int) -> None:
    """Says that names, or what refs mean, are as they are since this number."""
    session.connection().execute(sa.update(counter).values(names=number))


def last_number(session: Session) -> int:
    """The last number taken so far; within a writer's turn nobody else takes one."""
    return int(session.connection().execute(sa.select(counter.c.value)).scalar_one())


def last_moment(session: Session) -> datetime | None:
    """The latest moment at which a number was taken, by the clock of who took it."""
    return session.connection().execute(sa.select(counter.c.at)).scalar_one()  # type: ignore[no-any-return]


def record_change(
    session: Session,
    kind: Kind,
    entity_id: str,
    version: int,
    snapshot: dict[str, Any],
    *,
    at: datetime,
    key_id: str | None,
) -> int:
    """Writes an author's or tag's new state down and returns its number."""
    number = take_numbers(session, at=at)
    _note_names(session, number)
    session.add(
        Revision(
            sequence=number,
            kind=kind,
            entity_id=entity_id,
            version=version,
            operation="upsert",
            at=at,
            key_id=key_id,
            snapshot=snapshot,
        )
    )
    return number


def record_removal(
    session: Session,
    kind: Kind,
    entity_id: str,
    version: int,
    reason: str,
    *,
    at: datetime,
    key_id: str | None,
    snapshot: dict[str, Any] | None = None,
) -> int:
    """Writes down that a thing is gone. `snapshot` is what it was, for who may be told of it.

    Followers hear of it by its former state, which for an article the archive writes.
    """
    number = take_numbers(session, at=at)
    if kind != "article":
        _note_names(session, number)
        _end_public_state(session, kind, entity_id, number, at)
    session.add(
        Revision(
            sequence=number,
            kind=kind,
            entity_id=entity_id,
            version=version,
            operation="remove",
            reason=reason,
            at=at,
            key_id=key_id,
            snapshot=snapshot,
        )
    )
    return number


def _end_public_state(
    session: Session, kind: Kind, entity_id: str, number: int, at: datetime
) -> None:
    # An author or tag is there for everybody from its first number on. One that never was here, of
    # which a copy of another newsroom tells that it is gone, nobody can have.
    first = sa.select(sa.func.min(revision.c.sequence)).where(revision.c.entity_id == entity_id)
    connection = session.connection()
    state_sequence = connection.execute(first).scalar_one()
    if state_sequence is None:
        return
    connection.execute(
        sa.insert(former_state).values(
            sequence=number,
            kind=kind,
            entity_id=entity_id,
            state_sequence=state_sequence,
            at=at,
            reason="deleted",
            live=True,
            withdrawn=False,
        )
    )


def forget_old_revisions(database: Database, now: datetime, days: int, batch: int) -> int:
    """Deletes up to `batch` revisions of articles that were replaced more than `days` days ago.

    Returns how many it deleted; fewer than `batch` means that none are left. 0 days keeps all.
    What anything was at any moment of those days stays known: the newest revision is never
    replaced, removals stay for ever, and where the oldest that stays has no snapshot of its own
    it takes over the one that was its content. Looking for them keeps no writer waiting.
    """
    if days == 0:
        return 0
    with database.reading() as session:
        old = _replaced_before(session, now - timedelta(days=days), batch)
    if old:
        with database.writing() as session:
            session.connection().execute(_hand_over(old))
            session.connection().execute(sa.delete(revision).where(revision.c.sequence.in_(old)))
    return len(old)


def _replaced_before(session: Session, moment: datetime, batch: int) -> list[int]:
    """The first `batch` numbers whose thing had its next version at this moment, or is removed."""
    later = revision.alias()
    is_replaced = sa.exists().where(
        later.c.entity_id == revision.c.entity_id,
        later.c.sequence > revision.c.sequence,
        begins_a_version(later),
        later.c.at <= moment,
    )
    found = (
        sa.select(revision.c.sequence)
        .where(revision.c.kind == "article", revision.c.operation == "upsert", is_replaced)
        .order_by(revision.c.sequence)
        .limit(batch)
    )
    return list(session.connection().scalars(found))


def _hand_over(old: list[int]) -> sa.Update:
    """Gives the first revision that stays of each thing its content, where it has none of its own."""
    gone, stays = revision.alias(), revision.alias()
    heirs = (
        sa.select(sa.func.min(stays.c.sequence))
        .where(
            stays.c.entity_id.in_(sa.select(gone.c.entity_id).where(gone.c.sequence.in_(old))),
            stays.c.sequence.not_in(old),
        )
        .group_by(stays.c.entity_id)
    )
    return (
        sa.update(revision)
        .where(
            revision.c.sequence.in_(heirs),
            revision.c.operation == "upsert",
            revision.c.snapshot.is_(sa.null()),
        )
        .values(snapshot=content_of(revision))
    )
