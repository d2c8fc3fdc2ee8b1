"""Cursors: opaque, whole, and only ever those that we gave out."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.web.pages import Cursors, Position, continue_list
from app.web.problems import Problem

modest = settings(max_examples=60, deadline=None)
values = st.one_of(st.text(max_size=10), st.integers(-(2**53), 2**53), st.booleans(), st.none())
states = st.dictionaries(st.text(max_size=8), values | st.lists(st.text(max_size=8)), max_size=4)
positions = st.builds(Position, st.lists(values, max_size=3).map(tuple), st.booleans())
cursors = Cursors(b"s" * 32, "articles", "anybody")


def refused(cursor: str, by: Cursors = cursors) -> bool:
    try:
        by.decode(cursor)
    except Problem as problem:
        return problem.status_code == 422 and problem.errors[0].get("parameter") == "cursor"
    return False


@modest
@given(states, positions)
def test_a_cursor_holds_the_whole_list_and_the_place(
    state: dict[str, Any], position: Position
) -> None:
    cursor = cursors.encode(state, position)
    assert cursors.decode(cursor) == (state, position)
    assert cursor.isascii()
    assert set("=&?#+/ ").isdisjoint(cursor)


@modest
@given(states, positions, st.data())
def test_a_cursor_with_one_bit_turned_is_refused(
    state: dict[str, Any], position: Position, data: st.DataObject
) -> None:
    cursor = cursors.encode(state, position)
    raw = bytearray(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    assert refused(urlsafe_b64encode(raw).decode().rstrip("="))


@modest
@given(st.text(max_size=40))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    assert refused(text)


@pytest.mark.parametrize(
    "other",
    [
        Cursors(b"t" * 32, "articles", "anybody"),
        Cursors(b"s" * 32, "authors", "anybody"),
        Cursors(b"s" * 32, "articles", "an editor"),
    ],
    ids=["site", "list", "view"],
)
def test_a_cursor_of_another_site_list_or_view_is_refused(other: Cursors) -> None:
    cursor = cursors.encode({}, Position(("a", "b"), backwards=False))
    assert not refused(cursor)
    assert refused(cursor, other)


def test_what_the_list_began_with_goes_on_and_may_be_repeated_but_not_changed() -> None:
    place = Position(("a",), backwards=False)
    cursor = cursors.encode({"sort": "name", "limit": 5}, place)
    go_on = continue_list({}, cursor, cursors, free=("limit",), defaults={"q": None})
    assert go_on == ({"sort": "name", "limit": 5}, place)
    repeated = continue_list(
        {"sort": "name", "limit": 9}, cursor, cursors, free=("limit",), defaults={"q": None}
    )
    assert repeated == ({"sort": "name", "limit": 9}, place)
    for changed in ({"sort": "-name"}, {"q": "ad"}):
        with pytest.raises(Problem) as refusal:
            continue_list(changed, cursor, cursors, free=("limit",), defaults={"q": None})
        assert [error.get("parameter") for error in refusal.value.errors] == list(changed)
