"""`/v1/search`, `/v1/suggest` and related articles."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic_core import to_json

from app.access.caller import Reader
from app.articles.queries import (
    check_body_forms,
    check_statuses,
    view_of,
)
from app.search.answers import find_page, find_related, index_of
from app.search.models import (
    RelatedArticles,
    RelatedQuery,
    SearchQuery,
    SearchResult,
    Suggestions,
    SuggestQuery,
)
from app.search.suggestions import suggest as suggestions
from app.web.conditional import json_response
from app.web.pages import Paging
from app.web.params import PathRef, StrictRoute
from app.web.sessions import Db

router = APIRouter(prefix="/v1", tags=["search"], route_class=StrictRoute)


@router.get("/search", operation_id="search_articles", response_model=SearchResult)
def search_articles(
    request: Request,
    reader: Reader,
    db: Db,
    query: Annotated[SearchQuery, Query()],
) -> Response:
    """Finds the articles that you may see by what they say, best first.

    All filters of the list of articles apply. Words are found in every form that they take in the
    article's own language, with or without accents; with `language`, by that language's rules only.
    Each find has a `score` and `highlights`, escaped text with `<mark>` around what matches, ready
    for a page. `facets` counts all finds by tag, section, author, language, kind of tag or year,
    each with all filters but its own, so that a reader can choose again. What is typed never fails:
    what cannot be read as an operator is a word.

    A query has bounds, and what they cut is the same each time. 32 words and phrases are looked for
    (`BYLINE_SEARCH_WORDS_MAX`), those that were typed first. Three of them may stand for others:
    `prefix*` for the 64 most frequent words that begin so in each language (256 in all languages),
    `fuzzy~` for the 20 nearest; one character of a script without blanks is a prefix. What comes
    after three of these is looked for as it is, without `*` or `~`; such a single character is left
    out then. `did_you_mean` looks at the first eight words that hardly anything has. A process
    answers four searches at a time; where too many wait, this is a 503 with `Retry-After`.

    A write is found within a second; send `Prefer: wait=5` with it, and its answer comes when it
    can be found. What is taken back is gone from here at once. A new name of an author or tag that
    has more than 1,000 articles is shown at once and found later, article after article, some 1,000
    a second; so long the old one is found as well, and may be what `did_you_mean` offers.
    """
    visibility = reader.visibility
    free = ("fields", "body", "facets")
    paging = Paging.of(request, query, "search", visibility.fingerprint, free=free)
    wanted = paging.params
    check_statuses(reader, wanted, "search by")
    view = view_of(wanted.fields, wanted.body)
    check_body_forms(view, visibility)
    found, page = find_page(request, reader, db, paging, wanted, view)
    result: dict[str, Any] = {"did_you_mean": found.did_you_mean}
    if wanted.facets:
        result["facets"] = found.facets
    page["total"] = found.total
    return paging.answer(request, found.data, page, private=not reader.is_anonymous, more=result)


@router.get("/suggest", operation_id="list_suggestions", response_model=Suggestions)
def list_suggestions(
    request: Request,
    reader: Reader,
    db: Db,
    query: Annotated[SuggestQuery, Query()],
) -> Response:
    """Completes what a reader types: tags, authors and headlines that start so, best first.

    Tags and authors with the most articles come first, then the newest headlines.
    """
    with index_of(request).asking() as newest, db.reading() as session:
        data = suggestions(session, newest, reader.visibility, query.q, query.limit)
    return json_response(request, to_json({"data": data}), private=not reader.is_anonymous)


@router.get(
    "/articles/{ref}/related", operation_id="list_related_articles", response_model=RelatedArticles
)
def list_related_articles(
    request: Request,
    reader: Reader,
    db: Db,
    ref: PathRef,
    query: Annotated[RelatedQuery, Query()],
) -> Response:
    """Lists articles that you may see and that are like this one, most alike first.

    They share the words that make it what it is, its tags or its authors. It is never among them.
    """
    view = view_of(query.fields, query.body)
    check_body_forms(view, reader.visibility)
    data = find_related(request, reader, db, ref, view, query.limit)
    return json_response(request, to_json({"data": data}), private=not reader.is_anonymous)
