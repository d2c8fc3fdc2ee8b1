"""Makes the JSON of articles that have none, as an upgrade leaves them, in the background.

Until then they are read the long way. What readers see does not change, so nothing of an article
but `pieces` and `links` does: no number, no version, no date.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.archive.filter import article
from app.archive.pieces import links_of, pieces_of
from app.archive.queries import current_refs_of
from app.db.database import Database

BATCH = 300
LOOK_SECONDS = 60.0
"""How often it looks whether there are any: an upgrade alone leaves some."""
PAUSE_SECONDS = 0.1
"""Between batches, each of which takes about half as long, so that writers hardly wait."""


def make_missing_pieces(database: Database) -> int:
    """Gives some of the articles without pieces theirs, and their links; returns how many.

    Call it until it gives 0. However many processes call it, nothing that a writer wrote is lost:
    the writer's turn comes before the question which articles have none.
    """
    with database.reading() as session:
        if session.connection().execute(without_pieces(1)).first() is None:
            return 0
    with database.writing() as session:
        return _make_batch(session)


def without_pieces(limit: int) -> sa.Select[Any]:
    """So many of the articles that have none: all columns, and the metadata as `extra`."""
    columns = [*article.c, article.c.metadata.label("extra")]
    return sa.select(*columns).where(article.c.pieces.is_(None)).order_by(article.c.id).limit(limit)


def _make_batch(session: Session) -> int:
    connection = session.connection()
    rows: Sequence[Any] = connection.execute(without_pieces(BATCH)).all()
    if rows:
        refs = current_refs_of(session, [row.id for row in rows])
        connection.execute(
            sa.update(article)
            .values(pieces=sa.bindparam("made"), links=sa.bindparam("made_links"))
            .where(article.c.id == sa.bindparam("article_id", type_=article.c.id.type)),
            [
                {
                    "article_id": row.id,
                    "made": pieces_of(row),
                    "made_links": links_of(refs[row.id]),
                }
                for row in rows
            ],
        )
    return len(rows)
