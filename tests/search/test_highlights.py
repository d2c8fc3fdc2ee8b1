"""Highlights: what matches is marked, and no markup of an article gets out."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.search.evidence import Finder, Span
from app.search.highlights import FRAGMENT_CHARACTERS, fragment, marked
from app.search.query_language import read_query
from tests.conftest import Newsroom


def mark(typed: str, text: str, language: str = "en") -> str | None:
    finder = Finder(read_query(typed, 32).clauses, language, 32)
    return marked(text, finder.spans(text))


@pytest.mark.parametrize(
    ("typed", "text", "language", "shown"),
    [
        ("bridge", "Two bridges, one Bridge.", "en", "Two <mark>bridges</mark>, one <mark>Bridge</mark>."),
        ("ecole", "L’École est fermée", "fr", "L’<mark>École</mark> est fermée"),
        ("häuser", "Das Haus", "de", "Das <mark>Haus</mark>"),
        ('"old town"', "old old town", "en", "old <mark>old town</mark>"),
        ('"old town"', "old and town", "en", None),
        ("harb*", "Harbour, harbinger", "en", "<mark>Harbour</mark>, <mark>harbinger</mark>"),
        ("covid-19", "A Covid-19 ward; 19 beds", "en", "A <mark>Covid-19</mark> ward; 19 beds"),
        ("京都", "東京都と京都", "other", "東<mark>京都</mark>と<mark>京都</mark>"),
        ("東京都", "東京都と東京", "other", "<mark>東京都</mark>と東京"),
        ("книга", "Новые книги", "ru", "Новые <mark>книги</mark>"),
        ("a<b", "<b>b</b> & a<b", "en", "&lt;b&gt;b&lt;/b&gt; &amp; <mark>a&lt;b</mark>"),
        ("ferry", "no match", "en", None),
    ],
)  # fmt: skip
def test_what_matches_is_marked(typed: str, text: str, language: str, shown: str | None) -> None:
    assert mark(typed, text, language) == shown


def test_a_long_text_is_cut_to_where_most_of_it_stands() -> None:
    text = "bridge " + "word " * 200 + "the harbour bridge opens " + "word " * 200
    finder = Finder(read_query("harbour bridge", 32).clauses, "en", 32)
    piece = fragment(text, finder.spans(text))
    assert piece is not None
    assert "<mark>harbour</mark> <mark>bridge</mark>" in piece
    assert piece.startswith("…word ")
    assert piece.endswith(" word…")
    assert len(piece) < FRAGMENT_CHARACTERS + 50


@given(
    text=st.text(alphabet="ab <>&\"'/\n", max_size=400),
    spans=st.lists(st.tuples(st.integers(0, 400), st.integers(1, 10)), max_size=10),
)
def test_only_marks_are_markup(text: str, spans: list[tuple[int, int]]) -> None:
    found = sorted(
        (Span(start, min(start + length, len(text)), 0) for start, length in spans if start < len(text)),
        key=lambda span: (span.start, -span.end),
    )  # fmt: skip
    for shown in (marked(text, found), fragment(text, found)):
        bare = (shown or "").replace("<mark>", "").replace("</mark>", "")
        assert not re.search("[<>]", bare)
        assert unescape(bare).strip("…") in text


def test_hostile_text_comes_out_as_text(searching: Newsroom) -> None:
    hostile = "<script>alert(1)</script> <mark>bridge</mark> &lt;img src=x onerror=alert(2)&gt;"
    searching.article(
        f"{hostile} bridge", summary=hostile, body={"format": "text", "source": hostile}
    )
    (hit,) = searching.search("bridge")["data"]
    for shown in hit["highlights"].values():
        assert "<mark>bridge</mark>" in shown
        assert not re.search(r"<(?!/?mark>)", shown)


def test_fields_without_a_match_are_null(searching: Newsroom) -> None:
    searching.article("Ferry", summary="The bridge.")
    (hit,) = searching.search("bridge")["data"]
    assert hit["highlights"] == {
        "headline": None, "summary": "The <mark>bridge</mark>.", "body": None,
    }  # fmt: skip
