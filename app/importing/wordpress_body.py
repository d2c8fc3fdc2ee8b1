"""A WordPress post's content as HTML: blocks, shortcodes, and paragraphs that no markup says. Pure."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

# What is looked for up to an end stops where the next begins, so that no text takes long.
_BLOCK_COMMENT = re.compile(r"<!--\s*/?wp:(?:(?!<!--).)*?-->", re.DOTALL)
_EMBED_BLOCK = re.compile(
    r"<figure(?=[^<>]*wp-block-embed)[^<>]*>\s*<div[^<>]*>\s*(?P<url>https?://[^\s<]+)\s*</div>"
    r"(?P<rest>(?:(?!<figure).)*?)</figure>",
    re.DOTALL,
)
_SHORTCODE = re.compile(
    r"\[(?P<name>caption|wp_caption|gallery|embed|audio|video|playlist|youtube|vimeo|more)"
    r"(?P<attributes>(?:\s[^\[\]]*)?)\](?:(?P<inner>(?:(?!\[(?P=name)\b).)*?)\[/(?P=name)\])?",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"""(?<![a-z0-9_])([a-z0-9_]{1,40})\s{0,20}=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))"""
)
_SOURCES = ("src", "mp4", "m4v", "webm", "ogv", "mp3", "m4a", "ogg", "wav")
_LONE_ADDRESS = re.compile(r"^[ \t]*(https?://[^\s<>\"]+)[ \t]*$", re.MULTILINE)
_BLOCK_TAGS = (
    r"(?:address|article|aside|blockquote|dd|details|div|dl|dt|fieldset|figcaption|figure|footer|form|"
    r"h[1-6]|header|hr|iframe|li|main|nav|object|ol|p|pre|section|script|style|summary|table|tbody|td|"
    r"tfoot|th|thead|tr|ul|video|audio)"
)
_BLOCK = re.compile(rf"(</?{_BLOCK_TAGS}\b[^<>]*>)", re.IGNORECASE)
_BLOCK_START = re.compile(rf"</?{_BLOCK_TAGS}\b", re.IGNORECASE)
_PRE = re.compile(r"(<pre\b(?:(?!<pre\b).)*?</pre>)", re.DOTALL | re.IGNORECASE)
_PICTURE = re.compile(r"(?:<a\b[^<>]*>\s*)?<img\b[^<>]*>(?:\s*</a>)?", re.IGNORECASE)


class Picture(NamedTuple):
    url: str
    caption: str | None
    alt: str | None


def body_html(content: str, pictures: Mapping[str, Picture], attached: Sequence[Picture]) -> str:
    """The content as it is shown. `pictures` are the site's own by their ids; those `attached` to
    the post are in a gallery that names none."""
    has_blocks = "<!-- wp:" in content
    made = _EMBED_BLOCK.sub(lambda one: _link_figure(one["url"], one["rest"]), content)
    made = _BLOCK_COMMENT.sub("", made)
    made = _SHORTCODE.sub(lambda one: _shortcode(one, pictures, attached), made)
    made = _LONE_ADDRESS.sub(lambda one: _link_figure(one[1]), made)
    # In blocks, a line that ends is no line break.
    return _with_paragraphs(made, "\n" if has_blocks else "<br>")


def _with_paragraphs(content: str, line_break: str) -> str:
    """Blank lines part paragraphs, and lines break, where no markup says so (`wpautop`)."""
    parts = _PRE.split(content.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(
        part if place % 2 else _paragraphs(part, line_break) for place, part in enumerate(parts)
    )


def _paragraphs(text: str, line_break: str) -> str:
    apart = _BLOCK.sub(r"\n\n\1\n\n", text)
    made = []
    for piece in re.split(r"\n\s*\n", apart):
        said = piece.strip()
        if not said:
            continue
        # What stands within a box that is open is a paragraph of it as well.
        made.append(
            said if _BLOCK_START.match(said) else f"<p>{said.replace(chr(10), line_break)}</p>"
        )
    return _unwrapped("\n".join(made))


_IN_CELL = re.compile(
    r"(<(?:li|td|th|dt|dd|figcaption|h[1-6]|p|summary)\b[^<>]*>)\n<p>((?:(?!</?p>).)*)</p>\n(?=</)",
    re.DOTALL | re.IGNORECASE,
)


def _unwrapped(made: str) -> str:
    """One line of text alone in an item, a cell or a heading is no paragraph."""
    return _IN_CELL.sub(r"\1\2", made)


def _shortcode(
    found: re.Match[str], pictures: Mapping[str, Picture], attached: Sequence[Picture]
) -> str:
    name, inner = found["name"], (found["inner"] or "").strip()
    attributes = {
        one[1]: one[2] or one[3] or one[4] or "" for one in _ATTRIBUTE.finditer(found["attributes"])
    }
    match name:
        case "caption" | "wp_caption":
            shown = _PICTURE.search(inner)
            if shown is None:
                return inner
            caption = attributes.get("caption") or inner[shown.end() :].strip()
            return _figure(shown[0], caption)
        case "gallery":
            ids = re.findall(r"\d+", attributes.get("ids", "") or attributes.get("include", ""))
            chosen = [pictures[one] for one in ids if one in pictures] if ids else attached
            return "".join(map(_own_picture, chosen))
        case "embed" | "youtube" | "vimeo":
            url = inner or found["attributes"].strip().lstrip("=")
            if name == "vimeo" and url.isdigit():
                url = f"https://vimeo.com/{url}"
            return _link_figure(url) if url.startswith("http") else inner
        case "audio" | "video":
            told = (attributes[one] for one in _SOURCES if attributes.get(one))
            source = next(told, inner)
            return f'\n<{name} src="{escape(source)}"></{name}>\n' if source else ""
        case _:
            return ""


def _own_picture(picture: Picture) -> str:
    return _figure(
        f'<img src="{escape(picture.url)}" alt="{escape(picture.alt or "")}">',
        picture.caption or "",
    )


def _figure(shown: str, caption: str) -> str:
    return f"\n<figure>{shown}{caption and f'<figcaption>{caption}</figcaption>'}</figure>\n"


def _link_figure(url: str, rest: str = "") -> str:
    """What another site shows, as a figure of one link, which every form of a body takes for that."""
    address = escape(url.replace("&amp;", "&").replace("&#038;", "&"))
    return f'\n<figure><a href="{address}">{address}</a>{rest}</figure>\n'
