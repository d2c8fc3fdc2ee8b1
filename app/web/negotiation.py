"""Formats beside JSON, by suffix or by `Accept` (RFC 9110, section 12.5.1).

Each format has an address of its own; who asks for it by `Accept` is answered as if the suffix had
been there, so that everything below sees one way only.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from starlette.types import Scope

ARTICLE_FORMATS: Mapping[str, str] = {
    "html": "text/html",
    "md": "text/markdown",
    "txt": "text/plain",
    "jsonld": "application/ld+json",
    "ninjs": "application/ninjs+json",
}
LIST_FORMATS: Mapping[str, str] = {
    "rss": "application/rss+xml",
    "atom": "application/atom+xml",
    "feed.json": "application/feed+json",
    "ninjs": "application/ninjs+json",
}
"""Media types by suffix. Of what a client likes alike, it gets what stands first; JSON before all."""
_ARTICLE = re.compile(r"/v1/articles/[^/.]+")
_LIST = re.compile(r"/v1/(?:articles(?:/[^/.]+/related)?|search)")
_OF_JSON = re.compile(rb"(?:^|&)(?:fields|body|count|facets)=")
_LENGTH_MAX = 300
"""Of an `Accept` that is kept in memory with what it chose; browsers send half of that."""


def negotiate(scope: Scope) -> None:
    """Adds to the path the suffix that `Accept` asks for; once is as often as twice."""
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return
    accepted = [value for name, value in scope["headers"] if name == b"accept"]
    if not accepted or accepted == [b"*/*"]:
        return
    accept = b",".join(accepted)
    # Whoever chooses members of the JSON wants that, as somebody does who looks at it in a browser.
    if _OF_JSON.search(scope["query_string"]):
        return
    path: str = scope["path"]
    if _LIST.fullmatch(path):
        chosen = suffix_for(accept, is_article=False)
    elif _ARTICLE.fullmatch(path):
        chosen = suffix_for(accept, is_article=True)
    else:
        return
    if chosen:
        scope["path"] = f"{path}.{chosen}"
        if raw := scope.get("raw_path"):
            scope["raw_path"] = raw + f".{chosen}".encode()


def suffix_for(accept: bytes, *, is_article: bool) -> str | None:
    """The suffix that suits an `Accept` best; None for JSON, also where nothing suits."""
    return (_kept if len(accept) <= _LENGTH_MAX else _chosen)(accept, is_article)


def _chosen(accept: bytes, is_article: bool) -> str | None:
    ranges = _ranges(accept.decode("latin-1"))
    offered: dict[str | None, str] = {None: "application/json"}
    offered.update(ARTICLE_FORMATS if is_article else LIST_FORMATS)
    # `max` keeps the first of those that are as good.
    best = max(offered, key=lambda suffix: _quality(offered[suffix], ranges))
    return best if _quality(offered[best], ranges)[0] > 0 else None


_kept = lru_cache(500)(_chosen)


def _ranges(accept: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in accept.split(","):
        media_type, *parameters = (part.strip().lower() for part in one.split(";"))
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        found[media_type] = float(weight) if re.fullmatch(r"[01](\.[0-9]{0,3})?", weight) else 0.0
    return found


def _quality(media_type: str, ranges: Mapping[str, float]) -> tuple[float, int]:
    """How much it is wanted, and how closely it is named."""
    kind = media_type.partition("/")[0]
    for closeness, named in ((2, media_type), (1, f"{kind}/*"), (0, "*/*")):
        if named in ranges:
            return ranges[named], closeness
    return 0.0, 0
