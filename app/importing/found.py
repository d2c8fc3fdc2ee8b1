"""What a reader of other people's files finds, one item after another: the same for every format. Pure."""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from slugify import slugify

from app.archive.shapes import TagKind
from app.body.addresses import absolute

HEADLINE_LENGTH_MAX, SUMMARY_LENGTH_MAX, NAME_LENGTH_MAX = 300, 5_000, 200
UNTITLED = "Untitled"
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

    detail: str = field(default="")

    def __str__(self) -> str:
        return self.detail


def plain(markup: str | None) -> str:
    """Text without markup, on one line."""
    # Blanks of other scripts are part of the text.
    return _BLANKS.sub(" ", html.unescape(_TAG.sub(" ", markup or "")).replace("\x00", "")).strip(
        " "
    )


def shortened(text: str, length_max: int) -> str:
    return text if len(text) <= length_max else f"{text[: length_max - 1].rstrip()}…"


def headline_of(title: str | None, body: str | None) -> str:
    """The title; where there is none, the beginning of the text."""
    said = plain(title) or shortened(plain(body), 80) or UNTITLED
    return shortened(said, HEADLINE_LENGTH_MAX)


def identity_of(own: str, source: str | None) -> str:
    """What an item is known by: its id, if that is one of the whole world, else with where it is from."""
    if _WORLDWIDE.match(own) or not source:
        return own[:500]
    return f"{source.rstrip('/')}#{own}"[:500]


def summary_of(markup: str | None) -> str | None:
    return shortened(plain(markup), SUMMARY_LENGTH_MAX) or None


def slug_of(name: str | None) -> str | None:
    """A slug like the one that it had; None where nothing is left of it."""
    return slugify(name or "", max_length=200) or None


def address_of(address: str | None) -> str | None:
    """The address, if it is one that an article may have."""
    said = (address or "").strip()
    return said if _ADDRESS.fullmatch(said) and len(said) <= 2000 else None


def image_of(address: str | None, **words: str | None) -> dict[str, Any] | None:
    """A lead image with what is said of it, as plain text; None where it has no address."""
    url = address_of(address)
    lengths = {"caption": 2000, "credit": 300, "alt": 2000}
    said = {name: shortened(plain(text), lengths[name]) or None for name, text in words.items()}
    return {"url": url, **said} if url else None


def language_of(tag: str | None) -> str | None:
    said = (tag or "").strip().replace("_", "-")
    return said if _LANGUAGE.fullmatch(said) and len(said) <= 35 else None


def names_in(names: Iterable[str | None]) -> tuple[str, ...]:
    """Names without markup, each once, in order."""
    said = (shortened(plain(name), NAME_LENGTH_MAX) for name in names)
    return tuple(dict.fromkeys(name for name in said if name))


def instant_in(said: str | None) -> datetime | None:
    """A time of RFC 3339 or like it; one that says no offset is of UTC. None for what is no time."""
    try:
        at = datetime.fromisoformat((said or "").strip())
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at.astimezone(UTC) if 1 < at.year < 9999 else None


def filled(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def html_body(source: str | None, base: str | None = None) -> dict[str, str] | None:
    """A body of HTML whose addresses lead from `base`, where that is known."""
    return _body("html", absolute(source, base) if source and base else source)


def text_body(source: str | None) -> dict[str, str] | None:
    return _body("text", source)


def _body(body_format: str, source: str | None) -> dict[str, str] | None:
    said = (source or "").replace("\x00", "")
    return {"format": body_format, "source": said} if said.strip() else None
