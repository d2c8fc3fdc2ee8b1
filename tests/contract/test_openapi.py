"""The OpenAPI document: complete, true to the answers, and of use to those who make clients of it."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
import pytest

from app.main import create_app
from app.settings import Settings
from tests.conftest import Lend, Newsroom, Response

DOCUMENT = create_app(Settings(database_url="sqlite:///never-opened.db")).openapi()
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
OF_API = [name for name, (_, path, _) in OPERATIONS.items() if path.startswith("/v1/")]
FREE_TO_READ = {
    "list_articles", "get_article", "list_authors", "get_author", "list_tags", "get_tag", "get_me",
    "list_revisions", "get_revision", "diff_revisions", "list_changes", "stream_changes",
    "search_articles", "list_suggestions", "list_related_articles",
    "list_articles_as", "search_articles_as", "get_article_as", "list_related_articles_as",
}  # fmt: skip
ONLY_WHEN_ASKED = {
    "body",
    "total",
    "total_kind",
    "article_count",
    "html",
    "text",
    "markdown",
    "blocks",
    "source",
    "facets",
}
ONLY_FOR_SOME_OR_SOMETIMES = {
    "email", "errors", "reason", "pointer", "parameter", "format", "key_id", "withdrawn_reason",
    "start", "article", "author", "tag",
}  # fmt: skip
VERBS = {
    "search",
    "list", "get", "create", "replace", "update", "delete", "publish", "withdraw", "restore", "add",
    "merge", "revoke", "diff", "bulk", "stream",
}  # fmt: skip


def validator(schema: dict[str, Any]) -> Any:
    whole = {**schema, "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def answer_schema(name: str, status: str = "200") -> dict[str, Any]:
    content = OPERATIONS[name][2]["responses"][status]["content"]
    return dict(next(iter(content.values()))["schema"])


def errors_of(schema: dict[str, Any], instance: Any) -> list[str]:
    return [error.message for error in validator(schema).iter_errors(instance)]


def schemas_with_examples(node: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Every schema of the document that gives examples, with each of them."""
    if isinstance(node, dict):
        examples = node.get("examples")
        if isinstance(examples, list):
            yield from ((node, example) for example in examples)
        for name, value in node.items():
            if name != "examples":
                yield from schemas_with_examples(value)
    elif isinstance(node, list):
        for value in node:
            yield from schemas_with_examples(value)


def test_it_is_openapi_3_1_and_every_ref_leads_somewhere() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    for ref in re.findall(r'"\$ref": "([^"]+)"', json.dumps(DOCUMENT)):
        prefix, _, name = ref.rpartition("/")
        assert prefix == "#/components/schemas"
        assert name in SCHEMAS


def test_every_schema_is_json_schema_2020_12() -> None:
    for name, schema in SCHEMAS.items():
        assert jsonschema_rs.meta.is_valid(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        ), name


def test_operations_are_named_verb_noun_and_each_once() -> None:
    assert len(OPERATIONS) == sum(len(methods) for methods in DOCUMENT["paths"].values())
    for name in OPERATIONS:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", name)
        assert name.partition("_")[0] in VERBS


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_says_what_it_does_and_where_it_belongs(name: str) -> None:
    operation = OPERATIONS[name][2]
    assert operation["summary"]
    assert operation["description"].endswith(".")
    assert set(operation["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]}
    assert len(operation["tags"]) == 1


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_parameter_is_described(name: str) -> None:
    for one in OPERATIONS[name][2].get("parameters", []):
        described = one.get("description") or json.dumps(one["schema"]).count('"description"')
        assert described or "enum" in one["schema"], one["name"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_error_is_a_problem(name: str) -> None:
    responses = OPERATIONS[name][2]["responses"]
    assert "503" in responses
    for status, response in responses.items():
        if status[0] in "45":
            (media_type,) = response["content"]
            schema = response["content"][media_type]["schema"]
            assert media_type == "application/problem+json"
            assert schema == {"$ref": "#/components/schemas/Problem"}


@pytest.mark.parametrize("name", OF_API)
def test_every_operation_lists_the_errors_that_it_answers(name: str) -> None:
    method, path, operation = OPERATIONS[name]
    expected = {"400", "401", "403", "422", "503"}
    if "{" in path:
        expected |= {"404"}
    if "{ref}" in path:
        expected |= {"410", "301" if method == "GET" else "308"}
    if method == "GET":
        expected |= {"304"}
    if method in ("PUT", "PATCH", "DELETE"):
        expected |= {"412", "428"}
    if "requestBody" in operation:
        expected |= {"413", "415"}
    assert expected <= set(operation["responses"])


def test_what_needs_a_key_says_so() -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert {(scheme["type"], scheme["scheme"]) for scheme in schemes.values()} == {
        ("http", "bearer"),
        ("http", "basic"),
    }
    for name in OF_API:
        security = OPERATIONS[name][2]["security"]
        assert ({} in security) == (name in FREE_TO_READ), name
        assert {scheme for one in security for scheme in one} == set(schemes), name


def request(newsroom: Newsroom, name: str) -> Response:
    method, path, _ = OPERATIONS[name]
    place = path.replace("{ref}", "nothing").replace("{key_id}", "nothing")
    place = place.replace("{version}", "1").replace("{suffix}", "ninjs")
    return newsroom.client.request(method, place, json={}, headers={"If-Match": "*"})


@pytest.mark.parametrize("name", OF_API)
def test_the_document_says_truly_what_needs_a_key(newsroom: Newsroom, name: str) -> None:
    assert (request(newsroom, name).status_code == 401) == (name not in FREE_TO_READ)


def test_where_reading_needs_a_key_the_document_says_so_too(
    open_newsroom: Callable[..., Newsroom], database_url: str
) -> None:
    closed = open_newsroom(database_url, public_read=False)
    paths = closed.get("/openapi.json").json()["paths"]
    for name in OF_API:
        method, path, _ = OPERATIONS[name]
        assert {} not in paths[path][method.lower()]["security"]
        assert request(closed, name).status_code == 401


def test_what_every_answer_has_is_said_to_be_required() -> None:
    answers = [SCHEMAS[name] for name in SCHEMAS if name.endswith(("Public", "List", "Created"))]
    answers += [
        SCHEMAS[name]
        for name in (
            "Me",
            "Page",
            "Problem",
            "Correction",
            "ArticleListItem",
            "RevisionListItem",
            "RevisionDiff",
        )
    ]
    for schema in answers:
        optional = set(schema["properties"]) - set(schema.get("required", []))
        assert optional <= ONLY_WHEN_ASKED | ONLY_FOR_SOME_OR_SOMETIMES, schema["title"]


def test_what_a_client_may_leave_out_of_a_body_is_not_required() -> None:
    required = {name: set(SCHEMAS[name].get("required", [])) for name in SCHEMAS}
    assert required["ArticleCreate"] == {"headline"}
    assert required["AuthorCreate"] == required["TagCreate"] == {"name"}
    assert required["KeyCreate"] == {"name", "scopes"}
    assert all(not required[name] for name in SCHEMAS if name.endswith("Update"))
    for name in SCHEMAS:
        if name.endswith(("Create", "Update", "Request")):
            assert SCHEMAS[name]["additionalProperties"] is False, name


@pytest.mark.parametrize("name", [name for name in OPERATIONS if OPERATIONS[name][0] == "PATCH"])
def test_a_patch_may_be_sent_as_merge_patch(name: str) -> None:
    content = OPERATIONS[name][2]["requestBody"]["content"]
    assert set(content) == {"application/merge-patch+json", "application/json"}


def test_every_example_is_valid() -> None:
    found = list(schemas_with_examples(DOCUMENT))
    assert found
    for schema, example in found:
        assert errors_of(schema, example) == [], example


def test_what_is_made_links_to_what_can_be_done_with_it() -> None:
    for name, thing in (("create_article", "article"), ("create_author", "author")):
        links = OPERATIONS[name][2]["responses"]["201"]["links"]
        assert {f"{verb}_{thing}" for verb in ("get", "replace", "update", "delete")} <= set(links)
        for link in links.values():
            names = {
                f"{one['in']}.{one['name']}"
                for one in OPERATIONS[link["operationId"]][2]["parameters"]
            }
            assert set(link["parameters"]) <= names


@pytest.fixture
def newsroom(lend: Lend) -> Newsroom:
    """With search, of which the same is asked as of everything else."""
    return lend(Newsroom.make_keys, search=True)


@pytest.fixture
def town(lend: Lend) -> Newsroom:
    return lend(furnish, search=True)


def furnish(newsroom: Newsroom) -> None:
    """An article with everything and one with the least, and all that they name."""
    image = {"url": "https://images.example.org/a.jpg", "caption": "At dawn", "width": 800}
    newsroom.make(
        "authors",
        name="Mara Lind",
        role="Editor",
        email="mara@example.org",
        image=image,
        links=[{"title": "Home page", "url": "https://example.org/"}],
    )
    newsroom.send("POST", "/v1/tags", {"name": "World", "kind": "section"})
    newsroom.send("POST", "/v1/tags", {"name": "Sea", "kind": "topic", "parent": "world"})
    newsroom.article(
        "Everything",
        body={"format": "markdown", "source": "# At dawn\n\nIt *opened*."},
        image=image,
        authors=[{"ref": "mara-lind", "role": "photographer"}],
        tags=["world", "sea"],
        urgency=1,
        embargoed_until=newsroom.clock.at(hours=-1),
        expires_at=newsroom.clock.at(days=1),
        external_id="desk-1",
        metadata={"desk": {"shift": [1, None, "late"]}},
    )
    newsroom.send("POST", "/v1/articles/everything/corrections", {"kind": "update", "note": "x"})
    newsroom.make("articles", headline="Least")
    newsroom.send("POST", "/v1/keys", {"name": "App", "scopes": ["read"]}, newsroom.key("admin"))
    newsroom.make_keys()


ANSWERS = [
    ("list_articles", "/v1/articles"),
    ("list_articles", "/v1/articles?body=html,text,markdown,blocks,source&count=exact&limit=1"),
    ("list_articles", "/v1/articles?count=estimate"),
    ("list_articles", "/v1/articles?tag=nowhere"),
    ("get_article", "/v1/articles/everything"),
    ("get_article", "/v1/articles/everything?body=html,text,markdown,blocks,source"),
    ("get_article", "/v1/articles/least"),
    ("list_revisions", "/v1/articles/everything/revisions"),
    ("list_revisions", "/v1/articles/everything/revisions?limit=1"),
    ("get_revision", "/v1/articles/everything/revisions/1"),
    ("get_revision", "/v1/articles/least/revisions/1"),
    ("diff_revisions", "/v1/articles/everything/revisions/2/diff"),
    ("diff_revisions", "/v1/articles/everything/revisions/1/diff"),
    ("diff_revisions", "/v1/articles/everything/revisions/1/diff?with=2"),
    ("list_related_articles", "/v1/articles/everything/related?body=html"),
    ("list_related_articles", "/v1/articles/least/related"),
    ("search_articles", "/v1/search?body=html&limit=1"),
    ("search_articles", "/v1/search?q=dawn&facets=tag,section,author,language,kind,year"),
    ("search_articles", "/v1/search?q=evrything"),
    ("list_suggestions", "/v1/suggest?q=e"),
    ("list_changes", "/v1/changes?types=article,author,tag&body=html"),
    ("list_changes", "/v1/changes?tag=nowhere"),
    ("list_authors", "/v1/authors?article_count=true"),
    ("get_author", "/v1/authors/mara-lind"),
    ("list_tags", "/v1/tags"),
    ("list_tags", "/v1/tags?article_count=true&limit=1"),
    ("get_tag", "/v1/tags/sea"),
    ("get_tag", "/v1/tags/world?article_count=true"),
    ("get_me", "/v1/me"),
    ("list_keys", "/v1/keys"),
]


@pytest.mark.parametrize("scope", ["", "read", "preview", "write", "admin"])
def test_every_answer_is_as_documented(town: Newsroom, scope: str) -> None:
    key = town.key(scope) if scope else {}
    for name, path in ANSWERS:
        answer = town.get(path, key)
        schema = answer_schema(name, str(answer.status_code))
        assert errors_of(schema, answer.json()) == [], path
    kept = town.get("/v1/keys", town.key("admin")).json()["data"][0]["id"]
    one_key = town.get(f"/v1/keys/{kept}", key)
    assert errors_of(answer_schema("get_key", str(one_key.status_code)), one_key.json()) == []


def test_the_sweep_of_answers_covers_every_read() -> None:
    reads = {name for name in OF_API if OPERATIONS[name][0] == "GET"}
    # A stream is text; what its events hold is that of `list_changes`. Formats have judges of their own.
    others = {name for name in reads if name.endswith("_as")} | {"stream_changes"}
    assert {name for name, _ in ANSWERS} | {"get_key"} | others == reads


def test_an_answer_has_no_field_that_is_not_documented(town: Newsroom) -> None:
    key = town.key("admin")
    for name, path in ANSWERS:
        document, schema = town.get(path, key).json(), answer_schema(name)
        assert set(document) <= set(resolved(schema)["properties"]), path
        for item in document.get("data", []):
            items = resolved(schema)["properties"]["data"]["items"]
            assert set(item) <= set(resolved(items)["properties"]), path


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    return SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def test_fields_gives_those_fields_only_as_documented(town: Newsroom) -> None:
    properties = SCHEMAS["ArticlePublic"]["properties"]
    for field, schema in properties.items():
        for ref in ("everything", "least"):
            part = town.get(f"/v1/articles/{ref}?fields={field}", town.key("preview")).json()
            assert set(part) == {field}
            assert errors_of(schema, part[field]) == [], field
