"""A follower's place in the sequence, and the cursor that carries it over the wire.

A cursor holds the place and digests of what it is a place in: the filter, and what its caller may
see. It is signed, so that nobody begins at a place that we did not give out.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from pydantic_core import from_json, to_json

from app.web.problems import Problem, invalid_parameter

_SIGNATURE_BYTES = 12
_DIGEST_BYTES = 6


@dataclass(frozen=True)
class Place:
    """Everything up to `number` has been given. `began` is the last number when the copy was
    begun: what was over by then the follower has never had."""

    number: int
    began: int


class Cursors:
    """Writes and reads the cursors of followers of one filter (`scope`) who may see the same (`view`)."""

    def __init__(self, secret: bytes, scope: str, view: str) -> None:
        self._secret = secret
        self._scope = _digest(scope)
        self._view = _digest(view)

    def encode(self, place: Place) -> str:
        payload = to_json([place.number, place.began, self._scope, self._view])
        return base64.urlsafe_b64encode(self._signature(payload) + payload).decode().rstrip("=")

    def decode(self, cursor: str, start: str) -> Place:
        """The place; 410 with the address to `start` at when the caller may see other things now."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise _not_ours() from None
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(payload)):
            raise _not_ours()
        number, began, scope, view = from_json(payload)
        if view != self._view:
            raise _other_view(start)
        if scope != self._scope:
            raise invalid_parameter(
                "since", "is from other filters; send those it began with, or begin without `since`"
            )
        return Place(number, began)

    def _signature(self, payload: bytes) -> bytes:
        return hmac.digest(self._secret, b"changes\n" + payload, "sha256")[:_SIGNATURE_BYTES]


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).hexdigest()


def _not_ours() -> Problem:
    return invalid_parameter("since", "is no cursor that this site gave; it is cut or changed")


def _other_view(start: str) -> Problem:
    return Problem(
        410,
        "view-changed",
        "What this key may see has changed since the cursor was given. Drop your copy and begin "
        "again at `start`, without `since`.",
        headers={"Link": f'<{start}>; rel="start"'},
        extensions={"start": start},
    )
