"""`/v1/tags`: what articles are about, and the sections they run in."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic_core import to_json

from app.access.caller import Caller, Editor, Reader, writing
from app.access.idempotency import IdempotencyKey
from app.archive.names import order_key
from app.archive.shapes import Merge, WithCount
from app.tags import actions, queries
from app.tags.models import TagCreate, TagList, TagPublic, TagQuery, TagUpdate
from app.web.conditional import IfMatch, OptionalIfMatch, json_response
from app.web.pages import Paging
from app.web.params import PathRef, StrictRoute, patched
from app.web.sessions import Db

router = APIRouter(prefix="/v1/tags", tags=["tags"], route_class=StrictRoute)


@router.get("", operation_id="list_tags", response_model=TagList)
def list_tags(
    request: Request, reader: Reader, db: Db, query: Annotated[TagQuery, Query()]
) -> Response:
    """Lists tags, by name unless `sort` says otherwise.

    `q` finds names that begin so, `kind` and `parent` choose. `article_count=true` adds how many
    of their articles you may see.
    """
    view = reader.visibility.fingerprint
    paging = Paging(request, query, "tags", view, free=("article_count",))
    with db.reading() as session:
        rows = queries.list_tags(session, reader, paging.params, paging.position)
    shown, page = paging.page(rows, lambda row: order_key(row, paging.params.sort))
    data = [queries.tag_document(row) for row in shown]
    return paging.answer(request, data, page, private=not reader.is_anonymous)


@router.post("", operation_id="create_tag", status_code=201, response_model=TagPublic)
def create_tag(
    request: Request, editor: Editor, once: IdempotencyKey, wanted: TagCreate
) -> Response:
    """Adds a tag. Without a `slug`, one is made from the name."""
    with writing(request, editor, once) as (session, editor):
        tag = actions.create_tag(session, editor, wanted)
        row = queries.find_tag(session, editor, tag.id)
        headers = {"Location": f"{request.app.state.settings.base_url}/v1/tags/{tag.slug}"}
        answer = _answer(request, editor, row, status=201, headers=headers)
        return once.keep(session, answer)


@router.get("/{ref}", operation_id="get_tag", response_model=TagPublic)
def get_tag(
    request: Request,
    reader: Reader,
    db: Db,
    ref: PathRef,
    article_count: Annotated[WithCount, Query()] = False,
) -> Response:
    """Gives one tag. A former slug, and one merged away, answers 301; a deleted one 410."""
    with db.reading() as session:
        row = queries.find_tag(session, reader, ref, with_count=article_count)
    return _answer(request, reader, row)


@router.put("/{ref}", operation_id="replace_tag", response_model=TagPublic)
def replace_tag(
    request: Request, editor: Editor, ref: PathRef, match: IfMatch, wanted: TagCreate
) -> Response:
    """Replaces a tag: what the body leaves out is cleared, but the slug stays.

    A new name, slug or kind shows in all its articles at once.
    """
    editor.must_see_all("change tags")
    with writing(request, editor) as (session, editor):
        tag = actions.existing_tag(session, ref, match)
        tag = actions.replace_tag(session, editor, tag, wanted)
        row = queries.find_tag(session, editor, tag.id)
    return _answer(request, editor, row)


@router.patch("/{ref}", operation_id="update_tag", response_model=TagPublic)
def update_tag(
    request: Request, editor: Editor, ref: PathRef, match: IfMatch, changes: TagUpdate
) -> Response:
    """Changes some fields of a tag (JSON Merge Patch, RFC 7396): null clears a field."""
    editor.must_see_all("change tags")
    with writing(request, editor) as (session, editor):
        tag = actions.existing_tag(session, ref, match)
        wanted = patched(TagCreate, actions.tag_content(tag), changes)
        tag = actions.replace_tag(session, editor, tag, wanted)
        row = queries.find_tag(session, editor, tag.id)
    return _answer(request, editor, row)


@router.delete("/{ref}", operation_id="delete_tag", status_code=204, response_class=Response)
def delete_tag(request: Request, editor: Editor, ref: PathRef, match: IfMatch) -> Response:
    """Deletes a tag. One that anything uses is 409: merge it into another instead."""
    editor.must_see_all("delete tags")
    with writing(request, editor) as (session, editor):
        actions.delete_tag(session, editor, actions.existing_tag(session, ref, match))
    return Response(status_code=204)


@router.post("/{ref}/merge", operation_id="merge_tag", response_model=TagPublic)
def merge_tag(
    request: Request,
    editor: Editor,
    once: IdempotencyKey,
    ref: PathRef,
    match: OptionalIfMatch,
    merge: Merge,
) -> Response:
    """Merges a tag into another, which gets the articles; the old addresses lead there (301)."""
    editor.must_see_all("merge tags")
    with writing(request, editor, once) as (session, editor):
        tag = actions.existing_tag(session, ref, match)
        into = actions.merge_tags(session, editor, tag, merge.into)
        row = queries.find_tag(session, editor, into.id)
        return once.keep(session, _answer(request, editor, row))


def _answer(
    request: Request,
    caller: Caller,
    tag: Any,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    body = to_json(queries.tag_document(tag))
    private = not caller.is_anonymous
    return json_response(
        request, body, version=tag.version, private=private, status=status, headers=headers
    )
