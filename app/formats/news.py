"""What every format is made of: an article as the API shows it, and the list that it stands in. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urljoin

from app.body.addresses import absolute
from app.settings import Settings

Article = Mapping[str, Any]
"""As `ArticlePublic`, whole, with its body as `html` and `text`; times are of `datetime`."""
_NOT_IN_URIS = re.compile(r"[^A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]|%(?![0-9A-Fa-f]{2})")
_IMAGE_TYPES = {
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif",
    "webp": "image/webp", "avif": "image/avif", "svg": "image/svg+xml",
}  # fmt: skip
CORRECTION_WORDS = {
    "correction": "Correction",
    "clarification": "Clarification",
    "update": "Update",
    "retraction": "Retraction",
}


@dataclass(frozen=True)
class Site:
    """The publication. `api_url` is where this server is, `home_url` its own front page."""

    title: str
    language: str
    api_url: str
    article_url: str
    home_url: str
    logo_url: str | None
    is_free: bool

    @classmethod
    def of(cls, settings: Settings) -> "Site":
        public = f"{settings.site_url}/docs"
        if settings.article_url:
            public = urljoin(settings.article_url, "/")
        return cls(
            settings.site_title,
            settings.language,
            settings.site_url,
            settings.article_url_template,
            public,
            settings.logo_url or None,
            settings.public_read,
        )

    @property
    def page_url(self) -> str:
        """Where people read articles, with `{slug}`: the public pages; else this server's own."""
        own = f"{self.api_url}/v1/articles/{{slug}}"
        return f"{own}.html" if self.article_url == own else self.article_url

    def page_of(self, article: Article) -> str:
        return self.page_url.replace("{slug}", article["slug"])


@dataclass(frozen=True)
class Removed:
    """An article that was in the list and has been withdrawn."""

    id: str
    at: datetime
    reason: str | None


@dataclass(frozen=True)
class Feed:
    """A page of a list. Of the addresses, those that lead nowhere are None."""

    site: Site
    title: str
    url: str
    articles: Sequence[Article]
    first_url: str | None = None
    next_url: str | None = None
    previous_url: str | None = None
    removed: Sequence[Removed] = ()
    hub_url: str | None = None

    @property
    def updated_at(self) -> datetime:
        """When anything in it last changed; long ago where nothing is in it."""
        changed = [one["updated_at"] for one in self.articles]
        changed += [one.at for one in self.removed]
        return max(changed, default=datetime(1970, 1, 1, tzinfo=UTC))


def permanent_id(thing_id: str) -> str:
    """A name that stays when addresses change (RFC 9562)."""
    return f"urn:uuid:{thing_id}"


def instant(at: datetime) -> str:
    """RFC 3339, in UTC, to the second: finer parts tell nobody anything, and readers stumble on them."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def absolute_html(article: Article) -> str:
    """The body's HTML with addresses that hold outside its page."""
    body = article.get("body")
    if not body:
        return ""
    return absolute(body["html"], article["url"])


def text_of(article: Article) -> str:
    body = article.get("body")
    return str(body["text"]) if body else ""


def image_of(article: Article) -> Mapping[str, Any] | None:
    """The lead image, where it has an address."""
    image: Mapping[str, Any] | None = article["image"]
    return {**image, "url": uri(image["url"])} if image and image["url"] else None


def canonical_url_of(article: Article) -> str | None:
    url: str | None = article["canonical_url"]
    return uri(url) if url else None


def uri(address: str) -> str:
    """An address as RFC 3986 has it: browsers take more characters than formats do."""
    return _NOT_IN_URIS.sub(lambda found: quote(found[0], safe=""), address)


def image_type(url: str) -> str | None:
    """The media type that an address ends with, where it does."""
    path = url.partition("?")[0].partition("#")[0]
    return _IMAGE_TYPES.get(path.rpartition(".")[2].lower())


def correction_lines(article: Article) -> list[tuple[str, str, str]]:
    """Of each correction what it is, when it was made (RFC 3339), and what it says."""
    return [
        (CORRECTION_WORDS[one["kind"]], instant(_moment(one["at"])), one["note"])
        for one in article["corrections"]
    ]


def _moment(at: Any) -> datetime:
    return at if isinstance(at, datetime) else datetime.fromisoformat(at)


def description_of(article: Article) -> str:
    return str(article["summary"] or article["subheadline"] or "")


def filled(document: dict[str, Any]) -> dict[str, Any]:
    """A document of JSON without what there is nothing to say of."""
    return {name: value for name, value in document.items() if value not in (None, "", [])}
