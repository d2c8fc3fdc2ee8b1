"""Changing, publishing, withdrawing and deleting articles.

Every change begins by settling what the clock has brought about and ends in `_save`, which takes
the next number and appends a revision when there is something that a reader could notice.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic_core import to_json
from sqlmodel import Session, select

from app.access.caller import Caller
from app.archive.former_states import end_states, one_numbered
from app.archive.models import Article
from app.archive.pieces import pieces_of
from app.archive.queries import Refs, current_refs
from app.archive.refs import (
    choose_slug,
    forget,
    is_ref,
    keep_former,
    lead_to,
)
from app.archive.selection import Selection
from app.archive.tables import article_author, article_tag
from app.articles import lifecycle
from app.articles.creation import external_id_taken, revision
from app.articles.models import CorrectionCreate
from app.articles.queries import absence
from app.articles.rows import BODY, Row, link_rows, revision_row, snapshot_of
from app.articles.submissions import (
    NamedRefs,
    Submission,
    check_dates_allowed,
    check_entitled,
    content,
)
from app.changes.actions import record_removal, take_numbers
from app.web.conditional import Precondition
from app.web.problems import conflict

CORRECTIONS_MAX = 100


def existing_article(session: Session, caller: Caller, ref: str, match: Precondition) -> Article:
    """The article to change; raises what an absent, unseen or newer one is answered with."""
    visible = Selection(session, caller.visibility).conditions()
    article = session.exec(select(Article).where(is_ref("article", ref), *visible)).first()
    if article is None:
        raise absence(session, caller.visibility, ref)
    match.check(article.version)
    return article


def replace_article(
    session: Session, caller: Caller, article: Article, submission: Submission
) -> Article:
    """Gives the article this content; a slug or date that the request leaves out stays."""
    wanted, former_slug = submission.wanted, article.slug
    before = snapshot_of(article, current_refs(session, article.id))
    lifecycle.settle(article, caller.visibility.now)
    if "slug" in wanted.model_fields_set and wanted.slug != former_slug:
        article.slug = choose_slug(session, "article", wanted.slug, wanted.headline, article.id)
    refs = _apply(session, caller, article, submission)
    _save(session, caller, article, refs, before)
    if article.slug != former_slug:
        keep_former(session, "article", former_slug, article.slug, article.id)
    return article


def change_lifecycle(
    session: Session, caller: Caller, article: Article, step: Callable[[Article], None]
) -> Article:
    """Publishes, withdraws or restores: `step` is what the lifecycle does to the article."""
    refs = current_refs(session, article.id)
    before = snapshot_of(article, refs)
    lifecycle.settle(article, caller.visibility.now)
    step(article)
    _save(session, caller, article, refs, before)
    return article


def add_correction(
    session: Session, caller: Caller, article: Article, wanted: CorrectionCreate
) -> Article:
    """Appends a correction, in the open: readers and followers see it."""
    if len(article.corrections) >= CORRECTIONS_MAX:
        raise conflict(
            "too-many-corrections", f"An article has {CORRECTIONS_MAX} corrections at most."
        )
    at = caller.visibility.now.isoformat().replace("+00:00", "Z")
    one = {"at": at, "kind": wanted.kind, "note": wanted.note}

    def append(changed: Article) -> None:
        changed.corrections = [*changed.corrections, one]

    return change_lifecycle(session, caller, article, append)


def delete_article(session: Session, caller: Caller, article: Article) -> None:
    """Deletes an article. Where it was public its addresses answer 410; a draft leaves none."""
    if article.released_at is not None:
        caller.must("publish", "delete what was published")
    lifecycle.settle(article, caller.visibility.now)
    snapshot = snapshot_of(article, current_refs(session, article.id))
    now = caller.visibility.now
    number = record_removal(
        session, "article", article.id, article.version + 1, "deleted",
        at=now, key_id=caller.key_id, snapshot=snapshot,
    )  # fmt: skip
    end_states(session, one_numbered(article.id, number), now, sa.literal("deleted"))
    if article.first_published_at is not None:
        lead_to(session, "article", article.id, article.slug, article.id)
    else:
        forget(session, "article", article.id)
    _unlink(session, article.id)
    session.delete(article)
    session.flush()


def article_content(session: Session, article: Article) -> dict[str, Any]:
    """What a client may write of an article, as it stands."""
    refs = current_refs(session, article.id)
    body = article.body_format and {"format": article.body_format, "source": article.body_source}
    names = (
        "slug", "headline", "subheadline", "summary", "dateline", "byline", "language", "image",
        "source", "canonical_url", "copyright", "usage_terms", "external_id", "urgency",
        "published_at", "embargoed_until", "expires_at",
    )  # fmt: skip
    return {name: getattr(article, name) for name in names} | {
        "body": body,
        "authors": [{"ref": author_id, "role": role} for author_id, role in refs.authors],
        "tags": list(refs.tags),
        "metadata": article.extra,
    }


def _apply(session: Session, caller: Caller, article: Article, submission: Submission) -> Refs:
    wanted, now = submission.wanted, caller.visibility.now
    check_dates_allowed(caller, article, wanted)
    for name, value in content(submission).items():
        setattr(article.stored_body if name in BODY else article, name, value)
    if "published_at" in wanted.model_fields_set:
        article.published_at = wanted.published_at
    _check_external_id(session, article)
    if submission.publish:
        caller.must("publish", "publish")
        lifecycle.release(article, None, now)
    return NamedRefs(session, [wanted]).of(wanted)


def _check_external_id(session: Session, article: Article) -> None:
    if article.external_id is None:
        return
    # `article` itself may hold unsaved changes; the question is about the other rows.
    with session.no_autoflush:
        other = select(Article.id).where(
            Article.external_id == article.external_id, Article.id != article.id
        )
        taken = session.exec(other).first()
    if taken is not None:
        raise external_id_taken()


def _save(
    session: Session,
    caller: Caller,
    article: Article,
    refs: Refs,
    before: Row,
) -> None:
    """Writes the article with its links, number and revision, unless nothing has changed."""
    lifecycle.close_what_never_opened(article, caller.visibility.now)
    lifecycle.derive(article)
    lifecycle.check_times(article)
    now, after = caller.visibility.now, snapshot_of(article, refs)
    settled = {"first_published_at": None}
    if to_json(after | settled) == to_json(before | settled):
        return
    article.sequence = take_numbers(session, at=now)
    if _state_in(before) != _state_in(after):
        reason = _reason_to_go(article, now)
        end_states(session, one_numbered(article.id, article.sequence), now, reason)
        article.state_sequence, article.state_at = article.sequence, now
    article.version += 1
    article.updated_at = now
    article.next_tick_at = lifecycle.next_tick_at(article, now)
    article.pieces, article.stamp = pieces_of(article, refs)
    session.flush()
    session.connection().execute(sa.insert(revision), revision_row(article, refs, caller))
    _link(session, article, refs)
    check_entitled(session, caller, article.id)


def _state_in(snapshot: dict[str, Any]) -> list[Any]:
    """What filters and the clock look at, in a snapshot."""
    times = ("published_at", "embargoed_until", "expires_at")
    return [
        snapshot["released_at"] is None,
        snapshot["withdrawn_at"] is None,
        *(snapshot[name] for name in times),
        snapshot["language"].lower(),
        sorted(credit["id"] for credit in snapshot["authors"]),
        sorted(snapshot["tags"]),
        snapshot["section"],
    ]


def _reason_to_go(article: Article, now: datetime) -> sa.ColumnElement[str]:
    """Why who can no longer see a changed article has lost it."""
    if article.withdrawn_at is not None:
        return sa.literal("withdrawn")
    is_over = article.expires_at is not None and article.expires_at <= now
    return sa.literal("expired" if is_over else "left_scope")


def _link(session: Session, article: Article, refs: Refs) -> None:
    _unlink(session, article.id)
    for links, rows in zip((article_author, article_tag), link_rows(article, refs), strict=True):
        if rows:
            session.connection().execute(sa.insert(links), rows)


def _unlink(session: Session, article_id: str) -> None:
    for links in (article_author, article_tag):
        session.connection().execute(sa.delete(links).where(links.c.article_id == article_id))
