"""The short way: answers from memory, or read by `Reads`, before FastAPI.

`Express.at_once` sees a request before anything else and gives what was answered in this epoch, or
reads it. uvicorn's protocol asks it as soon as the headers are there (`app/web/server.py`); under
any other server `ShortWay` does, which also reads what has to be waited for. `Gather`, behind the
log, keeps what is answered there, and lets who asks for the same meanwhile wait for that one answer.
`Direct`, behind all that changes answers on their way out, reads what leaves compressed or for
another origin. All that decides an answer is in the key and the epoch.
"""

import asyncio
import re
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote_to_bytes

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_compress._utils import parse_accept_encoding

from app.access.caller import Caller
from app.access.visibility import Visibility
from app.express.cache import Answer, Known, ResponseCache
from app.express.freshness import Epoch, Freshness
from app.express.reads import FirstThis, Made, Reads
from app.web import access_log
from app.web.conditional import VARY, matching_tag, uncoded
from app.web.metrics import Metrics
from app.web.negotiation import negotiate
from app.web.server import Ready, head_of

log = structlog.get_logger("byline.express")
KEPT = re.compile(
    r"/v1/(?:(?:articles|authors|tags)(?:/[^/]*)?|articles\.[a-z.]+|(?P<changes>changes)"
    r"|(?P<found>search(?:\.[a-z.]+)?|suggest|articles/[^/]+/related(?:\.[a-z.]+)?))|/sitemap\.xml"
)
"""Lists, single things, changes and what search finds. What else there is goes the long way."""
CODINGS = ("zstd", "br", "gzip")
"""In the order in which the middleware that compresses takes them."""
SHARED_SECONDS_MAX = 0.001
OVERHEAD_BYTES = 1_000
"""What an answer in memory takes beside its bytes."""
_VARIES = head_of([(b"vary", VARY.encode())])
_VARIES_BY_ORIGIN = head_of([(b"vary", f"{VARY}, Origin".encode())])
"""What `Cors` makes of it for every answer."""
_OF_A_BODY = {b"content-type", b"content-length", b"content-encoding", b"etag"}

Key = tuple[str, bytes, str | None, str, bytes | None, Hashable]
"""All that an answer depends on within an epoch: path, query, rights, content coding, origin, and
where it is found by search, the state of that: of the index, and of what counts as news."""


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
    is_for_the_long_way: bool = False
    """It was read already, and nothing was found that could be answered."""

    @property
    def is_known(self) -> bool:
        return self.authorization is None or self.caller is not None

    @property
    def is_kept(self) -> bool:
        return self.epoch is not None and self.is_known

    @property
    def leaves_as_made(self) -> bool:
        """Whether nothing on the way out would change its answer."""
        _, _, _, coding, origin, _ = self.key
        return not coding and origin is None


@dataclass(slots=True)
class _Moment:
    loop: asyncio.AbstractEventLoop
    asked_seconds: float
    at: datetime
    epoch: Epoch | None
    search_state: Hashable = None
    """Asked for when the first search comes."""


class Express:
    """What the ends of the short way share: which answers are kept or read, and whether they hold."""

    def __init__(
        self,
        freshness: Freshness,
        cache: ResponseCache,
        reads: Reads,
        metrics: Metrics,
        clock: Callable[[], datetime],
        search_state: Callable[[datetime], Hashable],
        *,
        origins: Sequence[str],
        public_read: bool,
    ) -> None:
        self.freshness = freshness
        self.cache = cache
        self.metrics = metrics
        self._reads = reads
        self._clock = clock
        self._search_state = search_state
        self._origins = {origin.encode() for origin in origins}
        self._public_read = public_read
        self._moment: _Moment | None = None

    def asked(self, scope: Scope) -> Asked | None:
        """What is asked for, unless that is nothing which is kept, or has to go the long way."""
        path: str = scope["path"]
        if scope["method"] != "GET" or scope.get("root_path"):
            return None
        kept = KEPT.fullmatch(path)
        if kept is None or (kept["changes"] and _may_wait(scope["query_string"])):
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
        moment = self._now()
        now, epoch = moment.at, moment.epoch
        if epoch is not None:
            self.cache.begin(epoch)
        elif authorization is not None:
            return None
        search_state = None
        if kept["found"]:
            search_state = moment.search_state = moment.search_state or self._search_state(now)
            if search_state is None:
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
                search_state,
            ),
            caller,
            authorization,
            None if if_none_match is None else if_none_match.decode("latin-1"),
            found.get(b"x-request-id"),
        )

    def _now(self) -> _Moment:
        """The clock and the epoch, asked once for all requests of a millisecond within one turn of
        the event loop: to ask SQLite takes as long as half an answer.

        All whose turn it is had begun to come in before, so that none is answered as of a moment
        before it began. Of one that ended only after, a write that was acknowledged within that
        millisecond may be missing.
        """
        loop, seconds, moment = asyncio.get_running_loop(), time.perf_counter(), self._moment
        if (
            moment is None
            or moment.loop is not loop
            or seconds - moment.asked_seconds > SHARED_SECONDS_MAX
        ):
            self._reads.renew()
            at = self._clock()
            moment = self._moment = _Moment(loop, seconds, at, self.freshness.epoch(at))
            loop.call_soon(self._forget_moment)
        return moment

    def _forget_moment(self) -> None:
        self._moment = None

    def at_once(self, scope: Scope) -> Ready | None:
        """The answer, where it is in memory or can be read without waiting for anything; noted and
        counted. Else what is asked for is in the request's state, as `asked`."""
        began = time.perf_counter()
        negotiate(scope)
        asked = self.asked(scope)
        if asked is not None:
            answer = self.cache.get(asked.key) if asked.is_kept else None
            if answer is None:
                self.cache.figures.misses += 1
                if self._reads.are_immediate and asked.is_known and asked.leaves_as_made:
                    answer = self._read_at_once(asked)
            if answer is not None:
                return self.given(asked, answer, began)
        scope.setdefault("state", {})["asked"] = asked
        return None

    def given(self, asked: Asked, answer: Answer, began: float) -> Ready:
        """What leaves, with its id; noted and counted."""
        request_id = access_log.request_id(asked.request_id)
        ready = _for_who_knows(answer, asked.if_none_match)
        ready.head += b"x-request-id: %b\r\n" % request_id.encode()
        seconds = time.perf_counter() - began
        key_id = None if asked.caller is None else asked.caller.key_id
        access_log.note("GET", asked.key[0], ready.status, seconds * 1000, request_id, key_id)
        self.metrics.observe("GET", answer.template, ready.status, seconds)
        return ready

    async def read(self, asked: Asked) -> Made | None:
        """The answer, read by the short way; None where the long way is to be gone."""
        try:
            return await self._reads.answer(*_reading(asked))
        except Exception:
            # The long way answers, with an error if it comes to that.
            log.exception("the short way failed")
            return None

    def _read_at_once(self, asked: Asked) -> Answer | None:
        made = None
        try:
            made = self._reads.answer_at_once(*_reading(asked))
        except FirstThis:
            return None
        except Exception:
            log.exception("the short way failed")
        asked.is_for_the_long_way = made is None
        return self._ready(asked, made)

    async def made_once(self, asked: Asked) -> Answer | None:
        """The same, ready to leave and kept, for what leaves as it is made. Who asks for it while
        it is under way goes on to `Gather`, and waits there."""

        async def made() -> Answer | None:
            return self._ready(asked, await self.read(asked))

        if not asked.is_kept:
            return await made()
        if asked.key in self.cache.under_way:
            return None
        return await self.cache.make(asked.key, made)

    def _ready(self, asked: Asked, made: Made | None) -> Answer | None:
        if made is None:
            return None
        answer = _answer_of(made, asked, _VARIES_BY_ORIGIN)
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
        path, query, rights, coding, origin, search_state = asked.key
        if not asked.is_known and asked.authorization is not None:
            if caller is None or caller.key_id is None:
                return
            rights = caller.rights
            known = Known(rights, caller.key_id, caller.key.expires_at, caller.visibility)
            self.cache.learn(asked.authorization, known)
        self.cache.put((path, query, rights, coding, origin, search_state), answer)

    def _caller(self, authorization: bytes, now: datetime) -> Known | None:
        known = self.cache.callers.get(authorization)
        if known is None or known.expires_at is None or now < known.expires_at:
            return known
        return None


_LONG_WAY = {b"content-length", b"transfer-encoding", b"prefer"}
_LOOKED_AT = _LONG_WAY | {
    b"accept-encoding", b"authorization", b"cookie", b"if-none-match", b"origin", b"x-request-id",
}  # fmt: skip


def _reading(asked: Asked) -> tuple[str, bytes, Visibility, datetime, bool]:
    """What `Reads` is to be asked: path, query, visibility, moment, whether for one key's holder."""
    path, query, *_ = asked.key
    caller = asked.caller
    visibility = Visibility(asked.now) if caller is None else caller.visibility
    return path, query, visibility, asked.now, caller is not None


def _may_wait(query: bytes) -> bool:
    """Whether `wait` may be among the parameters, however it is written: who waits is not to be
    answered with what there was, nor together with who waits longer."""
    return b"wait=" in (unquote_to_bytes(query) if b"%" in query else query)


def _coding(accepted: bytes) -> str:
    # The middleware's own reading of the header, so that the key is of the coding that it chooses.
    codings = parse_accept_encoding(accepted.decode("latin-1"))
    return next((coding for coding in CODINGS if coding in codings), "")


class ShortWay:
    """Gives what is in memory, or what can be read; anything else goes the long way."""

    def __init__(self, app: ASGIApp, express: Express) -> None:
        self.app = app
        self.express = express

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, express = time.perf_counter(), self.express
        # Where uvicorn's protocol is ours, it has looked already.
        ready = None if "asked" in scope.get("state", ()) else express.at_once(scope)
        if ready is None and _awaits_epoch(scope):
            await express.freshness.settled()
            ready = express.at_once(scope)
        if ready is None:
            asked: Asked | None = scope["state"]["asked"]
            if asked is not None and asked.is_known and asked.leaves_as_made:
                answer = None if asked.is_for_the_long_way else await express.made_once(asked)
                if answer is not None:
                    ready = express.given(asked, answer, began)
        if ready is None:
            await self.app(scope, receive, send)
        else:
            await _send(send, ready)


def _awaits_epoch(scope: Scope) -> bool:
    """Whether it is worth to wait until it is known which epoch it is: a search takes longer than
    that, and many who ask for the same would each make one."""
    asked: Asked | None = scope["state"]["asked"]
    return asked is not None and asked.epoch is None and asked.key[-1] is not None


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
        scope["route"] = self.express.metrics.route_at(made.template)
        if asked.caller is not None:
            scope["state"]["key_id"] = asked.caller.key_id
        # `Gather` asks for the whole answer, and looks at what is known itself.
        is_whole = all(name != b"if-none-match" for name, _ in scope["headers"])
        answer = _answer_of(made, asked, _VARIES)
        await _send(send, _for_who_knows(answer, None if is_whole else asked.if_none_match))


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
        if not asked.is_known:
            answer = await self._made(asked, scope, receive, send)
        elif (answer := await self._made_by_another(asked)) is not None:
            scope["route"] = self.express.metrics.route_at(answer.template)
            if asked.caller is not None:
                scope["state"]["key_id"] = asked.caller.key_id
        else:
            answer = await self.express.cache.make(
                asked.key, lambda: self._made(asked, scope, receive, send)
            )
        if answer is not None:
            await _send(send, _for_who_knows(answer, asked.if_none_match))

    async def _made_by_another(self, asked: Asked) -> Answer | None:
        """The answer that another request for the same has made meanwhile, if any can be kept.

        The first that fails may have been on the short way; then one of those who wait makes it.
        """
        under_way = self.express.cache.under_way
        for _ in range(2):
            if asked.key not in under_way:
                return None
            answer = await asyncio.shield(under_way[asked.key])
            if answer is not None:
                return answer
        return None

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
        about = head_of([one for one in headers if one[0] not in _OF_A_BODY])
        template = self.express.metrics.route_of(scope)
        answer = _answer(head_of(headers), b"".join(parts), tag, about, template, asked)
        self.express.keep(asked, answer, scope["state"].get("caller"))
        return answer


def _may_be_kept(start: Message) -> bool:
    names = {name.lower() for name, _ in start["headers"]}
    return bool(start["status"] == 200 and b"etag" in names)


def _answer_of(made: Made, asked: Asked, vary: bytes) -> Answer:
    """What was read, with its headers in the order of the long way."""
    about = made.cache_control + vary + made.link
    head = b"etag: %b\r\n%bcontent-length: %d\r\ncontent-type: application/json\r\n" % (
        made.tag.encode(),
        about,
        len(made.body),
    )
    return _answer(head, made.body, made.tag, about, made.template, asked)


def _answer(
    head: bytes, body: bytes, tag: str, unchanged: bytes, template: str, asked: Asked
) -> Answer:
    path, query, *_ = asked.key
    size_bytes = len(head) + len(unchanged) + len(body) + len(path) + len(query) + OVERHEAD_BYTES
    return Answer(head, body, tag, unchanged, template, size_bytes)


def _for_who_knows(answer: Answer, if_none_match: str | None) -> Ready:
    """The answer, or the 304 of who has it already."""
    known = matching_tag(if_none_match, answer.tag)
    if known is None:
        return Ready(200, answer.head, answer.body)
    return Ready(304, b"etag: %b\r\n%b" % (known.encode("latin-1"), answer.unchanged), b"")


async def _send(send: Send, ready: Ready) -> None:
    headers = ready.headers
    await send({"type": "http.response.start", "status": ready.status, "headers": headers})
    await send({"type": "http.response.body", "body": ready.body})
