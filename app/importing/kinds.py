"""Which kind of file something is, by what it begins with, and who reads it."""

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Literal

from app.importing.found import Found, Passed, Unreadable

Kind = Literal["NDJSON", "array of lines", "JSON", "WordPress", "feed", "web page", "captured page"]
HEAD_BYTES = 65_536
PROLOG_BYTES = 1_000_000
_NO_MARKUP = re.compile(rb"<!--.*?-->|<\?.*?\?>", re.DOTALL)
JSON_BYTES_MAX = 500_000_000
_WXR = re.compile(rb"wordpress\.org/export/")
_FEED = re.compile(rb"<(?:rss|feed|rdf:RDF|\w+:feed)\b", re.IGNORECASE)
_PAGE = re.compile(rb"<!doctype\s+html|<html\b", re.IGNORECASE)
_OTHERS = re.compile(rb'"(?:db|items|uri|@context)"\s*:|jsonfeed\.org/|"data"\s*:\s*[\[{]')
_ENTITY = re.compile(rb"<!ENTITY", re.IGNORECASE)


def kind_of(head: bytes) -> Kind:
    """The kind of a file that begins so (`HEAD_BYTES` of it, or all there is)."""
    begun = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if begun[:1] == b"[":
        is_own = b'"headline"' in begun and b'"uri"' not in begun[:4_000]
        return "array of lines" if is_own else "JSON"
    if begun[:1] == b"{":
        return "NDJSON" if _is_whole_line(begun) else "JSON"
    if _FEED.search(head[:4_000]):
        return "WordPress" if _WXR.search(head) else "feed"
    if _PAGE.search(head[:4_000]):
        return "web page"
    return "captured page"


def refuse_what_is_known(head: bytes) -> None:
    """Raises `Unreadable` for what can be told and is not imported, and says what to do."""
    if not head.strip():
        raise Unreadable("is empty")
    if head.startswith((b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")):
        raise Unreadable("is compressed; unpack it first")
    if re.match(rb"---\r?\n", head):
        raise Unreadable("is Markdown with front matter, which is not imported; bring it as HTML")


def _is_whole_line(begun: bytes) -> bool:
    """Whether the first line is one of this project's or of a bulk request, also where it is broken."""
    line = begun.split(b"\n", 1)[0]
    if _OTHERS.search(line[:4_000]):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return len(line) >= HEAD_BYTES // 2 or b'"headline"' in line or b'"external_id"' in line


def items_of(
    file: BinaryIO, kind: str, name: str, site: str | None = None
) -> Iterator[Found | Passed]:
    """The articles of a file that can be gone back in. Raises `Unreadable` where it is gone through."""
    yield from _reader(file, kind, name, site)


def _reader(file: BinaryIO, kind: str, name: str, site: str | None) -> Iterator[Found | Passed]:
    if kind == "WordPress":
        from app.importing.wordpress import read_wordpress

        refuse_entities(file)
        return read_wordpress(file)
    if kind == "feed":
        from app.importing.feeds import read_feed

        refuse_entities(file)
        return read_feed(file)
    if kind == "web page":
        from app.importing.web_page import read_web_page

        return read_web_page(file, name)
    return _read_json(file, site)


def refuse_entities(file: BinaryIO) -> None:
    """Raises `Unreadable` for XML with entities of its own, before anything expands them.

    They are declared before the root element; where nothing but comments stands there, whatever
    the articles say of entities is text.
    """
    head = _NO_MARKUP.sub(b"", file.read(PROLOG_BYTES).removeprefix(b"\xef\xbb\xbf")).lstrip()
    file.seek(0)
    if re.match(rb"<[A-Za-z]", head):
        return
    before = b""
    while part := file.read(1_000_000):
        if _ENTITY.search(before + part):
            raise Unreadable("declares entities of its own, which no feed needs")
        before = part[-10:]
    file.seek(0)


def _read_json(file: BinaryIO, site: str | None) -> Iterator[Found | Passed]:
    data = file.read(JSON_BYTES_MAX + 1)
    if len(data) > JSON_BYTES_MAX:
        raise Unreadable(f"is JSON of more than {JSON_BYTES_MAX:,} bytes; send it in parts")
    try:
        document: Any = json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"is broken JSON: {error}") from None
    if isinstance(document, dict) and ("db" in document or "posts" in _inner(document)):
        from app.importing.ghost import read_ghost

        return read_ghost(document, site)
    if isinstance(document, dict) and "jsonfeed.org" in str(document.get("version")):
        from app.importing.feeds import read_json_feed

        return read_json_feed(document)
    first = document[0] if isinstance(document, list) and document else document
    if isinstance(first, dict) and "uri" in first:
        from app.importing.ninjs import read_ninjs

        return read_ninjs(document)
    if isinstance(first, dict) and "@context" in first:
        raise Unreadable("is JSON-LD, which is not imported; bring the page that it is of")
    if isinstance(document, dict) and {"data", "page"} <= document.keys():
        raise Unreadable("is an answer of this API; `byline export` writes what can be imported")
    raise Unreadable(
        "is JSON, but neither a Ghost export, a JSON Feed, ninjs, nor lines of articles"
    )


def _no_number(said: str) -> Any:
    raise ValueError(f"{said} is no number")


def _inner(document: dict[str, Any]) -> Any:
    data = document.get("data")
    return data if isinstance(data, dict) else {}
