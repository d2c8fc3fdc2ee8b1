"""The body: HTML, Markdown or plain text in; sanitised HTML, plain text and its length out. Pure."""

import html
import math
import re
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import nh3

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

WORDS_A_MINUTE = 230
IDEOGRAPHS_A_MINUTE = 500

ALLOWED_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "dd", "del", "div", "dl", "dt",
    "em", "figcaption", "figure", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li",
    "mark", "ol", "p", "pre", "q", "s", "small", "strong", "sub", "sup", "table", "tbody", "td",
    "tfoot", "th", "thead", "time", "tr", "u", "ul",
}  # fmt: skip
MEDIA_ATTRIBUTES = {
    "audio": {"src"},
    "iframe": {"src", "height", "width"},
    "source": {"src"},
    "video": {"src", "height", "poster", "width"},
}
MEDIA_SETTINGS = {
    "audio": ' controls="" preload="none"',
    # What is shown in the frame may act there, but neither on the page nor on where it leads.
    "iframe": ' allowfullscreen="" loading="lazy" referrerpolicy="strict-origin-when-cross-origin"'
    ' sandbox="allow-forms allow-popups allow-presentation allow-same-origin allow-scripts"',
    "video": ' controls="" preload="none"',
}
"""What each of them has, whatever was written."""
ALLOWED_ATTRIBUTES = {
    "*": {"lang", "dir", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start", "reversed"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "time": {"datetime"},
}
SAFE_SCHEMES = {"http", "https", "mailto", "tel"}

_BLOCKS = {
    "blockquote", "caption", "dd", "div", "dl", "dt", "figcaption", "figure", "h2", "h3", "h4", "h5",
    "h6", "hr", "ol", "p", "pre", "table", "ul",
}  # fmt: skip
_LINES = {"br", "li", "tr"}
_CELLS = {"td", "th"}
_IDEOGRAPH = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
# Vowel signs and joiners are no \w, and no end of a word either.
_LETTER = (
    r"[\w\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff\u0e31-\u0ecf\u0f71-\u109f\u17b4-\u17d3"
    r"\u200c\u200d]"
)
_WORD = re.compile(rf"\w{_LETTER}*(?:['’\-]\w{_LETTER}*)*")
_ASCII_MARKS = bytes(
    ord("w" if chr(code).isalnum() or code == ord("_") else "-" if code in b"'-" else " ")
    for code in range(128)
).ljust(256)
"""Of each character of ASCII, whether it is of a word, may stand within one, or parts two."""
_BLANKS = re.compile(r" {2,}")
# A blank that stands alone, as most do, is left as it is.
_BLANK_RUN = re.compile(r"[ \t\n\r\f]{2,}|[\t\n\r\f]")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_PAGE_PARTS = re.compile(
    r"(?i)(</?)(?:address|article|aside|center|details|dialog|fieldset|footer|form|header|hgroup|"
    r"main|nav|section|summary)\b"
)
_HAS_MEDIA = re.compile(r"(?i)<x?-?(?:audio|iframe|source|video)\b")
_MEDIA_TAG = re.compile(r"(?i)<(/?)(audio|iframe|source|video)\b")
_CLEAN_TAG = re.compile(r"<(/?)(x-(?:audio|iframe|source|video))\b([^<>]*)>")
"""In sanitised HTML, where brackets within text and attributes are escaped."""
_SOURCE = re.compile(r' src="[^"]+"')
FALLBACK_LENGTH_MAX = 500
"""Of what stands in a film for browsers that show none; longer is an article that forgot its end."""
_SIZE = re.compile(r"[0-9]{1,5}%?")
_HTTP = re.compile(r"^(?:http:)?//", re.IGNORECASE)
_HTTPS = re.compile(r"https://[^\s/]", re.IGNORECASE)
_PRE_WITH_NEWLINE = re.compile(r"(<pre[^<>]*>)\n")

BOXES_MAX = 5_000
MEDIA_MAX = 200
UNCLOSED_MAX = 100
GROWTH_MAX = 5
_BOX = re.compile(r"(?i)<(?:blockquote|div|dl|figure|ol|table|ul)\b")
# Formatting that is not closed is opened again in every paragraph that follows.
_FORMATTING = re.compile(r"(?i)<(/?)(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)\b")


def _media_attribute(tag: str, name: str, value: str) -> str | None:
    if tag.removeprefix("x-") not in MEDIA_ATTRIBUTES:
        return value
    if name in ("width", "height"):
        return value if _SIZE.fullmatch(value) else None
    if name in ("src", "poster"):
        address = value.strip()
        # On a page of https nothing else would be shown; and a frame of the page's own origin
        # could act on it.
        address = _HTTP.sub("https://", address)
        return address if _HTTPS.match(address) else None
    return value


def _cleaner(*, with_media: bool) -> nh3.Cleaner:
    media = {f"x-{tag}": names for tag, names in MEDIA_ATTRIBUTES.items()} if with_media else {}
    return nh3.Cleaner(
        tags=ALLOWED_TAGS | media.keys(),
        attributes=ALLOWED_ATTRIBUTES | media,
        attribute_filter=_media_attribute if with_media else None,
        url_schemes=SAFE_SCHEMES,
        link_rel="noopener noreferrer",
        strip_comments=True,
    )


_clean_without_media = _cleaner(with_media=False)
_clean_with_media = _cleaner(with_media=True)


@cache
def _markdown() -> "MarkdownIt":
    # Only who writes Markdown needs it, and it would take a twentieth of a server's start.
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


class TooCostly(ValueError):
    """A body that is not worth rendering."""


@dataclass(frozen=True)
class RenderedBody:
    """What readers get: `html` is safe to put into a page, `text` is the same without markup."""

    html: str
    text: str
    word_count: int
    reading_minutes: int


def render(body_format: str, source: str) -> RenderedBody:
    """Renders a body's source; nothing unsafe comes through.

    Any text renders to something, but for markup that no article has and that would take too
    long. It raises `TooCostly`.
    """
    raw = {"html": _from_html, "markdown": _from_markdown, "text": _from_text}[body_format](source)
    _refuse_what_costs_too_much(raw)
    # What is taken out can leave markup that is read otherwise; the second time it is as it is read.
    once = _sanitised(raw)
    if len(once) > GROWTH_MAX * (len(raw) + 1000):
        raise TooCostly(f"becomes more than {GROWTH_MAX} times as long when it is read as HTML")
    clean = _sanitised(once)
    text = html_to_text(clean)
    words, ideographs = _count(text)
    minutes = math.ceil(words / WORDS_A_MINUTE + ideographs / IDEOGRAPHS_A_MINUTE)
    return RenderedBody(clean, text, words + ideographs, minutes)


def _refuse_what_costs_too_much(raw: str) -> None:
    if sum(1 for _ in _HAS_MEDIA.finditer(raw)) > MEDIA_MAX:
        raise TooCostly(f"has more than {MEDIA_MAX} frames, films and sounds")
    # Sanitising takes time that grows with the square of how deep boxes stand in boxes. Counting
    # them all, closed or not, cannot be fooled and bounds the depth with the number.
    if sum(1 for _ in _BOX.finditer(raw)) > BOXES_MAX:
        raise TooCostly(f"has more than {BOXES_MAX} lists, tables, quotes and other boxes")
    unclosed = most = 0
    for found in _FORMATTING.finditer(raw):
        unclosed = max(unclosed - 1, 0) if found.group(1) else unclosed + 1
        most = max(most, unclosed)
    if most > UNCLOSED_MAX:
        raise TooCostly(f"has more than {UNCLOSED_MAX} links and emphases that are not closed")


def html_to_text(clean: str) -> str:
    """The words of sanitised HTML: a blank line between blocks, a line an item or a table row."""
    reader = _TextReader()
    reader.feed(clean)
    reader.close()
    return reader.text()


def _sanitised(raw: str) -> str:
    if _HAS_MEDIA.search(raw):
        # What stands in a frame is no markup to a browser. By another name it is, and is sanitised
        # as all else; nothing that leaves was ever read as raw text.
        clean = _with_media(_clean_with_media.clean(_MEDIA_TAG.sub(r"<\1x-\2", raw)))
    else:
        clean = _clean_without_media.clean(raw)
    # Whoever reads `pre` drops the first line break in it.
    return _PRE_WITH_NEWLINE.sub(r"\1\n\n", clean)


def _with_media(clean: str) -> str:
    """Sanitised HTML with media by their own names, each by itself: what stood in it was for
    browsers that do not know it, unless it is an article that forgot its end."""
    parts: list[str] = []
    opened: list[_Medium] = []
    length = at = 0
    for tag in _CLEAN_TAG.finditer(clean):
        parts.append(clean[at : tag.start()])
        length += tag.start() - at
        at = tag.end()
        is_end, name, attributes = tag[1], tag[2].removeprefix("x-"), tag[3]
        if name == "source":
            if not is_end and opened and not opened[-1].source:
                opened[-1].source = attributes
        elif not is_end:
            opened.append(_Medium(name, attributes, len(parts), length, _src(attributes)))
            parts.append("")
        elif opened:  # sanitised HTML is nested as it should be
            medium = opened.pop()
            if length - medium.length <= FALLBACK_LENGTH_MAX:
                del parts[medium.place + 1 :]
                length = medium.length
            parts[medium.place] = medium.element()
    return "".join(parts) + clean[at:]


def _src(attributes: str) -> str:
    found = _SOURCE.search(attributes)
    return found[0] if found else ""


@dataclass
class _Medium:
    """A medium that is open: where it goes among the parts, and how much stood before it."""

    name: str
    attributes: str
    place: int
    length: int
    source: str

    def element(self) -> str:
        """Nothing where it leads nowhere."""
        source = _src(self.source)
        others = _SOURCE.sub("", self.attributes)
        shown = f"<{self.name}{source}{others}{MEDIA_SETTINGS[self.name]}></{self.name}>"
        return shown if source else ""


def _from_html(source: str) -> str:
    # A page has one h1, and that is the headline; and the body is no page: its parts are plain boxes,
    # which keep apart what a reader saw apart.
    return _PAGE_PARTS.sub(r"\1div", re.sub(r"(?i)(</?)h1\b", r"\1h2", source))


def _from_markdown(source: str) -> str:
    return _from_html(_markdown().render(source))


def _from_text(source: str) -> str:
    unified = source.replace("\r\n", "\n").replace("\r", "\n")
    paragraphs = (paragraph.strip("\n") for paragraph in _BLANK_LINE.split(unified))
    return "".join(
        "<p>" + html.escape(paragraph, quote=False).replace("\n", "<br>") + "</p>"
        for paragraph in paragraphs
        if paragraph.strip()
    )


def _count(text: str) -> tuple[int, int]:
    if text.isascii():
        # The same in a third of the time. Two marks within a word part it.
        marks = text.encode().translate(_ASCII_MARKS).replace(b"--", b"  ").split()
        return len(marks) - marks.count(b"-"), 0
    ideographs = len(_IDEOGRAPH.findall(text))
    words = len(_WORD.findall(_IDEOGRAPH.sub(" ", text)))
    return words, ideographs


class _TextReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._blocks: list[str] = []
        self._current: list[str] = []
        self._preformatted = 0

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        if tag == "pre":
            self._preformatted += 1
        if tag in _BLOCKS:
            self._end_block()
        elif tag in _LINES:
            self._current.append("\n")
        elif tag in _CELLS:
            self._current.append("\t")

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._end_block()
        if tag == "pre":
            self._preformatted -= 1

    def handle_data(self, data: str) -> None:
        self._current.append(data if self._preformatted else _single_blanks(data))

    def text(self) -> str:
        self._end_block()
        return "\n\n".join(self._blocks)

    def _end_block(self) -> None:
        whole = "".join(self._current)
        self._current = []
        if not self._preformatted:
            lines = (_line(line) for line in whole.split("\n"))
            whole = "\n".join(line for line in lines if line.strip())
        if whole.strip():
            self._blocks.append(whole.strip("\n"))


def _single_blanks(text: str) -> str:
    # Looking for a few characters is much faster than for a pattern, and most text has none.
    if "  " in text or any(blank in text for blank in "\t\n\r\f"):
        return _BLANK_RUN.sub(" ", text)
    return text


def _line(text: str) -> str:
    """A line without the blanks of the markup. Every cell of a table row begins with a tab."""
    before, *cells = (
        (_BLANKS.sub(" ", part) if "  " in part else part).strip(" ") for part in text.split("\t")
    )
    return "\t".join(cells if cells and not before else [before, *cells])
