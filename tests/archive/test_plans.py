"""What a list costs: a constant number of statements, and one walk along an index."""

from typing import Any

import pytest
import sqlalchemy as sa

from tests.conftest import Newsroom

SORTS = ["-published_at", "published_at", "-updated_at", "updated_at", "headline"]
FILTERS = ["", "tag=t", "author=a", "section=t"]


def statements_of(newsroom: Newsroom, path: str) -> list[tuple[str, Any]]:
    noted: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        noted.append((statement, parameters))

    sa.event.listen(newsroom.database.engine, "before_cursor_execute", note)
    assert newsroom.get(path).status_code == 200
    sa.event.remove(newsroom.database.engine, "before_cursor_execute", note)
    return [one for one in noted if not one[0].startswith("BEGIN")]


@pytest.fixture
def town(newsroom: Newsroom) -> Newsroom:
    newsroom.send("POST", "/v1/tags", {"name": "T", "kind": "section"})
    newsroom.make("authors", name="A")
    for _ in range(6):
        newsroom.article("Storm", tags=["t"], authors=["a"])
    return newsroom


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("/v1/articles/storm", 3),
        ("/v1/articles?limit=1", 3),
        ("/v1/articles?limit=6", 3),
        ("/v1/articles?limit=6&tag=t", 4),
        ("/v1/articles?limit=1&tag=t,u&author=a", 6),
        ("/v1/articles?limit=6&tag=t,u&author=a", 6),
        ("/v1/tags?article_count=true", 1),
    ],
)
def test_the_number_of_statements_does_not_depend_on_the_page(
    town: Newsroom, path: str, count: int
) -> None:
    assert len(statements_of(town, path)) == count


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("query", [*FILTERS, "language=en"])
@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
def test_a_list_under_one_filter_is_one_index_walk(town: Newsroom, sort: str, query: str) -> None:
    if query == "language=en" and not sort.endswith("published_at"):
        return
    first = f"/v1/articles?limit=2&sort={sort}&{query}"
    cursor = town.get(first).json()["page"]["next"]
    for path in (first, f"/v1/articles?cursor={cursor}"):
        for statement, parameters in statements_of(town, path):
            if "article.headline" not in statement:
                continue
            with town.database.reading() as session:
                explain = f"EXPLAIN QUERY PLAN {statement}"
                steps = session.connection().exec_driver_sql(explain, parameters).all()
            plan = [str(step[3]) for step in steps]
            assert not [step for step in plan if "TEMP B-TREE" in step], plan
            assert not [step for step in plan if "SCAN" in step and "INDEX" not in step], plan
