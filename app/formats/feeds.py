"""Lists as RSS 2.0, Atom (RFC 4287) and JSON Feed 1.1. Pure."""

import html
from email.utils import format_datetime
from typing import Any

from pydantic_core import to_json

from app.formats.news import (
    Article,
    Feed,
    Removed,
    absolute_html,
    canonical_url_of,
    correction_lines,
    description_of,
    filled,
    image_of,
    image_type,
    instant,
    permanent_id,
)
from app.formats.xml import DECLARATION, box, element

ATOM = "http://www.w3.org/2005/Atom"
MEDIA = "http://search.yahoo.com/mrss/"
_RSS_NAMESPACES = {
    "version": "2.0",
    "xmlns:atom": ATOM,
    "xmlns:content": "http://purl.org/rss/1.0/modules/content/",
    "xmlns:dc": "http://purl.org/dc/elements/1.1/",
    "xmlns:media": MEDIA,
}
_ATOM_NAMESPACES = {
    "xmlns": ATOM,
    "xmlns:at": "http://purl.org/atompub/tombstones/1.0",
    "xmlns:media": MEDIA,
}
TTL_MINUTES = "5"
JSON_FEED = "https://jsonfeed.org/version/1.1"


def rss(feed: Feed) -> bytes:
    """RSS 2.0 with the modules content, dc, media and atom. `guid` is for ever, `pubDate` in GMT."""
    site = feed.site
    changed = format_datetime(feed.updated_at, usegmt=True) if feed.articles else None
    channel = box(
        "channel",
        element("title", feed.title),
        element("link", site.home_url),
        element("description", feed.title),
        element("language", site.language),
        element("lastBuildDate", changed),
        element("generator", "Byline"),
        element("ttl", TTL_MINUTES),
        _rss_logo(feed),
        *_links(feed, "atom:link", "application/rss+xml"),
        *(_rss_item(feed, one) for one in _shown(feed)),
    )
    return _document(box("rss", channel, attributes=_RSS_NAMESPACES))


def _rss_logo(feed: Feed) -> str:
    site = feed.site
    if not site.logo_url:
        return ""
    return box(
        "image",
        element("url", site.logo_url),
        element("title", feed.title),
        element("link", site.home_url),
    )


def _rss_item(feed: Feed, article: Article) -> str:
    published_at = article["published_at"]
    return box(
        "item",
        element("title", article["headline"]),
        element("link", feed.site.page_of(article)),
        element("guid", permanent_id(article["id"]), {"isPermaLink": "false"}),
        element("pubDate", published_at and format_datetime(published_at, usegmt=True)),
        element("atom:updated", instant(article["updated_at"])),
        *(element("dc:creator", name) for name in _writers(article)),
        *(
            element("category", tag["name"], {"domain": _scheme(feed, tag)})
            for tag in article["tags"]
        ),
        element("dc:language", article["language"]),
        element("dc:rights", article["copyright"]),
        element("dc:source", article["source"]),
        element("description", description_of(article)),
        element("content:encoded", content_of(article)),
        _media(article),
    )


def atom(feed: Feed) -> bytes:
    """Atom, with RFC 6721 tombstones of what has been withdrawn. `id` is for ever."""
    site = feed.site
    entries = [_atom_entry(feed, one) for one in _shown(feed)]
    # Editors find in the list what has been withdrawn; here it is as gone as for everybody.
    lost = [one for one in feed.articles if one["status"] == "withdrawn"]
    removed = [*feed.removed, *(Removed(one["id"], one["updated_at"], None) for one in lost)]
    attributes = {**_ATOM_NAMESPACES, "xml:lang": site.language}
    return _document(
        box(
            "feed",
            element("id", feed.first_url or feed.url),
            element("title", feed.title),
            element("updated", instant(feed.updated_at)),
            box("author", element("name", site.title)),
            element("generator", "Byline"),
            element("logo", site.logo_url),
            box("link", attributes={"rel": "alternate", "href": site.home_url}),
            *_links(feed, "link", "application/atom+xml"),
            *entries,
            *(
                box(
                    "at:deleted-entry",
                    element("at:comment", one.reason),
                    attributes={"ref": permanent_id(one.id), "when": instant(one.at)},
                )
                for one in removed
            ),
            attributes=attributes,
        )
    )


def _atom_entry(feed: Feed, article: Article) -> str:
    published_at, image = article["published_at"], image_of(article)
    return box(
        "entry",
        element("id", permanent_id(article["id"])),
        element("title", article["headline"]),
        element("updated", instant(article["updated_at"])),
        element("published", published_at and instant(published_at)),
        *(box("author", element("name", name)) for name in _writers(article)),
        box(
            "link",
            attributes={
                "rel": "alternate",
                "type": "text/html",
                "href": feed.site.page_of(article),
            },
        ),
        _link("via", canonical_url_of(article)),
        _link("enclosure", image["url"], image_type(image["url"])) if image else "",
        *(
            box(
                "category",
                attributes={
                    "term": tag["slug"],
                    "scheme": _scheme(feed, tag),
                    "label": tag["name"],
                },
            )
            for tag in article["tags"]
        ),
        element("rights", article["copyright"]),
        element("summary", description_of(article)),
        element("content", content_of(article), {"type": "html"}),
        _media(article),
        attributes={"xml:lang": article["language"]},
    )


def json_feed(feed: Feed) -> bytes:
    """JSON Feed 1.1. What there is nothing to say of is left out."""
    document = {
        "version": JSON_FEED,
        "title": feed.title,
        "home_page_url": feed.site.home_url,
        "feed_url": feed.url,
        "next_url": feed.next_url,
        "icon": feed.site.logo_url,
        "hubs": [{"type": "WebSub", "url": feed.hub_url}] if feed.hub_url else None,
        "language": feed.site.language,
    }
    items = [filled(_json_item(feed, one)) for one in _shown(feed)]
    return to_json(filled(document) | {"items": items})


def _json_item(feed: Feed, article: Article) -> dict[str, Any]:
    image, published_at = image_of(article), article["published_at"]
    corrections = [dict(one) for one in article["corrections"]]
    content = content_of(article)
    return {
        "id": permanent_id(article["id"]),
        "url": feed.site.page_of(article),
        "external_url": canonical_url_of(article),
        "title": article["headline"],
        # One of the two has to be there.
        "content_html": content or None,
        "content_text": None if content else description_of(article) or article["headline"],
        "summary": description_of(article) or None,
        "image": image and image["url"],
        "date_published": published_at and instant(published_at),
        "date_modified": instant(article["updated_at"]),
        "authors": [{"name": name} for name in _writers(article)] or None,
        "tags": [tag["name"] for tag in article["tags"]] or None,
        "language": article["language"],
        "_byline": {"corrections": corrections} if corrections else None,
    }


def _shown(feed: Feed) -> list[Article]:
    """Without what has been withdrawn, which editors see in lists: no entry could say that it is."""
    return [one for one in feed.articles if one["status"] != "withdrawn"]


def content_of(article: Article) -> str:
    """The body with its corrections below, as readers of a feed see it; nothing in a summary."""
    if "body" not in article:
        return ""
    parts = [absolute_html(article)]
    for word, at, note in correction_lines(article):
        dated = f'<strong>{word}, <time datetime="{at}">{at[:10]}</time>:</strong>'
        parts.append(f"<p>{dated} {html.escape(note, quote=False)}</p>")
    return "".join(parts)


def _writers(article: Article) -> list[str]:
    named = [author["name"] for author in article["authors"]]
    return named or ([article["byline"]] if article["byline"] else [])


def _scheme(feed: Feed, tag: Any) -> str:
    return f"{feed.site.api_url}/v1/tags#{tag['kind']}"


def _link(rel: str, href: str | None, media_type: str | None = None) -> str:
    if not href:
        return ""
    return box("link", attributes={"rel": rel, "type": media_type, "href": href})


def _links(feed: Feed, name: str, media_type: str) -> list[str]:
    """The pages around this one (RFC 5005, section 3)."""
    addresses = {
        "self": feed.url,
        "first": feed.first_url,
        "previous": feed.previous_url,
        "next": feed.next_url,
    }
    links = [
        box(name, attributes={"rel": rel, "type": media_type, "href": href})
        for rel, href in addresses.items()
        if href
    ]
    hub = feed.hub_url
    return [*links, box(name, attributes={"rel": "hub", "href": hub})] if hub else links


def _media(article: Article) -> str:
    image = image_of(article)
    if image is None:
        return ""
    size = {name: str(image[name]) if image[name] else None for name in ("width", "height")}
    attributes = {"url": image["url"], "type": image_type(image["url"]), "medium": "image", **size}
    return box(
        "media:content",
        element("media:description", image["caption"] or image["alt"], {"type": "plain"}),
        element("media:credit", image["credit"]),
        attributes=attributes,
    )


def _document(root: str) -> bytes:
    # Half a surrogate pair is cleaned out above, so that this cannot fail.
    return (DECLARATION + root).encode()
