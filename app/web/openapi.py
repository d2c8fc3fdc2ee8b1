"""The OpenAPI document: what FastAPI makes of the routes, and what it cannot know."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from app.body.blocks import Part
from app.web.params import OutputModel, StrictModel
from app.web.problems import MEDIA_TYPE, ProblemModel

DESCRIPTION = """\
Articles, authors and tags of a newsroom, for any client.

- **Reading** needs no key unless this site says so. Send a key as `Authorization: Bearer <key>`,
  or as the password of HTTP Basic.
- **Errors** have one shape, RFC 9457 problem details; `errors` says which part of the request.
- **Unknown parameters and fields are refused**, never ignored; so is a limit over the maximum.
- **Copies** are checked with `ETag` and `If-None-Match`; writes are guarded by `If-Match`.
- **A `POST` can be sent again** with the same `Idempotency-Key` when its answer was lost.
- **Times** are RFC 3339; any offset is taken, answers are in UTC.
- **`{ref}`** is an id or a slug. A slug that changed answers 301, what was public and is gone 410.
- Every `GET` also answers `HEAD`, every path `OPTIONS`.
"""
TAGS = [
    {"name": "articles", "description": "The news: reading, writing, publishing, taking back."},
    {"name": "authors", "description": "The people whom articles name."},
    {"name": "tags", "description": "What articles are about, and the sections they run in."},
    {"name": "search", "description": "Finding articles by what they say."},
    {"name": "changes", "description": "Following: a copy that stays exactly right."},
    {
        "name": "formats",
        "description": "The same in other people's formats: pages, feeds, ninjs, sitemaps. A list, a "
        "search and an article have a suffix for each; `Accept` on their own address chooses it too.",
    },
    {"name": "access", "description": "API keys, and what yours may do."},
    {"name": "health", "description": "For those who run this."},
]
_SEARCHED = ("/v1/articles", "/v1/authors", "/v1/tags")
_WORDS = {
    400: "The request cannot be read: broken JSON, a malformed header, or an address that is not UTF-8.",
    401: "A key is needed, or the one sent is not valid.",
    403: "The key's scopes do not allow this.",
    404: "There is no such thing that you may see.",
    409: "It cannot be done as things stand.",
    410: "It was public and has been deleted or withdrawn.",
    412: "It has changed since the version that `If-Match` names.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "Something in the request cannot be accepted; `errors` says what.",
    428: "`If-Match` is missing.",
    503: "The database or the search is busy, or the index is being built; try again after "
    "`Retry-After`.",
}


def install_openapi(app: FastAPI) -> None:
    """Makes `/openapi.json` from the routes, once, when it is first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    settings = app.state.settings
    document = get_openapi(
        title=settings.site_title,
        version=app.version,
        openapi_version="3.1.0",
        summary="A headless JSON API for news articles.",
        description=DESCRIPTION,
        routes=app.routes,
        tags=TAGS,
        servers=[{"url": settings.base_url or "/", "description": "This server."}],
        contact={"name": settings.site_title, "url": settings.site_url},
        license_info={"name": "MIT", "identifier": "MIT"},
        separate_input_output_schemas=False,
    )
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = _problem_schema(schemas)
    _name_bodies(document["paths"], schemas)
    _restore_examples(schemas)
    _drop_defaults_of_answers(schemas)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(operation, path, method, public_read=settings.public_read)
    _link_created(document["paths"])
    return document


def _name_bodies(paths: dict[str, Any], schemas: dict[str, Any]) -> None:
    # What a route that reads its body itself says of it stands inline; it gets a name like the others.
    for operations in paths.values():
        for operation in operations.values():
            for body in operation.get("requestBody", {}).get("content", {}).values():
                holder, name = (
                    (body["schema"], "items") if "items" in body["schema"] else (body, "schema")
                )
                if "properties" in holder[name]:
                    title = holder[name]["title"]
                    schemas[title] = holder[name]
                    holder[name] = {"$ref": f"#/components/schemas/{title}"}


def _restore_examples(schemas: dict[str, Any]) -> None:
    # FastAPI takes every null out of the document, also out of examples, where it means something.
    for model in (*_descendants(StrictModel), *_descendants(OutputModel)):
        extra = model.model_config.get("json_schema_extra")
        if isinstance(extra, dict) and "examples" in extra and model.__name__ in schemas:
            schemas[model.__name__]["examples"] = extra["examples"]


def _drop_defaults_of_answers(schemas: dict[str, Any]) -> None:
    # A part that an answer may leave out is absent then; a client must not fill anything in.
    for model in (*_descendants(OutputModel), *_descendants(Part)):
        for field in schemas.get(model.__name__, {}).get("properties", {}).values():
            field.pop("default", None)


def _descendants(model: type[BaseModel]) -> list[type[BaseModel]]:
    return [one for child in model.__subclasses__() for one in (child, *_descendants(child))]


def _problem_schema(schemas: dict[str, Any]) -> dict[str, Any]:
    schema = ProblemModel.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= schema.pop("$defs")
    return schema | {"title": "Problem"}


def _complete(operation: dict[str, Any], path: str, method: str, *, public_read: bool) -> None:
    scope = _needed_scope(operation)
    operation.get("responses", {}).pop("422", None)
    reads = method == "get"
    names_one = "{" in path
    guarded = _guard(operation, required=method in ("put", "patch", "delete"))
    statuses = {400, 422, 503} if path.startswith("/v1/") or names_one else {503}
    if scope:
        statuses |= {401, 403}
        operation["security"] = [{"key": []}, {"keyAsPassword": []}]
        if scope == "read" and public_read:
            operation["security"].insert(0, {})
    if names_one:
        statuses |= {404, 410} if "{ref}" in path else {404}
    if "requestBody" in operation:
        statuses |= {413, 415}
    if not reads and scope not in (None, "read"):
        statuses |= {409}
    if guarded:
        statuses |= {412}
    if method in ("put", "patch", "delete"):
        statuses |= {428}
    responses = operation["responses"]
    responses |= {str(status): _problem(status) for status in sorted(statuses)}
    if "{ref}" in path:
        responses["301" if reads else "308"] = {
            "description": "The slug has changed; `Location` has the new address.",
            "headers": {"Location": {"schema": {"type": "string"}}},
        }
    if scope:
        _say_headers(responses, reads)
    if not reads and path.startswith(_SEARCHED):
        _say_preference(operation)
    for parameter in operation.get("parameters", []):
        choices = parameter["schema"].get("anyOf", [{}])
        if "description" not in parameter and "description" in choices[0]:
            parameter["description"] = choices[0]["description"]
    if method == "patch":
        content = operation["requestBody"]["content"]
        content["application/merge-patch+json"] = content["application/json"]


def _say_preference(operation: dict[str, Any]) -> None:
    """What the middleware of search does with `Prefer: wait`."""
    prefer = {
        "name": "Prefer",
        "in": "header",
        "required": False,
        "description": "`wait=5`: the answer comes when search finds what was written, or after so "
        "many seconds, 30 at most (RFC 7240). A new name of an author or tag is found when the last "
        "of its articles is.",
        "schema": {"type": "string", "examples": ["wait=5"]},
    }
    operation.setdefault("parameters", []).append(prefer)
    applied = {
        "description": "There when search finds it; absent where the time was over before.",
        "schema": {"type": "string"},
    }
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            response.setdefault("headers", {})["Preference-Applied"] = applied


def _link_created(paths: dict[str, Any]) -> None:
    """Says with every 201 which operations go on from what was made, and how."""
    for path, operations in paths.items():
        created = operations.get("post", {}).get("responses", {}).get("201")
        if created is not None:
            created["links"] = {
                operation["operationId"]: _link(operation)
                for other, others in paths.items()
                if other.startswith(f"{path}/{{")
                for operation in others.values()
            }


def _link(operation: dict[str, Any]) -> dict[str, Any]:
    sources = {
        "version": "$response.body#/version",
        "path": "$response.body#/id",
        "If-Match": "$response.header.ETag",
    }
    filled = {
        f"{one['in']}.{one['name']}": source
        for one in operation["parameters"]
        if (source := sources.get(one["name"]) or sources.get(one["in"]))
    }
    return {"operationId": operation["operationId"], "parameters": filled}


def _needed_scope(operation: dict[str, Any]) -> str | None:
    scopes = [
        scope for one in operation.get("security", []) for named in one.values() for scope in named
    ]
    return scopes[0] if scopes else None


def _guard(operation: dict[str, Any], *, required: bool) -> bool:
    """Whether the operation takes `If-Match`. FastAPI would answer 422, not 428, if it required it."""
    for parameter in operation.get("parameters", []):
        if parameter["name"] == "If-Match":
            parameter["required"] = required
            parameter["schema"] = {"type": "string"}
            return True
    return False


def _say_headers(responses: dict[str, Any], reads: bool) -> None:
    for status, response in responses.items():
        if status in ("200", "201") and response.get("content"):
            headers = response.setdefault("headers", {})
            headers["ETag"] = {
                "description": "The validator of this answer.",
                "schema": {"type": "string"},
            }
            if status == "201":
                headers["Location"] = {"description": "Where it is.", "schema": {"type": "string"}}
    if reads:
        responses["304"] = {"description": "You have it already (`If-None-Match`)."}


def _problem(status: int) -> dict[str, Any]:
    return {
        "description": _WORDS[status],
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
