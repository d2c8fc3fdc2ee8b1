"""Other people's files become articles: each format, what it carries over, and what it leaves out."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cli import imported_files
from app.demo.actions import load_demo
from app.importing.files import files_in, opened
from app.importing.found import Found
from app.importing.ghost_body import lexical_html, mobiledoc_html
from app.importing.kinds import items_of, kind_of
from app.importing.wordpress_body import Picture, body_html
from tests.conftest import SHARED, Newsroom
from tests.importing.test_import import import_here

DATA = SHARED / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the files of others are not here: data/")

RSS = """<?xml version="1.0"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
  xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/">
<channel><title>Valley</title><language>de-CH</language>
<item><title>Br&#252;cke &amp;amp; Tor</title><guid>urn:valley:1</guid><link>https://valley.example/1</link>
<pubDate>Fri, 02 May 2025 06:30:00 +0200</pubDate><dc:creator>Mara Lind</dc:creator><dc:creator>Tor Vik</dc:creator>
<category>Verkehr</category><category>Hafen</category><description>Kurz.</description>
<content:encoded><![CDATA[<p>Die Br&uuml;cke <b>ist</b> offen.</p><script>alert(1)</script>]]></content:encoded>
<media:content url="https://valley.example/a.jpg" medium="image"><media:description>Morgens</media:description>
<media:credit>Lind</media:credit></media:content></item>
<item><title>Nur ein Titel</title><link>https://valley.example/2</link></item>
<item><title>Nichts, woran man es erkennt</title></item>
</channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en-GB"><title>V</title><id>urn:v</id>
<updated>2025-05-02T00:00:00Z</updated>
<entry><id>urn:v:1</id><title type="html">A &lt;b&gt;bridge&lt;/b&gt;</title><updated>2025-05-03T00:00:00Z</updated>
<published>2025-05-02T06:30:00+02:00</published><author><name>Mara Lind</name></author>
<link rel="alternate" href="https://v.example/1"/><category term="harbour" label="Harbour"/>
<summary>Short.</summary><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>It is <em>open</em>.</p></div></content>
</entry></feed>"""

JSON_FEED = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": "Valley",
    "language": "en",
    "items": [
        {
            "id": "1",
            "url": "https://v.example/1",
            "title": "Bridge",
            "content_html": "<p>It is open.</p>",
            "summary": "Short.",
            "image": "https://v.example/a.jpg",
            "date_published": "2025-05-02T06:30:00+02:00",
            "authors": [{"name": "Mara Lind"}],
            "tags": ["Harbour"],
        },
        {"id": 2, "content_text": "A note without a title.\n\nTwo paragraphs."},
        {"title": "Neither id nor url"},
        "no item",
    ],
}

WXR = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:wp="http://wordpress.org/export/1.2/">
<channel><title>Valley</title><link>https://valley.example</link><language>en-US</language>
<wp:author><wp:author_login>mara</wp:author_login><wp:author_display_name><![CDATA[Mara Lind]]></wp:author_display_name></wp:author>
{items}
<item><title>a</title><wp:post_id>90</wp:post_id><wp:post_type>attachment</wp:post_type><wp:post_parent>1</wp:post_parent>
<wp:attachment_url>https://valley.example/a.jpg</wp:attachment_url><excerpt:encoded>At dawn</excerpt:encoded>
<wp:postmeta><wp:meta_key>_wp_attachment_image_alt</wp:meta_key><wp:meta_value>A bridge</wp:meta_value></wp:postmeta></item>
<item><title>About</title><wp:post_id>91</wp:post_id><wp:post_type>page</wp:post_type><wp:status>publish</wp:status></item>
</channel></rss>"""


def post(number: int = 1, title: str = "Bridge opens", status: str = "publish", **more: str) -> str:
    fields = {
        "post_type": "post",
        "post_date_gmt": "2025-05-02 04:30:00",
        "post_name": f"bridge-{number}",
    } | more
    members = "".join(
        f"<wp:{name}><![CDATA[{value}]]></wp:{name}>"
        for name, value in fields.items()
        if name not in ("content", "extra")
    )
    return (
        f"<item><title>{title}</title><dc:creator>mara</dc:creator><wp:post_id>{number}</wp:post_id>"
        f"<wp:status>{status}</wp:status>{members}{fields.get('extra', '')}"
        f"<content:encoded><![CDATA[{fields.get('content', '<p>It is open.</p>')}]]></content:encoded></item>"
    )


def wxr(*posts: str) -> str:
    return WXR.replace("{items}", "".join(posts))


def imported(
    newsroom: Newsroom, folder: Path, name: str, content: Any, *options: str
) -> list[dict[str, Any]]:
    file = folder / name
    text = content if isinstance(content, str) else json.dumps(content)
    file.write_text(text, encoding="utf-8")
    return import_files(newsroom, file, publish="--publish" in options)


def import_files(newsroom: Newsroom, *files: Path, publish: bool) -> list[dict[str, Any]]:
    """What the command prints, without all that it does before."""
    return [*imported_files(newsroom.database, files_in(files), publish=publish, language="en")]


def article(newsroom: Newsroom, slug: str, query: str = "body=html") -> dict[str, Any]:
    answer = newsroom.get(f"/v1/articles/{slug}?{query}", newsroom.key("preview"))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def named(things: list[dict[str, Any]]) -> list[str]:
    return [one["name"] for one in things]


def test_rss_becomes_articles(newsroom: Newsroom, tmp_path: Path) -> None:
    first, second, third = imported(newsroom, tmp_path, "feed.xml", RSS, "--publish")
    assert [one["status"] for one in (first, second, third)] == ["created", "created", "failed"]
    made = article(newsroom, first["slug"])
    assert (made["headline"], made["summary"], made["language"]) == (
        "Brücke & Tor",
        "Kurz.",
        "de-CH",
    )
    assert (made["published_at"], made["status"]) == ("2025-05-02T04:30:00Z", "published")
    assert (named(made["authors"]), named(made["tags"])) == (
        ["Mara Lind", "Tor Vik"],
        ["Verkehr", "Hafen"],
    )
    assert made["body"] == {"html": "<p>Die Brücke <b>ist</b> offen.</p>"}
    assert (made["external_id"], made["canonical_url"]) == (
        "urn:valley:1",
        "https://valley.example/1",
    )
    assert made["image"]["url"] == "https://valley.example/a.jpg"
    assert made["image"]["credit"] == "Lind"
    assert third["detail"] == "has neither an id nor a link"
    again = imported(newsroom, tmp_path, "feed.xml", RSS, "--publish")
    assert [one["status"] for one in again] == ["unchanged", "unchanged", "failed"]
    assert len(newsroom.get("/v1/authors").json()["data"]) == 2


def test_atom_becomes_articles(newsroom: Newsroom, tmp_path: Path) -> None:
    (line,) = imported(newsroom, tmp_path, "feed.atom", ATOM)
    made = article(newsroom, line["slug"])
    assert (made["headline"], made["language"], made["status"]) == ("A bridge", "en-GB", "draft")
    assert (made["summary"], named(made["tags"])) == ("Short.", ["Harbour"])
    assert "<em>open</em>" in made["body"]["html"]
    assert made["published_at"] == "2025-05-02T04:30:00Z"


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("&lt;p&gt;Talk.&lt;/p&gt;", "<p>Talk.</p>"),
        ("Talk &amp;amp; more", "Talk &amp; more"),
        ("Just words", "Just words"),
    ],
)
def test_a_podcast_keeps_its_words_and_its_sound(
    newsroom: Newsroom, tmp_path: Path, description: str, expected: str
) -> None:
    feed = (
        "<rss version='2.0'><channel><link>https://v.example</link><item><guid>urn:p:1</guid><title>Talk</title>"
        f"<description>{description}</description>"
        "<enclosure url='https://v.example/1.mp3' type='audio/mpeg' length='1'/></item></channel></rss>"
    )
    (line,) = imported(newsroom, tmp_path, "feed.xml", feed)
    html = article(newsroom, line["slug"])["body"]["html"]
    assert (
        html
        == f'{expected}<audio src="https://v.example/1.mp3" controls="" preload="none"></audio>'
    )


def test_a_draft_that_cannot_be_published_fails_alone(newsroom: Newsroom, tmp_path: Path) -> None:
    imported(newsroom, tmp_path, "export.xml", wxr(post(1), post(2)))
    newsroom.send(
        "PATCH",
        "/v1/articles/bridge-1",
        {"published_at": None, "expires_at": "2020-01-01T00:00:00Z"},
    )
    lines = imported(newsroom, tmp_path, "export.xml", wxr(post(1), post(2)), "--publish")
    assert [one["status"] for one in lines[:2]] == ["failed", "updated"]


def test_a_json_feed_becomes_articles(newsroom: Newsroom, tmp_path: Path) -> None:
    lines = imported(newsroom, tmp_path, "feed.json", JSON_FEED, "--publish")
    assert [one["status"] for one in lines] == ["created", "created", "failed", "failed"]
    made = article(newsroom, lines[0]["slug"])
    assert (made["headline"], made["summary"], named(made["authors"])) == (
        "Bridge",
        "Short.",
        ["Mara Lind"],
    )
    note = article(newsroom, lines[1]["slug"])
    assert note["headline"] == "A note without a title. Two paragraphs."
    assert note["body"]["html"] == "<p>A note without a title.</p><p>Two paragraphs.</p>"


def test_a_wordpress_export_becomes_articles(newsroom: Newsroom, tmp_path: Path) -> None:
    extra = (
        '<category domain="category" nicename="local"><![CDATA[Local]]></category>'
        '<category domain="post_tag" nicename="sea"><![CDATA[Sea]]></category>'
        "<wp:postmeta><wp:meta_key>_thumbnail_id</wp:meta_key><wp:meta_value>90</wp:meta_value></wp:postmeta>"
        "<excerpt:encoded><![CDATA[<p>Short.</p>]]></excerpt:encoded>"
    )
    content = wxr(
        post(1, extra=extra),
        post(2, "Draft", "draft"),
        post(3, "Secret", post_password="x"),
        post(4, "Private", "private"),
        post(5, "Later", "future", post_date_gmt="2030-01-01 00:00:00"),
        post(6, "Trash", "trash"),
        post(7, "", content="Just text, and no title."),
        post(
            8,
            "Half a date",
            post_date_gmt="0000-00-00 00:00:00",
            extra="<pubDate>Fri, 02 May 2025 06:30:00 +0200</pubDate>",
        ),
    )
    lines = imported(newsroom, tmp_path, "export.xml", content, "--publish")
    assert [one["status"] for one in lines] == [
        *["created"] * 5,
        "skipped",
        "created",
        "created",
        "skipped",
    ]
    made = article(newsroom, "bridge-1")
    assert (made["headline"], made["summary"], made["status"]) == (
        "Bridge opens",
        "Short.",
        "published",
    )
    assert (named(made["authors"]), named(made["tags"])) == (["Mara Lind"], ["Local", "Sea"])
    assert (made["section"]["name"], made["language"]) == ("Local", "en-US")
    assert made["image"]["url"] == "https://valley.example/a.jpg"
    assert (made["image"]["alt"], made["image"]["caption"]) == ("A bridge", "At dawn")
    states = {
        number: article(newsroom, f"bridge-{number}")["status"] for number in (2, 3, 4, 5, 7, 8)
    }
    assert states == {
        2: "draft",
        3: "draft",
        4: "draft",
        5: "scheduled",
        7: "published",
        8: "published",
    }
    assert article(newsroom, "bridge-7")["headline"] == "Just text, and no title."
    assert article(newsroom, "bridge-8")["published_at"] == "2025-05-02T04:30:00Z"
    again = imported(newsroom, tmp_path, "export.xml", content, "--publish")
    assert Counter(one["status"] for one in again) == {"unchanged": 7, "skipped": 2}


def test_a_corrected_file_updates_its_articles_and_leaves_their_addresses(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    imported(newsroom, tmp_path, "export.xml", wxr(post(1), post(2)), "--publish")
    newsroom.send("PATCH", "/v1/articles/bridge-1", {"slug": "our-own-slug"})
    changed = wxr(post(1, content="<p>It is closed.</p>"), post(2))
    lines = imported(newsroom, tmp_path, "export.xml", changed, "--publish")
    assert [one["status"] for one in lines] == ["updated", "unchanged", "skipped"]
    made = article(newsroom, "our-own-slug")
    assert made["body"]["html"] == "<p>It is closed.</p>"


def test_a_slug_that_is_taken_is_made_anew(newsroom: Newsroom, tmp_path: Path) -> None:
    newsroom.article("Ours", slug="bridge-1")
    lines = imported(newsroom, tmp_path, "export.xml", wxr(post(1), post(2)))
    assert [(one["status"], one.get("slug")) for one in lines[:2]] == [
        ("created", "bridge-opens"),
        ("created", "bridge-2"),
    ]
    again = imported(newsroom, tmp_path, "export.xml", wxr(post(1), post(2)))
    assert [one["status"] for one in again[:2]] == ["unchanged", "unchanged"]


@pytest.mark.parametrize(
    "part",
    ["<!-- wp:x", "[audio " + "a" * 99_000, '<figure class="wp-block-embed" ', "[caption]", "[embed]x", "<pre", "<figure class=wp-block-embed><div>https://e.org/", " ", "\n", "<p>",
     "<", "[", "<a><img", "\n \n", 'class="', "<li>\n<p>a</p>\n", "https://e.org \n"],
)  # fmt: skip
def test_no_content_takes_long(part: str) -> None:
    content = part * (200_000 // len(part))
    began = time.process_time()
    body_html(content, PICTURES, [])
    assert time.process_time() - began < 5


PICTURES = {"7": Picture("https://v.example/7.jpg", "Seven", "A seven")}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("One\n\nTwo\nlines", "<p>One</p>\n<p>Two<br>lines</p>"),
        ("<p>One</p>\n\n<p>Two</p>", "<p>One</p>\n<p>Two</p>"),
        ("<!-- wp:paragraph -->\n<p>One</p>\n<!-- /wp:paragraph -->", "<p>One</p>"),
        (
            "[caption id='a' width='9']<a href='/x'><img src='/a.jpg'></a> At <b>dawn</b>[/caption]",
            "<figure>\n<a href='/x'><img src='/a.jpg'></a>\n<figcaption>At <b>dawn</b>\n</figcaption>\n</figure>",
        ),
        (
            '[gallery ids="7,8"]',
            '<figure>\n<img src="https://v.example/7.jpg" alt="A seven">\n<figcaption>Seven\n</figcaption>\n</figure>',
        ),
        ("<pre>a\n\nb</pre>", "<pre>a\n\nb</pre>"),
        ("A [sic] bracket [unknown x] stays", "<p>A [sic] bracket [unknown x] stays</p>"),
    ],
)
def test_what_wordpress_keeps_becomes_html(content: str, expected: str) -> None:
    made = body_html(content, PICTURES, [])
    assert "".join(made.replace("<p>", "").replace("</p>", "").split()) == "".join(
        expected.replace("<p>", "").replace("</p>", "").split()
    )


@pytest.mark.parametrize(
    "content",
    [
        "Before\n\nhttps://youtu.be/1\n\nAfter",
        "Before\n\n[embed]https://youtu.be/1[/embed]\n\nAfter",
        '<!-- wp:embed {"url":"https://youtu.be/1"} --><figure class="wp-block-embed"><div class="x">\n'
        "https://youtu.be/1\n</div></figure><!-- /wp:embed -->",
    ],
)
def test_what_wordpress_embeds_is_an_embed(
    newsroom: Newsroom, tmp_path: Path, content: str
) -> None:
    imported(newsroom, tmp_path, "export.xml", wxr(post(1, content=content)))
    blocks = article(newsroom, "bridge-1", "body=blocks")["body"]["blocks"]
    assert {"type": "embed", "kind": "link", "url": "https://youtu.be/1"} in blocks


def test_broken_xml_is_read_as_far_as_it_goes_and_said(newsroom: Newsroom, tmp_path: Path) -> None:
    whole = wxr(post(1), post(2), post(3))
    cut = whole[: whole.index("bridge-3")]
    lines = imported(newsroom, tmp_path, "cut.xml", cut)
    assert [one["status"] for one in lines][:2] == ["created", "created"]
    assert lines[-1]["status"] == "failed"
    assert "broken XML" in lines[-1]["detail"]
    ampersand = whole.replace("<title>Valley", "<title>A & B")
    lines = imported(newsroom, tmp_path, "ampersand.xml", ampersand)
    assert Counter(one["status"] for one in lines) == {"unchanged": 2, "created": 1, "skipped": 1}
    controls = wxr(post(9, content="<p>a\x0bb\x1fc</p>"))
    (made, _) = imported(newsroom, tmp_path, "controls.xml", controls)
    assert article(newsroom, made["slug"])["body"]["html"] == "<p>abc</p>"


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {chr(98 + level)} "{("&" + chr(97 + level) + ";") * 10}">' for level in range(9)
)


@pytest.mark.parametrize("template", [RSS, wxr(post(1)), ATOM])
@pytest.mark.parametrize(
    "prolog",
    [
        BOMB + "]>",
        '<!DOCTYPE x [<!ENTITY j SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!entity j SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!ENTITY % j SYSTEM "http://127.0.0.1:9/x">%j;]>',
    ],
)
def test_xml_with_entities_of_its_own_is_refused(
    newsroom: Newsroom, tmp_path: Path, template: str, prolog: str
) -> None:
    start = template.index("<rss") if "<rss" in template else template.index("<feed")
    hostile = (prolog + template[start:]).replace("It is open", "&j; It is open")
    (line,) = imported(newsroom, tmp_path, "hostile.xml", hostile)
    assert line["status"] == "failed"
    assert "entities of its own" in line["detail"]
    assert newsroom.get("/v1/articles", newsroom.key("preview")).json()["data"] == []


def test_an_external_document_type_is_not_fetched(newsroom: Newsroom, tmp_path: Path) -> None:
    start = RSS.index("<rss")
    content = '<!DOCTYPE rss SYSTEM "http://127.0.0.1:9/none.dtd">' + RSS[start:]
    assert [one["status"] for one in imported(newsroom, tmp_path, "a.xml", content)][:1] == [
        "created"
    ]


READ_A_LARGE_ONE = """
import io, sys
from app.importing.found import Found
from app.importing.wordpress import read_wordpress

head, one, tail = sys.stdin.read().split("{items}")

class Endless:
    '''Some 30 MB, of which nobody has all.'''
    place = 0

    def read(self, size=-1):
        self.place += 1
        if self.place == 1:
            return head.encode()
        return one.encode() if self.place <= 4_001 else tail.encode() if self.place == 4_002 else b""

    def seek(self, place):
        self.place = 0

def most():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

whole = head + one + tail
list(read_wordpress(io.BytesIO(whole.encode())))  # what is imported when it is first needed
before = most()
count = sum(isinstance(found, Found) for found in read_wordpress(Endless()))
print(count, most() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says it there")
def test_a_large_export_is_read_as_a_stream() -> None:
    """In a process of its own, for most of the memory is that of a library in C."""
    one = post(1, content="<p>" + "word " * 1_500 + "</p>")
    head, _, tail = WXR.partition("{items}")
    run = subprocess.run(
        [sys.executable, "-c", READ_A_LARGE_ONE],
        input="{items}".join((head, one, tail)),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    count, grown_kb = map(int, run.stdout.split())
    assert count == 4_000
    assert grown_kb < 15_000


GHOST: Any = {
    "db": [
        {
            "meta": {},
            "data": {
                "posts": [
                    {"id": "1", "title": "Bridge", "slug": "bridge", "html": '<p>Open, <a href="__GHOST_URL__/x">see</a>.</p>',
                     "status": "published", "visibility": "public", "type": "post", "custom_excerpt": "Short.",
                     "feature_image": "https://v.example/a.jpg", "published_at": "2025-05-02T04:30:00.000Z"},
                    {"id": "2", "title": "For members", "slug": "members", "html": "<p>Paid.</p>", "status": "published",
                     "visibility": "paid", "type": "post", "published_at": "2025-05-02T04:30:00.000Z"},
                    {"id": "3", "title": "Draft", "slug": "draft", "html": "<p>x</p>", "status": "draft", "type": "post"},
                    {"id": "4", "title": "About", "slug": "about", "html": "<p>x</p>", "status": "published", "type": "page"},
                ],
                "users": [{"id": "a", "name": "Mara Lind"}, {"id": "b", "name": "Tor Vik"}],
                "tags": [{"id": "t", "name": "Sea"}, {"id": "h", "name": "#hidden"}],
                "posts_authors": [{"post_id": "1", "author_id": "b", "sort_order": 0}, {"post_id": "1", "author_id": "a", "sort_order": 1}],
                "posts_tags": [{"post_id": "1", "tag_id": "h", "sort_order": 0}, {"post_id": "1", "tag_id": "t", "sort_order": 1}],
                "posts_meta": [{"post_id": "1", "feature_image_alt": "A bridge", "feature_image_caption": "At <b>dawn</b>"}],
            },
        }
    ]
}  # fmt: skip


def test_a_ghost_export_becomes_articles(newsroom: Newsroom, tmp_path: Path) -> None:
    lines = imported(newsroom, tmp_path, "ghost.json", GHOST, "--publish")
    statuses = [one["status"] for one in lines]
    assert statuses == ["created", "created", "created", "skipped", "skipped"]
    assert "--site" in lines[-1]["detail"]
    made = article(newsroom, "bridge")
    assert (named(made["authors"]), named(made["tags"])) == (["Tor Vik", "Mara Lind"], ["Sea"])
    assert (made["summary"], made["image"]["alt"], made["image"]["caption"]) == (
        "Short.",
        "A bridge",
        "At dawn",
    )
    assert '<a href="/x"' in made["body"]["html"]
    assert [article(newsroom, slug)["status"] for slug in ("bridge", "members", "draft")] == [
        "published", "draft", "draft",
    ]  # fmt: skip
    assert newsroom.get("/v1/articles/members").status_code == 404


def lexical(*children: Any) -> str:
    return json.dumps({"root": {"type": "root", "children": children}})


def test_what_ghosts_editors_keep_becomes_html() -> None:
    text = {"type": "extended-text", "text": "a < b", "format": 3}
    link = {
        "type": "link",
        "url": "https://e.org/?a&b",
        "children": [{"type": "text", "text": "c"}],
    }
    assert lexical_html(
        lexical({"type": "paragraph", "children": [text, {"type": "linebreak"}, link]})
    ) == ('<p><em><strong>a &lt; b</strong></em><br><a href="https://e.org/?a&amp;b">c</a></p>')
    item = {"type": "listitem", "children": [{"type": "text", "text": "a"}]}
    assert (
        lexical_html(lexical({"type": "list", "listType": "number", "children": [item]}))
        == "<ol><li>a</li></ol>"
    )
    image = {"type": "image", "src": "https://e.org/a.jpg", "alt": "A", "caption": "<b>C</b>"}
    assert lexical_html(lexical(image)) == (
        '<figure><img src="https://e.org/a.jpg" alt="A"><figcaption><b>C</b></figcaption></figure>'
    )
    assert (
        lexical_html(lexical({"type": "codeblock", "code": "a < b"}))
        == "<pre><code>a &lt; b</code></pre>"
    )
    assert lexical_html(lexical({"type": "unknown", "children": [item]})) == "<li>a</li>"
    for broken in ("", "{", "[]", '{"root": 1}', lexical(1, None, {"type": 1}, {"children": {}})):
        assert lexical_html(broken) == ""
    mobiledoc = {
        "version": "0.3.1",
        "markups": [["a", ["href", "https://e.org/"]], ["strong"]],
        "atoms": [["soft-return", "", {}]],
        "cards": [["image", {"src": "https://e.org/a.jpg"}], ["hr", {}]],
        "sections": [
            [1, "p", [[0, [], 0, "One "], [0, [0, 1], 2, "two"], [1, [], 0, 0], [0, [], 0, "< three"]]],
            [10, 0], [3, "ul", [[[0, [], 0, "a"]]]], [1, "h2", [[0, [], 0, "b"]]], [10, 1], [10, 9], "x",
        ],
    }  # fmt: skip
    assert mobiledoc_html(json.dumps(mobiledoc)) == (
        '<p>One <a href="https://e.org/"><strong>two</strong></a><br>&lt; three</p>'
        '<figure><img src="https://e.org/a.jpg" alt=""></figure><ul><li>a</li></ul><h2>b</h2><hr>'
    )


NINJS = {
    "uri": "urn:v:1", "type": "text", "versionCreated": "2025-05-02T06:30:00+02:00", "pubStatus": "usable",
    "headlines": [{"role": "sub", "value": "Below"}, {"role": "main", "value": "Bridge"}], "urgency": 3,
    "bodies": [{"contentType": "text/plain", "value": "Plain"}, {"contentType": "text/html", "value": "<p>It is open.</p>"}],
    "descriptions": [{"role": "summary", "value": "Short."}], "by": "By Mara", "located": "HARROW BAY",
    "people": [{"name": "Ada"}], "places": [{"name": "Harrow"}], "subjects": [{"name": "Sea"}, {"name": "Local", "rel": "section"}],
    "infoSources": [{"name": "Mara Lind", "role": "author"}, {"name": "Valley Wire"}], "copyrightNotice": "© V",
    "embargoedUntil": "2030-01-01T00:00:00Z", "language": "en",
    "associations": [{"name": "a", "type": "picture", "uri": "u", "by": "Tor", "descriptions": [{"role": "caption", "value": "Dawn"}],
      "renditions": [{"href": "https://v.example/s.jpg", "width": 10}, {"href": "https://v.example/l.jpg", "width": 900}]}],
}  # fmt: skip


def lower(value: Any) -> Any:
    if isinstance(value, list):
        return [lower(one) for one in value]
    if isinstance(value, dict):
        return {
            name.lower().replace("embargoeduntil", "embargoed"): lower(one)
            for name, one in value.items()
        }
    return value


@pytest.mark.parametrize(
    "document",
    [NINJS, lower(NINJS), [NINJS], {"uri": "p", "type": "composite", "associations": [NINJS]}],
)
def test_ninjs_of_each_version_becomes_an_article(
    newsroom: Newsroom, tmp_path: Path, document: Any
) -> None:
    (line,) = imported(newsroom, tmp_path, "a.ninjs", document, "--publish")
    made = article(newsroom, line["slug"])
    assert (made["headline"], made["subheadline"], made["summary"]) == ("Bridge", "Below", "Short.")
    assert (made["byline"], made["dateline"], made["urgency"]) == ("By Mara", "HARROW BAY", 3)
    assert (named(made["authors"]), made["source"], made["copyright"]) == (
        ["Mara Lind"],
        "Valley Wire",
        "© V",
    )
    kinds = {one["name"]: one["kind"] for one in made["tags"]}
    assert kinds == {"Ada": "person", "Harrow": "place", "Sea": "topic", "Local": "section"}
    assert made["body"]["html"] == "<p>It is open.</p>"
    assert (made["image"]["url"], made["image"]["credit"], made["image"]["width"]) == (
        "https://v.example/l.jpg",
        "Tor",
        900,
    )
    assert made["embargoed_until"] == "2030-01-01T00:00:00Z"
    assert newsroom.get(f"/v1/articles/{line['slug']}").status_code == 404


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"pubStatus": "withheld"}, "created"),
        ({"pubStatus": "canceled"}, "skipped"),
        ({"type": "picture"}, "skipped"),
        ({"uri": ""}, "failed"),
    ],
)
def test_ninjs_that_is_not_to_be_used_is_not_published(
    newsroom: Newsroom, tmp_path: Path, change: dict[str, Any], status: str
) -> None:
    lines = imported(
        newsroom, tmp_path, "a.ninjs", {**NINJS, **change, "embargoedUntil": None}, "--publish"
    )
    assert [one["status"] for one in lines] == [status]
    assert newsroom.get("/v1/articles").json()["data"] == []


PAGE = """<!doctype html><html lang="en-GB"><head><title>Bridge opens - Valley</title>
<script type="application/ld+json">{"@type": "NewsArticle", "headline": "Bridge opens", "datePublished":
"2025-05-02T06:30:00+02:00", "author": [{"@type": "Person", "name": "Mara Lind"}], "description": "Short."}</script>
<link rel="canonical" href="https://v.example/bridge"></head><body><nav><a href="/">Home</a> <a href="/news">News</a></nav>
<article><h1>Bridge opens</h1><p>The bridge opened at dawn after ten years of work, and hundreds walked across it before noon.</p>
<p>Cars may use it from Monday on, said the mayor, who cut a ribbon with a pair of garden shears and then fell in.</p>
<h2>What it cost</h2><p>Nobody would say on Saturday what it had cost, but everybody agreed that it was <b>a lot</b> of money.</p>
</article><footer>Cookies and other things that nobody reads</footer></body></html>"""


def test_a_web_page_becomes_an_article(newsroom: Newsroom, tmp_path: Path) -> None:
    (line,) = imported(newsroom, tmp_path, "bridge.html", PAGE, "--publish")
    made = article(newsroom, line["slug"])
    assert (made["headline"], made["language"], made["summary"]) == (
        "Bridge opens",
        "en-GB",
        "Short.",
    )
    assert (made["published_at"], named(made["authors"])) == ("2025-05-02T04:30:00Z", ["Mara Lind"])
    assert made["canonical_url"] == "https://v.example/bridge"
    assert "garden shears" in made["body"]["html"]
    assert "<h2>What it cost</h2>" in made["body"]["html"]
    assert "Cookies" not in made["body"]["html"]
    (again,) = imported(newsroom, tmp_path, "bridge.html", PAGE, "--publish")
    assert again["status"] == "unchanged"
    (empty,) = imported(newsroom, tmp_path, "empty.html", "<!doctype html><html></html>")
    assert (empty["status"], "no article" in empty["detail"]) == ("failed", True)


@pytest.mark.parametrize("suffix", ["rss", "atom", "feed.json", "ninjs"])
def test_what_byline_writes_byline_reads(newsroom: Newsroom, tmp_path: Path, suffix: str) -> None:
    load_demo(newsroom.database, newsroom.clock())
    written = newsroom.get(f"/v1/articles.{suffix}?limit=100").text
    before = newsroom.get("/v1/articles?limit=100&body=text").json()["data"]
    for one in newsroom.get("/v1/articles?limit=100", newsroom.key("preview")).json()["data"]:
        newsroom.send("DELETE", f"/v1/articles/{one['id']}")
    lines = imported(newsroom, tmp_path, f"feed.{suffix}", written, "--publish")
    assert {one["status"] for one in lines if one["status"] != "skipped"} == {"created"}
    after = {
        one["external_id"]: one
        for one in newsroom.get("/v1/articles?limit=100&body=text").json()["data"]
    }
    assert len(after) == len(before)
    for one in before:
        other = after[f"urn:uuid:{one['id']}"]
        for name in ("headline", "language", "published_at"):
            assert other[name] == one[name]
        assert named(other["authors"]) == (named(one["authors"]) or named(other["authors"]))
        assert sorted(named(other["tags"])) == sorted(named(one["tags"]))
        if one["body"] and not one["corrections"]:
            assert other["body"]["text"].split() == one["body"]["text"].split()


COUNTS = {
    "wxr/co-authors-plus.xml": {"created": 4},
    "wxr/feature-image-captions.xml": {"created": 3},
    "wxr/sample.xml": {"created": 3, "skipped": 2},
    "wxr/theme-preview.xml": {"created": 7},
    "wxr/themeunittestdata.wordpress.xml": {"created": 58, "skipped": 21},
    "ghost/ghost.json": {"created": 3},
    "ninjs/ap_image.json": {"skipped": 1},
    "ninjs/dpa_text.json": {"created": 1},
    "ninjs/imageLinkedRights.json": {"skipped": 1},
    "ninjs/ninjsExSimpleText_3.json": {"created": 1},
    "ninjs/ntb_text.json": {"created": 1},
    "ninjs/tt_text_image_3.json": {"created": 1},
    **{f"languages/{name}.html": {"created": 1} for name in ("arb", "cmn_hans", "deu_1996", "eng", "fin", "fra", "jpn", "kor", "rus", "spa", "tur")},
}  # fmt: skip
"""WordPress's posts, without its pages and other things (skipped)."""


@needs_data
@pytest.mark.parametrize("name", COUNTS)
def test_each_file_of_others_comes_in_whole_and_once(newsroom: Newsroom, name: str) -> None:
    lines = import_files(newsroom, DATA / name, publish=True)
    assert Counter(one["status"] for one in lines) == COUNTS[name]
    again = import_files(newsroom, DATA / name, publish=True)
    created = COUNTS[name].get("created")
    expected = {"unchanged": created} if created else {}
    assert Counter(one["status"] for one in again if one["status"] != "skipped") == expected
    posts = {"created": created or 0}
    assert (
        newsroom.get("/v1/articles?count=exact", newsroom.key("preview")).json()["page"]["total"]
        == posts["created"]
    )


@pytest.mark.parametrize(
    ("begun", "kind"),
    [
        ('{"headline": "x"}\n', "NDJSON"),
        ('{"type": "author", "id": "x"}', "NDJSON"),
        ('{\n  "db": []}', "JSON"),
        ('{"db": [{"data": {}}]}', "JSON"),
        ('{"version": "https://jsonfeed.org/version/1", "items": []}', "JSON"),
        ('[{"uri": "x"}]', "JSON"),
        ("\ufeff<?xml version='1.0'?><rss>", "feed"),
        ("<?xml?><!-- c --><feed>", "feed"),
        ("<rdf:RDF xmlns='http://purl.org/rss/1.0/'>", "feed"),
        ("<rss xmlns:wp='http://wordpress.org/export/1.2/'>", "WordPress"),
        ("<!DOCTYPE html><html>", "web page"),
        ("\n\n<HTML lang=en>", "web page"),
        ("Harbour bridge opens\n\nBy Mara", "captured page"),
        ("", "captured page"),
    ],
)
def test_a_file_says_itself_what_it_is(begun: str, kind: str) -> None:
    assert kind_of(begun.encode()) == kind


def test_folders_come_in_file_by_file_and_one_that_cannot_be_read_fails_alone(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    folder = tmp_path / "wire"
    (folder / "deep").mkdir(parents=True)
    (folder / ".hidden").write_text("x")
    (folder / "a.json").write_text("{ broken")
    (folder / "b.json").write_text(json.dumps({"neither": 1, "nor": [2]}, indent=1))
    (folder / "deep" / "c.ninjs").write_text(json.dumps(NINJS))
    lines = import_here(newsroom, folder, tmp_path / "nothing.txt")
    files = [(Path(one["file"]).name, one["status"]) for one in lines]
    assert files == [
        ("a.json", "failed"),
        ("b.json", "failed"),
        ("c.ninjs", "created"),
        ("nothing.txt", "failed"),
    ]
    assert "broken JSON" in lines[0]["detail"]
    assert "neither a Ghost export" in lines[1]["detail"]


def test_a_wrong_item_is_said_and_the_others_go_on(newsroom: Newsroom, tmp_path: Path) -> None:
    items = [
        {"id": str(number), "title": f"T {number}", "content_text": "x"} for number in range(450)
    ]
    items[7]["content_text"] = "x" * 400_000
    lines = imported(newsroom, tmp_path, "feed.json", {**JSON_FEED, "items": items})
    assert Counter(one["status"] for one in lines) == {"created": 449, "failed": 1}
    assert lines[7]["errors"][0]["pointer"] == "/body/source"
    assert [one["item"] for one in lines] == [str(number) for number in range(450)]


ODD: list[Any] = [
    None, 1, 1e30, True, 1.5, "x", "\ud800", "a\x00b", [], {}, [None], [[]], {"a": {}}, [{"b": [1]}], [5, "x"],
    "[" * 3_000, "9999-12-31T23:59:59Z", "tomorrow",
]  # fmt: skip
"""What no member that means something else has."""


def odd_documents() -> Iterator[dict[str, Any]]:
    """Documents with one odd member each, and a good item behind."""
    good_item = {"id": "good", "title": "Good", "content_text": "x"}
    for name in ("id", "title", "content_html", "content_text", "summary", "image", "authors", "tags", "url",
                 "date_published", "language"):  # fmt: skip
        for value in ODD:
            yield {**JSON_FEED, "items": [{"id": "odd", "title": "x", name: value}, good_item]}
    post = GHOST["db"][0]["data"]["posts"][0]
    for name in (*post, "lexical", "mobiledoc", "uuid"):
        for value in ODD:
            odd = {**post, "html": None, name: value}
            posts = [odd, {**post, "id": "good", "slug": "good", "title": "Good"}]
            yield {"db": [{"data": {**GHOST["db"][0]["data"], "posts": posts}}]}
    for table in ("users", "tags", "posts_authors", "posts_tags", "posts_meta"):
        for value in ODD:
            post_good = {**post, "id": "good", "slug": "good", "title": "Good"}
            rows = [
                {
                    "id": value,
                    "name": value,
                    "post_id": value,
                    "author_id": value,
                    "tag_id": value,
                    "sort_order": value,
                }
            ]
            yield {
                "db": [
                    {"data": {**GHOST["db"][0]["data"], "posts": [post, post_good], table: rows}}
                ]
            }


def test_no_odd_item_fails_the_good_one_behind_it(newsroom: Newsroom, tmp_path: Path) -> None:
    for document in odd_documents():
        file = tmp_path / "odd.json"
        file.write_text(json.dumps(document), encoding="utf-8")
        lines = import_files(newsroom, file, publish=False)
        good = next(one for one in lines if one.get("item") == "good")
        assert good["status"] in ("created", "unchanged", "updated"), document


def test_no_odd_ninjs_fails_the_good_one_behind_it(newsroom: Newsroom, tmp_path: Path) -> None:
    good = {**NINJS, "uri": "urn:good"}
    for name in (*NINJS, "altIds", "headline", "body_html", "expires", "contentCreated", "byline"):
        documents: list[Any] = [[{**NINJS, "uri": "urn:odd", name: value}, good] for value in ODD]
        for document in documents:
            file = tmp_path / "odd.json"
            file.write_text(json.dumps(document), encoding="utf-8")
            lines = import_files(newsroom, file, publish=False)
            assert any(
                one.get("item") == "urn:good" and one["status"] != "failed" for one in lines
            ), (name, lines)


@pytest.mark.parametrize(
    "change",
    [
        {"embargoed": "tomorrow"},
        {"embargoed": "9999-12-31T23:59:59Z"},
        {"embargoed": "Tue, 01 Dec 2026 06:00:00 GMT"},
        {"embargoedUntil": "2030-01-01T00:00:00"},
        {"embargoedUntil": 5},
        {"expires": "next week"},
    ],
)
def test_a_limit_that_cannot_be_read_keeps_its_article_out(
    newsroom: Newsroom, tmp_path: Path, change: dict[str, Any]
) -> None:
    document = {
        **{name: value for name, value in NINJS.items() if name != "embargoedUntil"},
        **change,
    }
    (line,) = imported(newsroom, tmp_path, "a.ninjs", document, "--publish")
    assert (line["status"], "no time with an offset" in line["detail"]) == ("failed", True)
    assert newsroom.get("/v1/articles", newsroom.key("preview")).json()["data"] == []


def test_what_was_edited_here_stays_until_the_other_side_changes(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    imported(newsroom, tmp_path, "export.xml", wxr(post(1)), "--publish")
    newsroom.send("PATCH", "/v1/articles/bridge-1", {"headline": "Edited here"})
    (again, _) = imported(newsroom, tmp_path, "export.xml", wxr(post(1)), "--publish")
    assert (again["status"], article(newsroom, "bridge-1")["headline"]) == (
        "unchanged",
        "Edited here",
    )
    (changed, _) = imported(newsroom, tmp_path, "export.xml", wxr(post(1, "Newer")), "--publish")
    assert (changed["status"], article(newsroom, "bridge-1")["headline"]) == ("updated", "Newer")


def test_a_draft_that_came_in_is_published_by_a_later_run(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    imported(newsroom, tmp_path, "export.xml", wxr(post(1), post(2, "Draft", "draft")))
    lines = imported(
        newsroom, tmp_path, "export.xml", wxr(post(1), post(2, "Draft", "draft")), "--publish"
    )
    assert [one["status"] for one in lines] == ["updated", "unchanged", "skipped"]
    states = [article(newsroom, slug)["status"] for slug in ("bridge-1", "bridge-2")]
    assert states == ["published", "draft"]


def test_ids_are_those_of_the_site_that_they_come_from(newsroom: Newsroom, tmp_path: Path) -> None:
    one, other = (
        f"<rss><channel><link>https://{name}.example</link><item><guid>1</guid><title>{name}</title></item></channel></rss>"
        for name in ("a", "b")
    )
    for content in (one, other):
        (line,) = imported(newsroom, tmp_path, "feed.xml", content)
        assert line["status"] == "created"
    twice = {**JSON_FEED, "items": [{"id": "1", "title": "a"}, {"id": "1", "title": "b"}]}
    first, second = imported(newsroom, tmp_path, "twice.json", twice)
    assert (first["status"], second["status"]) == ("created", "failed")
    assert "id of an item before it" in second["detail"]


def test_the_newsrooms_own_articles_do_not_come_in_again(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    newsroom.article("Ours")
    feed = newsroom.get("/v1/articles.atom").text
    (line,) = imported(newsroom, tmp_path, "own.xml", feed)
    assert (line["status"], line["detail"]) == ("skipped", "is an article of this newsroom")


def test_what_says_no_date_says_so(newsroom: Newsroom, tmp_path: Path) -> None:
    feed = {
        **JSON_FEED,
        "items": [
            {"id": "1", "title": "a"},
            {"id": "2", "title": "b", "date_published": "2025-01-01T00:00:00Z"},
            {"id": "3"},
        ],
    }
    first, second, third = imported(newsroom, tmp_path, "feed.json", feed, "--publish")
    assert "says no date" in first["detail"]
    assert "detail" not in second
    assert third["detail"] == "has neither a title nor a text"
    draft = post(1, "Draft", "draft", post_date_gmt="0000-00-00 00:00:00",
                 extra="<pubDate>Mon, 30 Nov -0001 00:00:00 +0000</pubDate>")  # fmt: skip
    imported(newsroom, tmp_path, "export.xml", wxr(draft))
    assert article(newsroom, "bridge-1")["published_at"] is None


def test_plain_text_is_no_markup_and_addresses_lead_where_they_led(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    item = {"id": "1", "title": "The <video> element: 1 < 2", "summary": "Use <b>, not <i>", "url": "https://v.example/a/",
            "content_html": "<p><a href='b'>x</a> <img src='/c.jpg'></p>"}  # fmt: skip
    (line,) = imported(newsroom, tmp_path, "feed.json", {**JSON_FEED, "items": [item]})
    made = article(newsroom, line["slug"])
    assert (made["headline"], made["summary"]) == ("The <video> element: 1 < 2", "Use <b>, not <i>")
    assert 'href="https://v.example/a/b"' in made["body"]["html"]
    assert 'src="https://v.example/c.jpg"' in made["body"]["html"]
    file = tmp_path / "ghost.json"
    file.write_text(json.dumps(GHOST).replace("https://v.example/a.jpg", "__GHOST_URL__/a.jpg"))
    lines = [
        *imported_files(
            newsroom.database,
            files_in([file]),
            publish=False,
            language="en",
            site="https://old.example/",
        )
    ]
    made = article(newsroom, lines[0]["slug"])
    assert made["image"]["url"] == "https://old.example/a.jpg"
    assert 'href="https://old.example/x"' in made["body"]["html"]


@pytest.mark.parametrize(
    ("written", "headline", "text"),
    [
        ("AT&T & more", "AT&T & more", "a & b"),
        ("A &nbsp; B", "A \u00a0 B", "a &amp; b"),
        ("A &#8; B", "A B", "a b"),
        ("A &lt;b&gt; &amp;amp; B", "A & B", "a <b>b</b>"),
    ],
)
def test_what_xml_would_refuse_is_read_as_it_was_meant(
    newsroom: Newsroom, tmp_path: Path, written: str, headline: str, text: str
) -> None:
    lines = imported(
        newsroom, tmp_path, "export.xml", wxr(post(1, written, content=f"<p>{text}</p>"), post(2))
    )
    assert [one["status"] for one in lines[:2]] == ["created", "created"]
    made = article(newsroom, "bridge-1")
    assert made["headline"] == headline
    assert made["body"]["html"].replace("&amp;", "&") == f"<p>{text}</p>".replace("&amp;", "&")


def test_what_an_article_says_of_entities_is_text(newsroom: Newsroom, tmp_path: Path) -> None:
    content = wxr(
        post(1, content="<p>&lt;!DOCTYPE x [&lt;!ENTITY y 'z'>]> <!-- <!ENTITY a> --></p>")
    )
    assert imported(newsroom, tmp_path, "a.xml", content)[0]["status"] == "created"
    hidden = "<!-- <rss -->" + BOMB + "]>" + RSS[RSS.index("<rss") :]
    (line,) = imported(newsroom, tmp_path, "b.xml", hidden)
    assert "entities of its own" in line["detail"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x1f\x8b\x08", "is compressed"),
        (b"PK\x03\x04", "is compressed"),
        (b"---\ntitle: x\n---\n", "is Markdown"),
        (b" \n", "is empty"),
        (b'{"@context": "https://schema.org"}', "is JSON-LD"),
        (b'{"data": [], "page": {}}', "is an answer of this API"),
        (b'{"db": [{"data": {"posts": {}}}]}', "without a list of `posts`"),
        (
            b'{"version": "https://jsonfeed.org/version/1.1", "items": {}}',
            "without a list of `items`",
        ),
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": NaN}]}', "broken JSON"),
        (b"[" * 100_000, "broken JSON"),
    ],
)
def test_what_cannot_come_in_says_what_it_is(
    newsroom: Newsroom, tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    (line,) = import_files(newsroom, file, publish=False)
    assert (line["status"], said in line["detail"]) == ("failed", True), line


def test_lines_are_told_from_other_json_even_where_the_first_is_broken(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    long = json.dumps({"body": {"format": "text", "source": "x " * 40_000}, "headline": "Long"})
    for content, statuses in (
        ('{"headline": "x", oops\n{"headline": "Good"}\n', ["failed", "created"]),
        (f'{long}\n{{"headline": "Second"}}\n', ["created", "created"]),
        ('\ufeff{"headline": "Marked"}\n', ["created"]),
        ('[{"headline": "In an array"},\n {"headline": "Another"}]', ["created", "created"]),
    ):
        lines = imported(newsroom, tmp_path, "lines.json", content)
        assert [one["status"] for one in lines] == statuses, content[:60]
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "LICENSE").write_text("Anybody may use it\n\nfor whatever.\n")
    (line,) = import_files(newsroom, folder, publish=False)
    assert (line["status"], "no format" in line["detail"]) == ("skipped", True)


@needs_data
def test_no_form_of_what_real_newsrooms_wrote_loses_anything() -> None:
    from tests.body.test_forms import lose_nothing

    count = 0
    for name in COUNTS:
        file = DATA / name
        with opened(file) as (content, kind):
            for found in items_of(content, kind, file.name):
                if isinstance(found, Found) and "body" in found.fields:
                    body = found.fields["body"]
                    lose_nothing(body["source"], body["format"])
                    count += 1
    assert count > 80
