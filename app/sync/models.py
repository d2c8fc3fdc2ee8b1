"""Changes on the wire."""

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import AfterValidator, ConfigDict, Field

from app.access.visibility import ArticleFilter
from app.articles.examples import ARTICLE
from app.articles.models import ArticleListItem, BodyForms, FieldNames
from app.authors.models import AuthorPublic
from app.changes.models import Kind
from app.tags.models import TagPublic
from app.web.params import OutputModel, query_pairs

LIMIT_MAX = 500
LIMIT_DEFAULT = 100
WAIT_SECONDS_MAX = 30
MAX_AGE_SECONDS = 0
"""A follower that is answered by a cache would follow the cache."""
KINDS: tuple[Kind, ...] = ("article", "author", "tag")
Reason = Literal["deleted", "withdrawn", "expired", "left_scope"]


def _known_kinds(value: str) -> str:
    if any(name not in KINDS for name in value.split(",")):
        raise ValueError(f"may name {', '.join(KINDS)}")
    return value


Since = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        description="`page.next` of the answer before. Without it the copy begins with nothing.",
    ),
]
Types = Annotated[
    str,
    AfterValidator(_known_kinds),
    Field(
        description="What to follow, comma separated: `article`, `author`, `tag`. The filters are "
        "about articles; authors and tags come whole.",
        examples=["article,author,tag"],
        json_schema_extra={"pattern": r"^(article|author|tag)(,(article|author|tag))*$"},
    ),
]


class StreamQuery(ArticleFilter):
    """The parameters of following: the article filters, and how articles are shown."""

    model_config = ConfigDict(strict=False)

    since: Since | None = None
    types: Types = "article"
    fields: FieldNames | None = None
    body: BodyForms | None = None

    @property
    def kinds(self) -> frozenset[Kind]:
        return frozenset(kind for kind in KINDS if kind in self.types.split(","))

    @property
    def chosen(self) -> ArticleFilter:
        return ArticleFilter.model_construct(
            **{name: getattr(self, name) for name in ArticleFilter.model_fields}
        )

    def address(self, endpoint: str, since: str | None) -> str:
        """Where the same is followed from a place on; or from the beginning, which nobody waits for."""
        left_out = {"since"} if since else {"since", "wait"}
        given = self.model_dump(mode="json", exclude_unset=True, exclude=left_out)
        pairs = query_pairs(given | ({"since": since} if since else {}))
        return f"{endpoint}?{urlencode(pairs)}" if pairs else endpoint

    @property
    def scope(self) -> str:
        """Equal for queries that follow the same things, however they show them."""
        chosen = self.chosen.model_dump_json(exclude_defaults=True)
        return f"{','.join(sorted(self.kinds))} {chosen}"


class ChangesQuery(StreamQuery):
    """The parameters of a page of changes."""

    limit: int = Field(
        default=LIMIT_DEFAULT,
        ge=1,
        le=LIMIT_MAX,
        description=f"Entries on a page; more than {LIMIT_MAX} is refused.",
    )
    wait: int = Field(
        default=0,
        ge=0,
        le=WAIT_SECONDS_MAX,
        description="Seconds to hold the request while there is nothing new.",
    )


class Change(OutputModel):
    """What became of one thing: its latest state, or that it is to be removed from the copy."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "article",
                    "op": "upsert",
                    "id": ARTICLE["id"],
                    "version": ARTICLE["version"],
                    "article": ARTICLE,
                },
                {
                    "type": "article",
                    "op": "remove",
                    "id": "0199e6a2-7c11-7d20-9a51-3f1c6c0b7e15",
                    "reason": "withdrawn",
                },
            ]
        }
    )

    type: Kind
    op: Literal["upsert", "remove"]
    id: str = Field(json_schema_extra={"format": "uuid"})
    version: int = Field(default=0, description="Only with `upsert`.")
    article: ArticleListItem = Field(  # type: ignore[assignment]
        default=None, description="As in the list, with the `fields` and `body` asked for."
    )
    author: AuthorPublic = Field(  # type: ignore[assignment]
        default=None, description="Where `type` is `author`."
    )
    tag: TagPublic = Field(  # type: ignore[assignment]
        default=None, description="Where `type` is `tag`."
    )
    reason: Reason = Field(
        default="deleted",
        description="Only with `remove`. `left_scope`: it exists, but is not among what you "
        "follow any more.",
    )


class ChangesPage(OutputModel):
    next: str = Field(description="The cursor to go on from; send it as `since`.")
    has_more: bool = Field(description="Whether there is more now. If not, you have caught up.")


class Changes(OutputModel):
    data: list[Change]
    page: ChangesPage


ChangeDocument = dict[str, Any]


def next_link(address: str) -> str:
    """The value of `Link` (RFC 8288)."""
    return f'<{address}>; rel="next"'


EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "One event of the stream.",
    "properties": {
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/Change"},
        },
        "event": {"type": "string", "enum": ["message", "problem"]},
        "id": {"type": "string", "description": "The cursor to go on from."},
        "retry": {"type": "integer", "description": "Milliseconds."},
    },
}
