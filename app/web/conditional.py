"""Conditional requests (RFC 9110, section 13) and cache headers: what makes a copy reusable.

An entity tag is `"version-digest"` for one thing and `"digest"` for a list. The digest is of the
very bytes, so a tag can never say 'unchanged' when something shown did change; the version in
front is what `If-Match` compares, so that a tag of any selection of fields guards a write.
"""

import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Header
from starlette.requests import Request
from starlette.responses import Response
from xxhash import xxh3_128_hexdigest

from app.web.problems import Problem

_TAG = re.compile(r'(W/)?"([^"]*)"')
_ENCODING_SUFFIX = re.compile(r"-(?:gzip|br|zstd)$")
VARY = "Accept, Accept-Encoding, Authorization"


def json_response(
    request: Request,
    body: bytes,
    *,
    version: int | None = None,
    private: bool,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """JSON with its validators, or 304 when the caller has these very bytes already."""
    return validated_response(
        request, body, version=version, private=private, status=status, headers=headers
    )


def validated_response(
    request: Request,
    body: bytes,
    *,
    media_type: str = "application/json",
    version: int | None = None,
    private: bool,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The same of any type."""
    tag = entity_tag(body, version)
    all_headers = {
        "ETag": tag,
        "Cache-Control": cache_control(request.app.state.settings.cache_max_age_seconds, private),
        "Vary": VARY,
        **(headers or {}),
    }
    if status == 200 and request.method == "GET":
        known = matching_tag(request.headers.get("if-none-match"), tag)
        if known:
            return Response(status_code=304, headers=all_headers | {"ETag": known})
    return Response(body, status, all_headers, media_type=media_type)


def uncoded(tag: str) -> str:
    """The entity tag of the bytes before their content coding."""
    return f'"{_ENCODING_SUFFIX.sub("", tag[1:-1])}"'


def entity_tag(body: bytes, version: int | None = None) -> str:
    digest = xxh3_128_hexdigest(body)
    return f'"{digest}"' if version is None else f'"{version}-{digest}"'


def cache_control(max_age_seconds: int, private: bool) -> str:
    # 'no-cache' lets caches keep an answer, but not use it without asking: a withdrawal is at once.
    if private:
        return "private, no-cache"
    return f"public, max-age={max_age_seconds}" if max_age_seconds else "public, no-cache"


def matching_tag(given: str | None, tag: str) -> str | None:
    """The tag of `If-None-Match` that names these bytes, in whichever content coding."""
    if given is None:
        return None
    if given == tag or given.strip() == "*":
        return tag
    for found in _TAG.finditer(given):
        known = f'"{found.group(2)}"'
        if uncoded(known) == tag:
            return known
    return None


class Precondition:
    """The versions that a write was made against; `check` refuses it when none is current."""

    def __init__(self, if_match: str | None) -> None:
        self._any = if_match is None or if_match.strip() == "*"
        self._versions = set() if if_match is None else _versions_of(if_match)

    def check(self, version: int) -> None:
        """Raises 412 when the thing has moved on since the caller read it."""
        if self._any or version in self._versions:
            return
        if self._versions:
            detail = (
                "It has changed since the version that If-Match names; read it again, "
                "make your change to that, and send its ETag."
            )
        else:
            detail = 'If-Match names no version; send the ETag as it came, "in its quotes".'
        raise Problem(412, "stale", detail)


def _versions_of(if_match: str) -> set[int]:
    # A weak tag never matches here (RFC 9110, section 13.1.1).
    tags = (found.group(2) for found in _TAG.finditer(if_match) if not found.group(1))
    return {int(tag.partition("-")[0]) for tag in tags if re.match(r"\d{1,15}(-|$)", tag, re.ASCII)}


def _required(
    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match",
            description="The `ETag` of what you read, or `*` for whatever is there. "
            "Absent: 428. Changed since: 412.",
            examples=["*"],
        ),
    ] = None,
) -> Precondition:
    if if_match is None:
        raise Problem(
            428,
            "precondition-required",
            "Send If-Match with the ETag of the version that you read, or * to write over any.",
        )
    return Precondition(if_match)


def _optional(
    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match",
            description="The `ETag` of what you read; 412 when it has changed since.",
            examples=["*"],
        ),
    ] = None,
) -> Precondition:
    return Precondition(if_match)


IfMatch = Annotated[Precondition, Depends(_required)]
OptionalIfMatch = Annotated[Precondition, Depends(_optional)]
