"""Shapes that articles, authors and tags share on the wire."""

from typing import Annotated, Any, Literal

from pydantic import Field

from app.web.pages import ListQuery
from app.web.params import (
    WHOLE,
    HttpUrl,
    Instant,
    MergePatch,
    OutputModel,
    Ref,
    Slug,
    StrictModel,
    Text,
)

TagKind = Literal["section", "topic", "person", "organisation", "place", "event", "series"]
TAG_KINDS: tuple[TagKind, ...] = (
    "section", "topic", "person", "organisation", "place", "event", "series",
)  # fmt: skip

Pixels = Annotated[int, Field(ge=1, le=100_000), WHOLE]
AskedSlug = Annotated[
    Slug | None,
    Field(
        description="Its place in addresses. Made from the name when not given; null: made anew."
    ),
]


class Image(StrictModel):
    """A picture and what is printed with it. Captured pages know the caption but no address."""

    url: HttpUrl | None = Field(
        default=None,
        description="Where the picture is.",
        examples=["https://images.example.org/bridge.jpg"],
    )
    caption: Text | None = Field(default=None, max_length=2000, examples=["The new bridge at dawn"])
    credit: Text | None = Field(default=None, max_length=300, examples=["Mara Lind"])
    alt: Text | None = Field(
        default=None,
        max_length=2000,
        description="What is to be seen, for those who cannot see it.",
    )
    width: Pixels | None = Field(default=None, description="Pixels.")
    height: Pixels | None = Field(default=None, description="Pixels.")


class ImageUpdate(MergePatch, Image):
    """A change of some of a picture's fields."""


class ImagePublic(OutputModel):
    url: str | None
    caption: str | None
    credit: str | None
    alt: str | None
    width: int | None
    height: int | None


def kept(image: Image | None) -> dict[str, Any] | None:
    """An image as it is stored: every key, so that answers always have the same ones."""
    return image.model_dump() if image else None


NameSort = Literal["name", "-name", "updated_at", "-updated_at"]
NamePrefix = Annotated[
    Text,
    Field(
        min_length=1,
        max_length=100,
        description="Names that start so; case and accents do not matter.",
    ),
]
WithCount = Annotated[
    bool, Field(description="Adds `article_count`: how many articles you may see.")
]


class NameQuery(ListQuery):
    """The parameters of a list of authors or tags."""

    q: NamePrefix | None = None
    updated_since: Instant | None = Field(
        default=None, description="Changed at this time or later."
    )
    sort: NameSort = "name"
    article_count: WithCount = False


class Merge(StrictModel):
    into: Ref = Field(description="Id or slug of what stays.")
