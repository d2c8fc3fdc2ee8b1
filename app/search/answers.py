"""A page of what a search finds, for whichever format it is written in."""

from typing import Any

from fastapi import Request

from app.access.caller import Caller
from app.articles.queries import View, article_document, find_article, load_links
from app.db.database import Database
from app.search.index import SearchIndex, off_problem
from app.search.matching import Limits
from app.search.models import SearchQuery
from app.search.queries import Asked, Found, search
from app.search.related import related_articles
from app.settings import Settings
from app.web.pages import Paging, Position


def index_of(request: Request) -> SearchIndex:
    """The index of this process; raises 503 where it has none."""
    index: SearchIndex | None = request.app.state.search
    if index is None:
        raise off_problem()
    return index


def find_page(
    request: Request,
    reader: Caller,
    db: Database,
    paging: Paging[Any],
    wanted: SearchQuery,
    view: View,
) -> tuple[Found, dict[str, Any]]:
    """What is found, and where this page stands in it."""
    settings: Settings = request.app.state.settings
    offset, until = _place(paging.position)
    asked = Asked(
        reader.visibility,
        wanted,
        view,
        _limits(settings),
        settings.article_url_template,
        offset,
        until,
    )
    with index_of(request).asking() as newest, db.reading() as session:
        found = search(session, newest, asked)
    reached = offset + wanted.limit
    more = reached < min(found.total, settings.search_depth_max)
    page = paging.between(
        _position(max(0, offset - wanted.limit), until) if offset else None,
        _position(reached, until or found.newest) if more else None,
    )
    return found, page


def find_related(
    request: Request, reader: Caller, db: Database, ref: str, view: View, limit: int
) -> list[dict[str, Any]]:
    """The articles that are most like one, which the caller has to see."""
    visibility, template = reader.visibility, request.app.state.settings.article_url_template
    with db.reading() as session:  # what is not there is a 404, whatever becomes of the search
        find_article(session, visibility, ref, _WORDS)
    with index_of(request).asking() as newest, db.reading() as session:
        row = find_article(session, visibility, ref, _WORDS)
        rows = related_articles(session, newest, visibility, row, view, limit)
        links = load_links(session, [one.id for one in rows])
    return [article_document(one, links, view, visibility, template) for one in rows]


_WORDS = View(frozenset(), frozenset({"text"}))


def _limits(settings: Settings) -> Limits:
    return Limits(
        settings.search_words_max,
        settings.search_prefix_terms_max,
        settings.search_fuzzy_terms_max,
    )


def _place(position: Position | None) -> tuple[int, int | None]:
    """How deep the page is, and until when articles count: what comes later must not move pages."""
    return position.key if position else (0, None)


def _position(offset: int, until: int | None) -> Position:
    return Position((offset, until), backwards=False)
