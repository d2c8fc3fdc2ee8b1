"""Reading the sequence."""

from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.changes.models import Revision
from app.db.columns import table

revision = table(Revision)


def last_revision(session: Session, entity_id: str) -> sa.Row[tuple[object, ...]] | None:
    """The newest revision of a thing, whether it still exists or not."""
    newest_first = (
        sa.select(revision)
        .where(revision.c.entity_id == entity_id)
        .order_by(revision.c.sequence.desc())
    )
    return session.connection().execute(newest_first.limit(1)).first()


def begins_a_version(rows: sa.FromClause) -> sa.ColumnElement[bool]:
    """The condition that a revision is the first of its version.

    What only changes who may see it takes a number too, with the version that it finds.
    """
    return sa.or_(rows.c.reason.is_(None), rows.c.operation == "remove")


def content_of(rows: sa.FromClause) -> sa.ScalarSelect[Any]:
    """A column: the snapshot that says what the thing was from a revision on, its own or an earlier one."""
    written = revision.alias()
    return (
        sa.select(written.c.snapshot)
        .where(
            written.c.entity_id == rows.c.entity_id,
            written.c.sequence <= rows.c.sequence,
            written.c.snapshot.is_not(sa.null()),
        )
        .order_by(written.c.sequence.desc())
        .limit(1)
        .scalar_subquery()
    )
