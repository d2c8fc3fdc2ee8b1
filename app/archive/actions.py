"""Moving articles: what an article shows has changed, so it takes the next number of the sequence."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.access.caller import Caller
from app.archive.former_states import end_states
from app.archive.models import Tag
from app.archive.pieces import pieces_of, stamp_before_version
from app.archive.queries import Refs, articles_linked, current_refs_of
from app.archive.refs import in_parts
from app.archive.tables import article, article_author, article_tag
from app.changes.actions import take_numbers
from app.changes.models import Revision
from app.db.columns import table

revision = table(Revision)
tag = table(Tag)


def move_articles(
    session: Session,
    caller: Caller,
    shown: sa.Select[str],
    *,
    ends_state: bool,
    reason: str | None = None,
) -> None:
    """Gives articles their next numbers because of something that they show.

    Set by set, not row by row: a constant number of statements however many articles there are.
    Without a `reason` they get a next version as well; with one, only who may see them changes.
    `ends_state` says that filters may find other articles than before. The revisions have no
    snapshot, for their content is that of the revisions before; where the links changed with it,
    `write_links_down` is to follow.
    """
    connection, at = session.connection(), caller.visibility.now
    ids = shown.subquery()
    count = connection.execute(sa.select(sa.func.count()).select_from(ids)).scalar_one()
    if not count:
        return
    before = take_numbers(session, count, at=at) - 1
    (article_id,) = ids.c
    number = before + sa.func.row_number().over(order_by=article_id)
    numbered = sa.select(article_id.label("article_id"), number.label("number")).cte("numbered")
    if ends_state:
        end_states(session, numbered, at, _reason_of_clock(at))
    changed: dict[str, Any] = {} if reason else {"updated_at": at}
    # Of an article without pieces the stamp is made anew with these.
    version = article.c.version + 1
    stamp = sa.literal(stamp_before_version(at), sa.String) + sa.cast(version, sa.String)
    shown_as = {} if reason else {"version": version, "stamp": stamp}
    state = {"state_sequence": numbered.c.number, "state_at": at} if ends_state else {}
    connection.execute(
        sa.update(article)
        .values(sequence=numbered.c.number, **shown_as, **changed, **state)
        .where(article.c.id == numbered.c.article_id)
    )
    for links in (article_author, article_tag):
        its = sa.select(article.c.sequence).where(article.c.id == links.c.article_id)
        connection.execute(
            sa.update(links)
            .values(sequence=its.scalar_subquery(), **changed)
            .where(links.c.article_id.in_(shown))
        )
    connection.execute(_revisions_of(shown, at, caller.key_id, reason))


def _reason_of_clock(at: datetime) -> sa.ColumnElement[str]:
    return sa.case((article.c.expires_at <= at, "expired"), else_="left_scope")


def _revisions_of(
    shown: sa.Select[str], at: datetime, key_id: str | None, reason: str | None
) -> sa.Insert:
    names = [
        "sequence", "kind", "entity_id", "version", "operation", "reason", "at", "key_id",
        "live", "published_at", "embargoed_until", "expires_at",
    ]  # fmt: skip
    rows = sa.select(
        article.c.sequence,
        sa.literal("article"),
        article.c.id,
        article.c.version,
        sa.literal("upsert"),
        sa.cast(sa.literal(reason, sa.String), sa.String),
        sa.literal(at, revision.c.at.type),
        sa.cast(sa.literal(key_id, revision.c.key_id.type), revision.c.key_id.type),
        article.c.live,
        article.c.published_at,
        article.c.embargoed_until,
        article.c.expires_at,
    ).where(article.c.id.in_(shown))
    return sa.insert(revision).from_select(names, rows)


def write_links_down(session: Session, article_ids: Sequence[str]) -> None:
    """Writes into each article, and its newest revision, what its links are now."""
    connection = session.connection()
    for some in in_parts(article_ids):
        refs_of = current_refs_of(session, some)
        for article_id, refs in refs_of.items():
            newest_first = (
                sa.select(revision.c.sequence, revision.c.snapshot)
                .where(revision.c.entity_id == article_id)
                .order_by(revision.c.sequence.desc())
                .limit(1)
            )
            newest = connection.execute(newest_first).one().sequence
            written = newest_first.where(revision.c.snapshot.is_not(sa.null()))
            before = connection.execute(written).one().snapshot
            connection.execute(
                sa.update(revision)
                .where(revision.c.sequence == newest)
                .values(snapshot=before | refs.in_snapshot)
            )
        make_pieces(session, refs_of)


def make_pieces(session: Session, refs_of: Mapping[str, Refs]) -> None:
    """Makes the JSON of articles from what they are now and their links; at most as many as one
    statement takes."""
    connection = session.connection()
    columns = [*article.c, article.c.metadata.label("extra")]
    rows = connection.execute(sa.select(*columns).where(article.c.id.in_(refs_of)))
    made = []
    for row in rows:
        pieces, stamp = pieces_of(row, refs_of[row.id])
        made.append({"article_id": row.id, "its_pieces": pieces, "its_stamp": stamp})
    if made:
        connection.execute(
            sa.update(article)
            .values(pieces=sa.bindparam("its_pieces"), stamp=sa.bindparam("its_stamp"))
            .where(article.c.id == sa.bindparam("article_id", type_=article.c.id.type)),
            made,
        )


def relink(
    session: Session, caller: Caller, links: sa.Table, target: str, from_id: str, to_id: str
) -> list[str]:
    """Moves the articles of one author or tag to another; returns their ids.

    Where an article has both, the one that stays keeps its place. Those that had only the one that
    stays take a number too: whoever follows the other's articles is to have them from now on.
    Sections and snapshots are to follow.
    """
    connection = session.connection()
    from_articles = articles_linked(links, target, from_id)
    moved = list(connection.scalars(from_articles))
    stayed = articles_linked(links, target, to_id).where(links.c.article_id.not_in(from_articles))
    move_articles(session, caller, stayed, ends_state=True, reason="merge")
    move_articles(session, caller, from_articles, ends_state=True)
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
