"""Ghost's JSON export: posts with their authors, tags and pictures, of any visibility."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from app.importing.found import (
    Found,
    Passed,
    address_of,
    filled,
    headline_of,
    html_body,
    image_of,
    instant_in,
    names_in,
    slug_of,
    summary_of,
)
from app.importing.ghost_body import lexical_html, mobiledoc_html

_Json = dict[str, Any]
SITE = "__GHOST_URL__"
"""Stands in exports for the address of the site."""


def read_ghost(document: _Json) -> Iterator[Found | Passed]:
    """The posts of all parts of an export; its pages are passed over."""
    parts = document["db"] if isinstance(document.get("db"), list) else [document]
    for part in parts:
        data = part.get("data") if isinstance(part, dict) else None
        if isinstance(data, dict):
            yield from _Export(data).posts()


class _Export:
    def __init__(self, data: _Json) -> None:
        self._data = data
        self._users = {one.get("id"): one for one in self._rows("users")}
        self._tags = {one.get("id"): one for one in self._rows("tags")}
        self._meta = {one.get("post_id"): one for one in self._rows("posts_meta")}
        self._authors_of = self._linked("posts_authors", "author_id")
        self._tags_of = self._linked("posts_tags", "tag_id")

    def posts(self) -> Iterator[Found | Passed]:
        for number, post in enumerate(self._rows("posts"), 1):
            name = str(post.get("slug") or post.get("id") or f"post {number}")
            if post.get("type", "post") != "post" or post.get("page"):
                yield Passed(name, "is a page, and no article")
            elif not (post.get("uuid") or post.get("id")):
                yield Passed(name, "has no id", is_wrong=True)
            else:
                yield self._article(name, post)

    def _article(self, name: str, post: _Json) -> Found:
        meta = self._meta.get(post.get("id"), {})
        body = _body_of(post)
        authors = [self._users.get(one, {}) for one in self._authors_of[post.get("id")]]
        if not authors and post.get("author_id") in self._users:  # of the oldest exports
            authors = [self._users.get(post.get("author_id"), {})]
        tags = [self._tags.get(one, {}) for one in self._tags_of[post.get("id")]]
        # A tag that begins with a hash is for the editors alone.
        named = names_in(
            one.get("name") for one in tags if not str(one.get("name")).startswith("#")
        )
        fields = {
            "external_id": f"ghost:{post.get('uuid') or post.get('id')}",
            "slug": slug_of(post.get("slug")),
            "headline": headline_of(post.get("title"), body),
            "summary": summary_of(post.get("custom_excerpt")),
            "body": html_body(body),
            "image": image_of(
                _here(post.get("feature_image") or post.get("image")),
                caption=meta.get("feature_image_caption") or post.get("feature_image_caption"),
                alt=meta.get("feature_image_alt") or post.get("feature_image_alt"),
            ),
            "language": None,
            "canonical_url": address_of(post.get("canonical_url")),
            "published_at": _moment(post.get("published_at")),
        }
        is_public = (
            post.get("status") in ("published", "scheduled", "sent")
            # What only members read is not for everybody here either.
            and post.get("visibility", "public") == "public"
        )
        people = names_in(one.get("name") for one in authors)
        return Found(
            name, filled(fields), people, tuple((tag, "topic") for tag in named), is_public
        )

    def _rows(self, table: str) -> list[_Json]:
        rows = self._data.get(table)
        return [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []

    def _linked(self, table: str, target: str) -> dict[Any, list[Any]]:
        found: dict[Any, list[Any]] = defaultdict(list)
        for row in sorted(self._rows(table), key=lambda one: one.get("sort_order") or 0):
            found[row.get("post_id")].append(row.get(target))
        return found


def _body_of(post: _Json) -> str:
    """Rendered HTML where the export has it, else what the editor keeps."""
    for member, render in (("html", str), ("lexical", lexical_html), ("mobiledoc", mobiledoc_html)):
        source = post.get(member)
        if isinstance(source, str) and source.strip():
            return _here(render(source)) or ""
    return ""


def _here(text: Any) -> str | None:
    return text.replace(SITE, "") if isinstance(text, str) else None


def _moment(said: Any) -> datetime | None:
    if isinstance(said, (int, float)):  # of the oldest exports: milliseconds
        return datetime.fromtimestamp(said / 1000, UTC)
    return instant_in(said if isinstance(said, str) else None)
