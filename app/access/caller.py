"""Who is calling and what they may do: the types that routes put in their signatures.

`Reader` is anybody, unless reading needs a key here; the others name the least scope.
"""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.openapi.models import HTTPBase, HTTPBearer
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from app.access.idempotency import Once
from app.access.models import SCOPES, Entitlement, included_scopes
from app.access.queries import find_valid_key, get_keys
from app.access.visibility import Visibility
from app.web.problems import Problem, problem_response, unauthenticated

REMEMBERED_MAX = 1_000
"""Keys whose callers are kept in memory; more, and it begins anew."""
HEADER_LENGTH_MAX = 300
"""A key that is sent with more around it is looked up each time."""


@dataclass(frozen=True)
class Caller:
    """One request's caller. Without a key, `key_id` is None and there is only `read`."""

    visibility: Visibility
    scopes: frozenset[str]
    key_id: str | None = None
    key: Any = None

    @property
    def is_anonymous(self) -> bool:
        return self.key_id is None

    @property
    def rights(self) -> str:
        """Equal for keys that may do and see the same; the moment is left out."""
        return f"{sorted(self.scopes)} {self.visibility.fingerprint}"

    def at(self, now: datetime) -> "Caller":
        """The same caller at another moment."""
        return replace(self, visibility=replace(self.visibility, now=now))

    def may(self, scope: str) -> bool:
        return scope in self.scopes

    def must(self, scope: str, doing: str) -> None:
        """Raises 403 unless the caller has the scope; `doing` completes 'needed to …'."""
        if not self.may(scope):
            raise Problem(403, "forbidden", f"The scope `{scope}` is needed to {doing}.")

    def must_see_all(self, doing: str) -> None:
        """Raises 403 for a key with an entitlement.

        Changing what tags and authors are would move articles across the entitlement's border,
        and answers such as 'in use' would tell of articles beyond it.
        """
        if self.visibility.entitlement is not None:
            raise Problem(403, "forbidden", f"A key with an entitlement cannot {doing}.")


class _DocumentedScheme(SecurityBase):
    """Names a way to send the key in OpenAPI; `identify` reads the header itself."""

    def __init__(self, scheme_name: str, model: HTTPBase) -> None:
        self.scheme_name = scheme_name
        self.model = model

    async def __call__(self) -> None:
        return None


bearer = _DocumentedScheme("key", HTTPBearer(description="`Authorization: Bearer <key>`"))
basic = _DocumentedScheme(
    "keyAsPassword",
    HTTPBase(scheme="basic", description="HTTP Basic with the key as the password."),
)


async def identify(
    request: Request,
    _bearer: Annotated[None, Security(bearer)],
    _basic: Annotated[None, Security(basic)],
) -> Caller:
    """The caller of a request. A key that is unknown, over or revoked is a 401 on every path."""
    return await _identify(request)


async def _identify(request: Request) -> Caller:
    now = request.app.state.clock()
    header = request.headers.get("authorization")
    if header is None:
        return Caller(Visibility(now), frozenset({"read"}))
    key = await run_in_threadpool(_look_up, request, _key_in(header), now)
    entitlement = Entitlement.model_validate(key.entitlement or {})
    scopes = included_scopes(key.scopes)
    request.state.key_id = key.id
    visibility = Visibility(
        now,
        previews="preview" in scopes,
        embargoed="preview" in scopes or entitlement.embargoed,
        entitlement=None if entitlement.articles.is_empty else entitlement.articles,
    )
    caller = request.state.caller = Caller(visibility, scopes, key.id, key)
    remembered: dict[str, Caller] = request.app.state.remembered_callers
    if len(header) <= HEADER_LENGTH_MAX:
        if len(remembered) >= REMEMBERED_MAX:
            remembered.clear()
        remembered[header] = caller
    return caller


def remembered_caller(request: Request) -> Caller | None:
    """Who sent this key before, without looking whether it still is what it was then.

    Only for what asks `key_problems` in its own transaction.
    """
    header = request.headers.get("authorization")
    caller: Caller | None = request.app.state.remembered_callers.get(header)
    if caller is not None:
        request.state.key_id = caller.key_id
        request.state.caller = caller = caller.at(request.app.state.clock())
    return caller


def forget_caller(request: Request) -> None:
    """Has the next request with this key look it up."""
    request.app.state.remembered_callers.pop(request.headers.get("authorization"), None)


def _look_up(request: Request, key: str, now: Any) -> Any:
    with request.app.state.database.reading() as session:
        found = find_valid_key(session, key, now)
    if found is None:
        raise unauthenticated("This key is not valid: it is unknown, over or revoked.")
    return found


def _key_in(header: str) -> str:
    scheme, _, credentials = header.strip().partition(" ")
    match scheme.lower():
        case "bearer":
            return credentials.strip()
        case "basic":
            return _password(credentials.strip())
    raise unauthenticated("Send the key as `Authorization: Bearer <key>` or as a Basic password.")


def _password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode("utf-8").partition(":")[2]
    except ValueError:  # binascii.Error and UnicodeDecodeError are kinds of it
        raise unauthenticated("The Basic credentials are not valid base64 of `name:key`.") from None


async def _require(
    request: Request, needed: SecurityScopes, caller: Annotated[Caller, Depends(identify)]
) -> Caller:
    (scope,) = needed.scopes
    return _checked(request, caller, scope)


async def reader_again(request: Request) -> Caller:
    """The `Reader` of a request that has gone on for a while: now, with what the key may do now."""
    return _checked(request, await _identify(request), "read")


def _checked(request: Request, caller: Caller, scope: str) -> Caller:
    reading_is_free = scope == "read" and request.app.state.settings.public_read
    if caller.is_anonymous and not reading_is_free:
        raise unauthenticated(
            "This needs a key: send `Authorization: Bearer <key>`, or the key as the password of HTTP Basic."
        )
    caller.must(scope, "do this")
    return caller


Reader = Annotated[Caller, Security(_require, scopes=["read"])]
Editor = Annotated[Caller, Security(_require, scopes=["write"])]
Publisher = Annotated[Caller, Security(_require, scopes=["publish"])]
Admin = Annotated[Caller, Security(_require, scopes=["admin"])]


@contextmanager
def writing(
    request: Request, caller: Caller, once: Once | None = None
) -> Iterator[tuple[Session, Caller]]:
    """A writer's turn, and the caller at the moment it begins.

    A write that waited for others is dated when it happens, not when it arrived: who asks for
    what has changed since some time must find it.

    With an `Idempotency-Key`, raises `Replayed` when the request has its answer. A problem is an
    answer too: what was written is undone, and the problem kept.
    """
    refusal: Problem | None = None
    with request.app.state.database.writing() as session:
        now = request.app.state.clock()
        caller = caller.at(now)
        if once is None or not once.is_wanted:
            yield session, caller
            return
        once.begin(session, caller.key_id, caller.rights, now)
        try:
            with session.begin_nested():
                yield session, caller
        except Problem as problem:
            once.keep(session, problem_response(problem, request.scope))
            refusal = problem
    if refusal is not None:
        raise refusal


@contextmanager
def writing_on(request: Request, caller: Caller) -> Iterator[tuple[Session, Caller]]:
    """One of many turns of a long request: each asks anew whether the key is still what it was."""
    with writing(request, caller) as (session, caller):
        for problem in key_problems(session, [caller]).values():
            raise problem
        yield session, caller


def key_problems(session: Session, callers: Sequence[Caller]) -> dict[str | None, Problem]:
    """What keeps those of the callers' keys from writing that are not what they were, by id."""
    keys = {key.id: key for key in get_keys(session, {one.key_id for one in callers if one.key_id})}
    return {
        one.key_id: unauthenticated(
            "This key was revoked, changed or is over since the request began."
        )
        for one in callers
        if not _is_same(keys.get(one.key_id), one.key, one.visibility.now)
    }


def _is_same(key: Any, before: Any, now: datetime) -> bool:
    if key is None or key.revoked_at is not None:
        return False
    is_over = key.expires_at is not None and key.expires_at <= now
    return not is_over and (key.scopes, key.entitlement) == (before.scopes, before.entitlement)


def newsroom(now: datetime) -> Caller:
    """The one who works at the server itself, by the command line: they may do everything."""
    return Caller(Visibility(now, previews=True, embargoed=True), frozenset(SCOPES))
