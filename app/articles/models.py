"""Articles on the wire."""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from pydantic_core import to_json

from app.access.visibility import ArticleFilter, Status
from app.archive.selection import SortName
from app.archive.shapes import AskedSlug, Image, ImagePublic, ImageUpdate, TagKind
from app.articles import examples
from app.body.blocks import Block
from app.web.pages import Count, ListQuery, Page
from app.web.params import (
    WHOLE,
    FilledText,
    HttpUrl,
    Instant,
    MergePatch,
    OutputModel,
    Ref,
    StrictModel,
    Text,
)
from app.web.problems import ProblemModel

BodyFormat = Literal["html", "markdown", "text"]
CorrectionKind = Literal["correction", "clarification", "update", "retraction"]
METADATA_BYTES_MAX = 16 * 1024
SOURCE_LENGTH_MAX = 300_000
Uuid = Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class Body(StrictModel):
    """The text as the newsroom wrote it. It is kept as it is and shown sanitised."""

    format: BodyFormat
    source: Text = Field(
        max_length=SOURCE_LENGTH_MAX, examples=["<p>The bridge opened at dawn.</p>"]
    )


class BodyUpdate(MergePatch, Body):
    """A change of the body."""


class Credit(StrictModel):
    """An author and what they did."""

    ref: Ref = Field(description="Id or slug of the author.")
    role: Text | None = Field(default=None, max_length=100, examples=["photographer"])


def _from_ref(value: Any) -> Any:
    return {"ref": value} if isinstance(value, str) else value


_REF_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "maxLength": 200,
    "pattern": "^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$",
}
CreditOrRef = Annotated[
    Credit,
    BeforeValidator(_from_ref),
    WithJsonSchema(
        {
            "oneOf": [
                _REF_SCHEMA,
                {
                    "type": "object",
                    "properties": {
                        "ref": _REF_SCHEMA,
                        "role": {"type": ["string", "null"], "maxLength": 100},
                    },
                    "required": ["ref"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


def _bounded_metadata(value: dict[str, Any]) -> dict[str, Any]:
    for part in _parts(value):
        if isinstance(part, str) and "\x00" in part:
            raise ValueError("must not contain the NUL character")
        if isinstance(part, float) and not math.isfinite(part):
            raise ValueError("must not contain a number that is too large to keep")
    if len(to_json(value)) > METADATA_BYTES_MAX:
        raise ValueError(f"may have {METADATA_BYTES_MAX} bytes of JSON at most")
    return value


def _parts(value: Any) -> Iterator[Any]:
    """Every key and scalar of a JSON value; how deep it goes is bounded when it is parsed."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner)
    else:
        yield value


Metadata = Annotated[dict[str, Any], AfterValidator(_bounded_metadata)]
Urgency = Annotated[int, Field(ge=1, le=9), WHOLE]
LanguageTag = Annotated[
    str,
    Field(
        max_length=35,
        pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$",
        description="BCP 47, for example `en-GB`.",
        examples=["en-GB"],
    ),
]


NewId = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$",
        examples=["01a20c95-fd9f-710b-8f03-e27cdf1368f0"],
    ),
    AfterValidator(str.lower),
]
"""A UUID of RFC 9562, of any version; those that stand for nothing, such as the nil UUID, are none."""


class ArticleCreate(StrictModel):
    model_config = ConfigDict(json_schema_extra={"examples": [examples.ARTICLE_TO_CREATE]})

    slug: AskedSlug = None
    headline: FilledText = Field(min_length=1, max_length=300, examples=["Harbour bridge opens"])
    subheadline: Text | None = Field(default=None, max_length=1000)
    summary: Text | None = Field(default=None, max_length=5000)
    dateline: Text | None = Field(default=None, max_length=200, examples=["HARROW BAY"])
    byline: Text | None = Field(
        default=None, max_length=500, description="The line as printed; null: made from `authors`."
    )
    language: LanguageTag | None = Field(
        default=None, description="BCP 47; null: the site's language."
    )
    body: Body | None = None
    image: Image | None = Field(default=None, description="The lead image.")
    authors: list[CreditOrRef] = Field(
        default=[], max_length=50, description="In order; refs, or `{ref, role}`.", examples=[[]]
    )
    tags: list[Ref] = Field(
        default=[],
        max_length=100,
        description="In order, as refs. The first of kind `section` is the article's section.",
        examples=[[]],
    )
    source: Text | None = Field(default=None, max_length=500, description="Where it comes from.")
    canonical_url: HttpUrl | None = Field(default=None, description="Where it was published first.")
    copyright: Text | None = Field(default=None, max_length=1000)
    usage_terms: Text | None = Field(default=None, max_length=5000)
    external_id: FilledText | None = Field(
        default=None, min_length=1, max_length=500, description="The sender's own id; unique."
    )
    urgency: Urgency | None = Field(default=None, description="1 is the highest (IPTC).")
    published_at: Instant | None = Field(
        default=None, description="Needs `publish`. In a draft, the date that publishing will use."
    )
    embargoed_until: Instant | None = Field(
        default=None, description="Until then only keys with `preview` or `embargoed` see it."
    )
    expires_at: Instant | None = Field(
        default=None, description="From then on readers see it no more."
    )
    metadata: Metadata = Field(
        default={}, description="The publisher's own JSON object, up to 16 KiB.", examples=[{}]
    )


class ArticleUpdate(MergePatch, ArticleCreate):
    """Some fields of an article, as JSON Merge Patch: null clears one."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ARTICLE_CHANGES]})

    body: BodyUpdate | None = None
    image: ImageUpdate | None = None


class ArticleLine(ArticleCreate):
    """One article of many. It is matched on `id` if given, else on `external_id`, else new."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ARTICLE_LINE]})

    id: NewId | None = Field(
        default=None, description="The article to replace, or the id that a new one is to have."
    )

    @property
    def history(self) -> Any:
        """What makes it a copy of an article: a bulk line is none."""
        return None


LineStatus = Literal["created", "updated", "unchanged", "failed"]


class LineAnswer(OutputModel):
    """What became of a line. A failed one has only `problem`, the others have the rest."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.LINE_ANSWER]})

    line: int = Field(description="Which line or array element, from 1; blank lines count.")
    status: LineStatus
    id: Uuid = ""
    slug: str = ""
    version: int = 0
    problem: ProblemModel | None = Field(
        default=None, description="Why it failed; pointers are into the line's own document."
    )


class ArticleAuthorPublic(OutputModel):
    id: Uuid
    slug: str
    name: str
    role: str | None


class ArticleTagPublic(OutputModel):
    id: Uuid
    slug: str
    name: str
    kind: TagKind


class Correction(OutputModel):
    at: datetime
    kind: CorrectionKind
    note: str


class BodyPublic(OutputModel):
    """The forms of the body that `body=` asked for."""

    html: str = Field(default="", description="Sanitised HTML.")
    text: str = Field(
        default="",
        description="The words alone, a blank line between blocks; links and pictures are in the others.",
    )
    markdown: str = Field(default="", description="CommonMark, with tables as GitHub writes them.")
    blocks: list[Block] = Field(
        default=[],
        description="The same as typed blocks, version 1; `/schemas/blocks-1.json` is their schema.",
    )
    format: BodyFormat = Field(default="html", description="With `source`: what it is written in.")
    source: str = Field(default="", description="As it was written; needs `preview`.")


class ArticleSummary(OutputModel):
    """An article in a list. With `fields=` it has those fields only."""

    id: Uuid
    slug: str
    url: str = Field(description="Its public page; where none is configured, its address here.")
    headline: str
    subheadline: str | None
    summary: str | None
    dateline: str | None
    byline: str | None
    language: str
    image: ImagePublic | None
    authors: list[ArticleAuthorPublic]
    tags: list[ArticleTagPublic]
    section: ArticleTagPublic | None
    source: str | None
    canonical_url: str | None
    copyright: str | None
    usage_terms: str | None
    external_id: str | None
    urgency: int | None
    status: Status
    published_at: datetime | None
    embargoed_until: datetime | None
    expires_at: datetime | None
    first_published_at: datetime | None = Field(description="When readers could first see it.")
    created_at: datetime
    corrections: list[Correction]
    word_count: int
    reading_minutes: int
    metadata: dict[str, Any]
    updated_at: datetime = Field(description="The last change that a reader can notice.")
    version: int


class ArticleListItem(ArticleSummary):
    model_config = ConfigDict(json_schema_extra={"examples": [examples.ARTICLE]})

    body: BodyPublic | None = Field(default=None, description="Only with `body=`.")


class ArticlePublic(ArticleSummary):
    """An article, whole. With `fields=` it has those fields only."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ARTICLE_WITH_BODY]})

    body: BodyPublic | None


class ArticleList(OutputModel):
    data: list[ArticleListItem]
    page: Page


FIELDS: tuple[str, ...] = tuple(ArticlePublic.model_fields)
BODY_FORMS = ("html", "text", "markdown", "blocks", "source")


def _one_of(names: tuple[str, ...]) -> Any:
    def check(value: str) -> str:
        unknown = [name for name in value.split(",") if name not in names]
        if unknown:
            raise ValueError(f"has no `{unknown[0]}`; it may name {', '.join(names)}")
        return value

    return check


def _list_pattern(names: tuple[str, ...]) -> dict[str, Any]:
    choice = "|".join(names)
    return {"pattern": f"^({choice})(,({choice}))*$"}


FieldNames = Annotated[
    str,
    AfterValidator(_one_of(FIELDS)),
    Field(
        description="Only these fields, comma separated.",
        examples=["headline,slug,published_at"],
        json_schema_extra=_list_pattern(FIELDS),
    ),
]
BodyForms = Annotated[
    str,
    AfterValidator(_one_of(BODY_FORMS)),
    Field(
        description="Forms of the body, comma separated: `html`, `text`, `markdown`, `blocks`, and "
        "`source` with `preview`. One article has `html` when not given, a list none.",
        examples=["html"],
        json_schema_extra=_list_pattern(BODY_FORMS),
    ),
]


class ArticleView(StrictModel):
    """How one article is shown."""

    model_config = ConfigDict(strict=False)

    fields: FieldNames | None = None
    body: BodyForms | None = None


class ArticleListQuery(ArticleFilter, ListQuery):
    """The parameters that say which articles a list has, and in which order."""

    model_config = ConfigDict(strict=False)

    sort: SortName = Field(default="-published_at", description="A minus sorts from the newest on.")


class ArticleQuery(ArticleListQuery):
    """The parameters of the list of articles."""

    fields: FieldNames | None = None
    body: BodyForms | None = None
    count: Count = Field(
        default="none",
        description="`exact` counts the whole list; `estimate` stops counting at a bound.",
    )


Publish = Annotated[
    bool, Field(description="Publish in the same request; needs the `publish` scope.")
]


class PublishRequest(StrictModel):
    at: Instant | None = Field(
        default=None, description="When; null: the date that it has, or now."
    )


class WithdrawRequest(StrictModel):
    reason: Text | None = Field(
        default=None,
        max_length=1000,
        description="Readers of the former address see it with the 410.",
    )


class CorrectionCreate(StrictModel):
    kind: CorrectionKind
    note: FilledText = Field(
        min_length=1, max_length=5000, examples=["The bridge is 310 metres long."]
    )
