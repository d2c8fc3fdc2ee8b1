"""`If-Match`: which tags stand for a version, and which for none."""

import pytest

from app.web.conditional import Precondition, entity_tag
from app.web.problems import Problem


def holds(if_match: str | None, version: int = 3) -> bool:
    try:
        Precondition(if_match).check(version)
    except Problem as problem:
        assert problem.status_code == 412
        return False
    return True


@pytest.mark.parametrize(
    "if_match",
    [
        None,
        "*",
        " * ",
        entity_tag(b"{}", 3),
        entity_tag(b"other fields of the same version", 3),
        '"3-abc-gzip"',
        '"2-abc", "3-abc"',
        '"x","3-abc"',
    ],
)
def test_a_tag_of_the_current_version_holds(if_match: str | None) -> None:
    assert holds(if_match)


@pytest.mark.parametrize(
    "if_match",
    [
        "",
        entity_tag(b"{}", 2),
        entity_tag(b"{}", 33),
        entity_tag(b"{}"),
        'W/"3-abc"',
        "3-abc",
        '"3abc"',
        '"-3-abc"',
        '"03x"',
        '"*"',
        '"٣-abc"',
        '"' + "3" * 5000 + '-abc"',
    ],
)
def test_any_other_tag_is_stale(if_match: str) -> None:
    assert not holds(if_match)


def test_a_tag_is_of_the_very_bytes() -> None:
    assert entity_tag(b"a", 1) == entity_tag(b"a", 1)
    assert len({entity_tag(b"a", 1), entity_tag(b"b", 1), entity_tag(b"a", 2)}) == 3
