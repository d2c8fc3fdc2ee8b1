"""What was typed, compiled to queries of the index: by every language, or by those asked for."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tantivy import Query

from app.search.filtering import IndexSelection, both, either, without
from app.search.languages import is_stop_word, terms, words
from app.search.query_language import Clause, Leaf, TypedQuery
from app.search.spelling import near_words

PREFIX_TERMS_TIMES = 4
"""How many times more terms a prefix may stand for in all languages than in one: each term has to be
looked up, also where no article has it."""

FEW_TERMS = 16
"""So many are looked up one by one sooner than as a set, which costs as much as some thirty."""


@dataclass(frozen=True)
class Limits:
    """What bounds the work of one query. `prefix_terms_max` is of each language."""

    words_max: int
    prefix_terms_max: int
    fuzzy_terms_max: int


@dataclass(frozen=True)
class Compiled:
    """A typed query for one view.

    `required` must match, one of `optional` should where nothing is required, `excluded` must not.
    """

    required: tuple[Query, ...]
    optional: tuple[Query, ...]
    excluded: tuple[Query, ...]
    is_blank: bool

    def matching(self) -> Query | None:
        """What finds everything; None where there is nothing to find."""
        if self.required:
            found = both(*self.required, *self._optional_beside_required())
        elif self.optional:
            found = either(*self.optional)
        elif self.is_blank or self.excluded:
            found = Query.all_query()
        else:
            return None
        return without(found, *self.excluded)

    def holding_all(self) -> Query | None:
        """What finds those that hold everything, where that is fewer than those that match."""
        if len(self.optional) + bool(self.required) < 2:
            return None
        return without(both(*self.required, *self.optional), *self.excluded)

    def _optional_beside_required(self) -> Iterator[Query]:
        # They find nothing more, and put those that hold them ahead.
        if self.optional:
            yield either(*self.optional, Query.const_score_query(Query.all_query(), 0.0))


class Compiler:
    """Compiles what was typed, for one view and what one caller may see of it."""

    def __init__(self, found: IndexSelection, limits: Limits) -> None:
        self._found = found
        self._schema = found.view.schema
        self._limits = limits
        self._leaves: dict[Leaf, Query] = {}

    def compiled(self, typed: TypedQuery) -> Compiled:
        found = [(clause, self.clause(clause)) for clause in self.telling(typed.clauses)]
        return Compiled(
            tuple(query for clause, query in found if clause.must_match),
            tuple(query for clause, query in found if not clause.must_match),
            tuple(map(self.leaf, typed.excluded)),
            typed.is_blank,
        )

    def telling(self, clauses: Sequence[Clause]) -> list[Clause]:
        """The clauses without stop words, unless there is nothing else, and with near words spelt out."""
        telling = [one for one in clauses if not self._is_stop_word(one)] or clauses
        return [Clause(tuple(self._spelt_out(one))) for one in telling]

    def clause(self, clause: Clause) -> Query:
        return either(*map(self.leaf, clause.leaves))

    def leaf(self, leaf: Leaf) -> Query:
        """What finds one thing; nothing where it has no words in these languages."""
        if leaf not in self._leaves:
            found = list(self._finding(leaf))
            self._leaves[leaf] = either(*found) if found else Query.empty_query()
        return self._leaves[leaf]

    def _finding(self, leaf: Leaf) -> Iterator[Query]:
        if leaf.form == "prefix":
            yield from self._beginning(leaf)
        yield from self._exactly(leaf)

    def _exactly(self, leaf: Leaf) -> Iterator[Query]:
        for field, tokens in self._tokens(leaf):
            if len(tokens) == 1:
                yield Query.term_query(self._schema, field, tokens[0])
            elif tokens:
                yield Query.phrase_query(self._schema, field, list[str | tuple[int, str]](tokens))

    def _tokens(self, leaf: Leaf) -> Iterator[tuple[str, list[str]]]:
        """Where to look, and for which terms in a row."""
        many = self._limits.words_max
        if leaf.field in ("author", "tag"):
            yield f"{leaf.field}s", words(leaf.text)[:many]
            return
        name = leaf.field or "text"
        for language in self._found.languages:
            yield f"{name}_{language}", terms(leaf.text, language)[:many]

    def _beginning(self, leaf: Leaf) -> Iterator[Query]:
        beginnings = words(leaf.text)
        if len(beginnings) != 1:
            return
        each = self._limits.prefix_terms_max
        found = [
            (-count, field, term)
            for field, _ in self._tokens(leaf)
            for term, count in self._found.terms(field, beginnings[0], each)
        ]
        chosen = defaultdict[str, list[str]](list)
        for _, field, term in sorted(found)[: each * PREFIX_TERMS_TIMES]:
            chosen[field].append(term)
        for field, some in chosen.items():
            yield self._any_of(field, some)

    def _any_of(self, field: str, some: list[str]) -> Query:
        """What finds those with any of these terms, with the same score for each."""
        if len(some) > FEW_TERMS:
            return Query.term_set_query(self._schema, field, some)
        each = (Query.term_query(self._schema, field, term, "basic") for term in some)
        return Query.const_score_query(either(*each), 1.0)

    def _spelt_out(self, clause: Clause) -> Iterator[Leaf]:
        for leaf in clause.leaves:
            yield leaf
            if leaf.form == "fuzzy":
                for word in near_words(self._found, leaf.text, self._limits.fuzzy_terms_max):
                    yield Leaf(word, "word", leaf.field)

    def _is_stop_word(self, clause: Clause) -> bool:
        if any(leaf.form != "word" or leaf.field for leaf in clause.leaves):
            return False
        return all(
            len(typed := words(leaf.text)) == 1
            and any(is_stop_word(typed[0], language) for language in self._found.languages)
            for leaf in clause.leaves
        )
