"""Past versions on the wire."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from app.access.visibility import Status
from app.archive.shapes import ImagePublic, TagKind
from app.articles.models import BodyPublic, Correction, Uuid
from app.web.pages import Page
from app.web.params import OutputModel, StrictModel

VERSION_MAX = 2**31 - 1


class RevisionListItem(OutputModel):
    """A version in an article's history."""

    version: int
    at: datetime = Field(description="When it was written; it stood until the next version.")
    status: Status = Field(description="The article's status when this version began.")
    headline: str
    changed: list[str] | None = Field(
        description="The fields that differ from the next older version of this list; `body` also "
        "when only its markup does. Empty: only the name of an author or tag changed. Null: there "
        "is no older version.",
        examples=[["headline", "body"]],
    )
    key_id: Uuid | None = Field(
        default=None,
        description="With `preview`: the key it was written with; null: on the server itself.",
    )


class RevisionList(OutputModel):
    data: list[RevisionListItem]
    page: Page


class RevisionAuthorPublic(OutputModel):
    """An author under their name of today; without one when they exist no more."""

    id: Uuid
    slug: str | None
    name: str | None
    role: str | None


class RevisionTagPublic(OutputModel):
    """A tag under its name of today; without one when it exists no more."""

    id: Uuid
    slug: str | None
    name: str | None
    kind: TagKind | None


class RevisionPublic(OutputModel):
    """An article as it was in one version."""

    version: int
    at: datetime = Field(description="When it was written; it stood until the next version.")
    status: Status = Field(description="The article's status when this version began.")
    headline: str
    subheadline: str | None
    summary: str | None
    dateline: str | None
    byline: str | None
    slug: str
    language: str
    image: ImagePublic | None
    authors: list[RevisionAuthorPublic]
    tags: list[RevisionTagPublic]
    section: RevisionTagPublic | None
    source: str | None
    canonical_url: str | None
    copyright: str | None
    usage_terms: str | None
    external_id: str | None
    urgency: int | None
    published_at: datetime | None
    embargoed_until: datetime | None
    expires_at: datetime | None
    corrections: list[Correction]
    metadata: dict[str, Any]
    word_count: int
    reading_minutes: int
    body: BodyPublic | None = Field(
        description="As HTML and text; as it was written with `preview`."
    )
    key_id: Uuid | None = Field(
        default=None,
        description="With `preview`: the key it was written with; null: on the server itself.",
    )
    withdrawn_reason: str | None = Field(default=None, description="Only with `preview`.")


class TextChange(OutputModel):
    op: Literal["equal", "insert", "delete"]
    text: str


class ValueChange(OutputModel):
    model_config = ConfigDict(serialize_by_alias=True)

    from_: Any = Field(alias="from")
    to: Any


class RevisionDiff(OutputModel):
    """What differs between two versions, and nothing else."""

    model_config = ConfigDict(serialize_by_alias=True)

    from_: int | None = Field(
        alias="from",
        description="The version compared with; null: there is no older one, so all is new.",
    )
    to: int
    texts: dict[str, list[TextChange]] = Field(
        description="`headline`, `subheadline`, `summary`, `dateline`, `byline` and `body` (its "
        "text) word by word. `equal` and `delete` together are the old text, `equal` and `insert` "
        "the new one. A `body` of `equal` alone: only its markup differs.",
        examples=[
            {
                "headline": [
                    {"op": "equal", "text": "Harbour bridge "},
                    {"op": "delete", "text": "opens"},
                    {"op": "insert", "text": "stays shut"},
                ]
            }
        ],
    )
    values: dict[str, ValueChange] = Field(
        description="Every other field, as `RevisionPublic` has it.",
        examples=[{"urgency": {"from": 4, "to": 2}}],
    )


class RevisionDiffQuery(StrictModel):
    """The other side of a comparison."""

    model_config = ConfigDict(strict=False)

    other: int | None = Field(
        default=None,
        alias="with",
        ge=1,
        le=VERSION_MAX,
        description="The version to compare with; when not given, the one before.",
    )
