"""`/docs`: the API's own pages, with everything they need served from here."""

from pathlib import Path

import fastapi_offline
from fastapi import APIRouter, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from pydantic_core import to_json
from starlette.staticfiles import StaticFiles

from app.web.conditional import json_response, validated_response
from app.web.params import StrictRoute

router = APIRouter(include_in_schema=False, route_class=StrictRoute)
ASSETS = "/docs/assets"


def docs_assets() -> StaticFiles:
    """Swagger UI's files, from the package that carries them."""
    return StaticFiles(directory=Path(fastapi_offline.__file__).parent / "static")


@router.get("/openapi.json")
def show_openapi(request: Request) -> Response:
    """The contract for programs, OpenAPI 3.1."""
    return json_response(request, to_json(request.app.openapi()), private=False)


@router.get("/docs")
async def show_docs(request: Request) -> Response:
    """The API, to read and to try."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=request.app.state.settings.site_title,
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS}/favicon.png",
        swagger_ui_parameters={"defaultModelsExpandDepth": 0, "tryItOutEnabled": True},
    )
    return validated_response(request, bytes(page.body), media_type="text/html", private=False)
