"""What requests may carry: strict bodies, strict queries, instants, and the parts they share."""

import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl, unquote_to_bytes

from fastapi import Path
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from app.web.problems import Problem, invalid_parameter

UUID_PATTERN = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
SLUG_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_UUID = re.compile(UUID_PATTERN)
NOT_IN_ADDRESSES = r"\s\u0000-\u001f\u007f-\u009f"
"""For a class in a pattern: blanks, and the controls that only some dialects count as blanks."""


class StrictModel(BaseModel):
    """A body or a set of parameters in which nothing is guessed and nothing is ignored."""

    model_config = ConfigDict(extra="forbid", strict=True)


class MergePatch(StrictModel):
    """Mixed into a body's model, makes every field optional: a JSON Merge Patch (RFC 7396) to it.

    Null clears a field, and so is refused where the body must have one.
    """

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for field in cls.model_fields.values():
            may_be_cleared = not field.is_required()
            field.default, field.default_factory = None, None
            if not may_be_cleared:
                continue
            value: Any = field.annotation
            if field.metadata:
                # The bounds and checks are the value's; null has none of them to meet.
                value = Annotated[(value, *field.metadata)]
            field.annotation, field.metadata = value | None, []
        cls.model_rebuild(force=True)


Whole = TypeVar("Whole", bound=BaseModel)


def patched(model: type[Whole], document: dict[str, Any], changes: MergePatch) -> Whole:
    """The whole document with the changes merged in, validated as a new one would be."""
    whole = validated(model, _merge(document, changes.model_dump(exclude_unset=True)))
    # Cleared is not the same as left out: a slug of null is made anew, a date of null is no date.
    whole.__pydantic_fields_set__.update(changes.model_fields_set)
    return whole


def validated(model: type[Whole], document: Any) -> Whole:
    """The document as its model; raises what FastAPI does for a body that is none."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(found) from None


def read_json(data: bytes) -> Any:
    """JSON read strictly; raises 400 where it is cut or broken, or has NaN."""
    try:
        return from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise Problem(400, "malformed-json", f"The body is not valid JSON: {error}") from None


def _merge(target: Any, patch: dict[str, Any]) -> dict[str, Any]:
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            merged[name] = _merge(merged.get(name), value)
        else:
            merged[name] = value
    return merged


class OutputModel(BaseModel):
    """An answer. Its fields have no defaults and so are documented as always there."""


def parse_instant(value: Any) -> Any:
    """A `datetime` in UTC from RFC 3339 text; anything else is left for the field to refuse."""
    if isinstance(value, datetime):
        text = value.isoformat()
    elif isinstance(value, str):
        text = value
    else:
        raise ValueError("must be a time in RFC 3339 form, for example 2026-11-24T08:00:00Z")
    if not _INSTANT.fullmatch(text):
        lost_plus = "; in an address `+` is written as `%2B`" if " " in text else ""
        raise ValueError(
            "must be a time in RFC 3339 form with an offset, for example 2026-11-24T08:00:00Z"
            f"{lost_plus}"
        )
    try:
        instant = datetime.fromisoformat(_six_digits(text.upper())).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not a time that exists") from None
    if instant.year == 9999:
        raise ValueError("must be before the year 9999")
    return instant


def _six_digits(text: str) -> str:
    # RFC 3339 allows any number of digits after the point; an instant here has microseconds.
    return re.sub(r"(\.\d{1,6})\d*", r"\1", text, count=1)


Instant = Annotated[
    datetime,
    BeforeValidator(parse_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-24T08:00:00Z"]}),
]
"""RFC 3339 with any offset on the way in, UTC with `Z` on the way out."""


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain the NUL character")
    return text


def _with_content(text: str) -> str:
    if not text.strip():
        raise ValueError("must have at least one character that is not blank")
    return text


Text = Annotated[
    str, AfterValidator(_without_nul), Field(json_schema_extra={"pattern": r"^[^\u0000]*$"})
]
"""Any Unicode text but NUL, which PostgreSQL cannot keep."""

FilledText = Annotated[
    Text,
    AfterValidator(_with_content),
    Field(json_schema_extra={"pattern": r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"}),
]


def _without_fraction(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_without_fraction)
"""Beside an `int` with its bounds: 5.0 is an integer too, as in JSON Schema; "5" is none."""

HttpUrl = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2000,
        pattern=rf"^[hH][tT][tT][pP][sS]?://[^{NOT_IN_ADDRESSES}/?#]+[^{NOT_IN_ADDRESSES}]*$",
        examples=["https://example.org/"],
    ),
]
"""An absolute `http` or `https` address, kept as it was written."""


def _not_like_an_id(slug: str) -> str:
    if is_id(slug):
        raise ValueError("must not look like an id")
    return slug


Slug = Annotated[
    str,
    Field(min_length=1, max_length=200, pattern=SLUG_PATTERN, examples=["harbour-bridge-opens"]),
    AfterValidator(_not_like_an_id),
]

Ref = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        pattern=r"^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$",
        examples=["harbour-bridge-opens"],
    ),
]
"""An id or a slug."""

PathRef = Annotated[
    str,
    Path(
        description="An id or a slug. A slug that has changed answers 301 with the new address.",
        min_length=1,
        max_length=200,
        json_schema_extra={"pattern": r"^[^/.]+$"},
    ),
]


def query_pairs(state: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Parameters as they stand in an address."""
    return [
        (name, str(value).lower() if isinstance(value, bool) else str(value))
        for name, values in state.items()
        for value in (values if isinstance(values, list) else [values])
    ]


def is_id(ref: str) -> bool:
    """Whether a ref is an id; everything else is a slug."""
    return _UUID.fullmatch(ref) is not None


Shortcut = Callable[[Request], Coroutine[Any, Any, Response | None]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def shortcut(take: Shortcut) -> Callable[[Endpoint], Endpoint]:
    """Tries this before a route's own way, which has all parameters looked up and validated one by
    one; None sends a request that way, with all errors."""

    def decorate(endpoint: Endpoint) -> Endpoint:
        endpoint.shortcut = take  # type: ignore[attr-defined]
        return endpoint

    return decorate


class StrictRoute(APIRoute):
    """A route that reads JSON strictly and refuses what it does not know; see `shortcut`.

    JSON that is cut, has NaN, half a surrogate pair or thousands of levels is a 400; a body that
    is not JSON is a 415; an unknown query parameter, or one given twice that takes one value, is
    a 422. A ref has no dot: one begins the suffix of a format.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.path_regex = without_dots(self.path_regex)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        takes_body = self.body_field is not None
        parameters = _query_parameters(self.dependant)
        take_shortcut: Shortcut | None = getattr(self.endpoint, "shortcut", None)

        async def handle_strictly(request: Request) -> Response:
            if takes_body:
                request = _JsonRequest(request.scope, request.receive)
            if take_shortcut is not None:
                answer = await take_shortcut(request)
                if answer is not None:
                    return answer
            _check_query(request, parameters)
            if takes_body:
                _check_content_type(request)
            return await handle(request)

        return handle_strictly


def without_dots(path: re.Pattern[str]) -> re.Pattern[str]:
    """A path's pattern that takes no ref with a dot."""
    return re.compile(path.pattern.replace("(?P<ref>[^/]+)", "(?P<ref>[^/.]+)"))


class _JsonRequest(Request):
    async def json(self) -> Any:
        return read_json(await self.body())


def _check_content_type(request: Request) -> None:
    check_media_type(
        request,
        ("application/json", "application/merge-patch+json"),
        headers={"Accept-Patch": "application/merge-patch+json, application/json"},
    )


def check_media_type(
    request: Request, taken: Sequence[str], *, headers: dict[str, str] | None = None
) -> str:
    """The media type of the body; raises 415 where it is none of these, or is compressed."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.headers.get("content-length") == "0":
        return media_type
    has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
    if has_body and media_type not in taken:
        wanted = "JSON: send Content-Type: application/json"
        if "application/json" not in taken[:1]:
            wanted = f"one of {', '.join(taken)}: say which in Content-Type"
        raise Problem(415, "unsupported-media-type", f"The body must be {wanted}.", headers=headers)
    if has_body and request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(
            415,
            "unsupported-coding",
            "The body must not be compressed: send it without Content-Encoding.",
            headers={"Accept-Encoding": "identity"},
        )
    return media_type


def _check_query(request: Request, known: dict[str, bool]) -> None:
    if "\x00" in request.scope["path"]:
        raise Problem(400, "malformed-address", "The address contains the NUL character.")
    given_parameters(request.scope["query_string"], known)


def given_parameters(query: bytes, known: Mapping[str, bool]) -> dict[str, Any]:
    """What a query string gives for these parameters: text, or a list where one may be given twice.

    Raises 400 for what is no UTF-8, 422 for what is not known or given once too often.
    """
    try:
        unquote_to_bytes(query.replace(b"+", b" ")).decode("utf-8")
    except UnicodeError:
        raise Problem(400, "malformed-address", "The address is not valid UTF-8.") from None
    given: dict[str, Any] = {}
    # As Starlette reads it, and so as a route is given it.
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name not in known:
            raise invalid_parameter(name, "There is no such parameter here.")
        if name in given and not known[name]:
            raise invalid_parameter(name, "Give this parameter once.")
        if "\x00" in value:
            raise invalid_parameter(name, "must not contain the NUL character")
        if known[name]:
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    return given


def parameters_of(model: type[BaseModel]) -> dict[str, bool]:
    """The names of the parameters that a model has, and whether each may be given more than once."""
    return {
        info.alias or name: _takes_many(info.annotation)
        for name, info in model.model_fields.items()
    }


def _query_parameters(dependant: Dependant) -> dict[str, bool]:
    """The names of a route's query parameters, and whether each may be given more than once."""
    names: dict[str, bool] = {}
    for part in (dependant, *dependant.dependencies):
        for field in part.query_params:
            annotation = field.field_info.annotation
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                names |= parameters_of(annotation)
            else:
                names[field.alias] = _takes_many(annotation)
    return names


def _takes_many(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(map(_takes_many, get_args(annotation)))
