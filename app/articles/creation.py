"""Creating articles, set by set: a thousand take as many statements as one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy as sa
from sqlmodel import Session

from app.access.caller import Caller
from app.archive.models import Article
from app.archive.queries import Refs
from app.archive.refs import FreeSlugs, former_ref, in_parts
from app.archive.tables import article, article_author, article_body, article_tag
from app.articles import lifecycle
from app.articles.models import ArticleCreate
from app.articles.rows import NewArticle, Row, article_row, body_row, link_rows, revision_row
from app.articles.submissions import (
    NamedRefs,
    Submission,
    check_dates_allowed,
    check_entitled,
    content,
)
from app.changes.actions import take_numbers
from app.changes.models import Revision
from app.db.columns import new_id, table
from app.web.problems import Problem, conflict, gone

revision = table(Revision)
_BLANK: dict[str, Any] = {
    "version": 0, "corrections": [], "released_at": None, "published_at": None,
    "embargoed_until": None, "expires_at": None, "withdrawn_at": None, "withdrawn_reason": None,
    "first_published_at": None,
}  # fmt: skip


@dataclass(frozen=True)
class _Checked:
    """An article that can be written, what it names, and the slugs that led to it elsewhere."""

    caller: Caller
    article: NewArticle
    refs: Refs
    former_refs: Sequence[str]


def create_article(session: Session, caller: Caller, submission: Submission) -> NewArticle:
    """A new article: a draft, or published at once when asked for."""
    (made,) = create_articles(session, caller, [submission])
    if isinstance(made, Problem):
        raise made
    return made


def create_articles(
    session: Session, caller: Caller, submissions: Sequence[Submission]
) -> list[NewArticle | Problem]:
    """New articles, in order, each or the problem that keeps it from being one.

    A later one meets those before it: their slugs, ids and external ids are taken. For a caller
    with an entitlement it raises the first problem; give it one at a time.
    """
    return create_for_each(session, [(caller, one) for one in submissions])


def create_for_each(
    session: Session, wanted: Sequence[tuple[Caller, Submission]]
) -> list[NewArticle | Problem]:
    """The same for an article of each caller, all of them at one moment."""
    around = _Surroundings(session, [one for _, one in wanted])
    checked = [_checked(caller, one, around) for caller, one in wanted]
    good = [one for one in checked if isinstance(one, _Checked)]
    if good:
        _insert(session, good)
    for one in good:
        check_entitled(session, one.caller, one.article.id)
    return [one.article if isinstance(one, _Checked) else one for one in checked]


class _Surroundings:
    """All that new articles are checked against: what is there, and those of them that come first."""

    def __init__(self, session: Session, submissions: Sequence[Submission]) -> None:
        wanted = [one.wanted for one in submissions]
        former = (slug for one in submissions if one.history for slug in one.history.former_refs)
        names: list[tuple[str | None, str]] = [(one.slug, one.headline) for one in wanted]
        self.slugs = FreeSlugs(session, "article", [*names, *((slug, "") for slug in former)])
        self.external_ids = _known_external_ids(session, wanted)
        self.ids = _known_ids(session, [one.id for one in submissions if one.id])
        self.refs = NamedRefs(session, wanted)

    def take(self, made: _Checked) -> None:
        """Keeps what this one has from those after it."""
        new = made.article
        for slug in (new.slug, *made.former_refs):
            self.slugs.take(slug)
        self.ids[new.id] = _id_taken()
        if new.external_id is not None:
            self.external_ids.add(new.external_id)


def _known_external_ids(session: Session, wanted: Iterable[ArticleCreate]) -> set[str]:
    asked = {one.external_id for one in wanted if one.external_id is not None}
    known = set[str]()
    for some in in_parts(asked):
        found = sa.select(article.c.external_id).where(article.c.external_id.in_(some))
        known.update(session.connection().scalars(found))
    return known


def _known_ids(session: Session, ids: Sequence[str]) -> dict[str, Problem]:
    """Why the ids that were ever given cannot be given again."""
    known: dict[str, Problem] = {}
    for some in in_parts(ids):
        last = sa.select(revision.c.entity_id, sa.func.max(revision.c.sequence).label("sequence"))
        last = last.where(revision.c.entity_id.in_(some)).group_by(revision.c.entity_id)
        newest = last.subquery()
        found = sa.select(revision.c.entity_id, revision.c.kind, revision.c.operation).join(
            newest, newest.c.sequence == revision.c.sequence
        )
        for entity_id, kind, operation in session.connection().execute(found):
            is_gone = (kind, operation) == ("article", "remove")
            known[entity_id] = gone("article") if is_gone else _id_taken()
    return known


def _id_taken() -> Problem:
    return conflict("id-taken", "Something else has this `id`.")


def _checked(caller: Caller, one: Submission, around: _Surroundings) -> _Checked | Problem:
    try:
        made = _new(caller, one, around)
    except Problem as problem:
        return problem
    around.take(made)
    return made


def _new(caller: Caller, one: Submission, around: _Surroundings) -> _Checked:
    wanted, article_id = one.wanted, one.id or new_id()
    if article_id in around.ids:
        raise around.ids[article_id]
    slug = around.slugs.choose(wanted.slug, wanted.headline, article_id)
    former = [around.slugs.choose(former, "", article_id) for former in _former_refs(one)]
    new = NewArticle(id=article_id, slug=slug, created_at=caller.visibility.now, **_BLANK)
    check_dates_allowed(caller, new, wanted)
    vars(new).update(content(one))
    new.published_at = wanted.published_at
    if new.external_id in around.external_ids:
        raise external_id_taken()
    _begin(caller, new, one)
    refs = around.refs.of(wanted)
    _finish(caller, new, is_copy=one.history is not None)
    return _Checked(caller, new, refs, former)


def _former_refs(one: Submission) -> Sequence[str]:
    return one.history.former_refs if one.history else ()


def external_id_taken() -> Problem:
    return conflict("external-id-taken", "Another article has this `external_id`.")


def _begin(caller: Caller, new: NewArticle, one: Submission) -> None:
    """Gives the article its first state, or the one that it had elsewhere."""
    if one.history is not None:
        vars(new).update(vars(one.history))
        del new.former_refs
        return
    new.version, new.updated_at = 1, caller.visibility.now
    if one.publish:
        caller.must("publish", "publish")
        lifecycle.release(cast(Article, new), None, caller.visibility.now)


def _finish(caller: Caller, new: NewArticle, *, is_copy: bool) -> None:
    as_article = cast(Article, new)
    if not is_copy:
        lifecycle.close_what_never_opened(as_article, caller.visibility.now)
    lifecycle.derive(as_article)
    lifecycle.check_times(as_article)


def _insert(session: Session, made: Sequence[_Checked]) -> None:
    now = made[0].caller.visibility.now
    first = take_numbers(session, len(made), at=now)
    for sequence, one in enumerate(made, first):
        one.article.sequence = one.article.state_sequence = sequence
        one.article.state_at = now
        one.article.next_tick_at = lifecycle.next_tick_at(one.article, now)
    links = [link_rows(one.article, one.refs) for one in made]
    _insert_rows(session, article, (article_row(one.article, one.refs) for one in made))
    _insert_rows(session, article_body, (body_row(one.article) for one in made))
    _insert_rows(
        session, revision, (revision_row(one.article, one.refs, one.caller) for one in made)
    )
    _insert_rows(session, article_author, (row for authors, _ in links for row in authors))
    _insert_rows(session, article_tag, (row for _, tags in links for row in tags))
    _insert_rows(session, former_ref, _former_rows(made))


def _insert_rows(session: Session, into: sa.Table, rows: Iterable[Row]) -> None:
    if some := list(rows):
        session.connection().execute(sa.insert(into), some)


def _former_rows(made: Iterable[_Checked]) -> Iterator[Row]:
    for one in made:
        for slug in one.former_refs:
            yield {"kind": "article", "ref": slug, "target_id": one.article.id}
