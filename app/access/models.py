"""API keys: the table, the scopes, and the shapes on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from pydantic import AfterValidator, ConfigDict
from pydantic import Field as PydanticField
from sqlmodel import Field, SQLModel

from app.access.visibility import ArticleFilter
from app.db.columns import Id, Json, UtcDateTime
from app.web.pages import Page
from app.web.params import FilledText, Instant, MergePatch, OutputModel, StrictModel

Scope = Literal["read", "preview", "write", "publish", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "preview", "write", "publish", "admin")
"""From least to most; each includes those before it."""


def included_scopes(scopes: list[str]) -> frozenset[str]:
    """A key's scopes with those that they include: who may publish may also write, and so on."""
    highest = max((SCOPES.index(scope) for scope in scopes if scope in SCOPES), default=-1)
    return frozenset(SCOPES[: highest + 1])


class ApiKey(SQLModel, table=True):
    """A key. Only its SHA-256 is kept: it has 256 random bits, so a slow hash would add nothing."""

    __tablename__ = "api_key"

    id: str = Field(primary_key=True, sa_type=Id)
    name: str
    hint: str
    hash: str = Field(unique=True)
    scopes: list[str] = Field(sa_type=Json)
    entitlement: dict[str, Any] | None = Field(default=None, sa_type=Json)
    version: int = 1
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SigningSecret(SQLModel, table=True):
    """A random secret that all processes of this site share, for example to sign cursors."""

    __tablename__ = "signing_secret"

    purpose: str = Field(primary_key=True)
    secret: bytes = Field(sa_type=sa.LargeBinary)


class IdempotentAnswer(SQLModel, table=True):
    """What a POST with an `Idempotency-Key` was answered, to be given again (see `idempotency`)."""

    __tablename__ = "idempotent_answer"

    key_id: str = Field(primary_key=True, sa_type=Id, foreign_key="api_key.id")
    key_hash: str = Field(primary_key=True)
    fingerprint: str
    status: int
    headers: dict[str, str] = Field(sa_type=Json)
    body: bytes = Field(sa_type=sa.LargeBinary)
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)


class Entitlement(StrictModel):
    """What a key may see of the articles, on every path. Nothing outside `articles` exists for it."""

    articles: ArticleFilter = PydanticField(
        default_factory=ArticleFilter,
        description="The list parameters that its articles must meet, each an array of values.",
    )
    embargoed: bool = PydanticField(default=False, description="Sees articles under embargo early.")


def _in_order(scopes: list[Scope]) -> list[Scope]:
    if len(set(scopes)) < len(scopes):
        raise ValueError("must not name a scope twice")
    return sorted(scopes, key=SCOPES.index)


Scopes = Annotated[
    list[Scope],
    PydanticField(
        min_length=1,
        description="`read` published content, `preview` also drafts, `write` create and edit, "
        "`publish` publish, withdraw and delete, `admin` everything. Each includes those before it.",
        json_schema_extra={"uniqueItems": True},
    ),
    AfterValidator(_in_order),
]
KeyName = Annotated[
    FilledText,
    PydanticField(
        min_length=1, max_length=200, description="Whose key it is.", examples=["Mobile app"]
    ),
]


class KeyCreate(StrictModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Regional partner",
                    "scopes": ["read"],
                    "entitlement": {"articles": {"tag": ["local,transport"]}, "embargoed": True},
                }
            ]
        }
    )

    name: KeyName
    scopes: Scopes
    entitlement: Entitlement | None = PydanticField(
        default=None, description="Null: every article."
    )
    expires_at: Instant | None = PydanticField(default=None, description="Null: never.")


class ArticleFilterUpdate(MergePatch, ArticleFilter):
    """A change of a key's filter."""


class EntitlementUpdate(MergePatch, Entitlement):
    """A change of what a key may see."""

    articles: ArticleFilterUpdate | None = None  # type: ignore[assignment]


class KeyUpdate(MergePatch, KeyCreate):
    """Some fields of a key, as JSON Merge Patch: null clears one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"expires_at": "2027-06-30T00:00:00Z"}]}
    )

    entitlement: EntitlementUpdate | None = None


class EntitlementPublic(OutputModel):
    """What a key may see: the filters that are set, and whether embargoes are lifted for it."""

    articles: ArticleFilter
    embargoed: bool


class KeyPublic(OutputModel):
    id: str = PydanticField(json_schema_extra={"format": "uuid"})
    name: str
    hint: str = PydanticField(
        description="How the key begins, to tell keys apart.", examples=["byline_4fJq"]
    )
    scopes: list[Scope]
    entitlement: EntitlementPublic | None
    version: int
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class KeyCreated(KeyPublic):
    key: str = PydanticField(description="The key itself. It is shown this once and kept nowhere.")


class KeyList(OutputModel):
    data: list[KeyPublic]
    page: Page


class Me(OutputModel):
    """What the caller's key may do."""

    anonymous: bool
    id: str | None = PydanticField(json_schema_extra={"format": "uuid"})
    name: str | None
    scopes: list[Scope] = PydanticField(description="All scopes, those included by others too.")
    entitlement: EntitlementPublic | None
    expires_at: datetime | None
