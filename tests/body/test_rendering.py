"""The body of an article: what is safe to show, and the words that are in it."""

import re
import time
from contextlib import suppress
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.body.rendering import (
    ALLOWED_ATTRIBUTES,
    ALLOWED_TAGS,
    BOXES_MAX,
    MEDIA_ATTRIBUTES,
    MEDIA_SETTINGS,
    TooCostly,
    html_to_text,
    render,
)

FORMATS = ("html", "markdown", "text")
URL_ATTRIBUTES = ("href", "src", "cite")


class Elements(HTMLParser):
    """Every element that a reader's program finds, with its attributes."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.comments: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def shown(source: str, body_format: str = "html") -> str:
    return render(body_format, source).html


def text_of(source: str, body_format: str = "html") -> str:
    return render(body_format, source).text


def assert_safe(source: str) -> None:
    elements = Elements(source)
    assert elements.comments == []
    for tag, attributes in elements.found:
        assert tag in ALLOWED_TAGS | MEDIA_SETTINGS.keys()
        allowed = ALLOWED_ATTRIBUTES["*"] | ALLOWED_ATTRIBUTES.get(tag, set()) | {"rel"}
        if tag in MEDIA_SETTINGS:
            allowed |= MEDIA_ATTRIBUTES[tag] | set(re.findall(r"([a-z]+)=", MEDIA_SETTINGS[tag]))
            assert (attributes["src"] or "").startswith("https://")
            assert tag != "iframe" or "allow-top-navigation" not in (attributes["sandbox"] or "")
        assert set(attributes) <= allowed
        for name in URL_ATTRIBUTES:
            scheme = "".join((attributes.get(name) or "").split()).lower()
            assert not scheme.startswith(("javascript:", "data:", "vbscript:"))


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("<p>Before<script>alert(1)</script> after</p>", "<p>Before after</p>"),
        ("<p onclick='alert(1)' ONMOUSEOVER=alert(1)>x</p>", "<p>x</p>"),
        ("<p style='position:fixed' class='a' id='b'>x</p>", "<p>x</p>"),
        ("<style>p { color: red }</style><p>x</p>", "<p>x</p>"),
        ("<iframe src='javascript:alert(1)'></iframe><p>x</p>", "<p>x</p>"),
        ("<iframe src='/v1/articles'></iframe><p>x</p>", "<p>x</p>"),
        ("<iframe srcdoc='<script>alert(1)</script>'></iframe><p>x</p>", "<p>x</p>"),
        ("<video onerror='alert(1)'><source src='data:video/mp4,x'></video>x", "x"),
        ("<source src='https://e.org/a.mp4'>x", "x"),
        ("<!-- note to the desk --><p>x</p>", "<p>x</p>"),
        ("<p>a <blink>b</blink> <x-widget on=1>c</x-widget></p>", "<p>a b c</p>"),
        ("<object data='x.swf'><p>x</p></object>", "<p>x</p>"),
        ("<base href='https://evil.example'><p>x</p>", "<p>x</p>"),
        ("<meta http-equiv='refresh' content='0;url=https://evil.example'><p>x</p>", "<p>x</p>"),
        ("<img src='https://e.org/a.jpg' onerror='alert(1)'>", '<img src="https://e.org/a.jpg">'),
        ("<img src='data:image/png;base64,AAAA' alt='A'>", '<img alt="A">'),
    ],
)
def test_what_could_act_in_a_page_is_taken_out(written: str, clean: str) -> None:
    assert shown(written) == clean


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "java\tscript:alert(1)",
        "&#106;avascript:alert(1)",
        "javascript&colon;alert(1)",
        "\x01javascript:alert(1)",
        "vbscript:msgbox(1)",
        "data:text/html,<script>alert(1)</script>",
    ],
)
def test_an_address_that_runs_is_no_link(address: str) -> None:
    (link,) = Elements(shown(f'<a href="{address}">x</a>')).found
    assert "href" not in link[1]


@pytest.mark.parametrize(
    "address",
    ["https://e.org/a?b=1#c", "http://e.org", "mailto:a@e.org", "tel:+4912345", "/v1/x", "#note"],
)
def test_an_ordinary_link_stays_and_gives_nothing_to_where_it_leads(address: str) -> None:
    ((tag, attributes),) = Elements(shown(f'<a href="{address}" target="_blank">x</a>')).found
    assert (tag, attributes) == ("a", {"href": address, "rel": "noopener noreferrer"})


@pytest.mark.parametrize(
    "trick",
    [
        "<svg><script>alert(1)</script></svg>",
        "<svg onload=alert(1)>",
        "<svg><style><img src=x onerror=alert(1)></style></svg>",
        "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 "
        "onerror=alert(1)&gt;'>",
        "<math href='javascript:alert(1)'>x</math>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<textarea></textarea><script>alert(1)</script></textarea>",
        "<title></title><script>alert(1)</script></title>",
        "<template><script>alert(1)</script></template>",
        "<xmp><script>alert(1)</script></xmp>",
        "<plaintext><script>alert(1)</script>",
        "<scr<script>ipt>alert(1)</scr</script>ipt>",
        "<script/x>alert(1)</script>",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<p title='\"><script>alert(1)</script>'>x</p>",
        "<img src=`x` onerror=alert(1)//",
        "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    ],
)
def test_a_trick_of_parsers_leaves_nothing_that_acts(trick: str) -> None:
    for body_format in FORMATS:
        clean = shown(trick, body_format)
        assert "<script" not in clean
        assert_safe(clean)


@pytest.mark.parametrize(
    ("written", "shown_as"),
    [
        (
            '<iframe src="//e.org/a?b&c" width="560" style="x" sandbox onload="x">No frames</iframe>',
            '<iframe src="https://e.org/a?b&amp;c" width="560" allowfullscreen="" loading="lazy" '
            'referrerpolicy="strict-origin-when-cross-origin" sandbox="allow-forms allow-popups '
            'allow-presentation allow-same-origin allow-scripts"></iframe>',
        ),
        (
            '<video autoplay poster="/a"><source src="http://e.org/a.mp4">No</video>',
            '<video src="https://e.org/a.mp4" controls="" preload="none"></video>',
        ),
        (
            '<audio src="https://e.org/a.mp3"><p>No sound</audio>',
            '<audio src="https://e.org/a.mp3" controls="" preload="none"></audio>',
        ),
    ],
)
def test_what_is_embedded_stays_and_cannot_act_on_the_page(written: str, shown_as: str) -> None:
    assert shown(f"<p>a</p>{written}") == f"<p>a</p>{shown_as}"
    assert_safe(shown(written))
    assert text_of(f"<p>a</p>{written}") == "a"


@pytest.mark.parametrize("tag", ["video", "audio", "iframe", "source"])
def test_media_without_number_are_refused_before_they_take_long(tag: str) -> None:
    began = time.process_time()
    with suppress(TooCostly):
        render("html", f"<{tag} src=https://e.org/a>" * 10_000)
    render("html", f"<{tag} src=https://e.org/a>" * 150)
    assert time.process_time() - began < 2


MEDIA_TRICKS = [
    '<audio src="https://a/"><iframe src="https://b/"></audio><AUDIO src="https://a/"><IFRAME src="https://b/">'
    "</audio><script>alert(1)</script><img src=x onerror=alert(1)></iframe></audio>",
    '<audio src="https://a/"><iframe src="https://b/"></audio><IFRAME> src="javascript:alert(1)"</iframe></audio>',
    '<AUDIO src=https://a><table><section><form><iframe src="javascript:alert(1)"><iframe src="/x">'
    + "x" * 501,
    '<x-iframe src="javascript:alert(1)" onload=alert(1)></x-iframe>',
    "<p title='<iframe src=https://a/ onload=alert(1)>'>x</p>",
    "<iframe src=https://a/><!--</iframe><img src=x onerror=alert(1)>-->",
]


def assert_media_are_safe(clean: str) -> None:
    assert_safe(clean)
    # A browser reads on to the end of a frame: it has to be there, with nothing before it.
    assert clean.count("<iframe") == clean.count("></iframe>") == clean.count("</iframe>")
    assert "<x-" not in clean
    assert render("html", clean).html == clean


@pytest.mark.parametrize("trick", MEDIA_TRICKS)
def test_no_trick_of_media_brings_anything_through(trick: str) -> None:
    for body_format in FORMATS:
        assert_media_are_safe(shown(trick, body_format))


@settings(max_examples=500, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["<iframe src='https://b/'>", "</iframe>", "<IFRAME>", "<audio src='https://a/'>", "</audio>",
             "<video>", "</VIDEO>", "<source src='https://c/'>", "<source src='javascript:1'>", "<script>",
             "</script>", "<img src=x onerror=alert(1)>", ' src="javascript:alert(1)"', "<table>", "<p>", "<x-iframe",
             "<a href='/x'>", "</a>", "<!--", "-->", "<style>", "</style>", ">", '"', "x" * 501, "<textarea>", "<pre>\n"],
        ),
        max_size=14,
    ).map("".join)
)  # fmt: skip
def test_however_media_are_mixed_nothing_acts(source: str) -> None:
    assert_media_are_safe(shown(source))


def test_an_article_that_forgot_to_end_a_film_is_kept() -> None:
    rest = "<p>It went on. </p>" * 60
    assert shown(f'<video src="https://e.org/a.mp4">{rest}').endswith(rest)


def test_the_markup_of_an_article_is_kept() -> None:
    written = (
        "<h2>Rivers</h2><p>The <em>Lune</em>, <strong>high</strong> "
        '<abbr title="metres">m</abbr>.</p><blockquote><p>Quote</p>'
        '</blockquote><figure><img src="https://e.org/a.jpg" alt="A river" width="640" '
        'height="480"><figcaption>Dawn</figcaption></figure><ol start="3"><li>Three</li></ol>'
        '<table><caption>Levels</caption><thead><tr><th scope="col">Day</th></tr></thead>'
        '<tbody><tr><td colspan="2">Mon</td></tr></tbody></table><hr>'
        '<p><time datetime="2026-11-24">Today</time> H<sub>2</sub>O <del>old</del></p>'
    )
    assert shown(written) == written


def test_a_body_has_no_h1_because_the_headline_is_it() -> None:
    assert shown("<h1 class='x'>Title</h1>") == "<h2>Title</h2>"
    assert shown("Title\n=====\n\n# Other", "markdown") == "<h2>Title</h2>\n<h2>Other</h2>\n"


def test_boxes_of_a_page_keep_apart_what_they_kept_apart() -> None:
    parts = "<section>One.</section><article>Two.</article><div>Three.</div><FOOTER>Four.</FOOTER>"
    assert text_of(parts) == "One.\n\nTwo.\n\nThree.\n\nFour."


def test_markdown_knows_tables() -> None:
    clean = shown("| River | Level |\n|---|---|\n| Lune | 3.1 |", "markdown")
    assert [tag for tag, _ in Elements(clean).found] == [
        "table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td",
    ]  # fmt: skip
    assert html_to_text(clean) == "River\tLevel\nLune\t3.1"


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("~~gone~~", "<p><s>gone</s></p>\n"),
        ("*a* **b** `c`", "<p><em>a</em> <strong>b</strong> <code>c</code></p>\n"),
        ("H<sub>2</sub>O", "<p>H<sub>2</sub>O</p>\n"),
        ("a <u onclick=x>b</u> <script>c</script>", "<p>a <u>b</u> </p>\n"),
        ("[x](https://e.org 'T')",
         '<p><a href="https://e.org" title="T" rel="noopener noreferrer">x</a></p>\n'),
        ("one  \ntwo", "<p>one<br>\ntwo</p>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>\n"),
        ("```python\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>\n"),
        ("![A](https://e.org/a.jpg)", '<p><img src="https://e.org/a.jpg" alt="A"></p>\n'),
    ],
)  # fmt: skip
def test_markdown_becomes_html(written: str, clean: str) -> None:
    assert shown(written, "markdown") == clean


def test_a_markdown_link_that_runs_is_no_link() -> None:
    for written in ("[x](javascript:alert(1))", "<javascript:alert(1)>", "[x]\n\n[x]: vbscript:a"):
        assert not any(attributes for _, attributes in Elements(shown(written, "markdown")).found)


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("One.\n\nTwo.", "<p>One.</p><p>Two.</p>"),
        ("One.\r\n\r\nTwo.\rThree.", "<p>One.</p><p>Two.<br>Three.</p>"),
        ("\n\nOne.\n \t\n\n\nTwo.\n", "<p>One.</p><p>Two.</p>"),
        ("a < b & c > d", "<p>a &lt; b &amp; c &gt; d</p>"),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("# *no* markup", "<p># *no* markup</p>"),
        ("&eacute;", "<p>&amp;eacute;</p>"),
        ("", ""),
        (" \n\t\n", ""),
    ],
)
def test_plain_text_is_paragraphs_and_lines_and_nothing_else(written: str, clean: str) -> None:
    assert shown(written, "text") == clean


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>One.</p><p>Two.</p>", "One.\n\nTwo."),
        ("<h2>Title</h2>\n<p>One\n  line.</p>", "Title\n\nOne line."),
        ("<p>One<br>two<br/>three</p>", "One\ntwo\nthree"),
        ("<p>a <b> b</b>  c</p>", "a b c"),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("<p>x</p><ol>\n<li>a</li>\n<li>b</li>\n</ol><p>y</p>", "x\n\na\nb\n\ny"),
        ("<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>", "A\tB\n1\t2"),
        ("<table>\n<tr>\n<td> 1 </td>\n<td> 2 </td>\n</tr>\n</table>", "1\t2"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td></td><td>4</td></tr></table>", "1\t2\n\t4"),
        ("<pre>if x:\n    y\n\nz</pre>", "if x:\n    y\n\nz"),
        ("<p>Fish &amp; chips &lt;3 &eacute; &#x1F600; &#39;</p>", "Fish & chips <3 é 😀 '"),
        ("<p>a&nbsp;b</p>", "a\u00a0b"),
        ("<blockquote><p>a</p><p>b</p></blockquote>c", "a\n\nb\n\nc"),
        ("<figure><img src='a.jpg' alt='Alt'><figcaption>Dawn</figcaption></figure>", "Dawn"),
        ("<p></p><p> </p><hr>", ""),
        ("loose words", "loose words"),
    ],
)
def test_text_has_a_blank_line_between_blocks_and_a_line_an_item_or_row(
    source: str, text: str
) -> None:
    assert text_of(source) == text


def test_an_item_of_a_list_in_a_list_has_its_own_line() -> None:
    lines = text_of("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>").split("\n")
    assert [line for line in lines if line] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("The bridge opened at dawn.", 5),
        ("Don't or don’t: well-known words", 5),
        ("In 2026 — or later…", 4),
        ("cafe\u0301s", 1),
        ("हिन्दी भाषा", 2),
        ("港口大桥开放", 6),
        ("東京タワーが開く", 8),
        ("東京 Tower 2026", 4),
        ("항구 다리가 열리다", 3),
        ("© — …", 0),
        ("", 0),
    ],
)
def test_words_are_counted_and_so_are_ideographs(words: str, count: int) -> None:
    assert render("text", words).word_count == count


@given(st.text("ab_1'- \n.", max_size=30))
def test_words_are_counted_alike_in_text_with_and_without_other_letters(text: str) -> None:
    alone, beside = render("text", text), render("text", f"{text} …")
    assert alone.word_count == beside.word_count


def test_reading_takes_a_minute_for_230_words_or_500_ideographs() -> None:
    assert [render("text", "word " * count).reading_minutes for count in (0, 1, 230, 231)] == [
        0, 1, 1, 2,
    ]  # fmt: skip
    assert [render("text", "字" * count).reading_minutes for count in (500, 501)] == [1, 2]


def test_markup_is_not_counted() -> None:
    assert render("html", "<p title='not these'>two <b>words</b></p>").word_count == 2


def test_the_first_line_of_preformatted_text_may_be_blank() -> None:
    clean = shown("<pre>\n\n  first</pre>")
    assert shown(clean) == clean
    assert clean.endswith("\n  first</pre>")


PIECES = st.sampled_from(
    [f"<{tag}>" for tag in sorted(ALLOWED_TAGS)]
    + [f"</{tag}>" for tag in sorted(ALLOWED_TAGS)]
    + ["<div", "<svg>", "<math>", "<style>", "</style>", "<script>", "</script>", "<button>"]
    + ["<title>", "<textarea>", "<template>", "<noscript>", "<mtext>", "<select>", "<marquee>"]
    + ["<!--", "-->", "<![CDATA[", "]]>", "<?", "&lt;", "&amp;", "&#0;", "&#x80;", "\x0b", "\r"]
    + ['<a href="javascript:a">', "<img src=x onerror=a>", '<p title="', '">', "'", "`", "\n\n"]
    + ["[", "](", ")", "*", "_", "~~", "> ", "- ", "1. ", "|", "|-|\n", "# ", "    ", "\t", "\\"]
)
SOURCES = st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=25).map("".join)


@given(source=SOURCES, body_format=st.sampled_from(FORMATS))
@settings(max_examples=60, deadline=None)
def test_any_text_in_any_format_renders_to_what_is_safe(source: str, body_format: str) -> None:
    body = render(body_format, source)
    assert "<script" not in body.html
    assert_safe(body.html)
    assert body.word_count >= 0
    assert (body.reading_minutes > 0) == (body.word_count > 0)


@given(source=SOURCES, body_format=st.sampled_from(FORMATS))
@settings(max_examples=60, deadline=None)
def test_what_is_clean_stays_as_it_is(source: str, body_format: str) -> None:
    clean = render(body_format, source)
    assert render("html", clean.html) == clean


@given(st.lists(st.text("abc<>&\"'#*`[]() é字", min_size=1, max_size=20), max_size=6))
@settings(max_examples=40, deadline=None)
def test_the_words_of_plain_text_come_back_as_they_were(paragraphs: list[str]) -> None:
    words = [" ".join(paragraph.split()) for paragraph in paragraphs]
    expected = "\n\n".join(paragraph for paragraph in words if paragraph)
    assert text_of("\n\n".join(paragraphs), "text") == expected


HOSTILE = [
    "[", "![", "*a ", "**a *b ", "_", "*_", "a**b ", "~~a ", "> ", "> a\n", "- ", "1. ", "`", "`a``",
    "[a](", "[a](b", "](", "[^", "[a]: <b\n", "|", "# ", "\\", "&", "&#", "&#x", "<", "</", "<!--",
    "<a ", '<a href="', "<x y=", "<?", "<![CDATA[", "<b>", "<div>", "<blockquote>", "<ul><li>",
    "<table><tr><td>", "<pre>\n", "<p><button>", "<svg><style>", " ", "\t", "\n", "  \n", "a\u0300-",
]  # fmt: skip


@pytest.mark.parametrize("body_format", FORMATS)
@pytest.mark.parametrize("unit", HOSTILE)
def test_a_hostile_text_is_rendered_safely_or_refused(unit: str, body_format: str) -> None:
    source = unit * (20_000 // len(unit))
    with suppress(TooCostly):
        assert_safe(shown(source, body_format))


def test_the_number_of_boxes_has_a_bound() -> None:
    assert_safe(shown("<div>" * BOXES_MAX + "x"))
    with pytest.raises(TooCostly):
        shown("<div>" * (BOXES_MAX + 1) + "x")
    row = "<ul><li>x</li></ul>" * 101
    assert shown(row) == row


def test_a_markdown_list_may_be_nested_as_deep_as_it_likes() -> None:
    assert_safe(shown("".join("  " * depth + "- a\n" for depth in range(120)), "markdown"))
