"""What Ghost's editors keep, Lexical and Mobiledoc, as HTML. Pure.

Cards that only a site of Ghost's can show, such as a form to sign up, leave nothing behind.
"""

import json
from collections.abc import Callable
from html import escape
from typing import Any

_Json = dict[str, Any]
_FORMATS = (
    (1, "strong"),
    (2, "em"),
    (4, "s"),
    (8, "u"),
    (16, "code"),
    (32, "sub"),
    (64, "sup"),
    (128, "mark"),
)
"""Bits of a Lexical text's `format`."""
DEPTH_MAX = 50


def lexical_html(source: str) -> str:
    """A document of Ghost 5 and later; nothing for what is none."""
    document = _document(source)
    root = document.get("root") if document else None
    return _children(root, 0) if isinstance(root, dict) else ""


def _children(node: _Json, depth: int) -> str:
    children = node.get("children")
    if depth > DEPTH_MAX or not isinstance(children, list):
        return ""
    return "".join(_node(one, depth + 1) for one in children if isinstance(one, dict))


def _node(node: _Json, depth: int) -> str:
    kind = node.get("type")
    if kind in ("text", "extended-text"):
        return _formatted(escape(_text(node, "text"), quote=False), node.get("format"))
    if kind == "linebreak":
        return "<br>"
    inner = _children(node, depth)
    match kind:
        case "paragraph":
            return f"<p>{inner}</p>"
        case "heading" | "extended-heading":
            tag = _text(node, "tag")
            return f"<{tag}>{inner}</{tag}>" if tag in _HEADINGS else f"<h2>{inner}</h2>"
        case "list":
            return f"<ol>{inner}</ol>" if node.get("listType") == "number" else f"<ul>{inner}</ul>"
        case "listitem":
            return f"<li>{inner}</li>"
        case "quote" | "extended-quote" | "aside":
            return f"<blockquote><p>{inner}</p></blockquote>"
        case "link" | "autolink":
            return f'<a href="{escape(_text(node, "url"))}">{inner}</a>'
        case _:
            return _card(str(kind), node) or inner


_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}


def _formatted(text: str, bits: Any) -> str:
    for bit, tag in _FORMATS:
        if isinstance(bits, int) and bits & bit:
            text = f"<{tag}>{text}</{tag}>"
    return text


def mobiledoc_html(source: str) -> str:
    """A document of Ghost 1 to 4; nothing for what is none."""
    document = _document(source)
    if document is None:
        return ""
    sections = document.get("sections")
    reader = _Mobiledoc(document)
    return "".join(map(reader.section, sections if isinstance(sections, list) else []))


class _Mobiledoc:
    def __init__(self, document: _Json) -> None:
        self._markups = _list(document.get("markups"))
        self._atoms = _list(document.get("atoms"))
        self._cards = _list(document.get("cards"))

    def section(self, section: Any) -> str:
        match section:
            case [1, str(tag), list(markers), *_]:
                return self._markup_section(tag, markers)
            case [2, str(url), *_]:
                return f'<img src="{escape(url)}">'
            case [3, str(tag), list(items), *_]:
                tag = "ol" if tag == "ol" else "ul"
                return f"<{tag}>{''.join(f'<li>{self._markers(_list(one))}</li>' for one in items)}</{tag}>"
            case [10, int(place), *_] if 0 <= place < len(self._cards):
                name, payload, *_ = [*_list(self._cards[place]), "", {}]
                return _card(str(name), payload if isinstance(payload, dict) else {})
        return ""

    def _markup_section(self, tag: str, markers: list[Any]) -> str:
        inner = self._markers(markers)
        if tag in ("blockquote", "aside", "pull-quote"):
            return f"<blockquote><p>{inner}</p></blockquote>"
        return f"<{tag}>{inner}</{tag}>" if tag in _HEADINGS else f"<p>{inner}</p>"

    def _markers(self, markers: list[Any]) -> str:
        parts, opened = [], list[str]()
        for marker in markers:
            match marker:
                case [int(kind), list(opens), int(closes), value, *_]:
                    for place in opens:
                        tag, start = self._markup(place)
                        opened.append(tag)
                        parts.append(start)
                    parts.append(
                        self._atom(value) if kind == 1 else escape(str(value), quote=False)
                    )
                    parts.extend(f"</{opened.pop()}>" for _ in range(min(closes, len(opened))))
        return "".join(parts) + "".join(f"</{tag}>" for tag in reversed(opened))

    def _markup(self, place: Any) -> tuple[str, str]:
        markup = self._markups[place] if place in range(len(self._markups)) else ["span"]
        tag, *rest = [*_list(markup), "span"][: len(_list(markup)) or 1]
        attributes = _list(rest[0]) if rest else []
        if tag == "a" and "href" in attributes[:-1]:
            return "a", f'<a href="{escape(str(attributes[attributes.index("href") + 1]))}">'
        known = tag if tag in ("strong", "b", "em", "i", "u", "s", "code", "sub", "sup") else "span"
        return known, f"<{known}>"

    def _atom(self, place: Any) -> str:
        atom = _list(self._atoms[place]) if place in range(len(self._atoms)) else []
        return (
            "<br>" if atom[:1] == ["soft-return"] else escape(str(atom[1]) if len(atom) > 1 else "")
        )


def _card(kind: str, card: _Json) -> str:
    """The cards of both editors: they have the same names and, mostly, the same members."""
    write = _CARDS.get(kind)
    return write(card) if write else ""


def _figure(shown: str, card: _Json) -> str:
    caption = _text(card, "caption")
    return f"<figure>{shown}{caption and f'<figcaption>{caption}</figcaption>'}</figure>"


def _picture(card: _Json) -> str:
    size = "".join(
        f' {name}="{card[name]}"' for name in ("width", "height") if isinstance(card.get(name), int)
    )
    return f'<img src="{escape(_text(card, "src"))}" alt="{escape(_text(card, "alt"))}"{size}>'


def _image(card: _Json) -> str:
    shown = _picture(card)
    href = _text(card, "href")
    return _figure(f'<a href="{escape(href)}">{shown}</a>' if href else shown, card)


def _gallery(card: _Json) -> str:
    pictures = (one for one in _list(card.get("images")) if isinstance(one, dict))
    return _figure("".join(map(_picture, pictures)), card)


def _embed(card: _Json) -> str:
    code, url = _text(card, "html"), _text(card, "url")
    if "<iframe" in code:
        return _figure(code, card)
    return _figure(f'<a href="{escape(url)}">{escape(url)}</a>', card) + code if url else code


def _bookmark(card: _Json) -> str:
    metadata = card.get("metadata") if isinstance(card.get("metadata"), dict) else card
    title = _text(metadata or {}, "title") or _text(card, "url")
    return _figure(f'<a href="{escape(_text(card, "url"))}">{escape(title)}</a>', card)


def _media(tag: str) -> Callable[[_Json], str]:
    return lambda card: _figure(f'<{tag} src="{escape(_text(card, "src"))}"></{tag}>', card)


def _code(card: _Json) -> str:
    return f"<pre><code>{escape(_text(card, 'code'), quote=False)}</code></pre>"


def _markdown(card: _Json) -> str:
    from app.body.rendering import render

    return render("markdown", _text(card, "markdown")).html


def _callout(card: _Json) -> str:
    return f"<blockquote><p>{_text(card, 'calloutText')}</p></blockquote>"


def _toggle(card: _Json) -> str:
    return f"<h4>{_text(card, 'heading')}</h4>{_text(card, 'content')}"


def _file(card: _Json) -> str:
    title = _text(card, "fileTitle") or _text(card, "fileName") or _text(card, "src")
    return f'<p><a href="{escape(_text(card, "src"))}">{escape(title)}</a> {_text(card, "fileCaption")}</p>'


def _header(card: _Json) -> str:
    return f"<h2>{_text(card, 'header')}</h2><p>{_text(card, 'subheader')}</p>{_button(card)}"


def _product(card: _Json) -> str:
    picture = (
        _figure(_picture({"src": card.get("productImageSrc")}), {})
        if card.get("productImageSrc")
        else ""
    )
    title, said = _text(card, "productTitle"), _text(card, "productDescription")
    button = {"buttonUrl": card.get("productUrl"), "buttonText": card.get("productButton")}
    return f"{picture}<h4>{title}</h4><p>{said}</p>{_button(button)}"


def _call(card: _Json) -> str:
    return f"<p>{_text(card, 'textValue')}</p>{_button(card)}"


def _button(card: _Json) -> str:
    url, said = _text(card, "buttonUrl"), _text(card, "buttonText")
    return f'<p><a href="{escape(url)}">{escape(said)}</a></p>' if url and said else ""


_CARDS: dict[str, Callable[[_Json], str]] = {
    "image": _image, "gallery": _gallery, "embed": _embed, "bookmark": _bookmark,
    "video": _media("video"), "audio": _media("audio"), "html": lambda card: _text(card, "html"),
    "code": _code, "codeblock": _code, "markdown": _markdown, "card-markdown": _markdown,
    "file": _file, "header": _header, "product": _product, "call-to-action": _call,
    "callout": _callout, "toggle": _toggle, "button": _button,
    "hr": lambda _: "<hr>", "horizontalrule": lambda _: "<hr>",
}  # fmt: skip


def _document(source: str) -> _Json | None:
    try:
        document = json.loads(source)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(holder: _Json, name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""
