"""`/v1/keys` and `/v1/me`: who may do what."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic_core import to_json

from app.access import actions, queries
from app.access.caller import Admin, Reader, writing
from app.access.idempotency import refuse_idempotency_key
from app.access.models import (
    SCOPES,
    ApiKey,
    KeyCreate,
    KeyCreated,
    KeyList,
    KeyPublic,
    KeyUpdate,
    Me,
)
from app.web.conditional import IfMatch, json_response
from app.web.pages import ListQuery, Paging
from app.web.params import StrictRoute, is_id, patched
from app.web.problems import not_found
from app.web.sessions import Db

router = APIRouter(prefix="/v1", tags=["access"], route_class=StrictRoute)
KeyId = Annotated[
    str,
    Path(description="The key's id, never the key itself.", json_schema_extra={"format": "uuid"}),
]


@router.get("/me", operation_id="get_me", response_model=Me)
def get_me(request: Request, reader: Reader) -> Response:
    """Says what your key may do. Without a key: what anybody may."""
    key = reader.key
    document = {
        "anonymous": reader.is_anonymous,
        "id": reader.key_id,
        "name": key and key.name,
        "scopes": [scope for scope in SCOPES if reader.may(scope)],
        "entitlement": _entitlement(key.entitlement) if key else None,
        "expires_at": key and key.expires_at,
    }
    return json_response(request, to_json(document), private=True)


@router.get("/keys", operation_id="list_keys", response_model=KeyList)
def list_keys(
    request: Request, admin: Admin, db: Db, query: Annotated[ListQuery, Query()]
) -> Response:
    """Lists all keys, the newest first, revoked ones too. The keys themselves are not kept."""
    paging = Paging(request, query, "keys", "admin")
    with db.reading() as session:
        walked = queries.list_keys(session, paging.position, paging.params.limit)
    rows, page = paging.page(walked, lambda row: (row.id,))
    return paging.answer(request, [_document(row) for row in rows], page, private=True)


@router.post(
    "/keys",
    operation_id="create_key",
    status_code=201,
    response_model=KeyCreated,
    dependencies=[
        refuse_idempotency_key("a key is shown once and kept nowhere, so no answer can be repeated")
    ],
)
def create_key(request: Request, admin: Admin, wanted: KeyCreate) -> Response:
    """Makes a key. The answer is the only place where it can be seen.

    That is why `Idempotency-Key` is refused here. If the answer was lost, revoke that key and make
    another.
    """
    with writing(request, admin) as (session, admin):
        row, secret = actions.create_key(session, wanted, admin.visibility.now)
    body = to_json({**_document(row), "key": secret})
    headers = {
        "Location": f"{request.app.state.settings.base_url}/v1/keys/{row.id}",
        "Cache-Control": "no-store",
    }
    return json_response(
        request, body, version=row.version, private=True, status=201, headers=headers
    )


@router.get("/keys/{key_id}", operation_id="get_key", response_model=KeyPublic)
def get_key(request: Request, admin: Admin, db: Db, key_id: KeyId) -> Response:
    """Gives one key, without its secret."""
    with db.reading() as session:
        row = queries.get_key(session, _known_form(key_id))
    if row is None:
        raise not_found("key")
    return _answer(request, row)


@router.patch("/keys/{key_id}", operation_id="update_key", response_model=KeyPublic)
def update_key(
    request: Request, admin: Admin, key_id: KeyId, match: IfMatch, changes: KeyUpdate
) -> Response:
    """Changes what a key may do, from its next request on (JSON Merge Patch, RFC 7396)."""
    with writing(request, admin) as (session, admin):
        row = actions.existing_key(session, _known_form(key_id), match)
        document = {name: getattr(row, name) for name in KeyCreate.model_fields}
        row = actions.change_key(session, row, patched(KeyCreate, document, changes))
    return _answer(request, row)


@router.delete(
    "/keys/{key_id}", operation_id="revoke_key", status_code=204, response_class=Response
)
def revoke_key(request: Request, admin: Admin, key_id: KeyId, match: IfMatch) -> Response:
    """Revokes a key: its next request fails, in every process. It stays listed."""
    with writing(request, admin) as (session, admin):
        row = actions.existing_key(session, _known_form(key_id), match)
        actions.revoke_key(session, row, admin.visibility.now)
    return Response(status_code=204)


def _known_form(key_id: str) -> str:
    if not is_id(key_id):
        raise not_found("key")
    return key_id.lower()


def _document(row: Any) -> dict[str, Any]:
    names = ("id", "name", "hint", "scopes", "version", "created_at", "expires_at", "revoked_at")
    document = {name: getattr(row, name) for name in names}
    return document | {"entitlement": _entitlement(row.entitlement)}


def _entitlement(stored: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if stored is None else {"articles": {}, "embargoed": False, **stored}


def _answer(request: Request, row: ApiKey | Any) -> Response:
    return json_response(request, to_json(_document(row)), version=row.version, private=True)
