"""What people type into a search box, read so that it always means something.

`words` (any may match), `"a phrase"`, `-not`, `this OR that`, `prefix*`, `fuzzy~`,
`headline:word`, `author:word`, `tag:word`. Whatever is none of these is a word; so is what comes
after `EXPANDED_MAX` words that stand for others.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Literal

from app.search.languages import is_unspaced

Field = Literal["headline", "author", "tag"]
Form = Literal["word", "phrase", "prefix", "fuzzy"]
_PART = re.compile(
    r"""
    (?P<minus>-)?
    (?:(?P<field>headline|author|tag):)?
    (?:"(?P<phrase>[^"]*)(?:"|$) | (?P<word>[^\s"]+))
    """,
    re.VERBOSE | re.IGNORECASE,
)
_HAS_WORD = re.compile(r"[^\W_]")
_QUOTES = str.maketrans("“”„«»", '"""""')
PREFIX_LENGTH_MIN = 2
EXPANDED_MAX = 3
"""Words of a query that may stand for others: `prefix*`, `fuzzy~`, and one character of a script
without blanks. Each costs as much as a dozen others, some 50 ms among 100,000 articles."""


@dataclass(frozen=True)
class Leaf:
    """One thing to look for, as it was typed."""

    text: str
    form: Form = "word"
    field: Field | None = None

    @property
    def must_match(self) -> bool:
        """Words may match; who quotes, or says where, means it."""
        return self.form == "phrase" or self.field is not None


@dataclass(frozen=True)
class Clause:
    """Alternatives, joined by `OR`."""

    leaves: tuple[Leaf, ...]

    @property
    def must_match(self) -> bool:
        return all(leaf.must_match for leaf in self.leaves)


@dataclass(frozen=True)
class TypedQuery:
    """What was typed: clauses to find and leaves to leave out. `is_blank`: nothing was typed."""

    clauses: tuple[Clause, ...] = ()
    excluded: tuple[Leaf, ...] = ()
    is_blank: bool = field(default=True)


def read_query(typed: str, words_max: int) -> TypedQuery:
    """Reads what was typed; what comes after `words_max` words, phrases and the like is left out."""
    clauses: list[Clause] = []
    excluded: list[Leaf] = []
    joins = False
    read = expanded = 0
    for part in _PART.finditer(typed.translate(_QUOTES)):
        if part.group() == "OR":
            joins = bool(clauses)
            continue
        leaf = _leaf(part)
        if leaf is None or part.group() == "AND":
            continue
        read += 1
        if read > words_max:
            break
        if leaf.form in ("prefix", "fuzzy"):
            expanded += 1
            if expanded > EXPANDED_MAX:
                if _begins_pairs(leaf.text):
                    continue  # no text has it as a word of its own
                leaf = replace(leaf, form="word")
        if part["minus"]:
            excluded.append(leaf)
        elif joins:
            clauses[-1] = Clause((*clauses[-1].leaves, leaf))
        else:
            clauses.append(Clause((leaf,)))
        joins = False
    unlike: dict[object, Clause] = {}
    for clause in clauses:
        unlike.setdefault(_folded(clause), clause)
    return TypedQuery(tuple(unlike.values()), tuple(excluded), not typed.strip())


def _folded(clause: Clause) -> object:
    """The same for clauses that look for the same."""
    return tuple((leaf.text.casefold(), leaf.form, leaf.field) for leaf in clause.leaves)


def _begins_pairs(text: str) -> bool:
    """Whether it is one character of a script without blanks, whose texts are indexed in pairs."""
    return len(text) == 1 and is_unspaced(text)


def _leaf(part: re.Match[str]) -> Leaf | None:
    name: Field | None = (part["field"] or "").lower() or None  # type: ignore[assignment]
    text = part["phrase"] if part["word"] is None else part["word"]
    if not _HAS_WORD.search(text):
        return None
    if part["word"] is None:
        return Leaf(text, "phrase", name)
    bare = text.rstrip("*~()[]{}.,;:!?")
    ending = text[len(bare) :]
    if _begins_pairs(bare):
        return Leaf(bare, "prefix", name)
    if "*" in ending and len(bare) >= PREFIX_LENGTH_MIN:
        return Leaf(bare, "prefix", name)
    if "~" in ending:
        return Leaf(bare, "fuzzy", name)
    return Leaf(bare, "word", name)
