"""Past versions as documents: in a list, one of them whole, and what differs between two."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from pydantic_core import to_json
from sqlmodel import Session

from app.access.visibility import Visibility
from app.archive.models import Author, Tag
from app.body.rendering import RenderedBody, render
from app.db.columns import table
from app.history.diff import word_diff
from app.history.queries import PastVersion

author = table(Author)
tag = table(Tag)

TEXTS = ("headline", "subheadline", "summary", "dateline", "byline")
TIMES = ("published_at", "embargoed_until", "expires_at")
VALUES = (
    "slug", "language", "image", "authors", "tags", "section", "source", "canonical_url",
    "copyright", "usage_terms", "external_id", "urgency", *TIMES, "corrections", "metadata",
)  # fmt: skip


@dataclass(frozen=True)
class Names:
    """The authors and tags of some versions as they are called now, by id."""

    authors: dict[str, dict[str, Any]]
    tags: dict[str, dict[str, Any]]


def load_names(session: Session, *pasts: PastVersion) -> Names:
    connection = session.connection()
    author_ids = {credit["id"] for past in pasts for credit in past.snapshot["authors"]}
    tag_ids = {tag_id for past in pasts for tag_id in past.snapshot["tags"]}
    authors = connection.execute(
        sa.select(author.c.id, author.c.slug, author.c.name).where(author.c.id.in_(author_ids))
    )
    tags = connection.execute(
        sa.select(tag.c.id, tag.c.slug, tag.c.name, tag.c.kind).where(tag.c.id.in_(tag_ids))
    )
    return Names(
        {row.id: dict(row._mapping) for row in authors},
        {row.id: dict(row._mapping) for row in tags},
    )


def changed_fields(before: PastVersion | None, past: PastVersion) -> list[str] | None:
    """The fields in which a version differs from one before it; None where there is none."""
    if before is None:
        return None
    old, new = before.snapshot, past.snapshot
    changed = [name for name in (*TEXTS, *VALUES) if not _same(old.get(name), new.get(name))]
    changed += ["body"] if before.body != past.body else []
    changed += ["status"] if before.status != past.status else []
    return changed


def _same(one: Any, other: Any) -> bool:
    return to_json(one) == to_json(other)


def list_item(
    before: PastVersion | None, past: PastVersion, visibility: Visibility
) -> dict[str, Any]:
    """A version as `RevisionListItem`, compared with the one before it in the caller's list."""
    item = {
        "version": past.version,
        "at": past.at,
        "status": past.status,
        "headline": past.snapshot["headline"],
        "changed": changed_fields(before, past),
    }
    return item | ({"key_id": past.key_id} if visibility.previews else {})


def revision_document(
    past: PastVersion, names: Names, body: RenderedBody | None, visibility: Visibility
) -> dict[str, Any]:
    """A version as `RevisionPublic`, in the order of the model."""
    snapshot = past.snapshot
    values = _values(past, names)
    credited = [credit["name"] for credit in values["authors"] if credit["name"]]
    document = {
        "version": past.version,
        "at": past.at,
        "status": past.status,
        **{name: snapshot.get(name) for name in TEXTS},
        "byline": snapshot["byline"] or ", ".join(credited) or None,
        **values,
        "word_count": body.word_count if body else 0,
        "reading_minutes": body.reading_minutes if body else 0,
        "body": body and {"html": body.html, "text": body.text},
    }
    if visibility.previews:
        document |= {"key_id": past.key_id, "withdrawn_reason": snapshot["withdrawn_reason"]}
        source = {"format": snapshot["body_format"], "source": snapshot["body_source"]}
        document["body"] = body and document["body"] | source
    return document


def _values(past: PastVersion, names: Names) -> dict[str, Any]:
    snapshot = past.snapshot
    no_author, no_tag = {"slug": None, "name": None}, {"slug": None, "name": None, "kind": None}
    tags = {tag_id: names.tags.get(tag_id, {"id": tag_id, **no_tag}) for tag_id in snapshot["tags"]}
    times = {name: (at := snapshot[name]) and datetime.fromisoformat(at) for name in TIMES}
    # A snapshot does not have the fields that articles got after it was written.
    return {name: snapshot.get(name) for name in VALUES} | {
        "authors": [
            {**names.authors.get(one["id"], {"id": one["id"], **no_author}), "role": one["role"]}
            for one in snapshot["authors"]
        ],
        "tags": list(tags.values()),
        "section": tags.get(snapshot["section"]),
        **times,
    }


def rendered_body(past: PastVersion, current: Any) -> RenderedBody | None:
    """What readers got of its body. `current` is the article's row, which lends its rendering.

    Otherwise it takes the time of rendering: call it when no connection is held.
    """
    body_format, source = past.body
    if body_format is None or source is None:
        return None
    if (current.body_format, current.body_source) == (body_format, source):
        return RenderedBody(
            current.body_html, current.body_text, current.word_count, current.reading_minutes
        )
    return _rendered(body_format, source)


@lru_cache(maxsize=16)
def _rendered(body_format: str, source: str) -> RenderedBody:
    # The longest bodies take a second, and anybody may ask for them again and again.
    return render(body_format, source)


def diff_document(
    before: PastVersion | None, past: PastVersion, names: Names, current: Any
) -> dict[str, Any]:
    """Two versions as `RevisionDiff`: only what differs. Without `before` all of it is new."""
    old: dict[str, Any] = before.snapshot if before else {}
    texts = {
        name: word_diff(old.get(name) or "", past.snapshot.get(name) or "")
        for name in TEXTS
        if old.get(name) != past.snapshot.get(name)
    }
    if (before.body if before else (None, None)) != past.body:
        bodies = [one and rendered_body(one, current) for one in (before, past)]
        texts["body"] = word_diff(*(body.text if body else "" for body in bodies))
    was, now = (_compared(one, names) if one else {} for one in (before, past))
    return {
        "from": before and before.version,
        "to": past.version,
        "texts": texts,
        "values": {
            name: {"from": was.get(name), "to": now[name]}
            for name in now
            if not _same(was.get(name), now[name])
        },
    }


def _compared(past: PastVersion, names: Names) -> dict[str, Any]:
    return {"status": past.status, **_values(past, names)}
