"""`/healthz` and `/readyz`: for load balancers and container engines."""

import sqlalchemy as sa
from fastapi import APIRouter, Response

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
def get_readiness(db: Db) -> Response:
    """Says that the database answers too."""
    with db.reading() as session:
        session.connection().execute(sa.text("SELECT 1"))
    return Response(b'{"status":"ready"}', headers=_NO_STORE, media_type="application/json")
