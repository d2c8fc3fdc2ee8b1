"""Every route and every parameter, for every kind of caller: what is hidden leaves no trace.

The sweep is made from the OpenAPI document. A route or parameter that it does not know fails it,
so that whoever adds one says here what it may show.
"""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from uuid_utils import uuid7

from app.main import create_app
from app.settings import Settings
from tests.conftest import Newsroom, Response

PATHS = create_app(Settings(database_url="sqlite:///never-opened.db")).openapi()["paths"]
READS = {path: operations["get"] for path, operations in PATHS.items() if "get" in operations}
SECRET = "zanzibar"
SPORT = {"tag": ["sport"]}
STATES = (
    "draft", "dated draft", "scheduled", "embargoed", "expired", "withdrawn unseen",
    "published", "withdrawn", "deleted",
)  # fmt: skip

PLACES = {
    "/v1/articles/{ref}": "/v1/articles/harbour-0",
    "/v1/articles/{ref}/revisions": "/v1/articles/harbour-0/revisions",
    "/v1/articles/{ref}/revisions/{version}": "/v1/articles/harbour-0/revisions/1",
    "/v1/articles/{ref}/revisions/{version}/diff": "/v1/articles/harbour-0/revisions/2/diff",
    "/v1/articles/{ref}/related": "/v1/articles/harbour-0/related",
    "/v1/authors/{ref}": "/v1/authors/mara-lind",
    "/v1/tags/{ref}": "/v1/tags/sport",
    "/v1/keys/{key_id}": "/v1/keys/01a20c95-fd9f-710b-8f03-e27cdf1368f0",
    "/v1/articles.{suffix}": "/v1/articles.atom",
    "/v1/search.{suffix}": "/v1/search.ninjs",
    "/v1/articles/{ref}/related.{suffix}": "/v1/articles/harbour-0/related.rss",
    "/v1/articles/{ref}.{suffix}": "/v1/articles/harbour-0.html",
    "/sitemap-{number}.xml": "/sitemap-1.xml",
}
ONLY_OF_FORMATS = {"content", "ninjs", "cursor", "tag", "status"}
MORE_PLACES = [
    "/v1/articles.rss", "/v1/articles.feed.json", "/v1/articles.ninjs", "/v1/articles.ninjs?ninjs=2.2",
    "/v1/search.rss", "/v1/search.atom?q=harbour", "/v1/articles/harbour-0.ninjs",
    "/v1/articles/harbour-0.md", "/v1/articles/harbour-0.txt", "/v1/articles/harbour-0.jsonld",
]  # fmt: skip
"""Of addresses that are of a kind, those that stand for the others are in `PLACES`."""
PARAMETERS = {
    "limit": ["1", "2", "100"],
    "cursor": [],
    "tag": ["sport", "local", "local,sport", "sport&tag=local", "nowhere"],
    "author": ["mara-lind", "mara-lind,nobody"],
    "section": ["local", "sport"],
    "language": ["en", "en-GB,en"],
    "status": ["published", "draft", "expired,withdrawn"],
    "exclude_tag": ["local", "nowhere"],
    "ids": ["01a20c95-fd9f-710b-8f03-e27cdf1368f0"],
    "published_since": ["2026-11-01T00:00:00Z"],
    "published_until": ["2026-12-31T00:00:00Z"],
    "updated_since": ["2026-11-01T00:00:00Z"],
    "sort": [
        "-published_at", "published_at", "-updated_at", "updated_at", "headline", "name", "-name",
        "relevance",
    ],
    "fields": ["headline,slug", "version,updated_at"],
    "body": ["html,text"],
    "count": ["exact", "estimate"],
    "q": [
        "s", "m", SECRET, SECRET.upper(), "zanzibra", "zanz*", "zanzibra~", "harbour", "harbour 1",
        f'"{SECRET} headline"', f"harbour {SECRET}", f"-{SECRET}", "-harbour", "headline:harb*",
        "author:mara tag:sport", "open", "harbuor",
    ],
    "facets": ["tag,section,author,language,kind,year"],
    "recent": ["false"],
    "kind": ["section,topic"],
    "parent": ["sport"],
    "article_count": ["true"],
    "with": ["1", "2", "99"],
    "since": [],
    "types": ["article,author,tag"],
    "wait": ["0"],
    "content": ["summary"],
    "ninjs": ["2.2"],
}  # fmt: skip
BODIES: dict[str, Any] = {
    "get_article": None,
    "get_article_as": None,
    "replace_article": {"headline": "Taken over", "tags": ["sport"]},
    "update_article": {"headline": "Taken over"},
    "delete_article": None,
    "publish_article": {},
    "withdraw_article": {"reason": "Found it"},
    "restore_article": None,
    "add_correction": {"kind": "update", "note": "Found it"},
    "list_related_articles": None,
    "list_related_articles_as": None,
    "list_revisions": None,
    "get_revision": None,
    "diff_revisions": None,
    "restore_revision": None,
}
WRITES_THAT_NAME_NO_ARTICLE = {
    "create_article",
    "bulk_articles",  # names them in its lines: tests/articles/test_bulk.py
    "create_author", "replace_author", "update_author", "delete_author", "merge_author",
    "create_tag", "replace_tag", "update_tag", "delete_tag", "merge_tag",
    "create_key", "update_key", "revoke_key",
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A kind of caller, and what the contract says they may see."""

    scope: str | None = None
    entitlement: dict[str, Any] | None = None

    def key(self, newsroom: Newsroom) -> dict[str, str]:
        return newsroom.key(self.scope, entitlement=self.entitlement) if self.scope else {}

    def may_see(self, state: str, *, in_sport: bool) -> bool:
        if self.entitlement and not in_sport:
            return False
        if self.scope in ("preview", "write", "publish"):
            return state != "deleted"
        early = bool(self.entitlement and self.entitlement.get("embargoed"))
        return state == "published" or (state == "embargoed" and early)

    def hidden(self) -> list[tuple[str, bool]]:
        """What must look to them as if it had never been: state, and whether it is in sport."""
        return [
            (state, in_sport)
            for state in STATES
            for in_sport in (True, False)
            if not self.may_see(state, in_sport=in_sport) and not self.saw(state, in_sport=in_sport)
        ]

    def saw(self, state: str, *, in_sport: bool) -> bool:
        """Whether it was theirs to see and was taken back: that answers 410."""
        return state in ("withdrawn", "deleted") and self.may_see("published", in_sport=in_sport)


CALLERS = {
    "anonymous": Kind(),
    "read": Kind("read"),
    "read sport": Kind("read", {"articles": SPORT}),
    "read sport early": Kind("read", {"articles": SPORT, "embargoed": True}),
    "preview sport": Kind("preview", {"articles": SPORT}),
    "write sport": Kind("write", {"articles": SPORT}),
    "publish sport": Kind("publish", {"articles": SPORT}),
}
each_caller = pytest.mark.parametrize("kind", CALLERS.values(), ids=CALLERS)
each_view = pytest.mark.parametrize(
    "kind", [kind for kind in CALLERS.values() if kind.scope not in ("write", "publish")]
)


@pytest.fixture
def newsroom(
    request: pytest.FixtureRequest, database_url: str, open_newsroom: Any, tmp_path: Path
) -> Newsroom:
    """With search where everything is read; an index for each of so many tests takes its time."""
    reads_all = "nothing_that_can_be_read" in request.node.name
    return open_newsroom(database_url, search=reads_all, data_dir=tmp_path)  # type: ignore[no-any-return]


@pytest.fixture
def town(newsroom: Newsroom) -> Newsroom:
    """An author, two tags, and articles that everybody here may see."""
    newsroom.make("authors", name="Mara Lind")
    newsroom.send("POST", "/v1/tags", {"name": "Local", "kind": "section"})
    newsroom.send("POST", "/v1/tags", {"name": "Sport", "kind": "topic"})
    for number in range(3):
        newsroom.article(f"Harbour {number}", tags=["local", "sport"], authors=["mara-lind"])
    newsroom.send("PATCH", "/v1/articles/harbour-0", {"summary": "It is open."})
    return newsroom


@dataclass(frozen=True)
class Hidden:
    id: str
    slug: str
    former_slug: str
    etag: str


def hide(town: Newsroom, state: str, *, in_sport: bool) -> Hidden:
    """An article in this state whose every text holds the secret word."""
    at = town.clock.at
    times = {
        "dated draft": {"published_at": at(days=-3)},
        "scheduled": {"published_at": at(hours=1)},
        "withdrawn unseen": {"published_at": at(hours=1)},
        "embargoed": {"embargoed_until": at(hours=1)},
        "expired": {"published_at": at(days=-2), "expires_at": at(days=-1)},
    }
    name = f"{SECRET}-{state.replace(' ', '-')}-{in_sport}".lower()
    article = town.article(
        f"{name} headline",
        slug=f"{name}-former",
        publish=state not in ("draft", "dated draft"),
        summary=SECRET,
        byline=SECRET,
        external_id=name,
        image={"caption": SECRET},
        metadata={SECRET: SECRET},
        body={"format": "text", "source": SECRET},
        authors=["mara-lind"],
        tags=["local", "sport"] if in_sport else ["local"],
        **times.get(state, {}),
    )
    place = f"/v1/articles/{article['id']}"
    town.send("POST", f"{place}/corrections", {"kind": "update", "note": SECRET})
    renamed = town.send("PATCH", place, {"slug": name})
    if state.startswith("withdrawn"):
        town.send("POST", f"{place}/withdraw", {"reason": SECRET})
    if state == "deleted":
        town.send("DELETE", place)
    etag = town.send("GET", place).headers.get("etag", renamed.headers["etag"])
    return Hidden(article["id"], name, f"{name}-former", etag)


def addresses(town: Newsroom, key: dict[str, str]) -> Iterator[str]:
    """Every address that can be read, with every parameter that it takes."""
    for path, operation in READS.items():
        place = PLACES.get(path, path)
        yield place
        names = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
        # The stream gives what the pages give, and a format what the list gives, which are asked for
        # with every parameter.
        if path.endswith("/stream"):
            names = []
        if path.endswith("{suffix}"):
            names = [name for name in names if name in ONLY_OF_FORMATS]
        for name in names:
            for value in PARAMETERS[name]:
                counted = "&count=exact" if "count" in names and name != "count" else ""
                if "facets" in names and name != "facets":
                    counted = "&facets=tag,section,author,language,kind,year"
                    counted += "" if name == "q" else "&q=harbour"
                yield f"{place}?{name}={value}{counted}"
        if "cursor" in names:
            following = town.get(f"{place}?limit=1", key).links.get("next")
            if following:
                yield following["url"]
        if path.startswith("/v1/changes"):
            for limit in ("", "?limit=1"):
                page = town.get(f"/v1/changes{limit}", key).json()["page"]
                yield f"{place}?since={page['next']}"
    yield from MORE_PLACES


def seen(answer: Response) -> tuple[Any, ...]:
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, headers, answer.text


def test_the_sweep_knows_every_route_and_every_parameter() -> None:
    operations = {
        operation["operationId"]: (method, path)
        for path, methods in PATHS.items()
        for method, operation in methods.items()
    }
    writes = {name for name, (method, _) in operations.items() if method != "get"}
    assert (
        writes
        == {name for name in BODIES if operations[name][0] != "get"} | WRITES_THAT_NAME_NO_ARTICLE
    )
    assert {path for path in READS if "{" in path} == set(PLACES)
    parameters = {
        one["name"]
        for operation in READS.values()
        for one in operation.get("parameters", [])
        if one["in"] == "query"
    }
    assert parameters == set(PARAMETERS)


@each_view
def test_nothing_that_can_be_read_changes_by_what_is_hidden(town: Newsroom, kind: Kind) -> None:
    key = kind.key(town)
    town.indexed()
    before = {path: seen(town.get(path, key)) for path in addresses(town, key)}

    for state, in_sport in kind.hidden():
        hide(town, state, in_sport=in_sport)
    town.indexed()

    for path, answer in before.items():
        assert seen(town.get(path, key)) == answer, path
        # A feed of a search says what was looked for; that nothing was found is the line above.
        assert SECRET not in str(answer) or ("/search." in path and SECRET in path.lower())
        etag = answer[1].get("etag")
        if etag:
            assert town.get(path, {**key, "If-None-Match": etag}).status_code == 304, path


class Listener:
    """Counts the statements that reach the database."""

    def __init__(self, town: Newsroom) -> None:
        self.count = 0
        sa.event.listen(town.database.engine, "before_cursor_execute", self._note)

    def _note(self, *_: Any) -> None:
        # The search index follows in a thread of its own.
        self.count += threading.current_thread().name != "search follower"

    def of(self, town: Newsroom, *request: Any) -> tuple[Response, int]:
        self.count = 0
        answer = town.client.request(
            *request[:2], json=request[2], headers=request[3], follow_redirects=False
        )
        return answer, self.count


def without_ref(answer: Response, ref: str) -> tuple[Any, ...]:
    status, headers, text = seen(answer)
    return status, headers, text.replace(ref, "REF")


def never_like(ref: str) -> str:
    """A ref of the same form and length that leads nowhere."""
    return str(uuid7()) if re.fullmatch(r"[0-9a-f-]{36}", ref) else ref[:-1] + "0"


@each_caller
def test_a_hidden_article_answers_to_everything_as_one_that_never_was(
    town: Newsroom, kind: Kind
) -> None:
    key, listener = kind.key(town), Listener(town)
    operations = [
        (
            method,
            path.replace("{version}", "1").replace("{suffix}", "md"),
            BODIES[operation["operationId"]],
        )
        for path, methods in PATHS.items()
        if path.startswith("/v1/articles/{ref}")
        for method, operation in methods.items()
    ]
    for state, in_sport in kind.hidden():
        hidden = hide(town, state, in_sport=in_sport)
        guesses = (hidden.slug, "*"), (hidden.former_slug, hidden.etag), (hidden.id, hidden.etag)
        for ref, guess in guesses:
            never = never_like(ref)
            for method, path, body in operations:
                headers = {**key, ("If-None-Match" if method == "get" else "If-Match"): guess}
                to_hidden, to_never = (
                    listener.of(town, method, path.replace("{ref}", one), body, headers)
                    for one in (ref, never)
                )
                what = (state, in_sport, method, path, ref)
                assert to_hidden[0].status_code in (401, 403, 404), what
                assert without_ref(to_hidden[0], ref) == without_ref(to_never[0], never), what
                assert to_hidden[1] == to_never[1], what


@each_view
def test_what_is_theirs_to_see_is_there(town: Newsroom, kind: Kind) -> None:
    key = kind.key(town)
    theirs = {
        hide(town, state, in_sport=in_sport).id
        for state in STATES
        for in_sport in (True, False)
        if kind.may_see(state, in_sport=in_sport)
    }
    listed = {one["id"] for one in town.get("/v1/articles?limit=100", key).json()["data"]}
    harbour = {town.get(f"/v1/articles/harbour-{number}").json()["id"] for number in range(3)}
    assert listed == theirs | harbour


@each_view
def test_what_was_theirs_and_is_taken_back_says_so(town: Newsroom, kind: Kind) -> None:
    for state in ("withdrawn", "deleted"):
        for in_sport in (True, False):
            if kind.saw(state, in_sport=in_sport) and not kind.may_see(state, in_sport=in_sport):
                gone = hide(town, state, in_sport=in_sport)
                for ref in (gone.id, gone.slug, gone.former_slug):
                    answer = town.get(f"/v1/articles/{ref}", kind.key(town))
                    assert answer.status_code == 410, (state, in_sport, ref)


@pytest.mark.parametrize("scope", ["read", "preview"])
@pytest.mark.parametrize(
    "articles",
    [
        {"tag": ["nowhere"]},
        {"tag": ["sport", "nowhere"]},
        {"section": ["sport"]},
        {"section": ["nowhere"]},
        {"author": ["nobody"]},
        {"author": ["mara-lind"], "tag": ["nowhere,nowhere-else"]},
        {"exclude_tag": ["nowhere"]},
        {"exclude_tag": ["local,nowhere"]},
        {"language": ["xx"]},
        {"ids": ["01a20c95-fd9f-710b-8f03-e27cdf1368f0"]},
        {"published_until": "1900-01-01T00:00:00Z"},
    ],
    ids=str,
)
def test_an_entitlement_that_leads_nowhere_is_to_nothing(
    town: Newsroom, scope: str, articles: dict[str, Any]
) -> None:
    key = town.key(scope, entitlement={"articles": articles, "embargoed": True})
    page = town.get("/v1/articles?count=exact", key).json()
    assert (page["data"], page["page"]["total"]) == ([], 0)
    for place in ("/v1/tags/sport", "/v1/authors/mara-lind"):
        assert town.get(f"{place}?article_count=true", key).json()["article_count"] == 0
    assert town.get("/v1/articles/harbour-0", key).status_code == 404


def test_an_entitlement_to_a_tag_ends_with_the_tag(town: Newsroom) -> None:
    town.send("POST", "/v1/tags", {"name": "Chess", "kind": "topic"})
    only, all_but = (
        town.key("read", entitlement={"articles": {name: ["chess"]}})
        for name in ("tag", "exclude_tag")
    )
    assert len(town.get("/v1/articles", all_but).json()["data"]) == 3
    assert town.send("DELETE", "/v1/tags/chess").status_code == 204
    for key in (only, all_but):
        assert town.get("/v1/articles", key).json()["data"] == []


def test_an_entitlement_follows_its_tag_through_a_rename_and_a_merge(town: Newsroom) -> None:
    town.send("POST", "/v1/tags", {"name": "Games", "kind": "topic"})
    key = town.key("read", entitlement={"articles": SPORT})
    town.send("PATCH", "/v1/tags/sport", {"slug": "athletics"})
    assert len(town.get("/v1/articles", key).json()["data"]) == 3
    assert town.send("POST", "/v1/tags/athletics/merge", {"into": "games"}).status_code == 200
    assert len(town.get("/v1/articles", key).json()["data"]) == 3


def test_a_cursor_of_one_who_sees_more_is_refused(town: Newsroom) -> None:
    for state in ("draft", "scheduled"):
        hide(town, state, in_sport=True)
    cursor = town.get("/v1/articles?limit=1", town.key("preview")).json()["page"]["next"]
    for kind in (CALLERS["anonymous"], CALLERS["read sport"], CALLERS["preview sport"]):
        refused = town.get(f"/v1/articles?cursor={cursor}", kind.key(town))
        assert refused.status_code == 422
        assert SECRET not in refused.text
