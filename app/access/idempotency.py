"""`Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07): a POST that can be sent again.

The answer is stored in the very transaction of the write: after a crash both are there or neither.
Writers take turns, in all processes, so a repetition that comes while the first is under way waits
for its turn and is given the first's answer, where the draft would have it refused with 409; when
the turn does not come in time it hears 503 with `Retry-After`, as every writer does.
"""

import hashlib
import re
from datetime import datetime, timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Depends, Header
from pydantic import WithJsonSchema
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.access.models import IdempotentAnswer
from app.db.columns import table
from app.db.database import Database
from app.web.problems import FieldError, Problem, Replayed

NAME = "Idempotency-Key"
LENGTH_MAX = 255
idempotent_answer = table(IdempotentAnswer)

# Structured fields (RFC 9651): an Item that is a String; its parameters mean nothing here.
_CHARACTER = r'(?:[ !#-\[\]-~]|\\["\\])'
_TEXT = f'"{_CHARACTER}*"'
_VALUE = rf"-?[0-9]+(?:\.[0-9]+)?|{_TEXT}|[A-Za-z*][^\s\"(),;<=>?@\[\\\]{{}}]*|:[A-Za-z0-9+/=]*:|\?[01]|@-?[0-9]+"
_PARAMETER = rf"; *[a-z*][a-z0-9_.*-]*(?:=(?:{_VALUE}))?"
_ITEM = re.compile(f'"({_CHARACTER}{{1,{LENGTH_MAX}}})"(?:{_PARAMETER})*', re.ASCII)


class Once:
    """A request that is done once however often it is sent, where it has an `Idempotency-Key`."""

    def __init__(self, key: str | None, request_digest: str, hours: float) -> None:
        self._key = key
        self._request_digest = request_digest
        self._hours = hours
        self._answer: dict[str, Any] = {}
        self._is_reused = False

    @property
    def is_wanted(self) -> bool:
        return self._key is not None

    def begin(self, session: Session, key_id: str | None, rights: str, now: datetime) -> None:
        """Looks the key up when the writer's turn has begun.

        Raises `Replayed` when this request has its answer already. An answer that a caller with
        other rights was given counts as another request's: it may show what they no longer see.
        """
        self._answer = {
            "key_id": key_id,
            "key_hash": _sha256(self._key or ""),
            "fingerprint": _sha256(f"{self._request_digest} {rights}"),
            "created_at": now,
        }
        columns = idempotent_answer.c
        own = sa.and_(*(columns[name] == self._answer[name] for name in ("key_id", "key_hash")))
        found = session.connection().execute(sa.select(idempotent_answer).where(own)).first()
        if found is None:
            return
        if found.created_at <= now - timedelta(hours=self._hours):
            session.connection().execute(sa.delete(idempotent_answer).where(own))
        elif found.fingerprint == self._answer["fingerprint"]:
            raise Replayed(Response(found.body, found.status, found.headers))
        else:
            # Said when the answer is there: until then the address may turn out to be a former
            # one, and lead to where the key was used (308).
            self._is_reused = True

    def keep(self, session: Session, answer: Response) -> Response:
        """Stores the answer with the write, and gives it back. 422 when the key was another's."""
        if self._is_reused:
            raise _refusal(
                "idempotency-key-reused",
                "was used for another request",
                ", or before the rights of your API key changed; a new request needs a new one",
            )
        if self.is_wanted:
            shown = {
                "status": answer.status_code,
                "headers": dict(answer.headers),
                "body": bytes(answer.body),
            }
            values = self._answer | shown
            session.connection().execute(sa.insert(idempotent_answer).values(values))
        return answer


def forget_old_answers(database: Database, now: datetime, hours: float, batch: int) -> int:
    """Deletes up to `batch` answers older than `hours`, the oldest first, and says how many.

    Fewer than `batch` means that none are left.
    """
    columns = idempotent_answer.c
    old = (
        sa.select(columns.key_id, columns.key_hash)
        .where(columns.created_at <= now - timedelta(hours=hours))
        .order_by(columns.created_at)
        .limit(batch)
    )
    primary_key = sa.tuple_(columns.key_id, columns.key_hash)
    with database.writing() as session:
        forgotten = sa.delete(idempotent_answer).where(primary_key.in_(old))
        return session.connection().execute(forgotten).rowcount


def refuse_idempotency_key(reason: str) -> Any:
    """For a POST that cannot take the header: 422 with this reason, rather than to ignore it."""

    async def refuse(request: Request) -> None:
        if NAME in request.headers:
            raise _refusal("invalid", "cannot be used here", f": {reason}")

    return Depends(refuse)


async def _once(
    request: Request,
    _header: Annotated[
        str | None,
        WithJsonSchema(
            {
                "type": "string",
                "format": "sf-string",
                "pattern": f'^"{_CHARACTER}{{1,{LENGTH_MAX}}}"$',
                "examples": ['"8e03978e-40d5-43dd-bc93-6894a57f9324"'],
            }
        ),
        Header(
            alias=NAME,
            description="Makes the request safe to send again: text of your choice, best a UUID, "
            f"**in double quotes**, 1 to {LENGTH_MAX} ASCII characters. The same key with the same "
            "request gives the first answer again, also when that was a problem, and does nothing; "
            "while the first is under way, the second waits for its answer. The same key with "
            "another address, query or body is 422; without quotes it is 400. Answers are kept "
            "for 24 hours unless this site says otherwise.",
        ),
    ] = None,
) -> Once:
    hours = request.app.state.settings.idempotency_key_hours
    given = request.headers.getlist(NAME)
    if not given:
        return Once(None, "", hours)
    return Once(_parse(given), _digest(request, await request.body()), hours)


IdempotencyKey = Annotated[Once, Depends(_once)]
"""In a route's signature, after the permission: hand it to `writing`, and `keep` the answer."""


def _parse(given: list[str]) -> str:
    found = _ITEM.fullmatch(given[0].strip(" "))
    if len(given) > 1 or found is None:
        raise Problem(
            400,
            "malformed-idempotency-key",
            f"{NAME} must be given once, 1 to {LENGTH_MAX} ASCII characters in double quotes, "
            f'for example {NAME}: "8e03978e-40d5-43dd-bc93-6894a57f9324".',
        )
    return re.sub(r"\\(.)", r"\1", found.group(1))


def _digest(request: Request, body: bytes) -> str:
    # No part but the last can hold NUL, so two different requests never look the same.
    address = request.url.path.encode(), request.scope["query_string"]
    return hashlib.sha256(b"\0".join([request.method.encode(), *address, body])).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _refusal(kind: str, what: str, more: str) -> Problem:
    errors: list[FieldError] = [{"parameter": NAME, "detail": f"It {what}."}]
    return Problem(422, kind, f"{NAME} {what}{more}.", errors=errors)
