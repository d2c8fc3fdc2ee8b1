"""Words of the vocabulary that are spelt nearly like one that was typed.

The vocabulary is that of headlines, summaries, authors and tags. Whether a word may be shown is for
the caller to check: it may stand only in what they may not see.
"""

from app.search.index import View
from app.search.languages import words

LENGTH_MIN = 4
LENGTH_FOR_TWO = 6
"""From so many letters on, two may be wrong."""
LOOKED_AT_MAX = 5_000
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def near_words(view: View, typed: str, words_max: int) -> list[str]:
    """Up to `words_max` words one or two letters away, nearest first; none for short words."""
    # Few searches come here; a server starts without it.
    from rapidfuzz.distance import OSA

    folded = words(typed)
    if len(folded) != 1 or len(folded[0]) < LENGTH_MIN:
        return []
    word = folded[0]
    errors_max = 2 if len(word) >= LENGTH_FOR_TWO else 1
    near: list[tuple[int, str]] = []
    for other in _candidates(view, word):
        distance = OSA.distance(word, other, score_cutoff=errors_max)
        if 0 < distance <= errors_max:
            near.append((distance, other))
    return [other for _, other in sorted(near)[:words_max]]


def _candidates(view: View, word: str) -> set[str]:
    """Words that share the first two letters, and those whose beginning was mistyped."""
    found = set[str]()
    for beginning in (word[:2], word[1] + word[0]):
        listed = view.searcher.terms_with_prefix("words", beginning, limit=LOOKED_AT_MAX)
        found.update(term for term, _ in listed)
    rest, after = word[1:], word[2:]
    guesses = [rest, word[0] + after]
    for letter in _LETTERS:
        guesses += [letter + rest, letter + word, word[0] + letter + after, word[0] + letter + rest]
    found.update(guess for guess in guesses if view.searcher.doc_freq("words", guess))
    return found
