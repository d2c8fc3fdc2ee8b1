"""What only authors have: an email that few may see, links, a picture, and roles in articles."""

from typing import Any

from tests.conftest import Newsroom

PORTRAIT = {"url": "https://images.example.org/mara.jpg", "alt": "A woman smiling", "width": 800}


def test_an_author_is_read_as_it_was_written(newsroom: Newsroom) -> None:
    written = {
        "slug": "mara-lind",
        "name": "Mara Lind",
        "role": "Science editor",
        "bio": "Writes about tides.",
        "image": PORTRAIT,
        "links": [{"title": "Home page", "url": "https://lind.example.org/"}],
        "email": "mara@example.org",
    }
    made = newsroom.make("authors", **written)
    whole_picture = dict.fromkeys(("url", "caption", "credit", "alt", "width", "height")) | PORTRAIT
    expected = {**written, "image": whole_picture}
    assert {name: made[name] for name in written} == expected
    read = newsroom.get("/v1/authors/mara-lind", newsroom.key("write")).json()
    assert {name: read[name] for name in written} == expected


def test_an_email_is_for_keys_with_write_only(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind", email="mara@example.org")
    newsroom.article(authors=["mara-lind"])
    paths = ("/v1/authors/mara-lind", "/v1/authors", "/v1/authors?q=mara&article_count=true")
    for headers in (None, newsroom.key("read"), newsroom.key("preview")):
        for path in (*paths, "/v1/articles/harbour-bridge-opens"):
            assert "email" not in newsroom.get(path, headers).text
    for scope in ("write", "publish", "admin"):
        for path in paths:
            assert "mara@example.org" in newsroom.get(path, newsroom.key(scope)).text


def test_a_tag_of_the_public_view_does_not_stand_for_the_editors_view(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind", email="mara@example.org")
    public = newsroom.get("/v1/authors/mara-lind")
    editors = newsroom.get("/v1/authors/mara-lind", newsroom.key("write"))
    assert public.headers["ETag"] != editors.headers["ETag"]
    assert "private" not in public.headers["Cache-Control"]
    assert editors.headers["Cache-Control"].startswith("private")
    assert "Authorization" in editors.headers["Vary"]


def test_a_new_email_is_no_news_to_readers_of_articles(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind", email="old@example.org")
    newsroom.article(authors=["mara-lind"])
    tag = newsroom.get("/v1/articles/harbour-bridge-opens").headers["ETag"]
    changed = newsroom.send("PATCH", "/v1/authors/mara-lind", {"email": "new@example.org"})
    assert changed.json()["email"] == "new@example.org"
    again = newsroom.get("/v1/articles/harbour-bridge-opens", {"If-None-Match": tag})
    assert again.status_code == 304


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"email": "nobody"}, "/email"),
    ({"email": "a b@example.org"}, "/email"),
    ({"links": [{"title": "Home", "url": "javascript:alert(1)"}]}, "/links/0/url"),
    ({"links": [{"title": "", "url": "https://example.org/"}]}, "/links/0/title"),
    ({"links": [{"url": "https://example.org/"}]}, "/links/0/title"),
    ({"links": None}, "/links"),
    ({"image": {"url": "/relative.jpg"}}, "/image/url"),
    ({"image": {"width": "wide"}}, "/image/width"),
    ({"image": {"height": 0}}, "/image/height"),
]


def test_a_field_that_cannot_be_is_refused(newsroom: Newsroom) -> None:
    for wrong, pointer in REFUSED:
        answer = newsroom.send("POST", "/v1/authors", {"name": "Mara Lind", **wrong})
        assert answer.status_code == 422, wrong
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer], wrong


def test_a_merge_patch_changes_parts_of_a_picture(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind", image=PORTRAIT)
    changes = {"image": {"alt": None, "credit": "Tor Vik"}}
    image = newsroom.send("PATCH", "/v1/authors/mara-lind", changes).json()["image"]
    assert (image["url"], image["alt"], image["credit"]) == (PORTRAIT["url"], None, "Tor Vik")
    gone = newsroom.send("PATCH", "/v1/authors/mara-lind", {"image": None}).json()
    assert gone["image"] is None


def test_the_byline_is_made_of_the_names_as_they_are_now(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind")
    newsroom.make("authors", name="Tor Vik")
    newsroom.article("Made", authors=["mara-lind", "tor-vik"])
    newsroom.article("Printed", authors=["mara-lind"], byline="By our staff")
    newsroom.send("PATCH", "/v1/authors/mara-lind", {"name": "Mara Holm"})
    assert newsroom.get("/v1/articles/made").json()["byline"] == "Mara Holm, Tor Vik"
    assert newsroom.get("/v1/articles/printed").json()["byline"] == "By our staff"


def test_merging_keeps_the_role_that_each_had_in_an_article(newsroom: Newsroom) -> None:
    for name in ("Double", "Survivor"):
        newsroom.make("authors", name=name)
    double = {"ref": "double", "role": "photographer"}
    newsroom.article("Double alone", authors=[double])
    newsroom.article("Both", authors=[double, {"ref": "survivor", "role": "reporter"}])
    newsroom.send("POST", "/v1/authors/double/merge", {"into": "survivor"})
    roles = {
        slug: [
            (one["slug"], one["role"])
            for one in newsroom.get(f"/v1/articles/{slug}").json()["authors"]
        ]
        for slug in ("double-alone", "both")
    }
    assert roles == {
        "double-alone": [("survivor", "photographer")],
        "both": [("survivor", "reporter")],
    }
