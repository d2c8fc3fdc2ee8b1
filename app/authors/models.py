"""Authors on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from app.archive.shapes import AskedSlug, Image, ImagePublic, ImageUpdate, NameQuery
from app.web.pages import Page
from app.web.params import (
    NOT_IN_ADDRESSES,
    FilledText,
    HttpUrl,
    MergePatch,
    OutputModel,
    StrictModel,
    Text,
)

AuthorName = Annotated[FilledText, Field(min_length=1, max_length=200, examples=["Mara Lind"])]
Email = Annotated[
    str,
    Field(
        max_length=254,
        pattern=rf"^[^@{NOT_IN_ADDRESSES}]+@[^@{NOT_IN_ADDRESSES}]+$",
        examples=["mara@example.org"],
    ),
]


class AuthorLink(StrictModel):
    """Somewhere else that the author can be found."""

    title: FilledText = Field(min_length=1, max_length=200, examples=["Home page"])
    url: HttpUrl


class AuthorCreate(StrictModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Chihiro Okusawa",
                    "role": "Data reporter",
                    "bio": "Counts things in Harrow Bay.",
                    "links": [{"title": "Home page", "url": "https://okusawa.example.org/"}],
                }
            ]
        }
    )

    slug: AskedSlug = None
    name: AuthorName
    role: Text | None = Field(default=None, max_length=200, examples=["Science editor"])
    bio: Text | None = Field(default=None, max_length=5000)
    image: Image | None = None
    links: list[AuthorLink] = Field(default=[], max_length=20)
    email: Email | None = Field(default=None, description="Shown to keys with `write` only.")


class AuthorUpdate(MergePatch, AuthorCreate):
    """Some fields of an author, as JSON Merge Patch: null clears one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"role": "Data editor", "bio": None}]}
    )

    image: ImageUpdate | None = None


class AuthorPublic(OutputModel):
    id: str = Field(json_schema_extra={"format": "uuid"})
    slug: str
    name: str
    role: str | None
    bio: str | None
    image: ImagePublic | None
    links: list[AuthorLink]
    email: str | None = Field(default=None, description="Only for keys with `write`.")
    version: int
    created_at: datetime
    updated_at: datetime
    article_count: int = Field(
        default=0, description="Articles that you may see; only with `article_count=true`."
    )


class AuthorList(OutputModel):
    data: list[AuthorPublic]
    page: Page


class AuthorQuery(NameQuery):
    """The parameters of the list of authors."""
