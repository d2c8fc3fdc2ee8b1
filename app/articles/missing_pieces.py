"""Makes the JSON of articles that have none, as an upgrade leaves them, in the background.

Until then they are read the long way. What readers see does not change, so nothing of an article
but `pieces` and `stamp` does: no number, no version, no date.
"""

import sqlalchemy as sa

from app.archive.actions import make_pieces
from app.archive.queries import current_refs_of
from app.archive.tables import article
from app.db.database import Database

BATCH = 300
LOOK_SECONDS = 60.0
"""How often it looks whether there are any: an upgrade alone leaves some."""
PAUSE_SECONDS = 0.1
"""Between batches, each of which takes about half as long, so that writers hardly wait."""


def make_missing_pieces(database: Database) -> int:
    """Gives some of the articles without pieces theirs; returns how many.

    Call it until it gives 0. However many processes call it, nothing that a writer wrote is lost:
    the writer's turn comes before the question which articles have none.
    """
    with database.reading() as session:
        if session.connection().execute(without_pieces(1)).first() is None:
            return 0
    with database.writing() as session:
        ids = list(session.connection().scalars(without_pieces(BATCH)))
        make_pieces(session, current_refs_of(session, ids))
    return len(ids)


def without_pieces(limit: int) -> sa.Select[str]:
    """The ids of so many of the articles that have none."""
    return (
        sa.select(article.c.id)
        .where(article.c.pieces.is_(None))
        .order_by(article.c.id)
        .limit(limit)
    )
