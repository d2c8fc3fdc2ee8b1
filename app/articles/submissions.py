"""What a client sent of an article: prepared, and checked against what the client may write."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import to_json
from sqlmodel import Session, select

from app.access.caller import Caller
from app.archive.models import Article, sort_key
from app.archive.queries import Refs
from app.archive.refs import known_refs, resolve_refs, sections
from app.archive.selection import Selection
from app.archive.shapes import kept
from app.articles.models import ArticleCreate, Body
from app.articles.rows import NewArticle, snapshot_of
from app.body.rendering import RenderedBody, TooCostly, render
from app.web.problems import Problem, invalid_field


@dataclass(frozen=True)
class History:
    """What a copy of an article brings along, to be what it was elsewhere."""

    version: int
    created_at: datetime
    updated_at: datetime
    released_at: datetime | None
    withdrawn_at: datetime | None
    withdrawn_reason: str | None
    first_published_at: datetime | None
    corrections: list[dict[str, Any]]
    former_refs: tuple[str, ...]


@dataclass(frozen=True)
class Submission:
    """What a client sent of an article, its body rendered, and whether to publish it with that.

    A new article takes `id` where one is given, and goes on from its `history`.
    """

    wanted: ArticleCreate
    rendered: RenderedBody | None
    language: str
    publish: bool
    id: str | None = None
    history: History | None = None


def submission(
    wanted: ArticleCreate,
    *,
    language: str,
    publish: bool = False,
    article_id: str | None = None,
    history: History | None = None,
    before: Article | None = None,
    prepared: Submission | None = None,
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
    return Submission(wanted, rendered, wanted.language or language, publish, article_id, history)


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


def content(submission: Submission) -> dict[str, Any]:
    """The attributes of an article that the client writes; its slug and date are apart."""
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


def check_dates_allowed(caller: Caller, article: Any, wanted: ArticleCreate) -> None:
    """Dates that decide what the public sees are the publisher's. `article` is as it was before."""
    if "published_at" in wanted.model_fields_set and wanted.published_at != article.published_at:
        caller.must("publish", "set `published_at`")
    moved = (wanted.embargoed_until, wanted.expires_at) != (
        article.embargoed_until,
        article.expires_at,
    )
    if article.released_at is not None and moved:
        caller.must("publish", "move the embargo or expiry of what is published")


def check_entitled(session: Session, caller: Caller, article_id: str) -> None:
    """A key cannot write what its entitlement would then hide from it."""
    if caller.visibility.entitlement is None:
        return
    entitled = Selection(session, caller.visibility).entitled()
    if session.exec(select(Article.id).where(Article.id == article_id, *entitled)).first() is None:
        raise Problem(403, "forbidden", "Your key's entitlement does not cover such an article.")


class NamedRefs:
    """The authors and tags that some submissions name, looked up together."""

    def __init__(self, session: Session, wanted: Sequence[ArticleCreate]) -> None:
        people = {credit.ref for one in wanted for credit in one.authors}
        self._authors = resolve_refs(session, "author", people)
        self._tags = resolve_refs(session, "tag", {ref for one in wanted for ref in one.tags})
        self._sections = sections(session, set(self._tags.values()))

    def of(self, wanted: ArticleCreate) -> Refs:
        """What one of them names; raises 422 for what does not exist or is named twice."""
        asked = [credit.ref for credit in wanted.authors]
        author_ids = known_refs(self._authors, "author", asked, "/authors")
        tag_ids = known_refs(self._tags, "tag", wanted.tags, "/tags")
        roles = [credit.role for credit in wanted.authors]
        section = next((tag_id for tag_id in tag_ids if tag_id in self._sections), None)
        return Refs(tuple(zip(author_ids, roles, strict=True)), tuple(tag_ids), section)


def changes_nothing(submission: Submission, now: Any, refs_now: Refs, refs_wanted: Refs) -> bool:
    """Whether an article, as it is now, is already what was sent.

    Says no where it would have to try: what has an expiry, and what is to be published, may have
    to be moved by the clock.
    """
    wanted = submission.wanted
    moves = submission.publish and now.released_at is None
    renames = "slug" in wanted.model_fields_set and wanted.slug != now.slug
    if moves or renames or now.expires_at is not None:
        return False
    then = NewArticle(**vars(now) | content(submission))
    if "published_at" in wanted.model_fields_set:
        then.published_at = wanted.published_at
    return to_json(snapshot_of(then, refs_wanted)) == to_json(snapshot_of(now, refs_now))
