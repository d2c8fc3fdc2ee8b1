"""The `byline` command: serve, migrate, reindex, keys, import, export.

What only one command needs is imported by that command: all of it is in the way of a server's start,
and in the memory of every worker.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec

import click
from pydantic import ValidationError
from sqlalchemy.exc import DatabaseError

from app.access.actions import create_key, database_id, existing_key, revoke_key
from app.access.caller import newsroom
from app.access.models import SCOPES, KeyCreate
from app.access.queries import any_key_exists, list_keys
from app.db.database import Database, DatabaseBusy
from app.db.migrate import SchemaCannotMove, migrate
from app.main import create_app, utc_now
from app.search.follower import IndexLocked, Keeper, Progress
from app.search.index import REBUILD_FILE, SearchIndex, shared_folder_warning
from app.settings import PREFIX, Settings, WrongSetting, load_settings
from app.web.conditional import Precondition
from app.web.params import is_id
from app.web.problems import Problem
from app.web.server import HttpProtocol

Arguments = ParamSpec("Arguments")
SHUTDOWN_SECONDS = 20
"""How long requests under way may take to end when the server is asked to stop."""


def _said_plainly(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Turns what a person can mend into one line on stderr and exit status 1."""

    @wraps(command)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except WrongSetting as error:
            raise click.ClickException(str(error)) from None
        except Problem as problem:
            raise click.ClickException(str(problem.detail)) from None
        except SchemaCannotMove as error:
            raise click.ClickException(f"the schema cannot be moved: {error}") from None
        except (DatabaseError, DatabaseBusy) as error:
            reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
            raise click.ClickException(f"the database cannot be used: {reason}") from None

    return run


@click.group()
@click.version_option(package_name="byline")
def main() -> None:
    """Byline: a headless JSON REST API for news articles."""


@main.command()
@click.option("--demo", is_flag=True, help="Fill an empty database with a small sample newsroom.")
@click.option("--host", help="Address to listen on (BYLINE_HOST).")
@click.option("--port", type=int, help="Port to listen on (BYLINE_PORT).")
@click.option("--workers", type=int, help="Server processes (BYLINE_WORKERS).")
@_said_plainly
def serve(demo: bool, host: str | None, port: int | None, workers: int | None) -> None:
    """Bring the database up to date and serve the API."""
    settings = load_settings(host=host, port=port, workers=workers)
    _check_port_is_free(settings)
    database = _database(settings)
    if settings.migrate_on_start:
        migrate(database)
    loaded = _load_demo(database) if demo else None
    _greet(settings, loaded, _first_key(database))
    database.close()
    _run_server(settings)


def _load_demo(database: Database) -> int:
    from app.demo.actions import load_demo

    return load_demo(database, utc_now())


@main.command(name="migrate")
@click.option(
    "--to", "revision", default="head", help="A revision, -1 for one back, base for none."
)
@_said_plainly
def migrate_command(revision: str) -> None:
    """Bring the database's schema up to date, or to an earlier revision."""
    settings = load_settings()
    migrate(_database(settings), revision)
    click.echo(f"The schema is at {revision}.")


@main.command()
@_said_plainly
def reindex() -> None:
    """Make the search index of this machine anew, from the database.

    The old one answers until the new one is there. Where a server runs, it does the work and this
    waits for it.
    """
    settings = load_settings()
    database = _ready_database(settings)
    index = SearchIndex(settings.search_dir, database_id(database))
    keeper = Keeper(index, database, utc_now, settings.search_memory_bytes)
    try:
        with keeper.locked():
            count = _reindexed(keeper)
    except IndexLocked:
        count = _reindexed_by_the_server(index)
    database.close()
    click.echo(f"The search index has {count:,} articles.")


def _reindexed(keeper: Keeper) -> int:
    progress = Progress(0, 0, 0)

    def show(one: Progress) -> None:
        nonlocal progress
        progress = one
        if sys.stderr.isatty():
            click.echo(f"\r{one} ", nl=False, err=True)

    keeper.rebuild(show)
    keeper.close()
    if sys.stderr.isatty():
        click.echo(err=True)
    return progress.done


def _reindexed_by_the_server(index: SearchIndex) -> int:
    """Asks the process that holds the index to make it anew, and waits until it has."""
    _refuse_shared(index)
    click.echo("A server keeps this index; it makes it anew, see its log.", err=True)
    before = index.newest()
    (index.folder / REBUILD_FILE).touch()
    while True:
        time.sleep(0.2)
        _refuse_shared(index)
        view = index.newest()
        if view and (before is None or view.place.generation != before.place.generation):
            return view.size


def _refuse_shared(index: SearchIndex) -> None:
    if index.is_of_another():
        raise click.ClickException(shared_folder_warning(index.folder))


@main.group()
def key() -> None:
    """Make, list and revoke API keys. No server needs to run."""


@key.command(name="create")
@click.argument("name")
@click.option(
    "--scopes", default="read", show_default=True, help=f"Comma separated: {', '.join(SCOPES)}."
)
@click.option("--expires-at", help="When it ends, in RFC 3339 form.")
@click.option("--entitlement", help='JSON: {"articles": {"tag": ["sport"]}, "embargoed": true}.')
@_said_plainly
def create_key_command(
    name: str, scopes: str, expires_at: str | None, entitlement: str | None
) -> None:
    """Make a key. It is printed alone on the last line, and can't be shown again."""
    wanted = _wanted_key(name, scopes, expires_at, entitlement)
    with _ready_database().writing() as session:
        row, secret = create_key(session, wanted, utc_now())
    click.echo(f"Key {row.id} for {name!r} with {', '.join(row.scopes)}:")
    click.echo(secret)


@key.command(name="list")
@_said_plainly
def list_keys_command() -> None:
    """List all keys, a JSON line each."""
    with _ready_database().reading() as session:
        rows = list_keys(session, None, limit=1_000_000)
    for row in rows:
        names = ("id", "name", "hint", "scopes", "entitlement")
        times = ("created_at", "expires_at", "revoked_at")
        shown = {name: getattr(row, name) for name in names}
        shown |= {name: (at := getattr(row, name)) and at.isoformat() for name in times}
        click.echo(json.dumps(shown, ensure_ascii=False))


@key.command(name="revoke")
@click.argument("key_id")
@_said_plainly
def revoke_key_command(key_id: str) -> None:
    """Revoke a key by its id. Its next request fails."""
    if not is_id(key_id):
        raise click.ClickException("give the key's id, as `byline key list` prints it")
    with _ready_database().writing() as session:
        row = existing_key(session, key_id.lower(), Precondition("*"))
        revoke_key(session, row, utc_now())
    click.echo(f"Key {row.id} of {row.name!r} is revoked.")


@main.command(name="import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--publish", is_flag=True, help="Publish what comes in; otherwise it is a draft.")
@click.option("--site", help="Where the site of a Ghost export was, for its own addresses.")
@_said_plainly
def import_command(files: tuple[Path, ...], publish: bool, site: str | None) -> None:
    """Import articles from files, from all files of folders, or from standard input (`-`).

    What a file is, it says itself: RSS, Atom or JSON Feed, a WordPress export (WXR), a Ghost export,
    IPTC ninjs, a web page, a news page captured as text, or NDJSON: what `byline export` wrote, or
    articles as `POST /v1/articles/bulk` takes them. With `--publish`, what was a draft or was for
    members alone is a draft here too. What was edited here since stays so until the file changes;
    what was deleted here comes back.

    Prints a JSON line for each item, or a progress bar on a terminal; fails if any item did. The
    same files again change nothing.
    """
    from app.importing.files import files_in
    from app.importing.reports import report_of

    settings = load_settings()
    database = _ready_database(settings)
    named = [*files_in(files)]
    report = report_of([file for file, _ in named])
    for answer in imported_files(
        database,
        named,
        publish=publish,
        language=settings.language,
        site=site,
        watch=report.watch,
    ):
        report.add(answer)
    report.end()
    if report.failures:
        raise click.ClickException(f"{report.failures} of {report.count} could not be imported")


def imported_files(
    database: Database,
    files: Iterable[tuple[Path, bool]],
    *,
    publish: bool,
    language: str,
    site: str | None = None,
    watch: Callable[[Path, BinaryIO], None] = lambda _file, _content: None,
) -> Iterator[dict[str, Any]]:
    """An answer for each item of each file, with the `file` first. `files` are as `files_in` gives
    them; `watch` is told when one is begun with."""
    from app.importing.files import opened, why_not
    from app.importing.found import Unreadable

    for file, is_named in files:
        try:
            with opened(file) as (content, kind):
                watch(file, content)
                reason = why_not(file, kind, is_named=is_named)
                if reason is not None:
                    yield {"file": str(file), "status": "skipped", "detail": reason}
                    continue
                for answer in _answers(database, file, content, kind, publish, language, site):
                    yield {"file": str(file)} | answer
        except Unreadable as error:
            yield {"file": str(file), "status": "failed", "detail": f"{file}: {error}"}
        except OSError as error:
            detail = f"{file}: {error.strerror or error}"
            yield {"file": str(file), "status": "failed", "detail": detail}


def _answers(
    database: Database,
    file: Path,
    content: BinaryIO,
    kind: str,
    publish: bool,
    language: str,
    site: str | None,
) -> Iterator[dict[str, Any]]:
    from app.copies.actions import import_lines
    from app.importing.actions import import_page
    from app.importing.items import ItemImport
    from app.importing.kinds import items_of

    if kind in ("NDJSON", "array of lines"):
        yield from import_lines(
            database,
            content,
            utc_now,
            publish=publish,
            language=language,
            is_array=kind == "array of lines",
        )
    elif kind == "captured page":
        caller = newsroom(utc_now())
        yield import_page(
            database, caller, content.read(), str(file), publish=publish, language=language
        )
    else:
        items = ItemImport(database, utc_now, publish=publish, language=language)
        yield from items.answers(items_of(content, kind, file.name, site))


@main.command(name="export")
@click.argument("file", default="-", type=click.File("wb", lazy=False))
@_said_plainly
def export_command(file: BinaryIO) -> None:
    """Write the whole newsroom as NDJSON, for `byline import` into an empty database.

    Authors, tags, articles and what was deleted, in one snapshot, while the server runs or not.
    Keys are not in it, and of the revisions only the newest.
    """
    from app.copies.queries import exported

    settings = load_settings()
    for line in exported(_ready_database(settings)):
        file.write(line)


def _database(settings: Settings) -> Database:
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{PREFIX}DATA_DIR: {settings.data_dir} cannot be a folder: {error.strerror}"
        raise WrongSetting(message) from None
    return Database(
        settings.effective_database_url,
        pool_size=settings.database_pool_size,
        wait_seconds=settings.database_wait_seconds,
    )


def _ready_database(settings: Settings | None = None) -> Database:
    """A database that any command can use, new or old."""
    settings = settings or load_settings()
    database = _database(settings)
    if settings.migrate_on_start:
        migrate(database)
    return database


def _wanted_key(
    name: str, scopes: str, expires_at: str | None, entitlement: str | None
) -> KeyCreate:
    try:
        return KeyCreate.model_validate(
            {
                "name": name,
                "scopes": [scope.strip() for scope in scopes.split(",")],
                "expires_at": expires_at,
                "entitlement": entitlement and json.loads(entitlement),
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise click.ClickException(f"{place}: {first['msg']}") from None
    except json.JSONDecodeError as error:
        raise click.ClickException(f"--entitlement is not JSON: {error}") from None


def _first_key(database: Database) -> str | None:
    """The key for everything, made when there is no key at all."""
    with database.writing() as session:
        if any_key_exists(session):
            return None
        wanted = KeyCreate(name="First admin", scopes=["admin"])
        return create_key(session, wanted, utc_now())[1]


def _check_port_is_free(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except socket.gaierror as error:
            raise WrongSetting(f"{PREFIX}HOST: {settings.host}: {error.strerror}") from None
        except OSError as error:
            address = f"{settings.host}:{settings.port}"
            raise WrongSetting(
                f"{PREFIX}PORT: cannot listen on {address}: {error.strerror}"
            ) from None


def _greet(settings: Settings, loaded: int | None, first_key: str | None) -> None:
    site = settings.site_url
    if loaded is not None:
        there = f"Loaded the sample newsroom: {loaded} articles."
        click.echo(there if loaded else "The sample newsroom was not loaded: there are articles.")
    click.echo(f"{settings.site_title} is at {site}/v1/articles, its documentation at {site}/docs")
    if first_key:
        click.echo(f"\nAdmin key, shown this once:\n  {first_key}")
    example = first_key or "$KEY"
    click.echo(
        f"\nTry:\n  curl '{site}/v1/articles?limit=3&fields=slug,headline,published_at'\n"
        f"  curl -X POST '{site}/v1/articles?publish=true' -H \"Authorization: Bearer {example}\" "
        f"-H 'Content-Type: application/json' -d '{{\"headline\": \"Hello, readers\"}}'\n"
    )
    sys.stdout.flush()


def _run_server(settings: Settings) -> None:
    import uvicorn

    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "http": HttpProtocol,
        "ws": "none",
        "timeout_graceful_shutdown": SHUTDOWN_SECONDS,
        # A worker answers only when it has imported everything. On a busy machine that takes more
        # than the five seconds of uvicorn, which would kill it then, and the next one, for ever.
        "timeout_worker_healthcheck": 60,
    }
    if settings.workers == 1:
        uvicorn.run(create_app(settings), **options)
        return
    # Each process reads the settings anew; what the command line said has to reach it.
    os.environ[f"{PREFIX}HOST"], os.environ[f"{PREFIX}PORT"] = settings.host, str(settings.port)
    uvicorn.run("app.main:create_app", factory=True, workers=settings.workers, **options)
