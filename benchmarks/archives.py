"""The archives that are measured: made once in a folder, and used again from there."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeVar

import psycopg
import sqlalchemy as sa

from app.access.actions import create_key
from app.access.models import KeyCreate
from app.db.database import Database
from app.db.migrate import migrate
from app.main import utc_now
from app.settings import PREFIX, Settings
from benchmarks.generated_archive import AUTHORS, fill, tidy
from benchmarks.page_cache import held
from benchmarks.servers import SERVER_CORE, own_postgres, pin

Engine = Literal["SQLite", "PostgreSQL"]
ENGINES: tuple[Engine, ...] = ("SQLite", "PostgreSQL")
Figures = TypeVar("Figures")
FILLED = "filled"
"""The file that says that an archive is whole."""
BASE_URL = "http://benchmark"
"""Where all of them say to be: answers and their `ETag`s are then the same on any port."""


@dataclass(frozen=True)
class Archive:
    """So many articles in a database, with their search index and the same for the tutorial."""

    engine: Engine
    articles: int
    url: str
    folder: Path
    server_id: int | None
    """The process of the PostgreSQL server."""

    @property
    def is_sqlite(self) -> bool:
        return self.engine == "SQLite"

    @property
    def tutorial_url(self) -> str:
        if self.is_sqlite:
            return f"sqlite:///{self.folder / 'tutorial.db'}"
        mark = "&" if "?" in self.url else "?"
        path = f"{mark}options=-csearch_path%3Dtutorial"
        return self.url.replace("postgresql://", "postgresql+psycopg://") + path

    def environment(self, **settings: object) -> dict[str, str]:
        """What a server needs to know; a setting that this Byline does not have is left out."""
        wanted = {
            "database_url": self.url,
            "data_dir": self.folder,
            "base_url": BASE_URL,
            "log_format": "json",
            **settings,
        }
        known = Settings.model_fields
        return {
            f"{PREFIX}{name.upper()}": str(one) for name, one in wanted.items() if name in known
        }

    def settings(self) -> Settings:
        """For an application in this process, which does nothing by itself."""
        return Settings(
            database_url=self.url,
            base_url=BASE_URL,
            data_dir=self.folder,
            log_level="error",
            ticker=False,
            search=False,
        )

    def key(self) -> str:
        """A new key that may do everything."""
        database = Database(self.url)
        with database.writing() as session:
            wanted = KeyCreate(name="Benchmark", scopes=["admin"])
            key = create_key(session, wanted, utc_now())[1]
        database.close()
        return key


@contextmanager
def kept(folder: Path | None) -> Iterator[Path]:
    """The folder to keep archives in, or one for this time."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.resolve()
        return
    with TemporaryDirectory(prefix="byline-benchmark-") as temporary:
        yield Path(temporary)


def on_each(
    measure: Callable[[Archive], Figures],
    engines: Sequence[Engine] | None,
    sizes: Sequence[int],
    folder: Path | None,
    *,
    authors: int = AUTHORS,
) -> list[Figures]:
    """What is measured on the archive of each engine and size; both engines where none is named."""
    figures = []
    with kept(folder) as where:
        for engine, size in product(engines or ENGINES, sizes):
            with ExitStack() as stack:
                archive = prepared(engine, size, where, stack, authors=authors)
                hold([archive], where, stack)
                figures.append(measure(archive))
    return figures


def hold(archives: Sequence[Archive], folder: Path, stack: ExitStack) -> bool:
    """Holds archives in memory until the stack ends, so that nobody measures the disk; says whether
    all of them fit."""
    folders = [archive.folder for archive in archives]
    if any(archive.server_id for archive in archives):
        folders.append(folder / "postgres" / "base")
    are_held = [stack.enter_context(held(one)) for one in folders]
    return all(are_held)


def prepared(
    engine: Engine,
    articles: int,
    folder: Path,
    stack: ExitStack,
    *,
    authors: int = AUTHORS,
    tutorial: bool = False,
) -> Archive:
    """The archive of that size; made now where the folder does not have it yet."""
    name = f"{engine.lower()}_{articles}" + (f"_by_{authors}" if authors != AUTHORS else "")
    own = folder / name
    is_there = (own / FILLED).exists()
    if not is_there:
        shutil.rmtree(own, ignore_errors=True)
    own.mkdir(exist_ok=True)
    server = None if engine == "SQLite" else own_postgres(folder, stack)
    if server is None:
        url = f"sqlite:///{own / 'byline.db'}"
    else:
        url = _postgres_database(server.get_uri(), name, anew=not is_there)
        pin(server.get_pid() or 0, SERVER_CORE)
    archive = Archive(engine, articles, url, own, server.get_pid() if server else None)
    _once(own / FILLED, lambda: _fill(archive, authors))
    _migrate(archive)
    if tutorial:
        _once(own / "tutorial", lambda: _fill_tutorial(archive))
    return archive


def _once(mark: Path, make: Callable[[], None]) -> None:
    if not mark.exists():
        print(f"making {mark.parent.name}: {mark.name} …", file=sys.stderr, flush=True)
        make()
        mark.touch()


def _postgres_database(uri: str, name: str, *, anew: bool) -> str:
    if anew:
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
            connection.execute(f'CREATE DATABASE "{name}"')
    return uri.replace("/postgres?", f"/{name}?", 1)


def _migrate(archive: Archive) -> None:
    """An archive that was kept may be older than the schema."""
    database = Database(archive.url)
    migrate(database)
    database.close()


def _fill(archive: Archive, authors: int) -> None:
    database = Database(archive.url)
    migrate(database)
    fill(database, archive.articles, authors=authors)
    database.close()
    byline = str(Path(sys.executable).with_name("byline"))
    subprocess.run(
        [byline, "reindex"],
        cwd=archive.folder,
        env=archive.environment(),
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _fill_tutorial(archive: Archive) -> None:
    source = str(archive.folder / "byline.db") if archive.is_sqlite else "public"
    database = Database(archive.url)
    if not archive.is_sqlite:
        with database.writing() as session:
            session.connection().execute(sa.text("CREATE SCHEMA tutorial"))
    command = [sys.executable, "-m", "benchmarks.contenders.tutorial_data"]
    subprocess.run([*command, archive.tutorial_url, source], check=True)
    tidy(database)
    database.close()


def durability(archive: Archive) -> str:
    """The database, its version, and the settings that say when a commit is on disk."""
    database = Database(archive.url)
    with database.reading() as session:
        connection = session.connection()
        version = ".".join(map(str, connection.dialect.server_version_info or ()))
        names = ("synchronous", "journal_mode") if archive.is_sqlite else _POSTGRES_SETTINGS
        ask = "PRAGMA" if archive.is_sqlite else "SHOW"
        said = [f"{name} {connection.exec_driver_sql(f'{ask} {name}').scalar()}" for name in names]
    database.close()
    return f"{archive.engine} {version} ({', '.join(said)})"


_POSTGRES_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
