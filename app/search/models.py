"""Searching on the wire."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from app.access.visibility import ArticleFilter
from app.articles import examples
from app.articles.models import ArticleListItem, BodyForms, FieldNames
from app.search.filtering import FacetName
from app.web.pages import Limit, ListQuery
from app.web.params import OutputModel, StrictModel, Text

SearchSort = Literal["relevance", "-published_at", "published_at"]
FACETS: tuple[FacetName, ...] = ("tag", "section", "author", "language", "kind", "year")


def _known_facets(value: str) -> str:
    unknown = [name for name in value.split(",") if name not in FACETS]
    if unknown:
        raise ValueError(f"has no `{unknown[0]}`; it may name {', '.join(FACETS)}")
    return value


_CHOICE = "|".join(FACETS)
FacetNames = Annotated[
    str,
    AfterValidator(_known_facets),
    Field(
        description="Count the finds by these, comma separated.",
        examples=["tag,section"],
        json_schema_extra={"pattern": f"^({_CHOICE})(,({_CHOICE}))*$"},
    ),
]


FOUND_ARTICLE: Any = examples.ARTICLE | {
    "score": 1.4213,
    "highlights": {"headline": "<mark>Harbour</mark> bridge opens", "summary": None, "body": None},
}


class SearchTerms(ArticleFilter, ListQuery):
    """The parameters that say what is looked for, and in which order it comes."""

    model_config = ConfigDict(strict=False)

    q: Text = Field(
        default="",
        max_length=1000,
        description='What to look for: words (any may match, those that hold all come first), `"a '
        'phrase"`, `-not`, `this OR that`, `prefix*`, `fuzzy~`, `headline:word`, `author:word`, '
        "`tag:word`. Anything may be typed. Nothing finds everything, newest first. Up to 32 words, "
        "three of them with `*` or `~`.",
        examples=["harbour bridge"],
    )
    sort: SearchSort = Field(
        default="relevance", description="Best first, or newest or oldest first."
    )
    recent: bool = Field(
        default=True, description="Prefer recent news a little; false: only what is said counts."
    )


class SearchQuery(SearchTerms):
    """The parameters of a search."""

    facets: FacetNames | None = None
    fields: FieldNames | None = None
    body: BodyForms | None = None


class Highlights(OutputModel):
    """Escaped text with what matches in `<mark>`; null where nothing matches."""

    headline: str | None
    summary: str | None
    body: str | None = Field(description="The best piece of the body.")


class SearchHit(ArticleListItem):
    """An article that was found. With `fields=` it has those fields only, and these two."""

    model_config = ConfigDict(json_schema_extra={"examples": [FOUND_ARTICLE]})

    score: float = Field(
        description="How well it answers, from 0 to 2; above 1 it holds all that was asked for. "
        "0 when nothing was asked for.",
        examples=[1.4213],
    )
    highlights: Highlights


class FacetCount(OutputModel):
    value: str = Field(
        description="What to filter by: a slug, a language, a year.", examples=["sport"]
    )
    name: str = Field(description="What to show.", examples=["Sport"])
    count: int = Field(
        description="How many finds have it, with all filters but those of this facet."
    )


class Facets(OutputModel):
    """The most frequent values of each facet that was asked for; the others are left out."""

    tag: list[FacetCount] = Field(default=[])
    section: list[FacetCount] = Field(default=[])
    author: list[FacetCount] = Field(default=[])
    language: list[FacetCount] = Field(default=[])
    kind: list[FacetCount] = Field(default=[], description="Kinds of tags that the finds have.")
    year: list[FacetCount] = Field(default=[], description="Years of publication.")


class SearchPage(OutputModel):
    """Where this page stands. A search goes `BYLINE_SEARCH_DEPTH_MAX` finds deep."""

    next: str | None = Field(description="Cursor of the page after this one; null on the last.")
    previous: str | None = Field(
        description="Cursor of the page before this one; null on the first."
    )
    limit: int = Field(description="Finds that a full page has.", examples=[20])
    total: int = Field(description="How many articles were found; exact.")


class SearchResult(OutputModel):
    data: list[SearchHit]
    page: SearchPage
    facets: Facets = Field(default=Facets(), description="Only when `facets` asks for them.")
    did_you_mean: str | None = Field(
        description="The same query in a spelling that finds more; null where there is none."
    )


class SuggestQuery(StrictModel):
    """The parameters of suggestions."""

    model_config = ConfigDict(strict=False)

    q: Text = Field(
        max_length=1000, description="The beginning of what is typed.", examples=["harb"]
    )
    limit: Limit = Field(default=10, description="Suggestions at most.")


class Suggestion(OutputModel):
    type: Literal["headline", "tag", "author"]
    text: str = Field(description="What to show.", examples=["Harbour bridge opens"])
    id: str = Field(json_schema_extra={"format": "uuid"})
    slug: str


class Suggestions(OutputModel):
    data: list[Suggestion]


class RelatedLimit(StrictModel):
    """How many related articles there are to be."""

    model_config = ConfigDict(strict=False)

    limit: Limit = Field(default=5, description="Articles at most.")


class RelatedQuery(RelatedLimit):
    """The parameters of related articles."""

    fields: FieldNames | None = None
    body: BodyForms | None = None


class RelatedArticles(OutputModel):
    data: list[ArticleListItem]
