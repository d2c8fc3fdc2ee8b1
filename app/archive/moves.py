"""Moving the articles of a renamed author or tag: few in the transaction of the rename, many after it.

Every read shows a new name from the commit of the rename on, for names are joined to articles when
they are read. The move tells followers: the changes, the search index, whoever sorts by the last
change. Where it comes after, it is written down with the rename and done in batches, each with its
place in one transaction, so that each article is moved once whenever a process ends.

Until its move an article has the version that it had, which is what `If-Match` compares: nobody's
edit is refused for a name. `ETag` and `If-None-Match` are of the bytes, and differ at once.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlmodel import Session

from app.access.caller import Caller, newsroom
from app.archive.actions import move_articles, revision
from app.archive.models import PendingMove
from app.archive.queries import articles_linked
from app.archive.tables import article, article_author, article_tag
from app.changes.queries import begins_a_version
from app.db.columns import table
from app.db.database import Database

pending_move = table(PendingMove)
MOVED_AT_ONCE_MAX = 1_000
"""Articles; so many keep other writers waiting for about a fifth of a second."""
BATCH = 300
PAUSE_SECONDS = 0.1
"""Between batches, so that writers have their turns."""
_LINKS = {"author": (article_author, "author_id"), "tag": (article_tag, "tag_id")}


def move_shown(
    session: Session,
    caller: Caller,
    kind: Literal["author", "tag"],
    target_id: str,
    number: int,
    *,
    ends_state: bool,
    at_once: bool = False,
) -> None:
    """Moves all articles of an author or tag which is other than before since `number`.

    More than `MOVED_AT_ONCE_MAX` are moved by `move_some`, unless it has to be `at_once`. What was
    still to be moved because of an earlier change is part of this move.
    """
    connection = session.connection()
    earlier = connection.execute(
        sa.delete(pending_move)
        .where(pending_move.c.target_id == target_id)
        .returning(pending_move.c.ends_state)
    ).scalar_one_or_none()
    ends_state = ends_state or bool(earlier)
    shown = articles_linked(*_LINKS[kind], target_id)
    one_more = shown.offset(MOVED_AT_ONCE_MAX).limit(1)
    if at_once or connection.execute(one_more).first() is None:
        move_articles(session, caller, shown, ends_state=ends_state)
        return
    connection.execute(
        sa.insert(pending_move).values(
            target_id=target_id,
            kind=kind,
            sequence=number,
            ends_state=ends_state,
            key_id=caller.key_id,
        )
    )


def move_some(database: Database, clock: Callable[[], datetime]) -> bool:
    """Moves the next articles of the oldest rename; says whether there may be more to move.

    However many processes call it, each article is moved once: the writer's turn comes before the
    question which is next.
    """
    with database.reading() as session:
        if session.connection().execute(_oldest()).first() is None:
            return False
    with database.writing() as session:
        move = session.connection().execute(_oldest()).first()
        if move is not None:
            # Dated when it happens: who asks for what changed since is not to miss it.
            _move_batch(session, move, clock())
    return True


def moves_begun(session: Session, after: int, until: int) -> set[str]:
    """The authors and tags whose articles are still to be moved since a number `after` and `until`."""
    begun = sa.select(pending_move.c.target_id).where(
        pending_move.c.sequence > after, pending_move.c.sequence <= until
    )
    return set(session.connection().scalars(begun))


def is_moving(session: Session, targets: Collection[str]) -> bool:
    """Whether articles of any of these authors and tags are still to be moved."""
    some = sa.select(pending_move.c.target_id).where(pending_move.c.target_id.in_(targets))
    return bool(targets) and session.connection().execute(some.limit(1)).first() is not None


def _oldest() -> sa.Select[Any]:
    return sa.select(pending_move).order_by(pending_move.c.sequence).limit(1)


def _move_batch(session: Session, move: Any, now: datetime) -> None:
    connection = session.connection()
    links, target = _LINKS[move.kind]
    batch = articles_linked(links, target, move.target_id)
    if move.after_id is not None:
        batch = batch.where(links.c.article_id > move.after_id)
    ids = list(connection.scalars(batch.order_by(links.c.article_id).limit(BATCH)))
    if ids:
        caller = replace(newsroom(now), key_id=move.key_id)
        told = list(connection.scalars(_not_moved_since(move).where(article.c.id.in_(ids))))
        shown = sa.select(article.c.id).where(article.c.id.in_(told))
        move_articles(session, caller, shown, ends_state=move.ends_state)
    this = pending_move.c.target_id == move.target_id
    if len(ids) < BATCH:
        connection.execute(sa.delete(pending_move).where(this))
    else:
        connection.execute(sa.update(pending_move).where(this).values(after_id=ids[-1]))


def _not_moved_since(move: Any) -> sa.Select[Any]:
    """The ids of articles without a version of after the rename: who follows has that with the name.

    Where filters may find others than before, its state has to have begun since as well.
    """
    is_moved = sa.exists().where(
        revision.c.entity_id == article.c.id,
        revision.c.sequence > move.sequence,
        begins_a_version(revision),
    )
    if move.ends_state:
        is_moved &= article.c.state_sequence > move.sequence
    return sa.select(article.c.id).where(~is_moved)
