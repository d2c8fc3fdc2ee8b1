"""Reading articles: from SQL to the JSON that leaves, three statements whatever the page size."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.access.caller import Caller
from app.access.visibility import ArticleFilter, Visibility, refs_in
from app.archive.filter import matches
from app.archive.models import Author, Tag
from app.archive.refs import former_target, is_ref
from app.archive.selection import SORT_COLUMNS, Selection, may_see, status_column
from app.archive.tables import article, article_author, article_body, article_tag, article_with_body
from app.articles.lifecycle import first_public_at
from app.articles.models import FIELDS, ArticleListQuery, ArticleQuery
from app.body.derived import derived_forms
from app.changes.queries import last_revision
from app.db.columns import table
from app.web.pages import Position
from app.web.params import is_id
from app.web.problems import Moved, Problem, gone, not_found

author = table(Author)
tag = table(Tag)
NO_ID = "00000000-0000-0000-0000-000000000000"
NO_SNAPSHOT: dict[str, Any] = {
    "id": NO_ID, "tags": [], "authors": [], "section": None, "language": "",
    "published_at": None, "first_published_at": None,
}  # fmt: skip


@dataclass(frozen=True)
class View:
    """How articles are shown: which fields, which forms of the body."""

    fields: frozenset[str]
    body_forms: frozenset[str]

    @cached_property
    def is_whole(self) -> bool:
        """Whether no field is left out; of a body there are those forms."""
        return self.fields.issuperset(FIELDS) or self.fields.issuperset({*FIELDS} - {"body"})

    @property
    def columns(self) -> list[sa.ColumnElement[Any]]:
        """The columns to read: bodies are long and mostly not asked for."""
        return [*article.c, *article_body.c] if self.body_forms else [*article.c]

    @property
    def rows(self) -> sa.FromClause:
        """What to read them from."""
        return article_with_body if self.body_forms else article


def view_of(fields: str | None, body: str | None, *, default_body: str = "") -> View:
    """The view that `fields=` and `body=` ask for; naming a form asks for `body` as well."""
    forms = frozenset((body or default_body).split(",")) - {""}
    chosen = set(fields.split(",")) if fields else set(FIELDS)
    if body and fields:
        chosen.add("body")
    if "body" not in chosen:
        forms = frozenset()
    elif fields and not forms:
        forms = frozenset({"html"})
    if not forms:
        chosen.discard("body")
    return View(frozenset(chosen), forms)


def list_articles(
    session: Session,
    visibility: Visibility,
    wanted: ArticleListQuery,
    position: Position | None,
    view: View,
) -> Sequence[Any]:
    """A page's rows and one more, in the order they were walked."""
    columns = [*view.columns, status_column(visibility.now).label("status")]
    page = Selection(session, visibility, wanted).page(columns, wanted.sort, position, wanted.limit)
    return session.connection().execute(page).all()


def articles_after(
    session: Session,
    visibility: Visibility,
    chosen: ArticleFilter,
    number: int,
    view: View,
    limit: int,
) -> Sequence[Any]:
    """Articles whose last change has a later number, in the order of those; one more than `limit`."""
    columns = [*view.columns, status_column(visibility.now).label("status")]
    after = position_after(number)
    page = Selection(session, visibility, chosen).page(columns, "sequence", after, limit)
    return session.connection().execute(page).all()


def position_after(number: int) -> Position:
    """The place in the order of last changes behind all with this number or an earlier one."""
    return Position((number + 1, NO_ID), backwards=False, inclusive=True)


def count_articles(
    session: Session, visibility: Visibility, wanted: ArticleQuery, rows_max: int
) -> dict[str, Any]:
    """The `total` members of `page` that `count=` asks for. An estimate looks at `rows_max` at most."""
    if wanted.count == "none":
        return {}
    selection = Selection(session, visibility, wanted)
    if wanted.count == "exact":
        return {"total": selection.count(), "total_kind": "exact"}
    total, is_all = selection.count_some(rows_max)
    return {"total": total, "total_kind": "exact" if is_all else "at_least"}


def order_key(row: Any, wanted: ArticleListQuery) -> tuple[Any, ...]:
    return (getattr(row, SORT_COLUMNS[wanted.sort]), row.id)


def find_article(session: Session, visibility: Visibility, ref: str, view: View) -> Any:
    """One article's row, or the answer that an absent one gets."""
    query = _found(session, visibility, view).where(is_ref("article", ref))
    found = session.connection().execute(query).first()
    if found is None:
        raise absence(session, visibility, ref)
    return found


def find_articles(
    session: Session, visibility: Visibility, ids: Sequence[str], view: View
) -> dict[str, Any]:
    """The rows of those of the articles that may be seen, by id; as many as one statement takes."""
    query = _found(session, visibility, view).where(article.c.id.in_(ids))
    return {row.id: row for row in session.connection().execute(query)}


def _found(session: Session, visibility: Visibility, view: View) -> sa.Select[Any]:
    columns = [*view.columns, status_column(visibility.now).label("status")]
    conditions = Selection(session, visibility).conditions()
    return sa.select(*columns).select_from(view.rows).where(*conditions)


def absence(session: Session, visibility: Visibility, ref: str) -> Exception:
    """Why there is no such article for this caller: moved, gone, or nothing they may know of.

    The same statements run whether or not the article exists, so that the time taken says nothing.
    """
    former = former_target(session, "article", ref)
    own_id = former or (ref.lower() if is_id(ref) else None)
    named = article.c.id == own_id if own_id else article.c.slug == ref
    selection = Selection(session, visibility)
    seen = sa.and_(sa.true(), *may_see(visibility))
    trace = (
        session.connection()
        .execute(sa.select(article, seen.label("seen")).where(named, *selection.entitled()))
        .first()
    )
    was_theirs = _was_for(session, visibility, last_revision(session, own_id or NO_ID))
    if trace is not None and trace.seen:
        return Moved(trace.slug)
    if trace is not None and trace.withdrawn_at and trace.first_published_at:
        return gone("article", trace.withdrawn_reason)
    if trace is None and was_theirs:
        return gone("article")
    return not_found("article")


def _was_for(session: Session, visibility: Visibility, last: Any) -> bool:
    """Whether a deleted article was public, or the caller could have seen it as a draft."""
    is_deleted = last is not None and (last.kind, last.operation) == ("article", "remove")
    snapshot = last.snapshot if is_deleted else NO_SNAPSHOT
    entitlement = visibility.entitlement
    was_entitled = entitlement is None or matches(entitlement, snapshot, session)
    was_visible = visibility.previews or snapshot["first_published_at"] is not None
    return is_deleted and was_entitled and was_visible


@dataclass(frozen=True)
class Links:
    """Who wrote the articles of a page and what they are about, by article id."""

    authors: dict[str, list[dict[str, Any]]]
    tags: dict[str, list[dict[str, Any]]]
    sections: dict[str, dict[str, Any]]


def load_links(session: Session, article_ids: Sequence[str]) -> Links:
    links = Links({}, {}, {})
    if not article_ids:
        return links
    connection = session.connection()
    credited = (
        sa.select(
            article_author.c.article_id,
            author.c.id,
            author.c.slug,
            author.c.name,
            article_author.c.role,
        )
        .join(author, author.c.id == article_author.c.author_id)
        .where(article_author.c.article_id.in_(article_ids))
        .order_by(article_author.c.article_id, article_author.c.position)
    )
    for article_id, author_id, slug, name, role in connection.execute(credited):
        one = {"id": author_id, "slug": slug, "name": name, "role": role}
        links.authors.setdefault(article_id, []).append(one)
    topics = (
        sa.select(
            article_tag.c.article_id,
            tag.c.id,
            tag.c.slug,
            tag.c.name,
            tag.c.kind,
            article_tag.c.is_section,
        )
        .join(tag, tag.c.id == article_tag.c.tag_id)
        .where(article_tag.c.article_id.in_(article_ids))
        .order_by(article_tag.c.article_id, article_tag.c.position)
    )
    for article_id, tag_id, slug, name, kind, is_section in connection.execute(topics):
        one = {"id": tag_id, "slug": slug, "name": name, "kind": kind}
        links.tags.setdefault(article_id, []).append(one)
        if is_section:
            links.sections[article_id] = one
    return links


def article_document(
    row: Any, links: Links, view: View, visibility: Visibility, url_template: str
) -> dict[str, Any]:
    """An article as `ArticlePublic`, with the fields of the view, in the order of the model."""
    authors = links.authors.get(row.id, [])
    document = {
        "id": row.id,
        "slug": row.slug,
        "url": url_template.replace("{slug}", row.slug),
        "headline": row.headline,
        "subheadline": row.subheadline,
        "summary": row.summary,
        "dateline": row.dateline,
        "byline": row.byline or ", ".join(one["name"] for one in authors) or None,
        "language": row.language,
        "image": row.image,
        "authors": authors,
        "tags": links.tags.get(row.id, []),
        "section": links.sections.get(row.id),
        "source": row.source,
        "canonical_url": row.canonical_url,
        "copyright": row.copyright,
        "usage_terms": row.usage_terms,
        "external_id": row.external_id,
        "urgency": row.urgency,
        "status": row.status,
        "published_at": row.published_at,
        "embargoed_until": row.embargoed_until,
        "expires_at": row.expires_at,
        "first_published_at": first_public_at(row, visibility.now),
        "created_at": row.created_at,
        "corrections": row.corrections,
        "word_count": row.word_count,
        "reading_minutes": row.reading_minutes,
        "metadata": row.metadata,
        "updated_at": row.updated_at,
        "version": row.version,
    }
    if view.body_forms:
        document["body"] = _body(row, view.body_forms)
    if not document.keys() <= view.fields:
        return {name: value for name, value in document.items() if name in view.fields}
    return document


def _body(row: Any, forms: frozenset[str]) -> dict[str, Any] | None:
    if row.body_format is None:
        return None
    body: dict[str, Any] = {}
    if "html" in forms:
        body["html"] = row.body_html
    if "text" in forms:
        body["text"] = row.body_text
    body |= derived_forms(row.body_html, forms)
    if "source" in forms:
        body |= {"format": row.body_format, "source": row.body_source}
    return body


def check_statuses(caller: Caller, wanted: ArticleFilter, doing: str) -> None:
    """Raises 403 where statuses are asked for that only editors see; `doing` says what for."""
    if refs_in(wanted.status) - {"published"}:
        caller.must("preview", f"{doing} other statuses than `published`")


def check_body_forms(view: View, visibility: Visibility) -> None:
    """Raises 403 for what was written when the caller may only read what is shown."""
    if "source" in view.body_forms and not visibility.previews:
        raise Problem(403, "forbidden", "The scope `preview` is needed to read a body's source.")
