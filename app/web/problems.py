"""Problem details (RFC 9457): the one shape in which every error leaves the server."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NotRequired, TypedDict
from urllib.parse import quote

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

MEDIA_TYPE = "application/problem+json"
ERRORS_MAX = 100
TYPE_PREFIX = "urn:byline:problem:"


class FieldError(TypedDict):
    """One thing that is wrong: where (`pointer` into the body or `parameter`) and what."""

    detail: str
    pointer: NotRequired[str]
    parameter: NotRequired[str]


class Problem(HTTPException):
    """An answer that says what went wrong and what to do about it.

    `kind` is the last part of the problem's `type`, for programs; `detail` is for people.
    `extensions` become members of the document (RFC 9457, section 3.2).
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.kind = kind
        self.errors = list(errors)
        self.extensions = dict(extensions or {})


def invalid(detail: str, *errors: FieldError) -> Problem:
    """422: the request is understood but something in it cannot be accepted."""
    return Problem(422, "invalid", detail, errors=errors)


def invalid_field(pointer: str, detail: str) -> Problem:
    return invalid(
        "The body has a field that cannot be accepted.", {"pointer": pointer, "detail": detail}
    )


def invalid_parameter(name: str, detail: str) -> Problem:
    return invalid("A parameter cannot be accepted.", {"parameter": name, "detail": detail})


def not_found(what: str) -> Problem:
    return Problem(404, "not-found", f"There is no {what} here that you may read.")


def gone(what: str, reason: str | None = None) -> Problem:
    """410: it was public once and has been deleted or withdrawn."""
    return Problem(
        410,
        "gone",
        f"This {what} was published and has been taken back; remove your copy.",
        extensions={"reason": reason} if reason else None,
    )


def conflict(kind: str, detail: str) -> Problem:
    return Problem(409, kind, detail)


class FieldErrorModel(BaseModel):
    """One thing that is wrong with the request."""

    pointer: str | None = Field(None, description="JSON Pointer (RFC 6901) into the request body.")
    parameter: str | None = Field(None, description="Name of the query, path or header parameter.")
    detail: str = Field(description="What is wrong and what would be right.")


class ProblemModel(BaseModel):
    """Problem details, RFC 9457. Every error of this API has this shape."""

    type: str = Field(
        description="What kind of problem, for programs.", examples=["urn:byline:problem:not-found"]
    )
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="What happened and what to do, for people.")
    instance: str = Field(
        description="The path that was asked for.", examples=["/v1/articles/no-such-article"]
    )
    reason: str | None = Field(
        default=None,
        description="Why it was taken back; only with a 410, where a reason was given.",
    )
    start: str | None = Field(
        default=None,
        description="Where to begin again; only with the 410 of a cursor whose key has changed.",
    )
    errors: list[FieldErrorModel] = Field(
        default_factory=list,
        description="Each thing that is wrong; only where a part of the request is to blame.",
    )


def problem_document(problem: Problem, path: str) -> dict[str, Any]:
    """The problem as it leaves; `path` is that of the request."""
    document: dict[str, Any] = {
        "type": TYPE_PREFIX + problem.kind,
        "title": HTTPStatus(problem.status_code).phrase,
        "status": problem.status_code,
        "detail": problem.detail,
        "instance": quote(path, safe="/~!$&'()*+,;=:@-._"),
    }
    if problem.errors:
        document["errors"] = problem.errors
    return document | problem.extensions


def problem_response(problem: Problem, scope: Scope) -> Response:
    """The answer for a problem. Errors are never stored by caches."""
    document = problem_document(problem, scope["path"])
    headers = {"Cache-Control": "no-store", **(problem.headers or {})}
    return Response(to_json(document), problem.status_code, headers, media_type=MEDIA_TYPE)


def http_problem(error: HTTPException) -> Problem:
    """The problem for an error that the framework raised itself (404, 405 and the like)."""
    details = {
        404: "There is nothing at this address.",
        405: "This address does not take that method; `Allow` lists those that it takes.",
    }
    phrase = HTTPStatus(error.status_code).phrase
    kind = phrase.lower().replace(" ", "-")
    return Problem(
        error.status_code, kind, details.get(error.status_code, phrase), headers=error.headers
    )


def validation_problem(error: RequestValidationError) -> Problem:
    errors = [_field_error(found) for found in error.errors()[:ERRORS_MAX]]
    return invalid("The request has parts that cannot be accepted; `errors` lists each.", *errors)


def internal_problem() -> Problem:
    return Problem(
        500, "internal", "Something failed on our side and nothing was changed; it has been logged."
    )


def busy_problem() -> Problem:
    return Problem(
        503, "busy", "The database is busy; try again in a moment.", headers={"Retry-After": "1"}
    )


def _field_error(found: Mapping[str, Any]) -> FieldError:
    place, *path = found["loc"]
    detail = _sentence(found)
    if place == "body":
        return {"pointer": _pointer(path), "detail": detail}
    return {"parameter": str(path[0]) if path else str(place), "detail": detail}


def _sentence(found: Mapping[str, Any]) -> str:
    if found["type"] == "extra_forbidden":
        return (
            "There is no such field here."
            if found["loc"][0] == "body"
            else "There is no such parameter here."
        )
    if found["type"] == "missing" and tuple(found["loc"]) == ("body",):
        return "The body is missing; send JSON."
    return str(found["msg"]).removeprefix("Value error, ")


def _pointer(path: Sequence[str | int]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def unauthenticated(detail: str) -> Problem:
    # Feed readers often know Basic alone, and look at the first scheme.
    challenge = 'Basic realm="Byline", charset="UTF-8", Bearer realm="Byline"'
    return Problem(401, "unauthenticated", detail, headers={"WWW-Authenticate": challenge})


class Moved(Exception):
    """The `{ref}` of the path is a former one; `slug` is what to ask for now."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug


class Replayed(Exception):
    """The request has been answered before; `answer` is that answer, as it left then."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


def _redirect(request: Request, moved: Moved) -> Response:
    # 301 lets a client turn a POST into a GET; 308 keeps method and body (RFC 9110, section 15.4.9).
    status = 301 if request.method in ("GET", "HEAD") else 308
    _, version, things, _ref, *rest = request.url.path.split("/")
    query = f"?{request.url.query}" if request.url.query else ""
    location = (
        request.app.state.settings.base_url
        + "/".join(["", version, things, moved.slug, *rest])
        + query
    )
    caching = "private, no-cache" if "authorization" in request.headers else "no-cache"
    headers = {"Location": location, "Cache-Control": caching, "Vary": "Authorization"}
    return Response(status_code=status, headers=headers)


async def answer_problem(request: Request, error: Exception) -> Response:
    """The exception handler of the whole application."""
    if isinstance(error, Moved):
        return _redirect(request, error)
    if isinstance(error, Replayed):
        return error.answer
    match error:
        case Problem():
            problem = error
        case RequestValidationError():
            problem = validation_problem(error)
        case HTTPException():
            problem = http_problem(error)
        case _:
            problem = internal_problem()
    return problem_response(problem, request.scope)
