"""What others say of the formats: schemas and readers that this project did not write."""

import calendar
import json
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any

import fastfeedparser
import feedparser
import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker
from lxml import etree
from referencing import Registry
from referencing.jsonschema import DRAFT7, DRAFT202012
from usp.tree import sitemap_from_str

from app.body.block_reader import blocks_of
from app.body.rendering import render
from app.cli import imported_files
from app.demo.actions import load_demo
from app.importing.files import files_in
from tests.conftest import SHARED, Lend, Newsroom

SCHEMAS = SHARED / "schemas"
EXAMPLES = SHARED / "data" / "ninjs"
needs_schemas = pytest.mark.skipif(
    not SCHEMAS.is_dir(), reason=f"the schemas of others are not here: {SCHEMAS.name}/"
)
GEOJSON = "https://geojson.org/schema/GeoJSON.json"


TEXT, URI = {"type": "string"}, {"type": "string", "format": "uri"}
DATE = {"type": "string", "format": "date-time"}
JSON_FEED_1 = {
    "definitions": {
        "uri": URI,
        "author": {"type": "object", "minProperties": 1},
        "extension": {"type": "object"},
        "item": {
            "properties": {
                **dict.fromkeys(("banner_image", "external_url", "image", "url"), URI),
                **dict.fromkeys(("content_html", "content_text", "summary", "title"), TEXT),
                **dict.fromkeys(("date_modified", "date_published"), DATE),
                "attachments": {"type": "array"},
                "tags": {"type": "array", "items": TEXT},
            }
        },
    },
    "properties": {
        **dict.fromkeys(("feed_url", "home_page_url", "icon", "next_url"), URI),
        **dict.fromkeys(("description", "title", "user_comment"), TEXT),
        "expired": {"type": "boolean"},
        "hubs": {"type": "array"},
    },
}
"""What the schema of JSON Feed 1.1 takes from that of 1, which is not here; by its specification."""


@pytest.fixture
def newsroom(lend: Lend) -> Newsroom:
    return lend(furnish, search=True)


def furnish(newsroom: Newsroom) -> None:
    load_demo(newsroom.database, newsroom.clock())
    newsroom.make_keys()


def all_articles(newsroom: Newsroom) -> list[dict[str, Any]]:
    """Every article of the sample newsroom, whatever its state."""
    answer = newsroom.get("/v1/articles?limit=100", newsroom.key("preview"))
    return list(answer.json()["data"])


def public_articles(newsroom: Newsroom) -> list[dict[str, Any]]:
    return list(newsroom.get("/v1/articles?limit=100&body=html,text").json()["data"])


def ninjs_validator(version: str) -> Any:
    schema = json.loads((SCHEMAS / f"ninjs-schema_{version}.json").read_text(encoding="utf-8"))
    # IPTC's schema names GeoJSON's by an address that nobody should have to ask.
    stub = DRAFT202012.create_resource({"type": "object"})
    registry: Registry[Any] = Registry().with_resources([(GEOJSON, stub), (f"{GEOJSON}#", stub)])
    return Draft202012Validator(schema, registry=registry, format_checker=FormatChecker())


def json_feed_validator() -> Any:
    schema = json.loads((SCHEMAS / "jsonfeed-1.1.schemastore.json").read_text(encoding="utf-8"))
    before = DRAFT7.create_resource(JSON_FEED_1)
    registry: Registry[Any] = Registry().with_resources(
        [("https://json.schemastore.org/feed-1", before)]
    )
    return Draft7Validator(schema, registry=registry, format_checker=FormatChecker())


@needs_schemas
@pytest.mark.parametrize("version", ["3.2", "2.2"])
def test_every_article_and_package_is_ninjs(newsroom: Newsroom, version: str) -> None:
    validator, key = ninjs_validator(version), newsroom.key("preview")
    articles = all_articles(newsroom)
    assert len(articles) == 40
    for one in articles:
        made = newsroom.get(f"/v1/articles/{one['slug']}.ninjs?ninjs={version}", key).json()
        validator.validate(made)
        assert made["headlines"][0]["value"] == one["headline"]
        held = one["status"] != "published" or one["embargoed_until"] is not None
        state = "canceled" if one["status"] == "withdrawn" else "withheld" if held else "usable"
        assert made["pubStatus" if version == "3.2" else "pubstatus"] == state, one["slug"]
    for path in ("/v1/articles", "/v1/search", "/v1/articles?tag=nowhere"):
        path, _, query = path.partition("?")
        package = newsroom.get(f"{path}.ninjs?limit=100&ninjs={version}&{query}").json()
        validator.validate(package)


@needs_schemas
def test_what_others_wrote_leaves_as_their_schemas_say(newsroom: Newsroom) -> None:
    """All that can be imported here, of WordPress, Ghost, agencies and web pages, in each format."""
    folders = [SHARED / "data" / name for name in ("wxr", "ghost", "ninjs", "languages")]
    files = [one for folder in folders for one in sorted(folder.iterdir()) if one.suffix != ".md"]
    for one in imported_files(newsroom.database, files_in(files), publish=True, language="en"):
        assert one["status"] in ("created", "skipped"), one
    key = newsroom.key("preview")
    validators = {version: ninjs_validator(version) for version in ("3.2", "2.2")}
    feed = json_feed_validator()
    address: str | None = "/v1/articles?limit=100&fields=slug"
    seen = 0
    while address:
        answer = newsroom.get(address, key)
        address = answer.links["next"]["url"] if "next" in answer.links else None
        for one in answer.json()["data"]:
            seen += 1
            for version, validator in validators.items():
                made = newsroom.get(f"/v1/articles/{one['slug']}.ninjs?ninjs={version}", key)
                validator.validate(made.json())
            etree.HTML(newsroom.get(f"/v1/articles/{one['slug']}.html", key).text)
            front_matter(newsroom.get(f"/v1/articles/{one['slug']}.md", key).text)
    assert seen > 120
    address = "/v1/articles.feed.json?limit=100"
    while address:
        answer = newsroom.get(address)
        feed.validate(answer.json())
        for suffix in ("rss", "atom"):
            read = feedparser.parse(newsroom.get(address.replace("feed.json", suffix)).content)
            assert read.bozo is False
            assert len(read.entries) == len(answer.json()["items"])
        address = answer.links["next"]["url"] if "next" in answer.links else None


@needs_schemas
@pytest.mark.parametrize("name", [one.name for one in sorted(EXAMPLES.glob("*.json"))])
def test_the_judge_of_ninjs_judges(name: str) -> None:
    """The agencies' own examples pass, and none of them with a member that ninjs does not have."""
    example = json.loads((EXAMPLES / name).read_text(encoding="utf-8"))
    validator = ninjs_validator("3.2")
    assert validator.is_valid(example)
    assert not validator.is_valid({**example, "headline": "x"})
    assert not validator.is_valid({**example, "pubStatus": "cancelled"})


@needs_schemas
def test_every_page_is_a_json_feed(newsroom: Newsroom) -> None:
    validator = json_feed_validator()
    assert not validator.is_valid({"version": "https://jsonfeed.org/version/1.1", "items": []})
    address: str | None = "/v1/articles.feed.json?limit=7"
    seen = []
    while address:
        answer = newsroom.get(address)
        feed = answer.json()
        validator.validate(feed)
        assert "null" not in [json.dumps(value) for value in feed.values()]
        seen += [one["id"] for one in feed["items"]]
        address = answer.links["next"]["url"] if "next" in answer.links else None
    assert seen == [f"urn:uuid:{one['id']}" for one in public_articles(newsroom)]


@needs_schemas
def test_sitemaps_are_as_their_schema_says(newsroom: Newsroom) -> None:
    schema = etree.XMLSchema(etree.parse(str(SCHEMAS / "sitemap-0.9.xsd")))
    page = etree.fromstring(newsroom.get("/sitemap-1.xml").content)
    schema.assertValid(page)
    assert not schema.validate(etree.fromstring("<urlset/>"))
    found = [one.text for one in page.iter("{*}loc")]
    public = {
        f"http://127.0.0.1:8000/v1/articles/{one['slug']}.html" for one in public_articles(newsroom)
    }
    assert (found[0], set(found[1:])) == ("http://127.0.0.1:8000/docs", public)
    assert newsroom.get("/sitemap-2.xml").status_code == 404


def test_a_reader_of_news_sitemaps_finds_the_news(newsroom: Newsroom) -> None:
    tree = sitemap_from_str(newsroom.get("/sitemap-news.xml").text)
    stories = {page.url: page.news_story for page in tree.all_pages()}
    since = newsroom.clock.at(days=-2)
    recent = [one for one in public_articles(newsroom) if one["published_at"] >= since]
    assert len(stories) == len(recent) > 3
    for one in recent:
        story = stories[f"http://127.0.0.1:8000/v1/articles/{one['slug']}.html"]
        assert story is not None
        assert (story.title, story.publication_name) == (one["headline"], "Byline")
        assert story.publish_date == moment(one["published_at"])


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def to_the_second(text: str) -> int:
    return calendar.timegm(moment(text).utctimetuple())


@pytest.mark.parametrize("suffix", ["rss", "atom"])
def test_feedparser_reads_every_field_as_it_was_written(newsroom: Newsroom, suffix: str) -> None:
    answer = newsroom.get(f"/v1/articles.{suffix}?limit=100")
    # As a reader would get it that does not clean what it is given.
    read = feedparser.parse(answer.content, sanitize_html=False, resolve_relative_uris=False)
    assert (read.bozo, read.version) == (False, {"rss": "rss20", "atom": "atom10"}[suffix])
    assert read.feed.title == "Byline"
    articles = public_articles(newsroom)
    assert [one.id for one in read.entries] == [f"urn:uuid:{one['id']}" for one in articles]
    for entry, one in zip(read.entries, articles, strict=True):
        assert entry.title == one["headline"]
        assert entry.link == f"http://127.0.0.1:8000/v1/articles/{one['slug']}.html"
        assert calendar.timegm(entry.published_parsed) == to_the_second(one["published_at"])
        assert calendar.timegm(entry.updated_parsed) == to_the_second(one["updated_at"])
        assert [author.name for author in entry.authors] == [
            author["name"] for author in one["authors"]
        ] or not one["authors"]
        labels = [tag.label or tag.term for tag in entry.get("tags", [])]
        assert labels == [tag["name"] for tag in one["tags"]]
        content = entry.content[0].value if "content" in entry else ""
        assert content.startswith(one["body"]["html"].strip() if one["body"] else "")
        assert bool(content) == bool(one["body"] or one["corrections"])
        described = one["summary"] or one["subheadline"] or ""
        assert entry.get("summary", "") in (described, content)
        for correction in one["corrections"]:
            assert correction["note"].replace("&", "&amp;") in content
        if one["image"] and one["image"]["url"]:
            assert entry.media_content[0]["url"] == one["image"]["url"]


@pytest.mark.parametrize("suffix", ["rss", "atom"])
def test_a_second_reader_finds_the_same(newsroom: Newsroom, suffix: str) -> None:
    text = newsroom.get(f"/v1/articles.{suffix}?limit=100").text
    entries = fastfeedparser.parse(text).entries
    articles = public_articles(newsroom)
    assert [one.id for one in entries] == [f"urn:uuid:{one['id']}" for one in articles]
    for entry, one in zip(entries, articles, strict=True):
        assert entry.title == one["headline"]
        assert moment(entry.published).timestamp() == to_the_second(one["published_at"])


def test_rss_dates_are_those_of_mail_and_its_ids_are_no_addresses(newsroom: Newsroom) -> None:
    feed = etree.fromstring(newsroom.get("/v1/articles.rss?limit=100").content)
    items = feed.findall("channel/item")
    for item, one in zip(items, public_articles(newsroom), strict=True):
        assert item.findtext("pubDate").endswith(" GMT")
        assert parsedate_to_datetime(item.findtext("pubDate")).timestamp() == to_the_second(
            one["published_at"]
        )
        assert item.find("guid").get("isPermaLink") == "false"
        children = [etree.QName(child).localname for child in item]
        if {"encoded", "description"} <= {*children}:
            assert children.index("encoded") > children.index("description")


def test_json_ld_says_what_search_engines_ask_for(newsroom: Newsroom) -> None:
    for one in public_articles(newsroom):
        document = newsroom.get(f"/v1/articles/{one['slug']}.jsonld").json()
        page = etree.HTML(newsroom.get(f"/v1/articles/{one['slug']}.html").text)
        (within,) = page.xpath("//script[@type='application/ld+json']")
        assert json.loads(within.text) == {
            name: value for name, value in document.items() if name != "articleBody"
        }
        assert (document["@type"], document["headline"]) == ("NewsArticle", one["headline"])
        assert moment(document["datePublished"]).timestamp() == to_the_second(one["published_at"])
        assert moment(document["dateModified"]).timestamp() == to_the_second(one["updated_at"])
        assert [author["name"] for author in document.get("author", [])] == [
            author["name"] for author in one["authors"]
        ]
        assert document.get("articleBody", "") == (one["body"]["text"] if one["body"] else "")
        assert len(document.get("correction", [])) == len(one["corrections"])


def test_a_page_is_accessible_in_its_structure(newsroom: Newsroom) -> None:
    for one in public_articles(newsroom):
        page = etree.HTML(newsroom.get(f"/v1/articles/{one['slug']}.html").text)
        assert page.get("lang") == one["language"]
        assert (page.get("dir") == "rtl") == one["language"].startswith("ar")
        assert len(page.findall(".//h1")) == len(page.findall(".//main")) == 1
        assert page.findtext(".//h1") == one["headline"]
        levels = [int(tag.tag[1]) for tag in page.iter("h1", "h2", "h3", "h4", "h5", "h6")]
        assert all(after - before <= 1 for before, after in pairwise(levels))
        assert all(image.get("alt") is not None for image in page.iter("img"))
        assert page.find(".//link[@rel='canonical']").get("href").startswith("http")


def front_matter(text: str) -> tuple[dict[str, Any], str]:
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body


def test_markdown_has_front_matter_and_says_the_same_again(newsroom: Newsroom) -> None:
    for one in public_articles(newsroom):
        front, body = front_matter(newsroom.get(f"/v1/articles/{one['slug']}.md").text)
        assert (front["title"], front["lang"]) == (one["headline"], one["language"])
        assert front.get("tags", []) == [tag["name"] for tag in one["tags"]]
        if one["body"] and not one["corrections"]:
            again = render("markdown", body)
            assert list(words(again.text)) == list(words(one["body"]["text"])), one["slug"]
            assert len(blocks_of(again.html)) >= len(blocks_of(one["body"]["html"]))


def words(text: str) -> Iterator[str]:
    yield from text.split()
