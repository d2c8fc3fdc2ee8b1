"""Whatever stands in an article, every format is well-formed and says the same."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import feedparser
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree
from markdown_it import MarkdownIt

from app.body.rendering import render
from app.formats.feeds import atom, json_feed, rss
from app.formats.jsonld import jsonld
from app.formats.news import Feed, Removed, Site
from app.formats.ninjs import ninjs, ninjs_package
from app.formats.page import page
from app.formats.sitemaps import news_sitemap
from app.formats.texts import markdown, text
from app.settings import Settings
from tests.formats.test_judges import needs_schemas, ninjs_validator

NOW = datetime(2026, 11, 24, 12, 0, 30, 123456, tzinfo=UTC)
FORBIDDEN = re.compile("[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NASTY = [
    "]]>", "</script>", "<!--", "&amp;", "&#0;", "\x08\x0b\x1b", "\u202e\u200f", "👩‍👩‍👧‍👦🌉", "---\n", "# x",
    "a" * 300, '"\'`', "%s {slug}", "\ufffe\uffff", "\x85\u2028\u2029", "\\", "﷽", "\ufeff", "\x7f\x9f", "\r\n",
]  # fmt: skip
TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40),
    st.lists(st.sampled_from([*NASTY, "word", " "]), min_size=1, max_size=4).map("".join),
)
FILLED = TEXT.map(lambda said: said if said.strip() else "x")
MAYBE = st.one_of(st.none(), FILLED)


def body(source: str, body_format: str) -> dict[str, str]:
    rendered = render(body_format, source)
    return {"html": rendered.html, "text": rendered.text}


@st.composite
def articles(draw: Callable[..., Any]) -> dict[str, Any]:
    """An article as the API shows it, with anything in it that the API takes."""
    named = st.builds(
        lambda name, role: {
            "id": "01a20c95-fd9f-710b-8f03-e27cdf1368f0",
            "slug": "a",
            "name": name,
            "role": role,
        },
        FILLED,
        MAYBE,
    )
    tagged = st.builds(
        lambda name, kind: {
            "id": "01a20c95-fd9f-710b-8f03-e27cdf1368f1",
            "slug": "t",
            "name": name,
            "kind": kind,
        },
        FILLED,
        st.sampled_from(["section", "topic", "person", "organisation", "place", "event", "series"]),
    )
    image = st.builds(
        lambda caption, credit, alt: {
            "url": "https://e.org/a.jpg?x=%22&y=</script>", "caption": caption, "credit": credit,
            "alt": alt, "width": 640, "height": None,
        },
        MAYBE, MAYBE, MAYBE,
    )  # fmt: skip
    corrected = st.builds(
        lambda note: {"at": "2026-11-24T10:00:00.5Z", "kind": "correction", "note": note}, FILLED
    )
    tags = draw(st.lists(tagged, max_size=2))
    return {
        "id": "01a20c95-fd9f-710b-8f03-e27cdf1368f2",
        "slug": "day",
        "url": "https://news.example.org/day",
        "headline": draw(FILLED)[:300],
        **{
            name: draw(MAYBE) for name in ("subheadline", "summary", "dateline", "byline", "source")
        },
        **{name: draw(MAYBE) for name in ("copyright", "usage_terms", "external_id")},
        "canonical_url": None,
        "language": draw(st.sampled_from(["en", "ar", "zh-Hant", "de-CH"])),
        "image": draw(st.one_of(st.none(), image)),
        "authors": draw(st.lists(named, max_size=2)),
        "tags": tags,
        "section": tags[0] if tags else None,
        "urgency": 3,
        "status": draw(st.sampled_from(["published", "draft", "withdrawn"])),
        "published_at": draw(st.sampled_from([NOW, None])),
        "embargoed_until": None,
        "expires_at": None,
        "first_published_at": NOW,
        "created_at": NOW,
        "corrections": draw(st.lists(corrected, max_size=2)),
        "word_count": 1,
        "reading_minutes": 1,
        "metadata": {},
        "updated_at": NOW,
        "version": 1,
        "body": draw(
            st.one_of(
                st.none(),
                st.builds(body, TEXT, st.sampled_from(["html", "markdown", "text"])),
            )
        ),
    }


SITE = Site.of(Settings(article_url="https://news.example.org/{slug}", site_title="A & B <C>"))
each = settings(max_examples=150, deadline=None)


def feed_of(article: dict[str, Any]) -> Feed:
    removed = [Removed(article["id"], NOW, article["summary"])]
    return Feed(
        SITE,
        article["headline"],
        "https://api.example.org/v1/articles.rss?tag=a&b",
        [article],
        removed=removed,
    )


def flat(said: str | None) -> str:
    """A text without controls, which XML leaves out, and without blanks."""
    return "".join(FORBIDDEN.sub("", said or "").split())


def same(one: str | None, other: str | None) -> bool:
    return flat(one) == flat(other)


def as_read(said: str) -> str:
    """What feedparser makes of text that could be UTF-8 read as Latin-1: it takes it for that."""
    try:
        return flat(said.encode("latin-1").decode("utf-8"))
    except UnicodeError:
        return flat(said)


@each
@given(articles())
def test_rss_and_atom_are_well_formed_and_say_the_same(article: dict[str, Any]) -> None:
    for write in (rss, atom):
        written = write(feed_of(article))
        etree.fromstring(written)
        read = feedparser.parse(written, sanitize_html=False, resolve_relative_uris=False)
        assert read.bozo is False
        if article["status"] == "withdrawn":
            assert read.entries == []
            continue
        (entry,) = read.entries
        assert flat(entry.get("title")) in (flat(article["headline"]), as_read(article["headline"]))
        content = entry.content[0].value if "content" in entry else ""
        shown = article["body"]["html"] if article["body"] else ""
        assert flat(content).startswith(flat(shown))
        assert len(content) > len(shown) or not article["corrections"]


@each
@given(articles())
def test_json_feeds_say_the_same(article: dict[str, Any]) -> None:
    items = json.loads(json_feed(feed_of(article)))["items"]
    if article["status"] == "withdrawn":
        assert items == []
        return
    (item,) = items
    assert item["title"] == article["headline"]
    assert ("content_html" in item) != ("content_text" in item)
    if article["body"] and article["body"]["html"] and not article["corrections"]:
        assert item["content_html"] == article["body"]["html"]


@needs_schemas
@each
@given(articles())
def test_ninjs_is_valid_and_says_the_same(article: dict[str, Any]) -> None:
    for version in ("3.2", "2.2"):
        validator = VALIDATORS.setdefault(version, None) or ninjs_validator(version)
        VALIDATORS[version] = validator
        made = json.loads(ninjs(article, NOW, version))
        validator.validate(made)
        assert made["headlines"][0]["value"] == article["headline"]
        texts = [one["value"] for one in made.get("bodies", [])]
        expected = [article["body"][name] for name in ("html", "text")] if article["body"] else []
        assert texts == expected
        validator.validate(json.loads(ninjs_package(feed_of(article), NOW, version)))


VALIDATORS: dict[str, Any] = {}


@each
@given(articles())
def test_pages_and_json_ld_say_the_same(article: dict[str, Any]) -> None:
    document = json.loads(jsonld(article, SITE))
    assert document["headline"] == article["headline"]
    whole = page(article, SITE).decode()
    # Nothing that was written ends or begins a script.
    assert whole.count("<script") == whole.count("</script>") == 1
    read = etree.HTML(whole, etree.HTMLParser(encoding="utf-8"))
    (script,) = read.findall(".//script")
    assert json.loads(script.text)["headline"] == article["headline"]
    assert same("".join(read.find(".//h1").itertext()), article["headline"])
    assert not read.xpath("//body//*[starts-with(local-name(), 'on')]")


@each
@given(articles())
@example({})
def test_markdown_and_text_say_the_same(article: dict[str, Any]) -> None:
    if not article:
        return
    written = markdown(article, SITE).decode()
    _, front, rest = written.split("---\n", 2) if written.startswith("---\n") else ("", "", "")
    assert yaml.safe_load(front)["title"] == article["headline"]
    if article["body"] and not article["corrections"]:
        shown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
        again = render("html", shown.render(rest))
        assert same(again.text, article["body"]["text"])
    plain = text(article, SITE).decode()
    assert plain.startswith(article["headline"])


class News:
    slug, language, published_at = "day", "en", NOW

    def __init__(self, headline: str) -> None:
        self.headline = headline


@each
@given(FILLED)
def test_news_sitemaps_are_well_formed(headline: str) -> None:
    read = etree.fromstring(news_sitemap(SITE, [News(headline)]))
    assert same(read.findtext(".//{*}title"), headline)


@pytest.mark.parametrize("said", NASTY)
def test_each_nasty_text_is_carried_by_a_feed(said: str) -> None:
    article = {
        **BLANK,
        "headline": f"a {said} b",
        "body": body(f"<p>c {said.replace('<', '&lt;')} d</p>", "html"),
    }
    for write in (rss, atom):
        (entry,) = feedparser.parse(write(feed_of(article)), sanitize_html=False).entries
        assert same(entry.title, article["headline"])
        read = etree.HTML(f"<div>{entry.content[0].value}</div>")
        assert same("".join(read.itertext()), article["body"]["text"])


BLANK: dict[str, Any] = {
    "id": "01a20c95-fd9f-710b-8f03-e27cdf1368f2", "slug": "day", "url": "https://news.example.org/day",
    **dict.fromkeys(("subheadline", "summary", "dateline", "byline", "source", "copyright", "usage_terms"), None),
    **dict.fromkeys(("external_id", "canonical_url", "image", "section", "published_at"), None),
    **dict.fromkeys(("embargoed_until", "expires_at"), None), "language": "en", "authors": [], "tags": [],
    "status": "published", "corrections": [], "updated_at": NOW, "created_at": NOW, "version": 1,
}  # fmt: skip
