"""Telling a WebSub hub that the feeds have changed (W3C Recommendation, 2018): it tells the readers."""

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from datetime import datetime, timedelta
from http.client import HTTPException

import sqlalchemy as sa
import structlog

from app.access.visibility import Visibility
from app.db.columns import table
from app.db.database import Database
from app.formats.models import HubNotice
from app.formats.queries import front_digest

log = structlog.get_logger("byline.hub")
LOOK_SECONDS = 1.0
TIMEOUT_SECONDS = 5
WAIT_SECONDS_MAX = 300.0
FEEDS = ("rss", "atom", "feed.json")
notice = table(HubNotice)


def topics(site_url: str) -> list[str]:
    """The feeds that the hub is told of."""
    return [f"{site_url}/v1/articles.{suffix}" for suffix in FEEDS]


class Hub:
    """One process's part in telling the hub: of all that share the database, one does it each time.

    It is told when the front page of what is public has changed, also by the clock, and of nothing
    else: drafts are none of its business. Readers still ask the feed, so a notice that is lost with a
    process is made up for by the next.
    """

    def __init__(
        self, database: Database, clock: Callable[[], datetime], hub_url: str, site_url: str
    ) -> None:
        self._database = database
        self._clock = clock
        self._hub_url = hub_url
        self._topics = topics(site_url)
        self._wait_seconds = 0.0
        self._wait_until: datetime | None = None

    def tell(self) -> bool:
        """Tells the hub if there is anything to tell; False, for there is no more of it at once."""
        now = self._clock()
        if self._wait_until is not None and now < self._wait_until:
            return False
        if self._has_to_tell(now):
            self._post_all(now)
        return False

    def _has_to_tell(self, now: datetime) -> bool:
        """Whether the front page has changed, and it is this process that has to tell of it."""
        with self._database.reading() as session:
            digest = front_digest(session, Visibility(now))
            known = session.connection().scalar(sa.select(notice.c.digest))
        if digest == known:
            return False
        with self._database.writing() as session:
            connection = session.connection()
            is_first = connection.execute(sa.select(notice.c.id)).first() is None
            if is_first:
                connection.execute(sa.insert(notice).values(id=1, digest=""))
            claim = sa.update(notice).where(notice.c.digest == (known or ""))
            changed = connection.execute(claim.values(digest=digest)).rowcount
        # What was there before the first start is no news.
        return bool(changed) and not is_first

    def _post_all(self, now: datetime) -> None:
        try:
            for topic in self._topics:
                self._post(topic)
        except (OSError, ValueError, HTTPException) as error:
            self._wait_seconds = min(max(1.0, self._wait_seconds * 2), WAIT_SECONDS_MAX)
            self._forget(now)
            log.warning("the hub was not told", hub=self._hub_url, reason=str(error))
        else:
            self._wait_seconds, self._wait_until = 0.0, None

    def _forget(self, now: datetime) -> None:
        """Has it told again, by whichever process, after a while."""
        self._wait_until = now + timedelta(seconds=self._wait_seconds)
        with self._database.writing() as session:
            session.connection().execute(sa.update(notice).values(digest=""))

    def _post(self, topic: str) -> None:
        """Raises `OSError` unless the hub answers 2xx."""
        data = urllib.parse.urlencode({"hub.mode": "publish", "hub.url": topic}).encode()
        request = urllib.request.Request(self._hub_url, data, method="POST")  # noqa: S310 - a setting
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310
            pass
