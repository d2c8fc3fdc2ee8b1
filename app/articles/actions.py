"""Creating, changing, publishing, withdrawing and deleting articles.

Every change begins by settling what the clock has brought about and ends in `_save`, which takes
the next number and appends a revision when there is something that a reader could notice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic_core import to_json
from sqlmodel import Session, select

from app.access.caller import Caller
from app.archive.filter import Selection, article_author, article_tag
from app.archive.former_states import end_states, one_numbered
from app.archive.models import Article, ArticleAuthor, ArticleTag, Tag, sort_key
from app.archive.queries import Refs, current_refs
from app.archive.refs import choose_slug, forget, is_ref, keep_former, known_refs, lead_to
from app.archive.shapes import kept
from app.articles import lifecycle
from app.articles.body import RenderedBody, TooCostly, render
from app.articles.models import ArticleCreate, Body, CorrectionCreate
from app.articles.queries import absence
from app.changes.actions import record_removal, take_numbers
from app.changes.models import Revision
from app.db.columns import new_id, table
from app.web.conditional import Precondition
from app.web.problems import Problem, conflict, invalid_field

tag_table = table(Tag)
CORRECTIONS_MAX = 100


@dataclass(frozen=True)
class Submission:
    """What a client sent of an article, its body rendered, and whether to publish it with that."""

    wanted: ArticleCreate
    rendered: RenderedBody | None
    language: str
    publish: bool


def submission(
    wanted: ArticleCreate,
    *,
    language: str,
    publish: bool = False,
    before: Article | None = None,
    prepared: "Submission | None" = None,
) -> Submission:
    """Prepares what was sent. Rendering takes its time: call it before the writer's turn begins.

    Within the turn, `before` is the article as it is and `prepared` what was made ahead: whichever
    has the same body lends its rendering.
    """
    if before is not None and _has_body(before, wanted.body):
        rendered = _kept_body(before)
    elif prepared is not None and prepared.wanted.body == wanted.body:
        rendered = prepared.rendered
    else:
        rendered = _rendered(wanted.body)
    return Submission(wanted, rendered, wanted.language or language, publish)


def _has_body(article: Article, body: Body | None) -> bool:
    wanted = (body.format, body.source) if body else (None, None)
    return (article.body_format, article.body_source) == wanted


def _kept_body(article: Article) -> RenderedBody | None:
    if article.body_html is None or article.body_text is None:
        return None
    return RenderedBody(
        article.body_html, article.body_text, article.word_count, article.reading_minutes
    )


def _rendered(body: Body | None) -> RenderedBody | None:
    try:
        return render(body.format, body.source) if body else None
    except TooCostly as error:
        raise invalid_field("/body/source", str(error)) from None


def existing_article(session: Session, caller: Caller, ref: str, match: Precondition) -> Article:
    """The article to change; raises what an absent, unseen or newer one is answered with."""
    visible = Selection(session, caller.visibility).conditions()
    article = session.exec(select(Article).where(is_ref("article", ref), *visible)).first()
    if article is None:
        raise absence(session, caller.visibility, ref)
    match.check(article.version)
    return article


def create_article(session: Session, caller: Caller, submission: Submission) -> Article:
    """A new article: a draft, or published at once when asked for."""
    now, wanted, article_id = caller.visibility.now, submission.wanted, new_id()
    slug = choose_slug(session, "article", wanted.slug, wanted.headline, article_id)
    blank: dict[str, Any] = {"id": article_id, "slug": slug, "version": 0, "corrections": []}
    article = Article(**blank, created_at=now)
    refs = _apply(session, caller, article, submission)
    _save(session, caller, article, refs)
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


def snapshot_of(article: Article, refs: Refs) -> dict[str, Any]:
    """All that a reader or an editor could notice of an article, as plain JSON."""
    names = (
        "id", "slug", "external_id", "headline", "subheadline", "summary", "dateline", "byline",
        "language", "body_format", "body_source", "image", "source", "canonical_url", "copyright",
        "usage_terms", "urgency", "corrections", "withdrawn_reason",
    )  # fmt: skip
    times = (
        "released_at", "published_at", "embargoed_until", "expires_at", "withdrawn_at",
        "first_published_at", "created_at",
    )  # fmt: skip
    return (
        {name: getattr(article, name) for name in names}
        | {name: (at := getattr(article, name)) and at.isoformat() for name in times}
        | {"metadata": article.extra}
        | refs.in_snapshot
    )


def _apply(session: Session, caller: Caller, article: Article, submission: Submission) -> Refs:
    wanted, now = submission.wanted, caller.visibility.now
    _check_dates_allowed(caller, article, wanted)
    for name, value in _content(submission).items():
        setattr(article, name, value)
    if "published_at" in wanted.model_fields_set:
        article.published_at = wanted.published_at
    _check_external_id(session, article)
    if submission.publish:
        caller.must("publish", "publish")
        lifecycle.release(article, None, now)
    return _known(session, wanted)


def _known(session: Session, wanted: ArticleCreate) -> Refs:
    author_ids = known_refs(
        session, "author", [credit.ref for credit in wanted.authors], "/authors"
    )
    tag_ids = known_refs(session, "tag", list(wanted.tags), "/tags")
    roles = [credit.role for credit in wanted.authors]
    return Refs(
        tuple(zip(author_ids, roles, strict=True)), tuple(tag_ids), _section(session, tag_ids)
    )


def _section(session: Session, tag_ids: Sequence[str]) -> str | None:
    sections = set(
        session.connection().scalars(
            sa.select(tag_table.c.id).where(
                tag_table.c.id.in_(tag_ids), tag_table.c.kind == "section"
            )
        )
    )
    return next((tag_id for tag_id in tag_ids if tag_id in sections), None)


def _content(submission: Submission) -> dict[str, Any]:
    wanted, rendered = submission.wanted, submission.rendered
    return {
        "external_id": wanted.external_id,
        "headline": wanted.headline,
        "headline_key": sort_key(wanted.headline),
        "subheadline": wanted.subheadline,
        "summary": wanted.summary,
        "dateline": wanted.dateline,
        "byline": wanted.byline,
        "language": submission.language,
        "language_key": submission.language.lower(),
        "image": kept(wanted.image),
        "source": wanted.source,
        "canonical_url": wanted.canonical_url,
        "copyright": wanted.copyright,
        "usage_terms": wanted.usage_terms,
        "urgency": wanted.urgency,
        "embargoed_until": wanted.embargoed_until,
        "expires_at": wanted.expires_at,
        "extra": wanted.metadata,
        "body_format": wanted.body and wanted.body.format,
        "body_source": wanted.body and wanted.body.source,
        "body_html": rendered and rendered.html,
        "body_text": rendered and rendered.text,
        "word_count": rendered.word_count if rendered else 0,
        "reading_minutes": rendered.reading_minutes if rendered else 0,
    }


def _check_dates_allowed(caller: Caller, article: Article, wanted: ArticleCreate) -> None:
    """Dates that decide what the public sees are the publisher's."""
    if "published_at" in wanted.model_fields_set and wanted.published_at != article.published_at:
        caller.must("publish", "set `published_at`")
    moved = (wanted.embargoed_until, wanted.expires_at) != (
        article.embargoed_until,
        article.expires_at,
    )
    if article.released_at is not None and moved:
        caller.must("publish", "move the embargo or expiry of what is published")


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
        raise conflict("external-id-taken", "Another article has this `external_id`.")


def _save(
    session: Session,
    caller: Caller,
    article: Article,
    refs: Refs,
    before: dict[str, Any] | None = None,
) -> None:
    """Writes the article with its links, number and revision, unless nothing has changed."""
    lifecycle.close_what_never_opened(article, caller.visibility.now)
    lifecycle.derive(article)
    lifecycle.check_times(article)
    after = snapshot_of(article, refs)
    if before is not None:
        settled = {"first_published_at": None}
        if to_json(after | settled) == to_json(before | settled):
            return
    now = caller.visibility.now
    article.sequence = take_numbers(session, at=now)
    if before is None or _state_in(before) != _state_in(after):
        if before is not None:
            reason = _reason_to_go(article, now)
            end_states(session, one_numbered(article.id, article.sequence), now, reason)
        article.state_sequence, article.state_at = article.sequence, now
    article.version += 1
    article.updated_at = now
    article.next_tick_at = lifecycle.next_tick_at(article, now)
    session.add(article)
    session.add(_revision(article, refs, caller))
    session.flush()
    _link(session, article, refs)
    _check_entitled(session, caller, article)


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


def _revision(article: Article, refs: Refs, caller: Caller) -> Revision:
    return Revision(
        sequence=article.sequence,
        kind="article",
        entity_id=article.id,
        version=article.version,
        operation="upsert",
        at=caller.visibility.now,
        key_id=caller.key_id,
        live=article.live,
        published_at=article.published_at,
        embargoed_until=article.embargoed_until,
        expires_at=article.expires_at,
        snapshot=snapshot_of(article, refs),
    )


def _link(session: Session, article: Article, refs: Refs) -> None:
    if article.version > 1:
        _unlink(session, article.id)
    keys: dict[str, Any] = {
        "article_id": article.id,
        "sort_at": article.sort_at,
        "updated_at": article.updated_at,
        "sequence": article.sequence,
        "headline_key": article.headline_key,
    }
    for position, (author_id, role) in enumerate(refs.authors):
        session.add(ArticleAuthor(author_id=author_id, role=role, position=position, **keys))
    for position, tag_id in enumerate(refs.tags):
        is_section = tag_id == refs.section
        session.add(ArticleTag(tag_id=tag_id, is_section=is_section, position=position, **keys))
    session.flush()


def _unlink(session: Session, article_id: str) -> None:
    for links in (article_author, article_tag):
        session.connection().execute(sa.delete(links).where(links.c.article_id == article_id))


def _check_entitled(session: Session, caller: Caller, article: Article) -> None:
    """A key cannot write what its entitlement would then hide from it."""
    if caller.visibility.entitlement is None:
        return
    entitled = Selection(session, caller.visibility).entitled()
    if session.exec(select(Article.id).where(Article.id == article.id, *entitled)).first() is None:
        raise Problem(403, "forbidden", "Your key's entitlement does not cover such an article.")
