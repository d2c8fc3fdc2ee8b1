"""What feeds and sitemaps read beside lists: what has been withdrawn, and all public addresses."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session
from xxhash import xxh3_128_hexdigest

from app.access.visibility import ArticleFilter, Visibility
from app.archive.selection import Selection
from app.archive.tables import article
from app.formats.news import Removed
from app.web.pages import Position

REMOVED_MAX = 1_000
BATCH = 1_000
NEWS_MAX, NEWS_DAYS = 1_000, 2
"""What Google takes in one sitemap of news."""
Boundary = tuple[datetime, str]
"""A place in the order of publication."""


def withdrawn_articles(
    session: Session,
    visibility: Visibility,
    chosen: ArticleFilter,
    after: datetime | None,
    until: datetime,
) -> list[Removed]:
    """What was public, was of this list and between these dates of publication, and was taken back.

    The same that the address of each says by its 410 to this caller. The latest come first, and
    no more than `REMOVED_MAX`.
    """
    columns = article.c
    found = (
        sa.select(columns.id, columns.withdrawn_at, columns.withdrawn_reason)
        .where(
            columns.live == sa.false(),
            columns.sort_at <= until,
            *([columns.sort_at > after] if after is not None else []),
            columns.withdrawn_at.is_not(None),
            columns.first_published_at.is_not(None),
            # What was changed since is of lists that it was never public in.
            columns.state_at <= columns.withdrawn_at,
            *Selection(session, visibility, chosen).entitled(),
        )
        .order_by(columns.sort_at.desc(), columns.id.desc())
        .limit(REMOVED_MAX)
    )
    return [Removed(*row) for row in session.connection().execute(found)]


FRONT_ARTICLES = 20


def front_digest(session: Session, visibility: Visibility) -> str:
    """Another one whenever the newest articles change, or one of them leaves."""
    columns = [article.c[name] for name in ("id", "version")]
    page = Selection(session, visibility).page(columns, "-published_at", None, FRONT_ARTICLES - 1)
    rows = session.connection().execute(page).all()
    return xxh3_128_hexdigest("\n".join(f"{row.id} {row.version}" for row in rows).encode())


def boundary_at(
    session: Session, now: datetime, offset: int, since: Boundary | None = None
) -> Boundary | None:
    """The place of an article in the order of publication, by how many come before it, from the
    first on or from another place.

    It walks an index alone: some 100 ms for a million.
    """
    columns = article.c
    place = sa.tuple_(columns.sort_at, columns.id)
    from_there = (
        [place >= sa.tuple_(*since, types=[columns.sort_at.type, columns.id.type])] if since else []
    )
    found = (
        sa.select(columns.sort_at, columns.id)
        .where(columns.live, columns.sort_at <= now, *from_there)
        .order_by(columns.sort_at, columns.id)
        .offset(offset)
        .limit(1)
    )
    row = session.connection().execute(found).first()
    return None if row is None else (row.sort_at, row.id)


def addresses_between(
    session: Session, visibility: Visibility, since: Boundary, until: Boundary | None
) -> Iterator[Any]:
    """The slugs and last changes of articles from one place up to before the other, in order."""
    columns = [article.c[name] for name in ("slug", "updated_at", "sort_at", "id")]
    selection = Selection(session, visibility)
    position = _position(since, inclusive=True)
    while True:
        page = selection.page(columns, "published_at", position, BATCH)
        rows: Sequence[Any] = session.connection().execute(page).all()
        for row in rows[:BATCH]:
            if until is not None and (row.sort_at, row.id) >= until:
                return
            yield row
        if len(rows) <= BATCH:
            return
        last = rows[BATCH - 1]
        position = _position((last.sort_at, last.id), inclusive=False)


def has_addresses_between(
    session: Session, visibility: Visibility, since: Boundary, until: Boundary | None
) -> bool:
    columns = [article.c.sort_at, article.c.id]
    position = _position(since, inclusive=True)
    page = Selection(session, visibility).page(columns, "published_at", position, 1)
    row = session.connection().execute(page).first()
    return row is not None and (until is None or (row.sort_at, row.id) < until)


def latest_news(session: Session, visibility: Visibility) -> Sequence[Any]:
    """What was published in the last two days, newest first."""
    since = visibility.now - timedelta(days=NEWS_DAYS)
    columns = [article.c[name] for name in ("slug", "headline", "language", "published_at")]
    selection = Selection(session, visibility, ArticleFilter(published_since=since))
    page = selection.page(columns, "-published_at", None, NEWS_MAX - 1)
    return session.connection().execute(page).all()


def _position(at: Boundary, *, inclusive: bool) -> Position:
    moment, article_id = at
    return Position((moment.isoformat(), article_id), backwards=False, inclusive=inclusive)
