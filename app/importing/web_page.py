"""A page of HTML: what `trafilatura` takes for its article, and what the page says of itself."""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from app.importing.found import (
    Found,
    Passed,
    Unreadable,
    address_of,
    filled,
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
)

BYTES_MAX = 20_000_000
_BODY = re.compile(r"<body>(.*)</body>", re.DOTALL)
_LANGUAGE = re.compile(rb"<html\b[^<>]*\blang=[\"']?([A-Za-z0-9-]+)", re.IGNORECASE)
_PUBLISHED = re.compile(
    rb"<meta\b[^<>]*article:published_time[^<>]*\bcontent=[\"']([^\"'<>]+)", re.IGNORECASE
)
_FIRST_HEADING = re.compile(r"\s*<h[1-3]\b[^<>]*>((?:(?!<h).)*?)</h[1-3]>", re.DOTALL)
_JSON_LD = re.compile(
    rb"<script\b[^<>]*application/ld\+json[^<>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE
)


def read_web_page(file: BinaryIO, name: str) -> Iterator[Found | Passed]:
    """The article of one page; `name` is that of its file."""
    import trafilatura  # takes half a second to import

    data = file.read(BYTES_MAX + 1)
    if len(data) > BYTES_MAX:
        raise Unreadable(f"is longer than {BYTES_MAX:,} bytes")
    about: Any = trafilatura.extract_metadata(data)
    source = trafilatura.extract(
        data,
        output_format="html",
        include_comments=False,
        include_formatting=True,
        include_images=True,
        include_links=True,
        include_tables=True,
    )
    body = _BODY.search(source or "")
    if body is None or not body[1].strip():
        raise Unreadable("has no article that could be told from what is around it")
    said = _news_article(data)
    told = _PUBLISHED.search(data)
    published = (
        instant_in(_text(said.get("datePublished")))
        or instant_in(told[1].decode("latin-1") if told else None)
        or instant_in(about and about.date)
    )
    headline = line(said.get("headline")) or plain(about and about.title)
    address = address_of(about and about.url)
    writers = _writers(said) or names_in(((about and about.author) or "").split(";"))
    language = _LANGUAGE.search(data)
    fields = {
        "external_id": _identity(said, address, headline, writers, published),
        "headline": headline_of(headline, body[1]),
        "summary": summary_of(line(said.get("description")) or plain(about and about.description)),
        "body": html_body(_below(headline, body[1].strip()), address),
        "canonical_url": address,
        "language": language_of(language[1].decode() if language else None),
        "image": image_of(about and about.image),
        "source": next(iter(names_in([about and about.sitename])), None),
        "published_at": published,
    }
    topics = names_in([*((about and about.tags) or []), *((about and about.categories) or [])])
    yield Found(name, filled(fields), writers, tuple((topic, "topic") for topic in topics))


def _below(headline: str | None, body: str) -> str:
    """The body without the headline, which stands above it."""
    first = _FIRST_HEADING.match(body)
    if first is not None and headline and plain(first[1]) == plain(headline):
        return body[first.end() :].lstrip()
    return body


def _identity(said: dict[str, Any], address: str | None, *parts: Any) -> str:
    """The same for every capture of one page, however its text was corrected since."""
    own = _text(said.get("@id"))
    if own and own.startswith("urn:"):
        return identity_of(own)
    return identity_of(f"web-page:{address or _digest(parts)}")


def _digest(parts: tuple[Any, ...]) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:32]


def _news_article(data: bytes) -> dict[str, Any]:
    """What a page says of itself by schema.org; an empty one where it says nothing."""
    for found in _JSON_LD.finditer(data):
        try:
            document = json.loads(found[1])
        except ValueError:
            continue
        graph = document.get("@graph") if isinstance(document, dict) else document
        for one in graph if isinstance(graph, list) else [document]:
            if isinstance(one, dict) and str(one.get("@type", "")).endswith("Article"):
                return one
    return {}


def _writers(said: dict[str, Any]) -> tuple[str, ...]:
    author = said.get("author")
    named = author if isinstance(author, list) else [author]
    return names_in(
        _text(one.get("name")) if isinstance(one, dict) else _text(one) for one in named
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
