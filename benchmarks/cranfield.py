"""Measures how relevant what the search finds is, by the judgements of Cranfield, and prints a table.

`uv run python -m benchmarks.cranfield FOLDER`

The folder has `cran.all.1400`, `cran.qry` and `cranqrel`. Each abstract becomes an article, and each
question is typed as it stands. Beside it stands what Tantivy finds by itself: BM25 over title and
text in one field, with English stemming. The constants of the ranking were chosen with all questions
in view, so neither half is held out; they are shown apart to see whether both move alike. The code -1
counts as not relevant.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from ir_measures import AP, R, calc_aggregate, nDCG
from tantivy import (
    Document,
    Filter,
    Index,
    Occur,
    Query,
    SchemaBuilder,
    TextAnalyzerBuilder,
    Tokenizer,
)

from app.access.actions import database_id
from app.access.caller import newsroom
from app.access.visibility import Visibility
from app.articles.creation import create_article
from app.articles.models import ArticleCreate, Body
from app.articles.queries import view_of
from app.articles.submissions import submission
from app.db.database import Database
from app.db.migrate import migrate
from app.search.follower import Keeper
from app.search.index import SearchIndex
from app.search.matching import Limits
from app.search.models import SearchQuery
from app.search.queries import Asked, search
from app.settings import Settings

DEPTH = 100
MEASURES = {"nDCG@10": nDCG @ 10, "MAP": AP, "recall@100": R @ DEPTH}
WRITTEN = datetime(2026, 11, 1, tzinfo=UTC)
_PARTS = re.compile(r"\.T\n(.*?)\.A\n(.*?)\.B\n.*?\.W\n(.*)", re.DOTALL)
Search = Callable[[str], list[str]]
"""Finds the numbers of documents, best first."""


@dataclass(frozen=True)
class Abstract:
    title: str
    author: str
    text: str


@dataclass(frozen=True)
class Collection:
    """Abstracts and questions by their numbers; `judged`: by question and abstract, 4 is best."""

    abstracts: dict[str, Abstract]
    questions: dict[str, str]
    judged: dict[str, dict[str, int]]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    collection = read_collection(Path(sys.argv[1]))
    print(
        f"{len(collection.abstracts):,} abstracts, {len(collection.questions)} questions\n\n"
        f"| | {' | '.join(MEASURES)} |\n|---|{'---:|' * len(MEASURES)}"
    )
    with (
        TemporaryDirectory(prefix="byline-cranfield-") as folder,
        byline_search(collection.abstracts, Path(folder)) as find,
    ):
        _print_rows("Byline", collection, find)
    _print_rows("Tantivy's BM25", collection, plain_search(collection.abstracts))


def read_collection(folder: Path) -> Collection:
    """What the three files hold. Judgements name a question by its place, not by its number."""
    abstracts = {number: _abstract(text) for number, text in _entries(folder / "cran.all.1400")}
    asked = [text.removeprefix(".W\n") for _, text in _entries(folder / "cran.qry")]
    questions = {str(place): " ".join(text.split()) for place, text in enumerate(asked, 1)}
    judged: dict[str, dict[str, int]] = {}
    for line in (folder / "cranqrel").read_text().splitlines():
        question, abstract, code = line.split()
        judged.setdefault(question, {})[abstract] = _relevance(int(code))
    return Collection(abstracts, questions, judged)


def _entries(file: Path) -> Iterator[tuple[str, str]]:
    for entry in re.split(r"^\.I ", file.read_text(), flags=re.MULTILINE)[1:]:
        number, _, text = entry.partition("\n")
        yield number.strip(), text


def _abstract(text: str) -> Abstract:
    parts = _PARTS.match(text)
    assert parts is not None
    title, author, body = (" ".join(part.split()) for part in parts.groups())
    return Abstract(title, author, body.removeprefix(title).strip())


def _relevance(code: int) -> int:
    """From 4 for the code 1, a complete answer, to 1 for 4, of minimum interest; -1 and 5 are none."""
    return 5 - code if 1 <= code <= 4 else 0


@contextmanager
def byline_search(abstracts: Mapping[str, Abstract], folder: Path) -> Iterator[Search]:
    """The search over a new archive, as anybody may ask it."""
    settings = Settings(database_url=f"sqlite:///{folder / 'byline.db'}", data_dir=folder)
    database = Database(settings.effective_database_url)
    migrate(database)
    numbers = _fill(database, abstracts)
    index = _index(database, settings)

    def find(question: str) -> list[str]:
        with database.reading() as session:
            found = search(session, index.view(), _asked(question, settings))
        return [numbers[find["id"]] for find in found.data]

    yield find
    database.close()


def _fill(database: Database, abstracts: Mapping[str, Abstract]) -> dict[str, str]:
    """Publishes the abstracts; their numbers by the ids of their articles. Two are empty."""
    numbers = {}
    with database.writing() as session:
        for number, abstract in abstracts.items():
            if abstract.title:
                sent = submission(_article(abstract), language="en", publish=True)
                numbers[create_article(session, newsroom(WRITTEN), sent).id] = number
    return numbers


def _article(abstract: Abstract) -> ArticleCreate:
    body = Body(format="text", source=abstract.text)
    return ArticleCreate(headline=abstract.title, byline=abstract.author, body=body)


def _index(database: Database, settings: Settings) -> SearchIndex:
    index = SearchIndex(settings.search_dir, database_id(database))
    keeper = Keeper(index, database, lambda: WRITTEN, settings.search_memory_bytes)
    with keeper.locked():
        keeper.open(lambda _: None)
        keeper.close()
    return index


def _asked(question: str, settings: Settings) -> Asked:
    limits = Limits(
        settings.search_words_max,
        settings.search_prefix_terms_max,
        settings.search_fuzzy_terms_max,
    )
    query = SearchQuery(q=question, limit=DEPTH, recent=False)
    return Asked(Visibility(WRITTEN), query, view_of("id", None), limits, "", 0, None)


def plain_search(abstracts: Mapping[str, Abstract]) -> Search:
    """Tantivy by itself: any of the words, with its own weights."""
    words = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.lowercase())
    english = words.filter(Filter.stemmer("english")).build()
    builder = SchemaBuilder().add_text_field("number", stored=True, tokenizer_name="raw")
    schema = builder.add_text_field("text", tokenizer_name="english").build()
    index = Index(schema)
    index.register_tokenizer("english", english)
    writer = index.writer(num_threads=1)
    for number, abstract in abstracts.items():
        writer.add_document(Document(number=number, text=f"{abstract.title} {abstract.text}"))
    writer.commit()
    index.reload()
    searcher = index.searcher()

    def find(question: str) -> list[str]:
        terms = dict.fromkeys(english.analyze(question))
        some = [(Occur.Should, Query.term_query(schema, "text", term)) for term in terms]
        hits = searcher.search(Query.boolean_query(some), DEPTH).hits
        return [str(searcher.doc(address).get_first("number")) for _, address in hits]

    return find


def _print_rows(name: str, collection: Collection, find: Search) -> None:
    run = {
        question: {number: -float(rank) for rank, number in enumerate(find(text))}
        for question, text in collection.questions.items()
    }
    for some, rest in (("all", (0, 1)), ("even", (0,)), ("odd", (1,))):
        judged = {one: of for one, of in collection.judged.items() if int(one) % 2 in rest}
        found = calc_aggregate(MEASURES.values(), judged, {one: run[one] for one in judged})
        figures = " | ".join(f"{found[measure]:.3f}" for measure in MEASURES.values())
        print(f"| {name}, {some} questions | {figures} |")


if __name__ == "__main__":
    main()
