"""`GET /v1/changes`: what a client that keeps a copy is told, and what nobody is told."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Newsroom
from tests.sync.followers import Follower


def told(page: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    """What a page says: the operation, the headline or the id, and the reason."""
    return [
        ("upsert", one["article"]["headline"], None)
        if one["op"] == "upsert"
        else ("remove", one["id"], one["reason"])
        for one in page["data"]
    ]


def test_a_copy_begins_with_all_there_is_and_goes_on_with_what_changes(newsroom: Newsroom) -> None:
    newsroom.article("One")
    two = newsroom.article("Two")
    newsroom.article("A draft", publish=False)
    app = Follower(newsroom)
    assert told(app.read()) == [("upsert", "One", None), ("upsert", "Two", None)]

    newsroom.send("PATCH", "/v1/articles/one", {"headline": "One, corrected"})
    newsroom.send("POST", "/v1/articles/two/withdraw")
    newsroom.article("Three")
    assert told(app.read()) == [
        ("upsert", "One, corrected", None),
        ("remove", two["id"], "withdrawn"),
        ("upsert", "Three", None),
    ]
    assert app.copy == app.listed()
    assert told(app.read()) == []


def test_a_page_says_whether_there_is_more(newsroom: Newsroom) -> None:
    for number in range(5):
        newsroom.article(f"Number {number}")
    app = Follower(newsroom)
    assert [app.read(2)["page"]["has_more"] for _ in range(3)] == [True, True, False]
    assert len(app.copy) == 5


def test_each_thing_is_told_once_in_its_latest_state(newsroom: Newsroom) -> None:
    newsroom.article("One")
    app = Follower(newsroom).catch_up()
    for summary in ("a", "b", "c"):
        newsroom.send("PATCH", "/v1/articles/one", {"summary": summary})
    page = app.read()
    assert [one["article"]["summary"] for one in page["data"]] == ["c"]
    assert page["data"][0]["version"] == 4


@pytest.mark.parametrize(
    ("method", "path", "body", "reason"),
    [
        ("DELETE", "", None, "deleted"),
        ("POST", "/withdraw", None, "withdrawn"),
        ("PATCH", "", {"tags": []}, "left_scope"),
        ("PATCH", "", {"embargoed_until": "2027-01-01T00:00:00Z"}, "left_scope"),
        ("PATCH", "", {"published_at": "2027-01-01T00:00:00Z"}, "left_scope"),
    ],
)
def test_what_leaves_is_removed_with_the_reason(
    newsroom: Newsroom, method: str, path: str, body: Any, reason: str
) -> None:
    newsroom.make("tags", name="Sport")
    article = newsroom.article("Out", tags=["sport"])
    app = Follower(newsroom, {"tag": ["sport"]}).catch_up()
    newsroom.send(method, f"/v1/articles/{article['id']}{path}", body)
    assert told(app.read()) == [("remove", article["id"], reason)]


def test_only_who_could_have_had_it_is_told_of_a_removal(newsroom: Newsroom) -> None:
    newsroom.make("tags", name="Sport")
    newsroom.make("tags", name="News")
    sport = Follower(newsroom, {"tag": ["sport"]}).catch_up()
    everything = Follower(newsroom).catch_up()
    editor = Follower(newsroom, headers=newsroom.key("preview")).catch_up()
    news = newsroom.article("News", tags=["news"])
    newsroom.article("Never out", publish=False)
    for one in (sport, everything, editor):
        one.catch_up()
    newsroom.send("DELETE", "/v1/articles/news")
    newsroom.send("DELETE", "/v1/articles/never-out")
    assert told(sport.read()) == []
    assert told(everything.read()) == [("remove", news["id"], "deleted")]
    assert len(editor.read()["data"]) == 2
    late = Follower(newsroom)
    assert told(late.read()) == []


def test_who_was_away_for_all_of_it_hears_nothing(newsroom: Newsroom) -> None:
    app = Follower(newsroom).catch_up()
    newsroom.article("Out and away")
    newsroom.send("POST", "/v1/articles/out-and-away/withdraw")
    assert told(app.read()) == []


def test_the_clock_publishes_lifts_and_ends(newsroom: Newsroom) -> None:
    app = Follower(newsroom).catch_up()
    partner = Follower(newsroom, headers=newsroom.key("read", entitlement={"embargoed": True}))
    article = newsroom.article(
        "By the clock",
        published_at=newsroom.clock.at(hours=1),
        embargoed_until=newsroom.clock.at(hours=2),
        expires_at=newsroom.clock.at(hours=3),
    )
    heard = []
    for _hour in range(4):
        newsroom.tick()
        heard.append((told(app.read()), told(partner.read())))
        newsroom.clock.move(hours=1)
    shown, over = ("upsert", "By the clock", None), ("remove", article["id"], "expired")
    assert heard == [([], []), ([], [shown]), ([shown], [shown]), ([over], [over])]


def test_dates_that_passed_while_nothing_ran_are_numbered_once(newsroom: Newsroom) -> None:
    app = Follower(newsroom).catch_up()
    for number in range(3):
        newsroom.article(f"Later {number}", published_at=newsroom.clock.at(hours=1))
    app.catch_up()
    newsroom.clock.move(days=3)
    assert newsroom.get("/v1/articles/later-0").status_code == 200
    assert [newsroom.tick(), newsroom.tick()] == [3, 0]
    assert len(app.read()["data"]) == 3
    assert app.copy == app.listed()


def test_a_tick_is_no_new_version(newsroom: Newsroom) -> None:
    newsroom.article("Later", published_at=newsroom.clock.at(hours=1))
    editor = newsroom.key("preview")
    before = newsroom.get("/v1/articles/later", editor).json()
    newsroom.clock.move(hours=2)
    newsroom.tick()
    after = newsroom.get("/v1/articles/later", editor).json()
    assert (before["version"], before["updated_at"]) == (after["version"], after["updated_at"])


def test_a_renamed_tag_moves_its_articles(newsroom: Newsroom) -> None:
    newsroom.make("tags", name="Sport")
    newsroom.article("One", tags=["sport"])
    app = Follower(newsroom, {"tag": ["sport"]}).catch_up()
    newsroom.send("PATCH", "/v1/tags/sport", {"name": "Sports", "slug": "sports"})
    assert len(app.read()["data"]) == 1
    assert app.copy == app.listed()


def test_a_merged_tag_brings_the_articles_of_the_other(newsroom: Newsroom) -> None:
    for name in ("Soccer", "Football"):
        newsroom.make("tags", name=name)
        newsroom.article(f"On {name}", tags=[name.lower()])
    soccer = Follower(newsroom, {"tag": ["soccer"]}).catch_up()
    without = Follower(newsroom, {"exclude_tag": ["soccer"]}).catch_up()
    newsroom.send("POST", "/v1/tags/soccer/merge", {"into": "football"})
    assert {headline for _, headline, _ in told(soccer.read())} == {"On Soccer", "On Football"}
    assert [op for op, _, _ in told(without.read())] == ["remove"]
    assert soccer.copy == soccer.listed()
    assert without.copy == without.listed() == {}


def test_authors_and_tags_can_be_followed_too(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind", email="mara@example.org")
    newsroom.make("tags", name="Sport")
    page = newsroom.get("/v1/changes?types=author,tag").json()
    assert [(one["type"], one["op"]) for one in page["data"]] == [
        ("author", "upsert"),
        ("tag", "upsert"),
    ]
    assert page["data"][0]["author"] == newsroom.get("/v1/authors/mara-lind").json()
    assert page["data"][1]["tag"] == newsroom.get("/v1/tags/sport").json()
    gone = page["data"][1]["id"]
    newsroom.send("DELETE", "/v1/tags/sport")
    since = page["page"]["next"]
    page = newsroom.get(f"/v1/changes?types=author,tag&since={since}").json()
    assert page["data"] == [{"type": "tag", "op": "remove", "id": gone, "reason": "deleted"}]
    assert newsroom.get("/v1/changes?types=author,tag").json()["data"][0]["type"] == "author"


def test_fields_and_body_choose_what_is_shown(newsroom: Newsroom) -> None:
    newsroom.article("One", body={"format": "text", "source": "At dawn."})
    page = newsroom.get("/v1/changes?fields=slug&body=text").json()
    assert page["data"][0]["article"] == {"slug": "one", "body": {"text": "At dawn."}}
    assert newsroom.get("/v1/changes?body=source").status_code == 403
    assert newsroom.get("/v1/changes?status=draft").status_code == 403


def test_a_cursor_is_for_its_filters_only(newsroom: Newsroom) -> None:
    cursor = Follower(newsroom, {"tag": ["sport"]}).read()["page"]["next"]
    assert newsroom.get(f"/v1/changes?tag=sport&since={cursor}").status_code == 200
    assert newsroom.get(f"/v1/changes?tag=sport&fields=slug&since={cursor}").status_code == 200
    other = newsroom.get(f"/v1/changes?since={cursor}")
    assert other.status_code == 422
    assert other.json()["errors"][0]["parameter"] == "since"
    assert newsroom.get(f"/v1/changes?tag=sport&since={cursor[:-2]}").status_code == 422
    assert newsroom.get("/v1/changes?limit=501").status_code == 422
    assert newsroom.get("/v1/changes?wait=31").status_code == 422


def test_a_cursor_of_a_key_that_may_see_other_things_now_is_gone(newsroom: Newsroom) -> None:
    newsroom.make("tags", name="Sport")
    rights = {"articles": {"tag": ["sport"]}}
    admin = newsroom.key("admin")
    made = newsroom.client.post(
        "/v1/keys", json={"name": "p", "scopes": ["read"], "entitlement": rights}, headers=admin
    )
    key = {"Authorization": f"Bearer {made.json()['key']}"}
    cursor = newsroom.get("/v1/changes?language=en", key).json()["page"]["next"]
    assert newsroom.get(f"/v1/changes?language=en&since={cursor}", key).status_code == 200
    change = {"entitlement": {"articles": {"tag": ["sport", "news"]}}}
    newsroom.send("PATCH", f"/v1/keys/{made.json()['id']}", change, admin)
    gone = newsroom.get(f"/v1/changes?language=en&since={cursor}", key)
    assert gone.status_code == 410
    assert gone.json()["start"] == "/v1/changes?language=en"
    assert gone.headers["link"] == '</v1/changes?language=en>; rel="start"'
    assert newsroom.get(gone.json()["start"], key).status_code == 200


def test_an_unchanged_page_is_not_sent_again(newsroom: Newsroom) -> None:
    newsroom.article("One")
    first = newsroom.get("/v1/changes")
    headers = {"If-None-Match": first.headers["etag"]}
    assert newsroom.get("/v1/changes", headers).status_code == 304
    cursor = first.json()["page"]["next"]
    assert f"since={cursor}" in first.headers["link"]


def test_a_cursor_tells_nothing_of_what_its_owner_may_not_see(newsroom: Newsroom) -> None:
    newsroom.article("One")
    fresh, app = newsroom.get("/v1/changes"), Follower(newsroom).catch_up()
    cursor = app.cursor
    newsroom.article("Draft", publish=False)
    newsroom.send("PATCH", "/v1/articles/draft", {"summary": "x", "language": "de"})
    newsroom.article("Later", published_at=newsroom.clock.at(hours=9))
    newsroom.article("Held", embargoed_until=newsroom.clock.at(hours=9))
    newsroom.send("PATCH", "/v1/articles/held", {"language": "de"})
    newsroom.send("DELETE", "/v1/articles/draft")
    assert newsroom.get("/v1/changes").content == fresh.content
    assert told(app.read()) == []
    assert app.cursor == cursor


def test_unseen_numbers_are_not_passed_again_for_ever(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.sync.queries.UNSEEN_MAX", 5)
    newsroom.article("One")
    app = Follower(newsroom).catch_up()
    cursors = {app.cursor}
    for number in range(20):
        newsroom.article(f"Draft {number}", publish=False)
        app.read()
        cursors.add(app.cursor)
    assert len(cursors) == 1 + 4
    newsroom.send("POST", "/v1/articles/draft-3/publish")
    assert told(app.read()) == [("upsert", "Draft 3", None)]
    assert app.copy == app.listed()


def test_a_machine_whose_clock_is_late_tells_what_is_public_by_its_number(
    newsroom: Newsroom,
) -> None:
    app = Follower(newsroom).catch_up()
    newsroom.clock.move(minutes=5)
    newsroom.article("From a machine that is five minutes ahead")
    newsroom.clock.move(minutes=-5)
    assert len(app.read()["data"]) == 1


def test_a_preview_key_follows_by_status(newsroom: Newsroom) -> None:
    desk = Follower(newsroom, {"status": ["draft,scheduled"]}, newsroom.key("preview"))
    article = newsroom.article("Draft", publish=False)
    newsroom.article("Out")
    assert [headline for _, headline, _ in told(desk.read())] == ["Draft"]
    newsroom.send("POST", "/v1/articles/draft/publish", {"at": newsroom.clock.at(hours=1)})
    assert [headline for _, headline, _ in told(desk.read())] == ["Draft"]
    newsroom.clock.move(hours=2)
    newsroom.tick()
    assert told(desk.read()) == [("remove", article["id"], "left_scope")]


def test_no_cache_answers_a_follower(
    open_newsroom: Callable[..., Newsroom], database_url: str
) -> None:
    cached = open_newsroom(database_url, cache_max_age_seconds=60)
    assert cached.get("/v1/articles").headers["cache-control"] == "public, max-age=60"
    assert cached.get("/v1/changes").headers["cache-control"] == "public, no-cache"
