"""What a caller may not see does not exist for them: no body, count, tag, order or status says so."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from tests.conftest import Newsroom, Response

SECRET = "zanzibar"
Hide = Callable[[Newsroom], None]
LIST_PARAMETERS = {
    "limit", "cursor", "tag", "author", "section", "language", "status", "exclude_tag", "ids",
    "published_since", "published_until", "updated_since", "sort", "fields", "body", "count",
}  # fmt: skip
ROUTES = {
    "/v1/articles", "/v1/articles/bulk", "/v1/articles/{ref}", "/v1/articles/{ref}/publish",
    "/v1/articles/{ref}/withdraw", "/v1/articles/{ref}/restore", "/v1/articles/{ref}/corrections",
    "/v1/articles/{ref}/revisions", "/v1/articles/{ref}/revisions/{version}",
    "/v1/articles/{ref}/revisions/{version}/diff", "/v1/articles/{ref}/revisions/{version}/restore",
    "/v1/articles/{ref}/related", "/v1/search", "/v1/suggest",
    "/v1/authors", "/v1/authors/{ref}", "/v1/authors/{ref}/merge",
    "/v1/tags", "/v1/tags/{ref}", "/v1/tags/{ref}/merge",
    "/v1/articles.{suffix}", "/v1/search.{suffix}", "/v1/articles/{ref}.{suffix}", "/sitemap.xml",
    "/v1/articles/{ref}/related.{suffix}",
    "/sitemap-news.xml", "/sitemap-{number}.xml", "/schemas/blocks-1.json",
    "/v1/changes", "/v1/changes/stream", "/v1/me", "/v1/keys", "/v1/keys/{key_id}", "/healthz", "/readyz",
}  # fmt: skip
SPORT = {"articles": {"tag": ["sport"]}}


def secret(newsroom: Newsroom, **fields: Any) -> dict[str, Any]:
    return newsroom.article(
        f"The {SECRET} papers",
        slug=SECRET,
        body={"format": "text", "source": f"{SECRET} {SECRET}"},
        authors=["mara-lind"],
        **{"tags": ["local", "sport"], "language": "en-GB", **fields},
    )


def draft(newsroom: Newsroom) -> None:
    secret(newsroom, publish=False)


def draft_with_past_date(newsroom: Newsroom) -> None:
    secret(newsroom, publish=False, published_at=newsroom.clock.at(days=-3))


def scheduled(newsroom: Newsroom) -> None:
    secret(newsroom, published_at=newsroom.clock.at(hours=1))


def embargoed(newsroom: Newsroom) -> None:
    secret(newsroom, embargoed_until=newsroom.clock.at(hours=1))


def expired(newsroom: Newsroom) -> None:
    secret(
        newsroom,
        published_at=newsroom.clock.at(days=-2),
        expires_at=newsroom.clock.at(days=-1),
    )


def withdrawn_before_it_was_public(newsroom: Newsroom) -> None:
    scheduled(newsroom)
    newsroom.send("POST", f"/v1/articles/{SECRET}/withdraw", {"reason": SECRET})


HIDDEN_FROM_ALL: list[Hide] = [
    draft, draft_with_past_date, scheduled, embargoed, expired, withdrawn_before_it_was_public,
]  # fmt: skip


def out_of_entitlement(newsroom: Newsroom) -> None:
    secret(newsroom, tags=["local"])


@pytest.fixture
def town(newsroom: Newsroom) -> Newsroom:
    """A newsroom with an author, two tags and three public articles."""
    newsroom.make("authors", name="Mara Lind")
    newsroom.send("POST", "/v1/tags", {"name": "Local", "kind": "section"})
    newsroom.send("POST", "/v1/tags", {"name": "Sport", "kind": "topic"})
    for number in range(3):
        newsroom.article(f"Harbour {number}", tags=["local", "sport"], authors=["mara-lind"])
    return newsroom


def lists(town: Newsroom) -> list[str]:
    start, end = town.clock.at(days=-9).replace("+", "%2B"), town.clock.at(days=9)
    queries = [
        "", "tag=sport", "tag=local&tag=sport", "tag=local,sport", "author=mara-lind",
        "section=local", "language=en-GB,en", "exclude_tag=nothing", "status=published",
        f"published_since={start}", f"published_until={end}", f"updated_since={start}",
        "sort=published_at", "sort=-updated_at", "sort=updated_at", "sort=headline",
        "fields=headline,slug", "body=html,text", "limit=1", "limit=2&sort=headline",
        "count=exact", "count=estimate", "tag=sport&count=exact", "author=mara-lind&count=exact",
        "tag=local,sport&count=exact",
    ]  # fmt: skip
    others = ["/v1/tags?article_count=true", "/v1/authors?article_count=true"]
    others += ["/v1/tags/sport?article_count=true", "/v1/authors/mara-lind?article_count=true"]
    return [f"/v1/articles?{query}" for query in queries] + others


def seen(answer: Response) -> tuple[Any, ...]:
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, headers, answer.text


def callers(town: Newsroom) -> dict[str, dict[str, str]]:
    return {
        "anonymous": {},
        "read": town.key("read"),
        "entitled": town.key("read", entitlement=SPORT),
    }


def test_the_sweep_knows_every_route_and_every_list_parameter(newsroom: Newsroom) -> None:
    paths = newsroom.get("/openapi.json").json()["paths"]
    parameters = paths["/v1/articles"]["get"]["parameters"]
    assert set(paths) == ROUTES
    assert {one["name"] for one in parameters} == LIST_PARAMETERS


@pytest.mark.parametrize("hide", HIDDEN_FROM_ALL)
def test_no_list_count_or_validator_changes_by_what_is_hidden(town: Newsroom, hide: Hide) -> None:
    addresses = lists(town)
    before = {
        (name, path): seen(town.get(path, key))
        for name, key in callers(town).items()
        for path in addresses
    }
    hide(town)
    for name, key in callers(town).items():
        for path in addresses:
            assert seen(town.get(path, key)) == before[name, path]


def test_what_is_out_of_an_entitlement_changes_nothing_for_its_key(town: Newsroom) -> None:
    key = town.key("read", entitlement=SPORT)
    before = {path: seen(town.get(path, key)) for path in lists(town)}
    out_of_entitlement(town)
    assert {path: seen(town.get(path, key)) for path in before} == before


def same_but_for_the_address(hidden: Response, never: Response, ref: str) -> bool:
    own = hidden.text.replace(ref, "never")
    return (hidden.status_code, own) == (never.status_code, never.text)


@pytest.mark.parametrize("hide", [*HIDDEN_FROM_ALL, out_of_entitlement])
def test_a_hidden_article_answers_as_one_that_never_was(town: Newsroom, hide: Hide) -> None:
    hide(town)
    article_id = town.send("GET", f"/v1/articles/{SECRET}").json()["id"]
    town.send("PATCH", f"/v1/articles/{SECRET}", {"slug": "zanzibar-two"})
    all_callers = callers(town)
    if hide is out_of_entitlement:
        all_callers = {"entitled": all_callers["entitled"]}
    for key in all_callers.values():
        for ref in (SECRET, "zanzibar-two", article_id):
            for headers in ({}, {"If-None-Match": "*"}):
                for end in ("", "/revisions", "/revisions/1", "/revisions/2/diff?with=1"):
                    hidden = town.get(f"/v1/articles/{ref}{end}", {**key, **headers})
                    never = town.get(f"/v1/articles/never{end}", {**key, **headers})
                    assert hidden.status_code == 404
                    assert same_but_for_the_address(hidden, never, ref)


@pytest.mark.parametrize(
    "action",
    [
        "publish",
        "withdraw",
        "restore",
        "corrections",
        "revisions/1/restore",
        "PUT",
        "PATCH",
        "DELETE",
    ],
)
def test_an_entitled_publisher_cannot_touch_or_confirm_what_is_outside(
    town: Newsroom, action: str
) -> None:
    out_of_entitlement(town)
    key = town.key("publish", entitlement=SPORT)
    bodies: dict[str, Any] = {
        "corrections": {"kind": "update", "note": "x"}, "PUT": {"headline": "x"}, "PATCH": {}, "DELETE": None,
    }  # fmt: skip
    method, end = (action, "") if action.isupper() else ("POST", f"/{action}")
    body = bodies.get(action, {})
    if action.endswith("restore"):
        body = None
    for if_match in ("*", '"1-00"', '"99"'):
        headers = {**key, "If-Match": if_match}
        hidden = town.send(method, f"/v1/articles/{SECRET}{end}", body, headers)
        never = town.send(method, f"/v1/articles/never{end}", body, headers)
        assert hidden.status_code == 404
        assert same_but_for_the_address(hidden, never, SECRET)


def test_an_entitled_writer_cannot_write_what_it_could_not_see(town: Newsroom) -> None:
    key = town.key("publish", entitlement=SPORT)
    refused = town.send("POST", "/v1/articles", {"headline": "x", "tags": ["local"]}, key)
    assert refused.status_code == 403
    assert (
        town.get("/v1/articles?count=exact&status=draft", town.key("preview")).json()["data"] == []
    )


def test_embargoed_copy_is_early_only_inside_the_entitlement(town: Newsroom) -> None:
    early = town.key("read", entitlement={**SPORT, "embargoed": True})
    embargoed(town)
    other = town.article("Other", tags=["local"], embargoed_until=town.clock.at(hours=1))
    planned = town.article("Planned", tags=["sport"], published_at=town.clock.at(hours=1))
    assert town.get(f"/v1/articles/{SECRET}", early).status_code == 200
    assert town.get(f"/v1/articles/{other['id']}", early).status_code == 404
    assert town.get(f"/v1/articles/{planned['id']}", early).status_code == 404


@pytest.mark.parametrize(
    "entitlement",
    [
        {"articles": {"tag": ["no-such-tag"]}},
        {"articles": {"section": ["sport"]}},
        {"articles": {"author": ["nobody"]}},
        {"articles": {"exclude_tag": ["no-such-tag"]}},
        {"articles": {"exclude_tag": ["no-such-tag,local"]}},
        {"articles": {"language": ["xx"]}},
    ],
)
def test_an_entitlement_to_nothing_is_nothing_and_never_all(
    town: Newsroom, entitlement: dict[str, Any]
) -> None:
    key = town.key("preview", entitlement=entitlement)
    page = town.get("/v1/articles?count=exact", key).json()
    assert (page["data"], page["page"]["total"]) == ([], 0)
    assert town.get("/v1/articles/harbour-0", key).status_code == 404


def test_a_deleted_article_is_gone_only_for_whom_it_was_there(town: Newsroom) -> None:
    out_of_entitlement(town)
    town.send("DELETE", f"/v1/articles/{SECRET}")
    assert town.get(f"/v1/articles/{SECRET}").status_code == 410
    assert (
        town.get(f"/v1/articles/{SECRET}", town.key("read", entitlement=SPORT)).status_code == 404
    )


def test_looking_for_what_is_hidden_takes_the_same_statements(town: Newsroom) -> None:
    draft(town)
    statements: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    sa.event.listen(town.database.engine, "before_cursor_execute", note)
    town.get(f"/v1/articles/{SECRET}")
    hidden, statements[:] = list(statements), []
    town.get("/v1/articles/never")
    assert hidden == statements


def test_only_preview_may_list_by_status(town: Newsroom) -> None:
    draft(town)
    assert town.get("/v1/articles?status=draft").status_code == 403
    drafts = town.get("/v1/articles?status=draft", town.key("preview")).json()["data"]
    assert [one["slug"] for one in drafts] == [SECRET]
