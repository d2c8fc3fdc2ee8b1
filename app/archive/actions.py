"""Moving articles: what an article shows has changed, so it takes the next number of the sequence."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.access.caller import Caller
from app.archive.filter import article, article_author, article_tag
from app.archive.models import Tag
from app.archive.queries import articles_linked, current_refs
from app.changes.actions import take_numbers
from app.changes.models import Revision
from app.db.columns import table

revision = table(Revision)
tag = table(Tag)


def move_articles(
    session: Session, caller: Caller, links: sa.Table, target: str, target_id: str
) -> None:
    """Gives every article that shows an author or tag its next version.

    Set by set, not row by row: six statements however many articles there are. The revisions have
    no snapshot, for their content is that of the revisions before; where the links changed with
    it, `write_snapshots` is to follow.
    """
    connection, at = session.connection(), caller.visibility.now
    shown = articles_linked(links, target, target_id)
    count = connection.execute(
        sa.select(sa.func.count()).select_from(shown.subquery())
    ).scalar_one()
    if not count:
        return
    first = take_numbers(session, count)
    place = sa.func.row_number().over(order_by=links.c.article_id) - 1
    numbered = shown.add_columns(place.label("place")).cte("numbered")
    connection.execute(
        sa.update(article)
        .values(version=article.c.version + 1, updated_at=at, sequence=first + numbered.c.place)
        .where(article.c.id == numbered.c.article_id)
    )
    for rows in (article_author, article_tag):
        connection.execute(
            sa.update(rows).values(updated_at=at).where(rows.c.article_id.in_(shown))
        )
    connection.execute(_revisions_of(shown, at, caller.key_id))


def _revisions_of(shown: sa.Select[str], at: datetime, key_id: str | None) -> sa.Insert:
    names = [
        "sequence", "kind", "entity_id", "version", "operation", "at", "key_id",
        "live", "published_at", "embargoed_until", "expires_at",
    ]  # fmt: skip
    rows = sa.select(
        article.c.sequence,
        sa.literal("article"),
        article.c.id,
        article.c.version,
        sa.literal("upsert"),
        sa.literal(at, revision.c.at.type),
        sa.cast(sa.literal(key_id, revision.c.key_id.type), revision.c.key_id.type),
        article.c.live,
        article.c.published_at,
        article.c.embargoed_until,
        article.c.expires_at,
    ).where(article.c.id.in_(shown))
    return sa.insert(revision).from_select(names, rows)


def write_snapshots(session: Session, article_ids: Sequence[str]) -> None:
    """Writes into the newest revision of each article what its links are now, and all else as before."""
    connection = session.connection()
    for article_id in article_ids:
        newest_first = (
            sa.select(revision.c.sequence, revision.c.snapshot)
            .where(revision.c.entity_id == article_id)
            .order_by(revision.c.sequence.desc())
            .limit(1)
        )
        newest = connection.execute(newest_first).one().sequence
        written = newest_first.where(revision.c.snapshot.is_not(sa.null()))
        before = connection.execute(written).one().snapshot
        snapshot = before | current_refs(session, article_id).in_snapshot
        connection.execute(
            sa.update(revision).where(revision.c.sequence == newest).values(snapshot=snapshot)
        )


def relink(
    session: Session, caller: Caller, links: sa.Table, target: str, from_id: str, to_id: str
) -> list[str]:
    """Moves the articles of one author or tag to another; returns their ids.

    Where an article has both, the one that stays keeps its place. Sections and snapshots are
    to follow.
    """
    connection = session.connection()
    moved = list(connection.scalars(articles_linked(links, target, from_id)))
    move_articles(session, caller, links, target, from_id)
    other = links.alias()
    both = sa.select(other.c.article_id).where(other.c[target] == to_id)
    from_one = links.c[target] == from_id
    connection.execute(sa.delete(links).where(from_one, links.c.article_id.in_(both)))
    connection.execute(sa.update(links).where(from_one).values({target: to_id}))
    return moved


def mark_sections(session: Session, article_ids: sa.Select[str]) -> None:
    """Finds anew which tag is each article's section: the first of kind `section`."""
    other, other_tag = article_tag.alias(), tag.alias()
    first_section = (
        sa.select(sa.func.min(other.c.position))
        .join(other_tag, other_tag.c.id == other.c.tag_id)
        .where(other.c.article_id == article_tag.c.article_id, other_tag.c.kind == "section")
        .scalar_subquery()
    )
    is_first = sa.func.coalesce(article_tag.c.position == first_section, sa.false())
    session.connection().execute(
        sa.update(article_tag)
        .values(is_section=is_first)
        .where(article_tag.c.article_id.in_(article_ids))
    )
