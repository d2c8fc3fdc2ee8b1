"""What people type always means something."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.search.query_language import EXPANDED_MAX, Clause, Leaf, TypedQuery, read_query


def word(text: str) -> Clause:
    return Clause((Leaf(text),))


@pytest.mark.parametrize(
    ("typed", "clauses"),
    [
        ("harbour bridge", (word("harbour"), word("bridge"))),
        ('"harbour bridge"', (Clause((Leaf("harbour bridge", "phrase"),)),)),
        ("“harbour bridge”", (Clause((Leaf("harbour bridge", "phrase"),)),)),
        ('"never closed', (Clause((Leaf("never closed", "phrase"),)),)),
        ("bridge OR ferry", (Clause((Leaf("bridge"), Leaf("ferry"))),)),
        ("bridge or ferry", (word("bridge"), word("or"), word("ferry"))),
        ("OR bridge OR", (word("bridge"),)),
        ("bridge AND ferry", (word("bridge"), word("ferry"))),
        ("harb*", (Clause((Leaf("harb", "prefix"),)),)),
        ("h*", (word("h"),)),
        ("harbuor~", (Clause((Leaf("harbuor", "fuzzy"),)),)),
        ("headline:ferry", (Clause((Leaf("ferry", "word", "headline"),)),)),
        ('author:"Mara Lind"', (Clause((Leaf("Mara Lind", "phrase", "author"),)),)),
        ("TAG:climate-change", (Clause((Leaf("climate-change", "word", "tag"),)),)),
        ("body:ferry", (word("body:ferry"),)),
        ("What happened, exactly?", (word("What"), word("happened"), word("exactly"))),
        ("(bridge)", (word("(bridge"),)),
        ("bridge bridge", (word("bridge"),)),
        ("!!! ... - \" ' *", ()),
    ],
)
def test_what_is_typed_is_read(typed: str, clauses: tuple[Clause, ...]) -> None:
    assert read_query(typed, 32) == TypedQuery(clauses, (), is_blank=False)


def test_a_minus_leaves_out() -> None:
    read = read_query('bridge -ferry -"old town" -tag:sport', 32)
    assert read.clauses == (word("bridge"),)
    assert read.excluded == (
        Leaf("ferry"), Leaf("old town", "phrase"), Leaf("sport", "word", "tag"),
    )  # fmt: skip


def test_nothing_typed_is_blank() -> None:
    assert read_query("  ", 32).is_blank
    assert not read_query("?", 32).is_blank


def test_what_comes_after_so_many_words_is_left_out() -> None:
    assert len(read_query(" ".join(f"w{number}" for number in range(100)), 32).clauses) == 32


@given(st.text(max_size=300))
def test_nothing_that_is_typed_fails(typed: str) -> None:
    read = read_query(typed, 8)
    assert len(read.clauses) + len(read.excluded) <= 8


def test_what_differs_in_case_alone_is_looked_for_once() -> None:
    query = read_query("one* ONE* One* two TWO", 32)
    assert [leaf.text for clause in query.clauses for leaf in clause.leaves] == ["one", "two"]


def test_so_many_words_stand_for_others_and_more_are_looked_for_as_they_are() -> None:
    typed = read_query("aa* -bb* 京 dd* ee~ 都 -大 ff", 32)
    assert [(one.text, one.form) for clause in typed.clauses for one in clause.leaves] == [
        ("aa", "prefix"), ("京", "prefix"),
        ("dd", "word"), ("ee", "word"), ("ff", "word"),
    ]  # fmt: skip
    assert [(one.text, one.form) for one in typed.excluded] == [("bb", "prefix")]


@given(st.lists(st.sampled_from(["ab*", "-cd*", "ef~", "京", "OR", "gh", '"i*"']), max_size=40))
def test_no_query_has_more_than_so_many_words_that_stand_for_others(parts: list[str]) -> None:
    typed = read_query(" ".join(parts), 32)
    leaves = [*typed.excluded, *(leaf for clause in typed.clauses for leaf in clause.leaves)]
    assert sum(leaf.form in ("prefix", "fuzzy") for leaf in leaves) <= EXPANDED_MAX
