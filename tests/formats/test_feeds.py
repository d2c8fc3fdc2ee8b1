"""Lists and articles in other formats over HTTP: who gets what, where it leads, and when it is gone."""

import json
from typing import Any

import pytest
from lxml import etree

from tests.conftest import Lend, Newsroom, Response

ATOM = "{http://www.w3.org/2005/Atom}"
LISTS = {
    "rss": "application/rss+xml",
    "atom": "application/atom+xml",
    "feed.json": "application/feed+json",
    "ninjs": "application/ninjs+json",
}
ARTICLES = {
    "html": "text/html; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "jsonld": "application/ld+json",
    "ninjs": "application/ninjs+json",
}
each_list = pytest.mark.parametrize("suffix", LISTS)
each_format = pytest.mark.parametrize("suffix", ARTICLES)


@pytest.fixture
def newsroom(lend: Lend) -> Newsroom:
    return lend(furnish, search=True)


def furnish(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind")
    newsroom.send("POST", "/v1/tags", {"name": "Sport", "kind": "section"})
    for day in range(5):
        newsroom.article(
            f"Day {day}",
            slug=f"day-{day}",
            published_at=newsroom.clock.at(days=day - 5),
            body={"format": "html", "source": f"<p>On day {day}, <a href='/x'>see</a>.</p>"},
            tags=["sport"] if day % 2 else [],
            authors=["mara-lind"],
        )
    newsroom.article("Draft", publish=False, tags=["sport"])
    newsroom.article("Early", embargoed_until=newsroom.clock.at(hours=1), tags=["sport"])
    newsroom.make_keys()


def xml(answer: Response) -> Any:
    assert answer.status_code == 200, answer.text
    return etree.fromstring(answer.content)


def titles(answer: Response, suffix: str) -> list[str]:
    """The headlines of a list in any of its formats."""
    if suffix == "rss":
        return [one.text for one in xml(answer).iterfind("channel/item/title")]
    if suffix == "atom":
        return [one.text for one in xml(answer).iterfind(f"{ATOM}entry/{ATOM}title")]
    document = json.loads(answer.content)
    if suffix == "feed.json":
        return [one["title"] for one in document["items"]]
    return [one["headlines"][0]["value"] for one in document.get("associations", [])]


@each_list
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Day 4", "Day 3", "Day 2", "Day 1", "Day 0"]),
        ("tag=sport", ["Day 3", "Day 1"]),
        ("sort=headline&limit=2", ["Day 0", "Day 1"]),
        ("exclude_tag=sport&author=mara-lind", ["Day 4", "Day 2", "Day 0"]),
        ("tag=nowhere", []),
    ],
)
def test_a_feed_has_the_articles_of_the_list(
    newsroom: Newsroom, suffix: str, query: str, expected: list[str]
) -> None:
    answer = newsroom.get(f"/v1/articles.{suffix}?{query}")
    assert titles(answer, suffix) == expected
    assert answer.headers["content-type"] == LISTS[suffix]
    listed = newsroom.get(f"/v1/articles?{query}").json()["data"]
    assert [one["headline"] for one in listed] == expected


@each_list
def test_a_key_gets_what_it_is_entitled_to(newsroom: Newsroom, suffix: str) -> None:
    sport = newsroom.key("read", entitlement={"articles": {"tag": ["sport"]}, "embargoed": True})
    answer = newsroom.get(f"/v1/articles.{suffix}", sport)
    assert titles(answer, suffix) == ["Early", "Day 3", "Day 1"]
    assert answer.headers["cache-control"].startswith("private")
    editor = newsroom.get(f"/v1/articles.{suffix}?status=draft", newsroom.key("preview"))
    assert titles(editor, suffix) == ["Draft"]
    assert newsroom.get(f"/v1/articles.{suffix}?status=draft").status_code == 403
    for ref in ("draft", "early", "nothing"):
        for article_suffix in ARTICLES:
            assert newsroom.get(f"/v1/articles/{ref}.{article_suffix}").status_code == 404


@each_list
def test_a_search_is_a_feed_too(newsroom: Newsroom, suffix: str) -> None:
    newsroom.indexed()
    answer = newsroom.get(f"/v1/search.{suffix}?q=day&sort=-published_at&limit=2&tag=sport")
    assert titles(answer, suffix) == ["Day 3", "Day 1"]
    assert titles(newsroom.get(f"/v1/search.{suffix}?q=nowhere"), suffix) == []
    assert newsroom.get(f"/v1/search.{suffix}?facets=tag").status_code == 422


@each_list
def test_related_articles_are_a_feed_too(newsroom: Newsroom, suffix: str) -> None:
    newsroom.indexed()
    related = newsroom.get("/v1/articles/day-1/related?limit=2").json()["data"]
    answer = newsroom.get(f"/v1/articles/day-1/related.{suffix}?limit=2")
    assert titles(answer, suffix) == [one["headline"] for one in related] != []
    by_accept = newsroom.get("/v1/articles/day-1/related?limit=2", {"Accept": LISTS[suffix]})
    assert by_accept.content == answer.content
    assert newsroom.get(f"/v1/articles/draft/related.{suffix}").status_code == 404


@each_list
def test_pages_lead_on_and_back_as_rfc_5005_says(newsroom: Newsroom, suffix: str) -> None:
    address, seen = f"/v1/articles.{suffix}?limit=1&tag=sport", list[str]()
    pages = list[Response]()
    for _ in range(2):
        answer = newsroom.get(address)
        seen += titles(answer, suffix)
        pages.append(answer)
        if "next" in answer.links:
            address = answer.links["next"]["url"]
    assert seen == ["Day 3", "Day 1"]
    assert "next" not in pages[1].links
    assert pages[1].links["prev"]["url"].startswith(f"/v1/articles.{suffix}?")
    assert pages[0].links["self"]["url"].endswith(f"/v1/articles.{suffix}?limit=1&tag=sport")
    if suffix == "feed.json":
        document = json.loads(pages[0].content)
        assert document["next_url"] not in (document["feed_url"], None)
        assert "next_url" not in json.loads(pages[1].content)
    if suffix in ("rss", "atom"):
        links = f"channel/{ATOM}link" if suffix == "rss" else f"{ATOM}link"
        found = {one.get("rel"): one.get("href") for one in xml(pages[1]).iterfind(links)}
        first = f"http://127.0.0.1:8000/v1/articles.{suffix}?limit=1&tag=sport"
        assert (found["first"], "next" in found) == (first, False)
        assert found["previous"].startswith("http://127.0.0.1:8000/v1/articles.")
        assert "cursor=" in found["self"]


def test_a_cursor_of_one_feed_goes_on_in_another_and_in_no_other_list(newsroom: Newsroom) -> None:
    following = newsroom.get("/v1/articles.rss?limit=2").links["next"]["url"]
    other = following.replace(".rss", ".atom")
    assert titles(newsroom.get(other), "atom") == ["Day 2", "Day 1"]
    assert newsroom.get(following.replace(".rss", "")).status_code == 422
    assert newsroom.get(f"{following}&tag=sport").status_code == 422


@each_list
def test_a_feed_that_has_not_changed_is_a_304_until_it_has(newsroom: Newsroom, suffix: str) -> None:
    address = f"/v1/articles.{suffix}"
    tag = newsroom.get(address).headers["etag"]
    assert newsroom.get(address, {"If-None-Match": tag}).status_code == 304
    newsroom.send("PATCH", "/v1/articles/day-0", {"summary": "It is over."})
    changed = newsroom.get(address, {"If-None-Match": tag})
    assert (changed.status_code, "It is over." in changed.text) == (200, True)
    newsroom.clock.move(hours=2)  # an embargo is over
    assert titles(newsroom.get(address, {"If-None-Match": tag}), suffix)[0] == "Early"


def test_what_is_withdrawn_is_a_tombstone_in_atom_and_canceled_in_ninjs(
    newsroom: Newsroom,
) -> None:
    ids = {one["slug"]: one["id"] for one in newsroom.get("/v1/articles").json()["data"]}
    for slug in ("day-3", "day-2"):
        newsroom.send("POST", f"/v1/articles/{slug}/withdraw", {"reason": "It was wrong."})
    newsroom.send("POST", "/v1/articles/early/withdraw")  # nobody has seen it
    gone = [f"urn:uuid:{ids['day-3']}", f"urn:uuid:{ids['day-2']}"]

    def tombstones(query: str, key: dict[str, str] | None = None) -> list[str]:
        feed = xml(newsroom.get(f"/v1/articles.atom?{query}", key))
        found = feed.iterfind("{http://purl.org/atompub/tombstones/1.0}deleted-entry")
        return [one.get("ref") for one in found]

    def canceled(query: str) -> list[str]:
        package = newsroom.get(f"/v1/articles.ninjs?{query}").json()
        return [one["uri"] for one in package["associations"] if one.get("pubStatus") == "canceled"]

    assert tombstones("") == canceled("") == gone
    assert tombstones("tag=sport") == canceled("tag=sport") == gone[:1]
    assert tombstones("author=nobody") == []
    assert tombstones("published_until=2026-11-20T00:00:00Z") == []
    # On the page of its date, and on no other, whichever way one comes.
    assert tombstones("limit=1") == gone
    editing = newsroom.get("/v1/articles.atom?limit=2").links["next"]["url"]
    assert tombstones(editing.partition("?")[2]) == []
    following = newsroom.get("/v1/articles.atom?limit=1").links["next"]["url"]
    assert tombstones(following.partition("?")[2]) == []
    back = newsroom.get(following).links["prev"]["url"]
    assert tombstones(back.partition("?")[2]) == gone
    other = newsroom.key("read", entitlement={"articles": {"exclude_tag": ["sport"]}})
    assert tombstones("", other) == gone[1:]
    # Editors see it in the list, as what it is.
    editor = newsroom.get("/v1/articles.ninjs?status=withdrawn", newsroom.key("preview")).json()
    assert {one["pubStatus"] for one in editor["associations"]} == {"canceled"}
    assert {*gone} < {*tombstones("", newsroom.key("preview"))}
    for suffix in ("rss", "atom", "feed.json"):
        shown = newsroom.get(f"/v1/articles.{suffix}", newsroom.key("preview"))
        assert "Day 3" not in titles(shown, suffix)
    # Who edits it now does not tell others of it.
    newsroom.send("PATCH", "/v1/articles/day-2", {"tags": ["sport"]})
    assert tombstones("tag=sport") == gone[:1]
    newsroom.send("POST", "/v1/articles/day-3/restore")
    assert tombstones("") == []


@pytest.mark.parametrize("suffix", ["rss", "atom", "feed.json", "ninjs"])
def test_a_feed_of_summaries_has_no_bodies(newsroom: Newsroom, suffix: str) -> None:
    assert "On day 4" in newsroom.get(f"/v1/articles.{suffix}").text
    assert "On day 4" not in newsroom.get(f"/v1/articles.{suffix}?content=summary").text


@each_format
def test_an_article_has_an_address_in_each_format(newsroom: Newsroom, suffix: str) -> None:
    answer = newsroom.get(f"/v1/articles/day-1.{suffix}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, ARTICLES[suffix])
    assert "On day 1" in answer.text
    tag = answer.headers["etag"]
    again = newsroom.get(f"/v1/articles/day-1.{suffix}", {"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    head = newsroom.client.head(f"/v1/articles/day-1.{suffix}")
    assert (head.status_code, head.headers["etag"], head.content) == (200, tag, b"")
    # A tag of any format guards a write.
    assert newsroom.send(
        "PATCH", "/v1/articles/day-1", {"summary": "x"}, {"If-Match": tag}
    ).is_success
    stale = newsroom.send("PATCH", "/v1/articles/day-1", {"summary": "y"}, {"If-Match": tag})
    assert stale.status_code == 412


@each_format
def test_a_former_slug_leads_to_the_same_format(newsroom: Newsroom, suffix: str) -> None:
    newsroom.send("PATCH", "/v1/articles/day-1", {"slug": "first-day"})
    moved = newsroom.get(f"/v1/articles/day-1.{suffix}")
    assert (moved.status_code, moved.headers["location"]) == (
        301,
        f"/v1/articles/first-day.{suffix}",
    )
    newsroom.send("POST", "/v1/articles/first-day/withdraw", {"reason": "It was wrong."})
    gone = newsroom.get(f"/v1/articles/first-day.{suffix}")
    assert (gone.status_code, gone.json()["reason"]) == (410, "It was wrong.")


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "text/html; charset=utf-8",
        ),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("text/markdown", "text/markdown; charset=utf-8"),
        ("text/*", "text/html; charset=utf-8"),
        ("text/*;q=0.5, application/ld+json;q=0.6", "application/ld+json"),
        ("application/ninjs+json, */*", "application/ninjs+json"),
        ("application/*", "application/json"),
        ("image/png", "application/json"),
        ("text/html;q=0", "application/json"),
        ("text/html;q=x", "application/json"),
        ("", "application/json"),
        (",;,q=1", "application/json"),
    ],
)
def test_accept_chooses_the_format_of_an_article(
    newsroom: Newsroom, accept: str, content_type: str
) -> None:
    answer = newsroom.get("/v1/articles/day-1", {"Accept": accept})
    assert answer.headers["content-type"] == content_type
    assert "accept" in answer.headers["vary"].lower()
    # It is the same whether or not it was asked for before.
    again = newsroom.get("/v1/articles/day-1", {"Accept": accept})
    assert (again.content, again.headers["etag"]) == (answer.content, answer.headers["etag"])
    assert newsroom.get("/v1/articles/day-1").headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/rss+xml", "application/rss+xml"),
        ("application/atom+xml, application/rss+xml;q=0.9", "application/atom+xml"),
        ("application/feed+json", "application/feed+json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/articles?limit=1", "/v1/search?limit=1"])
def test_accept_chooses_the_format_of_a_list(
    newsroom: Newsroom, path: str, accept: str, content_type: str
) -> None:
    newsroom.indexed()
    assert newsroom.get(path, {"Accept": accept}).headers["content-type"] == content_type
    assert newsroom.get(path).headers["content-type"] == "application/json"


def test_accept_leaves_who_chooses_members_of_the_json_with_json(newsroom: Newsroom) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for path in ("/v1/articles/day-1?body=blocks", "/v1/articles/day-1?fields=slug"):
        assert newsroom.get(path, browser).headers["content-type"] == "application/json"
    feed = {"Accept": "application/rss+xml"}
    for path in ("/v1/articles?count=exact", "/v1/articles?tag=sport&fields=slug"):
        assert newsroom.get(path, feed).headers["content-type"] == "application/json"
    two = newsroom.client.get(
        "/v1/articles/day-1",
        headers=[("Accept", "application/json;q=0.1"), ("Accept", "text/html")],
    )
    assert two.headers["content-type"].startswith("text/html")


def test_accept_changes_nothing_of_what_has_one_format(newsroom: Newsroom) -> None:
    html = {"Accept": "text/html"}
    for path in (
        "/v1/tags",
        "/v1/authors/mara-lind",
        "/v1/articles/day-1/revisions",
        "/v1/changes",
    ):
        assert newsroom.get(path, html).headers["content-type"] == "application/json"
    made = newsroom.send("POST", "/v1/articles", {"headline": "New"}, html)
    assert (made.status_code, made.headers["content-type"]) == (201, "application/json")
    assert newsroom.get("/v1/articles/nothing", html).json()["status"] == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/articles.xml", 404),
        ("/v1/articles.html", 404),
        ("/v1/articles.", 404),
        ("/v1/search.md", 404),
        ("/v1/articles/day-1.rss", 404),
        ("/v1/articles/day-1.md.md", 404),
        ("/v1/articles/.md", 404),
        ("/v1/articles/day-1.md?fields=slug", 422),
        ("/v1/articles/day-1.md?ninjs=2.2", 422),
        ("/v1/articles/day-1.ninjs?ninjs=1.0", 422),
        ("/v1/articles.rss?limit=101", 422),
        ("/v1/articles.rss?fields=slug", 422),
        ("/v1/articles.rss?count=exact", 422),
        ("/v1/articles.atom?ninjs=3.2", 422),
        ("/v1/articles.atom?content=none", 422),
        ("/v1/articles.atom?cursor=x", 422),
    ],
)
def test_what_is_not_there_says_so(newsroom: Newsroom, path: str, status: int) -> None:
    for _ in range(2):
        answer = newsroom.get(path)
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_page_runs_no_script_and_is_whole(newsroom: Newsroom) -> None:
    newsroom.article(
        "</title><script>alert(1)</script>",
        slug="hostile",
        summary='"><script>alert(2)</script>',
        image={"url": "https://e.org/a.jpg?x='\"><script>", "caption": "<script>alert(3)</script>"}
        | {"alt": '" onload="alert(4)'},
        body={"format": "text", "source": "</article></script><script>alert(5)</script>"},
        metadata={"x": "</script>"},
    )
    answer = newsroom.get("/v1/articles/hostile.html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page = etree.HTML(answer.text)
    scripts = page.findall(".//script")
    assert [one.get("type") for one in scripts] == ["application/ld+json"]
    assert json.loads(scripts[0].text)["headline"] == "</title><script>alert(1)</script>"
    assert not page.xpath("//@*[starts-with(name(), 'on')]")
    assert page.findtext(".//h1") == "</title><script>alert(1)</script>"


def test_feeds_know_the_public_page_and_lead_out_of_bodies_by_whole_addresses(
    open_newsroom: Any, database_url: str
) -> None:
    site = open_newsroom(
        database_url,
        base_url="https://api.example.org",
        article_url="https://news.example.org/a/{slug}",
        site_title="The Valley",
        logo_url="https://news.example.org/logo.png",
    )
    body = "<p><a href='/x?a=1&amp;b'>x</a> <a href='#n'>n</a> <a href='mailto:a@e.org'>m</a></p>"
    site.article("Day", body={"format": "html", "source": body + '<p>an href="/y" as text</p>'})
    (item,) = site.get("/v1/articles.feed.json").json()["items"]
    assert item["url"] == "https://news.example.org/a/day"
    for address in (
        "https://news.example.org/x?a=1&amp;b", "https://news.example.org/a/day#n", "mailto:a@e.org",
    ):  # fmt: skip
        assert f'href="{address}"' in item["content_html"]
    assert 'an href="/y" as text' in item["content_html"]
    feed = xml(site.get("/v1/articles.rss"))
    assert feed.findtext("channel/title") == "The Valley"
    assert feed.findtext("channel/link") == "https://news.example.org/"
    logo = "https://news.example.org/logo.png"
    assert feed.findtext("channel/image/url") == logo
    assert xml(site.get("/v1/articles.atom")).findtext(f"{ATOM}logo") == logo
    assert site.get("/v1/articles.feed.json").json()["icon"] == logo
    document = site.get("/v1/articles/day.jsonld").json()
    assert document["publisher"]["logo"]["url"] == logo
    own = feed.find(f"channel/{ATOM}link[@rel='self']").get("href")
    assert own == "https://api.example.org/v1/articles.rss"


def locations(answer: Response) -> list[str]:
    return [one.text.rpartition("/")[2] for one in xml(answer).iter("{*}loc")]


def test_sitemaps_have_all_that_is_public_in_pages(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.formats.routes.SITEMAP_ARTICLES_MAX", 2)
    monkeypatch.setattr("app.formats.queries.BATCH", 1)
    newsroom.forget_answers()
    assert locations(newsroom.get("/sitemap.xml")) == [
        "sitemap-1.xml",
        "sitemap-2.xml",
        "sitemap-3.xml",
    ]
    pages = [locations(newsroom.get(f"/sitemap-{number}.xml")) for number in (1, 2, 3)]
    assert pages == [
        ["docs", "day-0.html", "day-1.html"], ["day-2.html", "day-3.html"], ["day-4.html"],
    ]  # fmt: skip
    for number in (4, 1_000_000):
        assert newsroom.get(f"/sitemap-{number}.xml").status_code == 404
    for wrong in ("0", "1000001", "x", "-1"):
        assert newsroom.get(f"/sitemap-{wrong}.xml").status_code in (404, 422)
    # A key makes a map of what it is entitled to; a page with nothing in it is not named.
    sport = newsroom.key("read", entitlement={"articles": {"tag": ["sport"]}})
    assert locations(newsroom.get("/sitemap.xml", sport)) == ["sitemap-1.xml", "sitemap-2.xml"]
    assert locations(newsroom.get("/sitemap-2.xml", sport)) == ["day-3.html"]
    # Nobody's drafts and embargoes are in it, not even those that the key may see.
    editor = [
        locations(newsroom.get(f"/sitemap-{number}.xml", newsroom.key("preview")))
        for number in (1, 2, 3)
    ]
    assert editor == pages
    newsroom.clock.move(hours=2)
    assert locations(newsroom.get("/sitemap-3.xml")) == ["day-4.html", "early.html"]


def test_news_are_those_of_two_days_and_by_their_first_date(newsroom: Newsroom) -> None:
    assert locations(newsroom.get("/sitemap-news.xml")) == ["day-4.html"]
    newsroom.clock.move(hours=2)
    assert locations(newsroom.get("/sitemap-news.xml")) == ["early.html", "day-4.html"]
    newsroom.clock.move(days=1)
    assert locations(newsroom.get("/sitemap-news.xml")) == ["early.html"]
