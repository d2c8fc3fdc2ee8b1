"""The short way: answers from memory, or read by `Reads`, before FastAPI.

`ShortWay` sees a request before anything else and gives what was answered in this epoch, or reads
it. `Gather`, behind the log, keeps what is answered there, and lets who asks for the same meanwhile
wait for that one answer. `Direct`, behind all that changes answers on their way out, reads what
leaves compressed or for another origin. All that decides an answer is in the key and the epoch.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_compress._utils import parse_accept_encoding

from app.access.caller import Caller
from app.access.visibility import Visibility
from app.express.cache import Answer, Headers, Known, ResponseCache
from app.express.freshness import Epoch, Freshness
from app.express.reads import Made, Reads
from app.web import access_log
from app.web.conditional import matching_tag, uncoded
from app.web.metrics import Metrics

log = structlog.get_logger("byline.express")
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
    """A request that may be answered from memory, or read.

    Without an `epoch` nothing is kept. `caller` is who sent a key, once that is known; until then
    `key` has no rights to be kept by.
    """

    epoch: Epoch | None
    now: datetime
    key: Key
    caller: Known | None
    authorization: bytes | None
    if_none_match: str | None
    request_id: bytes | None

    @property
    def is_known(self) -> bool:
        return self.authorization is None or self.caller is not None

    @property
    def is_kept(self) -> bool:
        return self.epoch is not None and self.is_known

    @property
    def leaves_as_made(self) -> bool:
        """Whether nothing on the way out would change its answer."""
        _, _, _, coding, origin = self.key
        return not coding and origin is None


class Express:
    """What the ends of the short way share: which answers are kept or read, and whether they hold."""

    def __init__(
        self,
        freshness: Freshness,
        cache: ResponseCache,
        reads: Reads,
        metrics: Metrics,
        clock: Callable[[], datetime],
        *,
        origins: Sequence[str],
        public_read: bool,
    ) -> None:
        self.freshness = freshness
        self.cache = cache
        self.metrics = metrics
        self._reads = reads
        self._clock = clock
        self._origins = {origin.encode() for origin in origins}
        self._public_read = public_read

    def asked(self, scope: Scope) -> Asked | None:
        """What is asked for, unless that is nothing which is kept, or has to go the long way."""
        path: str = scope["path"]
        if scope.get("root_path"):
            return None
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
        now = self._clock()
        epoch = self.freshness.epoch(now)
        if epoch is not None:
            self.cache.begin(epoch)
        elif authorization is not None:
            return None
        caller = None if authorization is None else self._caller(authorization, now)
        accepted, if_none_match = found.get(b"accept-encoding"), found.get(b"if-none-match")
        return Asked(
            epoch,
            now,
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

    async def read(self, asked: Asked) -> Made | None:
        """The answer, read by the short way; None where the long way is to be gone."""
        path, query, *_ = asked.key
        caller = asked.caller
        visibility = Visibility(asked.now) if caller is None else caller.visibility
        try:
            return await self._reads.answer(
                path, query, visibility, asked.now, private=caller is not None
            )
        except Exception:
            # The long way answers, with an error if it comes to that.
            log.exception("the short way failed")
            return None

    async def made_once(self, asked: Asked) -> Answer | None:
        """The same, ready to leave and kept, for what leaves as it is made. Who asks for it while
        it is under way goes on to `Gather`, and waits there."""
        if not asked.is_kept:
            return await self._made(asked)
        if asked.key in self.cache.under_way:
            return None
        return await self.cache.make(asked.key, lambda: self._made(asked))

    async def _made(self, asked: Asked) -> Answer | None:
        made = await self.read(asked)
        if made is None:
            return None
        # As `Cors` says of every answer.
        headers = [
            (name, value + b", Origin") if name == b"vary" else (name, value)
            for name, value in made.headers
        ]
        answer = _answer(headers, made.body, made.tag, asked, self.metrics.route_at(made.template))
        if self.cache.is_of(asked.epoch):
            self.cache.put(asked.key, answer)
        return answer

    def keep(self, asked: Asked, answer: Answer, caller: Caller | None) -> None:
        """Keeps what the long way answered, and who asked, unless another epoch has begun.

        What was read is of the epoch that it was asked for in, or of a later one; then the next
        request finds that, and all that is kept of this one goes.
        """
        if not self.cache.is_of(asked.epoch):
            return
        path, query, rights, coding, origin = asked.key
        if asked.authorization is not None:
            if caller is None or caller.key_id is None:
                return
            rights = caller.rights
            known = Known(rights, caller.key_id, caller.key.expires_at, caller.visibility)
            self.cache.learn(asked.authorization, known)
        self.cache.put((path, query, rights, coding, origin), answer)

    def _caller(self, authorization: bytes, now: datetime) -> Known | None:
        known = self.cache.callers.get(authorization)
        if known is None or known.expires_at is None or now < known.expires_at:
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
    """Gives what is in memory, or what can be read at once; anything else goes the long way."""

    def __init__(self, app: ASGIApp, express: Express) -> None:
        self.app = app
        self.express = express

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        express = self.express
        asked = express.asked(scope)
        if asked is None:
            await self.app(scope, receive, send)
            return
        answer = express.cache.get(asked.key) if asked.is_kept else None
        if answer is None:
            express.cache.figures.misses += 1
            if asked.is_known and asked.leaves_as_made:
                answer = await express.made_once(asked)
        if answer is None:
            scope.setdefault("state", {})["asked"] = asked
            await self.app(scope, receive, send)
            return
        request_id = access_log.request_id(asked.request_id)
        more = [(b"x-request-id", request_id.encode())]
        status = await _give(send, answer, asked.if_none_match, more)
        seconds = time.perf_counter() - began
        key_id = None if asked.caller is None else asked.caller.key_id
        access_log.note("GET", scope["path"], status, seconds * 1000, request_id, key_id)
        express.metrics.observe(
            "GET", express.metrics.route_of({"route": answer.route}), status, seconds
        )


class Direct:
    """Reads what `ShortWay` would, but for those whose answer is changed on its way out."""

    def __init__(self, app: ASGIApp, express: Express) -> None:
        self.app = app
        self.express = express

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked: Asked | None = scope.get("state", {}).pop("asked", None)
        if asked is None or not asked.is_known or asked.leaves_as_made:
            await self.app(scope, receive, send)
            return
        made = await self.express.read(asked)
        if made is None:
            await self.app(scope, receive, send)
            return
        scope["route"] = route = self.express.metrics.route_at(made.template)
        if asked.caller is not None:
            scope["state"]["key_id"] = asked.caller.key_id
        # `Gather` asks for the whole answer, and looks at what is known itself.
        is_whole = all(name != b"if-none-match" for name, _ in scope["headers"])
        answer = _answer(made.headers, made.body, made.tag, asked, route)
        await _give(send, answer, None if is_whole else asked.if_none_match, [])


class Gather:
    """Keeps the answers of the long way, each made once however many ask for it at that moment."""

    def __init__(self, app: ASGIApp, express: Express) -> None:
        self.app = app
        self.express = express

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked: Asked | None = scope.get("state", {}).get("asked")
        if asked is None or asked.epoch is None:
            await self.app(scope, receive, send)
            return
        under_way = self.express.cache.under_way
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
            answer = await self.express.cache.make(
                asked.key, lambda: self._made(asked, scope, receive, send)
            )
        if answer is not None:
            await _give(send, answer, asked.if_none_match, [])

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
        headers = [(name.lower(), value) for name, value in held["headers"]]
        tag = uncoded(dict(headers)[b"etag"].decode("latin-1"))
        answer = _answer(headers, b"".join(parts), tag, asked, scope.get("route"))
        self.express.keep(asked, answer, scope["state"].get("caller"))
        return answer


def _may_be_kept(start: Message) -> bool:
    names = {name.lower() for name, _ in start["headers"]}
    return bool(start["status"] == 200 and b"etag" in names)


def _answer(headers: Headers, body: bytes, tag: str, asked: Asked, route: Any) -> Answer:
    named = sum(len(name) + len(value) for name, value in headers)
    return Answer(
        headers,
        body,
        tag,
        [one for one in headers if one[0] not in _OF_A_BODY],
        route,
        len(body) + 2 * named + len(asked.key[0]) + len(asked.key[1]) + OVERHEAD_BYTES,
    )


async def _give(send: Send, answer: Answer, if_none_match: str | None, more: Headers) -> int:
    """Sends the answer, or the 304 of who has it already; returns the status."""
    known = matching_tag(if_none_match, answer.tag)
    if known is None:
        status, body, headers = 200, answer.body, [*answer.headers, *more]
    else:
        status, body = 304, b""
        headers = [(b"etag", known.encode("latin-1")), *answer.unchanged, *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return status
