"""One stream of bytes as many JSON documents: NDJSON lines, or the elements of a JSON array. Pure.

A splitter holds one document at most, and none over its bound.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from app.web.problems import Problem, invalid

_STRUCTURE = re.compile(rb'["\[\]{},]')
_IN_STRING = re.compile(rb'["\\]')
_BLANK = b" \t\r\n"


@dataclass(frozen=True)
class Line:
    """A document as it came, or why it cannot be read. `number` counts from 1."""

    number: int
    data: bytes | Problem


class Splitter(Protocol):
    """Takes the parts of a stream as they come and gives the documents that have become whole.

    `number` is that of the last one. Raises `Problem` where it cannot go on.
    """

    @property
    def number(self) -> int: ...

    def feed(self, part: bytes) -> Iterator[Line]: ...

    def end(self) -> Iterator[Line]: ...


class NdjsonSplitter:
    """Lines of NDJSON. Blank ones are counted and left out; the last needs no line break."""

    def __init__(self, line_bytes_max: int) -> None:
        self._kept = _Kept(line_bytes_max)

    @property
    def number(self) -> int:
        return self._kept.number

    def feed(self, part: bytes) -> Iterator[Line]:
        first, *others = part.split(b"\n")
        self._kept.add(first)
        for other in others:
            yield from self.end()
            self._kept.add(other)

    def end(self) -> Iterator[Line]:
        is_blank, line = self._kept.is_blank, self._kept.take()
        if not is_blank:
            yield line


class ArraySplitter:
    """Elements of one JSON array, found by their brackets and commas without being read.

    Where the array itself is broken there is no telling where an element begins: that raises.
    """

    def __init__(self, element_bytes_max: int) -> None:
        self._kept = _Kept(element_bytes_max)
        self._depth = 0
        self._in_string = self._skips_next = self._is_over = False

    @property
    def number(self) -> int:
        return self._kept.number

    def feed(self, part: bytes) -> Iterator[Line]:
        start = at = 0  # of what is not kept yet, and of what is not looked at yet
        while (mark := self._next_mark(part, at)) is not None:
            at = mark.end()
            if self._in_string:
                self._skips_next = mark.group() == b"\\"
                self._in_string = self._skips_next
            elif self._depth > 1 or (self._depth == 1 and mark.group() in b'"[{'):
                self._go_in_or_out(mark.group())
            else:
                self._keep(part[start : mark.start()])
                start = at
                yield from self._at_the_top(mark.group())
        self._keep(part[start:])

    def end(self) -> Iterator[Line]:
        if self._depth:
            raise _malformed("it is cut off")
        return iter(())

    def _next_mark(self, part: bytes, at: int) -> re.Match[bytes] | None:
        if self._skips_next and at < len(part):  # the second half of an escape such as \"
            self._skips_next = False
            at += 1
        return (_IN_STRING if self._in_string else _STRUCTURE).search(part, at)

    def _keep(self, some: bytes) -> None:
        if self._depth:
            self._kept.add(some)
        elif some.strip(_BLANK):
            raise _malformed("something follows its end") if self._is_over else _no_array()

    def _go_in_or_out(self, mark: bytes) -> None:
        if mark == b'"':
            self._in_string = True
        elif mark != b",":
            self._depth += 1 if mark in b"[{" else -1

    def _at_the_top(self, mark: bytes) -> Iterator[Line]:
        """What a mark does that belongs to the array itself, or stands outside it."""
        if self._is_over:
            raise _malformed("something follows its end")
        if self._depth == 0:
            if mark != b"[":
                raise _no_array()
            self._depth = 1
        elif mark == b"}":
            raise _malformed("a bracket closes what was not opened")
        else:
            if mark == b"]":
                self._depth, self._is_over = 0, True
            if mark == b"," or self._kept.number or not self._kept.is_blank:
                yield self._kept.take()


class _Kept:
    """The document that is being received, up to its bound."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = bytearray()
        self._length = 0
        self.number = 0

    def add(self, some: bytes) -> None:
        self._length += len(some)
        if self._length <= self._bytes_max:
            self._bytes += some

    @property
    def is_blank(self) -> bool:
        return self._length <= self._bytes_max and not self._bytes.strip(_BLANK)

    def take(self) -> Line:
        """The document, now whole; the next one begins."""
        self.number += 1
        data = bytes(self._bytes) if self._length <= self._bytes_max else self._too_large()
        self._bytes.clear()
        self._length = 0
        return Line(self.number, data)

    def _too_large(self) -> Problem:
        return Problem(413, "too-large", f"A line may have {self._bytes_max} bytes at most.")


def _malformed(why: str) -> Problem:
    return Problem(400, "malformed-json", f"The body is not a valid JSON array: {why}.")


def _no_array() -> Problem:
    wanted = "must be a JSON array; send one document a line as application/x-ndjson"
    return invalid("The body is no array.", {"pointer": "", "detail": wanted})
