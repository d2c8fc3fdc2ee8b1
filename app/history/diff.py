"""What changed between two texts, word by word. Pure.

The shortest way from one to the other (Myers 1986, 'An O(ND) Difference Algorithm'), first by
paragraphs, then by words within the paragraphs that differ. What it may cost is counted in steps,
not in seconds, so that the same two texts always give the same answer: where they have too little
in common to find it within the bound, the whole stretch is given as replaced.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

Operation = Literal["equal", "insert", "delete"]
STEPS_MAX = 600_000
"""For all paragraphs, and again for all words: a quarter of a second each, and 10 MB."""

_ALONE = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_SIGNS = r"!-/:-@\[-`{-~\u00a1-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u2010-\u2027\u2030-\u205e\u3001-\u3020\uff01-\uff0f"
_LETTERS = rf"[^\s{_ALONE}{_SIGNS}]+"
_WORD = re.compile(rf"{_LETTERS}(?:['’\-]{_LETTERS})*|[{_ALONE}]|[{_SIGNS}]|\s+")
_PARAGRAPH = re.compile(r"[^\n]*\n+|[^\n]+")


@dataclass(frozen=True)
class Change:
    """A stretch of text that both have, that only the new one has, or only the old one."""

    op: Operation
    text: str


@dataclass(frozen=True)
class _Stretch:
    """Parts of the old text and the parts of the new one that stand in their place."""

    old: Sequence[str]
    new: Sequence[str]

    @property
    def is_equal(self) -> bool:
        return self.old == self.new


class _Budget:
    """How many steps are left. Each compares two parts, or goes on in one direction."""

    def __init__(self) -> None:
        self.steps = STEPS_MAX


def word_diff(old: str, new: str) -> list[Change]:
    """The changes from one text to the other, in order.

    `equal` and `delete` together are exactly the old text, `equal` and `insert` the new one. Two
    that follow each other are never of one kind, and where both texts have something of their own
    the `delete` comes first.
    """
    budget, changes = _Budget(), _Changes()
    paragraphs = _compare(_PARAGRAPH.findall(old), _PARAGRAPH.findall(new), _Budget())
    for stretch in paragraphs:
        if stretch.is_equal:
            changes.add(stretch)
            continue
        for words in _compare(_words(stretch.old), _words(stretch.new), budget):
            changes.add(words)
    return changes.finished()


def _words(paragraphs: Sequence[str]) -> list[str]:
    return _WORD.findall("".join(paragraphs))


class _Changes:
    """Gathers stretches. Blanks between two changes belong to them: 'a b' became 'c d' as a whole."""

    def __init__(self) -> None:
        self._changes: list[Change] = []
        self._deleted: list[str] = []
        self._inserted: list[str] = []
        self._blanks = ""

    def add(self, stretch: _Stretch) -> None:
        if not stretch.is_equal:
            self._deleted += [self._blanks, *stretch.old]
            self._inserted += [self._blanks, *stretch.new]
            self._blanks = ""
            return
        text = self._blanks + "".join(stretch.old)
        self._blanks = ""
        if text.isspace() and (self._deleted or self._inserted):
            self._blanks = text
        else:
            self._close()
            self._append("equal", text)

    def finished(self) -> list[Change]:
        self._close()
        self._append("equal", self._blanks)
        return self._changes

    def _close(self) -> None:
        self._append("delete", "".join(self._deleted))
        self._append("insert", "".join(self._inserted))
        self._deleted, self._inserted = [], []

    def _append(self, op: Operation, text: str) -> None:
        if not text:
            return
        if self._changes and self._changes[-1].op == op:
            text = self._changes.pop().text + text
        self._changes.append(Change(op, text))


def _compare(old: Sequence[str], new: Sequence[str], budget: _Budget) -> Iterator[_Stretch]:
    """What is equal and what was replaced by what, in order; equal stretches may be empty."""
    most = min(len(old), len(new))
    start = next((place for place in range(most) if old[place] != new[place]), most)
    most -= start
    end = next((place for place in range(most) if old[-1 - place] != new[-1 - place]), most)
    yield _Stretch(old[:start], new[:start])
    middle = _Stretch(old[start : len(old) - end], new[start : len(new) - end])
    yield from _joined(_shortest_way(middle, budget) or [middle])
    yield _Stretch(old[len(old) - end :], new[len(new) - end :])


def _joined(way: Sequence[_Stretch]) -> Iterator[_Stretch]:
    """Edits that follow each other as one replacement."""
    for is_equal, together in groupby(way, key=lambda stretch: stretch.is_equal):
        if is_equal:
            yield from together
            continue
        edits = list(together)
        yield _Stretch(
            [part for edit in edits for part in edit.old],
            [part for edit in edits for part in edit.new],
        )


def _shortest_way(both: _Stretch, budget: _Budget) -> list[_Stretch] | None:
    """The fewest deletions and insertions; None where finding them would cost too much."""
    rounds = _search(both.old, both.new, budget)
    return None if rounds is None else _way_back(both.old, both.new, rounds)


def _search(old: Sequence[str], new: Sequence[str], budget: _Budget) -> list[dict[int, int]] | None:
    """How far each number of edits leads: for each diagonal (`x - y`) the furthest place `x` in old."""
    rounds: list[dict[int, int]] = []
    before = {1: 0}
    for edits in range(len(old) + len(new) + 1):
        reached: dict[int, int] = {}
        rounds.append(reached)
        for diagonal in range(-edits, edits + 1, 2):
            begin = _after_one_edit(before, diagonal, edits)
            x, y = begin, begin - diagonal
            while x < len(old) and y < len(new) and old[x] == new[y]:
                x, y = x + 1, y + 1
            reached[diagonal] = x
            if x >= len(old) and y >= len(new):
                return rounds
            budget.steps -= 1 + x - begin
            if budget.steps < 0:
                return None
        before = reached
    return rounds


def _goes_down(before: dict[int, int], diagonal: int, edits: int) -> bool:
    """Whether the last edit of the best way to a diagonal is an insertion."""
    return diagonal == -edits or (diagonal != edits and before[diagonal - 1] < before[diagonal + 1])


def _after_one_edit(before: dict[int, int], diagonal: int, edits: int) -> int:
    if _goes_down(before, diagonal, edits):
        return before[diagonal + 1]
    return before[diagonal - 1] + 1


def _way_back(
    old: Sequence[str], new: Sequence[str], rounds: list[dict[int, int]]
) -> list[_Stretch]:
    way: list[_Stretch] = []
    x, y = len(old), len(new)
    for edits in range(len(rounds) - 1, 0, -1):
        before, diagonal = rounds[edits - 1], x - y
        down = _goes_down(before, diagonal, edits)
        from_x = before[diagonal + 1] if down else before[diagonal - 1]
        from_y = from_x - diagonal - (1 if down else -1)
        edited_x, edited_y = (from_x, from_y + 1) if down else (from_x + 1, from_y)
        way.append(_Stretch(old[edited_x:x], new[edited_y:y]))
        way.append(_Stretch(old[from_x:edited_x], new[from_y:edited_y]))
        x, y = from_x, from_y
    way.append(_Stretch(old[:x], new[:y]))
    return [stretch for stretch in reversed(way) if stretch.old or stretch.new]
