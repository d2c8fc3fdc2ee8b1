"""What the index holds of an article, and the fingerprint by which an outdated one is known."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any, Literal

from tantivy import Document, Index, Schema, SchemaBuilder, TextAnalyzerBuilder, Tokenizer

from app.articles.queries import Links
from app.search.languages import LANGUAGES, analyzer, language_of, plain_analyzer, prepared

TEXTS = tuple(f"text_{language}" for language in LANGUAGES)
HEADLINES = tuple(f"headline_{language}" for language in LANGUAGES)
KEYWORDS = ("language", "kind", "tag_id", "section_id", "author_id")
"""Exact values that are filtered by and counted."""
MOMENTS = ("sort_at", "published_at", "embargoed_until", "expires_at", "updated_at")
"""Times in microseconds since 1970; absent where there is none."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HEADLINE_WEIGHT = 2
START_LENGTH_MAX = 6
"""Letters of a headline's beginning that are terms; more would be as many terms as headlines."""
Audience = Literal["public", "clocked", "closed"]
SHELVES = ("public", "hidden")
"""The two indexes of a generation: what everybody may see has one of its own, so that nothing hidden
has a part in what is found there, in which order, or in what is counted."""


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def build_schema() -> Schema:
    """`text_*` is everything that is searched, in the field of its language; each article has one.

    `words` has what a vocabulary is made of, `start` the beginnings of the headline. `audience`
    is what the clock can still change about who sees it.
    """
    builder = SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    for language in LANGUAGES:
        builder.add_text_field(f"text_{language}", tokenizer_name=language)
        builder.add_text_field(f"headline_{language}", tokenizer_name=language)
    for name in ("words", "authors", "tags"):
        option = "basic" if name == "words" else "position"
        builder.add_text_field(name, tokenizer_name="plain", index_option=option)
    builder.add_text_field("start", tokenizer_name="start", index_option="basic")
    for name in ("analyzed_as", "audience", "state"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in KEYWORDS:
        builder.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    for name in (*MOMENTS, "year"):
        builder.add_integer_field(name, fast=True)
    return builder.build()


def register_analyzers(index: Index) -> None:
    for language in LANGUAGES:
        index.register_tokenizer(language, analyzer(language))
    index.register_tokenizer("plain", plain_analyzer())
    starts = Tokenizer.ngram(1, START_LENGTH_MAX, prefix_only=True)
    index.register_tokenizer("start", TextAnalyzerBuilder(starts).build())


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()


STRUCTURE_NUMBER, RULES_NUMBER = "2", "2"
STRUCTURE = _digest(STRUCTURE_NUMBER, *LANGUAGES, *KEYWORDS, *MOMENTS)
"""Which fields there are: an index with others cannot be asked. Count the number up for new ones."""
RULES = _digest(RULES_NUMBER, STRUCTURE, version("tantivy"))
"""How text becomes terms and rows documents: an index made by other rules answers until it is made
anew. Count the number up when they change; a test notices."""


def index_document(row: Any, links: Links, now: datetime) -> Document:
    """An article as the index has it. What the clock says of it is as of `now`."""
    language = language_of(row.language)
    authors, tags = links.authors.get(row.id, []), links.tags.get(row.id, [])
    headline = prepared(row.headline, language, to_index=True)
    texts = [prepared(text, language, to_index=True) for text in _texts(row)]
    names = [prepared(one["name"], to_index=True) for one in (*authors, *tags)]
    fields: dict[str, Any] = {
        "id": row.id,
        f"text_{language}": [headline] * HEADLINE_WEIGHT + texts + names,
        f"headline_{language}": headline,
        "words": [headline, *map(prepared, filter(None, (row.subheadline, row.summary))), *names],
        "start": row.headline_key[:START_LENGTH_MAX],
        "analyzed_as": language,
        "audience": _audience(row, now),
        "state": _state(row),
        "language": row.language_key,
    }
    if authors:
        fields["authors"] = [one[name] for one in authors for name in ("name", "slug")]
        fields["author_id"] = [one["id"] for one in authors]
    if tags:
        fields["tags"] = [one[name] for one in tags for name in ("name", "slug")]
        fields["tag_id"] = [one["id"] for one in tags]
        fields["kind"] = list({one["kind"] for one in tags})
    if row.id in links.sections:
        fields["section_id"] = links.sections[row.id]["id"]
    for name in MOMENTS:
        moment = getattr(row, name)
        if moment is not None:
            fields[name] = micros(moment)
    if row.published_at is not None:
        fields["year"] = row.published_at.year
    return Document(**fields)


def _texts(row: Any) -> Iterator[str]:
    for text in (row.subheadline, row.summary, row.byline, row.body_text):
        if text:
            yield text


def is_public(row: Any, now: datetime) -> bool:
    """Whether everybody may see an article at this moment."""
    later = (row.sort_at, row.embargoed_until)
    return _audience(row, now) != "closed" and not any(at is not None and at > now for at in later)


def _audience(row: Any, now: datetime) -> Audience:
    if not row.live or (row.expires_at is not None and row.expires_at <= now):
        return "closed"
    later = (row.sort_at, row.embargoed_until, row.expires_at)
    return "clocked" if any(at is not None and at > now for at in later) else "public"


def _state(row: Any) -> str:
    if row.live:
        return "live"
    return "withdrawn" if row.withdrawn_at is not None else "draft"
