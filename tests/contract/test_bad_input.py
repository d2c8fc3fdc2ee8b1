"""Whatever is wrong with a request, it is answered with a problem and nothing has changed.

The cases are made from the OpenAPI document: every body, every field of it, every parameter.
"""

import gzip
import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import quote

import jsonschema_rs
import pytest
import sqlalchemy as sa

from app.archive.models import Article
from app.main import create_app
from app.settings import Settings
from tests.conftest import Lend, Newsroom, Response

DOCUMENT = create_app(Settings(database_url="sqlite:///never-opened.db")).openapi()
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
UNKNOWN_ID = "01a20c95-fd9f-710b-8f03-e27cdf1368f0"
TIME = "2026-11-24T08:00:00Z"
IMAGE = {
    "url": "https://images.example.org/a.jpg",
    "caption": "At dawn",
    "credit": "Mara Lind",
    "alt": "A bridge",
    "width": 800,
    "height": 600,
}
ARTICLE: dict[str, Any] = {
    "slug": "bridge-opens",
    "headline": "Bridge opens",
    "subheadline": "At last",
    "summary": "It opened.",
    "dateline": "HARROW BAY",
    "byline": "By Mara Lind",
    "language": "en-GB",
    "body": {"format": "html", "source": "<p>It opened.</p>"},
    "image": IMAGE,
    "authors": [{"ref": "first", "role": "reporter"}, "second"],
    "tags": ["first", "second"],
    "source": "Staff",
    "canonical_url": "https://example.org/bridge",
    "copyright": "Example",
    "usage_terms": "None",
    "external_id": "desk-1",
    "urgency": 5,
    "published_at": TIME,
    "embargoed_until": TIME,
    "expires_at": "2027-11-24T08:00:00Z",
    "metadata": {"desk": {"shifts": ["early", "late"]}},
}
AUTHOR: dict[str, Any] = {
    "slug": "mara-lind",
    "name": "Mara Lind",
    "role": "Editor",
    "bio": "Writes.",
    "image": IMAGE,
    "links": [{"title": "Home page", "url": "https://example.org/"}],
    "email": "mara@example.org",
}
TAG = {
    "slug": "sea",
    "name": "Sea",
    "kind": "topic",
    "description": "Water",
    "parent": "second",
}
KEY: dict[str, Any] = {
    "name": "App",
    "scopes": ["read"],
    "entitlement": {
        "articles": {
            **{name: ["first"] for name in ("tag", "author", "section", "exclude_tag")},
            "language": ["en"],
            "status": ["published"],
            "ids": [UNKNOWN_ID],
            "published_since": TIME,
            "published_until": TIME,
            "updated_since": TIME,
        },
        "embargoed": True,
    },
    "expires_at": TIME,
}
BODIES: dict[str, dict[str, Any]] = {
    "create_article": ARTICLE,
    "replace_article": ARTICLE,
    "update_article": ARTICLE,
    "publish_article": {"at": TIME},
    "withdraw_article": {"reason": "Wrong"},
    "add_correction": {"kind": "update", "note": "It is longer."},
    "create_author": AUTHOR,
    "replace_author": AUTHOR,
    "update_author": AUTHOR,
    "merge_author": {"into": "second"},
    "create_tag": TAG,
    "replace_tag": TAG,
    "update_tag": TAG,
    "merge_tag": {"into": "second"},
    "create_key": KEY,
    "update_key": KEY,
}
FIRST = {"articles": {"tag": ["first"]}}
each_body = pytest.mark.parametrize("name", BODIES)

WRONG_VALUES: list[Any] = ["5", 5, 0, -1, 5.5, 10**30, True, None, "", [], {}, [None], {"x": 1}]
TIMES_THAT_ARE_NONE = [
    "2026-11-24T08:00:00", "2026-11-24", "2026-11-24T08:00Z", "2026-02-30T08:00:00Z",
    "2026-13-01T08:00:00Z", "2026-11-24T24:30:00Z", "2026-11-24T08:61:00Z",
    "2026-11-24T08:00:00+25:00", "2026-11-24T08:00:00+01", "0001-01-01T00:00:00+14:00",
    "10000-01-01T00:00:00Z", "1732435200", "tomorrow", "", " 2026-11-24T08:00:00Z",
    "２０２６-11-24T08:00:00Z",
]  # fmt: skip
TIME_FIELDS = {
    "at", "published_at", "embargoed_until", "expires_at", "published_since", "published_until",
    "updated_since",
}  # fmt: skip
NO_JSON = [
    b"{", b"}", b"nul", b"'a'", b'{"a":}', b'{"a" 1}', b"{a: 1}", b"[1,]", b'{"a": 1,}', b"NaN",
    b'{"a": Infinity}', b'{"a": -Infinity}', b'{"a": 01}', b'{"a": "\x01"}', b'{"a": "\\x41"}',
    b"{} {}", b"\xef\xbb\xbf{}", '{"a": 1}'.encode("utf-16"), b"/* */ {}", b"\x00", b"<xml/>",
    b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000,
]  # fmt: skip
NO_OBJECTS: list[Any] = [[], "text", 5, True, [{"headline": "x"}]]
SQL = ["' OR 1=1 --", "'; DROP TABLE article; --", '" OR ""="', "1) UNION SELECT hash FROM api_key"]


@pytest.fixture
def town(lend: Lend) -> Newsroom:
    """Two articles, authors and tags to name, and a key to change."""
    return lend(furnish, search=True)


def furnish(newsroom: Newsroom) -> None:
    for kind in ("authors", "tags"):
        newsroom.make(kind, name="First")
        newsroom.make(kind, name="Second")
    newsroom.article("First", authors=["first"], tags=["first"])
    newsroom.make("articles", headline="Second")
    newsroom.make_keys()
    newsroom.key("read", entitlement=FIRST)


def dump(town: Newsroom) -> list[Any]:
    """Every row of every table."""
    with town.database.reading() as session:
        tables = Article.metadata.sorted_tables
        return [session.connection().execute(sa.select(table)).all() for table in tables]


@pytest.fixture
def unchanged(town: Newsroom) -> Iterator[Newsroom]:
    """The town, in which the test must not have changed a row."""
    before = dump(town)
    yield town
    assert dump(town) == before


def address(town: Newsroom, name: str) -> tuple[str, str]:
    method, path, _ = OPERATIONS[name]
    if "{key_id}" in path:
        with town.database.reading() as session:
            key_id = session.connection().scalar(sa.text("SELECT id FROM api_key LIMIT 1"))
        path = path.replace("{key_id}", str(key_id))
    path = path.replace("{ref}", "first").replace("{version}", "1").replace("{number}", "1")
    return method, path.replace("{suffix}", "ninjs")


def send(town: Newsroom, name: str, body: Any) -> Response:
    method, path = address(town, name)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {**town.key("admin"), "If-Match": "*", "Content-Type": "application/json"}
    return town.client.request(method, path, content=content, headers=headers)


def refused(answer: Response, *statuses: int) -> dict[str, Any]:
    """The problem that the answer must be."""
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    return problem


def places(node: Any, pointer: str = "") -> Iterator[str]:
    """The JSON pointers of all values in a document, the document itself left out."""
    pairs: Any = ()
    if isinstance(node, dict):
        pairs = node.items()
    elif isinstance(node, list):
        pairs = enumerate(node)
    for step, value in pairs:
        yield f"{pointer}/{step}"
        yield from places(value, f"{pointer}/{step}")


def at(document: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def with_value(document: Any, pointer: str, value: Any) -> Any:
    changed = deepcopy(document)
    parent_pointer, _, last = pointer.rpartition("/")
    parent = at(changed, parent_pointer)
    parent[int(last) if isinstance(parent, list) else last] = value
    return changed


def points_there(problem: dict[str, Any], pointer: str) -> bool:
    return any(
        f"{pointer}/".startswith(f"{error['pointer']}/")
        or error["pointer"].startswith(f"{pointer}/")
        for error in problem["errors"]
    )


def strings_in(body: dict[str, Any]) -> Iterator[str]:
    yield from (pointer for pointer in places(body) if isinstance(at(body, pointer), str))


def test_every_body_is_known_here() -> None:
    # What is wrong with a line of a bulk request is told of that line: tests/articles/test_bulk.py.
    streamed = {"bulk_articles"}
    with_body = {name for name in OPERATIONS if "requestBody" in OPERATIONS[name][2]}
    assert set(BODIES) | streamed == with_body
    for name, body in BODIES.items():
        schema = OPERATIONS[name][2]["requestBody"]["content"]["application/json"]["schema"]
        assert is_valid(schema, body), name


def is_valid(schema: dict[str, Any], body: Any) -> bool:
    whole = {**schema, "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True).is_valid(body)


@each_body
def test_a_value_of_the_wrong_type_is_refused_where_it_stands(
    unchanged: Newsroom, name: str
) -> None:
    body = BODIES[name]
    schema = OPERATIONS[name][2]["requestBody"]["content"]["application/json"]["schema"]
    whole = {**schema, "components": DOCUMENT["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    tried = 0
    for pointer in places(body):
        for value in WRONG_VALUES:
            wrong = with_value(body, pointer, value)
            if not validator.is_valid(wrong):
                tried += 1
                problem = refused(send(unchanged, name, wrong), 422)
                assert points_there(problem, pointer), (pointer, value, problem)
    assert tried > len(body)


@each_body
def test_a_body_that_is_no_object_is_refused(unchanged: Newsroom, name: str) -> None:
    for whole in NO_OBJECTS:
        refused(send(unchanged, name, whole), 422)


@each_body
def test_a_number_or_a_flag_as_text_is_refused(unchanged: Newsroom, name: str) -> None:
    body = BODIES[name]
    for pointer in places(body):
        value = at(body, pointer)
        if isinstance(value, int) and "metadata" not in pointer:
            wrong = with_value(body, pointer, str(value).lower())
            assert points_there(refused(send(unchanged, name, wrong), 422), pointer), pointer


@each_body
def test_a_time_that_does_not_exist_or_has_no_offset_is_refused(
    unchanged: Newsroom, name: str
) -> None:
    body = BODIES[name]
    for pointer in places(body):
        if pointer.rpartition("/")[2] in TIME_FIELDS:
            for value in [*TIMES_THAT_ARE_NONE, 1732435200, 1732435200.5]:
                wrong = with_value(body, pointer, value)
                problem = refused(send(unchanged, name, wrong), 422)
                assert points_there(problem, pointer), (pointer, value)


@each_body
def test_the_nul_character_is_refused_in_every_text(unchanged: Newsroom, name: str) -> None:
    body = BODIES[name]
    for pointer in strings_in(body):
        wrong = with_value(body, pointer, at(body, pointer) + "\0")
        problem = refused(send(unchanged, name, wrong), 422)
        assert points_there(problem, pointer), pointer


@each_body
def test_what_is_no_unicode_is_refused_in_every_text(unchanged: Newsroom, name: str) -> None:
    body = BODIES[name]
    for pointer in strings_in(body):
        for surrogate in ("\ud800", "\udc00", "\udc00\ud800"):
            refused(send(unchanged, name, with_value(body, pointer, surrogate)), 400)
        marked = json.dumps(with_value(body, pointer, "MARK")).encode()
        for octets in (b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80", b"\xe2\x82"):
            refused(send(unchanged, name, marked.replace(b"MARK", octets)), 400)


@pytest.mark.parametrize("key", ["\0", "a\0b", "\ud800", "a\udfff"], ids=repr)
@pytest.mark.parametrize("name", ["create_article", "replace_article", "update_article"])
def test_the_publishers_own_keys_are_unicode_too(unchanged: Newsroom, name: str, key: str) -> None:
    for metadata in ({key: 1}, {"a": [{key: None}]}, {"a": {"b": key}}):
        refused(send(unchanged, name, {**ARTICLE, "metadata": metadata}), 400, 422)


@each_body
def test_what_is_no_json_is_refused(unchanged: Newsroom, name: str) -> None:
    for broken in NO_JSON:
        refused(send(unchanged, name, broken), 400)


@each_body
def test_a_compressed_body_is_refused_and_never_misread(unchanged: Newsroom, name: str) -> None:
    method, path = address(unchanged, name)
    headers = {**unchanged.key("admin"), "If-Match": "*", "Content-Type": "application/json"}
    body = gzip.compress(json.dumps(BODIES[name]).encode())
    answer = unchanged.client.request(
        method, path, content=body, headers={**headers, "Content-Encoding": "gzip"}
    )
    refused(answer, 415)
    assert answer.headers["accept-encoding"] == "identity"


@each_body
def test_ten_megabytes_are_refused(unchanged: Newsroom, name: str) -> None:
    refused(send(unchanged, name, b'{"headline": "' + b"x" * 10_000_000 + b'"}'), 413)


@pytest.mark.parametrize("depth", [150, 500, 5_000, 100_000])
def test_metadata_of_any_depth_is_kept_or_refused_and_breaks_nothing(
    town: Newsroom, depth: int
) -> None:
    deep = b'{"headline": "Deep", "slug": "deep", "metadata": ' + b'{"a":' * depth + b"1"
    answer = send(town, "create_article", deep + b"}" * (depth + 1))
    if answer.status_code != 201:
        refused(answer, 400, 422)
        assert town.get("/v1/articles/deep", town.key("preview")).status_code == 404
    assert town.get("/v1/articles", town.key("preview")).status_code == 200


@pytest.mark.parametrize("digits", [20, 400, 4_299, 4_300, 4_301, 100_000])
@pytest.mark.parametrize("sign", ["", "-"])
def test_a_huge_number_is_kept_exactly_or_refused(town: Newsroom, digits: int, sign: str) -> None:
    number = f"{sign}{'9' * digits}"
    body = f'{{"headline": "Huge", "slug": "huge", "metadata": {{"n": {number}}}}}'.encode()
    answer = send(town, "create_article", body)
    read = town.get("/v1/articles/huge?fields=metadata", town.key("preview"))
    if answer.status_code == 201:
        assert read.text == f'{{"metadata":{{"n":{number}}}}}'
    else:
        refused(answer, 400, 422)
        assert read.status_code == 404


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e99999999"])
def test_a_number_that_is_infinite_is_refused(unchanged: Newsroom, number: str) -> None:
    for metadata in (f'{{"n": {number}}}', f'{{"a": [[{number}]]}}'):
        body = f'{{"headline": "x", "metadata": {metadata}}}'.encode()
        refused(send(unchanged, "create_article", body), 400, 422)


@pytest.mark.parametrize("name", ["create_article", "replace_article", "update_article"])
def test_metadata_over_its_bound_is_refused(unchanged: Newsroom, name: str) -> None:
    too_many_bytes = 16 * 1024 - len('{"a":""}') + 1
    for text in ("x" * too_many_bytes, "ü" * (too_many_bytes // 2 + 1)):
        wrong = {**ARTICLE, "metadata": {"a": text}}
        assert points_there(refused(send(unchanged, name, wrong), 422), "/metadata")


def test_metadata_at_its_bound_is_kept(town: Newsroom) -> None:
    metadata = {"a": "x" * (16 * 1024 - len('{"a":""}'))}
    made = send(town, "create_article", {"headline": "Full", "metadata": metadata})
    assert made.json()["metadata"] == metadata


@pytest.mark.parametrize("name", ["create_article", "replace_article", "update_article"])
@pytest.mark.parametrize("kind", ["authors", "tags"])
def test_a_ref_that_leads_nowhere_or_to_something_else_is_refused(
    unchanged: Newsroom, name: str, kind: str
) -> None:
    other = "tags" if kind == "authors" else "authors"
    strangers = [
        "nowhere",
        UNKNOWN_ID,
        unchanged.get(f"/v1/{other}/first").json()["id"],
        unchanged.get("/v1/articles/first").json()["id"],
    ]
    for ref in strangers:
        wrong = {**ARTICLE, kind: ["first", ref]}
        assert points_there(refused(send(unchanged, name, wrong), 422), f"/{kind}/1")


@pytest.mark.parametrize("name", ["create_article", "replace_article", "update_article"])
@pytest.mark.parametrize("kind", ["authors", "tags"])
def test_the_same_thing_named_twice_is_refused(unchanged: Newsroom, name: str, kind: str) -> None:
    its_id = unchanged.get(f"/v1/{kind}/first").json()["id"]
    for again in ("first", its_id, its_id.upper()):
        wrong = {**ARTICLE, kind: ["first", "second", again]}
        assert points_there(refused(send(unchanged, name, wrong), 422), f"/{kind}/2")


def test_an_author_credited_twice_is_refused_whatever_the_roles(unchanged: Newsroom) -> None:
    twice = [{"ref": "first", "role": "words"}, {"ref": "first", "role": "pictures"}]
    problem = refused(send(unchanged, "create_article", {**ARTICLE, "authors": twice}), 422)
    assert points_there(problem, "/authors/1")


def test_a_former_slug_and_the_new_one_are_the_same_thing(town: Newsroom) -> None:
    town.send("PATCH", "/v1/tags/first", {"slug": "renamed"})
    wrong = {"headline": "x", "tags": ["first", "renamed"]}
    assert points_there(refused(send(town, "create_article", wrong), 422), "/tags/1")


@pytest.mark.parametrize("name", ["create_tag", "replace_tag", "update_tag", "merge_tag"])
def test_a_tag_under_or_into_what_is_no_tag_is_refused(unchanged: Newsroom, name: str) -> None:
    author_id = unchanged.get("/v1/authors/first").json()["id"]
    field = "into" if name == "merge_tag" else "parent"
    for ref in ("nowhere", UNKNOWN_ID, author_id):
        wrong = {**BODIES[name], field: ref}
        assert points_there(refused(send(unchanged, name, wrong), 422), f"/{field}")


def test_a_thing_cannot_become_part_of_itself(unchanged: Newsroom) -> None:
    for name in ("merge_author", "merge_tag"):
        refused(send(unchanged, name, {"into": "first"}), 422)
    for name in ("replace_tag", "update_tag"):
        refused(send(unchanged, name, {**TAG, "parent": "first"}), 422)


@pytest.mark.parametrize("kind", ["articles", "authors", "tags"])
def test_the_id_of_another_kind_leads_nowhere(unchanged: Newsroom, kind: str) -> None:
    key = unchanged.key("admin")
    for other in {"articles", "authors", "tags"} - {kind}:
        its_id = unchanged.get(f"/v1/{other}/first").json()["id"]
        refused(unchanged.get(f"/v1/{kind}/{its_id}", key), 404)
        for method in ("PATCH", "PUT"):
            body = {"headline": "x"} if kind == "articles" else {"name": "x"}
            refused(unchanged.send(method, f"/v1/{kind}/{its_id}", body, key), 404)
        refused(unchanged.send("DELETE", f"/v1/{kind}/{its_id}", None, key), 404)
        refused(unchanged.get(f"/v1/keys/{its_id}", key), 404)


@pytest.mark.parametrize("kind", ["articles", "authors", "tags"])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_body_cannot_name_another_id_than_the_path(
    unchanged: Newsroom, kind: str, method: str
) -> None:
    body = {"headline": "x"} if kind == "articles" else {"name": "x"}
    for ref in ("second", "first"):
        its_id = unchanged.get(f"/v1/{kind}/{ref}", unchanged.key("preview")).json()["id"]
        answer = unchanged.send(method, f"/v1/{kind}/first", {**body, "id": its_id})
        assert points_there(refused(answer, 422), "/id")


LISTS = [
    "/v1/articles", "/v1/articles/first/revisions", "/v1/authors", "/v1/tags", "/v1/keys",
]  # fmt: skip


LIMITS = ["0", "-1", "101", "1000000", "abc", "", "1.5", "1e2", "0x10", "９", "9" * 400, "null"]


@pytest.mark.parametrize("path", LISTS)
def test_a_limit_out_of_bounds_is_refused_and_never_bent(unchanged: Newsroom, path: str) -> None:
    key = unchanged.key("admin")
    for limit in LIMITS:
        answer = unchanged.client.get(path, params={"limit": limit}, headers=key)
        assert refused(answer, 422)["errors"][0]["parameter"] == "limit", limit


@pytest.fixture
def cursor(town: Newsroom) -> str:
    return str(town.get("/v1/articles?limit=1", town.key("admin")).json()["page"]["next"])


def test_a_cursor_that_was_cut_or_changed_is_refused(unchanged: Newsroom, cursor: str) -> None:
    changed = [
        cursor[:position] + ("A" if cursor[position] != "A" else "B") + cursor[position + 1 :]
        for position in range(0, len(cursor) - 1, 7)
    ]
    cut = [cursor[:length] for length in range(0, len(cursor) - 2, 5)]
    others = [cursor[1:], cursor + "AAAA", cursor * 2, "%%%", "null", "e30", "é", "a" * 4001]
    for wrong in [*changed, *cut, *others]:
        answer = unchanged.client.get(
            "/v1/articles", params={"cursor": wrong}, headers=unchanged.key("admin")
        )
        assert refused(answer, 422)["errors"][0]["parameter"] == "cursor", wrong


@pytest.mark.parametrize("path", LISTS[1:])
def test_a_cursor_of_another_list_is_refused(unchanged: Newsroom, cursor: str, path: str) -> None:
    refused(unchanged.get(f"{path}?cursor={cursor}", unchanged.key("admin")), 422)


def test_a_cursor_of_another_newsroom_or_view_is_refused(
    unchanged: Newsroom, cursor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ({}, unchanged.key("read", entitlement=FIRST)):
        refused(unchanged.get(f"/v1/articles?cursor={cursor}", key), 422)
    other_secret = b"the secret of another newsroom.."
    monkeypatch.setitem(unchanged.app.state._state, "cursor_secret", other_secret)
    refused(unchanged.get(f"/v1/articles?cursor={cursor}", unchanged.key("admin")), 422)


def test_a_cursor_is_refused_beside_another_filter(unchanged: Newsroom, cursor: str) -> None:
    for other in ("tag=first", "sort=headline", "published_since=2026-01-01T00:00:00Z"):
        address = f"/v1/articles?cursor={cursor}&{other}"
        refused(unchanged.get(address, unchanged.key("admin")), 422)


PARAMETERS = {
    name: [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
    for name, (_, _, operation) in OPERATIONS.items()
}
each_asked = pytest.mark.parametrize("name", [name for name in PARAMETERS if PARAMETERS[name]])


def ask(town: Newsroom, name: str, query: str) -> Response:
    method, path = address(town, name)
    headers = {**town.key("admin"), "If-Match": "*"}
    body = BODIES.get(name)
    return town.client.request(method, f"{path}?{query}", json=body, headers=headers)


@each_asked
def test_a_parameter_that_is_no_text_is_refused(unchanged: Newsroom, name: str) -> None:
    for parameter in PARAMETERS[name]:
        for octets in ("%FF", "%ED%A0%80", "%C0%AF", "%E2%82"):
            refused(ask(unchanged, name, f"{parameter}={octets}"), 400)
            refused(ask(unchanged, name, f"{octets}=1"), 400)
        refused(ask(unchanged, name, f"{parameter}=a%00"), 422)


@each_asked
def test_sql_in_a_parameter_finds_nothing_and_breaks_nothing(
    unchanged: Newsroom, name: str
) -> None:
    for parameter in PARAMETERS[name]:
        for sql in SQL:
            answer = ask(unchanged, name, f"{parameter}={quote(sql)}")
            if answer.status_code != 200:
                refused(answer, 422)
            elif name == "stream_changes":
                assert parameter == "exclude_tag" or "data:" not in answer.text, parameter
            elif parameter != "exclude_tag":
                document = answer.json()
                found = document["associations" if name.endswith("_as") else "data"]
                assert found == [], parameter


@each_asked
def test_a_time_in_an_address_that_does_not_exist_is_refused(
    unchanged: Newsroom, name: str
) -> None:
    for parameter in TIME_FIELDS.intersection(PARAMETERS[name]):
        for value in TIMES_THAT_ARE_NONE:
            problem = refused(ask(unchanged, name, f"{parameter}={quote(value)}"), 422)
            assert problem["errors"][0]["parameter"] == parameter, value


NAMES_ONE = [name for name, (_, path, _) in OPERATIONS.items() if "{" in path]


@pytest.mark.parametrize("name", NAMES_ONE)
def test_a_path_to_nothing_or_of_no_text_is_refused(unchanged: Newsroom, name: str) -> None:
    method, path, _ = OPERATIONS[name]
    headers = {**unchanged.key("admin"), "If-Match": "*"}
    refs = ["%00", "a%00b", "%FF", "%ED%A0%80", "%C0%AF", "%F0%9F%98%80", "a" * 201, "a" * 9000]
    refs += [quote(sql, safe="") for sql in SQL]
    for ref in refs:
        place = path.replace("{ref}", ref).replace("{key_id}", ref).replace("{version}", "1")
        body = BODIES.get(name)
        refused(unchanged.client.request(method, place, json=body, headers=headers), 400, 404, 422)


@each_body
def test_sql_in_a_text_is_only_text(town: Newsroom, name: str) -> None:
    for pointer in strings_in(BODIES[name]):
        for sql in SQL[:2]:
            answer = send(town, name, with_value(BODIES[name], pointer, sql))
            assert answer.status_code < 500, pointer
    assert len(dump(town)) == len(Article.metadata.sorted_tables)


def test_sql_as_a_headline_comes_back_as_it_was(town: Newsroom) -> None:
    for sql in SQL:
        made = send(town, "create_article", {"headline": sql, "metadata": {sql: sql}}).json()
        assert (made["headline"], made["metadata"]) == (sql, {sql: sql})
