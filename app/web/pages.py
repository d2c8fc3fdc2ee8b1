"""Pages of a list: signed cursors, the `page` member and the `Link` header (RFC 8288)."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Annotated, Any, Generic, Literal, TypeVar
from urllib.parse import urlencode

from pydantic import ConfigDict, Field
from pydantic_core import from_json, to_json
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response

from app.web.conditional import json_response
from app.web.params import OutputModel, StrictModel, query_pairs
from app.web.problems import Problem

LIMIT_MAX = 100
LIMIT_DEFAULT = 20
_SIGNATURE_BYTES = 12

Limit = Annotated[
    int, Field(ge=1, le=LIMIT_MAX, description="Rows on a page; more than 100 is refused.")
]
Cursor = Annotated[
    str,
    Field(
        min_length=1,
        max_length=40_000,  # the longest filters that a list takes, signed and encoded
        description="`page.next` or `page.previous` of an earlier answer. It holds the whole list "
        "that it came from, so it may stand alone; other filters beside it are refused.",
    ),
]
Count = Literal["none", "estimate", "exact"]
Row = TypeVar("Row")


class Page(OutputModel):
    """Where this page stands in its list."""

    next: str | None = Field(description="Cursor of the page after this one; null on the last.")
    previous: str | None = Field(
        description="Cursor of the page before this one; null on the first."
    )
    limit: int = Field(description="Rows that a full page has.", examples=[20])
    total: int = Field(
        default=0, description="Rows of the whole list; only when `count` asks for it."
    )
    total_kind: Literal["exact", "at_least"] = Field(
        default="exact",
        description="`at_least`: `count=estimate` stopped looking here; there may be more.",
    )


@dataclass(frozen=True)
class Position:
    """A place between two rows: the key of the row next to it, and which way to go from there.

    `inclusive`: that row comes first, if it is still there.
    """

    key: tuple[Any, ...]
    backwards: bool
    inclusive: bool = False


class Cursors:
    """Makes and reads the cursors of one list, for one view of it.

    `view` says what the caller may see: a cursor from another view is refused. The signature
    keeps clients from making cursors of their own, so that a position is always one we gave out.
    """

    def __init__(self, secret: bytes, listing: str, view: str) -> None:
        self._key = _cursor_key(secret, listing, view)

    def encode(self, state: Mapping[str, Any], position: Position) -> str:
        payload = to_json([state, list(position.key), position.backwards, position.inclusive])
        return base64.urlsafe_b64encode(self._signature(payload) + payload).decode().rstrip("=")

    def decode(self, cursor: str) -> tuple[dict[str, Any], Position]:
        """The list's parameters and the position; 422 for what did not come from `encode`."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise _bad_cursor() from None
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(payload)):
            raise _bad_cursor()
        state, key, backwards, inclusive = from_json(payload)
        return state, Position(tuple(key), backwards, inclusive)

    def _signature(self, payload: bytes) -> bytes:
        # A third of what HMAC takes, and made for this.
        return hashlib.blake2b(payload, key=self._key, digest_size=_SIGNATURE_BYTES).digest()


@lru_cache(100)
def _cursor_key(secret: bytes, listing: str, view: str) -> bytes:
    return hashlib.blake2b(f"{listing}\n{view}".encode(), key=secret, digest_size=32).digest()


def _bad_cursor() -> Problem:
    return Problem(
        422,
        "bad-cursor",
        "This cursor does not belong to this list as you may see it; start again without one.",
        errors=[{"parameter": "cursor", "detail": "is cut, changed, or from another list or key"}],
    )


def continue_list(
    given: Mapping[str, Any],
    cursor: str,
    cursors: Cursors,
    *,
    free: Sequence[str],
    defaults: Mapping[str, Any],
) -> tuple[dict[str, Any], Position]:
    """The parameters of the list and the position to go on from.

    `given` are the parameters that the request named. Those in `free` may differ from page to
    page; any other must be as it was when the list began, spelled out or by its default.
    """
    state, position = cursors.decode(cursor)
    changed = [
        name
        for name in given
        if name not in free and given[name] != state.get(name, defaults.get(name))
    ]
    if changed:
        raise Problem(
            422,
            "other-list",
            "This cursor is from a list with other parameters; start again without it.",
            errors=[
                {"parameter": name, "detail": "is not what the list began with"} for name in changed
            ],
        )
    return state | dict(given), position


class ListQuery(StrictModel):
    """The parameters that every list takes."""

    model_config = ConfigDict(strict=False)  # numbers come as text in an address

    limit: Limit = LIMIT_DEFAULT
    cursor: Cursor | None = None


Params = TypeVar("Params", bound=ListQuery)


class Paging(Generic[Params]):
    """One request for one page: `params` as the list began, `position` to go on from.

    `listing` names the list and `view` says what the caller may see of it; parameters in `free`
    may change from page to page.
    """

    def __init__(
        self,
        app: State,
        path: str,
        asked: Params,
        listing: str,
        view: str,
        free: Sequence[str] = (),
    ) -> None:
        # A path alone is right behind every proxy; a whole address only where we were told it.
        self._address = f"{app.settings.base_url}{path}"
        self._cursors = Cursors(app.cursor_secret, listing, view)
        given = asked.model_dump(mode="json", exclude_unset=True, exclude={"cursor"})
        self.cursor = asked.cursor
        self.position: Position | None = None
        if asked.cursor is None:
            self._state, self.params = given, asked
            return
        self._state, self.position = continue_list(
            given,
            asked.cursor,
            self._cursors,
            free=("limit", *free),
            defaults=_defaults(type(asked)),
        )
        self.params = _params(type(asked), to_json(self._state))

    @classmethod
    def of(
        cls, request: Request, asked: Params, listing: str, view: str, free: Sequence[str] = ()
    ) -> "Paging[Params]":
        """The page that a request asks for."""
        return cls(request.app.state, request.url.path, asked, listing, view, free)

    def page(
        self, walked: Sequence[Row], key_of: Callable[[Row], tuple[Any, ...]]
    ) -> tuple[list[Row], dict[str, Any]]:
        """The rows to show, in list order, and their `page` member.

        `walked` are the rows in the order they were walked in, one more than the limit where
        there are more; `key_of` gives a row's sort key.
        """
        limit, backwards = self.params.limit, self.position is not None and self.position.backwards
        more, shown = len(walked) > limit, list(walked[:limit])
        if backwards:
            shown.reverse()
        before, after = (more, True) if backwards else (self.position is not None, more)
        # All that was this way may have left; the way back then begins with the row that we left from.
        left = self.position.key if self.position else ()
        onward = Position(
            key_of(shown[-1]) if shown else left, backwards=False, inclusive=not shown
        )
        back = Position(key_of(shown[0]) if shown else left, backwards=True, inclusive=not shown)
        return shown, self.between(back if before else None, onward if after else None)

    def between(self, before: Position | None, after: Position | None) -> dict[str, Any]:
        """The `page` member of a page with these positions before and after it."""
        return {
            "next": self._cursors.encode(self._state, after) if after else None,
            "previous": self._cursors.encode(self._state, before) if before else None,
            "limit": self.params.limit,
        }

    def answer(
        self,
        request: Request,
        data: Sequence[Any],
        page: Mapping[str, Any],
        *,
        private: bool,
        more: Mapping[str, Any] = MappingProxyType({}),
    ) -> Response:
        """The list as JSON with `Link` (RFC 8288) to the pages around it; `more` are more members."""
        links = self.links(page)
        headers = {"Link": links} if links else {}
        body = to_json({"data": data, "page": page, **more})
        return json_response(request, body, private=private, headers=headers)

    def links(self, page: Mapping[str, Any]) -> str:
        """The value of `Link`; empty where the page is all there is."""
        following, before = page["next"], page["previous"]
        if following is None and before is None:
            return ""
        # A cursor has nothing that would have to be quoted.
        query = urlencode([*query_pairs(self._state), ("cursor", "")])
        links = []
        if following is not None:
            links.append(f'<{self._address}?{query}{following}>; rel="next"')
        if before is not None:
            links.append(f'<{self._address}?{query}{before}>; rel="prev"')
        return ", ".join(links)

    def address(self, cursor: str | None) -> str:
        """Where the page with this cursor is; the first page without one."""
        pairs = [*query_pairs(self._state), *([("cursor", cursor)] if cursor else [])]
        return f"{self._address}?{urlencode(pairs)}" if pairs else self._address


_STATE_LENGTH_KEPT = 500


def _params(query: type[Params], state: bytes) -> Params:
    """The parameters that a cursor holds; long ones are validated each time."""
    return (_kept_params if len(state) <= _STATE_LENGTH_KEPT else _validated)(query, state)


def _validated(query: type[Params], state: bytes) -> Params:
    return query.model_validate(from_json(state))


_kept_params = lru_cache(1_000)(_validated)


@cache
def _defaults(query: type[ListQuery]) -> dict[str, Any]:
    return query().model_dump(mode="json")
