"""WordPress's export (WXR): posts with authors, categories, tags and featured images, read as a stream.

The file is read twice: what posts refer to may stand behind them.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, BinaryIO
from urllib.parse import unquote

from app.archive.shapes import TagKind
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
    names_in,
    plain,
    slug_of,
    summary_of,
)
from app.importing.wordpress_body import Picture, body_html

_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
_CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
_WP = re.compile(r"\{http://wordpress\.org/export/[0-9.]+/\}")
_EXCERPT = re.compile(r"\{http://wordpress\.org/export/[0-9.]+/excerpt/\}encoded")
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\r")
_REFERENCE_BYTES = 12
_BARE_AMPERSAND = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)")
_STRUCTURAL = re.compile(
    r"tag|premature|cdata|comment|extra content|document is empty", re.IGNORECASE
)
"""What an error says where an item may be half, or two be one."""
_PUBLIC = ("publish", "future")
_REUSED = re.compile(r'<!--\s*wp:block\s*\{[^{}]*"ref"\s*:\s*(\d{1,12})[^{}]*\}\s*/-->')
_NO_DATE = "0000-00-00"
_NO_YEAR = re.compile(r".*-0+1\b.*")


class CleanFile:
    """A file without what WordPress lets into its exports and XML refuses: control characters, and
    outside of CDATA ampersands that begin nothing that XML knows."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._rest = b""
        self._in_cdata = False

    def read(self, size: int = -1) -> bytes:
        # What is left may be nothing before the end is reached.
        while part := self._file.read(size):
            if clean := self._clean(part.translate(None, _CONTROLS)):
                return clean
        rest, self._rest = self._rest, b""
        return self._escaped(rest)

    def _clean(self, part: bytes) -> bytes:
        """What can be told of: a mark or a reference may be cut at the end."""
        text, clean = self._rest + part, b""
        while (place := text.find(self._mark)) >= 0:
            end = place + len(self._mark)
            clean += self._escaped(text[:end])
            text, self._in_cdata = text[end:], not self._in_cdata
        keep = min(len(text), _REFERENCE_BYTES)
        self._rest, ready = text[len(text) - keep :], text[: len(text) - keep]
        if (
            not self._in_cdata
            and (cut := ready.rfind(b"&", max(0, len(ready) - _REFERENCE_BYTES))) >= 0
        ):
            self._rest, ready = ready[cut:] + self._rest, ready[:cut]
        return clean + self._escaped(ready)

    @property
    def _mark(self) -> bytes:
        return b"]]>" if self._in_cdata else b"<![CDATA["

    def _escaped(self, text: bytes) -> bytes:
        return text if self._in_cdata else _BARE_AMPERSAND.sub(b"&amp;", text)


def read_wordpress(file: BinaryIO) -> Iterator[Found | Passed]:
    """The posts of an export; pages, menus and the like are passed over."""
    site, errors = _Site(), list[Any]()
    for element in _elements(file, errors):
        site.learn(element)
    worst = next((one for one in errors if _STRUCTURAL.search(one.message)), None)
    file.seek(0)
    for element in _elements(file, None if worst else []):
        if element.tag != "item":
            continue
        said = _values(element)
        found = guarded(
            said.get("post_name") or plain(said.get("title")), partial(site.post, element, said)
        )
        if found is not NOT_OF_NEWS:
            yield found
    if errors:
        message = errors[0].message.strip()
        yield Passed(
            f"line {errors[0].line}", f"is broken XML: {message}; all the same it was read"
        )


def _elements(file: BinaryIO, errors: list[Any] | None) -> Iterator[Any]:
    """Items and what is said of the site, one after another; each is forgotten after it.

    No entity is expanded but those of XML itself, and nothing is fetched. With a list for `errors`,
    broken XML is read as well as it can be and they are noted; else it raises `Unreadable` there.
    """
    from lxml import etree  # only who imports needs it

    events = etree.iterparse(
        CleanFile(file),
        events=("start", "end"),
        recover=errors is not None,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=True,
    )
    try:
        depth = 0
        for event, element in events:
            depth += 1 if event == "start" else -1
            # They stand below `rss` and `channel`.
            if event == "end" and depth == 2:
                element.tag = _local(element.tag)
                yield element
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        raise Unreadable(f"is broken XML: {error}; what stands before is imported") from None
    if errors is not None:
        errors.extend(events.error_log)


def _local(tag: Any) -> str:
    return _WP.sub("", str(tag)).rpartition("}")[2]


NOT_OF_NEWS = Passed("", "is a picture, a menu or the like")


@dataclass
class _Site:
    """What posts refer to."""

    address: str = ""
    language: str | None = None
    authors: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, Picture] = field(default_factory=dict)
    attached: dict[str, list[Picture]] = field(default_factory=lambda: defaultdict(list))
    """Pictures of a post, in order: what a gallery shows that names none."""
    blocks: dict[str, str] = field(default_factory=dict)
    """What several posts show, by its id."""

    def learn(self, element: Any) -> None:
        if element.tag == "language":
            self.language = language_of(element.text)
        elif element.tag == "base_blog_url" or (element.tag == "link" and not self.address):
            self.address = (element.text or "").strip().rstrip("/")
        elif element.tag == "author":
            said = _values(element)
            login = said.get("author_login", "")
            self.authors[login] = said.get("author_display_name") or login
        elif element.tag == "item":
            said = _values(element)
            if said.get("post_type") == "attachment" and said.get("attachment_url"):
                alt = _meta(element).get("_wp_attachment_image_alt")
                caption = said.get("excerpt")
                picture = Picture(said["attachment_url"], caption, alt)
                self.pictures[said.get("post_id", "")] = picture
                self.attached[said.get("post_parent", "")].append(picture)
            elif said.get("post_type") == "wp_block":
                self.blocks[said.get("post_id", "")] = said.get("content", "")

    def post(self, element: Any, said: dict[str, str]) -> Found | Passed:
        """The article that an item is, of which `said` are the texts; `NOT_OF_NEWS` for what is of
        the site alone."""
        meta = _meta(element)
        kind, status = said.get("post_type", "post"), said.get("status", "publish")
        # A guid may be there twice, where a post began as a copy of another.
        post_id = said.get("post_id")
        identity = (
            f"{self.address}/?p={post_id}" if post_id else said.get("guid") or said.get("link")
        )
        name = said.get("post_name") or plain(said.get("title")) or str(identity)
        if kind == "attachment" or kind.startswith(("nav_", "wp_")):
            return NOT_OF_NEWS
        if kind != "post":
            return Passed(name, f"is of the type {kind}, and no post")
        if status in ("trash", "auto-draft", "inherit"):
            return Passed(name, f"has the status {status}")
        if not identity:
            return Passed(name, "has neither a guid, a link nor a post_id", is_wrong=True)
        body = body_html(
            _REUSED.sub(lambda one: self.blocks.get(one[1], ""), said.get("content", "")),
            self.pictures,
            self.attached[post_id or ""],
        )
        is_public = status in _PUBLIC and not said.get("post_password")
        fields = {
            "external_id": identity_of(f"wordpress:{identity}"),
            "slug": slug_of(unquote(said.get("post_name", "")).removesuffix(".html")),
            "headline": headline_of(plain(said.get("title")), body),
            "summary": summary_of(plain(said.get("excerpt"))),
            "body": html_body(body, address_of(said.get("link")) or address_of(self.address)),
            "language": self.language,
            "image": self._featured(meta),
            "canonical_url": address_of(said.get("link")) if is_public else None,
            "published_at": _date(said),
        }
        tags = _tags(element)
        writers = [name for name, kind in tags if kind == "author"]
        login = said.get("creator", "")
        writers = writers or [self.authors.get(login, login)]
        topics: list[tuple[str, TagKind]] = [
            (name, "section" if kind == "category" else "topic")
            for name, kind in tags
            if kind in ("category", "post_tag") and name != "Uncategorized"
        ]
        return Found(
            name, filled(fields), names_in(writers), tuple(dict.fromkeys(topics)), is_public
        )

    def _featured(self, meta: dict[str, str]) -> dict[str, Any] | None:
        picture = self.pictures.get(meta.get("_thumbnail_id", ""))
        return picture and image_of(picture.url, caption=picture.caption, alt=picture.alt)


def _values(element: Any) -> dict[str, str]:
    """The texts of an element's children, by their local names; content and excerpt apart."""
    said: dict[str, str] = {}
    for child in element:
        if not isinstance(child.tag, str) or child.text is None:
            continue
        text = child.text.strip("\r\n")
        if child.tag == _CONTENT:
            said["content"] = text
        elif _EXCERPT.fullmatch(child.tag):
            said["excerpt"] = text.strip()
        elif child.tag == _CREATOR:
            said["creator"] = text.strip()
        else:
            said.setdefault(_local(child.tag), text.strip())
    return said


def _meta(element: Any) -> dict[str, str]:
    found = {}
    for child in element:
        if isinstance(child.tag, str) and _local(child.tag) == "postmeta":
            said = {_local(one.tag): (one.text or "").strip() for one in child}
            found[said.get("meta_key", "")] = said.get("meta_value", "")
    return found


def _tags(element: Any) -> list[tuple[str, str]]:
    """Names and domains, in order, each once."""
    found = [
        (name, child.get("domain", "category"))
        for child in element.iterfind("category")
        for name in names_in([child.text])
    ]
    return list(dict.fromkeys(found))


def _date(said: dict[str, str]) -> datetime | None:
    gmt, local = said.get("post_date_gmt", _NO_DATE), said.get("post_date", _NO_DATE)
    if not gmt.startswith(_NO_DATE):
        return instant_in(gmt)
    try:
        # Of a draft it is in the year -1, which would be read as another.
        at = parsedate_to_datetime(_NO_YEAR.sub("", said.get("pubDate", "")))
    except (ValueError, OverflowError):
        # The date of a draft has no offset: it is as good as any.
        return None if local.startswith(_NO_DATE) else instant_in(local)
    return instant_in(at.isoformat())
