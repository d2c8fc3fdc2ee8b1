"""Articles and lists in other people's formats, each at an address of its own; and sitemaps."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic_core import to_json
from sqlmodel import Session

from app.access.caller import Caller, Reader
from app.access.visibility import Visibility
from app.articles import queries as articles
from app.body.blocks import BLOCKS_SCHEMA
from app.formats import queries, sitemaps, texts
from app.formats.feeds import atom, json_feed, rss
from app.formats.hub import topics
from app.formats.jsonld import jsonld
from app.formats.models import (
    ArticleSuffix,
    FeedQuery,
    FormatQuery,
    ListSuffix,
    RelatedFeedQuery,
    SearchFeedQuery,
)
from app.formats.news import Article, Feed, Removed, Site
from app.formats.ninjs import NinjsVersion, ninjs, ninjs_package
from app.formats.page import SECURITY_HEADERS, page
from app.search.answers import find_page, find_related
from app.search.models import SearchQuery
from app.settings import Settings
from app.web.conditional import json_response, validated_response
from app.web.negotiation import ARTICLE_FORMATS, LIST_FORMATS
from app.web.pages import Paging
from app.web.params import PathRef, StrictRoute, query_pairs
from app.web.problems import Moved, Problem, invalid_parameter
from app.web.sessions import Db

router = APIRouter(tags=["formats"], route_class=StrictRoute)
TELL_OF_REMOVED = ("atom", "ninjs")
SITEMAP_ARTICLES_MAX = 49_999
"""Of one sitemap, which may have 50,000 addresses: the first has the front page as well."""
WHOLE = articles.view_of(None, "html,text")
VIEWS = {"full": WHOLE, "summary": articles.view_of(None, None)}
"""By `content`."""


def _documented(media_types: Sequence[str]) -> dict[int | str, dict[str, Any]]:
    content = {
        one: {"schema": {"type": "object" if one.endswith("json") else "string"}}
        for one in media_types
    }
    return {200: {"description": "The document.", "content": content}}


@router.get(
    "/v1/articles.{suffix}",
    operation_id="list_articles_as",
    response_class=Response,
    responses=_documented([*LIST_FORMATS.values()]),
)
def list_articles_as(
    request: Request,
    reader: Reader,
    db: Db,
    suffix: ListSuffix,
    query: Annotated[FeedQuery, Query()],
) -> Response:
    """Gives the list of articles as a feed: `.rss`, `.atom`, `.feed.json` or `.ninjs`.

    The same articles as `GET /v1/articles` has with these filters and this key, with the same
    validators: ask again with `If-None-Match`. `Accept` on the list's own address leads here too. A
    feed reader sends a key as the password of HTTP Basic. Ids are `urn:uuid:` and the article's id,
    and stay when addresses change. `rel="next"` leads to older articles (RFC 5005). Corrections stand
    below the text. What has been withdrawn is a tombstone in Atom (RFC 6721) and `canceled` in
    ninjs, in a list by `-published_at`, the latest 1,000 of a page; `/v1/changes` tells of all.
    """
    version = _ninjs_version(suffix, query.ninjs, LIST_FORMATS)
    visibility, settings = reader.visibility, _settings(request)
    paging = Paging.of(request, query, "feeds", visibility.fingerprint, free=("content", "ninjs"))
    wanted = paging.params
    articles.check_statuses(reader, wanted, "list by")
    view = VIEWS[wanted.content]
    with db.reading() as session:
        walked = articles.list_articles(session, visibility, wanted, paging.position, view)
        rows, around = paging.page(walked, lambda row: articles.order_key(row, wanted))
        links = articles.load_links(session, [row.id for row in rows])
        tells = suffix in TELL_OF_REMOVED
        removed = _removed(session, visibility, paging, walked, rows, around) if tells else ()
    shown = [
        articles.article_document(row, links, view, visibility, settings.article_url_template)
        for row in rows
    ]
    feed = _page_feed(request, paging, around, shown, removed, _chosen_by(wanted, shown))
    return _list_answer(request, reader, suffix, feed, paging.links(around), version)


@router.get(
    "/v1/search.{suffix}",
    operation_id="search_articles_as",
    response_class=Response,
    responses=_documented([*LIST_FORMATS.values()]),
)
def search_articles_as(
    request: Request,
    reader: Reader,
    db: Db,
    suffix: ListSuffix,
    query: Annotated[SearchFeedQuery, Query()],
) -> Response:
    """Gives what a search finds as a feed: `.rss`, `.atom`, `.feed.json` or `.ninjs`.

    A query to follow: with `sort=-published_at` new finds come first. All else is as with the feed of
    a list; a search does not say what has been withdrawn.
    """
    version = _ninjs_version(suffix, query.ninjs, LIST_FORMATS)
    fingerprint = reader.visibility.fingerprint
    paging = Paging.of(request, query, "search feeds", fingerprint, free=("content", "ninjs"))
    wanted = paging.params
    articles.check_statuses(reader, wanted, "search by")
    view = VIEWS[wanted.content]
    given = wanted.model_dump(exclude_unset=True, exclude={"content", "ninjs", "cursor"})
    asked = SearchQuery.model_validate(given)
    found, around = find_page(request, reader, db, paging, asked, view)
    said = (wanted.q, _chosen_by(wanted, found.data))
    feed = _page_feed(request, paging, around, found.data, (), ", ".join(filter(None, said)))
    return _list_answer(request, reader, suffix, feed, paging.links(around), version)


@router.get(
    "/v1/articles/{ref}/related.{suffix}",
    operation_id="list_related_articles_as",
    response_class=Response,
    responses=_documented([*LIST_FORMATS.values()]),
)
def list_related_articles_as(
    request: Request,
    reader: Reader,
    db: Db,
    ref: PathRef,
    suffix: ListSuffix,
    query: Annotated[RelatedFeedQuery, Query()],
) -> Response:
    """Gives the articles that are like one as a feed: `.rss`, `.atom`, `.feed.json` or `.ninjs`.

    Most alike first, on one page.
    """
    version = _ninjs_version(suffix, query.ninjs, LIST_FORMATS)
    view = VIEWS[query.content]
    shown = find_related(request, reader, db, ref, view, query.limit)
    given = query_pairs(query.model_dump(mode="json", exclude_unset=True))
    address = f"{_settings(request).site_url}{request.url.path}"
    url = f"{address}?{urlencode(given)}" if given else address
    feed = _feed(request, url, url, {}, shown, (), ref)
    return _list_answer(request, reader, suffix, feed, "", version)


@router.get(
    "/v1/articles/{ref}.{suffix}",
    operation_id="get_article_as",
    response_class=Response,
    responses=_documented([*ARTICLE_FORMATS.values()]),
)
def get_article_as(
    request: Request,
    reader: Reader,
    db: Db,
    ref: PathRef,
    suffix: ArticleSuffix,
    query: Annotated[FormatQuery, Query()],
) -> Response:
    """Gives one article as `.html`, `.md`, `.txt`, `.jsonld` or `.ninjs`.

    `.html` is a complete page with its metadata; `.md` has front matter before the text; `.txt` says
    also where links lead; `.jsonld` is schema.org's NewsArticle; `.ninjs` is IPTC ninjs 3.2, or with
    `ninjs=2.2` that. `Accept` on the article's own address leads here too.
    """
    version = _ninjs_version(suffix, query.ninjs, ARTICLE_FORMATS)
    visibility, settings = reader.visibility, _settings(request)
    with db.reading() as session:
        try:
            row = articles.find_article(session, visibility, ref, WHOLE)
        except Moved as moved:
            raise Moved(f"{moved.slug}.{suffix}") from None
        links = articles.load_links(session, [row.id])
    template = settings.article_url_template
    document = articles.article_document(row, links, WHOLE, visibility, template)
    return validated_response(
        request,
        _article_body(document, suffix, Site.of(settings), visibility.now, version),
        media_type=ARTICLE_FORMATS[suffix],
        version=row.version,
        private=not reader.is_anonymous,
        headers=SECURITY_HEADERS if suffix == "html" else None,
    )


def _article_body(
    article: Article, suffix: str, site: Site, now: datetime, version: NinjsVersion
) -> bytes:
    match suffix:
        case "html":
            return page(article, site)
        case "md":
            return texts.markdown(article, site)
        case "txt":
            return texts.text(article, site)
        case "jsonld":
            return jsonld(article, site)
        case _:
            return ninjs(article, now, version)


def _list_answer(
    request: Request,
    reader: Caller,
    suffix: str,
    feed: Feed,
    links: str,
    version: NinjsVersion,
) -> Response:
    match suffix:
        case "rss":
            body = rss(feed)
        case "atom":
            body = atom(feed)
        case "feed.json":
            body = json_feed(feed)
        case _:
            body = ninjs_package(feed, reader.visibility.now, version)
    own = [f'<{feed.url}>; rel="self"']
    own += [f'<{feed.hub_url}>; rel="hub"'] if feed.hub_url else []
    return validated_response(
        request,
        body,
        media_type=LIST_FORMATS[suffix],
        private=not reader.is_anonymous,
        headers={"Link": ", ".join([*own, links] if links else own)},
    )


def _page_feed(
    request: Request,
    paging: Paging[Any],
    around: Mapping[str, Any],
    shown: Sequence[Article],
    removed: Sequence[Removed],
    about: str,
) -> Feed:
    """A page of a list as a feed."""
    settings = _settings(request)

    def absolute(cursor: str | None) -> str:
        address = paging.address(cursor)
        return address if settings.base_url else f"{settings.site_url}{address}"

    pages = {name: absolute(around[name]) for name in ("next", "previous") if around[name]}
    return _feed(request, absolute(paging.cursor), absolute(None), pages, shown, removed, about)


def _feed(
    request: Request,
    url: str,
    first_url: str,
    pages: Mapping[str, str],
    shown: Sequence[Article],
    removed: Sequence[Removed],
    about: str,
) -> Feed:
    settings = _settings(request)
    site = Site.of(settings)
    return Feed(
        site,
        f"{site.title}: {about}" if about else site.title,
        url,
        shown,
        first_url=first_url,
        next_url=pages.get("next"),
        previous_url=pages.get("previous"),
        removed=removed,
        hub_url=settings.websub_hub or None if url in topics(site.api_url) else None,
    )


def _chosen_by(wanted: Any, shown: Sequence[Article]) -> str:
    """What the articles of a list have in common, for its title; by name, where one has it."""
    things = [thing for one in shown for thing in (*one["tags"], *one["authors"])]
    names = {thing[key]: thing["name"] for thing in things for key in ("id", "slug")}
    chosen = (wanted.section, wanted.tag, wanted.author, wanted.language)
    refs = (ref.strip() for values in chosen for value in values for ref in value.split(","))
    return ", ".join(dict.fromkeys(names.get(ref, ref) for ref in refs))


def _removed(
    session: Session,
    visibility: Visibility,
    paging: Paging[FeedQuery],
    walked: Sequence[Any],
    rows: Sequence[Any],
    around: dict[str, Any],
) -> Sequence[Removed]:
    """What has been withdrawn from where the page begins to where the next one does, so that each
    stands on one page; editors see it in the list."""
    wanted, position = paging.params, paging.position
    if wanted.sort != "-published_at" or visibility.previews:
        return ()
    after: datetime | None = None
    if around["next"] and position is not None and position.backwards:
        after = datetime.fromisoformat(position.key[0])
    elif around["next"]:
        after = walked[wanted.limit].sort_at
    until = rows[0].sort_at if rows and around["previous"] else visibility.now
    return queries.withdrawn_articles(session, visibility, wanted, after, until)


def _ninjs_version(
    suffix: str, asked: NinjsVersion | None, offered: Mapping[str, str]
) -> NinjsVersion:
    """The version to write; 404 where there is no such format, 422 where it has no versions."""
    if suffix not in offered:
        choices = ", ".join(f".{one}" for one in offered)
        raise Problem(404, "not-found", f"There is no such format here; there are {choices}.")
    if asked is not None and suffix != "ninjs":
        raise invalid_parameter("ninjs", "goes with the suffix `ninjs` only")
    return asked or "3.2"


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


@router.get("/schemas/blocks-1.json", operation_id="get_blocks_schema")
def show_blocks_schema(request: Request) -> Response:
    """The JSON Schema of `blocks`, version 1. What comes later only adds types and members."""
    schema = {"$id": f"{_settings(request).site_url}/schemas/blocks-1.json", **BLOCKS_SCHEMA}
    return json_response(request, to_json(schema), private=False)


Number = Annotated[int, Path(ge=1, le=1_000_000, description="Which one, from 1.", examples=[1])]
SITEMAP = _documented([sitemaps.MEDIA_TYPE])


@router.get(
    "/sitemap.xml", operation_id="get_sitemap_index", response_class=Response, responses=SITEMAP
)
def show_sitemap_index(request: Request, reader: Reader, db: Db) -> Response:
    """The index of the sitemaps of all that is public; each has 50,000 addresses at most."""
    visibility, settings = _public(reader), _settings(request)
    with db.reading() as session:
        numbers = [*_sitemap_numbers(session, visibility)]
    addresses = (f"{settings.site_url}/sitemap-{number}.xml" for number in numbers)
    return _sitemap_answer(request, reader, sitemaps.sitemap_index(addresses))


@router.get(
    "/sitemap-news.xml", operation_id="get_news_sitemap", response_class=Response, responses=SITEMAP
)
def show_news_sitemap(request: Request, reader: Reader, db: Db) -> Response:
    """What was published in the last two days, 1,000 articles at most, as Google News reads it."""
    site = Site.of(_settings(request))
    with db.reading() as session:
        latest = queries.latest_news(session, _public(reader))
    return _sitemap_answer(request, reader, sitemaps.news_sitemap(site, latest))


@router.get(
    "/sitemap-{number}.xml", operation_id="get_sitemap", response_class=Response, responses=SITEMAP
)
def show_sitemap(request: Request, reader: Reader, db: Db, number: Number) -> Response:
    """One of the sitemaps that `/sitemap.xml` lists, the oldest articles in the first."""
    site, visibility = Site.of(_settings(request)), _public(reader)
    with db.reading() as session:
        since, until = _borders(session, visibility.now, number)
        if since is None and number > 1:
            raise Problem(404, "not-found", "There is no such sitemap; see /sitemap.xml.")

        def addresses() -> Iterator[tuple[str, datetime | None]]:
            if number == 1:
                yield site.home_url, None
            if since is not None:
                for row in queries.addresses_between(session, visibility, since, until):
                    yield site.page_url.replace("{slug}", row.slug), row.updated_at

        body = sitemaps.sitemap(addresses())
    return _sitemap_answer(request, reader, body)


def _borders(
    session: Session, now: datetime, number: int
) -> tuple[queries.Boundary | None, queries.Boundary | None]:
    """Where a sitemap begins, and where the next one does."""
    offset = (number - 1) * SITEMAP_ARTICLES_MAX
    return (
        queries.boundary_at(session, now, offset),
        queries.boundary_at(session, now, offset + SITEMAP_ARTICLES_MAX),
    )


def _sitemap_numbers(session: Session, visibility: Visibility) -> Iterator[int]:
    """The first, which has the front page as well, and all others that have anything in them."""
    yield 1
    now = visibility.now
    number, since = 2, queries.boundary_at(session, now, SITEMAP_ARTICLES_MAX)
    while since is not None:
        until = queries.boundary_at(session, now, SITEMAP_ARTICLES_MAX, since)
        if queries.has_addresses_between(session, visibility, since, until):
            yield number
        number, since = number + 1, until


def _public(reader: Caller) -> Visibility:
    """What is public of what the caller may see: crawlers are told of nothing else."""
    return Visibility(reader.visibility.now, entitlement=reader.visibility.entitlement)


def _sitemap_answer(request: Request, reader: Caller, body: bytes) -> Response:
    private = not reader.is_anonymous
    return validated_response(request, body, media_type=sitemaps.MEDIA_TYPE, private=private)
