"""`/v1/articles/{ref}/revisions`: what an article was before, and bringing it back."""

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic_core import to_json
from sqlmodel import Session

from app.access.caller import Caller, Editor, Reader, writing
from app.access.idempotency import IdempotencyKey
from app.articles.actions import existing_article, replace_article
from app.articles.answers import WHOLE, answer_article
from app.articles.models import ArticleCreate, ArticlePublic
from app.articles.queries import find_article, view_of
from app.articles.submissions import submission
from app.history import documents, queries
from app.history.models import (
    VERSION_MAX,
    RevisionDiff,
    RevisionDiffQuery,
    RevisionList,
    RevisionPublic,
)
from app.web.conditional import OptionalIfMatch, json_response
from app.web.pages import ListQuery, Paging
from app.web.params import PathRef, StrictRoute
from app.web.problems import Moved, Problem
from app.web.sessions import Db

router = APIRouter(prefix="/v1/articles", tags=["articles"], route_class=StrictRoute)
NO_BODY = view_of(None, None)

PastVersion = Annotated[int, Path(description="The `version` that it was.", ge=1, le=VERSION_MAX)]


@router.get("/{ref}/revisions", operation_id="list_revisions", response_model=RevisionList)
def list_revisions(
    request: Request, reader: Reader, db: Db, ref: PathRef, query: Annotated[ListQuery, Query()]
) -> Response:
    """Lists the versions of an article, the newest first, and what each of them changed.

    With `preview` these are all that are kept. Without, they are those that readers could see
    while they stood: not the drafts before, and nothing from before a withdrawal.
    """
    visibility = reader.visibility
    with db.reading() as session:
        article = find_article(session, visibility, ref, NO_BODY)
        paging = Paging(request, query, f"revisions of {article.id}", visibility.fingerprint)
        walked = queries.list_versions(
            session, visibility, article.id, paging.position, paging.params.limit + 1
        )
        shown, page = paging.page(walked, lambda past: (past.version,))
        oldest = shown[-1].version if shown else 1
        before = queries.version_before(session, visibility, article.id, oldest)
    data = [
        documents.list_item(older, past, visibility)
        for past, older in zip(shown, [*shown[1:], before], strict=False)
    ]
    return paging.answer(request, data, page, private=not reader.is_anonymous)


@router.get(
    "/{ref}/revisions/{version}", operation_id="get_revision", response_model=RevisionPublic
)
def get_revision(
    request: Request, reader: Reader, db: Db, ref: PathRef, version: PastVersion
) -> Response:
    """Gives an article as it was in one version.

    Authors and tags have the names that they have today. A version that you may not see, or that
    is kept no more, is a 404.
    """
    visibility = reader.visibility
    with db.reading() as session:
        article = find_article(session, visibility, ref, WHOLE)
        past = queries.find_version(session, visibility, article.id, version)
        names = documents.load_names(session, past)
    body = documents.rendered_body(past, article)
    document = documents.revision_document(past, names, body, visibility)
    return json_response(request, to_json(document), private=not reader.is_anonymous)


@router.get(
    "/{ref}/revisions/{version}/diff", operation_id="diff_revisions", response_model=RevisionDiff
)
def diff_revisions(
    request: Request,
    reader: Reader,
    db: Db,
    ref: PathRef,
    version: PastVersion,
    query: Annotated[RevisionDiffQuery, Query()],
) -> Response:
    """Compares a version with the one before that you may see, or with any other: `with=`.

    Texts are compared word by word. Where two have hardly anything in common, the whole is given
    as deleted and inserted.
    """
    visibility = reader.visibility
    with db.reading() as session:
        article = find_article(session, visibility, ref, WHOLE)
        past = queries.find_version(session, visibility, article.id, version)
        if query.other is None:
            before = queries.version_before(session, visibility, article.id, version)
        else:
            before = queries.find_version(session, visibility, article.id, query.other)
        names = documents.load_names(session, *filter(None, (before, past)))
    document = documents.diff_document(before, past, names, article)
    return json_response(request, to_json(document), private=not reader.is_anonymous)


@router.post(
    "/{ref}/revisions/{version}/restore",
    operation_id="restore_revision",
    response_model=ArticlePublic,
)
def restore_revision(
    request: Request,
    editor: Editor,
    once: IdempotencyKey,
    db: Db,
    ref: PathRef,
    version: PastVersion,
    match: OptionalIfMatch,
) -> Response:
    """Makes the content of a version the article's next version; nothing is lost by it.

    Slug, dates, status and corrections stay as they are; where the content is that one already,
    there is no new version. Authors and tags that were merged since
    are those that they became part of; deleted ones are left out. When another article has the
    `external_id` by now, it is a 409.
    """
    prepared, language = None, request.app.state.settings.language
    # Whether it can be done is for the writer's turn to say, where its answer may be there already.
    with suppress(Problem, Moved), db.reading() as session:
        past = _past_content(session, editor, ref, version)
        prepared = submission(past, language=language)
    with writing(request, editor, once) as (session, editor):
        article = existing_article(session, editor, ref, match)
        wanted = _past_content(session, editor, article.id, version)
        sent = submission(wanted, language=language, before=article, prepared=prepared)
        replace_article(session, editor, article, sent)
        return once.keep(session, answer_article(request, session, editor, article.id))


def _past_content(session: Session, editor: Caller, ref: str, version: int) -> ArticleCreate:
    article = find_article(session, editor.visibility, ref, NO_BODY)
    past = queries.find_version(session, editor.visibility, article.id, version)
    return queries.content_to_restore(session, past, article)
