"""IPTC ninjs, of versions 1 to 3: single items, packages, and arrays of items."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from app.archive.shapes import TagKind
from app.importing.found import (
    Found,
    Passed,
    filled,
    guarded,
    headline_of,
    html_body,
    identity_of,
    image_of,
    instant_in,
    language_of,
    limit_in,
    line,
    names_in,
    plain,
    shortened,
    slug_of,
    summary_of,
    text_body,
)

_Json = dict[str, Any]
_TAGS: dict[str, TagKind] = {
    "subjects": "topic", "subject": "topic", "people": "person", "person": "person",
    "organisations": "organisation", "organisation": "organisation", "places": "place",
    "place": "place", "events": "event", "event": "event",
}  # fmt: skip
DEPTH_MAX = 5
"""Of packages in packages."""
_TEXT_TYPES = ("text", "composite", None)


def read_ninjs(document: Any) -> Iterator[Found | Passed]:
    """The texts of a document: of a package, those in it."""
    for item in document if isinstance(document, list) else [document]:
        if isinstance(item, dict):
            yield from _read_item(_lower(item, 0), 0)
        else:
            yield Passed(line(str(item)), "is no item of ninjs", is_wrong=True)


def _read_item(item: _Json, depth: int) -> Iterator[Found | Passed]:
    identity, kind = str(item.get("uri") or "an item"), item.get("type")
    parts = _dicts(item.get("associations"))
    if kind == "composite" and not _bodies(item) and depth < DEPTH_MAX:
        for part in parts:
            yield from _read_item(part, depth + 1)
        return
    if kind not in _TEXT_TYPES:
        yield Passed(identity, f"is of the type {kind}, and no text")
    elif not item.get("uri"):
        yield Passed(identity, "has no uri", is_wrong=True)
    elif item.get("pubstatus") == "canceled":
        yield Passed(identity, "is canceled; withdraw what you have of it")
    else:
        yield guarded(identity, partial(_article, identity, item, parts))


def _article(identity: str, item: _Json, parts: list[_Json]) -> Found:
    html, text = _bodies(item).get("html"), _bodies(item).get("text")
    headlines = _by_role(item.get("headlines"))
    descriptions = _by_role(item.get("descriptions"))
    summary = descriptions.get("summary") or next(iter(descriptions.values()), "")
    fields = {
        "external_id": identity_of(identity),
        "slug": _slug(item),
        "headline": headline_of(
            headlines.get("main")
            or next(iter(headlines.values()), "")
            or line(item.get("headline"))
            or line(item.get("title")),
            html or text,
        ),
        "subheadline": shortened(headlines.get("sub", ""), 1000),
        "summary": summary_of(summary or line(item.get("description_text"))),
        "dateline": shortened(line(item.get("located")), 200),
        "byline": shortened(line(item.get("by") or item.get("byline")), 500),
        "language": language_of(item.get("language")),
        "body": html_body(html) or text_body(text),
        "image": _image(parts),
        "source": _source(item),
        "copyright": shortened(
            line(item.get("copyrightnotice") or item.get("copyrightholder")), 1000
        ),
        "usage_terms": summary_of(line(item.get("usageterms"))),
        "urgency": item.get("urgency") if item.get("urgency") in range(1, 10) else None,
        "published_at": instant_in(
            item.get("contentcreated") or item.get("firstcreated") or item.get("versioncreated")
        ),
        "embargoed_until": limit_in(item.get("embargoeduntil") or item.get("embargoed"), "embargo"),
        "expires_at": limit_in(item.get("expires"), "expiry"),
    }
    tags = [
        (name, _kind(one, kind))
        for member, kind in _TAGS.items()
        for one in _dicts(item.get(member))
        for name in names_in([one.get("name") or one.get("literal")])
    ]
    writers = (one.get("name") for one in _dicts(item.get("infosources")) if _is_person(one))
    is_public = item.get("pubstatus") in ("usable", None)
    return Found(identity, filled(fields), names_in(writers), tuple(dict.fromkeys(tags)), is_public)


def _lower(value: Any, depth: int) -> Any:
    """Version 3 has capitals in its names, and 1 and 2 have none."""
    if depth > 10 * DEPTH_MAX:
        return None
    if isinstance(value, list):
        return [_lower(one, depth + 1) for one in value]
    if isinstance(value, Mapping):
        return {str(name).lower(): _lower(one, depth + 1) for name, one in value.items()}
    return value


def _bodies(item: _Json) -> dict[str, str]:
    """The body as HTML and as text, where it is there."""
    found: dict[str, str] = {}
    for one in _dicts(item.get("bodies")):
        value, media_type = one.get("value"), str(one.get("contenttype") or one.get("role") or "")
        if isinstance(value, str) and value.strip():
            found.setdefault("html" if "html" in media_type else "text", value)
    for name, kind in (("body_html", "html"), ("body_xhtml", "html"), ("body_text", "text")):
        if isinstance(item.get(name), str):
            found.setdefault(kind, item[name])
    return found


def _by_role(values: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in _dicts(values):
        if isinstance(one.get("value"), str):
            is_markup = "html" in str(one.get("contenttype") or "")
            said = plain(one["value"]) if is_markup else line(one["value"])
            found.setdefault(str(one.get("role") or ""), said)
    return found


def _slug(item: _Json) -> str | None:
    known = {str(one.get("role")): one.get("value") for one in _dicts(item.get("altids"))}
    return slug_of(known["slug"]) if isinstance(known.get("slug"), str) else None


def _source(item: _Json) -> str | None:
    sources = _dicts(item.get("infosources"))
    named = [one.get("name") for one in sources if not _is_person(one)]
    holder = item.get("copyrightholder")
    return next(iter(names_in([*named, holder])), None)


def _is_person(source: _Json) -> bool:
    return str(source.get("role") or "source") not in ("source", "provider", "distributor")


def _kind(tag: _Json, kind: TagKind) -> TagKind:
    said = tag.get("rel")
    return said if kind == "topic" and said in ("section", "series") else kind


def _image(parts: list[_Json]) -> _Json | None:
    """The first picture, in its largest form that has an address."""
    for part in parts:
        renditions = [
            one for one in _dicts(part.get("renditions")) if isinstance(one.get("href"), str)
        ]
        if part.get("type") not in ("picture", "graphic") or not renditions:
            continue
        largest = max(renditions, key=lambda one: _number(one.get("width")))
        said = _by_role(part.get("descriptions"))
        caption = said.get("caption") or next(
            (text for role, text in said.items() if role != "alt"), None
        )
        made = image_of(
            largest["href"], caption=caption, credit=_plain(part.get("by")), alt=said.get("alt")
        )
        if made:
            sizes = {name: _number(largest.get(name)) for name in ("width", "height")}
            return made | {name: size for name, size in sizes.items() if 0 < size <= 100_000}
    return None


def _plain(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and 0 <= value <= 100_000 else 0


def _dicts(values: Any) -> list[_Json]:
    if isinstance(values, Mapping):  # version 1 has associations by name
        return [one for one in values.values() if isinstance(one, dict)]
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []
