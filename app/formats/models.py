"""What may be asked of the other formats."""

from typing import Annotated, Literal

import sqlalchemy as sa
from fastapi import Path
from pydantic import ConfigDict, Field
from sqlmodel import Field as SqlField
from sqlmodel import SQLModel

from app.articles.models import ArticleListQuery
from app.formats.ninjs import NinjsVersion
from app.search.models import RelatedLimit, SearchTerms
from app.web.negotiation import ARTICLE_FORMATS, LIST_FORMATS
from app.web.params import StrictModel

Ninjs = Annotated[
    NinjsVersion | None,
    Field(description="Version of IPTC ninjs; with the suffix `ninjs` only. 3.2 when not given."),
]
Content = Annotated[
    Literal["full", "summary"],
    Field(description="`full`: with bodies. `summary`: without."),
]
ArticleSuffix = Annotated[
    str,
    Path(
        description="The format: an HTML page, Markdown with front matter, plain text, schema.org "
        "JSON-LD, or IPTC ninjs.",
        json_schema_extra={"enum": [*ARTICLE_FORMATS]},
        examples=["md"],
    ),
]
ListSuffix = Annotated[
    str,
    Path(
        description="The format: RSS 2.0, Atom, JSON Feed 1.1, or a package of IPTC ninjs.",
        json_schema_extra={"enum": [*LIST_FORMATS]},
        examples=["rss"],
    ),
]


class HubNotice(SQLModel, table=True):
    """One row: what the front page was when the hub was told last; empty where it has to be told."""

    __tablename__ = "hub_notice"
    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)

    id: int = SqlField(
        default=1,
        primary_key=True,
        sa_type=sa.SmallInteger,
        sa_column_kwargs={"autoincrement": False},
    )
    digest: str = ""


class FormatQuery(StrictModel):
    """The parameters of one article in another format."""

    model_config = ConfigDict(strict=False)

    ninjs: Ninjs = None


class FeedQuery(ArticleListQuery):
    """The parameters of a list in another format: those of the list that choose articles."""

    content: Content = "full"
    ninjs: Ninjs = None


class RelatedFeedQuery(RelatedLimit):
    """The parameters of related articles in another format."""

    content: Content = "full"
    ninjs: Ninjs = None


class SearchFeedQuery(SearchTerms):
    """The parameters of a search in another format."""

    content: Content = "full"
    ninjs: Ninjs = None
