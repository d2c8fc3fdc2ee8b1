"""Taking numbers of the sequence and writing down what changed, in the writer's own transaction."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.changes.models import Kind, Revision, SequenceCounter
from app.db.columns import table

counter = table(SequenceCounter)


def take_numbers(session: Session, count: int = 1) -> int:
    """Takes the next `count` numbers of the sequence and returns the first of them."""
    last = session.connection().execute(
        sa.update(counter).values(value=counter.c.value + count).returning(counter.c.value)
    )
    return int(last.scalar_one()) - count + 1


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
    number = take_numbers(session)
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
    """Writes down that a thing is gone. `snapshot` is what it was, for who may be told of it."""
    number = take_numbers(session)
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
