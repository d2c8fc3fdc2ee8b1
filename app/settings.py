"""Every setting of Byline: a `BYLINE_*` variable or a line in `.env`, typed, with its unit in the name."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

PREFIX = "BYLINE_"
ENV_FILE = ".env"
_SITE = re.compile(r"https?://[^\s/?#]+[^\s?#]*")
HTTP_ADDRESS = re.compile(r"https?://[^\s/?#]+\S*")
_ORIGIN = re.compile(r"\*|[a-z][a-z0-9+.-]*://[^\s/?#]+")
_PASSWORD = re.compile(r"(?<=://).*@")


class WrongSetting(Exception):
    """A setting cannot be used; the message is one line that says which, why and what it was."""


def _comma_separated(value: Any) -> Any:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _zero_when_empty(value: Any) -> Any:
    return 0 if value == "" else value


class Settings(BaseSettings):
    """How this Byline is set up. Every field has a working default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=ENV_FILE, env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    database_url: str = Field(
        "", description="`sqlite:///file` or `postgresql://…`; `byline.db` in the data folder."
    )
    data_dir: Path = Field(
        Path("."), description="Folder for the files that Byline keeps itself, of one database."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    workers: int = Field(1, ge=1, le=256, description="Server processes.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe message that is logged."
    )
    log_format: Literal["console", "json"] = Field("console", description="How a log line looks.")
    metrics: bool = Field(
        default=False, description="`/metrics` shows the figures of the process, without a key."
    )

    site_title: str = Field("Byline", min_length=1, description="Name of the publication.")
    base_url: str = Field("", description="Where clients reach this server, without a final slash.")
    article_url: str = Field(
        "", description="An article's public page, with `{slug}`; its API address when not given."
    )
    logo_url: str = Field("", description="The publication's logo, for feeds and search engines.")
    websub_hub: str = Field(
        "", description="WebSub hub that is told when the feeds change, and that feeds name."
    )
    language: str = Field(
        "en",
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        description="BCP 47; for articles that name none.",
    )

    public_read: bool = Field(
        default=True, description="Published content is readable without a key."
    )
    cors_origins: Annotated[list[str], NoDecode, BeforeValidator(_comma_separated)] = Field(
        ["*"], description="Origins whose pages may call the API, comma separated; `*` is any."
    )
    cache_max_age_seconds: int = Field(
        0, ge=0, le=86_400, description="How long shared caches may answer without asking again."
    )

    response_cache_bytes: int = Field(
        24_000_000,
        ge=0,
        le=100_000_000_000,
        description="Memory of one process for answers that it has made; 0 keeps none.",
    )

    body_bytes_max: int = Field(
        2_000_000, ge=1_000, le=1_000_000_000, description="Largest request body."
    )
    revision_retention_days: Annotated[int, BeforeValidator(_zero_when_empty)] = Field(
        0, ge=0, le=36_500, description="How long replaced versions are kept; 0 is for ever."
    )
    idempotency_key_hours: float = Field(
        24, gt=0, le=8_760, description="How long the answer to an `Idempotency-Key` is kept."
    )
    bulk_line_bytes_max: int = Field(
        2_000_000, ge=1_000, le=100_000_000, description="Largest line of a bulk request."
    )
    bulk_lines_max: int = Field(
        1_000_000, ge=1, le=1_000_000_000, description="Most lines of a bulk request."
    )
    count_rows_max: int = Field(
        10_000,
        ge=1,
        le=1_000_000,
        description="Rows that `count=estimate` looks at before it stops.",
    )
    database_pool_size: int = Field(
        20, ge=1, le=1_000, description="Database connections of one process."
    )
    database_wait_seconds: float = Field(
        10, gt=0, le=300, description="How long to wait for a connection or for another writer."
    )
    ticker: bool = Field(
        default=True,
        description="This process numbers what the clock changes, and moves the articles of what was renamed; any number of them may.",
    )
    tick_seconds: float = Field(
        0.5,
        ge=0.05,
        le=60,
        description="How often it looks for what the clock has changed, and for what was renamed.",
    )
    stream_clients_max: int = Field(
        500, ge=1, le=100_000, description="Clients of one process that may wait for changes."
    )
    stream_seconds_max: float = Field(
        3600, gt=0, le=86_400, description="How long one stream lasts before its client comes anew."
    )
    stream_timeout_seconds: float = Field(
        30,
        gt=0,
        le=600,
        description="How long a client of a stream or a bulk request may neither read nor send.",
    )
    search: bool = Field(
        default=True,
        description="This process answers searches, from an index in the data folder.",
    )
    search_memory_bytes: int = Field(
        128_000_000,
        ge=30_000_000,
        le=4_000_000_000,
        description="What the process that writes the index may gather before it writes.",
    )
    search_words_max: int = Field(
        32, ge=1, le=1_000, description="Words and phrases of a query; more are not looked for."
    )
    search_prefix_terms_max: int = Field(
        64,
        ge=1,
        le=10_000,
        description="Most frequent words of a language that `prefix*` stands for; of all languages "
        "four times as many.",
    )
    search_fuzzy_terms_max: int = Field(
        20, ge=1, le=1_000, description="Nearest words that `fuzzy~` stands for."
    )
    search_depth_max: int = Field(
        10_000, ge=100, le=100_000, description="Finds that one search can be paged through."
    )
    migrate_on_start: bool = Field(
        default=True, description="`byline serve` brings the schema up to date."
    )

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:///", "postgresql://", "postgres://")):
            raise ValueError("must start with sqlite:/// or postgresql://")
        if value in ("sqlite:///", "sqlite:///:memory:"):
            raise ValueError("SQLite needs a file, for example sqlite:///byline.db")
        try:
            make_url(value or "sqlite:///byline.db")
        except (ArgumentError, ValueError):
            raise ValueError("must be like postgresql://user:password@host:5432/name") from None
        return value

    @field_validator("logo_url", "websub_hub")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not HTTP_ADDRESS.fullmatch(value):
            raise ValueError("must be an address that starts with http:// or https://")
        return value

    @field_validator("base_url")
    @classmethod
    def _absolute_base(cls, value: str) -> str:
        if value and not _SITE.fullmatch(value):
            raise ValueError("must start with http:// or https://, a host, and no ? or #")
        return value.rstrip("/")

    @field_validator("cors_origins")
    @classmethod
    def _as_browsers_send_them(cls, origins: list[str]) -> list[str]:
        # Any other spelling would match no browser's Origin, and nobody would be told.
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError("must be * or origins such as https://example.org, without a path")
        return origins

    @field_validator("article_url")
    @classmethod
    def _template_with_slug(cls, value: str) -> str:
        if value and ("{slug}" not in value or not value.startswith(("http://", "https://"))):
            raise ValueError("must start with http:// or https:// and contain {slug}")
        return value

    @property
    def site_url(self) -> str:
        """Where clients reach this server; made from host and port when `base_url` is not given."""
        if self.base_url:
            return self.base_url
        host = {"0.0.0.0": "localhost", "::": "localhost"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def article_url_template(self) -> str:
        return self.article_url or f"{self.site_url}/v1/articles/{{slug}}"

    @property
    def search_dir(self) -> Path:
        return self.data_dir / "search"

    @property
    def effective_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'byline.db'}"


def load_settings(**overrides: Any) -> Settings:
    """The settings of the environment and `.env`, with `overrides` above them.

    Raises `WrongSetting` for a value that cannot be used and for a `BYLINE_*` name that does not
    exist: a misspelt setting that is silently ignored is the worst kind.
    """
    _refuse_unknown_names()
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper()
        reason = first["msg"].removeprefix("Value error, ")
        given = _PASSWORD.sub("…@", repr(first["input"]))
        raise WrongSetting(f"{name}: {reason} (it is {given})") from None


def _refuse_unknown_names() -> None:
    given = set(os.environ) | _names_in_env_file()
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    unknown = sorted(
        name for name in given if name.upper().startswith(PREFIX) and name.upper() not in known
    )
    if unknown:
        raise WrongSetting(f"{unknown[0]}: there is no such setting; the README lists them")


def _names_in_env_file() -> set[str]:
    if not Path(ENV_FILE).is_file():
        return set()
    try:
        return set(dotenv_values(ENV_FILE, encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSetting(f"{ENV_FILE}: cannot be read: {error}") from None
