"""Settings: where they come from, what wins, and that a wrong one is said in one line."""

import os
from pathlib import Path
from typing import Any

import pytest

from app.settings import PREFIX, Settings, WrongSetting, load_settings

EXAMPLE = Path(__file__).parents[1] / ".env.example"


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No `.env` and no `BYLINE_*` but what the test gives."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)


def refusal(**overrides: Any) -> str:
    with pytest.raises(WrongSetting) as refused:
        load_settings(**overrides)
    said = str(refused.value)
    assert "\n" not in said
    return said


def test_everything_has_a_default_that_works() -> None:
    settings = load_settings()
    assert settings.effective_database_url == "sqlite:///byline.db"
    assert settings.site_url == "http://127.0.0.1:8000"
    assert settings.article_url_template == "http://127.0.0.1:8000/v1/articles/{slug}"
    assert settings.public_read


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("BYLINE_PORT=8001\nBYLINE_HOST=0.0.0.0\nBYLINE_WORKERS=2\n")
    monkeypatch.setenv("BYLINE_PORT", "8002")
    monkeypatch.setenv("BYLINE_HOST", "127.0.0.2")
    settings = load_settings(port=8003, host=None)
    assert (settings.port, settings.host, settings.workers) == (8003, "127.0.0.2", 2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "abc"),
        ("port", "0"),
        ("port", "65536"),
        ("workers", "0"),
        ("log_level", "loud"),
        ("log_format", "xml"),
        ("site_title", ""),
        ("language", "english language"),
        ("public_read", "perhaps"),
        ("base_url", "news.example.org"),
        ("base_url", "https://news.example.org/?a=1"),
        ("article_url", "https://news.example.org/articles"),
        ("article_url", "/articles/{slug}"),
        ("cors_origins", "https://example.org,https://example.org/path"),
        ("cache_max_age_seconds", "-1"),
        ("body_bytes_max", "1"),
        ("database_url", "mysql://localhost/byline"),
        ("database_url", "sqlite:///"),
        ("database_url", "sqlite:///:memory:"),
        ("database_url", "postgresql://localhost:port/byline"),
        ("database_wait_seconds", "0"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    variable = f"{PREFIX}{name.upper()}"
    monkeypatch.setenv(variable, value)
    said = refusal()
    assert said.startswith(f"{variable}: ")
    assert repr(value) in said or name == "cors_origins"


def test_a_wrong_address_is_told_without_its_password() -> None:
    said = refusal(database_url="mysql://byline:secret@localhost/byline")
    assert "BYLINE_DATABASE_URL" in said
    assert "secret" not in said


@pytest.mark.parametrize("name", ["BYLINE_PROT", "byline_prot", "BYLINE_"])
def test_a_name_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "8000")
    assert refusal().startswith(f"{name}: ")


def test_a_name_that_does_not_exist_is_refused_in_the_file_too() -> None:
    Path(".env").write_text("OTHER=1\nBYLINE_PROT=8000\n")
    assert refusal().startswith("BYLINE_PROT: ")


def test_names_of_other_programs_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "1")
    Path(".env").write_text("HOST=elsewhere\n")
    assert load_settings() == Settings()
    assert (load_settings().host, load_settings().port) == ("127.0.0.1", 8000)


def test_a_file_that_is_not_text_is_said_plainly() -> None:
    Path(".env").write_bytes(b"BYLINE_SITE_TITLE=\xff\xfe\n")
    assert refusal().startswith(".env: ")


@pytest.mark.parametrize(
    ("given", "site"),
    [
        ({"base_url": "https://news.example.org/"}, "https://news.example.org"),
        ({"base_url": "https://example.org/news/"}, "https://example.org/news"),
        ({"host": "0.0.0.0", "port": 80}, "http://localhost:80"),
        ({"host": "::", "port": 81}, "http://localhost:81"),
        ({"host": "::1", "port": 82}, "http://[::1]:82"),
    ],
)
def test_the_address_of_the_site_is_one_that_can_be_called(given: Any, site: str) -> None:
    assert load_settings(**given).site_url == site


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYLINE_CORS_ORIGINS", "https://a.example, http://localhost:3000,")
    assert load_settings().cors_origins == ["https://a.example", "http://localhost:3000"]


def test_the_database_lies_in_the_data_folder_unless_it_is_named() -> None:
    assert load_settings(data_dir="kept").effective_database_url == "sqlite:///kept/byline.db"
    named = load_settings(data_dir="kept", database_url="postgresql://localhost/byline")
    assert named.effective_database_url == "postgresql://localhost/byline"


def test_the_example_file_lists_every_setting_with_its_default() -> None:
    lines = [line.removeprefix("# ") for line in EXAMPLE.read_text().splitlines()]
    given = [line for line in lines if line.startswith(PREFIX)]
    names = {line.partition("=")[0] for line in given}
    assert names == {PREFIX + name.upper() for name in Settings.model_fields}
    Path(".env").write_text("\n".join(given))
    assert load_settings() == Settings(_env_file=None)


def test_readme_and_example_say_what_each_setting_is() -> None:
    example = EXAMPLE.read_text().splitlines()
    readme = EXAMPLE.with_name("README.md").read_text()
    for name, setting in Settings.model_fields.items():
        variable = PREFIX + name.upper()
        (place,) = (n for n, line in enumerate(example) if line.startswith(f"# {variable}="))
        value = example[place].partition("=")[2]
        assert f"| `{variable}` | {value and f'`{value}`'} | {setting.description}" in readme
        assert example[place - 1].startswith(f"# {setting.description}")
