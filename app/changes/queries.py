"""Reading the sequence."""

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
