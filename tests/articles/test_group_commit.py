"""Articles created at the same time share a transaction, and nobody can tell from the answers."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from app.articles.group_commit import GroupCommit
from app.changes.actions import last_number
from tests.conftest import Newsroom

Wanted = tuple[str, dict[str, str], dict[str, Any]]
"""The query, the headers and the body of a create."""
TIMES = ("created_at", "updated_at", "published_at", "first_published_at")


def in_one_group(
    newsroom: Newsroom, wanted: Sequence[Wanted], gone: Sequence[int] = ()
) -> list[httpx2.Response | BaseException]:
    """Sends all of them while another write has the turn; those of `gone` give up meanwhile.

    The first one that comes is a group of its own, and the others, if not too many, the next.
    """

    async def send_all() -> list[httpx2.Response | BaseException]:
        transport = httpx2.ASGITransport(newsroom.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as client:

            def send(one: Wanted) -> asyncio.Task[httpx2.Response]:
                query, headers, body = one
                address = f"/v1/articles{query}"
                return asyncio.create_task(client.post(address, headers=headers, json=body))

            await until(lambda: not creates.is_writing)  # what was answered just now
            with newsroom.database.writing():
                first = {"headline": "The first", "slug": "the-first"}
                sent = [send(("", newsroom_key, first))]
                await until(lambda: creates.is_writing)
                sent += [send(one) for one in wanted]
                await until(lambda: creates.prepared_count == len(wanted))
                for number in gone:
                    sent[1 + number].cancel()
                await asyncio.sleep(0)
            return (await asyncio.gather(*sent, return_exceptions=True))[1:]

    creates: GroupCommit = newsroom.app.state.creates
    newsroom_key = newsroom.key("write")
    return asyncio.run(send_all())


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(2000):
        if is_so():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came to that")


def answered(newsroom: Newsroom, wanted: Sequence[Wanted]) -> list[httpx2.Response]:
    answers = in_one_group(newsroom, wanted)
    return [one for one in answers if isinstance(one, httpx2.Response)]


def drafts(newsroom: Newsroom, *bodies: dict[str, Any]) -> list[Wanted]:
    return [("", newsroom.key("write"), body) for body in bodies]


def missing_numbers(newsroom: Newsroom) -> int:
    with newsroom.database.reading() as session:
        count = session.connection().execute(sa.text("SELECT count(*) FROM revision")).scalar_one()
        return last_number(session) - int(count)


def good_and_bad(newsroom: Newsroom, run: str) -> list[Wanted]:
    write, publish = newsroom.key("write"), newsroom.key("publish")
    body = {"format": "markdown", "source": "It *opens* at [noon](https://example.org)."}
    dates = {"published_at": "2026-11-20T08:00:00Z", "expires_at": "2026-11-19T08:00:00Z"}
    return [
        ("", write, {"headline": f"Draft {run}", "body": body, "metadata": {"a": [1, 2.0, None]}}),
        ("?publish=true", publish, {"headline": f"Ünïcode {run}", "authors": ["mara"]}),
        ("", write, {"headline": f"Tagged {run}", "tags": ["sea", "harbour"], "urgency": 3}),
        ("", write, {"headline": f"No author {run}", "authors": ["mara", "nobody"]}),
        ("", write, {"headline": f"No tag {run}", "tags": ["nothing"]}),
        ("", write, {"headline": f"Taken {run}", "slug": "taken"}),
        ("", write, {"headline": f"Known {run}", "external_id": "known"}),
        ("", write, {"headline": f"Not theirs {run}", "published_at": "2026-11-20T08:00:00Z"}),
        ("?publish=true", publish, {"headline": f"Over {run}", **dates}),
        ("", publish, {"headline": f"Dated {run}", "published_at": "2026-11-20T08:00:00+01:00"}),
        ("", write, {"headline": f"Own {run}", "external_id": f"own-{run}", "byline": "By hand"}),
    ]


def shown(answer: httpx2.Response, run: str) -> Any:
    """An answer without what differs from one create to the next."""
    body = answer.json()
    text = answer.text.replace(body.get("id", "no id"), "ID")
    for name in TIMES:
        if body.get(name):
            text = text.replace(body[name], "TIME")
    headers = dict(answer.headers)
    headers["etag"] = headers.get("etag", "").partition("-")[0]
    del headers["x-request-id"], headers["content-length"]
    return answer.status_code, str(headers).replace(run, "RUN"), text.replace(run, "RUN")


def test_each_of_a_group_is_answered_as_if_it_were_alone(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara")
    newsroom.make("tags", name="Harbour")
    newsroom.send("POST", "/v1/tags", {"name": "Sea", "kind": "section"})
    newsroom.make("articles", headline="Taken", slug="taken", external_id="known")
    alone = [
        newsroom.client.post(f"/v1/articles{query}", headers=headers, json=body)
        for query, headers, body in good_and_bad(newsroom, "alone")
    ]
    group = answered(newsroom, good_and_bad(newsroom, "group"))
    assert [shown(one, "group") for one in group] == [shown(one, "alone") for one in alone]
    assert Counter(one.status_code for one in group) == {201: 5, 403: 1, 409: 2, 422: 3}
    assert missing_numbers(newsroom) == 0


def test_what_is_answered_is_what_the_next_read_gives(newsroom: Newsroom) -> None:
    wanted = drafts(newsroom, *({"headline": f"Article {number}"} for number in range(9)))
    for made in answered(newsroom, wanted):
        read = newsroom.get(made.headers["location"], newsroom.key("write"))
        assert (read.text, read.headers["etag"]) == (made.text, made.headers["etag"])


def test_a_group_is_one_commit(newsroom: Newsroom) -> None:
    wanted = drafts(newsroom, *({"headline": f"Article {number}"} for number in range(20)))
    commits: list[Any] = []
    sa.event.listen(newsroom.database.engine, "commit", commits.append)
    assert {one.status_code for one in answered(newsroom, wanted)} == {201}
    # Of the first, and of the others; on PostgreSQL also of the writer that all wait for.
    assert len(commits) == (2 if newsroom.database.is_sqlite else 3)


@pytest.mark.parametrize(
    ("field", "kind"), [("slug", "slug-taken"), ("external_id", "external-id-taken")]
)
def test_what_all_of_a_group_want_goes_to_one(newsroom: Newsroom, field: str, kind: str) -> None:
    bodies = [{"headline": f"Article {number}", field: "wanted"} for number in range(6)]
    answers = answered(newsroom, drafts(newsroom, *bodies))
    assert Counter(one.status_code for one in answers) == {201: 1, 409: 5}
    late = newsroom.client.post("/v1/articles", headers=newsroom.key("write"), json=bodies[0])
    refused = {one.text for one in answers if one.status_code == 409}
    assert refused == {late.text}
    assert late.json()["type"].endswith(kind)


def test_the_same_headline_in_a_group_makes_different_slugs(newsroom: Newsroom) -> None:
    answers = answered(newsroom, drafts(newsroom, *[{"headline": "Storm"}] * 5))
    slugs = {one.json()["slug"] for one in answers}
    assert slugs == {"storm", *(f"storm-{number}" for number in range(2, 6))}


def test_one_that_the_database_refuses_does_not_fail_the_others(newsroom: Newsroom) -> None:
    let_the_database_refuse(newsroom, "Broken")
    bodies = [{"headline": headline} for headline in ("One", "Broken", "Two", "Three")]
    answers = answered(newsroom, drafts(newsroom, *bodies))
    assert [one.status_code for one in answers] == [201, 500, 201, 201]
    assert answers[1].json()["type"].endswith("internal")
    assert missing_numbers(newsroom) == 0


def let_the_database_refuse(newsroom: Newsroom, headline: str) -> None:
    is_so = f"WHEN (NEW.headline = '{headline}')"
    if newsroom.database.is_sqlite:
        statements = [
            f"CREATE TRIGGER refuse BEFORE INSERT ON article {is_so} "
            "BEGIN SELECT RAISE(ABORT, 'refused'); END"
        ]
    else:
        statements = [
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE check_violation; END $$",
            f"CREATE TRIGGER refuse BEFORE INSERT ON article FOR EACH ROW {is_so} "
            "EXECUTE FUNCTION refuse()",
        ]
    with newsroom.database.writing() as session:
        for statement in statements:
            session.connection().exec_driver_sql(statement)


def test_a_client_that_goes_away_takes_nobody_along(newsroom: Newsroom) -> None:
    wanted = drafts(newsroom, *({"headline": f"Article {number}"} for number in range(4)))
    answers = in_one_group(newsroom, wanted, gone=[1])
    assert [type(one) for one in answers].count(asyncio.CancelledError) == 1
    made = [one.status_code for one in answers if isinstance(one, httpx2.Response)]
    assert made == [201, 201, 201]
    assert missing_numbers(newsroom) == 0


def test_while_the_database_is_busy_each_hears_so(
    database_url: str, open_newsroom: Callable[..., Newsroom]
) -> None:
    newsroom = open_newsroom(database_url, database_wait_seconds=0.2)

    async def send_all() -> list[httpx2.Response]:
        transport = httpx2.ASGITransport(newsroom.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as client:
            with newsroom.database.writing():
                sent = (
                    client.post("/v1/articles", headers=key, json={"headline": f"{number}"})
                    for number in range(5)
                )
                return await asyncio.gather(*sent)

    key = newsroom.key("write")
    for answer in asyncio.run(send_all()):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert newsroom.get("/v1/articles?status=draft", key).json()["data"] == []


class Panic(BaseException):
    """As libraries in Rust raise it."""


def test_a_panic_leaves_nobody_waiting(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    def panic(*_arguments: Any) -> None:
        raise Panic

    for place in ("create_for_each", "submission", "create_article"):
        with monkeypatch.context() as patch:
            patch.setattr(f"app.articles.group_commit.{place}", panic)
            wanted = drafts(newsroom, *({"headline": f"{place} {number}"} for number in range(3)))
            for _ in range(3):  # as many threads as there are, and one more
                if place == "create_for_each":
                    assert {one.status_code for one in answered(newsroom, wanted)} == {500}
                else:
                    _, headers, body = wanted[0]
                    made = newsroom.client.post("/v1/articles", headers=headers, json=body)
                    assert made.status_code == 500
    assert newsroom.make("articles", headline="After all")["slug"] == "after-all"
