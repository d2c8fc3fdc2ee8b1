"""Pieces of text with what matches in `<mark>`. All else is escaped: no markup of an article gets out."""

from collections.abc import Iterator, Sequence
from html import escape

from app.search.evidence import Span

FRAGMENT_CHARACTERS = 240
ELLIPSIS = "…"


def marked(text: str, spans: Sequence[Span]) -> str | None:
    """The whole text; None where nothing matches in it."""
    return _marked(text, spans, 0, len(text)) if spans else None


def fragment(text: str, spans: Sequence[Span]) -> str | None:
    """The piece of a long text in which most of what was asked for stands, cut between words."""
    if not spans:
        return None
    start, end = _ends(text, _best(spans))
    before = ELLIPSIS if start > 0 else ""
    after = ELLIPSIS if end < len(text) else ""
    return f"{before}{_marked(text, spans, start, end)}{after}"


def _best(spans: Sequence[Span]) -> tuple[int, int]:
    """From where to where the most different clauses match, and then the most of them."""
    best, core, last = (0, 0), (0, 0), 0
    for first, span in enumerate(spans):
        last = max(last, first)
        while last + 1 < len(spans) and spans[last + 1].end - span.start <= FRAGMENT_CHARACTERS:
            last += 1
        inside = spans[first : last + 1]
        worth = len({one.clause for one in inside}), len(inside)
        if worth > best:
            best, core = worth, (span.start, max(one.end for one in inside))
    return core


def _ends(text: str, core: tuple[int, int]) -> tuple[int, int]:
    spare = max(0, FRAGMENT_CHARACTERS - (core[1] - core[0])) // 2
    start, end = max(0, core[0] - spare), min(len(text), core[1] + spare)
    if start > 0:
        blank = max(text.rfind(" ", start, core[0]), text.rfind("\n", start, core[0]))
        start = text.find(" ", start, core[0]) + 1 or (blank + 1 if blank >= 0 else start)
    if end < len(text):
        blank = text.rfind(" ", core[1], end)
        end = blank if blank >= 0 else end
    return start, end


def _marked(text: str, spans: Sequence[Span], start: int, end: int) -> str:
    return "".join(_parts(text, _merged(spans, start, end), start, end)).strip()


def _merged(spans: Sequence[Span], start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where marks begin and end: spans that overlap become one."""
    open_from, open_to = -1, -1
    for span in spans:
        begins, ends = max(span.start, start), min(span.end, end)
        if begins >= ends:
            continue
        if begins > open_to:
            if open_to > open_from:
                yield open_from, open_to
            open_from, open_to = begins, ends
        else:
            open_to = max(open_to, ends)
    if open_to > open_from:
        yield open_from, open_to


def _parts(text: str, marks: Iterator[tuple[int, int]], start: int, end: int) -> Iterator[str]:
    at = start
    for begins, ends in marks:
        yield escape(text[at:begins])
        yield f"<mark>{escape(text[begins:ends])}</mark>"
        at = ends
    yield escape(text[at:end])
