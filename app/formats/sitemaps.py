"""Sitemaps (sitemaps.org 0.9) of all that is public, and of the news. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from app.formats.news import Site, instant
from app.formats.xml import DECLARATION, box, element

MEDIA_TYPE = "application/xml"
_SITEMAPS = {"xmlns": "http://www.sitemaps.org/schemas/sitemap/0.9"}
_NEWS = {**_SITEMAPS, "xmlns:news": "http://www.google.com/schemas/sitemap-news/0.9"}


def sitemap_index(addresses: Iterable[str]) -> bytes:
    sitemaps = (box("sitemap", element("loc", address)) for address in addresses)
    return _document(box("sitemapindex", *sitemaps, attributes=_SITEMAPS))


def sitemap(pages: Iterable[tuple[str, datetime | None]]) -> bytes:
    """Addresses, each with when it last changed."""
    urls = (
        box("url", element("loc", address), element("lastmod", instant(at) if at else None))
        for address, at in pages
    )
    return _document(box("urlset", *urls, attributes=_SITEMAPS))


def news_sitemap(site: Site, articles: Sequence[Any]) -> bytes:
    """The latest news. `publication_date` is that of the first publication, not of the last edit."""
    urls = (
        box(
            "url",
            element("loc", site.page_url.replace("{slug}", one.slug)),
            box(
                "news:news",
                box(
                    "news:publication",
                    element("news:name", site.title),
                    element("news:language", _language(one.language)),
                ),
                element("news:publication_date", instant(one.published_at)),
                element("news:title", one.headline),
            ),
        )
        for one in articles
    )
    return _document(box("urlset", *urls, attributes=_NEWS))


def _language(tag: str) -> str:
    """As Google wants it: two or three letters, but Chinese in its two scripts."""
    parts = tag.lower().split("-")
    if parts[0] == "zh":
        return "zh-tw" if {"tw", "hk", "mo", "hant"} & {*parts} else "zh-cn"
    return parts[0]


def _document(root: str) -> bytes:
    return (DECLARATION + root).encode()
