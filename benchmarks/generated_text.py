"""Generated news whose words are as frequent as those of real news, for what looks at words.

A made-up vocabulary follows the law of Zipf and Mandelbrot; English stop words are its most
frequent ones. A body repeats its few topic words. Names are on top: each stands in about ten
headlines, as in real news, where most words are rare. Rendered and written bodies are left out, so
that the file stays small; nothing that is searched comes from them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import accumulate
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.access.caller import newsroom
from app.archive.shapes import TagKind
from app.authors.actions import create_author
from app.authors.models import AuthorCreate
from app.changes.actions import take_numbers
from app.db.database import Database
from app.tags.actions import create_tag
from app.tags.models import TagCreate
from benchmarks.generated_archive import NEWEST, Row, article_row, credit, insert_articles, tidy

VOCABULARY, COMMONEST_SHIFT = 200_000, 2.7
AUTHORS, TAGS, TAGS_AN_ARTICLE, SECTION_ONE_OF = 500, 3_000, 3, 20
HEADLINE_WORDS, SUMMARY_WORDS, PARAGRAPH_WORDS, SENTENCE_WORDS = 8, 25, 60, 15
BODIES, TOPIC_WORDS, TOPIC_MENTIONS = 20_000, 3, (2, 7)
TOPIC_RANKS = (300, 40_000)
ARTICLES_A_NAME = 10
YEARS = 20
ARTICLES_A_BATCH = 2_000

_STOP_WORDS = [
    "the",
    "of",
    "to",
    "and",
    "a",
    "in",
    "that",
    "is",
    "was",
    "for",
    "it",
    "with",
    "as",
    "on",
    "be",
    "at",
    "by",
    "this",
    "are",
    "but",
    "they",
    "an",
    "will",
    "not",
    "or",
    "there",
    "their",
    "no",
    "if",
    "into",
    "then",
    "such",
    "these",
]
_BEGINNINGS = [
    "b",
    "br",
    "c",
    "ch",
    "d",
    "dr",
    "f",
    "fl",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "kl",
    "l",
    "m",
    "n",
    "p",
    "pr",
    "r",
    "s",
    "sh",
    "st",
    "t",
    "tr",
    "v",
    "w",
    "z",
]
_MIDDLES = ["a", "a", "e", "e", "i", "i", "o", "o", "u", "ea", "ou"]
_ENDS = ["", "", "", "", "", "l", "m", "n", "r", "s", "t"]


def vocabulary(count: int = VOCABULARY) -> list[str]:
    """So many different words, the most frequent first; frequent ones are short."""
    return [*_STOP_WORDS, *_made_up(Random(2), count - len(_STOP_WORDS), 2)]


def names(count: int) -> list[str]:
    """So many words that are in no vocabulary."""
    return [f"{word}ov" for word in _made_up(Random(3), count, 4)]


def _made_up(random: Random, count: int, syllables: int) -> Iterator[str]:
    known: set[str] = set(_STOP_WORDS)
    while count:
        longer = random.random() < min(0.9, len(known) / 4_000)
        word = "".join(_syllable(random) for _ in range(syllables + longer))
        if word not in known:
            known.add(word)
            count -= 1
            yield word


def _syllable(random: Random) -> str:
    return random.choice(_BEGINNINGS) + random.choice(_MIDDLES) + random.choice(_ENDS)


def _zipf(count: int, shift: float = 0.0) -> list[float]:
    """The cumulated weights of ranks."""
    return list(accumulate(1 / (rank + shift) for rank in range(1, count + 1)))


class NewsText:
    """Headlines, summaries and bodies of so many words."""

    def __init__(self, articles: int, body_words: int) -> None:
        self._random = Random(1)
        self._words = vocabulary()
        self._weights = _zipf(VOCABULARY, COMMONEST_SHIFT)
        self._names = names(max(1, articles // ARTICLES_A_NAME))
        self._bodies = [self._body(body_words) for _ in range(min(BODIES, articles))]

    def texts(self) -> Row:
        """What an article says: a body in a new order, with a paragraph of another."""
        random = self._random
        topics, paragraphs = random.choice(self._bodies)
        _, others = random.choice(self._bodies)
        body = [*random.sample(paragraphs, len(paragraphs) - 1), random.choice(others)]
        headline = [random.choice(topics), *self._some(HEADLINE_WORDS - 1)]
        random.shuffle(headline)
        headline.append(random.choice(self._names))
        summary = [*topics, *self._some(SUMMARY_WORDS - len(topics))]
        text = "\n\n".join(body)
        return {
            "headline": " ".join(headline).capitalize(),
            "summary": _sentence(summary),
            "body_format": "html",
            "body_source": "",
            "body_html": "",
            "body_text": text,
            "word_count": text.count(" ") + len(body),
        }

    def name(self) -> str:
        """A name of two words, for an author or a tag."""
        return " ".join(self._random.choices(self._words, k=2)).title()

    def _some(self, count: int) -> list[str]:
        return self._random.choices(self._words, cum_weights=self._weights, k=count)

    def _body(self, count: int) -> tuple[list[str], list[str]]:
        """Its topic words, which are mentioned again and again, and its paragraphs."""
        random = self._random
        topics = [self._words[random.randint(*TOPIC_RANKS)] for _ in range(TOPIC_WORDS)]
        written = self._some(count)
        for topic in topics:
            for _ in range(random.randint(*TOPIC_MENTIONS)):
                written[random.randrange(count)] = topic
        cuts = range(0, count, PARAGRAPH_WORDS)
        return topics, [_paragraph(written[at : at + PARAGRAPH_WORDS]) for at in cuts]


def _paragraph(written: list[str]) -> str:
    cuts = range(0, len(written), SENTENCE_WORDS)
    return " ".join(_sentence(written[at : at + SENTENCE_WORDS]) for at in cuts)


def _sentence(written: list[str]) -> str:
    return f"{' '.join(written).capitalize()}."


def fill(database: Database, articles: int, body_words: int) -> None:
    """Adds authors, tags and so many published articles, over twenty years, oldest first."""
    random, text = Random(4), NewsText(articles, body_words)
    with database.writing() as session:
        authors, tags = _add_names(session, text)
    apart = timedelta(days=365.25 * YEARS) / articles
    with _indexed_afterwards(database):
        for first in range(0, articles, ARTICLES_A_BATCH):
            numbers = range(first, min(first + ARTICLES_A_BATCH, articles))
            with database.writing() as session:
                sequence = take_numbers(session, len(numbers), at=NEWEST) - first
                rows = [
                    article_row(
                        number, sequence, NEWEST - apart * (articles - number), text.texts()
                    )
                    for number in numbers
                ]
                _insert(session, rows, authors, tags, random)
    tidy(database)


def _insert(
    session: Session, rows: list[Row], authors: list[str], tags: "_Tags", random: Random
) -> None:
    writers = [[credit(random.choice(authors))] for _ in rows]
    insert_articles(session, rows, writers, [list(tags.some(random)) for _ in rows])


class _Tags:
    def __init__(self, made: list[tuple[str, bool]]) -> None:
        self._made = made
        self._weights = _zipf(len(made))

    def some(self, random: Random) -> Iterator[Row]:
        chosen: dict[str, bool] = {}
        while len(chosen) < TAGS_AN_ARTICLE:
            chosen.update(random.choices(self._made, cum_weights=self._weights))
        section = next((one for one, is_section in chosen.items() if is_section), None)
        for position, tag_id in enumerate(chosen):
            yield {"tag_id": tag_id, "position": position, "is_section": tag_id == section}


def _add_names(session: Session, text: NewsText) -> tuple[list[str], _Tags]:
    editor, authors, tags = newsroom(NEWEST), [], []
    for number in range(AUTHORS):
        author = AuthorCreate(slug=f"author-{number}", name=text.name())
        authors.append(create_author(session, editor, author).id)
    for number in range(TAGS):
        kind: TagKind = "topic" if number % SECTION_ONE_OF else "section"
        tag = TagCreate(slug=f"tag-{number}", name=text.name(), kind=kind)
        tags.append((create_tag(session, editor, tag).id, kind == "section"))
    return authors, _Tags(tags)


@contextmanager
def _indexed_afterwards(database: Database) -> Iterator[None]:
    """Takes SQLite's secondary indexes away meanwhile: making them at the end is far quicker."""
    if not database.is_sqlite:
        yield
        return
    indexes = sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL")
    with database.reading() as session:
        made: list[Any] = list(session.connection().execute(indexes))
    with database.writing() as session:
        for name, _ in made:
            session.connection().exec_driver_sql(f'DROP INDEX "{name}"')
    yield
    for _, statement in made:
        with database.writing() as session:
            session.connection().exec_driver_sql(statement)
