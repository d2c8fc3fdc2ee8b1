"""`byline reindex`: the index made anew by hand."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from app.cli import main
from app.db.database import Database
from app.db.migrate import migrate
from app.main import create_app
from app.search.index import read_place
from tests.conftest import Newsroom, wait_until


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


def test_a_server_on_another_database_does_not(
    searching: Newsroom, environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searching.article("Ferry")
    searching.indexed()
    before = read_place(environment)
    monkeypatch.setenv("BYLINE_DATABASE_URL", f"sqlite:///{tmp_path / 'another.db'}")
    result = CliRunner().invoke(main, ["reindex"])
    assert result.exit_code == 1
    assert "give each database a BYLINE_DATA_DIR of its own" in result.output
    assert read_place(environment) == before


def test_a_server_beside_one_on_another_database_says_why_it_cannot_search(
    searching: Newsroom, environment: Path, tmp_path: Path
) -> None:
    searching.article("Ferry")
    searching.indexed()
    settings = searching.app.state.settings
    url = f"sqlite:///{tmp_path / 'another.db'}"
    migrate(Database(url))
    another = create_app(settings.model_copy(update={"database_url": url}))
    with capture_logs() as lines, TestClient(another) as client:
        wait_until(lambda: any("BYLINE_DATA_DIR" in line["event"] for line in lines))
        assert client.get("/v1/search?q=ferry").status_code == 503
        assert client.get("/v1/articles").status_code == 200
