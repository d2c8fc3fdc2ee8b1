"""The body as Markdown (CommonMark, tables as GitHub writes them). Pure.

What Markdown has no sign for, a film, a table whose cells span others, a word that is set in two
ways, is written as the HTML that CommonMark lets through. Rendered again, it says the same.
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from app.body.blocks import Mark, text_of
from app.body.markup import embed_html, html_of, marked_html

_Json = dict[str, Any]
_SIGNS: dict[Mark, str] = {"strong": "**", "emphasis": "*", "strikethrough": "~~"}
_SPECIAL = re.compile(r"[\\`*_\[\]<>&~|#]|!\Z")
_AT_LINE_START = re.compile(r"^(?:([-+=])|(\d{1,9})([.)]))", re.MULTILINE)
_UNSAFE_IN_ADDRESS = re.compile(r"[\s<>()\[\]\\`|\"&]")


def markdown_of(blocks: Sequence[_Json]) -> str:
    """The blocks as Markdown, with a line break at its end unless there are none."""
    written = _blocks(blocks)
    return f"{written}\n" if written else ""


def _blocks(blocks: Sequence[_Json]) -> str:
    parts: list[str] = []
    for place, block in enumerate(blocks):
        if place and block["type"] == "list" == blocks[place - 1]["type"]:
            parts.append("<!-- -->")  # else the two would be one
        parts.append(_block(block))
    return "\n\n".join(parts)


def _paragraph(block: _Json) -> str:
    return _at_line_starts(_inline(block["content"], "\\\n"))


def _heading(block: _Json) -> str:
    return f"{'#' * block['level']} {_inline(block['content'], '<br>')}"


def _list(block: _Json) -> str:
    number = block.get("start", 1)
    if block.get("reversed") or number < 0:
        return html_of(block)
    items = []
    for item in block["items"]:
        sign = f"{number}." if block["ordered"] else "-"
        number += 1
        indent = " " * (len(sign) + 1)
        text = _blocks(item) if not _is_tight(item) else "\n".join(map(_block, item))
        items.append(f"{sign} {_indented(text, indent)}".rstrip(" "))
    between = "\n" if all(map(_is_tight, block["items"])) else "\n\n"
    return between.join(items)


def _is_tight(item: Sequence[_Json]) -> bool:
    """Whether an item is a line of text, and a list of such below it at most."""
    if not item or item[0]["type"] != "paragraph" or len(item) > 2:
        return False
    below = item[1:]
    return all(
        one["type"] == "list"
        and not one.get("reversed")
        and all(map(_is_tight, one["items"]))
        # Only a list that begins with 1 may follow a line of text.
        and (not one["ordered"] or one.get("start", 1) == 1)
        for one in below
    )


def _quote(block: _Json) -> str:
    lines = _blocks(block["blocks"]).split("\n")
    return "\n".join(f"> {line}" if line else ">" for line in lines)


def _image(block: _Json) -> str:
    shown = f"![{_escaped(' '.join(block.get('alt', '').split()))}]({_address(block['url'])})"
    if block.get("href"):
        shown = f"[{shown}]({_address(block['href'])})"
    return _with_caption(shown, block)


def _embed(block: _Json) -> str:
    return _with_caption(embed_html(block), block)


def _with_caption(shown: str, block: _Json) -> str:
    caption = block.get("caption")
    return f"{shown}\n\n{_paragraph({'content': caption})}" if caption else shown


def _code(block: _Json) -> str:
    content = block["content"]
    if any(span.keys() > {"text"} for span in content):
        return html_of(block)
    text = text_of(content)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _table(block: _Json) -> str:
    rows = block["rows"]
    if not _is_plain(rows):
        return html_of(block)
    head, *others = [[_cell(cell) for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *others]
    written = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return _with_caption(written, block)


def _is_plain(rows: Sequence[Sequence[_Json]]) -> bool:
    """Whether a table is a head and rows below it, each cell a line of text."""
    return (
        all(cell.get("header") for cell in rows[0])
        and not any(cell.get("header") for row in rows[1:] for cell in row)
        and len({len(row) for row in rows}) == 1
        and not any(cell.keys() & {"colspan", "rowspan"} for row in rows for cell in row)
        and all(
            len(cell["blocks"]) <= 1 and all(one["type"] == "paragraph" for one in cell["blocks"])
            for row in rows
            for cell in row
        )
        # A table of one empty column would be a line of signs.
        and any(cell["blocks"] for cell in rows[0])
    )


def _cell(cell: _Json) -> str:
    return _inline(cell["blocks"][0]["content"], "<br>") if cell["blocks"] else ""


def _divider(_block: _Json) -> str:
    return "***"


def _block(block: _Json) -> str:
    return _WRITERS[block["type"]](block)


_WRITERS = {
    "paragraph": _paragraph, "heading": _heading, "list": _list, "quote": _quote, "image": _image,
    "embed": _embed, "code": _code, "table": _table, "divider": _divider,
}  # fmt: skip


def _indented(text: str, indent: str) -> str:
    first, *others = text.split("\n")
    return "\n".join([first, *(f"{indent}{line}" if line else "" for line in others)])


def _inline(spans: Sequence[_Json], line_break: str) -> str:
    """Spans on lines of a paragraph. `line_break` stands where a line ends."""
    parts = []
    for href, some in groupby(spans, key=lambda span: span.get("href", "")):
        linked = list(some)
        text = "".join(_span(span, _neighbours(linked, place)) for place, span in enumerate(linked))
        parts.append(f"[{text}]({_address(href)})" if href else text)
    # At its ends a break would be a sign of its own; what is blank is more than Markdown takes for it.
    return "".join(parts).strip().replace("\n", line_break)


def _neighbours(spans: Sequence[_Json], place: int) -> tuple[str, str]:
    """The signs beside a span, before and after it: a blank where nothing stands, nothing where
    what stands there has signs of its own."""

    def beside(other: int, sign: int) -> str:
        if not 0 <= other < len(spans):
            return " "
        at = spans[other]["text"][sign]
        return at if at.isspace() or not spans[other].get("marks") else ""

    return beside(place - 1, -1), beside(place + 1, 0)


def _span(span: _Json, beside: tuple[str, str]) -> str:
    text, marks = span["text"], span.get("marks", [])
    if not marks or not text.strip():
        return _escaped(text)
    if marks == ["code"] and (code := _code_span(text)):
        return code
    inner = text.strip()
    before, after = text[: text.index(inner)], text[text.index(inner) + len(inner) :]
    sign = _SIGNS.get(marks[0]) if len(marks) == 1 and "\n" not in inner else None
    if (
        sign
        and _opens(before[-1:] or beside[0], inner[0])
        and _opens(after[:1] or beside[1], inner[-1])
    ):
        return f"{before}{sign}{_escaped(inner)}{sign}{after}"
    return marked_html(span, _escaped(text))


def _opens(outer: str, inner: str) -> bool:
    """Whether signs between these two characters are read as such (CommonMark 0.31, section 6.2):
    beside a letter, or between a blank or punctuation and punctuation."""
    return outer != "" and (inner.isalnum() or outer.isspace() or _is_punctuation(outer))


def _is_punctuation(sign: str) -> bool:
    return unicodedata.category(sign)[0] in "PS"


def _code_span(text: str) -> str | None:
    if "\n" in text or "|" in text or text != text.strip():
        return None
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _at_line_starts(text: str) -> str:
    """Text whose lines begin with no sign that makes a list or a heading of them."""
    return _AT_LINE_START.sub(
        lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", text
    )


def _address(url: str) -> str:
    return _UNSAFE_IN_ADDRESS.sub(
        lambda found: "&amp;" if found[0] == "&" else _percent(found[0]), url
    )


def _percent(sign: str) -> str:
    return "".join(f"%{byte:02X}" for byte in sign.encode())
