"""A follower's place in the sequence, and the cursor that carries it over the wire.

A cursor holds the place and digests of what it is a place in: the filter, and what its caller may
see. It is sealed: nobody begins at a place that we did not give out, and nobody reads how many
numbers others have taken.
"""

import base64
import hashlib
import hmac
import struct
from dataclasses import dataclass
from functools import lru_cache

from app.web.problems import Problem, invalid_parameter

_LAYOUT = struct.Struct(">QQ6s6s")
_SIGNATURE_BYTES = 12
_CURSOR_BYTES = _SIGNATURE_BYTES + _LAYOUT.size


@dataclass(frozen=True)
class Place:
    """Everything up to `number` has been given. What was over at number `began`, when the copy was
    begun, the follower has never had."""

    number: int
    began: int

    @property
    def since(self) -> int:
        """What was over by this number the follower has been told of, or has never had."""
        return max(self.number, self.began)


class Cursors:
    """Writes and reads the cursors of followers of one filter (`scope`) who may see the same (`view`).

    The same place is always the same text. The seal is that of SIV (RFC 5297) with HMAC-SHA-256:
    the signature of what is inside is what hides it, too.
    """

    def __init__(self, secret: bytes, scope: str, view: str) -> None:
        self._signing_key, self._hiding_key = _keys(secret)
        self._scope = _digest(scope)
        self._view = _digest(view)

    def encode(self, place: Place) -> str:
        plain = _LAYOUT.pack(place.number, place.began, self._scope, self._view)
        signature = self._signature(plain)
        sealed = signature + self._hidden(signature, plain)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def decode(self, cursor: str, start: str) -> Place:
        """The place; 410 with the address to `start` at when the caller may see other things now."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise _not_ours() from None
        if len(raw) != _CURSOR_BYTES:
            raise _not_ours()
        signature = raw[:_SIGNATURE_BYTES]
        plain = self._hidden(signature, raw[_SIGNATURE_BYTES:])
        if not hmac.compare_digest(signature, self._signature(plain)):
            raise _not_ours()
        number, began, scope, view = _LAYOUT.unpack(plain)
        if view != self._view:
            raise _other_view(start)
        if scope != self._scope:
            raise invalid_parameter(
                "since", "is from other filters; send those it began with, or begin without `since`"
            )
        return Place(number, began)

    def _signature(self, plain: bytes) -> bytes:
        return hmac.digest(self._signing_key, plain, "sha256")[:_SIGNATURE_BYTES]

    def _hidden(self, signature: bytes, text: bytes) -> bytes:
        """Hides or shows: the one undoes the other."""
        mask = hmac.digest(self._hiding_key, signature, "sha256")[: len(text)]
        return (int.from_bytes(text) ^ int.from_bytes(mask)).to_bytes(len(text))


@lru_cache(10)
def _keys(secret: bytes) -> tuple[bytes, bytes]:
    """To sign with, and to hide with."""
    sign, hide = (
        hmac.digest(secret, use, "sha256") for use in (b"changes: sign", b"changes: hide")
    )
    return sign, hide


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=6).digest()


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
