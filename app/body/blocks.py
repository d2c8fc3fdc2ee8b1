"""The body as a list of typed blocks, for apps that draw an article themselves. Pure.

Version 1. `BLOCKS_SCHEMA` is its JSON Schema. What is new in a later version is another type of
block or a member that may be left out, so that who skips what they do not know goes on working.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

VERSION = 1

Mark = Literal[
    "strong", "emphasis", "underline", "strikethrough", "deleted", "inserted", "code", "keyboard",
    "highlight", "subscript", "superscript", "small", "quotation", "citation", "abbreviation",
]  # fmt: skip
MARKS: dict[str, Mark] = {
    "strong": "strong", "b": "strong", "em": "emphasis", "i": "emphasis", "u": "underline",
    "s": "strikethrough", "del": "deleted", "ins": "inserted", "code": "code", "kbd": "keyboard",
    "mark": "highlight", "sub": "subscript", "sup": "superscript", "small": "small",
    "q": "quotation", "cite": "citation", "abbr": "abbreviation",
}  # fmt: skip
"""By element; of those with the same meaning the first is the one to write."""


class Part(BaseModel):
    """What has a member only where there is something to say in it."""

    model_config = ConfigDict(extra="forbid")


class Span(Part):
    """A run of text that looks the same. A line break in it is one that the author made."""

    text: str
    marks: list[Mark] = Field(default=[], description="How it is set, from the outermost on.")
    href: str = Field(default="", description="Where it leads, for a link.")
    title: str = Field(default="", description="What an abbreviation stands for.")


class Paragraph(Part):
    type: Literal["paragraph"]
    content: list[Span]


class Heading(Part):
    """Level 1 is the article's headline, so these begin with 2."""

    type: Literal["heading"]
    level: int = Field(ge=2, le=6)
    content: list[Span]


class ListBlock(Part):
    """Each item is a list of blocks: mostly one paragraph, and a list where it has one of its own."""

    type: Literal["list"]
    ordered: bool
    start: int = Field(default=1, description="The number of the first item.")
    reversed: bool = Field(default=False, description="Whether the numbers fall.")
    items: "list[list[Block]]"


class Quote(Part):
    type: Literal["quote"]
    blocks: "list[Block]"


class ImageBlock(Part):
    type: Literal["image"]
    url: str
    alt: str = Field(default="", description="What is to be seen, for those who cannot see it.")
    width: int = Field(default=0, description="Pixels.")
    height: int = Field(default=0, description="Pixels.")
    href: str = Field(default="", description="Where it leads, where it is a link.")
    caption: list[Span] = []


class Embed(Part):
    """Something that another place shows: a page in a frame, a film, a sound, or a link to show as
    a card."""

    type: Literal["embed"]
    kind: Literal["frame", "video", "audio", "link"]
    url: str
    title: str = ""
    poster: str = Field(default="", description="A picture to show before a film begins.")
    width: int = Field(default=0, description="Pixels.")
    height: int = Field(default=0, description="Pixels.")
    href: str = Field(default="", description="Where it leads, where it is a link.")
    caption: list[Span] = []


class Code(Part):
    """Text that keeps its blanks and lines."""

    type: Literal["code"]
    content: list[Span]


class Cell(Part):
    blocks: "list[Block]"
    header: bool = False
    colspan: int = 1
    rowspan: int = 1


class Table(Part):
    type: Literal["table"]
    rows: list[list[Cell]]
    caption: list[Span] = []


class Divider(Part):
    """A change of subject."""

    type: Literal["divider"]


Block = Annotated[
    Paragraph | Heading | ListBlock | Quote | ImageBlock | Embed | Code | Table | Divider,
    Field(discriminator="type"),
]
for _model in (ListBlock, Quote, Cell, Table):
    _model.model_rebuild()
BLOCKS = TypeAdapter(list[Block])
BLOCKS_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": f"The blocks of an article's body, version {VERSION}",
    **BLOCKS.json_schema(),
}
for _one in BLOCKS_SCHEMA["$defs"].values():
    for _member in _one["properties"].values():
        _member.pop("default", None)  # what is not there is not said


def text_of(spans: list[dict[str, Any]]) -> str:
    return "".join(span["text"] for span in spans)
