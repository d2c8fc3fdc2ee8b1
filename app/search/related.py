"""Articles like one: those that share the words that make it what it is, its tags and its authors."""

import math
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session
from tantivy import Occur, Query

from app.access.visibility import Visibility
from app.archive.selection import Selection, status_column
from app.archive.tables import article
from app.articles.queries import Links, View, load_links
from app.search import index as search_index
from app.search.filtering import IndexSelection
from app.search.languages import is_stop_word, language_of, terms, words
from app.search.queries import index_selection

READ_CHARACTERS = 5_000
HEADLINE_WEIGHT, SUMMARY_WEIGHT = 3, 2
LOOKED_AT_WORDS, SHARED_WORDS = 40, 20
TAG_WEIGHT, AUTHOR_WEIGHT = 1.0, 0.5
WORD_LENGTH_MIN = 3
CANDIDATES = 50


def related_articles(
    session: Session,
    index: search_index.View,
    visibility: Visibility,
    row: Any,
    view: View,
    limit: int,
) -> list[Any]:
    """The rows of up to `limit` articles that the caller may see, most like `row` first."""
    selection = Selection(session, visibility)
    found = index_selection(index, selection)
    shared = list(_shared(found, row, load_links(session, [row.id])))
    if not shared:
        return []
    itself = Query.term_query(index.schema, "id", row.id, "basic")
    like_it = Query.boolean_query(
        [*((Occur.Should, one) for one in shared), (Occur.MustNot, itself)]
    )
    shelves, _ = found.hits(like_it, CANDIDATES)
    scores = {one: round(score, 3) for score, one in chain(*shelves)}
    columns = [*view.columns, status_column(visibility.now).label("status")]
    rows = session.connection().execute(
        sa.select(*columns)
        .select_from(view.rows)
        .where(article.c.id.in_(scores), *selection.conditions())
    )
    best_first = sorted(rows, key=lambda one: (-scores[one.id], -one.sort_at.timestamp(), one.id))
    return best_first[:limit]


def _shared(found: IndexSelection, row: Any, links: Links) -> Iterator[Query]:
    """What others may share with it, each with what it is worth, whatever else is in the index."""
    schema = found.view.schema
    total = found.size
    field = f"text_{language_of(row.language)}"
    weighed = []
    for term, mentions in _telling_terms(row):
        query = Query.term_query(schema, field, term, "basic")
        worth = _worth(found.term_frequency(field, term), total) * mentions / (mentions + 1)
        weighed.append((worth, term, query))
    for worth, _, query in sorted(weighed, key=lambda one: (-one[0], one[1]))[:SHARED_WORDS]:
        yield Query.const_score_query(query, worth)
    for kind, named, share in (
        ("tag_id", links.tags, TAG_WEIGHT),
        ("author_id", links.authors, AUTHOR_WEIGHT),
    ):
        for one in named.get(row.id, []):
            query = Query.term_query(schema, kind, one["id"], "basic")
            worth = _worth(found.term_frequency(kind, one["id"]), total)
            yield Query.const_score_query(query, share * worth)


def _worth(matching: int, total: int) -> float:
    return math.log1p((max(total, matching) - matching + 0.5) / (matching + 0.5))


def _telling_terms(row: Any) -> list[tuple[str, int]]:
    """The terms that it mentions most, without stop words and numbers."""
    language = language_of(row.language)
    mentions = Counter[str]()
    for text, weight in (
        (row.headline, HEADLINE_WEIGHT),
        (row.summary, SUMMARY_WEIGHT),
        ((row.body_text or "")[:READ_CHARACTERS], 1),
    ):
        for word, count in Counter(words(text or "")).items():
            mentions[word] += count * weight
    counted = Counter[str]()
    for word, count in mentions.items():
        if len(word) >= WORD_LENGTH_MIN and not word.isdigit() and not is_stop_word(word, language):
            for term in terms(word, language):
                counted[term] += count
    return sorted(counted.items(), key=lambda one: (-one[1], one[0]))[:LOOKED_AT_WORDS]
