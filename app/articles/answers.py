"""The answer that is an article."""

from typing import Any

from pydantic_core import to_json
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.access.caller import Caller
from app.articles import queries
from app.web.conditional import json_response

WHOLE = queries.view_of(None, None, default_body="html")


def answer_article(
    request: Request,
    session: Session,
    caller: Caller,
    ref: str,
    *,
    view: queries.View = WHOLE,
    status: int = 200,
) -> Response:
    """The article as it now is, read in the same transaction that may just have changed it."""
    row = queries.find_article(session, caller.visibility, ref, view)
    links = queries.load_links(session, [row.id])
    return article_response(request, caller, row, links, view=view, status=status)


def article_response(
    request: Request,
    caller: Caller,
    row: Any,
    links: queries.Links,
    *,
    view: queries.View = WHOLE,
    status: int = 200,
) -> Response:
    """The answer for an article's row that was read already; `links` may have others' too."""
    template = request.app.state.settings.article_url_template
    document = queries.article_document(row, links, view, caller.visibility, template)
    private = not caller.is_anonymous
    return json_response(
        request, to_json(document), version=row.version, private=private, status=status
    )
