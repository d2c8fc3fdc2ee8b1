"""What Byline is compared with: the same articles as the tutorials of FastAPI and SQLModel write them.

`python -m benchmarks.contenders.tutorial PORT URL`. Response models, a session a request, the
relationships loaded by `selectinload`: a statement each, not one for every row.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import sqlalchemy as sa
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from sqlalchemy.orm import selectinload
from sqlmodel import Field, Relationship, Session, SQLModel, col, select


class ArticleAuthor(SQLModel, table=True):
    __tablename__ = "article_author"
    article_id: int = Field(foreign_key="article.id", primary_key=True)
    author_id: int = Field(foreign_key="author.id", primary_key=True)


class ArticleTag(SQLModel, table=True):
    __tablename__ = "article_tag"
    article_id: int = Field(foreign_key="article.id", primary_key=True)
    tag_id: int = Field(foreign_key="tag.id", primary_key=True)


class AuthorBase(SQLModel):
    slug: str = Field(index=True, unique=True)
    name: str


class Author(AuthorBase, table=True):
    id: int | None = Field(default=None, primary_key=True)


class AuthorPublic(AuthorBase):
    id: int


class TagBase(SQLModel):
    slug: str = Field(index=True, unique=True)
    name: str
    kind: str


class Tag(TagBase, table=True):
    id: int | None = Field(default=None, primary_key=True)


class TagPublic(TagBase):
    id: int


class ArticleBase(SQLModel):
    slug: str = Field(index=True, unique=True)
    headline: str
    subheadline: str | None = None
    summary: str | None = None
    dateline: str | None = None
    byline: str | None = None
    language: str = "en"
    source: str | None = None
    canonical_url: str | None = None
    copyright: str | None = None
    external_id: str | None = None
    urgency: int | None = None
    published_at: datetime = Field(
        default_factory=lambda: datetime.now(UTC), index=True, sa_type=sa.DateTime(timezone=True)
    )
    word_count: int = 0
    reading_minutes: int = 0


class Article(ArticleBase, table=True):
    id: int | None = Field(default=None, primary_key=True)
    body: str
    authors: list[Author] = Relationship(link_model=ArticleAuthor)
    tags: list[Tag] = Relationship(link_model=ArticleTag)


class ArticleCreate(ArticleBase):
    body: str
    author_ids: list[int]
    tag_ids: list[int]


class ArticleSummary(ArticleBase):
    id: int
    authors: list[AuthorPublic]
    tags: list[TagPublic]


class ArticlePublic(ArticleSummary):
    body: str


TABLES: list[sa.Table] = [
    one.__table__  # type: ignore[union-attr]
    for one in (Author, Tag, Article, ArticleAuthor, ArticleTag)
]
app = FastAPI()


def get_session(request: Request) -> Iterator[Session]:
    with Session(request.app.state.engine) as session:
        yield session


SessionDep = Annotated[Session, Depends(get_session)]


@app.get("/articles/", response_model=list[ArticleSummary])
def read_articles(
    session: SessionDep, offset: int = 0, limit: Annotated[int, Query(le=100)] = 20
) -> list[Article]:
    newest = select(Article).order_by(col(Article.published_at).desc())
    linked = selectinload(Article.authors), selectinload(Article.tags)  # type: ignore[arg-type]
    return list(session.exec(newest.options(*linked).offset(offset).limit(limit)).all())


@app.get("/articles/{article_id}", response_model=ArticlePublic)
def read_article(article_id: int, session: SessionDep) -> Article:
    article = session.get(Article, article_id)
    if not article:
        raise HTTPException(status_code=404, detail="Article not found")
    return article


@app.post("/articles/", response_model=ArticlePublic, status_code=201)
def create_article(wanted: ArticleCreate, session: SessionDep) -> Article:
    article = Article.model_validate(wanted)
    article.authors = list(
        session.exec(select(Author).where(col(Author.id).in_(wanted.author_ids)))
    )
    article.tags = list(session.exec(select(Tag).where(col(Tag.id).in_(wanted.tag_ids))))
    session.add(article)
    session.commit()
    session.refresh(article)
    return article


def engine_for(url: str) -> sa.Engine:
    """As tutorials make it; SQLite with the journal and the durability that Byline has as well."""
    if not url.startswith("sqlite"):
        return sa.create_engine(url)
    engine = sa.create_engine(url, connect_args={"check_same_thread": False, "timeout": 30})

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.cursor().execute(f"PRAGMA {pragma}")

    return engine


def main(port: int, url: str) -> None:
    app.state.engine = engine_for(url)
    uvicorn.run(app, port=port, log_level="error", access_log=False)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
