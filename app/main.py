"""`create_app`: the whole application, put together. Nothing connects before it starts."""

from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import chain
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlmodel import Session
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Mount
from starlette_compress import CompressMiddleware

from app.access.actions import database_id, shared_secret
from app.access.idempotency import forget_old_answers
from app.access.routes import router as access_router
from app.archive import moves
from app.articles import missing_pieces
from app.articles.group_commit import GroupCommit
from app.articles.routes import router as articles_router
from app.articles.ticker import tick
from app.authors.routes import router as authors_router
from app.changes.actions import forget_old_revisions, last_number
from app.changes.watch import Watch
from app.db.database import Database
from app.express.cache import ResponseCache
from app.express.freshness import freshness_of
from app.express.readers import reader_of
from app.express.reads import Reads
from app.express.way import Direct, Express, Gather, ShortWay
from app.formats.hub import LOOK_SECONDS, Hub
from app.formats.routes import router as formats_router
from app.history.routes import router as history_router
from app.search.follower import Follower
from app.search.index import SearchIndex
from app.search.routes import router as search_router
from app.search.scoring import end_of_hour
from app.search.waiting import WaitForSearch
from app.settings import Settings, load_settings
from app.single_flight import SingleFlight
from app.sync.routes import router as sync_router
from app.tags.routes import router as tags_router
from app.timers import Timer
from app.web import access_log
from app.web.cors import Cors
from app.web.docs import ASSETS, docs_assets
from app.web.docs import router as docs_router
from app.web.event_stream import Seats
from app.web.health import router as health_router
from app.web.logs import configure_logs
from app.web.methods import AllowedMethods
from app.web.metrics import Metrics
from app.web.metrics import router as metrics_router
from app.web.middleware import BodyLimit, CodedEntityTags, Failures, HeadAsGet, RequestLog
from app.web.openapi import install_openapi
from app.web.problems import Moved, Replayed, answer_problem

FORGET_SECONDS = 3600
FORGET_BATCH = 500
LAG_MAX = 1_000
"""Changes that the index may be behind before it is said to be."""

STREAMED = {("POST", "/v1/articles/bulk")}
"""What reads bodies of any length, a bounded line at a time."""


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
        routes=_routes(settings),
        lifespan=_lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        exception_handlers=dict.fromkeys(
            (HTTPException, RequestValidationError, Moved, Replayed), answer_problem
        ),
    )
    app.state.settings = settings
    app.state.clock = clock
    app.state.database = Database(
        settings.effective_database_url,
        pool_size=settings.database_pool_size,
        wait_seconds=settings.database_wait_seconds,
    )
    app.state.remembered_callers = {}
    app.state.creates = GroupCommit(app.state.database, clock)
    app.state.watch = Watch(app.state.database)
    app.state.changes_read = SingleFlight()
    app.state.seats = Seats(settings.stream_clients_max)
    app.state.metrics = Metrics()
    app.state.search = None
    app.state.search_state = partial(_search_state, app)
    app.state.freshness = freshness_of(app.state.database, clock)
    app.state.reader = reader_of(app.state.database)
    app.state.reads = Reads(app.state, app.state.database, app.state.reader)
    app.state.metrics.know_routes(app.routes)
    app.state.express = _express(app.state, settings)
    _add_middleware(app, settings)
    install_openapi(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    app.state.cursor_secret = shared_secret(app.state.database, "cursors")
    timers: list[Timer | Follower] = [*_timers(app), *_search_follower(app)]
    await app.state.freshness.start()
    await app.state.reader.start()
    for one in timers:
        one.start()
    yield {"at_once": app.state.express.at_once}
    for one in timers:
        one.stop()
    await app.state.reader.stop()
    await app.state.freshness.stop()
    app.state.watch.stop()
    app.state.database.close()
    # uvicorn ends the process by the signal that stopped it, past what waits for an exit.
    access_log.flush()


def _timers(app: FastAPI) -> list[Timer]:
    """What this process does by itself. Each call does one batch, so that it can stop in between."""
    settings, database, clock = app.state.settings, app.state.database, app.state.clock
    days, hours = settings.revision_retention_days, settings.idempotency_key_hours

    def forget_revisions() -> bool:
        return forget_old_revisions(database, clock(), days, FORGET_BATCH) == FORGET_BATCH

    def forget_answers() -> bool:
        return forget_old_answers(database, clock(), hours, FORGET_BATCH) == FORGET_BATCH

    def make_pieces() -> bool:
        return missing_pieces.make_missing_pieces(database) > 0

    def move() -> bool:
        return moves.move_some(database, clock)

    def tick_some() -> bool:
        return tick(database, clock()) > 0

    timers = [
        Timer(
            "make pieces",
            missing_pieces.LOOK_SECONDS,
            make_pieces,
            pause_seconds=missing_pieces.PAUSE_SECONDS,
        ),
        Timer("forget revisions", FORGET_SECONDS, forget_revisions),
        Timer("forget answers", FORGET_SECONDS, forget_answers),
    ]
    if settings.ticker:
        every = settings.tick_seconds
        timers += [
            Timer("tick", every, tick_some),
            Timer("move articles", every, move, pause_seconds=moves.PAUSE_SECONDS),
        ]
        if settings.websub_hub:
            hub = Hub(database, clock, settings.websub_hub, settings.site_url)
            timers.append(Timer("tell the hub", LOOK_SECONDS, hub.tell))
    return timers


def _search_follower(app: FastAPI) -> list[Follower]:
    """Opens search, and what keeps the index of this machine: one of its processes does."""
    settings, database = app.state.settings, app.state.database
    if not settings.search:
        return []
    app.state.search = SearchIndex(settings.search_dir, database_id(database))
    return [
        Follower(
            app.state.search,
            database,
            app.state.watch,
            app.state.clock,
            settings.search_memory_bytes,
        )
    ]


def _search_state(app: FastAPI, session: Session) -> str:
    """In words: a number would tell of what nobody may see yet."""
    if app.state.search is None:
        return "off"
    view = app.state.search.newest()
    if view is None:
        return "building"
    is_behind = last_number(session) - view.place.sequence > LAG_MAX
    return "behind" if is_behind else "ready"


def _routes(settings: Settings) -> list[BaseRoute]:
    """All that is answered. The routes are taken as they are, made once when they were imported:
    including a router makes each of its routes a second time, and looks twice at each request."""
    routers = [
        formats_router,  # before what takes anything for a ref
        articles_router,
        history_router,
        authors_router,
        tags_router,
        sync_router,
        search_router,
        access_router,
        health_router,
        *([metrics_router] if settings.metrics else []),
        docs_router,
    ]
    assets = Mount(ASSETS, docs_assets(), name="docs-assets")
    return [*chain.from_iterable(router.routes for router in routers), assets]


def _express(app: State, settings: Settings) -> Express:
    def search_state(now: datetime) -> Hashable:
        written = app.search.state() if app.search else None
        return written and (written, end_of_hour(now))

    return Express(
        app.freshness,
        ResponseCache(settings.response_cache_bytes, app.metrics.response_cache),
        app.reads,
        app.metrics,
        app.clock,
        search_state,
        origins=settings.cors_origins,
        public_read=settings.public_read,
    )


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    express: Express = app.state.express
    # The last one added sees a request first.
    app.add_middleware(AllowedMethods, api=app)
    app.add_middleware(BodyLimit, bytes_max=settings.body_bytes_max, streamed=STREAMED)
    app.add_middleware(WaitForSearch)
    app.add_middleware(Failures)
    app.add_middleware(Direct, express=express)
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
            "Preference-Applied",
            "Retry-After",
            "X-Request-ID",
            "WWW-Authenticate",
        ],
        max_age=600,
    )
    app.add_middleware(Gather, express=express)
    app.add_middleware(RequestLog, metrics=app.state.metrics)
    app.add_middleware(ShortWay, express=express)
