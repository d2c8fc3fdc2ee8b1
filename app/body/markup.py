"""Blocks as HTML, each on one line. Pure."""

import html
from collections.abc import Sequence
from typing import Any

from app.body.blocks import MARKS, Mark

_Json = dict[str, Any]
_ELEMENTS: dict[Mark, str] = {mark: tag for tag, mark in reversed(MARKS.items())}


def html_of(block: _Json) -> str:
    """A block as HTML on one line, so that no blank line ends it."""
    kind, caption = block["type"], inline_html(block.get("caption", []))
    if kind == "paragraph":
        return f"<p>{inline_html(block['content'])}</p>"
    if kind == "heading":
        return f"<h{block['level']}>{inline_html(block['content'])}</h{block['level']}>"
    if kind == "code":
        return f"<pre>{inline_html(block['content'], line_break='&#10;')}</pre>"
    if kind == "divider":
        return "<hr>"
    if kind == "quote":
        return f"<blockquote>{''.join(map(html_of, block['blocks']))}</blockquote>"
    if kind == "list":
        items = "".join(f"<li>{''.join(map(html_of, item))}</li>" for item in block["items"])
        start = f' start="{block["start"]}"' if "start" in block else ""
        order = f"{start} reversed" if block.get("reversed") else start
        return f"<ol{order}>{items}</ol>" if block["ordered"] else f"<ul>{items}</ul>"
    if kind == "table":
        rows = "".join(f"<tr>{''.join(map(_cell_html, row))}</tr>" for row in block["rows"])
        return f"<table>{caption and f'<caption>{caption}</caption>'}{rows}</table>"
    shown = _image_html(block) if kind == "image" else embed_html(block)
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>" if caption else shown


def _cell_html(cell: _Json) -> str:
    tag = "th" if cell.get("header") else "td"
    spans = "".join(f' {name}="{cell[name]}"' for name in ("colspan", "rowspan") if name in cell)
    return f"<{tag}{spans}>{''.join(map(html_of, cell['blocks']))}</{tag}>"


def _image_html(block: _Json) -> str:
    names = {"url": "src", "alt": "alt", "width": "width", "height": "height"}
    return _linked(block, f"<img{_attributes(block, names)}>")


def embed_html(block: _Json) -> str:
    if block["kind"] == "link":
        link = _attributes({"href": block["url"]}, {"href": "href"})
        title = html.escape(block.get("title") or block["url"])
        return f"<figure><a{link}>{title}</a></figure>"
    tag = "iframe" if block["kind"] == "frame" else block["kind"]
    names = {name: name for name in ("title", "poster", "width", "height")}
    return _linked(block, f"<{tag}{_attributes(block, {'url': 'src', **names})}></{tag}>")


def _linked(block: _Json, shown: str) -> str:
    return f"<a{_attributes(block, {'href': 'href'})}>{shown}</a>" if "href" in block else shown


def _attributes(values: _Json, names: dict[str, str]) -> str:
    return "".join(
        f' {name}="{html.escape(" ".join(str(values[key]).split()))}"'
        for key, name in names.items()
        if key in values
    )


def inline_html(spans: Sequence[_Json], *, line_break: str = "<br>") -> str:
    parts = []
    for span in spans:
        text = html.escape(span["text"], quote=False)
        marked = marked_html(span, text.replace("\n", line_break))
        href = span.get("href")
        parts.append(f"<a{_attributes(span, {'href': 'href'})}>{marked}</a>" if href else marked)
    return "".join(parts)


def marked_html(span: _Json, text: str) -> str:
    for mark in reversed(span.get("marks", [])):
        tag = _ELEMENTS[mark]
        title = _attributes(span, {"title": "title"}) if mark == "abbreviation" else ""
        text = f"<{tag}{title}>{text}</{tag}>"
    return text
