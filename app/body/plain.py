"""The body as plain text that leaves nothing out: also where links lead, and what is shown. Pure."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from app.body.blocks import text_of

_Json = dict[str, Any]


def plain_text_of(blocks: Sequence[_Json]) -> str:
    """The blocks as lines, with a blank line between them and a line break at the end."""
    written = _blocks(blocks)
    return f"{written}\n" if written else ""


def _blocks(blocks: Sequence[_Json]) -> str:
    return "\n\n".join(_WRITERS[block["type"]](block) for block in blocks)


def _text(spans: Sequence[_Json]) -> str:
    """Text, with the address of a link behind its words."""
    parts = []
    for href, some in groupby(spans, key=lambda span: span.get("href", "")):
        words = text_of(list(some))
        parts.append(f"{words} <{href}>" if href and href != words else words)
    return "".join(parts)


def _paragraph(block: _Json) -> str:
    return _text(block["content"])


def _list(block: _Json) -> str:
    step = -1 if block.get("reversed") else 1
    first = block.get("start", len(block["items"]) if step < 0 else 1)
    items = []
    for place, item in enumerate(block["items"]):
        sign = f"{first + step * place}." if block["ordered"] else "-"
        items.append(_indented(_blocks(item), f"{sign} ", " " * (len(sign) + 1)))
    return "\n".join(items)


def _quote(block: _Json) -> str:
    return _indented(_blocks(block["blocks"]), "> ", "> ")


def _image(block: _Json) -> str:
    return _shown("Image", block.get("alt", ""), block)


def _embed(block: _Json) -> str:
    return _shown(block["kind"].capitalize(), block.get("title", ""), block)


def _shown(kind: str, words: str, block: _Json) -> str:
    addresses = " ".join(f"<{block[name]}>" for name in ("url", "href") if name in block)
    line = f"[{kind}: {words} {addresses}]" if words else f"[{kind}: {addresses}]"
    return _captioned(line, block)


def _captioned(shown: str, block: _Json) -> str:
    return f"{shown}\n{_text(block['caption'])}" if "caption" in block else shown


def _code(block: _Json) -> str:
    return _indented(_text(block["content"]), "    ", "    ")


def _table(block: _Json) -> str:
    rows = [
        "\t".join(" ".join(_blocks(cell["blocks"]).split()) for cell in row)
        for row in block["rows"]
    ]
    return _captioned("\n".join(rows), block)


def _divider(_block: _Json) -> str:
    return "* * *"


_WRITERS: dict[str, Callable[[_Json], str]] = {
    "paragraph": _paragraph, "heading": _paragraph, "list": _list, "quote": _quote, "image": _image,
    "embed": _embed, "code": _code, "table": _table, "divider": _divider,
}  # fmt: skip


def _indented(text: str, first: str, others: str) -> str:
    lines = text.split("\n")
    return "\n".join(
        f"{others if place else first}{line}".rstrip() for place, line in enumerate(lines)
    )
