"""The words that changed between two texts."""

import random
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.history.diff import Change, word_diff

LENGTH = 300_000


def short(old: str, new: str) -> str:
    """The changes as one line: `[-deleted-]` and `{+inserted+}`."""
    marks = {"equal": "{}", "delete": "[-{}-]", "insert": "{{+{}+}}"}
    return "".join(marks[change.op].format(change.text) for change in word_diff(old, new))


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("", "", ""),
        ("It is open.", "It is open.", "It is open."),
        ("", "Open", "{+Open+}"),
        ("Open", "", "[-Open-]"),
        ("The bridge opens", "The bridge closes", "The bridge [-opens-]{+closes+}"),
        ("It sat.", "It sat down.", "It sat{+ down+}."),
        ("The old bridge", "The bridge", "The [-old -]bridge"),
        ("don't go", "do not go", "[-don't-]{+do not+} go"),
        ("a b c", "x y z", "[-a b c-]{+x y z+}"),
        ("大桥开通", "大桥关闭", "大桥[-开通-]{+关闭+}"),
        ("नमस्ते दुनिया", "नमस्ते भारत", "नमस्ते [-दुनिया-]{+भारत+}"),
        ("One.\n\nTwo.\n\nThree.", "One.\n\nThree.", "One.\n\n[-Two.\n\n-]Three."),
        ("One.\n\nTwo.", "One.\n\n2.", "One.\n\n[-Two-]{+2+}."),
    ],
)
def test_words_are_kept_deleted_or_inserted(old: str, new: str, changes: str) -> None:
    assert short(old, new) == changes


def holds(changes: list[Change], old: str, new: str) -> bool:
    return (
        "".join(change.text for change in changes if change.op != "insert") == old
        and "".join(change.text for change in changes if change.op != "delete") == new
        and all(change.text for change in changes)
        and all(one.op != after.op for one, after in pairwise(changes))
    )


few_words = st.lists(
    st.sampled_from(
        ["a", "b", "the", "Zoë", "don't", " ", "\n", "\n\n", ".", "桥", "\u200d", "e\u0301"]
    ),
    max_size=30,
).map("".join)


@given(old=few_words | st.text(), new=few_words | st.text())
def test_both_texts_can_be_told_from_the_changes(old: str, new: str) -> None:
    assert holds(word_diff(old, new), old, new)


@given(text=few_words | st.text())
def test_equal_texts_have_no_changes(text: str) -> None:
    assert all(change.op == "equal" for change in word_diff(text, text))


def letters(seed: int, alphabet: str) -> str:
    return "".join(random.Random(seed).choices(alphabet, k=LENGTH))


HOSTILE = {
    "one word again and again": ("a " * (LENGTH // 2), "a b " * (LENGTH // 4)),
    "words at random": (letters(1, "ab "), letters(2, "ab ")),
    "lines at random": (letters(1, "ab\n"), letters(2, "ab\n")),
    "turned round": (
        " ".join(map(str, range(50_000))),
        " ".join(map(str, range(50_000, 0, -1))),
    ),
    "halves changed over": (
        "a " * (LENGTH // 4) + "b " * (LENGTH // 4),
        "b " * (LENGTH // 4) + "a " * (LENGTH // 4),
    ),
    "nearly a period": (
        ("a " * 50 + "b ") * (LENGTH // 102),
        ("a " * 49 + "b ") * (LENGTH // 100),
    ),
    "one long word": ("a" * LENGTH, "b" * LENGTH),
    "nothing but signs": ("!?" * (LENGTH // 2), "?!" * (LENGTH // 2)),
    "nothing but blanks": (" " * LENGTH, "\n" * LENGTH),
    "ideographs": ("日本" * (LENGTH // 2), "本語" * (LENGTH // 2)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_longest_bodies_take_two_seconds_at_most_whatever_they_say(name: str) -> None:
    old, new = HOSTILE[name]
    began = time.process_time()
    changes = word_diff(old, new)
    assert time.process_time() - began < 2
    assert holds(changes, old, new)


def test_a_few_changes_in_the_longest_body_are_found() -> None:
    words = [f"word{number}" for number in range(30_000)]
    changed = [word.upper() if number % 500 == 250 else word for number, word in enumerate(words)]
    changes = word_diff(" ".join(words), " ".join(changed))
    assert [change.text for change in changes if change.op == "delete"] == words[250::500]
