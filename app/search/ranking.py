"""Putting finds in order: candidates by the index, the best of them by their own text.

Those that hold all that was asked for come before those that hold some. Of each of the two, the
index gives its best `WINDOW`, and with them the best of the last weeks; these are scored. What
comes after so many is in the order of the index.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import chain, zip_longest
from typing import Any

import sqlalchemy as sa
from tantivy import FieldType, Occur, Order, Query

from app.archive.selection import Selection
from app.archive.tables import article, article_body, article_with_body
from app.articles.queries import Links, load_links
from app.search.evidence import BODY_CHARACTERS_MAX, Finder, Span
from app.search.filtering import IndexSelection, without
from app.search.languages import language_of
from app.search.matching import Compiled, Compiler
from app.search.query_language import Clause
from app.search.schema import micros
from app.search.scoring import Rarity, end_of_hour, rarity, recency, relevance, shown_score

WINDOW = 60
RECENT_WINDOW, RECENT_SINCE = 20, timedelta(days=30)
_COLUMNS = [
    (article_body if name == "body_text" else article).c[name]
    for name in (
        "id", "headline", "subheadline", "summary", "byline", "body_text", "language",
        "word_count", "published_at", "sort_at",
    )
]  # fmt: skip


Spans = dict[str, list[Span]]
"""What matches, by the field in which it does."""


@dataclass(frozen=True)
class Find:
    """One article that was found: how well, and what matches where."""

    id: str
    score: float
    spans: Spans


class Ranking:
    """One query's finds, in order of relevance."""

    def __init__(
        self,
        found: IndexSelection,
        selection: Selection,
        compiler: Compiler,
        clauses: Sequence[Clause],
        compiled: Compiled,
        words_max: int,
        *,
        prefers_recent: bool,
    ) -> None:
        self._found = found
        self._selection = selection
        self._compiler = compiler
        self._clauses = compiler.telling(clauses)
        self._words_max = words_max
        self._prefers_recent = prefers_recent
        self._news_at = end_of_hour(selection.visibility.now)
        self._finders: dict[str, Finder] = {}
        self._compiled = compiled

    @cached_property
    def _tiers(self) -> list["_Tier"]:
        matching, all_of_it = self._compiled.matching(), self._compiled.holding_all()
        if matching is None:
            return []
        if all_of_it is None:
            return [_Tier(self, matching, holds_all=True)]
        total, _ = self.counted
        best = _Tier(self, all_of_it, holds_all=True)
        # To leave out a few by their ids is quicker than to ask again who holds everything.
        few = best.ids()
        held = all_of_it if few is None else self._found.with_ids(few)
        some = without(matching, held)
        return [best, _Tier(self, some, holds_all=False, total=total - best.total)]

    @cached_property
    def counted(self) -> tuple[int, int | None]:
        """How many there are in all, and when the newest was published, in microseconds."""
        matching = self._compiled.matching()
        if matching is None:
            return 0, None
        shelves, total = self._found.hits(matching, 1, order_by_field="sort_at")
        return total, max((moment for hits in shelves for moment, _ in hits), default=None)

    @property
    def total(self) -> int:
        return sum(tier.total for tier in self._tiers)

    def page(self, offset: int, limit: int) -> list[Find]:
        finds: list[Find] = []
        for tier in self._tiers:
            wanted = limit - len(finds)
            if wanted and offset < tier.total:
                finds += tier.page(offset, wanted)
            offset = max(0, offset - tier.total)
        return finds

    def found_in(self, ids: Sequence[str]) -> list[Find]:
        """Articles in the order given, for lists that are not in the order of relevance."""
        found = {one.id: one for one in self.scored(ids)}
        return [found[one] for one in ids if one in found]

    @cached_property
    def frequencies(self) -> dict[Clause, int]:
        """How many of the caller's articles match each clause that tells something."""
        return {one: self._found.frequency(self._compiler.clause(one)) for one in self._clauses}

    @cached_property
    def _rarity(self) -> Rarity:
        return rarity([self.frequencies[one] for one in self._clauses], self._found.size)

    def top(self, query: Query, limit: int) -> tuple[list[str], int]:
        """The ids of the best of each shelf by turns: their scores are of different measures."""
        shelves, total = self._found.hits(query, limit)
        turns = chain.from_iterable(zip_longest(*shelves))
        return list(dict.fromkeys(hit[1] for hit in turns if hit is not None)), total

    def recent(self, query: Query) -> list[str]:
        if not self._prefers_recent:
            return []
        view = self._found.view
        since = micros(self._news_at - RECENT_SINCE)
        lately = Query.range_query(view.schema, "sort_at", FieldType.Integer, since)
        both = Query.boolean_query(
            [(Occur.Must, query), (Occur.Must, Query.const_score_query(lately, 0.0))]
        )
        return self.top(both, RECENT_WINDOW)[0]

    def scored(self, ids: Collection[str], *, holds_all: bool | None = None) -> list[Find]:
        """Those of the articles that the database gives this caller, best first.

        `holds_all`: whether they hold all that was asked for, where the index has said so.
        """
        session = self._selection.session
        rows = (
            session.connection()
            .execute(
                sa.select(*_COLUMNS)
                .select_from(article_with_body)
                .where(article.c.id.in_(ids), *self._selection.conditions())
            )
            .all()
        )
        spans = {row.id: self._spans(row) for row in rows}
        # Names are looked at where the article's own text does not hold everything.
        partly = [row for row in rows if not self._is_held(spans[row.id])]
        links = load_links(session, [row.id for row in partly])
        for row in partly:
            spans[row.id]["names"] += self._spans_of_names(row, links)
        scored = [(self._score(row, spans[row.id]), row) for row in rows]
        scored.sort(key=lambda one: (-one[0], -one[1].sort_at.timestamp(), one[1].id))
        return [
            Find(
                row.id,
                shown_score(score, holds_all=self._holds_all(spans[row.id], holds_all)),
                spans[row.id],
            )
            for score, row in scored
        ]

    def _holds_all(self, spans: Spans, is_known: bool | None) -> bool:
        return is_known if is_known is not None else self._is_held(spans)

    def _is_held(self, spans: Spans) -> bool:
        held = {span.clause for found in spans.values() for span in found}
        return bool(held) and len(held) == len(self._clauses)

    def _score(self, row: Any, spans: Spans) -> float:
        score = relevance(spans, row.word_count, self._rarity)
        if self._prefers_recent:
            score *= recency(row.published_at, self._news_at)
        return score

    def _spans(self, row: Any) -> Spans:
        finder = self._finder(language_of(row.language))
        return {
            "headline": finder.spans(row.headline, "headline"),
            "subheadline": finder.spans(row.subheadline or ""),
            "summary": finder.spans(row.summary or ""),
            "names": finder.spans(row.byline or "", "author"),
            "body": finder.spans((row.body_text or "")[:BODY_CHARACTERS_MAX]),
        }

    def _spans_of_names(self, row: Any, links: Links) -> list[Span]:
        finder = self._finder(language_of(row.language))
        authors, tags = links.authors.get(row.id, []), links.tags.get(row.id, [])
        return [
            *finder.spans("\n".join(one["name"] for one in authors), "author"),
            *finder.spans("\n".join(one["name"] for one in tags), "tag"),
        ]

    def _finder(self, language: str) -> Finder:
        if language not in self._finders:
            self._finders[language] = Finder(self._clauses, language, self._words_max)
        return self._finders[language]


class _Tier:
    """Finds that hold all that was asked for, or that hold only some."""

    def __init__(
        self, ranking: Ranking, query: Query, *, holds_all: bool, total: int | None = None
    ) -> None:
        self._ranking = ranking
        self._query = query
        self._holds_all = holds_all
        self._scored: list[Find] | None = None
        self.total = self._best[1] if total is None else total

    @cached_property
    def _best(self) -> tuple[list[str], int]:
        return self._ranking.top(self._query, WINDOW)

    def ids(self) -> list[str] | None:
        """All of them, where they are few."""
        best, total = self._best
        return best if total <= len(best) else None

    def page(self, offset: int, limit: int) -> list[Find]:
        head = self._head()
        finds = head[offset : offset + limit]
        if len(finds) < limit and len(head) < self.total:
            finds += self._tail(max(0, offset - len(head)), limit - len(finds), head)
        return finds

    def _head(self) -> list[Find]:
        if self._scored is None:
            best = self._best[0]
            if self.total > len(best):
                best = [*best, *self._ranking.recent(self._query)]
            ids = set(best)
            self._scored = self._ranking.scored(ids, holds_all=self._holds_all)
            self.total -= len(ids) - len(self._scored)
        return self._scored

    def _tail(self, offset: int, limit: int, head: Sequence[Find]) -> list[Find]:
        best, _ = self._ranking.top(self._query, offset + limit + len(head))
        scored = {one.id for one in head}
        rest = [one for one in best if one not in scored]
        wanted = rest[offset : offset + limit]
        finds = {one.id: one for one in self._ranking.scored(wanted, holds_all=self._holds_all)}
        return [finds[one] for one in wanted if one in finds]


def by_date(
    found: IndexSelection, query: Query, offset: int, limit: int, *, newest_first: bool
) -> tuple[list[str], int]:
    """A page of ids in the order of publication, and how many there are in all."""
    order = Order.Desc if newest_first else Order.Asc
    # Of two shelves, what comes before is known only once both are side by side.
    skipped = offset if len(found.shelves) == 1 else 0
    left = offset - skipped
    how: dict[str, Any] = {"offset": skipped, "order_by_field": "sort_at", "order": order}
    shelves, total = found.hits(query, left + limit, **how)
    hits = sorted(chain(*shelves), key=lambda hit: hit[0], reverse=newest_first)
    return list(dict.fromkeys(one for _, one in hits))[left : left + limit], total
