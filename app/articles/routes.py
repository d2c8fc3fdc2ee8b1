"""`/v1/articles`: listing, reading, writing and publishing the news."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from app.access.caller import Caller, Editor, Publisher, Reader, writing, writing_on
from app.access.idempotency import IdempotencyKey, refuse_idempotency_key
from app.archive.models import Article
from app.articles import actions, lifecycle, queries
from app.articles.answers import answer_article
from app.articles.bulk import Bulk
from app.articles.create_shortcut import create_at_once
from app.articles.group_commit import Create, GroupCommit
from app.articles.models import (
    ArticleCreate,
    ArticleLine,
    ArticleList,
    ArticlePublic,
    ArticleQuery,
    ArticleUpdate,
    ArticleView,
    CorrectionCreate,
    LineAnswer,
    Publish,
    PublishRequest,
    WithdrawRequest,
)
from app.articles.submissions import Submission, submission
from app.db.database import Database
from app.web.answers import LINE_MEDIA_TYPES, LineAnswers, body_of_lines
from app.web.conditional import IfMatch, OptionalIfMatch, Precondition
from app.web.lines import ArraySplitter, NdjsonSplitter
from app.web.pages import Paging
from app.web.params import PathRef, StrictRoute, check_media_type, patched, shortcut
from app.web.sessions import Db

router = APIRouter(prefix="/v1/articles", tags=["articles"], route_class=StrictRoute)
PublishNow = Annotated[Publish, Query()]


@router.get("", operation_id="list_articles", response_model=ArticleList)
def list_articles(
    request: Request, reader: Reader, db: Db, query: Annotated[ArticleQuery, Query()]
) -> Response:
    """Lists the articles that you may see, newest first unless `sort` says otherwise.

    Filters given twice mean *and*, a comma inside one means *or*; a ref that leads nowhere finds
    nothing. Go on with `page.next`, or follow `Link`: pages neither skip nor repeat an article
    that stays in the list. `fields` and `body` choose what is shown, `count` whether to count.
    """
    view_key = reader.visibility.fingerprint
    paging = Paging.of(request, query, "articles", view_key, free=("fields", "body", "count"))
    wanted, visibility = paging.params, reader.visibility
    queries.check_statuses(reader, wanted, "list by")
    view = queries.view_of(wanted.fields, wanted.body)
    queries.check_body_forms(view, visibility)
    settings = request.app.state.settings
    with db.reading() as session:
        walked = queries.list_articles(session, visibility, wanted, paging.position, view)
        rows, page = paging.page(walked, lambda row: queries.order_key(row, wanted))
        links = queries.load_links(session, [row.id for row in rows])
        page |= queries.count_articles(session, visibility, wanted, settings.count_rows_max)
    data = [
        queries.article_document(row, links, view, visibility, settings.article_url_template)
        for row in rows
    ]
    return paging.answer(request, data, page, private=not reader.is_anonymous)


@router.post("", operation_id="create_article", status_code=201, response_model=ArticlePublic)
@shortcut(create_at_once)
async def create_article(
    request: Request,
    editor: Editor,
    once: IdempotencyKey,
    wanted: ArticleCreate,
    publish: PublishNow = False,
) -> Response:
    """Adds an article. It is a draft unless `publish=true` (scope `publish`).

    Without a `slug` one is made from the headline and made unique with `-2`, `-3` and so on.
    """
    if publish:
        editor.must("publish", "publish")
    create = Create(request, editor, wanted, publish)
    if once.is_wanted or editor.visibility.entitlement is not None:
        return await run_in_threadpool(create.alone, once)
    creates: GroupCommit = request.app.state.creates
    return await creates.create(create)


@router.post(
    "/bulk",
    operation_id="bulk_articles",
    status_code=200,
    response_model=LineAnswer,
    response_class=LineAnswers,
    openapi_extra=body_of_lines(ArticleLine),
    dependencies=[
        refuse_idempotency_key(
            "lines are matched by `id` and `external_id`, so simply send them again"
        )
    ],
)
async def bulk_articles(
    request: Request, editor: Editor, db: Db, publish: PublishNow = False
) -> Response:
    """Creates and replaces many articles, a line of answer for each, in order.

    Send NDJSON (`application/x-ndjson`) or a JSON array, of any length; each line is bounded. A
    line with an `id` is about that article, else one with an `external_id` that is known; any
    other is a new article. Replacing is as with `PUT`: what the line leaves out is cleared, but
    `slug` and `published_at` stay. A withdrawn article stays withdrawn.

    Every line is by itself: one that fails has its problem in its answer, and the others are
    written. Answers come while you send, some hundred lines at a time, and only what is answered
    is written: where the connection breaks, send everything again, and what is there is
    `unchanged`; an `Idempotency-Key` is refused, for that needs none. Read answers while you send;
    who does not is read no further.
    """
    media_type = check_media_type(request, LINE_MEDIA_TYPES)
    if publish:
        editor.must("publish", "publish")
    settings = request.app.state.settings
    splitter = ArraySplitter if media_type == "application/json" else NdjsonSplitter
    path = request.url.path
    return LineAnswers(
        splitter(settings.bulk_line_bytes_max),
        Bulk(
            db,
            partial(writing_on, request, editor),
            language=settings.language,
            publish=publish,
            path=path,
        ),
        path=path,
        lines_max=settings.bulk_lines_max,
        client_timeout_seconds=settings.stream_timeout_seconds,
    )


@router.get("/{ref}", operation_id="get_article", response_model=ArticlePublic)
def get_article(
    request: Request, reader: Reader, db: Db, ref: PathRef, query: Annotated[ArticleView, Query()]
) -> Response:
    """Gives one article, with its body as HTML unless `body` or `fields` say otherwise.

    A former slug answers 301. What was public and is deleted or withdrawn answers 410, with the
    reason where one was given; what you may not see answers 404.
    """
    view = queries.view_of(query.fields, query.body, default_body="html")
    queries.check_body_forms(view, reader.visibility)
    with db.reading() as session:
        return answer_article(request, session, reader, ref, view=view)


@router.put("/{ref}", operation_id="replace_article", response_model=ArticlePublic)
def replace_article(
    request: Request,
    editor: Editor,
    ref: PathRef,
    match: IfMatch,
    wanted: ArticleCreate,
    publish: PublishNow = False,
) -> Response:
    """Replaces an article: what the body leaves out is cleared, but `slug` and `published_at` stay.

    A former slug goes on leading here.
    """
    sent = _submission(request, wanted, publish=publish)
    with writing(request, editor) as (session, editor):
        article = actions.existing_article(session, editor, ref, match)
        actions.replace_article(session, editor, article, sent)
        return answer_article(request, session, editor, article.id)


@router.patch("/{ref}", operation_id="update_article", response_model=ArticlePublic)
def update_article(
    request: Request, editor: Editor, db: Db, ref: PathRef, match: IfMatch, changes: ArticleUpdate
) -> Response:
    """Changes some fields of an article (JSON Merge Patch, RFC 7396): null clears a field."""
    prepared = _prepared(request, db, editor, ref, changes) if changes.body else None
    with writing(request, editor) as (session, editor):
        article = actions.existing_article(session, editor, ref, match)
        wanted = patched(ArticleCreate, actions.article_content(session, article), changes)
        sent = _submission(request, wanted, before=article, prepared=prepared)
        actions.replace_article(session, editor, article, sent)
        return answer_article(request, session, editor, article.id)


@router.delete("/{ref}", operation_id="delete_article", status_code=204, response_class=Response)
def delete_article(request: Request, editor: Editor, ref: PathRef, match: IfMatch) -> Response:
    """Deletes an article for good. What was published needs the scope `publish`, and its
    addresses answer 410 from then on."""
    with writing(request, editor) as (session, editor):
        article = actions.existing_article(session, editor, ref, match)
        actions.delete_article(session, editor, article)
    return Response(status_code=204)


@router.post("/{ref}/publish", operation_id="publish_article", response_model=ArticlePublic)
def publish_article(
    request: Request,
    publisher: Publisher,
    once: IdempotencyKey,
    ref: PathRef,
    match: OptionalIfMatch,
    wanted: Annotated[PublishRequest | None, Body()] = None,
) -> Response:
    """Publishes an article: at `at`, or at the date that it carries, or now.

    A time to come schedules it; the clock publishes it then. For what is published already, `at`
    moves its date.
    """
    at = wanted.at if wanted else None
    with writing(request, publisher, once) as (session, publisher):
        article = actions.existing_article(session, publisher, ref, match)
        now = publisher.visibility.now
        actions.change_lifecycle(
            session, publisher, article, partial(lifecycle.release, at=at, now=now)
        )
        return once.keep(session, answer_article(request, session, publisher, article.id))


@router.post("/{ref}/withdraw", operation_id="withdraw_article", response_model=ArticlePublic)
def withdraw_article(
    request: Request,
    publisher: Publisher,
    once: IdempotencyKey,
    ref: PathRef,
    match: OptionalIfMatch,
    wanted: Annotated[WithdrawRequest | None, Body()] = None,
) -> Response:
    """Takes a published article back from every reader at once: its address answers 410.

    Keys with `preview` still see it, with the status `withdrawn`.
    """
    reason = wanted.reason if wanted else None
    with writing(request, publisher, once) as (session, publisher):
        article = actions.existing_article(session, publisher, ref, match)
        now = publisher.visibility.now
        actions.change_lifecycle(
            session, publisher, article, partial(lifecycle.withdraw, reason=reason, now=now)
        )
        return once.keep(session, answer_article(request, session, publisher, article.id))


@router.post("/{ref}/restore", operation_id="restore_article", response_model=ArticlePublic)
def restore_article(
    request: Request,
    publisher: Publisher,
    once: IdempotencyKey,
    ref: PathRef,
    match: OptionalIfMatch,
) -> Response:
    """Undoes a withdrawal."""
    with writing(request, publisher, once) as (session, publisher):
        article = actions.existing_article(session, publisher, ref, match)
        now = publisher.visibility.now
        actions.change_lifecycle(session, publisher, article, partial(lifecycle.restore, now=now))
        return once.keep(session, answer_article(request, session, publisher, article.id))


@router.post("/{ref}/corrections", operation_id="add_correction", response_model=ArticlePublic)
def add_correction(
    request: Request,
    editor: Editor,
    once: IdempotencyKey,
    ref: PathRef,
    match: OptionalIfMatch,
    wanted: CorrectionCreate,
) -> Response:
    """Adds a correction that readers see with the article. It stays; corrections are not edited."""
    with writing(request, editor, once) as (session, editor):
        article = actions.existing_article(session, editor, ref, match)
        actions.add_correction(session, editor, article, wanted)
        return once.keep(session, answer_article(request, session, editor, article.id))


def _submission(
    request: Request,
    wanted: ArticleCreate,
    *,
    publish: bool = False,
    before: Article | None = None,
    prepared: Submission | None = None,
) -> Submission:
    language = request.app.state.settings.language
    return submission(wanted, language=language, publish=publish, before=before, prepared=prepared)


def _prepared(
    request: Request, db: Database, editor: Caller, ref: str, changes: ArticleUpdate
) -> Submission:
    """Renders a patch's body before the writer's turn, against the article as it is now."""
    with db.reading() as session:
        article = actions.existing_article(session, editor, ref, Precondition("*"))
        document = actions.article_content(session, article)
    return _submission(request, patched(ArticleCreate, document, changes))
