"""Making, changing and revoking keys."""

import hashlib
import secrets
from datetime import datetime
from typing import Any

from sqlmodel import Session

from app.access.models import ApiKey, Entitlement, KeyCreate, SigningSecret
from app.access.queries import hash_key, read_secret
from app.db.columns import new_id
from app.db.database import Database
from app.web.conditional import Precondition
from app.web.problems import conflict, not_found

KEY_PREFIX = "byline_"
HINT_LENGTH = len(KEY_PREFIX) + 4


def create_key(session: Session, wanted: KeyCreate, now: datetime) -> tuple[ApiKey, str]:
    """A new key: its row and the key itself, which cannot be had again."""
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    row = ApiKey(
        id=new_id(),
        name=wanted.name,
        hint=secret[:HINT_LENGTH],
        hash=hash_key(secret),
        scopes=list(wanted.scopes),
        entitlement=_kept(wanted.entitlement),
        created_at=now,
        expires_at=wanted.expires_at,
    )
    session.add(row)
    session.flush()
    return row, secret


def existing_key(session: Session, key_id: str, match: Precondition) -> ApiKey:
    """The key to change; 404 or 412 when there is none or a newer one."""
    row = session.get(ApiKey, key_id)
    if row is None:
        raise not_found("key")
    match.check(row.version)
    return row


def change_key(session: Session, row: ApiKey, wanted: KeyCreate) -> ApiKey:
    """Replaces what a key may do, from its next request on."""
    if row.revoked_at is not None:
        raise conflict("revoked", "This key is revoked and stays so; create another.")
    row.name, row.scopes = wanted.name, list(wanted.scopes)
    row.entitlement, row.expires_at = _kept(wanted.entitlement), wanted.expires_at
    if session.is_modified(row):
        row.version += 1
    session.flush()
    return row


def revoke_key(session: Session, row: ApiKey, now: datetime) -> None:
    """Ends a key at once. Its row stays, so that what it did keeps its name."""
    if row.revoked_at is None:
        row.revoked_at = now
        row.version += 1
    session.flush()


def shared_secret(database: Database, purpose: str) -> bytes:
    """The site's secret for one purpose, made by whichever process needs it first."""
    with database.reading() as session:
        secret = read_secret(session, purpose)
    if secret is not None:
        return secret
    with database.writing() as session:
        secret = read_secret(session, purpose)
        if secret is None:
            secret = secrets.token_bytes(32)
            session.add(SigningSecret(purpose=purpose, secret=secret))
    return secret


def database_id(database: Database) -> str:
    """Equal for all who use one database, and for no others; it tells nothing of the secrets."""
    secret = shared_secret(database, "database id")
    return hashlib.blake2b(secret, digest_size=16).hexdigest()


def _kept(entitlement: Entitlement | None) -> dict[str, Any] | None:
    return entitlement.model_dump(mode="json", exclude_defaults=True) if entitlement else None
