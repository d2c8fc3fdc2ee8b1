"""Words of the vocabulary that are spelt nearly like one that was typed.

The vocabulary is that of the headlines, summaries, authors and tags of what the caller may see.
"""

from app.search.filtering import IndexSelection
from app.search.languages import words

LENGTH_MIN = 4
LENGTH_FOR_TWO = 6
"""From so many letters on, two may be wrong."""
LOOKED_AT_MAX = 5_000
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def near_words(found: IndexSelection, typed: str, words_max: int) -> list[str]:
    """Up to `words_max` words one or two letters away, nearest first; none for short words."""
    # Few searches come here; a server starts without it.
    from rapidfuzz.distance import OSA

    folded = words(typed)
    if len(folded) != 1 or len(folded[0]) < LENGTH_MIN:
        return []
    word = folded[0]
    errors_max = 2 if len(word) >= LENGTH_FOR_TWO else 1
    near: list[tuple[int, str]] = []
    for other in _candidates(found, word):
        distance = OSA.distance(word, other, score_cutoff=errors_max)
        if 0 < distance <= errors_max:
            near.append((distance, other))
    return [other for _, other in sorted(near)[:words_max]]


def _candidates(found: IndexSelection, word: str) -> set[str]:
    """Words that share the first two letters, and those whose beginning was mistyped."""
    near = set[str]()
    for beginning in (word[:2], word[1] + word[0]):
        near.update(term for term, _ in found.terms("words", beginning, LOOKED_AT_MAX))
    rest, after = word[1:], word[2:]
    guesses = [rest, word[0] + after]
    for letter in _LETTERS:
        guesses += [letter + rest, letter + word, word[0] + letter + after, word[0] + letter + rest]
    near.update(guess for guess in guesses if found.is_seen("words", guess))
    return near
