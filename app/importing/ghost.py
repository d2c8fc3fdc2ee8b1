"""Ghost's JSON export: posts with their authors, tags and pictures, of any visibility."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from app.importing.found import (
    Found,
    Passed,
    Unreadable,
    address_of,
    filled,
    guarded,
    headline_of,
    html_body,
    identity_of,
    image_of,
    instant_in,
    line,
    names_in,
    slug_of,
    summary_of,
)
from app.importing.ghost_body import lexical_html, mobiledoc_html

_Json = dict[str, Any]
SITE = "__GHOST_URL__"
"""Stands in exports for the address of the site."""


def read_ghost(document: _Json, site: str | None = None) -> Iterator[Found | Passed]:
    """The posts of all parts of an export; its pages are passed over.

    `site` is where the site was; without it, what stands on the site itself cannot be addressed.
    """
    parts = document["db"] if isinstance(document.get("db"), list) else [document]
    exports = [
        part["data"]
        for part in parts
        if isinstance(part, dict) and isinstance(part.get("data"), dict)
    ]
    if not any(isinstance(data.get("posts"), list) for data in exports):
        raise Unreadable("is a Ghost export without a list of `posts`")
    is_here = False
    for data in exports:
        export = _Export(data, site)
        yield from export.posts()
        is_here = is_here or export.has_own_addresses
    if is_here and not site:
        said = (
            "has addresses of its own site, which lead nowhere now; import it with --site https://…"
        )
        yield Passed(SITE, said)


class _Export:
    def __init__(self, data: _Json, site: str | None) -> None:
        self._data = data
        self._site = (site or "").rstrip("/")
        self.has_own_addresses = False
        self._users = {str(one.get("id")): one for one in self._rows("users")}
        self._tags = {str(one.get("id")): one for one in self._rows("tags")}
        self._meta = {str(one.get("post_id")): one for one in self._rows("posts_meta")}
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
                yield guarded(name, partial(self._article, name, post))

    def _article(self, name: str, post: _Json) -> Found:
        post_id = str(post.get("id"))
        meta = self._meta.get(post_id, {})
        body = self._body_of(post)
        authors = [self._users.get(one, {}) for one in self._authors_of[post_id]]
        if not authors:  # of the oldest exports
            authors = [self._users.get(str(post.get("author_id")), {})]
        tags = [self._tags.get(one, {}) for one in self._tags_of[post_id]]
        # A tag that begins with a hash is for the editors alone.
        named = names_in(
            one.get("name") for one in tags if not str(one.get("name")).startswith("#")
        )
        fields = {
            "external_id": identity_of(f"ghost:{post.get('uuid') or post_id}"),
            "slug": slug_of(post.get("slug")),
            "headline": headline_of(line(post.get("title")), body),
            "summary": summary_of(line(post.get("custom_excerpt"))),
            "body": html_body(body),
            "image": image_of(
                self._here(post.get("feature_image") or post.get("image")),
                caption=meta.get("feature_image_caption") or post.get("feature_image_caption"),
                alt=meta.get("feature_image_alt") or post.get("feature_image_alt"),
            ),
            "canonical_url": address_of(post.get("canonical_url")),
            "published_at": _moment(post.get("published_at")),
        }
        is_public = (
            post.get("status") in ("published", "scheduled")
            # What was sent by mail alone was never a page.
            and not meta.get("email_only")
            # What only members read is not for everybody here either.
            and post.get("visibility", "public") == "public"
        )
        people = names_in(one.get("name") for one in authors)
        return Found(
            name, filled(fields), people, tuple((tag, "topic") for tag in named), is_public
        )

    def _body_of(self, post: _Json) -> str:
        """Rendered HTML where the export has it, else what the editor keeps."""
        for member, render in (
            ("html", str),
            ("lexical", lexical_html),
            ("mobiledoc", mobiledoc_html),
        ):
            source = post.get(member)
            if isinstance(source, str) and source.strip():
                return self._here(render(source)) or ""
        return ""

    def _here(self, text: Any) -> str | None:
        if not isinstance(text, str):
            return None
        self.has_own_addresses = self.has_own_addresses or SITE in text
        return text.replace(SITE, self._site)

    def _rows(self, table: str) -> list[_Json]:
        rows = self._data.get(table)
        return [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []

    def _linked(self, table: str, target: str) -> dict[Any, list[Any]]:
        found: dict[Any, list[Any]] = defaultdict(list)
        for row in sorted(self._rows(table), key=_order):
            found[str(row.get("post_id"))].append(str(row.get(target)))
        return found


def _order(row: _Json) -> float:
    order = row.get("sort_order")
    return order if isinstance(order, (int, float)) else 0


def _moment(said: Any) -> datetime | None:
    if isinstance(said, (int, float)):  # of the oldest exports: milliseconds
        return datetime.fromtimestamp(said / 1000, UTC)
    return instant_in(said)
