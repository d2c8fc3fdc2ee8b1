"""The ticker: what the clock has changed takes a number too, so that followers hear of it.

Reads never wait for it: a publication date, an embargo and an expiry are decided by the clock in
every read. The ticker only puts them in order with everything else.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.access.caller import newsroom
from app.archive.actions import move_articles
from app.archive.tables import article
from app.articles.lifecycle import next_tick_at
from app.db.database import Database

BATCH = 500


def tick(database: Database, now: datetime) -> int:
    """Gives some of the articles that the clock has changed their numbers; returns how many.

    Call it until it gives 0. However many processes call it, and however long none did, each date
    gives one number: the writer's turn comes before the question which articles are due.
    """
    if not _any_due(database, now):
        return 0
    with database.writing() as session:
        return _tick_batch(session, now)


def _any_due(database: Database, now: datetime) -> bool:
    due = sa.select(article.c.id).where(article.c.next_tick_at <= now).limit(1)
    with database.reading() as session:
        return session.connection().execute(due).first() is not None


def _tick_batch(session: Session, now: datetime) -> int:
    connection, columns = session.connection(), article.c
    due = connection.execute(
        sa.select(
            columns.id,
            columns.live,
            columns.published_at,
            columns.embargoed_until,
            columns.expires_at,
        )
        .where(columns.next_tick_at <= now)
        .order_by(columns.next_tick_at)
        .limit(BATCH)
    ).all()
    if due:
        ids = sa.select(columns.id).where(columns.id.in_([row.id for row in due]))
        move_articles(session, newsroom(now), ids, ends_state=True, reason="clock")
        connection.execute(
            sa.update(article)
            .values(next_tick_at=sa.bindparam("at", type_=columns.next_tick_at.type))
            .where(columns.id == sa.bindparam("article_id", type_=columns.id.type)),
            [{"article_id": row.id, "at": next_tick_at(row, now)} for row in due],
        )
    return len(due)
