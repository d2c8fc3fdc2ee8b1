"""Tags on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from app.archive.shapes import TAG_KINDS, AskedSlug, NameQuery, TagKind
from app.web.pages import Page
from app.web.params import FilledText, MergePatch, OutputModel, Ref, StrictModel, Text

TagName = Annotated[FilledText, Field(min_length=1, max_length=200, examples=["Climate"])]


class TagCreate(StrictModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "Transport", "kind": "topic", "description": "Roads, rails and ferries."}
            ]
        }
    )

    slug: AskedSlug = None
    name: TagName
    kind: TagKind = Field(
        default="topic", description="The first `section` of an article is its section."
    )
    description: Text | None = Field(default=None, max_length=2000)
    parent: Ref | None = Field(
        default=None, description="The tag that this one is part of; id or slug.", examples=[None]
    )


class TagUpdate(MergePatch, TagCreate):
    """Some fields of a tag, as JSON Merge Patch: null clears one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Getting around"}]})


class TagParent(OutputModel):
    id: str = Field(json_schema_extra={"format": "uuid"})
    slug: str
    name: str


class TagPublic(OutputModel):
    id: str = Field(json_schema_extra={"format": "uuid"})
    slug: str
    name: str
    kind: TagKind
    description: str | None
    parent: TagParent | None
    version: int
    created_at: datetime
    updated_at: datetime
    article_count: int = Field(
        default=0, description="Articles that you may see; only with `article_count=true`."
    )


class TagList(OutputModel):
    data: list[TagPublic]
    page: Page


def _known_kinds(kinds: str) -> str:
    if any(kind not in TAG_KINDS for kind in kinds.split(",")):
        raise ValueError(f"may be {', '.join(TAG_KINDS)}")
    return kinds


class TagQuery(NameQuery):
    """The parameters of the list of tags."""

    kind: Annotated[str, AfterValidator(_known_kinds)] | None = Field(
        default=None,
        description="Only tags of this kind; a comma means or.",
        examples=["section"],
        json_schema_extra={"pattern": f"^({'|'.join(TAG_KINDS)})(,({'|'.join(TAG_KINDS)}))*$"},
    )
    parent: Ref | None = Field(
        default=None, description="Only tags directly under this one; id or slug."
    )
