"""`/healthz` and `/readyz`: for load balancers and container engines."""

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from pydantic_core import to_json

from app.web.params import StrictRoute
from app.web.sessions import Db

router = APIRouter(tags=["health"], route_class=StrictRoute)
_NO_STORE = {"Cache-Control": "no-store"}


@router.get(
    "/healthz",
    operation_id="get_health",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}}},
)
async def get_health() -> Response:
    """Says that the process answers."""
    return Response(b'{"status":"ok"}', headers=_NO_STORE, media_type="application/json")


@router.get(
    "/readyz",
    operation_id="get_readiness",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}}},
)
def get_readiness(request: Request, db: Db) -> Response:
    """Says that the database answers too, and how the index of search is doing.

    `search` is `ready`, `behind` the database by more than a moment, `building` its first index,
    or `off`.
    """
    with db.reading() as session:
        session.connection().execute(sa.text("SELECT 1"))
        search = request.app.state.search_state(session)
    body = to_json({"status": "ready", "search": search})
    return Response(body, headers=_NO_STORE, media_type="application/json")
