"""RSS and Atom in any of their versions, by `feedparser`, and JSON Feed."""

import calendar
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from html import escape
from typing import Any, BinaryIO
from xml.sax import SAXException

from app.importing.found import (
    Found,
    Passed,
    Unreadable,
    address_of,
    filled,
    guarded,
    headline_of,
    html_body,
    identity_of,
    image_of,
    instant_in,
    language_of,
    line,
    names_in,
    plain,
    summary_of,
    text_body,
)


def read_feed(file: BinaryIO) -> Iterator[Found | Passed]:
    """The entries of an RSS or Atom feed, which is read as a whole."""
    import feedparser  # only who imports a feed needs it

    # What is unsafe in a body is taken out when it is written here, by this project's own rules.
    feed = feedparser.parse(file, sanitize_html=False)
    if not feed.version:
        raise Unreadable(f"is no feed: {feed.get('bozo_exception') or 'nothing in it is known'}")
    language = language_of(feed.feed.get("language"))
    source = feed.feed.get("id") or feed.feed.get("link")
    for number, entry in enumerate(feed.entries, 1):
        name = str(entry.get("id") or f"entry {number}")
        yield guarded(name, partial(_of_entry, entry, number, language, source))
    if isinstance(feed.get("bozo_exception"), SAXException):
        said = str(feed.bozo_exception)
        yield Passed(
            "the file", f"is broken XML: {said}; what could be read is imported", is_wrong=True
        )


def _of_entry(
    entry: Any, number: int, feed_language: str | None, source: str | None
) -> Found | Passed:
    identity = entry.get("id") or entry.get("link")
    if not identity:
        return Passed(f"entry {number}", "has neither an id nor a link", is_wrong=True)
    contents = entry.get("content") or []
    content = next((one.value for one in contents if one.get("type") != "text/plain"), None)
    text = next((one.value for one in contents), None)
    summary = entry.get("summary")
    title, short = _said(entry, "title"), _said(entry, "summary")
    if not (title or content or text or summary):
        return Passed(identity, "has neither a title nor a text", is_wrong=True)
    base = address_of(entry.get("link"))
    is_text = entry.get("summary_detail", {}).get("type") == "text/plain"
    markup = content or (None if text or is_text else summary)
    words = text or (summary if is_text else None)
    enclosed = "".join(map(_enclosed, entry.get("enclosures", [])))
    if enclosed and words and not markup:
        markup = "".join(f"<p>{escape(part)}</p>" for part in words.split("\n\n"))
    fields = {
        "external_id": identity_of(identity, source),
        "headline": headline_of(title, content or text or summary),
        "summary": summary_of(short) if content or text else None,
        "body": html_body(f"{markup or ''}{enclosed}", base) or text_body(words),
        "canonical_url": base,
        "language": _language(entry, contents) or feed_language,
        "image": _image(entry),
        "copyright": summary_of(plain(entry.get("rights") or entry.get("dc_rights"))),
        "published_at": _moment(entry, "published_parsed", "updated_parsed"),
    }
    people = [one.get("name") for one in entry.get("authors", [])] or [entry.get("author")]
    tags = names_in(tag.get("label") or tag.get("term") for tag in entry.get("tags", []))
    return Found(identity, filled(fields), names_in(people), tuple((tag, "topic") for tag in tags))


def _said(entry: Any, member: str) -> str:
    """A title or summary as plain text; it says itself whether it is markup."""
    is_text = entry.get(f"{member}_detail", {}).get("type") == "text/plain"
    return line(entry.get(member)) if is_text else plain(entry.get(member))


def _enclosed(medium: Any) -> str:
    """A sound or film that comes with an entry, as of a podcast."""
    kind = str(medium.get("type", "")).partition("/")[0]
    url = address_of(medium.get("href"))
    return f'<{kind} src="{escape(url)}"></{kind}>' if url and kind in ("audio", "video") else ""


def _language(entry: Any, contents: Any) -> str | None:
    told = [entry.get("language"), *(one.get("language") for one in contents)]
    told.append(entry.get("title_detail", {}).get("language"))
    return next(filter(None, map(language_of, told)), None)


def _image(entry: Any) -> dict[str, Any] | None:
    media = [*entry.get("media_content", []), *entry.get("media_thumbnail", [])]
    pictures = [one.get("url") for one in media if _is_picture(one)]
    pictures += [
        one.get("href") for one in entry.get("enclosures", []) if _is_picture(one, sure=True)
    ]
    credit = next((one.get("content") for one in entry.get("media_credit", [])), None)
    # What is said of a picture is lost: `feedparser` takes it for the summary.
    found = (image_of(one, credit=credit) for one in pictures)
    return next((one for one in found if one), None)


def _is_picture(media: Any, *, sure: bool = False) -> bool:
    said = f"{media.get('medium', '')} {media.get('type', '')}".strip()
    return "image" in said or not (sure or said)


def _moment(entry: Any, *names: str) -> datetime | None:
    for name in names:
        if entry.get(name):
            try:
                return datetime.fromtimestamp(calendar.timegm(entry[name]), UTC)
            except (OverflowError, ValueError, OSError):
                continue
    return None


def read_json_feed(document: dict[str, Any]) -> Iterator[Found | Passed]:
    """The items of a JSON Feed, version 1 or 1.1."""
    language = language_of(_text(document.get("language")))
    source = _text(document.get("feed_url")) or _text(document.get("home_page_url"))
    items = document.get("items")
    if not isinstance(items, list):
        raise Unreadable("is a JSON Feed without a list of `items`")
    for number, item in enumerate(items, 1):
        if not isinstance(item, dict) or not (item.get("id") or item.get("url")):
            yield Passed(f"item {number}", "has neither an id nor a url", is_wrong=True)
            continue
        name = str(item.get("id") or item.get("url"))
        yield guarded(name, partial(_of_item, item, language, source))


def _of_item(item: dict[str, Any], feed_language: str | None, source: str | None) -> Found | Passed:
    identity = str(item.get("id") or item.get("url"))
    content, text = _text(item.get("content_html")), _text(item.get("content_text"))
    title = line(item.get("title"))
    if not (title or content or text):
        return Passed(identity, "has neither a title nor a text", is_wrong=True)
    authors, tags = item.get("authors") or [item.get("author")], item.get("tags")
    fields = {
        "external_id": identity_of(identity, source),
        "headline": headline_of(title, content or text),
        "summary": summary_of(line(item.get("summary"))),
        "body": html_body(content, address_of(_text(item.get("url")))) or text_body(text),
        "canonical_url": address_of(_text(item.get("external_url")) or _text(item.get("url"))),
        "language": language_of(_text(item.get("language"))) or feed_language,
        "image": image_of(_text(item.get("image")) or _text(item.get("banner_image"))),
        "published_at": instant_in(_text(item.get("date_published"))),
    }
    people = [one.get("name") for one in _dicts(authors)]
    topics = names_in(tags if isinstance(tags, list) else [])
    return Found(
        identity, filled(fields), names_in(people), tuple((one, "topic") for one in topics)
    )


def _dicts(values: Any) -> list[dict[str, Any]]:
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
