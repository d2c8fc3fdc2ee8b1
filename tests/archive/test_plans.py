"""What a list costs: a constant number of statements, and one walk along an index, however deep."""

import asyncio
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.archive import walks
from app.archive.former_states import end_states
from app.archive.models import Author, Tag
from app.archive.tables import article, article_author, article_body, article_tag
from app.changes.models import SequenceCounter
from app.db.columns import FAR_FUTURE, new_id, table
from app.db.database import Database
from app.express.postgresql_reader import read_together, types_of
from tests.conftest import Newsroom
from tests.databases import new_postgres_database

ARTICLES = 20_000
LIST = "/v1/articles"
SORTS = ["-published_at", "published_at", "-updated_at", "updated_at", "headline"]
FILTERS = ["", "tag=common", "tag=rare", "author=mara", "section=common", "language=en"]
MORE_FILTERS = [
    "exclude_tag=rare",
    "tag=common&exclude_tag=rare",
    # Walks side by side.
    "tag=common,other",
    "author=mara,jon",
    "section=common,rare",
    "language=de,en",
    # The rarest of these is walked.
    "tag=common&tag=other",
    "tag=rare&author=mara&language=en,de",
]
STATUSES = ["draft", "draft,withdrawn", "published,scheduled", "withdrawn,published"]
SORTED_BY = {"published_at": "sort_at", "updated_at": "updated_at", "headline": "headline_key"}
FEW = ("author=mara,jon", "section=common,rare", "status=draft")
"""Groups of so few of these articles that PostgreSQL may well put them in order."""
Statement = tuple[str, Any]


def statements_of(
    newsroom: Newsroom, path: str, key: dict[str, str] | None = None
) -> list[Statement]:
    """What the database is asked for one request, without the begin of the transaction."""
    noted: list[Statement] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        noted.append((statement, parameters))

    sa.event.listen(newsroom.database.engine, "before_cursor_execute", note)
    try:
        assert newsroom.long_way(path, key).status_code == 200
    finally:
        sa.event.remove(newsroom.database.engine, "before_cursor_execute", note)
    return [one for one in noted if not one[0].startswith("BEGIN")]


def walk_of(newsroom: Newsroom, path: str, key: dict[str, str] | None) -> Statement:
    """The statement that finds the articles of a page."""
    found = [
        one
        for one in statements_of(newsroom, path, key)
        if re.search(r"article\.headline\b", one[0])
    ]
    assert len(found) == 1
    return found[0]


def plan_of(newsroom: Newsroom, statement: Statement, *, sorts_few: bool = False) -> list[str]:
    """The steps of a statement; those of walks where PostgreSQL puts a few rows in order by choice."""
    sql, parameters = statement
    with newsroom.database.reading() as session:
        connection = session.connection()
        if newsroom.database.is_sqlite:
            steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters)
            return [str(step[3]) for step in steps]
        if sorts_few:  # told not to, it still does where there is no walk
            for name in ("sort", "incremental_sort", "bitmapscan"):
                connection.exec_driver_sql(f"SET LOCAL enable_{name} = off")
        return [str(step[0]) for step in connection.exec_driver_sql(f"EXPLAIN {sql}", parameters)]


def full_scans_and_sorts(plan: list[str]) -> list[str]:
    """The steps that look at every article, or at all before the first can be given.

    Walks side by side come to the ids of a page; SQLite then puts the articles of the page in order.
    """
    if "MERGE (UNION ALL)" in plan:
        plan = plan[: plan.index("SCAN anon_1")]
    scan = re.compile(r"SCAN (?!.*USING (COVERING )?INDEX)|Seq Scan on article")
    sort = re.compile(r"TEMP B-TREE|(^|-> +)(Incremental )?Sort ")
    return [step for step in plan if scan.search(step) or sort.search(step)]


def begins_at_the_cursor(plan: list[str], sort: str) -> bool:
    """Whether a plan goes to the place of the cursor by its index, instead of walking up to it.

    PostgreSQL walks up to it where the index is given another end on the same side as well. One of
    several walks may have nothing before the cursor, or behind it.
    """
    key = SORTED_BY[sort.removeprefix("-")]
    sqlite = re.compile(rf"USING .*INDEX .*\({key},(article_)?id\)[<>]")
    postgresql = re.compile(
        rf"Index Cond: .*ROW\(\(?(\w+\.)?{key}\)?(::text)?, (\w+\.)?(article_)?id\) (?P<way>[<>])"
    )

    def begins_there(step: str) -> bool:
        pair = postgresql.search(step)
        if pair is None:
            return bool(sqlite.search(step))
        return not re.search(rf"\(\(?(\w+\.)?{key}\)?(::text)? {pair['way']}", step)

    return any(map(begins_there, plan))


def cursor_in_the_middle(newsroom: Newsroom, query: str, key: dict[str, str] | None) -> str:
    """A cursor to go on with where some hundred articles are before and behind, or some pages."""
    page = newsroom.get(f"{LIST}?{query}&limit=10", key).json()["page"]
    cursor: str = page["next"]
    for _ in range(5):
        page = newsroom.get(f"{LIST}?cursor={cursor}&limit=100", key).json()["page"]
        if page["next"] is None:
            break
        cursor = page["next"]
    return cursor


def add_names(connection: sa.Connection, at: datetime) -> dict[str, str]:
    """Three tags and two authors; their ids by slug."""
    shared = {"version": 1, "created_at": at, "updated_at": at}
    ids = {slug: new_id() for slug in ("common", "rare", "other", "mara", "jon")}
    for number, (slug, one_id) in enumerate(ids.items()):
        one = {"id": one_id, "slug": slug, "name": slug, "name_key": slug, "sequence": number + 1}
        if slug in ("mara", "jon"):
            connection.execute(sa.insert(table(Author)), {**one, **shared, "links": []})
        else:
            kind = "section" if slug == "common" else "topic"
            connection.execute(sa.insert(table(Tag)), {**one, **shared, "kind": kind})
    return ids


def add_articles(connection: sa.Connection, ids: dict[str, str], start: datetime) -> None:
    articles, tags, authors = [], [], []
    for number in range(ARTICLES):
        at = start + timedelta(minutes=number * 37 % ARTICLES)
        is_draft = number % 8 == 0
        headline = f"Storm {number * 53 % ARTICLES:05}"
        keys = {
            "live": not is_draft,
            "sort_at": FAR_FUTURE if is_draft else at,
            "updated_at": start + timedelta(days=100, minutes=number * 91 % ARTICLES),
            "headline_key": headline.lower(),
            "sequence": number + 100,
        }
        language = "en" if number % 3 else "de"
        one = {
            "id": new_id(), "slug": f"storm-{number}", "headline": headline,
            "language": language, "language_key": language, "word_count": 0, "reading_minutes": 0,
            "corrections": [], "metadata": {}, "version": 1,
            "state_sequence": number + 100, "created_at": at, **keys,
            "released_at": None if is_draft else at, "published_at": None if is_draft else at,
        }  # fmt: skip
        articles.append(one)
        link = {"article_id": one["id"], "position": 0, **keys}
        for slug, is_one in (("common", number % 2), ("rare", number % 50 == 7), ("other", True)):
            if is_one:
                tags.append({**link, "tag_id": ids[slug], "is_section": slug == "common"})
        for slug, is_one in (("mara", number % 4), ("jon", number % 3 == 0)):
            if is_one:
                authors.append({**link, "author_id": ids[slug], "role": None})
    bodies = [{"article_id": one["id"]} for one in articles]
    for rows, values in (
        (article, articles),
        (article_body, bodies),
        (article_tag, tags),
        (article_author, authors),
    ):
        connection.execute(sa.insert(rows), values)


@pytest.fixture(scope="module")
def filled(migrated: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database to read: every second article has a common tag, every fiftieth a rare one; three
    of four are by one author, a third by another, two of three in English, one of eight is a draft.
    Nothing lies in the order that lists are in."""
    if migrated.startswith("sqlite"):
        copy = tmp_path_factory.mktemp("filled") / "byline.db"
        shutil.copy(migrated.removeprefix("sqlite:///"), copy)
        url = f"sqlite:///{copy}"
    else:
        url = new_postgres_database(migrated, template=True)
    database, start = Database(url), datetime(2020, 1, 1, tzinfo=UTC)
    with database.writing() as session:
        connection = session.connection()
        add_articles(connection, add_names(connection, start), start)
        # Half of the articles have been retagged once.
        retagged = sa.select(
            article.c.id.label("article_id"), (article.c.sequence + ARTICLES).label("number")
        )
        end_states(
            session,
            retagged.where(article.c.sequence % 2 == 0).subquery(),
            start,
            sa.literal("left_scope"),
        )
        connection.execute(sa.update(table(SequenceCounter)).values(value=2 * ARTICLES + 100))
        if not database.is_sqlite:
            connection.exec_driver_sql("ANALYZE")
    database.close()
    return url


@pytest.fixture
def archive(open_newsroom: Callable[..., Newsroom], filled: str) -> Newsroom:
    return open_newsroom(filled)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        # The articles, their authors, their tags.
        ("", 3),
        ("language=en", 3),
        ("published_since=2020-01-05T00:00:00Z&published_until=2020-01-10T00:00:00Z", 3),
        ("status=published", 3),
        ("fields=headline&body=html,text", 3),
        # And what the refs mean.
        ("tag=common", 4),
        ("tag=common,other", 4),
        ("tag=common&exclude_tag=rare", 4),
        ("section=common", 4),
        ("author=mara", 4),
        # And which of the things that are asked for is the rarest.
        ("updated_since=2020-04-12T00:00:00Z", 4),
        ("tag=common&tag=other", 5),
        ("tag=common&language=en", 5),
        ("tag=common&author=mara", 6),
        # And whether unknown refs were others before.
        ("tag=other,nothing", 5),
        # And the count, with its own reading of the refs.
        ("count=exact", 4),
        ("count=estimate", 4),
        ("tag=common&count=exact", 6),
    ],
)
def test_the_number_of_statements_does_not_depend_on_the_page(
    archive: Newsroom, query: str, count: int
) -> None:
    for limit in (1, 20, 100):
        first = f"{LIST}?limit={limit}&{query}"
        assert len(statements_of(archive, first)) == count
        cursor = archive.get(first).json()["page"]["next"]
        assert len(statements_of(archive, f"{LIST}?cursor={cursor}")) == count


def test_one_article_costs_three_statements_and_a_key_one_more(archive: Newsroom) -> None:
    by_id = archive.get(f"{LIST}/storm-1").json()["id"]
    for ref in ("storm-1", by_id, "storm-1?fields=headline", "storm-1?body=html,text"):
        assert len(statements_of(archive, f"{LIST}/{ref}")) == 3
        assert len(statements_of(archive, f"{LIST}/{ref}", archive.key("preview"))) == 4


@pytest.mark.parametrize("kind", ["tags", "authors"])
@pytest.mark.parametrize("query", ["", "article_count=true", "q=m", "sort=-updated_at"])
def test_a_list_of_names_costs_one_statement(archive: Newsroom, kind: str, query: str) -> None:
    for limit in (1, 100):
        assert len(statements_of(archive, f"/v1/{kind}?limit={limit}&{query}")) == 1


WALKED = [(query, scope) for query in FILTERS + MORE_FILTERS for scope in (None, "preview")]
WALKED += [
    (f"status={status}&{query}", "preview") for status in STATUSES for query in ("", "tag=other")
]


@pytest.mark.parametrize(("query", "scope"), WALKED)
def test_a_list_is_walks_along_indexes(archive: Newsroom, query: str, scope: str | None) -> None:
    key = archive.key(scope) if scope else None
    wrong = []
    for sort in SORTS:
        whole = f"sort={sort}&{query}"
        cursor = cursor_in_the_middle(archive, whole, key)
        back = archive.get(f"{LIST}?cursor={cursor}", key).json()["page"]["previous"]
        for name, page in (
            ("first", whole),
            ("deep", f"cursor={cursor}"),
            ("back", f"cursor={back}"),
        ):
            walk = walk_of(archive, f"{LIST}?limit=10&{page}", key)
            plan = plan_of(archive, walk, sorts_few=query.startswith(FEW))
            if full_scans_and_sorts(plan):
                wrong.append((sort, name, plan))
            if name != "first" and not begins_at_the_cursor(plan, sort):
                wrong.append((sort, name, plan))
    assert wrong == []


@pytest.mark.parametrize("query", FILTERS + MORE_FILTERS)
def test_lists_that_are_read_together_are_walked_alike(
    archive: Newsroom, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if archive.database.is_sqlite:
        pytest.skip("SQLite reads one after the other")
    reader, asked = archive.app.state.reader, list[Statement]()
    rows = reader.rows

    async def noting(sql: str, parameters: Any) -> Any:
        asked.append((sql, parameters))
        return await rows(sql, parameters)

    monkeypatch.setattr(reader, "rows", noting)

    async def plan(sql: str, parameters: Any) -> list[str]:
        connection = await reader._connect()
        if query.startswith(FEW):
            for name in ("sort", "incremental_sort", "bitmapscan"):
                await connection.execute(f"SET enable_{name} = off")
        types = await types_of(connection, sql)
        together, values = read_together(sql, types, [parameters] * 3)
        return [row[0] for row in await connection.fetch(f"EXPLAIN {together}", *values)]

    wrong = []
    for sort in SORTS:
        whole = f"sort={sort}&{query}"
        cursor = cursor_in_the_middle(archive, whole, None)
        for page in (whole, f"cursor={cursor}"):
            archive.get(f"{LIST}?limit=10&{page}")
            steps = asyncio.run(plan(*asked[-1]))
            assert "Function Scan on asked" in " ".join(steps)
            if full_scans_and_sorts(steps):
                wrong.append((page, steps))
            if page != whole and not begins_at_the_cursor(steps, sort):
                wrong.append((page, steps))
    assert wrong == []


def test_the_way_back_from_an_empty_page_goes_by_the_index_too(archive: Newsroom) -> None:
    last = cursor_in_the_middle(archive, "tag=common&sort=published_at", None)
    archive.clock.move(days=-10_000)
    page = archive.get(f"{LIST}?cursor={last}").json()
    assert page["data"] == []
    archive.clock.move(days=10_000)
    plan = plan_of(archive, walk_of(archive, f"{LIST}?cursor={page['page']['previous']}", None))
    assert full_scans_and_sorts(plan) == []
    assert begins_at_the_cursor(plan, "published_at")


@pytest.mark.parametrize("sort", SORTS)
def test_alternatives_are_walked_side_by_side_each_by_its_index(
    archive: Newsroom, sort: str
) -> None:
    index = f"ix_article_tag_live_{SORTED_BY[sort.removeprefix('-')]}"
    plan = plan_of(archive, walk_of(archive, f"{LIST}?limit=10&sort={sort}&tag=common,other", None))
    assert len([step for step in plan if index in step]) == 2
    assert full_scans_and_sorts(plan) == []


def steps_taken(newsroom: Newsroom, path: str, key: dict[str, str] | None = None) -> int:
    """How many steps SQLite's machine takes to find the articles of a page."""
    sql, parameters = walk_of(newsroom, path, key)
    with newsroom.database.reading() as session:
        connection = session.connection()
        driver: Any = connection.connection.dbapi_connection
        steps: list[None] = []
        driver.set_progress_handler(lambda: steps.append(None), 1)
        try:
            connection.exec_driver_sql(sql, parameters).all()
        finally:
            driver.set_progress_handler(None, 0)
    return len(steps)


def test_what_is_public_is_listed_past_no_drafts(newsroom: Newsroom) -> None:
    if not newsroom.database.is_sqlite:
        pytest.skip("only SQLite counts its steps; the index conditions are the same on both")
    newsroom.send("POST", "/v1/tags", {"name": "Common", "kind": "section"})
    for slug in ("mara", "jon"):
        newsroom.make("authors", name=slug)
    shared = {"tags": ["common"], "authors": ["mara"], "language": "en"}
    for number in range(8):
        newsroom.article(f"Middle {number}", **shared)
    filters = ("", "tag=common", "section=common", "author=mara", "author=mara,jon", "language=en")
    paths = [f"{LIST}?limit=4&sort={sort}&{query}" for sort in SORTS for query in filters]
    before = {path: steps_taken(newsroom, path) for path in paths}
    for number in range(30):
        newsroom.article(f"{'AZ'[number % 2]} draft", publish=False, **shared)
        withdrawn = newsroom.article(f"{'AZ'[number % 2]} withdrawn", **shared)
        path = f"{LIST}/{withdrawn['id']}/withdraw"
        assert newsroom.send("POST", path, {"reason": "wrong"}).status_code == 200
    assert {path: steps_taken(newsroom, path) for path in paths} == before


def test_previews_are_listed_past_few_drafts(newsroom: Newsroom) -> None:
    """By what has few articles of any kind, and of what is withdrawn or cannot be, by that alone."""
    if not newsroom.database.is_sqlite:
        pytest.skip("only SQLite counts its steps")
    for name in ("Drafts", "Big"):
        newsroom.send("POST", "/v1/tags", {"name": name, "kind": "topic"})
    key = newsroom.key("preview")
    newsroom.article("Both", tags=["drafts", "big"])
    for number in range(20):
        newsroom.article(f"Live {number}", tags=["big"])
    newsroom.article("Withdrawn")
    newsroom.send("POST", f"{LIST}/withdrawn/withdraw", {"reason": "wrong"})
    paths = [
        f"{LIST}?limit=4&{query}"
        for query in (
            "tag=drafts&tag=big",
            "status=withdrawn&sort=headline",
            "status=draft&status=published",
        )
    ]
    counts = []
    for times in range(2):
        for number in range(walks.STEPS_LOOKED_AHEAD + 50):
            newsroom.article(f"Draft {times} {number}", tags=["drafts"], publish=False)
        counts.append([steps_taken(newsroom, path, key) for path in paths])
    assert counts[0] == pytest.approx(counts[1], rel=0.2), counts


@pytest.mark.parametrize(
    ("query", "entitlement"),
    [
        ("tag=common&exclude_tag=common", {}),
        ("language=en&language=de", {}),
        ("section=common&section=rare", {}),
        ("tag=common", {"exclude_tag": ["common"]}),
        ("section=common", {"exclude_tag": ["common"]}),
        ("language=en", {"language": ["de"]}),
        ("section=common", {"section": ["rare"]}),
    ],
)
def test_what_nothing_can_be_is_not_looked_for(
    archive: Newsroom, query: str, entitlement: dict[str, Any]
) -> None:
    key = archive.key("read", entitlement={"articles": entitlement})
    for sort in SORTS:
        path = f"{LIST}?sort={sort}&{query}"
        found = archive.long_way(f"{path}&count=estimate", key).json()
        assert found["data"] == []
        assert (found["page"]["total"], found["page"]["total_kind"]) == (0, "exact")
        walk = walk_of(archive, path, key)
        if archive.database.is_sqlite:
            assert steps_taken(archive, path, key) < 100
        else:
            assert "One-Time Filter: false" in " ".join(plan_of(archive, walk))


@pytest.mark.parametrize("sort", SORTS)
def test_many_alternatives_are_gathered_to_the_same_list(
    archive: Newsroom, sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = f"{LIST}?limit=30&sort={sort}&tag=common,rare"
    merged = archive.long_way(first).json()
    second = f"{LIST}?cursor={merged['page']['next']}"
    merged_next = archive.long_way(second).json()
    monkeypatch.setattr("app.archive.selection.MERGED_MAX", 1)
    assert archive.long_way(first).json() == merged
    assert archive.long_way(second).json() == merged_next
    assert len(merged["data"]) == len(merged_next["data"]) == 30


CHANGES = "/v1/changes"


def cursor_behind(newsroom: Newsroom, query: str, key: dict[str, str] | None) -> str:
    """The cursor of a follower that has read a page, a while ago."""
    page = newsroom.get(f"{CHANGES}?{query}&limit=100", key).json()["page"]
    return str(page["next"])


def steps_by(plan: list[str], index: str) -> list[str]:
    return [step for step in plan if index in step]


@pytest.mark.parametrize("scope", [None, "preview"])
@pytest.mark.parametrize("query", FILTERS)
def test_a_page_of_changes_is_walks_along_indexes(
    archive: Newsroom, query: str, scope: str | None
) -> None:
    key = archive.key(scope) if scope else None
    cursor = cursor_behind(archive, query, key)
    path = f"{CHANGES}?{query}&limit=50&since={cursor}"
    walk = plan_of(archive, walk_of(archive, path, key))
    # What was over is found a batch at a time, and put in order batch by batch.
    whole = re.compile(r"SCAN former_state|Seq Scan on former_state")
    wrong = [walk] if full_scans_and_sorts(walk) else []
    for one in statements_of(archive, path, key):
        if "former_state" in one[0] and "LIMIT" in one[0]:
            plan = plan_of(archive, one)
            wrong += [plan for step in plan if whole.search(step) and "INDEX" not in step]
    index = {
        "tag": "ix_article_tag_sequence",
        "section": "ix_article_tag_sequence",
        "author": "ix_article_author_sequence",
        "language": "sequence_id",
        "": "ix_article_sequence_id",
    }
    assert steps_by(walk, index[query.partition("=")[0]])
    assert wrong == []


def test_the_statements_of_a_page_of_changes_are_counted(archive: Newsroom) -> None:
    cursor = cursor_behind(archive, "tag=common", None)
    counts = {
        limit: len(statements_of(archive, f"{CHANGES}?tag=common&limit={limit}&since={cursor}"))
        for limit in (1, 100, 500)
    }
    assert len(set(counts.values())) == 1, counts
