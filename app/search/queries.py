"""Searching: one view of the index, one moment of the database, and the database has the last word."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session
from tantivy import Query

from app.access.visibility import Visibility
from app.archive.selection import Selection, status_column
from app.archive.tables import article, article_body, article_with_body
from app.articles.queries import View as ArticleView
from app.articles.queries import article_document, load_links
from app.changes.actions import former_state
from app.search.facets import count_facets
from app.search.filtering import FacetName, IndexSelection
from app.search.highlights import fragment, marked
from app.search.index import View, building_problem
from app.search.matching import Compiler, Limits
from app.search.models import SearchQuery
from app.search.query_language import Leaf, read_query
from app.search.ranking import Find, Ranking, by_date
from app.search.spelling import near_words

GONE_MAX = 5_000
"""Articles that left a state since the index last committed; an index further behind has to catch up."""
GUESSES_MAX = 30
MISSPELT_MAX = 5
"""A word in so many articles or fewer may be misspelt."""
RESPELT_MAX = 8
"""Misspelt words of a query for which others are looked for: each costs some thirty small counts."""
BETTER_BY = 10
"""How many times more articles another spelling must have, where the typed one has any."""


@dataclass(frozen=True)
class Found:
    """A page of finds, and what is said of all of them; `newest`: when the newest was published."""

    data: list[dict[str, Any]]
    total: int
    facets: dict[str, Any]
    did_you_mean: str | None
    newest: int | None = None


@dataclass(frozen=True)
class Asked:
    """What one caller asks of one view. `until`: nothing published after that is of the first page."""

    visibility: Visibility
    query: SearchQuery
    view: ArticleView
    limits: Limits
    article_url: str
    offset: int
    until: int | None


def search(session: Session, index: View, asked: Asked) -> Found:
    return _Search(session, index, asked).result()


class _Search:
    def __init__(self, session: Session, index: View, asked: Asked) -> None:
        self._session = session
        self._asked = asked
        self._selection = Selection(session, asked.visibility, asked.query)
        self._found = index_selection(index, self._selection, asked.until)
        self._typed = read_query(asked.query.q, asked.limits.words_max)
        self._compiler = Compiler(self._found, asked.limits)
        self._compiled = self._compiler.compiled(self._typed)
        self._ranking = Ranking(
            self._found,
            self._selection,
            self._compiler,
            self._typed.clauses,
            self._compiled,
            asked.limits.words_max,
            prefers_recent=asked.query.recent,
        )

    def result(self) -> Found:
        matching = self._compiled.matching()
        if matching is None:
            return Found([], 0, {name: [] for name in self._facets()}, None)
        finds, total = self._page(matching)
        facets = count_facets(self._session, self._found, matching, self._facets())
        is_first_of_more = self._asked.until is None and total > len(finds)
        newest = self._ranking.counted[1] if is_first_of_more else None
        return Found(self._documents(finds), total, facets, self._better_spelling(), newest)

    def _facets(self) -> list[FacetName]:
        asked = self._asked.query.facets
        return asked.split(",") if asked else []  # type: ignore[return-value]

    def _page(self, matching: Query) -> tuple[list[Find], int]:
        query, offset = self._asked.query, self._asked.offset
        if query.sort == "relevance" and self._typed.clauses:
            return self._ranking.page(offset, query.limit), self._ranking.total
        newest_first = query.sort != "published_at"
        ids, total = by_date(self._found, matching, offset, query.limit, newest_first=newest_first)
        finds = self._ranking.found_in(ids)
        return finds, total - (len(ids) - len(finds))

    def _documents(self, finds: Sequence[Find]) -> list[dict[str, Any]]:
        asked = self._asked
        columns = [*article.c, *article_body.c, status_column(asked.visibility.now).label("status")]
        ids = [find.id for find in finds]
        rows = {
            row.id: row
            for row in self._session.connection().execute(
                sa.select(*columns).select_from(article_with_body).where(article.c.id.in_(ids))
            )
        }
        links = load_links(self._session, ids)
        return [
            article_document(rows[find.id], links, asked.view, asked.visibility, asked.article_url)
            | {"score": find.score, "highlights": _highlights(rows[find.id], find)}
            for find in finds
        ]

    def _better_spelling(self) -> str | None:
        """What was typed with each word replaced that hardly any article has and another nearly like it.

        Only words that were typed are replaced, none that something else was expanded to.
        """
        better = self._asked.query.q
        typed = {leaf for clause in self._typed.clauses for leaf in clause.leaves}
        misspelt = (
            leaf
            for clause, frequency in self._ranking.frequencies.items()
            if frequency <= MISSPELT_MAX
            for leaf in clause.leaves
            if leaf.form == "word" and leaf in typed
        )
        for leaf in islice(misspelt, RESPELT_MAX):
            word = self._better_word(leaf)
            better = better.replace(leaf.text, word, 1) if word else better
        return better if better != self._asked.query.q else None

    def _better_word(self, leaf: Leaf) -> str | None:
        least = max(1, self._matching(leaf) * BETTER_BY)
        best: tuple[int, str] | None = None
        for word in near_words(self._found, leaf.text, GUESSES_MAX):
            count = self._matching(Leaf(word, "word", leaf.field))
            if count >= least and (best is None or count > best[0]):
                best = count, word
        return best[1] if best else None

    def _matching(self, leaf: Leaf) -> int:
        return self._found.count(self._found.within(self._compiler.leaf(leaf)))


def index_selection(index: View, selection: Selection, until: int | None = None) -> IndexSelection:
    """The selection in the index, without what the selection lost since the index last looked.

    Raises 503 where that is too much, as after a merge of many articles.
    """
    left = _left(index, selection)
    if not left:
        return IndexSelection(index, selection, until=until)
    everything = Selection(selection.session, selection.visibility, None, selection.entitlement)
    return IndexSelection(
        index,
        selection,
        gone=_no_more_in(selection, left),
        unseen=_no_more_in(everything, left),
        until=until,
    )


def _left(index: View, selection: Selection) -> set[str]:
    """Ids of articles that left any state since the index last looked."""
    connection = selection.session.connection()
    columns = former_state.c
    changed = (
        sa.select(columns.entity_id)
        .where(columns.sequence > index.place.sequence, columns.kind == "article")
        .distinct()
        .limit(GONE_MAX + 1)
    )
    ids = set(connection.scalars(changed))
    if len(ids) > GONE_MAX:
        raise building_problem()
    return ids


def _no_more_in(selection: Selection, ids: set[str]) -> set[str]:
    still = sa.select(article.c.id).where(article.c.id.in_(ids), *selection.conditions())
    return ids - set(selection.session.connection().scalars(still))


def _highlights(row: Any, find: Find) -> dict[str, str | None]:
    spans = find.spans
    return {
        "headline": marked(row.headline, spans["headline"]),
        "summary": marked(row.summary or "", spans["summary"]),
        "body": fragment(row.body_text or "", spans["body"]),
    }
