"""`Idempotency-Key`: a POST that is sent again is answered again, and not done again."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from sqlmodel import Session

from app.access.idempotency import forget_old_answers, idempotent_answer
from tests.conftest import Newsroom, Response
from tests.test_concurrency import at_once

KEY = '"8e03978e-40d5-43dd-bc93-6894a57f9324"'
BRIDGE = {"headline": "Harbour bridge opens"}


def post(
    newsroom: Newsroom,
    path: str = "/v1/articles",
    body: Any = BRIDGE,
    key: str = KEY,
    headers: dict[str, str] | None = None,
) -> Response:
    all_headers = {**newsroom.key("publish"), **(headers or {}), "Idempotency-Key": key}
    return newsroom.client.post(path, json=body, headers=all_headers, follow_redirects=False)


def shown(answer: Response) -> tuple[int, dict[str, str], bytes]:
    """All of an answer that must be the same again."""
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in ("date", "x-request-id")
    }
    return answer.status_code, headers, answer.content


def headlines(newsroom: Newsroom) -> list[str]:
    page = newsroom.get("/v1/articles?sort=headline&limit=100", newsroom.key("preview")).json()
    return [one["headline"] for one in page["data"]]


def stored(newsroom: Newsroom) -> int:
    with newsroom.database.reading() as session:
        count = sa.select(sa.func.count()).select_from(idempotent_answer)
        return int(session.connection().execute(count).scalar_one())


def problem_kind(answer: Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["type"]).rpartition(":")[2]


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_the_same_request_again_gets_the_same_answer(newsroom: Newsroom, coding: str) -> None:
    headers = {"Accept-Encoding": coding}
    body = {**BRIDGE, "summary": "It opened. " * 100}
    first = post(newsroom, body=body, headers=headers)
    newsroom.clock.move(hours=23)
    again = post(newsroom, body=body, headers=headers)
    assert first.status_code == 201
    assert first.headers["location"] == "/v1/articles/harbour-bridge-opens"
    assert shown(again) == shown(first)
    assert first.headers["etag"].endswith('-gzip"') == (coding == "gzip")
    assert headlines(newsroom) == ["Harbour bridge opens"]


def test_the_answer_does_not_depend_on_the_coding_that_was_first_asked_for(
    newsroom: Newsroom,
) -> None:
    body = {**BRIDGE, "summary": "It opened. " * 100}
    first = post(newsroom, body=body, headers={"Accept-Encoding": "gzip"})
    again = post(newsroom, body=body, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in again.headers
    assert again.content == first.content
    assert again.headers["etag"] == first.headers["etag"].replace("-gzip", "")


def test_the_answer_is_the_first_one_whatever_has_happened_since(newsroom: Newsroom) -> None:
    first = post(newsroom)
    newsroom.send("PATCH", "/v1/articles/harbour-bridge-opens", {"headline": "It is open"})
    assert shown(post(newsroom)) == shown(first)
    newsroom.send("DELETE", f"/v1/articles/{first.json()['id']}")
    assert shown(post(newsroom)) == shown(first)
    assert headlines(newsroom) == []


def test_without_the_header_every_request_is_a_new_one(newsroom: Newsroom) -> None:
    for _ in range(2):
        assert newsroom.send("POST", "/v1/articles", BRIDGE).status_code == 201
    assert (len(headlines(newsroom)), stored(newsroom)) == (2, 0)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/articles", {"headline": "Harbour bridge closes"}),
        ("/v1/articles", {"headline": "Harbour bridge opens", "summary": None}),
        ("/v1/articles", {"headline": "Taken", "slug": "harbour-bridge-opens"}),
        ("/v1/articles?publish=true", BRIDGE),
        ("/v1/articles?publish=false", BRIDGE),
        ("/v1/authors", {"name": "Mara"}),
        ("/v1/articles/harbour-bridge-opens/publish", None),
        ("/v1/articles/no-such-article/publish", None),
    ],
)
def test_the_same_key_with_another_request_is_refused(
    newsroom: Newsroom, path: str, body: Any
) -> None:
    first = post(newsroom)
    answer = post(newsroom, path, body)
    assert problem_kind(answer, 422) == "idempotency-key-reused"
    assert answer.json()["errors"][0]["parameter"] == "Idempotency-Key"
    article = newsroom.get("/v1/articles/harbour-bridge-opens", newsroom.key("preview")).json()
    assert (article["status"], article["version"], stored(newsroom)) == ("draft", 1, 1)
    assert newsroom.get("/v1/authors").json()["data"] == []
    assert shown(post(newsroom)) == shown(first)


def test_two_callers_with_the_same_key_do_not_meet(newsroom: Newsroom) -> None:
    first = post(newsroom)
    other = post(newsroom, headers=newsroom.key("write"))
    assert (first.status_code, other.status_code) == (201, 201)
    assert first.json()["id"] != other.json()["id"]
    assert shown(post(newsroom, headers=newsroom.key("write"))) == shown(other)
    assert len(headlines(newsroom)) == 2


def test_a_problem_is_an_answer_too(newsroom: Newsroom) -> None:
    newsroom.article(slug="bridge")
    taken = {**BRIDGE, "slug": "bridge"}
    refused = post(newsroom, body=taken)
    missing = post(newsroom, "/v1/articles/storm/publish", None, '"storm"')
    assert problem_kind(refused, 409) == "slug-taken"
    assert problem_kind(missing, 404) == "not-found"
    newsroom.send("PATCH", "/v1/articles/bridge", {"slug": "old-bridge"})
    newsroom.send("DELETE", "/v1/articles/old-bridge")
    newsroom.make("articles", headline="Storm")
    assert shown(post(newsroom, body=taken)) == shown(refused)
    assert shown(post(newsroom, "/v1/articles/storm/publish", None, '"storm"')) == shown(missing)
    assert headlines(newsroom) == ["Storm"]


def test_what_was_written_before_a_problem_is_undone(newsroom: Newsroom) -> None:
    """A key's entitlement is checked last, when the article and its number are there already."""
    newsroom.send("POST", "/v1/tags", {"name": "Culture", "kind": "section"})
    entitled = newsroom.key("write", entitlement={"articles": {"section": ["culture"]}})
    refused = post(newsroom, headers=entitled)
    assert problem_kind(refused, 403) == "forbidden"
    assert headlines(newsroom) == []
    assert stored(newsroom) == 1
    assert shown(post(newsroom, headers=entitled)) == shown(refused)


def test_a_request_that_never_had_its_turn_can_be_mended(newsroom: Newsroom) -> None:
    wrong = [
        {"body": {"headline": ""}},
        {"body": {"headline": "x", "colour": "red"}},
        {"path": "/v1/articles?colour=red"},
        {"headers": {"Authorization": "Bearer unknown"}},
        {"headers": newsroom.key("read")},
        {"headers": {"Content-Type": "text/plain"}},
    ]
    statuses = [post(newsroom, **one).status_code for one in wrong]  # type: ignore[arg-type]
    assert statuses == [422, 422, 422, 401, 403, 415]
    assert stored(newsroom) == 0
    assert post(newsroom).status_code == 201


def test_what_breaks_inside_leaves_the_key_unused(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_session: Any) -> None:
        raise RuntimeError("the disk is full")

    newsroom.key("publish")
    with monkeypatch.context() as broken:
        broken.setattr(Session, "commit", fail)
        assert post(newsroom).status_code == 500
    assert (headlines(newsroom), stored(newsroom)) == ([], 0)
    assert post(newsroom).status_code == 201


@pytest.mark.parametrize(
    "header",
    [
        "8e03978e-40d5-43dd-bc93-6894a57f9324", "", '""', '"', '"a', 'a"', "'a'", '"a"b"', '"a" b',
        '"a", "b"', '("a")', '"\\a"', '"a\\"', '"tab\t"', "1", "?1", ":YWJj:", '"a";', '"a";X',
        '"a";x=', '"a" ;x', '"a";x="', '"' + "a" * 256 + '"', '"gr\u00fcn"', '%"a"',
    ],
)  # fmt: skip
def test_a_header_that_is_no_quoted_string_is_refused(newsroom: Newsroom, header: str) -> None:
    authorization = newsroom.key("write")["Authorization"].encode()
    headers = {b"Idempotency-Key": header.encode("latin-1"), b"Authorization": authorization}
    answer = newsroom.client.post("/v1/articles", json=BRIDGE, headers=headers)
    assert problem_kind(answer, 400) == "malformed-idempotency-key"
    assert "double quotes" in answer.json()["detail"]
    assert headlines(newsroom) == []


def test_the_header_is_given_once(newsroom: Newsroom) -> None:
    for second in ('"a"', '"b"', ""):
        twice = [("Idempotency-Key", '"a"'), ("Idempotency-Key", second)]
        headers = [*twice, *newsroom.key("write").items()]
        answer = newsroom.client.post("/v1/articles", json=BRIDGE, headers=headers)
        assert problem_kind(answer, 400) == "malformed-idempotency-key"


@pytest.mark.parametrize(
    "header",
    [
        KEY, '"a"', '" "', '"a b, c; d"', '"\\""', '"\\\\"', '"' + "\\\\" * 255 + '"', '"!~[]^{}"',
        '"a";x', '"a";x=1', '"a";x=-1.5;y="b\\"c";z=tok/en', '"a"; x=?1;*y=:YWJj:;t=@1659578233',
    ],
)  # fmt: skip
def test_every_quoted_string_is_a_key(newsroom: Newsroom, header: str) -> None:
    first, again = post(newsroom, key=header), post(newsroom, key=header)
    assert first.status_code == 201, first.text
    assert shown(again) == shown(first)


def test_parameters_and_spelling_are_no_part_of_the_key(newsroom: Newsroom) -> None:
    first = post(newsroom, key='"a"')
    assert shown(post(newsroom, key='"a";x=1')) == shown(first)
    assert post(newsroom, key='"A"').json()["id"] != first.json()["id"]
    assert post(newsroom, key='"a\\\\"').json()["id"] != first.json()["id"]


def test_an_answer_is_kept_for_24_hours(newsroom: Newsroom) -> None:
    first = post(newsroom)
    newsroom.clock.move(hours=23, minutes=59, seconds=59)
    assert shown(post(newsroom)) == shown(first)
    newsroom.clock.move(seconds=1)
    second = post(newsroom)
    assert second.json()["slug"] == "harbour-bridge-opens-2"
    newsroom.clock.move(hours=23)
    assert shown(post(newsroom)) == shown(second)
    assert stored(newsroom) == 1


def test_after_that_the_key_is_free_for_another_request(newsroom: Newsroom) -> None:
    post(newsroom)
    newsroom.clock.move(hours=24)
    assert post(newsroom, body={"headline": "Storm"}).status_code == 201


def test_how_long_is_a_setting(open_newsroom: Callable[..., Newsroom], database_url: str) -> None:
    newsroom = open_newsroom(database_url, idempotency_key_hours=0.5)
    first = post(newsroom)
    newsroom.clock.move(minutes=29)
    assert shown(post(newsroom)) == shown(first)
    newsroom.clock.move(minutes=1)
    assert post(newsroom).json()["id"] != first.json()["id"]


def test_old_answers_are_forgotten_the_oldest_first_a_batch_at_a_time(newsroom: Newsroom) -> None:
    for number in range(5):
        post(newsroom, key=f'"{number}"')
    newsroom.clock.move(hours=24)
    young = post(newsroom, key='"young"')

    def forget() -> int:
        return forget_old_answers(newsroom.database, newsroom.clock(), 24, batch=2)

    assert [forget() for _ in range(4)] == [2, 2, 1, 0]
    assert stored(newsroom) == 1
    assert shown(post(newsroom, key='"young"')) == shown(young)


def test_a_key_that_is_revoked_or_has_lost_its_scope_gets_no_answer_again(
    newsroom: Newsroom,
) -> None:
    admin = newsroom.key("admin")
    wanted = {"name": "Desk", "scopes": ["publish"]}
    made = newsroom.send("POST", "/v1/keys", wanted, admin).json()
    desk, place = {"Authorization": f"Bearer {made['key']}"}, f"/v1/keys/{made['id']}"
    path = "/v1/articles?publish=true"
    first = post(newsroom, path, headers=desk)

    newsroom.send("PATCH", place, {"scopes": ["write"]}, admin)
    assert problem_kind(post(newsroom, path, headers=desk), 403) == "forbidden"
    newsroom.send("PATCH", place, {"scopes": ["read"]}, admin)
    assert problem_kind(post(newsroom, path, headers=desk), 403) == "forbidden"
    newsroom.send("PATCH", place, {"name": "News desk", "scopes": ["publish"]}, admin)
    assert shown(post(newsroom, path, headers=desk)) == shown(first)
    newsroom.send("DELETE", place, None, admin)
    assert problem_kind(post(newsroom, path, headers=desk), 401) == "unauthenticated"


def test_an_answer_from_before_an_entitlement_is_not_shown_beyond_it(newsroom: Newsroom) -> None:
    newsroom.send("POST", "/v1/tags", {"name": "Culture", "kind": "section"})
    admin = newsroom.key("admin")
    made = newsroom.send("POST", "/v1/keys", {"name": "Desk", "scopes": ["write"]}, admin).json()
    desk = {"Authorization": f"Bearer {made['key']}"}
    post(newsroom, headers=desk)
    narrowed = {"entitlement": {"articles": {"section": ["culture"]}}}
    newsroom.send("PATCH", f"/v1/keys/{made['id']}", narrowed, admin)
    again = post(newsroom, headers=desk)
    assert problem_kind(again, 422) == "idempotency-key-reused"
    assert "rights" in again.json()["detail"]
    assert headlines(newsroom) == ["Harbour bridge opens"]


def test_a_former_slug_leads_to_the_answer(newsroom: Newsroom) -> None:
    """The redirect is no answer to keep: the client comes back with the same key, both times."""
    newsroom.article(slug="bridge", publish=False)
    newsroom.send("PATCH", "/v1/articles/bridge", {"slug": "new-bridge"})

    def publish() -> Response:
        moved = post(newsroom, "/v1/articles/bridge/publish", None)
        assert moved.status_code == 308
        return post(newsroom, moved.headers["location"], None)

    first = publish()
    assert first.json()["status"] == "published"
    assert shown(publish()) == shown(first)
    assert first.json()["version"] == 3


@pytest.mark.parametrize("header", [KEY, "no quotes"])
def test_what_can_be_repeated_anyway_does_not_look_at_it(newsroom: Newsroom, header: str) -> None:
    newsroom.article()
    path, headers = "/v1/articles/harbour-bridge-opens", {"Idempotency-Key": header}
    assert newsroom.get(path, headers).status_code == 200
    for summary in ("One", "Two"):
        changed = newsroom.send("PATCH", path, {"summary": summary}, headers)
        assert changed.json()["summary"] == summary
    for headline in ("One", "Two"):
        replaced = newsroom.send("PUT", path, {"headline": headline}, headers)
        assert replaced.json()["headline"] == headline
    assert newsroom.send("DELETE", path, None, headers).status_code == 204
    assert stored(newsroom) == 0


def test_pages_of_other_origins_may_send_it(newsroom: Newsroom) -> None:
    asked = {
        "Origin": "https://news.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    answer = newsroom.client.options("/v1/articles", headers=asked)
    assert answer.status_code == 200
    assert "idempotency-key" in answer.headers["access-control-allow-headers"].lower()


def test_sent_many_times_at_once_it_is_done_once(newsroom: Newsroom, served: str) -> None:
    headers = {**newsroom.key("write"), "Idempotency-Key": KEY}

    def create(_number: int) -> httpx2.Response:
        return httpx2.post(f"{served}/v1/articles", json=BRIDGE, headers=headers, timeout=60)

    answers = [shown(answer) for answer in at_once(20, create)]
    assert answers == [answers[0]] * 20
    assert answers[0][0] == 201
    assert headlines(newsroom) == ["Harbour bridge opens"]


def test_while_the_first_is_under_way_the_others_wait_for_its_answer(
    newsroom: Newsroom, served: str
) -> None:
    headers = {**newsroom.key("write"), "Idempotency-Key": KEY}

    def create(_number: int) -> httpx2.Response:
        return httpx2.post(f"{served}/v1/articles", json=BRIDGE, headers=headers, timeout=60)

    with ThreadPoolExecutor(3) as threads:
        with newsroom.database.writing() as session:
            session.connection()
            sent = [threads.submit(create, number) for number in range(3)]
            time.sleep(0.5)
            assert not any(one.done() for one in sent)
        answers = [one.result() for one in sent]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert {answer.content for answer in answers} == {answers[0].content}
    assert headlines(newsroom) == ["Harbour bridge opens"]


def test_a_caller_who_waits_too_long_hears_503_and_may_come_again(
    open_newsroom: Callable[..., Newsroom], database_url: str
) -> None:
    newsroom = open_newsroom(database_url, database_wait_seconds=0.2)
    newsroom.key("publish")
    with newsroom.database.writing() as session:
        session.connection()
        answer = post(newsroom)
        assert problem_kind(answer, 503) == "busy"
        assert answer.headers["retry-after"]
    assert post(newsroom).status_code == 201
    assert len(headlines(newsroom)) == 1
