"""Which articles, for whom: the filter of a request or a key, and what one caller may see."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from app.web.params import UUID_PATTERN, Instant, StrictModel, Text, is_id

Status = Literal["draft", "scheduled", "published", "expired", "withdrawn"]
STATUSES: tuple[Status, ...] = ("draft", "scheduled", "published", "expired", "withdrawn")
CHOICES_MAX = 100
CHOICE_LENGTH_MAX = 200
_UUID = UUID_PATTERN.strip("^$")
Groups = tuple[tuple[str, ...], ...]


def _filled_groups(values: list[str]) -> list[str]:
    choices = ",".join(values).split(",")
    if not all(choices):
        raise ValueError("has an empty value; leave the parameter out instead")
    if max(map(len, choices)) > CHOICE_LENGTH_MAX:
        raise ValueError(f"may have values of {CHOICE_LENGTH_MAX} characters at most")
    if sum(value.count(",") + 1 for value in values) > CHOICES_MAX:
        raise ValueError(f"may name {CHOICES_MAX} values at most")
    return values


def _known_statuses(values: list[str]) -> list[str]:
    if any(choice not in STATUSES for value in values for choice in value.split(",")):
        raise ValueError(f"may be {', '.join(STATUSES)}")
    return values


def _known_ids(values: list[str]) -> list[str]:
    if not all(is_id(choice) for value in values for choice in value.split(",")):
        raise ValueError("may be ids of articles only; a slug is no id")
    return values


_CHOICE = rf"[^,\u0000]{{1,{CHOICE_LENGTH_MAX}}}"
Choices = Annotated[
    list[Text],
    Field(
        min_length=1,
        max_length=20,
        json_schema_extra={"items": {"type": "string", "pattern": f"^{_CHOICE}(,{_CHOICE})*$"}},
    ),
    AfterValidator(_filled_groups),
]
"""Given twice means *and*; a comma inside one means *or*."""


class ArticleFilter(StrictModel):
    """Which articles. The same words in a list's address and in a key's entitlement."""

    tag: Choices = Field(
        default_factory=list,
        description="Tags (id or slug). Twice: and. Comma: or.",
        examples=[["climate,energy"]],
    )
    author: Choices = Field(
        default_factory=list, description="Authors (id or slug). Twice: and. Comma: or."
    )
    section: Choices = Field(
        default_factory=list, description="Sections (id or slug of the tag). Comma: or."
    )
    language: Choices = Field(
        default_factory=list,
        description="Languages exactly as articles have them, in any case. Comma: or.",
        examples=[["en-GB,en-US"]],
    )
    status: Annotated[Choices, AfterValidator(_known_statuses)] = Field(
        default_factory=list,
        description="Statuses; others than `published` need the `preview` scope. Comma: or.",
        json_schema_extra={
            "items": {
                "type": "string",
                "pattern": f"^({'|'.join(STATUSES)})(,({'|'.join(STATUSES)}))*$",
            }
        },
    )
    exclude_tag: Choices = Field(
        default_factory=list, description="Articles with any of these tags are left out."
    )
    ids: Annotated[Choices, AfterValidator(_known_ids)] = Field(
        default_factory=list,
        description="Only these articles, by id. Comma: or.",
        json_schema_extra={"items": {"type": "string", "pattern": f"^{_UUID}(,{_UUID})*$"}},
    )
    published_since: Instant | None = Field(
        default=None, description="Published at this time or later."
    )
    published_until: Instant | None = Field(default=None, description="Published before this time.")
    updated_since: Instant | None = Field(
        default=None, description="Changed at this time or later."
    )

    @property
    def is_empty(self) -> bool:
        return self == ArticleFilter()


def groups(choices: list[str]) -> Groups:
    """A parameter's values as a conjunction of alternatives: `a,b` and `c` is (a or b) and c."""
    return tuple(tuple(choice.strip() for choice in value.split(",")) for value in choices)


def refs_in(*choices: list[str]) -> set[str]:
    """Every ref that some parameters name."""
    return {ref for values in choices for group in groups(values) for ref in group}


@dataclass(frozen=True)
class Visibility:
    """What one caller may see at one moment. Every query about articles takes it.

    `previews`: drafts, scheduled, expired and withdrawn articles too. `embargoed`: articles under
    embargo too. `entitlement`: nothing outside this filter, on any path.
    """

    now: datetime
    previews: bool = False
    embargoed: bool = False
    entitlement: ArticleFilter | None = None

    @property
    def fingerprint(self) -> str:
        """Equal for callers who may see the same; the moment is left out."""
        entitlement: Any = self.entitlement and self.entitlement.model_dump_json(
            exclude_defaults=True
        )
        return f"{self.previews} {self.embargoed} {entitlement}"
