"""The short way: what was answered in this epoch is answered again from memory, before FastAPI.

`ShortWay` sees a request before anything else and gives what is there. `Gather`, behind the log,
keeps what the long way answers, and lets who asks for the same meanwhile wait for that one answer.
Neither knows what is in an answer: all that decides it is in the key, the epoch or the long way.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_compress._utils import parse_accept_encoding

from app.access.caller import Caller
from app.express.cache import Answer, Headers, Known, ResponseCache
from app.express.freshness import Epoch, Freshness
from app.web import access_log
from app.web.conditional import matching_tag, uncoded
from app.web.metrics import Metrics

KEPT = ("/v1/articles", "/v1/authors", "/v1/tags")
"""Lists and single things. What is below those (versions, related articles) goes the long way."""
CODINGS = ("zstd", "br", "gzip")
"""In the order in which the middleware that compresses takes them."""
OVERHEAD_BYTES = 1_000
"""What an answer in memory takes beside its bytes."""
_OF_A_BODY = {b"content-type", b"content-length", b"content-encoding", b"etag"}

Key = tuple[str, bytes, str | None, str, bytes | None]
"""All that an answer depends on within an epoch: path, query, rights, content coding, origin."""


@dataclass(slots=True)
class Asked:
    """A request that may be answered from memory.

    `caller` is who sent a key, once that is known; until then `key` has no rights to be kept by.
    """

    epoch: Epoch
    key: Key
    caller: Known | None
    authorization: bytes | None
    if_none_match: str | None
    request_id: bytes | None

    @property
    def is_known(self) -> bool:
        return self.authorization is None or self.caller is not None


class Express:
    """What the two ends of the short way share: which answers are kept, and whether they hold."""

    def __init__(
        self,
        freshness: Freshness,
        cache: ResponseCache,
        clock: Callable[[], datetime],
        *,
        origins: Sequence[str],
        public_read: bool,
    ) -> None:
        self.freshness = freshness
        self.cache = cache
        self._clock = clock
        self._origins = {origin.encode() for origin in origins}
        self._public_read = public_read

    def asked(self, scope: Scope) -> Asked | None:
        """What is asked for, unless that is nothing which is kept, or has to go the long way."""
        path: str = scope["path"]
        if not path.startswith(KEPT) or path.count("/") > 3:
            return None
        found: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in _LOOKED_AT:
                if name in found or name in _LONG_WAY:
                    return None
                found[name] = value
        authorization, origin = found.get(b"authorization"), found.get(b"origin")
        if origin is not None:
            if b"cookie" in found:
                return None
            if b"*" in self._origins:
                origin = b"*"
            elif origin not in self._origins:
                return None
        if authorization is None:
            if not self._public_read:
                return None
        elif not self.freshness.tells_of_keys:
            return None
        epoch = self.freshness.epoch()
        if epoch is None:
            return None
        self.cache.begin(epoch)
        caller = None if authorization is None else self._caller(authorization)
        accepted, if_none_match = found.get(b"accept-encoding"), found.get(b"if-none-match")
        return Asked(
            epoch,
            (
                path,
                scope["query_string"],
                None if caller is None else caller.rights,
                "" if accepted is None else _coding(accepted),
                origin,
            ),
            caller,
            authorization,
            None if if_none_match is None else if_none_match.decode("latin-1"),
            found.get(b"x-request-id"),
        )

    def keep(self, asked: Asked, answer: Answer, caller: Caller | None) -> None:
        """Keeps what the long way answered, and who asked, unless something changed meanwhile."""
        if self.freshness.epoch() is not asked.epoch:
            return
        self.cache.begin(asked.epoch)
        path, query, rights, coding, origin = asked.key
        if asked.authorization is not None:
            if caller is None or caller.key_id is None:
                return
            rights = caller.rights
            known = Known(rights, caller.key_id, caller.key.expires_at)
            self.cache.learn(asked.authorization, known)
        self.cache.put((path, query, rights, coding, origin), answer)

    def _caller(self, authorization: bytes) -> Known | None:
        known = self.cache.callers.get(authorization)
        if known is None or known.expires_at is None or self._clock() < known.expires_at:
            return known
        return None


_LONG_WAY = {b"content-length", b"transfer-encoding", b"prefer"}
_LOOKED_AT = _LONG_WAY | {
    b"accept-encoding", b"authorization", b"cookie", b"if-none-match", b"origin", b"x-request-id",
}  # fmt: skip


def _coding(accepted: bytes) -> str:
    # The middleware's own reading of the header, so that the key is of the coding that it chooses.
    codings = parse_accept_encoding(accepted.decode("latin-1"))
    return next((coding for coding in CODINGS if coding in codings), "")


class ShortWay:
    """Gives what is in memory; anything else goes the long way."""

    def __init__(self, app: ASGIApp, express: Express, metrics: Metrics) -> None:
        self.app = app
        self.express = express
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        asked = self.express.asked(scope)
        if asked is None:
            await self.app(scope, receive, send)
            return
        answer = self.express.cache.get(asked.key) if asked.is_known else None
        if answer is None:
            self.express.cache.figures.misses += 1
            scope.setdefault("state", {})["asked"] = asked
            await self.app(scope, receive, send)
            return
        request_id = access_log.request_id(asked.request_id)
        status = await _give(send, answer, asked, [(b"x-request-id", request_id.encode())])
        seconds = time.perf_counter() - began
        key_id = None if asked.caller is None else asked.caller.key_id
        access_log.note("GET", scope["path"], status, seconds * 1000, request_id, key_id)
        self.metrics.observe("GET", self.metrics.route_of({"route": answer.route}), status, seconds)


class Gather:
    """Keeps the answers of the long way, each made once however many ask for it at that moment."""

    def __init__(self, app: ASGIApp, express: Express) -> None:
        self.app = app
        self.express = express

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked: Asked | None = scope.get("state", {}).pop("asked", None)
        if asked is None:
            await self.app(scope, receive, send)
            return
        under_way = self.express.cache.under_way
        answer = None
        if not asked.is_known:
            answer = await self._made(asked, scope, receive, send)
        elif asked.key in under_way:
            answer = await asyncio.shield(under_way[asked.key])
            if answer is None:
                await self.app(scope, receive, send)
                return
            scope["route"] = answer.route
            if asked.caller is not None:
                scope["state"]["key_id"] = asked.caller.key_id
        else:
            made = under_way[asked.key] = asyncio.get_running_loop().create_future()
            try:
                answer = await self._made(asked, scope, receive, send)
            finally:
                made.set_result(answer)
                del under_way[asked.key]
        if answer is not None:
            await _give(send, answer, asked, [])

    async def _made(
        self, asked: Asked, scope: Scope, receive: Receive, send: Send
    ) -> Answer | None:
        """The answer of the long way, kept but not sent; what cannot be kept is sent at once."""
        held: Message | None = None
        parts: list[bytes] = []

        async def hold(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _may_be_kept(message):
                held = message
            elif held is None:
                await send(message)
            else:
                parts.append(message.get("body", b""))

        # A caller who has it already waits for the whole answer too: others will ask for that.
        scope["headers"] = [one for one in scope["headers"] if one[0] != b"if-none-match"]
        await self.app(scope, receive, hold)
        if held is None:
            return None
        answer = _answer(held["headers"], b"".join(parts), asked, scope)
        self.express.keep(asked, answer, scope["state"].get("caller"))
        return answer


def _may_be_kept(start: Message) -> bool:
    names = {name.lower() for name, _ in start["headers"]}
    return bool(start["status"] == 200 and b"etag" in names)


def _answer(headers: Headers, body: bytes, asked: Asked, scope: Scope) -> Answer:
    headers = [(name.lower(), value) for name, value in headers]
    tag = dict(headers)[b"etag"].decode("latin-1")
    named = sum(len(name) + len(value) for name, value in headers)
    return Answer(
        headers,
        body,
        uncoded(tag),
        [one for one in headers if one[0] not in _OF_A_BODY],
        scope.get("route"),
        len(body) + 2 * named + len(asked.key[0]) + len(asked.key[1]) + OVERHEAD_BYTES,
    )


async def _give(send: Send, answer: Answer, asked: Asked, more: Headers) -> int:
    """Sends the answer, or the 304 of who has it already; returns the status."""
    known = matching_tag(asked.if_none_match, answer.tag)
    if known is None:
        status, body, headers = 200, answer.body, [*answer.headers, *more]
    else:
        status, body = 304, b""
        headers = [(b"etag", known.encode("latin-1")), *answer.unchanged, *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return status
