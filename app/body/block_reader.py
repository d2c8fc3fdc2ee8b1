"""From sanitised HTML to blocks. Pure."""

import re
from html.parser import HTMLParser
from typing import Any

from app.body.blocks import MARKS, Mark, text_of

DEPTH_MAX = 8
"""Lists, quotes and tables within each other; what is deeper stands in the deepest of them."""
_Json = dict[str, Any]
_BLANK_RUN = re.compile(r"[ \t\n\r\f]+")
_HEADINGS = {f"h{level}": level for level in range(2, 7)}
_TEXTS = {"p", "div", "dl", "dt", "dd", "pre", *_HEADINGS}
_MEDIA = {"iframe": "frame", "video": "video", "audio": "audio"}
_CAPTIONED = ("image", "embed", "table")


def blocks_of(clean: str) -> list[_Json]:
    """The blocks of sanitised HTML: all its text, links, pictures, lists, quotes and tables, in order."""
    reader = _BlockReader()
    reader.feed(clean)
    reader.close()
    return reader.blocks()


class _Box:
    """What is open: its element, the block that it makes, if any, and the blocks that it holds.

    A list's and a table's blocks are in its items and cells; `caption` is what stands below it.
    """

    __slots__ = ("blocks", "caption", "made", "tag")

    def __init__(self, tag: str, blocks: list[_Json], made: _Json | None = None) -> None:
        self.tag = tag
        self.blocks = blocks
        self.made = made
        self.caption: list[_Json] = []

    @property
    def kind(self) -> str | None:
        return self.made["type"] if self.made else None

    def add(self, block: _Json) -> None:
        if self.made is None or self.kind == "quote":
            self.blocks.append(block)
        elif self.kind == "list":
            self.made["items"].append([block])
        else:
            self.made["rows"].append([{"blocks": [block]}])


class _BlockReader(HTMLParser):
    """Takes the elements as they come: sanitised HTML is nested as it should be."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._boxes = [_Box("", [])]
        self._spans: list[_Json] = []
        self._marks: dict[Mark, int] = {}
        """Those that are open, and how often."""
        self._links: list[str] = []
        self._titles: list[str] = []
        self._level = self._preformatted = 0
        self._is_term = self._begins = False

    def blocks(self) -> list[_Json]:
        self._end_text()
        while len(self._boxes) > 1:
            self._close(self._boxes[-1].tag)
        return self._boxes[0].blocks

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag in MARKS:
            mark = MARKS[tag]
            self._marks[mark] = self._marks.get(mark, 0) + 1
            if tag == "abbr":
                self._titles.append(attributes.get("title", ""))
        elif tag == "a":
            self._links.append(attributes.get("href", ""))
        elif tag == "br":
            self._spans.append(self._span("\n"))
        elif tag == "img":
            self._add_media(_image(attributes) | self._link())
        elif tag in _MEDIA:
            self._add_media(_embed(tag, attributes) | self._link())
        elif tag == "hr":
            self._end_text()
            self._boxes[-1].add({"type": "divider"})
        elif tag in _TEXTS:
            self._end_text()
            self._level = _HEADINGS.get(tag, 0)
            self._preformatted += tag == "pre"
            self._begins = tag == "pre"
            self._is_term = tag == "dt"
        elif tag in _BOXES:
            self._end_text()
            self._open(tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        if tag in MARKS:
            self._end_mark(MARKS[tag])
            if tag == "abbr" and self._titles:
                self._titles.pop()
        elif tag == "a":
            if self._links:
                self._links.pop()
        elif tag in _TEXTS:
            self._end_text()
            self._level, self._is_term = 0, False
            self._preformatted -= tag == "pre"
        elif tag in _BOXES:
            self._end_text()
            self._close(tag)

    def handle_data(self, data: str) -> None:
        if self._preformatted:
            # The first line break in it is markup.
            text = data.removeprefix("\n") if self._begins else data
        else:
            text = _BLANK_RUN.sub(" ", data)
        self._begins = False
        self._spans.append(self._span(text))

    def _end_mark(self, mark: Mark) -> None:
        if self._marks.get(mark, 0) > 1:
            self._marks[mark] -= 1
        else:
            self._marks.pop(mark, None)

    def _span(self, text: str) -> _Json:
        marks = [*self._marks]
        if self._preformatted and "code" in marks:
            marks.remove("code")  # as Markdown is rendered; the block says so
        if self._is_term and "strong" not in marks:
            marks.insert(0, "strong")
        made: _Json = {"text": text}
        if marks:
            made["marks"] = marks
        if "abbreviation" in marks and self._titles[-1:] > [""]:
            made["title"] = self._titles[-1]
        return made | self._link()

    def _link(self) -> _Json:
        return {"href": self._links[-1]} if self._links[-1:] > [""] else {}

    def _end_text(self) -> None:
        """Makes a block of the text that came since the last one."""
        spans = _joined(self._spans, keeps_blanks=self._preformatted > 0)
        self._spans = []
        if not spans:
            return
        block: _Json = {"type": "paragraph", "content": spans}
        if self._preformatted:
            block["type"] = "code"
        elif self._level:
            block = {"type": "heading", "level": self._level, "content": spans}
        self._boxes[-1].add(block)

    def _add_media(self, block: _Json) -> None:
        # It stands by itself, and the text around it is two paragraphs.
        self._end_text()
        if block["url"]:
            self._boxes[-1].add(block)

    def _open(self, tag: str, attributes: dict[str, str]) -> None:
        outer = self._boxes[-1]
        box = _Box(tag, outer.blocks, outer.made)  # for a part of a table: the table's
        if tag in ("figure", "figcaption", "caption"):
            box = _Box(tag, [])
        elif tag in _NESTED:
            if sum(one.tag in _NESTED for one in self._boxes) < DEPTH_MAX:
                made = _NESTED[tag](tag, attributes)
                box = _Box(tag, made.get("blocks", []), made)
        elif tag == "li" and outer.kind == "list" and outer.made:
            box = _Box(tag, [])
            outer.made["items"].append(box.blocks)
        elif tag == "tr" and outer.kind == "table" and outer.made:
            outer.made["rows"].append([])
        elif tag in ("td", "th") and outer.kind == "table" and outer.made and outer.made["rows"]:
            box = _Box(tag, [])
            outer.made["rows"][-1].append(_cell(tag, attributes, box.blocks))
        self._boxes.append(box)

    def _close(self, tag: str) -> None:
        for place in range(len(self._boxes) - 1, 0, -1):
            if self._boxes[place].tag == tag:
                while len(self._boxes) > place:
                    self._end_box(self._boxes.pop(), self._boxes[-1])
                return

    def _end_box(self, box: _Box, outer: _Box) -> None:
        if box.tag in ("figcaption", "caption"):
            outer.caption += box.blocks
            return
        blocks: list[_Json] = []
        if box.tag == "figure":
            blocks = _as_embed(box.blocks)
        elif box.made is not None and box.made is not outer.made:
            blocks = _unless_empty(box.made)
        if box.caption and box.made is not None and box.made is outer.made:
            outer.caption += box.caption
            return
        for block in _captioned(blocks, box.caption):
            outer.add(block)


def _quote(_tag: str, _attributes: dict[str, str]) -> _Json:
    return {"type": "quote", "blocks": []}


def _list(tag: str, attributes: dict[str, str]) -> _Json:
    block: _Json = {"type": "list", "ordered": tag == "ol"}
    start = _whole(attributes.get("start", ""))
    if tag == "ol" and start is not None:
        block["start"] = start
    if tag == "ol" and "reversed" in attributes:
        block["reversed"] = True
    return block | {"items": []}


def _table(_tag: str, _attributes: dict[str, str]) -> _Json:
    return {"type": "table", "rows": []}


def _cell(tag: str, attributes: dict[str, str], blocks: list[_Json]) -> _Json:
    cell: _Json = {"blocks": blocks}
    if tag == "th":
        cell["header"] = True
    for name in ("colspan", "rowspan"):
        if (number := _whole(attributes.get(name, ""))) is not None and number > 1:
            cell[name] = number
    return cell


_NESTED = {"blockquote": _quote, "ul": _list, "ol": _list, "table": _table}
_BOXES = {
    *_NESTED, "caption", "figcaption", "figure", "li", "tbody", "td", "tfoot", "th", "thead", "tr",
}  # fmt: skip


def _unless_empty(block: _Json) -> list[_Json]:
    if block["type"] == "quote":
        return [block] if block["blocks"] else []
    member = "items" if block["type"] == "list" else "rows"
    if not block.get("ordered") or not any(block[member]):  # what is empty has its number too
        block[member] = [one for one in block[member] if one]
    return [block] if block[member] else []


def _joined(spans: list[_Json], *, keeps_blanks: bool) -> list[_Json]:
    """Spans without the blanks that no page shows; those that look the same are one."""
    made: list[_Json] = []
    ends_blank = True
    for span in spans:
        text = span["text"]
        if not keeps_blanks:
            if text == "\n":
                _strip_end(made)
                ends_blank = True
            elif ends_blank and text.startswith(" "):
                text = text[1:]
            if not text:
                continue
            ends_blank = text[-1] in " \n"
        if made and all(
            made[-1].get(name) == span.get(name) for name in ("marks", "href", "title")
        ):
            made[-1]["text"] += text
        else:
            made.append({**span, "text": text})
    if keeps_blanks:
        _strip_end(made, "\n")
    else:
        _strip_end(made, " \n")
        _strip_start(made)
    return made


def _strip_end(spans: list[_Json], blanks: str = " ") -> None:
    while spans:
        spans[-1]["text"] = spans[-1]["text"].rstrip(blanks)
        if spans[-1]["text"]:
            return
        spans.pop()


def _strip_start(spans: list[_Json]) -> None:
    while spans:
        spans[0]["text"] = spans[0]["text"].lstrip(" \n")
        if spans[0]["text"]:
            return
        del spans[0]


def _image(attributes: dict[str, str]) -> _Json:
    alt = attributes.get("alt", "")
    made = {"type": "image", "url": attributes.get("src", "").strip()} | (
        {"alt": alt} if alt else {}
    )
    return made | _size(attributes)


def _embed(tag: str, attributes: dict[str, str]) -> _Json:
    made: _Json = {
        "type": "embed",
        "kind": _MEDIA[tag],
        "url": attributes.get("src", "").strip(),
    }
    made |= {name: attributes[name] for name in ("title", "poster") if attributes.get(name)}
    return made | _size(attributes)


def _size(attributes: dict[str, str]) -> _Json:
    sizes = {name: _whole(attributes.get(name, "")) for name in ("width", "height")}
    return {name: size for name, size in sizes.items() if size and size > 0}


def _whole(text: str) -> int | None:
    text = text.strip().removesuffix("px")
    return int(text) if re.fullmatch(r"-?[0-9]{1,6}", text) else None


def _as_embed(blocks: list[_Json]) -> list[_Json]:
    """A figure that shows nothing but one link stands for what is there."""
    if len(blocks) != 1 or blocks[0]["type"] != "paragraph":
        return blocks
    content = blocks[0]["content"]
    addresses = {span.get("href") for span in content}
    if len(addresses) != 1 or not (address := addresses.pop()):
        return blocks
    title = " ".join(text_of(content).split())
    made = {"type": "embed", "kind": "link", "url": address}
    return [made | ({"title": title} if title != address else {})]


def _captioned(blocks: list[_Json], caption: list[_Json]) -> list[_Json]:
    """A figure's blocks with its caption: that of what is shown, where there is one of it."""
    shown = [block for block in blocks if block["type"] in _CAPTIONED]
    if len(shown) != 1 or shown[0].get("caption"):
        return [*blocks, *caption]
    after: list[_Json] = []
    _caption(shown[0], caption, after)
    return [*blocks, *after]


def _caption(block: _Json, caption: list[_Json], otherwise: list[_Json]) -> None:
    """Gives a block its caption; what of it is no text stands after it."""
    texts = [one["content"] for one in caption if one["type"] in ("paragraph", "heading", "code")]
    rest = [one for one in caption if one["type"] not in ("paragraph", "heading", "code")]
    spans: list[_Json] = []
    for content in texts:
        spans += [{"text": "\n"}, *content] if spans else content
    if spans:
        block["caption"] = spans
    otherwise.extend(rest)
