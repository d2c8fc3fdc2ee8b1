"""A body's blocks and Markdown: examples of use, and that neither loses what the other forms have."""

import json
from collections import Counter
from html.parser import HTMLParser
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from app.body.block_reader import DEPTH_MAX, blocks_of
from app.body.blocks import BLOCKS, BLOCKS_SCHEMA
from app.body.markdown import markdown_of
from app.body.plain import plain_text_of
from app.body.rendering import TooCostly, render

VALIDATOR = Draft202012Validator(BLOCKS_SCHEMA)


def blocks(source: str, body_format: str = "html") -> list[dict[str, Any]]:
    return blocks_of(render(body_format, source).html)


def markdown(source: str) -> str:
    return markdown_of(blocks(source))


def paragraph(*content: Any) -> dict[str, Any]:
    spans = [{"text": one} if isinstance(one, str) else one for one in content]
    return {"type": "paragraph", "content": spans}


PICTURE = '<img src="https://e.org/a.jpg" alt="A river" width="640" height="480">'
FRAME = '<iframe src="https://e.org/player" width="560" title="Film"></iframe>'


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("<p>One</p><p>Two</p>", [paragraph("One"), paragraph("Two")]),
        ("Bare text", [paragraph("Bare text")]),
        ("<h3>Rivers</h3>", [{"type": "heading", "level": 3, "content": [{"text": "Rivers"}]}]),
        (
            "<p>A <strong>b <em>c</em></strong>\n <a href='/d'>d</a></p>",
            [
                paragraph(
                    "A ",
                    {"text": "b ", "marks": ["strong"]},
                    {"text": "c", "marks": ["strong", "emphasis"]},
                    " ",
                    {"text": "d", "href": "/d"},
                )
            ],
        ),
        ("<p>One<br>two <br> three<br></p>", [paragraph("One\ntwo\nthree")]),
        (
            '<p><abbr title="metres">m</abbr></p>',
            [paragraph({"text": "m", "marks": ["abbreviation"], "title": "metres"})],
        ),
        (
            "<ul><li>a<ol start=3 reversed><li>b</ol><li><p>c</p><p>d</p></ul>",
            [
                {
                    "type": "list",
                    "ordered": False,
                    "items": [
                        [
                            paragraph("a"),
                            {
                                "type": "list",
                                "ordered": True,
                                "start": 3,
                                "reversed": True,
                                "items": [[paragraph("b")]],
                            },
                        ],
                        [paragraph("c"), paragraph("d")],
                    ],
                }
            ],
        ),
        (
            "<blockquote><p>q</p></blockquote>",
            [{"type": "quote", "blocks": [paragraph("q")]}],
        ),
        (
            f"<figure><a href='/f'>{PICTURE}</a><figcaption>At <b>dawn</b></figcaption></figure>",
            [
                {
                    "type": "image",
                    "url": "https://e.org/a.jpg",
                    "alt": "A river",
                    "width": 640,
                    "height": 480,
                    "href": "/f",
                    "caption": [{"text": "At "}, {"text": "dawn", "marks": ["strong"]}],
                }
            ],
        ),
        (
            f"<p>before {PICTURE} after</p>",
            [
                paragraph("before"),
                {
                    "type": "image",
                    "url": "https://e.org/a.jpg",
                    "alt": "A river",
                    "width": 640,
                    "height": 480,
                },
                paragraph("after"),
            ],
        ),
        (
            f"<figure>{FRAME}<figcaption>Seen</figcaption></figure>",
            [
                {
                    "type": "embed",
                    "kind": "frame",
                    "url": "https://e.org/player",
                    "title": "Film",
                    "width": 560,
                    "caption": [{"text": "Seen"}],
                }
            ],
        ),
        (
            "<video poster='https://e.org/a.jpg'><source src='https://e.org/a.mp4'>No</video>",
            [
                {
                    "type": "embed",
                    "kind": "video",
                    "url": "https://e.org/a.mp4",
                    "poster": "https://e.org/a.jpg",
                }
            ],
        ),
        (
            "<figure><a href='https://e.org/post/1'>A post</a></figure>",
            [
                {
                    "type": "embed",
                    "kind": "link",
                    "url": "https://e.org/post/1",
                    "title": "A post",
                }
            ],
        ),
        (
            "<pre>a\n  <b>b</b>\n</pre>",
            [
                {
                    "type": "code",
                    "content": [{"text": "a\n  "}, {"text": "b", "marks": ["strong"]}],
                }
            ],
        ),
        (
            "<table><caption>Tides</caption><tr><th colspan=2>Day</th></tr>"
            "<tr><td>Mon</td><td></td></tr></table>",
            [
                {
                    "type": "table",
                    "rows": [
                        [{"blocks": [paragraph("Day")], "header": True, "colspan": 2}],
                        [{"blocks": [paragraph("Mon")]}, {"blocks": []}],
                    ],
                    "caption": [{"text": "Tides"}],
                }
            ],
        ),
        ("<p>a</p><hr><p>b</p>", [paragraph("a"), {"type": "divider"}, paragraph("b")]),
        (
            "<dl><dt>Ebb</dt><dd>Low</dd></dl>",
            [paragraph({"text": "Ebb", "marks": ["strong"]}), paragraph("Low")],
        ),
        ("<ul></ul><p> </p><blockquote></blockquote><table></table><figure></figure>", []),
        (
            "<table><caption>a</caption></table><img alt='nowhere'>",
            [paragraph("a")],
        ),
    ],
)
def test_html_becomes_typed_blocks(written: str, expected: list[dict[str, Any]]) -> None:
    assert blocks(written) == expected
    assert BLOCKS.dump_python(BLOCKS.validate_python(expected), exclude_unset=True) == expected
    VALIDATOR.validate(expected)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("<p>One</p><p>Two<br>lines</p>", "One\n\nTwo\\\nlines\n"),
        ("<h2>A</h2><p>b <strong>c</strong> <em>d</em></p>", "## A\n\nb **c** *d*\n"),
        (
            "<p><a href='https://e.org/a(b)?c=d&e'>x</a></p>",
            "[x](https://e.org/a%28b%29?c=d&amp;e)\n",
        ),
        ("<p>2 * 3 * 4 &lt; 5_6_7 #8 &amp;amp;</p>", "2 \\* 3 \\* 4 \\< 5\\_6\\_7 \\#8 \\&amp;\n"),
        ("<p>1. No list</p><p>- nor this</p>", "1\\. No list\n\n\\- nor this\n"),
        ("<p>At noon!<a href='/x'>It opens</a></p>", "At noon\\![It opens](/x)\n"),
        ("<p>a<b>b</b>c</p>", "a**b**c\n"),
        (
            "<p><b>Two doors.</b> One (<i>at noon</i>), <b>6:48</b>.</p>",
            "**Two doors.** One (*at noon*), **6:48**.\n",
        ),
        ("<p>a<b>(b)</b>c</p>", "a<strong>(b)</strong>c\n"),
        ("<p><b>a</b><i>b</i></p>", "<strong>a</strong><em>b</em>\n"),
        ("<p><code>a`b</code></p>", "``a`b``\n"),
        ("<ul><li>a<ul><li>b</ul><li>c</ul>", "- a\n  - b\n- c\n"),
        ("<ol start=9><li>a<li><p>b</p><p>c</p></ol>", "9. a\n\n10. b\n\n    c\n"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b\n"),
        (PICTURE, "![A river](https://e.org/a.jpg)\n"),
        (FRAME, '<iframe src="https://e.org/player" title="Film" width="560"></iframe>\n'),
        ("<pre>a\n```\nb</pre>", "````\na\n```\nb\n````\n"),
        (
            "<table><tr><th>a<th>b<tr><td>c|d<td></table>",
            "| a | b |\n| --- | --- |\n| c\\|d |  |\n",
        ),
        (
            "<table><tr><td colspan=2>a</table>",
            '<table><tr><td colspan="2"><p>a</p></td></tr></table>\n',
        ),
        ("<hr>", "***\n"),
        ("", ""),
    ],
)
def test_html_becomes_markdown(written: str, expected: str) -> None:
    assert markdown(written) == expected


class Seen(HTMLParser):
    """What a reader of HTML finds: its text without blanks, where it leads and what it shows."""

    VOID: ClassVar = {"br", "hr", "img"}
    SHOWN: ClassVar = {"li": "items", "td": "cells", "th": "cells", "blockquote": "quotes"}

    def __init__(self, source: str) -> None:
        super().__init__()
        self.letters = Counter[str]()
        self.links = Counter[str]()
        self.shown = Counter[tuple[str, str]]()
        self.open: list[list[Any]] = []
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get("href") or dict(attrs).get("src") or ""
        if tag in ("img", "iframe", "video", "audio"):
            self._fill()
            if address.strip():
                self.shown[tag, shape(address)] += 1
        if tag not in self.VOID:
            self.open.append([tag, address, False])

    def handle_endtag(self, tag: str) -> None:
        name, address, is_filled = self.open.pop()
        assert name == tag
        if is_filled:
            for one in self.open:
                one[2] = True
            if tag == "a" and address:
                self.links[shape(address)] += 1
            if tag in self.SHOWN:
                self.shown[self.SHOWN[tag], ""] += 1

    def handle_data(self, data: str) -> None:
        if letters := "".join(data.split()):
            self.letters.update(letters)
            self._fill()

    def _fill(self) -> None:
        for one in self.open:
            one[2] = True


def shape(address: str) -> str:
    """An address however it is escaped."""
    from urllib.parse import unquote

    return "".join(unquote(address).split())


def seen_in_blocks(found: list[dict[str, Any]]) -> Seen:
    from app.body.markup import html_of

    return Seen("".join(map(html_of, found)))


def lose_nothing(source: str, body_format: str) -> None:
    try:
        rendered = render(body_format, source)
    except TooCostly:
        return
    before = Seen(rendered.html)
    found = blocks_of(rendered.html)
    VALIDATOR.validate(found)
    assert BLOCKS.dump_python(BLOCKS.validate_python(found), exclude_unset=True) == found
    json.dumps(found)
    again = seen_in_blocks(found)
    assert again.letters == before.letters
    assert set(again.links) == set(before.links)
    assert {k: v for k, v in again.shown.items() if k[1]} == {
        k: v for k, v in before.shown.items() if k[1]
    }
    plain = "".join(plain_text_of(found).split())
    assert not before.letters - Counter(plain)
    for address in [*before.links, *(address for _, address in before.shown if address)]:
        assert shape(address) in shape(plain)
    written = markdown_of(found)
    after = blocks_of(render("markdown", written).html)
    as_markdown = seen_in_blocks(after)
    assert as_markdown.letters == before.letters, written
    assert set(as_markdown.links) == set(before.links), written
    assert as_markdown.shown == again.shown, written


TEXTS = st.one_of(
    st.text(max_size=12),
    st.text("ab*_`~[]()<>&#|\\!.-+=1) \n\t", max_size=12),
    st.sampled_from(
        [
            "1. a",
            "# b",
            "- c",
            "***",
            "a | b\n--- | ---",
            "[a]: /b",
            "![",
            "<b>",
            "&lt;",
            "```",
            "~~~",
        ]
    ),
).map(lambda text: text.replace("\x00", ""))
ADDRESSES = st.one_of(
    st.sampled_from(["https://e.org/a", "https://e.org/(b)", "/c d", "https://e.org/?a=1&amp=2#x"]),
    st.text("ab:/?&=#()[]<>*_\\ '`~|%2é", max_size=8).map(lambda text: f"https://e.org/{text}"),
)


def _element(tag: str, inner: str, **attributes: str) -> str:
    import html

    given = "".join(f' {name}="{html.escape(value)}"' for name, value in attributes.items())
    return f"<{tag}{given}>{inner}</{tag}>"


ESCAPED = TEXTS.map(lambda text: text.replace("&", "&amp;").replace("<", "&lt;"))
MEDIA = ADDRESSES.map(
    lambda url: f'<img src="{url.replace(chr(34), "")}" alt="a [b] | *c*">'.replace("&", "&amp;")
)
FRAMES = st.sampled_from(
    [FRAME, "<video src='https://e.org/f.mp4'></video>", "<audio src='//e.org/a'>x</audio>"]
)
INLINE: st.SearchStrategy[str] = st.recursive(
    st.one_of(ESCAPED, ESCAPED, ESCAPED, MEDIA, st.just("<br>"), FRAMES),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["b", "em", "i", "s", "code", "sup", "abbr", "q"]), inner).map(
            lambda made: _element(*made)
        ),
        st.tuples(inner, ADDRESSES).map(lambda made: _element("a", made[0], href=made[1])),
        st.lists(inner, max_size=4).map("".join),
    ),
    max_leaves=8,
)
BLOCK_HTML: st.SearchStrategy[str] = st.recursive(
    st.one_of(
        INLINE.map(lambda inner: f"<p>{inner}</p>"),
        INLINE,
        INLINE.map(lambda inner: f"<h3>{inner}</h3>"),
        INLINE.map(lambda inner: f"<pre>{inner}</pre>"),
        st.just("<hr>"),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(
            lambda some: f"<ul>{''.join(f'<li>{one}' for one in some)}</ul>"
        ),
        st.lists(inner, max_size=3).map(
            lambda some: f"<ol start=7>{''.join(f'<li>{one}</li>' for one in some)}</ol>"
        ),
        st.lists(inner, max_size=3).map(lambda some: f"<blockquote>{''.join(some)}</blockquote>"),
        st.tuples(inner, INLINE).map(
            lambda made: f"<figure>{made[0]}<figcaption>{made[1]}</figcaption></figure>"
        ),
        st.lists(st.lists(inner, max_size=3), max_size=3).map(
            lambda rows: (
                "<table>"
                + "".join(f"<tr>{''.join(f'<td>{one}</td>' for one in row)}</tr>" for row in rows)
                + "</table>"
            )
        ),
        st.lists(st.lists(INLINE, min_size=2, max_size=2), min_size=1, max_size=3).map(
            lambda rows: (
                "<table><tr><th>a<th>b</tr>"
                + "".join(f"<tr>{''.join(f'<td>{one}</td>' for one in row)}</tr>" for row in rows)
                + "</table>"
            )
        ),
        st.tuples(inner, inner).map("".join),
        st.tuples(inner).map(lambda made: f"<dl><dt>{made[0]}</dt><dd>b</dd></dl>"),
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(BLOCK_HTML)
def test_no_form_of_an_article_loses_what_another_has(source: str) -> None:
    lose_nothing(source, "html")


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, max_size=6).map("\n".join), st.sampled_from(["html", "markdown", "text"]))
def test_no_form_of_any_text_loses_what_another_has(source: str, body_format: str) -> None:
    lose_nothing(source, body_format)


@pytest.mark.parametrize(
    "opening", ["<blockquote>", "<ul><li>", "<table><tr><td>", "<ol><li><figure>"]
)
def test_what_is_nested_without_end_stands_in_the_deepest_block(opening: str) -> None:
    found = blocks(opening * 300 + "At the bottom")
    depth = 0
    at = found
    while at[0]["type"] != "paragraph":
        inner = at[0].get("blocks") or at[0].get("items") or at[0]["rows"][0][0]["blocks"]
        at, depth = (inner[0] if isinstance(inner[0], list) else inner), depth + 1
    assert depth == DEPTH_MAX
    assert at == [paragraph("At the bottom")]
    lose_nothing(opening * 50 + "At the bottom", "html")
