"""The past of an article: its versions, and who may know of which.

With `preview` that is all of them. Other readers see the versions that stood while the article
was public, even for a moment; what came before its publication, under an embargo or before it was
last withdrawn is not there for them. An entitlement holds for the article as it is and for every
version as it was.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.access.visibility import Status, Visibility, groups
from app.archive.filter import snapshot_test
from app.archive.refs import resolve_refs
from app.articles.models import ArticleCreate
from app.changes.models import Revision
from app.changes.queries import begins_a_version, content_of
from app.db.columns import table
from app.web.pages import Position
from app.web.problems import Problem, not_found

revision = table(Revision)

RESTORED = (
    "headline", "subheadline", "summary", "dateline", "byline", "language", "image", "source",
    "canonical_url", "copyright", "usage_terms", "external_id", "urgency", "metadata",
)  # fmt: skip


@dataclass(frozen=True)
class PastVersion:
    """What an article was from `at` until its next version; `until` is None for the newest.

    `snapshot` names authors and tags by the ids that they have now: what they were merged into.
    """

    version: int
    at: datetime
    until: datetime | None
    key_id: str | None
    live: bool
    published_at: datetime | None
    expires_at: datetime | None
    snapshot: dict[str, Any]

    @property
    def body(self) -> tuple[str | None, str | None]:
        """The format and source of its body."""
        return self.snapshot["body_format"], self.snapshot["body_source"]

    @property
    def status(self) -> Status:
        """Its status when it began."""
        return self.status_at(self.at)

    def status_at(self, moment: datetime) -> Status:
        """What the clock made of it at a moment at which it stood."""
        if not self.live or self.published_at is None:
            return "draft" if self.snapshot["released_at"] is None else "withdrawn"
        if moment < self.published_at:
            return "scheduled"
        is_over = self.expires_at is not None and self.expires_at <= moment
        return "expired" if is_over else "published"

    def statuses(self, now: datetime) -> set[Status]:
        """Every status that it has had so far."""
        end = min(self.until or now, now)
        turns = [at for at in (self.published_at, self.expires_at) if at and self.at < at <= end]
        return {self.status_at(moment) for moment in (self.at, *turns)}


def list_versions(
    session: Session,
    visibility: Visibility,
    article_id: str,
    position: Position | None,
    limit: int,
) -> list[PastVersion]:
    """Up to `limit` versions, newest first, or in the direction of the position."""
    is_entitled = _entitlement_test(session, visibility)
    found: list[PastVersion] = []
    while len(found) < limit:
        walk = _walk(_versions(article_id, visibility), position).limit(limit)
        read = _as_of_today(session, session.connection().execute(walk).all())
        found += filter(is_entitled, read)
        if len(read) < limit:
            break
        backwards = position is not None and position.backwards
        position = Position((read[-1].version,), backwards=backwards)
    return found[:limit]


def find_version(
    session: Session, visibility: Visibility, article_id: str, version: int
) -> PastVersion:
    """One version, or the 404 that an absent, unseen or forgotten one is answered with."""
    rows = _versions(article_id, visibility).subquery()
    chosen = sa.select(rows).where(rows.c.version == version)
    read = _as_of_today(session, session.connection().execute(chosen).all())
    found = next(filter(_entitlement_test(session, visibility), read), None)
    if found is None:
        raise _absence(session, article_id, version)
    return found


def version_before(
    session: Session, visibility: Visibility, article_id: str, version: int
) -> PastVersion | None:
    """The nearest earlier version that the caller may see."""
    here = Position((version,), backwards=False)
    return next(iter(list_versions(session, visibility, article_id, here, 1)), None)


def _versions(article_id: str, visibility: Visibility) -> sa.Select[Any]:
    """Each version once: the revision that began it, and when the next one did."""
    later = revision.alias()
    until = (
        sa.select(later.c.at)
        .where(
            later.c.entity_id == article_id,
            later.c.sequence > revision.c.sequence,
            begins_a_version(later),
        )
        .order_by(later.c.sequence)
        .limit(1)
        .scalar_subquery()
    )
    rows = (
        sa.select(
            revision.c.version,
            revision.c.at,
            until.label("until"),
            revision.c.key_id,
            revision.c.live,
            revision.c.published_at,
            revision.c.embargoed_until,
            revision.c.expires_at,
            revision.c.sequence,
            content_of(revision).label("snapshot"),
        )
        .where(revision.c.entity_id == article_id, revision.c.operation == "upsert")
        .where(begins_a_version(revision))
    )
    if visibility.previews:
        return rows
    seen = rows.subquery()
    return sa.select(seen).where(*_stood_in_public(seen, article_id, visibility))


def _stood_in_public(
    rows: sa.FromClause, article_id: str, visibility: Visibility
) -> list[sa.ColumnElement[bool]]:
    """The conditions that there was a moment at which readers could see it, and still may.

    It begins at the latest of some times and ends before the earliest of others, so each of the
    ones must be before each of the others.
    """
    begins: list[sa.ColumnElement[Any]] = [rows.c.at, rows.c.published_at]
    if not visibility.embargoed:
        begins.append(sa.func.coalesce(rows.c.embargoed_until, rows.c.at))
    ends = [rows.c.until, rows.c.expires_at]
    withdrawn = sa.select(sa.func.max(revision.c.sequence)).where(
        revision.c.entity_id == article_id, sa.not_(revision.c.live)
    )
    return [
        rows.c.live,
        # To withdraw is to take back, also from the history of what is restored later.
        rows.c.sequence > sa.func.coalesce(withdrawn.scalar_subquery(), 0),
        *(begin <= visibility.now for begin in begins),
        *(sa.or_(end.is_(None), begin < end) for begin in begins for end in ends),
    ]


def _walk(versions: sa.Select[Any], position: Position | None) -> sa.Select[Any]:
    """The versions from a position on. Numbers of the sequence, which an index has, rise with them."""
    rows = versions.subquery()
    walk = sa.select(rows)
    if position is None:
        return walk.order_by(rows.c.sequence.desc())
    (place,) = position.key
    if position.backwards:
        here = rows.c.version >= place if position.inclusive else rows.c.version > place
        return walk.where(here).order_by(rows.c.sequence)
    here = rows.c.version <= place if position.inclusive else rows.c.version < place
    return walk.where(here).order_by(rows.c.sequence.desc())


def _as_of_today(session: Session, rows: Sequence[Any]) -> list[PastVersion]:
    snapshots = [row.snapshot for row in rows]
    author_ids = {credit["id"] for one in snapshots for credit in one["authors"]}
    tag_ids = {tag_id for one in snapshots for tag_id in one["tags"]}
    authors = resolve_refs(session, "author", author_ids)
    tags = resolve_refs(session, "tag", tag_ids)
    return [
        PastVersion(
            row.version,
            row.at,
            row.until,
            row.key_id,
            row.live,
            row.published_at,
            row.expires_at,
            row.snapshot | _refs_today(row.snapshot, authors, tags),
        )
        for row in rows
    ]


def _refs_today(
    snapshot: dict[str, Any], authors: dict[str, str], tags: dict[str, str]
) -> dict[str, Any]:
    """Its links by the ids of now, where two have become one in the place of the first."""
    credited: dict[str, Any] = {}
    for credit in snapshot["authors"]:
        author_id = authors.get(credit["id"], credit["id"])
        credited.setdefault(author_id, {"id": author_id, "role": credit["role"]})
    tag_ids = dict.fromkeys(tags.get(tag_id, tag_id) for tag_id in snapshot["tags"])
    section = snapshot["section"]
    return {
        "authors": list(credited.values()),
        "tags": list(tag_ids),
        "section": tags.get(section, section),
    }


def _entitlement_test(session: Session, visibility: Visibility) -> Callable[[PastVersion], bool]:
    """A test whether a version, as it was, is the caller's to see."""
    entitlement = visibility.entitlement
    if entitlement is None:
        return lambda _past: True
    is_one = snapshot_test(entitlement, session)

    def holds(past: PastVersion) -> bool:
        statuses = past.statuses(visibility.now)
        since = entitlement.updated_since
        return (
            is_one(past.snapshot)
            and all(statuses.intersection(choices) for choices in groups(entitlement.status))
            and (since is None or past.at >= since)
        )

    return holds


def _absence(session: Session, article_id: str, version: int) -> Problem:
    oldest = sa.select(sa.func.min(revision.c.version)).where(revision.c.entity_id == article_id)
    if version < session.connection().execute(oldest).scalar_one():
        return Problem(
            404, "not-found", f"Version {version} was replaced long ago and is kept no more."
        )
    return not_found("revision")


def content_to_restore(session: Session, past: PastVersion, article: Any) -> ArticleCreate:
    """The content of a version as a client would write it, with the lifecycle that the article has.

    `article` is its row as it is now. Authors and tags that are gone are left out.
    """
    snapshot = past.snapshot
    author_ids = resolve_refs(session, "author", {one["id"] for one in snapshot["authors"]})
    tag_ids = resolve_refs(session, "tag", snapshot["tags"])
    body_format, source = past.body
    content = {name: snapshot[name] for name in RESTORED if name in snapshot} | {
        "body": body_format and {"format": body_format, "source": source},
        "authors": [
            {"ref": one["id"], "role": one["role"]}
            for one in snapshot["authors"]
            if one["id"] in author_ids
        ],
        "tags": [tag_id for tag_id in snapshot["tags"] if tag_id in tag_ids],
        "embargoed_until": article.embargoed_until,
        "expires_at": article.expires_at,
    }
    return ArticleCreate.model_validate(content)
