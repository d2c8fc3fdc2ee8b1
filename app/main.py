"""`create_app`: the whole application, put together. Nothing connects before it starts."""

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette_compress import CompressMiddleware

from app.access.actions import shared_secret
from app.access.routes import router as access_router
from app.articles.routes import router as articles_router
from app.authors.routes import router as authors_router
from app.db.database import Database
from app.settings import Settings, load_settings
from app.tags.routes import router as tags_router
from app.web.cors import Cors
from app.web.docs import ASSETS, docs_assets
from app.web.docs import router as docs_router
from app.web.health import router as health_router
from app.web.logs import configure_logs
from app.web.methods import AllowedMethods
from app.web.middleware import BodyLimit, CodedEntityTags, Failures, HeadAsGet, RequestLog
from app.web.openapi import install_openapi
from app.web.problems import Moved, answer_problem

STREAMED = {("POST", "/v1/articles/bulk")}
"""What reads bodies of any length, a bounded line at a time."""


OBJECTS_BETWEEN_COLLECTIONS = 20_000


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: Settings | None = None, *, clock: Callable[[], datetime] = utc_now
) -> FastAPI:
    """The application for some settings; those of the environment when none are given.

    `clock` says what time it is wherever the answer depends on it.
    """
    settings = settings or load_settings()
    configure_logs(settings)
    app = FastAPI(
        title=settings.site_title,
        version=version("byline"),
        lifespan=_lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        exception_handlers=dict.fromkeys(
            (HTTPException, RequestValidationError, Moved), answer_problem
        ),
    )
    app.state.settings = settings
    app.state.clock = clock
    app.state.database = Database(
        settings.effective_database_url,
        pool_size=settings.database_pool_size,
        wait_seconds=settings.database_wait_seconds,
    )
    _add_routes(app)
    _add_middleware(app, settings)
    install_openapi(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    # A batch of lines makes as many objects at once, and looking for garbage among them each 700
    # takes a fifth of the time.
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    app.state.cursor_secret = shared_secret(app.state.database, "cursors")
    yield
    app.state.database.close()


def _add_routes(app: FastAPI) -> None:
    v1 = APIRouter(prefix="/v1")
    for router in (articles_router, authors_router, tags_router, access_router):
        v1.include_router(router)
    app.include_router(v1)
    app.include_router(health_router)
    app.include_router(docs_router)
    app.mount(ASSETS, docs_assets(), name="docs-assets")


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    # The last one added sees a request first.
    app.add_middleware(AllowedMethods, api=app)
    app.add_middleware(BodyLimit, bytes_max=settings.body_bytes_max, streamed=STREAMED)
    app.add_middleware(Failures)
    app.add_middleware(CompressMiddleware, minimum_size=500)
    app.add_middleware(CodedEntityTags)
    app.add_middleware(HeadAsGet)
    app.add_middleware(
        Cors,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["*"],
        expose_headers=[
            "ETag",
            "Link",
            "Location",
            "Retry-After",
            "X-Request-ID",
            "WWW-Authenticate",
        ],
        max_age=600,
    )
    app.add_middleware(RequestLog)
