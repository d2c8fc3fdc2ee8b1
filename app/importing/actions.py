"""Bringing captured pages in: one file, one transaction, one answer."""

import hashlib
import html
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import ValidationError
from sqlmodel import Session, col, select

from app.access.caller import Caller
from app.archive.models import Article, Author, sort_key
from app.articles import actions as articles
from app.articles import lifecycle
from app.articles.creation import create_article
from app.articles.models import ArticleCreate
from app.articles.rows import NewArticle
from app.articles.submissions import submission
from app.authors import actions as authors
from app.authors.models import AuthorCreate
from app.db.database import Database
from app.importing.captured_page import CapturedPage, UnreadablePage, read_captured_page
from app.web.problems import Problem

Status = Literal["created", "updated", "unchanged"]


def import_page(
    database: Database, caller: Caller, data: bytes, file: str, *, publish: bool, language: str
) -> dict[str, Any]:
    """Imports one captured page, whole or not at all; what became of it.

    Where it failed, `detail` says why, with the file and line.
    """
    try:
        page = read_captured_page(data, file)
        digest = hashlib.sha256(data).hexdigest()
        with database.writing() as session:
            article, status = _import_page(
                session, caller, page, digest, publish=publish, language=language
            )
    except UnreadablePage as error:
        return _failed(str(error))
    except ValidationError as error:
        first = error.errors()[0]
        return _failed(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}")
    except Problem as problem:
        return _failed(f"{file}: {problem.detail}")
    return {"id": article.id, "slug": article.slug, "status": status}


def _failed(detail: str) -> dict[str, Any]:
    return {"status": "failed", "detail": detail}


def _import_page(
    session: Session,
    caller: Caller,
    page: CapturedPage,
    digest: str,
    *,
    publish: bool,
    language: str,
) -> tuple[Article | NewArticle, Status]:
    external_id = _identity(page)
    article = session.exec(select(Article).where(Article.external_id == external_id)).first()
    if article is not None and article.extra.get("sha256") == digest:
        return published(session, caller, article) if publish else (article, "unchanged")
    # Two spellings of one name are one author.
    author_ids = list(dict.fromkeys(_author_id(session, caller, name) for name in page.authors))
    fields = _fields(page, external_id, digest) | {"authors": author_ids}
    wanted = ArticleCreate.model_validate(fields)
    publish = publish and (article is None or article.withdrawn_at is None)
    sent = submission(wanted, language=language, publish=publish)
    if article is None:
        return create_article(session, caller, sent), "created"
    return articles.replace_article(session, caller, article, sent), "updated"


def published(session: Session, caller: Caller, article: Article) -> tuple[Article, Status]:
    """Publishes a draft that was imported before; what is out already stays as it is."""
    if article.released_at is not None:
        return article, "unchanged"

    def release(draft: Article) -> None:
        lifecycle.release(draft, None, caller.visibility.now)

    return articles.change_lifecycle(session, caller, article, release), "updated"


def _identity(page: CapturedPage) -> str:
    """The same for every capture of one page, however its text was corrected since."""
    parts = (page.headline, *page.authors, str(page.published_on))
    return "captured-page:" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _author_id(session: Session, caller: Caller, name: str) -> str:
    same_name = select(Author.id).where(col(Author.name_key) == sort_key(name)).order_by(Author.id)
    known = session.exec(same_name).first()
    return known or authors.create_author(session, caller, AuthorCreate(name=name)).id


def _fields(page: CapturedPage, external_id: str, digest: str) -> dict[str, Any]:
    metadata = {"sha256": digest}
    if page.last_update is not None:
        metadata["last_update"] = page.last_update
    fields: dict[str, Any] = {
        "headline": page.headline,
        "byline": page.byline,
        "external_id": external_id,
        "body": {"format": "html", "source": _paragraphs(page.paragraphs)},
        "metadata": metadata,
    }
    if page.published_on is not None:
        fields["published_at"] = _instant(page.published_on)
    if page.image is not None:
        fields["image"] = {"caption": page.image.caption, "credit": page.image.credit}
    return fields


def _instant(published_on: Any) -> datetime:
    # A printed date has no time: it stands for the beginning of that day.
    if isinstance(published_on, datetime):
        return published_on.astimezone(UTC)
    return datetime(published_on.year, published_on.month, published_on.day, tzinfo=UTC)


def _paragraphs(paragraphs: tuple[str, ...]) -> str:
    return "\n".join(f"<p>{html.escape(paragraph, quote=False)}</p>" for paragraph in paragraphs)
