"""Bytes come in parts that know nothing of lines; what they hold comes out whole."""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.lines import ArraySplitter, Line, NdjsonSplitter, Splitter
from app.web.problems import Problem

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def split(splitter: Splitter, body: bytes, cuts: list[int]) -> Iterator[Line]:
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    for start, end in pairwise(places):
        yield from splitter.feed(body[start:end])
    yield from splitter.end()


def read(lines: Iterator[Line]) -> list[Any]:
    return [json.loads(line.data) for line in lines if isinstance(line.data, bytes)]


@given(st.lists(JSON), st.lists(st.integers(0, 10_000)), st.booleans())
def test_an_array_comes_out_element_by_element(
    items: list[Any], cuts: list[int], spaced: bool
) -> None:
    body = json.dumps(items, ensure_ascii=not spaced, indent=2 if spaced else None).encode(
        "utf-8", "surrogatepass"
    )
    lines = list(split(ArraySplitter(1_000_000), body, cuts))
    assert [line.number for line in lines] == list(range(1, len(items) + 1))
    assert read(iter(lines)) == items


@given(st.lists(JSON), st.lists(st.integers(0, 10_000)))
def test_lines_come_out_one_by_one(items: list[Any], cuts: list[int]) -> None:
    body = b"\n".join(json.dumps(item).encode() for item in items)
    assert read(split(NdjsonSplitter(1_000_000), body, cuts)) == items


def test_blank_lines_are_counted_and_left_out() -> None:
    lines = list(split(NdjsonSplitter(100), b"\n1\r\n \t\n\n2", []))
    assert lines == [Line(2, b"1\r"), Line(5, b"2")]
    assert list(split(NdjsonSplitter(100), b"", [])) == []
    assert list(split(ArraySplitter(100), b" \n", [])) == []
    assert list(split(ArraySplitter(100), b" [ ] ", [])) == []


@pytest.mark.parametrize("splitter", [NdjsonSplitter, ArraySplitter])
def test_a_line_over_the_bound_is_not_kept_and_the_next_one_is_read(splitter: Any) -> None:
    between, start, end = (b"\n", b"", b"") if splitter is NdjsonSplitter else (b",", b"[", b"]")
    body = start + between.join([b'"' + b"x" * 98 + b'"', b'"' + b"x" * 99 + b'"', b"3"]) + end
    first, large, last = split(splitter(100), body, list(range(len(body))))
    assert isinstance(first.data, bytes)
    assert isinstance(large.data, Problem)
    assert (large.data.status_code, large.number, last.data) == (413, 2, b"3")


@given(st.binary(max_size=60), st.lists(st.integers(0, 60)))
def test_it_takes_no_array_for_valid_that_is_not(body: bytes, cuts: list[int]) -> None:
    """Whatever the bytes: either it refuses, or an element does not parse, or all of it was JSON."""
    try:
        items = [json.loads(line.data) for line in split(ArraySplitter(100), body, cuts)]  # type: ignore[arg-type]
    except (Problem, ValueError):
        return
    assert items == (json.loads(body) if body.strip(b" \t\r\n") else [])


@pytest.mark.parametrize(
    ("body", "whole"),
    [(b"[1, 2", 1), (b'[1, "2', 1), (b"[1] 2", 1), (b"[1],", 1), (b"[1}", 0), (b'[1, {"a": ]}, 3]', 1)],
)  # fmt: skip
def test_a_broken_array_gives_what_was_whole_and_then_refuses(body: bytes, whole: int) -> None:
    splitter = ArraySplitter(100)
    lines = split(splitter, body, [])
    assert [next(lines).number for _ in range(whole)] == list(range(1, whole + 1))
    with pytest.raises(Problem) as refused:
        next(lines)
    assert (refused.value.status_code, splitter.number) == (400, whole)


@pytest.mark.parametrize("body", [b"{}", b'"x"', b"5", b" nul", b"\xff\xfe["])
def test_what_is_no_array_is_refused_with_a_hint(body: bytes) -> None:
    with pytest.raises(Problem) as refused:
        list(split(ArraySplitter(100), body, []))
    assert "application/x-ndjson" in refused.value.errors[0]["detail"]
