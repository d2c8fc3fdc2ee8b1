"""`byline reindex`: the index made anew by hand."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from app.search.index import read_place
from tests.conftest import Newsroom


@pytest.fixture
def environment(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BYLINE_DATABASE_URL", database_url)
    monkeypatch.setenv("BYLINE_DATA_DIR", str(tmp_path))
    return tmp_path / "search"


def reindex() -> str:
    result = CliRunner().invoke(main, ["reindex"])
    assert result.exit_code == 0, result.output
    return result.output


def test_it_makes_the_index_where_no_server_runs(newsroom: Newsroom, environment: Path) -> None:
    newsroom.article("Ferry one")
    newsroom.article("Ferry two")
    assert "The search index has 2 articles." in reindex()
    before = read_place(environment)
    assert "The search index has 2 articles." in reindex()
    after = read_place(environment)
    assert before is not None
    assert after is not None
    assert before.generation != after.generation
    assert len([one for one in environment.iterdir() if one.is_dir()]) == 1


def test_a_server_that_runs_does_it(searching: Newsroom, environment: Path) -> None:
    searching.article("Ferry")
    searching.indexed()
    before = read_place(environment)
    output = reindex()
    assert "A server keeps this index" in output
    assert "The search index has 1 articles." in output
    after = read_place(environment)
    assert before is not None
    assert after is not None
    assert before.generation != after.generation
    assert searching.found("ferry") == ["Ferry"]
