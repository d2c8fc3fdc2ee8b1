"""`/v1/authors`: the people whom articles name."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic_core import to_json

from app.access.caller import Caller, Editor, Reader, writing
from app.access.idempotency import IdempotencyKey
from app.archive.names import order_key
from app.archive.shapes import Merge, WithCount
from app.authors import actions, queries
from app.authors.models import AuthorCreate, AuthorList, AuthorPublic, AuthorQuery, AuthorUpdate
from app.web.conditional import IfMatch, OptionalIfMatch, json_response
from app.web.pages import Paging
from app.web.params import PathRef, StrictRoute, patched
from app.web.sessions import Db

router = APIRouter(prefix="/v1/authors", tags=["authors"], route_class=StrictRoute)


@router.get("", operation_id="list_authors", response_model=AuthorList)
def list_authors(
    request: Request, reader: Reader, db: Db, query: Annotated[AuthorQuery, Query()]
) -> Response:
    """Lists authors, by name unless `sort` says otherwise.

    `q` finds names that begin so. `article_count=true` adds how many of their articles you may see.
    """
    view = f"{reader.visibility.fingerprint} {reader.may('write')}"
    paging = Paging(request, query, "authors", view, free=("article_count",))
    with db.reading() as session:
        rows = queries.list_authors(session, reader, paging.params, paging.position)
    shown, page = paging.page(rows, lambda row: order_key(row, paging.params.sort))
    data = [queries.author_document(row, reader) for row in shown]
    return paging.answer(request, data, page, private=not reader.is_anonymous)


@router.post("", operation_id="create_author", status_code=201, response_model=AuthorPublic)
def create_author(
    request: Request, editor: Editor, once: IdempotencyKey, wanted: AuthorCreate
) -> Response:
    """Adds an author. Without a `slug`, one is made from the name."""
    with writing(request, editor, once) as (session, editor):
        author = actions.create_author(session, editor, wanted)
        headers = {"Location": f"{request.app.state.settings.base_url}/v1/authors/{author.slug}"}
        answer = _answer(request, editor, author, status=201, headers=headers)
        return once.keep(session, answer)


@router.get("/{ref}", operation_id="get_author", response_model=AuthorPublic)
def get_author(
    request: Request,
    reader: Reader,
    db: Db,
    ref: PathRef,
    article_count: Annotated[WithCount, Query()] = False,
) -> Response:
    """Gives one author. A former slug, and one merged away, answers 301; a deleted one 410."""
    with db.reading() as session:
        row = queries.find_author(session, reader, ref, with_count=article_count)
    return _answer(request, reader, row)


@router.put("/{ref}", operation_id="replace_author", response_model=AuthorPublic)
def replace_author(
    request: Request, editor: Editor, ref: PathRef, match: IfMatch, wanted: AuthorCreate
) -> Response:
    """Replaces an author: what the body leaves out is cleared, but the slug stays.

    A new name or slug shows in all their articles at once.
    """
    editor.must_see_all("change authors")
    with writing(request, editor) as (session, editor):
        author = actions.existing_author(session, ref, match)
        author = actions.replace_author(session, editor, author, wanted)
    return _answer(request, editor, author)


@router.patch("/{ref}", operation_id="update_author", response_model=AuthorPublic)
def update_author(
    request: Request, editor: Editor, ref: PathRef, match: IfMatch, changes: AuthorUpdate
) -> Response:
    """Changes some fields of an author (JSON Merge Patch, RFC 7396): null clears a field."""
    editor.must_see_all("change authors")
    with writing(request, editor) as (session, editor):
        author = actions.existing_author(session, ref, match)
        wanted = patched(AuthorCreate, actions.author_content(author), changes)
        author = actions.replace_author(session, editor, author, wanted)
    return _answer(request, editor, author)


@router.delete("/{ref}", operation_id="delete_author", status_code=204, response_class=Response)
def delete_author(request: Request, editor: Editor, ref: PathRef, match: IfMatch) -> Response:
    """Deletes an author. One whom any article names is 409: merge it into another instead."""
    editor.must_see_all("delete authors")
    with writing(request, editor) as (session, editor):
        actions.delete_author(session, editor, actions.existing_author(session, ref, match))
    return Response(status_code=204)


@router.post("/{ref}/merge", operation_id="merge_author", response_model=AuthorPublic)
def merge_author(
    request: Request,
    editor: Editor,
    once: IdempotencyKey,
    ref: PathRef,
    match: OptionalIfMatch,
    merge: Merge,
) -> Response:
    """Merges an author into another, who gets the articles; the old addresses lead there (301)."""
    editor.must_see_all("merge authors")
    with writing(request, editor, once) as (session, editor):
        author = actions.existing_author(session, ref, match)
        into = actions.merge_authors(session, editor, author, merge.into)
        return once.keep(session, _answer(request, editor, into))


def _answer(
    request: Request,
    caller: Caller,
    author: Any,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    body = to_json(queries.author_document(author, caller))
    private = not caller.is_anonymous
    return json_response(
        request, body, version=author.version, private=private, status=status, headers=headers
    )
