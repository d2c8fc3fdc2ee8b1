"""The lines of a copy of a newsroom, as `byline export` writes and `byline import` reads them.

An article's line has all that a bulk line has, and what makes the copy the same article: its
version, its times, what happened to it, and the addresses that led to it before.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from app.archive.refs import NameHistory
from app.articles.models import ArticleLine, CorrectionKind, NewId
from app.articles.submissions import History
from app.authors.models import AuthorCreate
from app.changes.models import Kind
from app.tags.models import TagCreate
from app.web.params import Instant, Ref, StrictModel, Text

Version = Annotated[int, Field(ge=1)]


class AuthorRecord(AuthorCreate):
    type: Literal["author"]
    id: NewId
    version: Version
    created_at: Instant
    updated_at: Instant
    former_refs: list[Ref] = Field(default=[])

    @property
    def history(self) -> NameHistory:
        return _name_history(self)


class TagRecord(TagCreate):
    type: Literal["tag"]
    id: NewId
    version: Version
    created_at: Instant
    updated_at: Instant
    former_refs: list[Ref] = Field(default=[])

    @property
    def history(self) -> NameHistory:
        return _name_history(self)


def _name_history(record: AuthorRecord | TagRecord) -> NameHistory:
    return NameHistory(
        record.id, record.version, record.created_at, record.updated_at, tuple(record.former_refs)
    )


class KeptCorrection(StrictModel):
    at: Text
    kind: CorrectionKind
    note: Text


class ArticleRecord(ArticleLine):
    type: Literal["article"]
    id: NewId
    version: Version
    created_at: Instant
    updated_at: Instant
    released_at: Instant | None = None
    withdrawn_at: Instant | None = None
    withdrawn_reason: Text | None = None
    first_published_at: Instant | None = None
    corrections: list[KeptCorrection] = Field(default=[])
    former_refs: list[Ref] = Field(default=[])

    @property
    def history(self) -> History:
        return History(
            self.version,
            self.created_at,
            self.updated_at,
            self.released_at,
            self.withdrawn_at,
            self.withdrawn_reason,
            self.first_published_at,
            [one.model_dump() for one in self.corrections],
            tuple(self.former_refs),
        )


class RemovedRecord(StrictModel):
    """Something that was deleted: its id is not given again, and its addresses answer 410."""

    type: Literal["removed"]
    kind: Kind
    id: NewId
    version: Version
    at: Instant
    snapshot: dict[str, Any] | None = None
    former_refs: list[Ref] = Field(default=[])


Record = AuthorRecord | TagRecord | ArticleRecord | RemovedRecord
RECORDS: dict[str, type[Record]] = {
    "author": AuthorRecord,
    "tag": TagRecord,
    "article": ArticleRecord,
    "removed": RemovedRecord,
}
