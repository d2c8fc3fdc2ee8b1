"""Reading keys."""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.access.models import ApiKey, SigningSecret
from app.db.columns import table
from app.web.pages import Position

api_key = table(ApiKey)


def hash_key(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def find_valid_key(session: Session, key: str, now: datetime) -> sa.Row[Any] | None:
    """The key's row, unless it is unknown, revoked or over."""
    valid = sa.select(api_key).where(
        api_key.c.hash == hash_key(key),
        api_key.c.revoked_at.is_(None),
        sa.or_(api_key.c.expires_at.is_(None), api_key.c.expires_at > now),
    )
    return session.connection().execute(valid).first()


def get_key(session: Session, key_id: str) -> sa.Row[Any] | None:
    return next(iter(get_keys(session, [key_id])), None)


def get_keys(session: Session, key_ids: Collection[str]) -> Sequence[sa.Row[Any]]:
    return session.connection().execute(sa.select(api_key).where(api_key.c.id.in_(key_ids))).all()


def list_keys(session: Session, position: Position | None, limit: int) -> Sequence[sa.Row[Any]]:
    """Keys from the newest on; one more than `limit` where there are more."""
    walk = sa.select(api_key).limit(limit + 1)
    if position is None:
        return session.connection().execute(walk.order_by(api_key.c.id.desc())).all()
    (last_id,) = position.key
    if position.backwards:
        walk = walk.where(api_key.c.id > last_id).order_by(api_key.c.id)
    else:
        walk = walk.where(api_key.c.id < last_id).order_by(api_key.c.id.desc())
    return session.connection().execute(walk).all()


def any_key_exists(session: Session) -> bool:
    return session.connection().execute(sa.select(api_key.c.id).limit(1)).first() is not None


def read_secret(session: Session, purpose: str) -> bytes | None:
    secret = table(SigningSecret)
    found = session.connection().execute(
        sa.select(secret.c.secret).where(secret.c.purpose == purpose)
    )
    return found.scalar_one_or_none()
