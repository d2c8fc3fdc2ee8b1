"""What a reader of other people's files finds, one item after another: the same for every format. Pure."""

import hashlib
import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slugify import slugify

from app.archive.shapes import TagKind
from app.body.addresses import absolute

IDENTITY_LENGTH_MAX = 500
_ODD = (
    AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError,
)  # fmt: skip
HEADLINE_LENGTH_MAX, SUMMARY_LENGTH_MAX, NAME_LENGTH_MAX = 300, 5_000, 200
UNTITLED = "Untitled"
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BLANKS = re.compile(r"[ \t\n\r\f\v]+")
_TAG = re.compile(r"<[^<>]*>")
_ADDRESS = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)
_WORLDWIDE = re.compile(r"[a-z][a-z0-9+.-]*:\S", re.IGNORECASE)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True)
class Found:
    """An article in a file. `fields` are those of `ArticleLine`, but for authors and tags.

    `item` says in messages which one it is. `is_public`: it was published where it comes from, and
    to everybody.
    """

    item: str
    fields: dict[str, Any]
    authors: tuple[str, ...] = ()
    tags: tuple[tuple[str, TagKind], ...] = ()
    is_public: bool = True


@dataclass(frozen=True)
class Passed:
    """An item that is not imported, and why: it is no article, or cannot be read (`is_wrong`)."""

    item: str
    detail: str
    is_wrong: bool = False


@dataclass(eq=False)
class Unreadable(ValueError):
    """A whole file that cannot be read, or not to its end."""

    detail: str

    def __str__(self) -> str:
        return self.detail


def plain(markup: Any) -> str:
    """Text without markup, on one line; nothing for what is no text."""
    return line(html.unescape(_TAG.sub(" ", markup))) if isinstance(markup, str) else ""


def line(text: Any) -> str:
    """Plain text on one line; nothing for what is none."""
    if not isinstance(text, str):
        return ""
    # Blanks of other scripts are part of the text, but for its ends.
    return _BLANKS.sub(" ", sound(text)).strip()


def sound(text: str) -> str:
    """Text without what no article needs: control characters, and halves of surrogate pairs."""
    return _CONTROLS.sub("", text).encode("utf-8", "ignore").decode()


def guarded(name: str, make: Callable[[], "Found | Passed"]) -> "Found | Passed":
    """What an item makes, or that it cannot be read: no item is to fail the others."""
    try:
        return make()
    except _ODD as error:
        return Passed(line(name), f"cannot be read: {error or type(error).__name__}", is_wrong=True)


def shortened(text: str, length_max: int) -> str:
    return text if len(text) <= length_max else f"{text[: length_max - 1].rstrip()}…"


def headline_of(title: str, body: Any) -> str:
    """The title, as plain text; where there is none, the beginning of the text."""
    said = title or shortened(plain(body), 80) or UNTITLED
    return shortened(said, HEADLINE_LENGTH_MAX)


def identity_of(own: str, source: str | None = None) -> str:
    """What an item is known by: its id, if that is one of the whole world, else with where it is from."""
    said = line(own)
    if source and not _WORLDWIDE.match(said):
        said = f"{line(source).rstrip('/')}#{said}"
    if len(said) <= IDENTITY_LENGTH_MAX:
        return said
    return f"{said[:400]}…{hashlib.sha256(said.encode()).hexdigest()}"


def summary_of(text: str) -> str | None:
    return shortened(text, SUMMARY_LENGTH_MAX) or None


def slug_of(name: Any) -> str | None:
    """A slug like the one that it had; None where nothing is left of it."""
    return slugify(line(name), max_length=200) or None


def address_of(address: Any) -> str | None:
    """The address, if it is one that an article may have."""
    said = line(address)
    return said if _ADDRESS.fullmatch(said) and len(said) <= 2000 else None


def image_of(address: Any, **words: Any) -> dict[str, Any] | None:
    """A lead image with what is said of it, as plain text; None where it has no address."""
    url = address_of(address)
    lengths = {"caption": 2000, "credit": 300, "alt": 2000}
    said = {name: shortened(plain(text), lengths[name]) or None for name, text in words.items()}
    return {"url": url, **said} if url else None


def language_of(tag: Any) -> str | None:
    said = line(tag).replace("_", "-")
    return said if _LANGUAGE.fullmatch(said) and len(said) <= 35 else None


def names_in(names: Iterable[Any]) -> tuple[str, ...]:
    """Names without markup, each once, in order."""
    said = (shortened(plain(name), NAME_LENGTH_MAX) for name in names)
    return tuple(dict.fromkeys(name for name in said if name))


def instant_in(said: Any) -> datetime | None:
    """A time of RFC 3339 or like it; one that says no offset is of UTC. None for what is no time."""
    try:
        at = datetime.fromisoformat(line(said))
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return at.astimezone(UTC) if 1 < at.year < 9999 else None
    except (ValueError, OverflowError):
        return None


def limit_in(said: Any, name: str) -> datetime | None:
    """A time from which, or until which, something may be seen. None where none is said.

    Raises ValueError for one that cannot be read or says no offset: to pass over it would show
    what is to be hidden.
    """
    if said in (None, ""):
        return None
    at = instant_in(said)
    if at is None or datetime.fromisoformat(line(said)).tzinfo is None:
        raise ValueError(f"its {name} {line(said)!r} is no time with an offset that can be kept")
    return at


def filled(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def html_body(source: str | None, base: str | None = None) -> dict[str, str] | None:
    """A body of HTML whose addresses lead from `base`, where that is known."""
    return _body("html", absolute(source, base) if source and base else source)


def text_body(source: str | None) -> dict[str, str] | None:
    return _body("text", source)


def _body(body_format: str, source: Any) -> dict[str, str] | None:
    said = sound(source) if isinstance(source, str) else ""
    return {"format": body_format, "source": said} if said.strip() else None
