"""IPTC ninjs 3.2, and 2.2 for who has not moved on: one article, or a package of some. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic_core import to_json

from app.formats.news import (
    Article,
    Feed,
    Removed,
    absolute_html,
    canonical_url_of,
    correction_lines,
    filled,
    image_of,
    image_type,
    instant,
    permanent_id,
    text_of,
)

NinjsVersion = Literal["3.2", "2.2"]
_Json = dict[str, Any]
_MEMBERS = {
    "person": "people",
    "organisation": "organisations",
    "place": "places",
    "event": "events",
}
"""Where tags stand, by kind; others are subjects."""


def ninjs(article: Article, now: datetime, version: NinjsVersion) -> bytes:
    """One article as a news object."""
    return _written({"standard": _standard(version), **item(article, now)}, version)


def ninjs_package(feed: Feed, now: datetime, version: NinjsVersion) -> bytes:
    """A page of a list as a composite; what has been withdrawn stands in it as `canceled`."""
    parts = [item(one, now) for one in feed.articles] + [_canceled(one) for one in feed.removed]
    package = {
        "standard": _standard(version),
        "uri": feed.url,
        "type": "composite",
        "representationType": "full",
        "versionCreated": instant(feed.updated_at),
        "pubStatus": "usable",
        "language": feed.site.language,
        "headlines": [{"role": "main", "value": feed.title}],
        "associations": [
            {"name": f"item-{number}", **part} for number, part in enumerate(parts, 1)
        ],
    }
    return _written(package, version)


def item(article: Article, now: datetime) -> _Json:
    """The article in the words of ninjs 3; what there is nothing to say of is left out."""
    made = {
        "uri": permanent_id(article["id"]),
        "type": "text",
        "representationType": "full",
        "version": str(article["version"]),
        "firstCreated": instant(article["created_at"]),
        "versionCreated": instant(article["updated_at"]),
        "contentCreated": _instant(article["published_at"]),
        "embargoedUntil": _instant(article["embargoed_until"]),
        "expires": _instant(article["expires_at"]),
        "pubStatus": _pub_status(article, now),
        "urgency": article["urgency"],
        "copyrightNotice": article["copyright"],
        "usageTerms": article["usage_terms"],
        "edNote": "\n".join(
            f"{word} ({at}): {note}" for word, at, note in correction_lines(article)
        ),
        "language": article["language"],
        "headlines": [
            {"role": role, "contentType": "text/plain", "value": article[name]}
            for role, name in (("main", "headline"), ("sub", "subheadline"))
            if article[name]
        ],
        "descriptions": _described("summary", article["summary"]),
        "bodies": _bodies(article),
        "by": article["byline"],
        "slugline": article["slug"],
        "located": article["dateline"],
        "infoSources": [
            *(
                {
                    "name": one["name"],
                    "role": one["role"] or "author",
                    "uri": permanent_id(one["id"]),
                }
                for one in article["authors"]
            ),
            *([{"name": article["source"], "role": "source"}] if article["source"] else []),
        ],
        "altIds": [
            {"role": role, "value": value}
            for role, value in (
                ("slug", article["slug"]),
                ("external", article["external_id"]),
                ("canonical", canonical_url_of(article)),
            )
            if value
        ],
        "associations": _pictures(article),
    }
    for tag in article["tags"]:
        named = {
            "name": tag["name"],
            "rel": tag["kind"],
            "uri": permanent_id(tag["id"]),
            "literal": tag["slug"],
        }
        made.setdefault(_MEMBERS.get(tag["kind"], "subjects"), []).append(named)
    return filled(made)


def _pub_status(article: Article, now: datetime) -> str:
    if article["status"] == "withdrawn":
        return "canceled"
    embargo = article["embargoed_until"]
    is_held = article["status"] != "published" or (embargo is not None and embargo > now)
    return "withheld" if is_held else "usable"


def _bodies(article: Article) -> list[_Json]:
    if not article.get("body"):
        return []
    html, text = absolute_html(article), text_of(article)
    words = article["word_count"]
    return [
        {
            "role": "main",
            "contentType": "text/html",
            "charCount": len(html),
            "wordCount": words,
            "value": html,
        },
        {
            "role": "text",
            "contentType": "text/plain",
            "charCount": len(text),
            "wordCount": words,
            "value": text,
        },
    ]


def _described(role: str, text: str | None) -> list[_Json]:
    return [{"role": role, "contentType": "text/plain", "value": text}] if text else []


def _pictures(article: Article) -> list[_Json]:
    image = image_of(article)
    if image is None:
        return []
    rendition = {
        "name": "main",
        "href": image["url"],
        "contentType": image_type(image["url"]),
        "width": image["width"],
        "height": image["height"],
    }
    picture = {
        "name": "lead-image",
        "uri": image["url"],
        "type": "picture",
        "by": image["credit"],
        "descriptions": [
            *_described("caption", image["caption"]),
            *_described("alt", image["alt"]),
        ],
        "renditions": [filled(rendition)],
    }
    return [filled(picture)]


def _canceled(removed: Removed) -> _Json:
    return filled(
        {
            "uri": permanent_id(removed.id),
            "type": "text",
            "representationType": "partial",
            "versionCreated": instant(removed.at),
            "pubStatus": "canceled",
            "edNote": removed.reason,
        }
    )


def _standard(version: NinjsVersion) -> _Json:
    schema = f"http://www.iptc.org/std/ninjs/ninjs-schema_{version}.json"
    return {"name": "ninjs", "version": version, "schema": schema}


def _instant(at: datetime | None) -> str | None:
    return None if at is None else instant(at)


def _written(document: _Json, version: NinjsVersion) -> bytes:
    return to_json(document if version == "3.2" else _in_lower_case(document))


def _in_lower_case(value: Any) -> Any:
    """In the words of ninjs 2, which has no capitals, and one name for another."""
    if isinstance(value, list):
        return [_in_lower_case(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    renamed = {"embargoedUntil": "embargoed"}
    return {renamed.get(name, name.lower()): _in_lower_case(one) for name, one in value.items()}
