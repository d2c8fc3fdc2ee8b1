"""What may happen to an article when, and what the clock makes of it. Pure: rows in, rows changed.

An article is a draft until an action releases it. From then on its times and the clock decide
what it is: scheduled, published, expired. Withdrawing takes it back and restoring undoes that.
"""

from datetime import datetime
from typing import Any

from app.archive.models import Article
from app.db.columns import FAR_FUTURE
from app.web.problems import conflict, invalid_field


def first_public_at(article: Any, now: datetime) -> datetime | None:
    """When readers could first see it: kept once it has happened, worked out until it is kept.

    `article` is an `Article` or a row of its table.
    """
    kept: datetime | None = article.first_published_at
    if kept is not None or not article.live:
        return kept
    opens_at: datetime = max(article.published_at, article.embargoed_until or article.published_at)
    earliest = max(opens_at, article.released_at)
    never_opened = article.expires_at is not None and article.expires_at <= earliest
    return None if opens_at > now or never_opened else opens_at


def settle(article: Article, now: datetime) -> None:
    """Keeps what the clock has brought about so far. Every change of an article begins with it."""
    article.first_published_at = first_public_at(article, now)


def release(article: Article, at: datetime | None, now: datetime) -> None:
    """Publishes: at a given time, or the date that the article carries, or now."""
    if article.withdrawn_at is not None:
        raise conflict("withdrawn", "It is withdrawn; restore it first.")
    article.published_at = at or article.published_at or now
    article.released_at = article.released_at or now


def withdraw(article: Article, reason: str | None, now: datetime) -> None:
    """Takes a released article back, for every reader at once."""
    if article.released_at is None:
        raise conflict("draft", "It is a draft and was never published; delete it instead.")
    if article.withdrawn_at is not None:
        raise conflict("withdrawn", "It is withdrawn already.")
    article.withdrawn_at, article.withdrawn_reason = now, reason


def restore(article: Article, now: datetime) -> None:
    """Undoes a withdrawal: the article is again what its times say."""
    if article.withdrawn_at is None:
        raise conflict("not-withdrawn", "It is not withdrawn; there is nothing to restore.")
    article.withdrawn_at = article.withdrawn_reason = None
    derive(article)
    if article.first_published_at is None and first_public_at(article, now) is not None:
        # Its date passed while it was withdrawn: readers see it from now on.
        article.first_published_at = now


def close_what_never_opened(article: Article, now: datetime) -> None:
    """Keeps an article that is over before anybody could see it from counting as once public.

    Its dates say that it was open in the past; they were written only now. Released now, it
    expired before it began.
    """
    expiry, released = article.expires_at, article.released_at
    if article.first_published_at is None and expiry and released and released < expiry <= now:
        article.released_at = now


def derive(article: Article) -> None:
    """Sets the columns that follow from the others. Every change of an article ends with it."""
    article.live = article.released_at is not None and article.withdrawn_at is None
    released = article.released_at is not None and article.published_at is not None
    article.sort_at = article.published_at if released and article.published_at else FAR_FUTURE


def next_tick_at(article: Any, now: datetime) -> datetime | None:
    """When the clock next changes who may see it; null when it never will."""
    if not article.live:
        return None
    boundaries = (article.published_at, article.embargoed_until, article.expires_at)
    return min((at for at in boundaries if at is not None and at > now), default=None)


def check_times(article: Article) -> None:
    """Raises 422 where the times of an article contradict each other."""
    published, embargo, expiry = article.published_at, article.embargoed_until, article.expires_at
    if article.released_at is not None and published is None:
        raise invalid_field("/published_at", "A published article has a date; withdraw it instead.")
    if expiry is not None and published is not None and expiry <= published:
        raise invalid_field("/expires_at", "must be after `published_at`")
    if expiry is not None and embargo is not None and expiry <= embargo:
        raise invalid_field("/expires_at", "must be after `embargoed_until`")
