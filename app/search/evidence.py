"""Where in an article's own text a query matches: what its score is made of and what is marked.

The index says which articles match; this looks at the text itself, as it is now. So scores do not
depend on what else is in the index, on any machine, and whatever counts is what gets highlighted.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.search.languages import WORD, is_unspaced, terms, words
from app.search.query_language import Clause, Field, Leaf

BODY_CHARACTERS_MAX = 20_000
"""How much of a body is looked at; what matches only after that counts as one mention."""
GAP_MAX = 30
"""How many characters that are no words may stand between two words that stand in a row."""
_REST_OF_WORD = re.compile(r"[^\W_]*")


@dataclass(frozen=True)
class Span:
    """Characters `start` to `end` of a text, where clause number `clause` matches."""

    start: int
    end: int
    clause: int


@dataclass(frozen=True)
class _Row:
    """Terms that must stand in a row for a clause to match; or the beginning of one, alone."""

    clause: int
    terms: tuple[str, ...]
    is_prefix: bool
    field: Field | None


@dataclass(frozen=True)
class _Term:
    start: int
    end: int
    term: str
    word: str


class Finder:
    """Finds what some clauses ask for in texts of one language."""

    def __init__(self, clauses: Sequence[Clause], language: str, words_max: int) -> None:
        self._language = language
        # By what they begin with: a query may have many rows, and a text many words.
        self._rows, self._prefixes = dict[str, list[_Row]](), dict[str, list[_Row]]()
        every = set[str]()
        for number, clause in enumerate(clauses):
            for leaf in clause.leaves:
                for row in _rows_of(leaf, number, language, words_max):
                    begun = self._prefixes if row.is_prefix else self._rows
                    begun.setdefault(row.terms[0], []).append(row)
                    every.update(row.terms)
        self._prefix_lengths = sorted({len(beginning) for beginning in self._prefixes})
        self._pairs = {term for term in every if is_unspaced(term)}
        self._terms = every - self._pairs
        self._beginnings = _likely_beginnings(self._terms)

    def spans(self, text: str, field: Field | None = None) -> list[Span]:
        """Every match in a text, in order. `field` says which one it is, for what asks for that."""
        found = self._terms_in(text)
        if not found:
            return []
        spans = {
            Span(first.start, last, row.clause)
            for at, first in enumerate(found)
            for row in self._rows_that_begin(first)
            if row.field is None or row.field == field
            if (last := _last_in_row(row, found, at, text)) is not None
        }
        return sorted(spans, key=lambda span: (span.start, -span.end, span.clause))

    def _rows_that_begin(self, first: _Term) -> Iterator[_Row]:
        yield from self._rows.get(first.term, ())
        for length in self._prefix_lengths:
            yield from self._prefixes.get(first.word[:length], ())

    def _terms_in(self, text: str) -> list[_Term]:
        found = []
        for start, end in self._words_in(text):
            term, word = _term_of(text[start:end], self._language)
            if term in self._terms or self._is_begun(word):
                found.append(_Term(start, end, term, word))
        if not text.isascii():
            for pair in self._pairs:
                found += (_Term(at, at, pair, pair) for at in _everywhere(pair, text))
        found.sort(key=lambda one: one.start)
        return found

    def _is_begun(self, word: str) -> bool:
        if not self._prefixes:  # of most queries; a text has many words
            return False
        return any(word[:length] in self._prefixes for length in self._prefix_lengths)

    def _words_in(self, text: str) -> Iterable[tuple[int, int]]:
        """Where words stand; of plain text, only those that may give one of the terms."""
        if text.isascii() and self._beginnings is not None:
            return set(_words_that_begin(text.lower(), self._beginnings))
        return (match.span() for match in WORD.finditer(text))


def _words_that_begin(lowered: str, beginnings: Iterable[str]) -> Iterator[tuple[int, int]]:
    for beginning in beginnings:
        at = lowered.find(beginning)
        while at >= 0:
            if at == 0 or not lowered[at - 1].isalnum():
                yield at, _REST_OF_WORD.match(lowered, at).end()  # type: ignore[union-attr]
            at = lowered.find(beginning, at + 1)


def _rows_of(leaf: Leaf, number: int, language: str, words_max: int) -> Iterator[_Row]:
    if leaf.form == "prefix":
        beginning = tuple(words(leaf.text))
        if len(beginning) == 1:
            yield _Row(number, beginning, is_prefix=True, field=leaf.field)
    exact = tuple(terms(leaf.text, language)[:words_max])
    if exact:
        yield _Row(number, exact, is_prefix=False, field=leaf.field)


def _likely_beginnings(terms: set[str]) -> set[str] | None:
    """What the words of these terms begin with: a stem keeps its beginning. None: not sure."""
    beginnings = {term[: max(1, min(3, len(term) - 2))] for term in terms}
    return beginnings if all(one.isascii() for one in beginnings) else None


@lru_cache(maxsize=200_000)
def _term_of(word: str, language: str) -> tuple[str, str]:
    """A word's term, and the word itself, folded."""
    folded = " ".join(words(word))
    return " ".join(terms(word, language)), folded


def _everywhere(pair: str, text: str) -> Iterator[int]:
    at = text.find(pair)
    while at >= 0:
        yield at
        at = text.find(pair, at + 1)  # overlapping: a pair of one character twice begins at each


def _last_in_row(row: _Row, found: list[_Term], at: int, text: str) -> int | None:
    """Where the row that begins at a term ends; None where other words come between."""
    for wanted in row.terms[1:]:
        follower = _follower(wanted, found, at, text)
        if follower is None:
            return None
        at = follower
    return _end_of(found[at])


def _follower(wanted: str, found: list[_Term], at: int, text: str) -> int | None:
    here = found[at]
    for later in range(at + 1, len(found)):
        if found[later].start > _end_of(here) + GAP_MAX:
            return None
        if found[later].term == wanted and _adjoins(here, found[later], text):
            return later
    return None


def _end_of(one: _Term) -> int:
    return one.start + len(one.term) if one.start == one.end else one.end


def _adjoins(here: _Term, later: _Term, text: str) -> bool:
    if here.start == here.end or later.start == later.end:  # pairs of an unspaced script overlap
        return later.start <= _end_of(here) and later.start > here.start
    return later.start > here.start and WORD.search(text, here.end, later.start) is None
