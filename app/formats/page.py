"""An article as a complete HTML page: for people, for search engines, for who shares it. Pure."""

import json
from html import escape
from typing import Any

from app.formats.jsonld import news_article
from app.formats.news import (
    Article,
    Site,
    absolute_html,
    canonical_url_of,
    correction_lines,
    description_of,
    image_of,
    instant,
)
from app.web.negotiation import ARTICLE_FORMATS

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src https: http: data:; media-src https:; "
    "frame-src https:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Content-Type-Options": "nosniff",
}
"""The page runs no script, whatever stands in it."""
_RIGHT_TO_LEFT = {"ar", "arc", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"}
_STYLE = (
    "body{margin:0 auto;max-width:42rem;padding:1rem;font:1.125rem/1.6 Georgia,serif;"
    "color:#1a1a1a;background:#fff}h1{line-height:1.2}img,video,iframe{max-width:100%;height:auto}"
    "iframe{aspect-ratio:16/9;width:100%}figure{margin:1.5rem 0}figcaption,.about{color:#555;"
    "font-size:.9em}blockquote{border-inline-start:.25rem solid #bbb;margin-inline:0;"
    "padding-inline-start:1rem}table{border-collapse:collapse;display:block;overflow-x:auto}"
    "td,th{border:1px solid #ccc;padding:.25rem .5rem;text-align:start}pre{overflow-x:auto}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#151515}a{color:#8ab4f8}"
    "figcaption,.about{color:#aaa}}"
)


def page(article: Article, site: Site) -> bytes:
    """The whole page, with its metadata and JSON-LD in the head."""
    language = article["language"]
    direction = ' dir="rtl"' if language.partition("-")[0].lower() in _RIGHT_TO_LEFT else ""
    return (
        f'<!doctype html>\n<html lang="{escape(language)}"{direction}>\n'
        f"<head>\n{_head(article, site)}</head>\n<body>\n{_body(article, site)}</body>\n</html>\n"
    ).encode()


def _head(article: Article, site: Site) -> str:
    headline, url = article["headline"], site.page_of(article)
    image, published_at, section = image_of(article), article["published_at"], article["section"]
    about = {
        "description": description_of(article),
        "author": article["byline"],
        "og:type": "article",
        "og:site_name": site.title,
        "og:title": headline,
        "og:description": description_of(article),
        "og:url": url,
        "og:locale": article["language"].replace("-", "_"),
        "og:image": image and image["url"],
        "og:image:alt": image and image["alt"],
        "article:published_time": published_at and instant(published_at),
        "article:modified_time": instant(article["updated_at"]),
        "article:section": section and section["name"],
        "twitter:card": "summary_large_image" if image else "summary",
    }
    return "".join(
        [
            '<meta charset="utf-8">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            f"<title>{escape(headline, quote=False)} – {escape(site.title, quote=False)}</title>\n",
            *(_meta(name, value) for name, value in about.items()),
            *(_meta("article:tag", tag["name"]) for tag in article["tags"]),
            f'<link rel="canonical" href="{escape(canonical_url_of(article) or url)}">\n',
            *_alternates(article, site),
            f"<style>{_STYLE}</style>\n",
            f'<script type="application/ld+json">{_json(news_article(article, site))}</script>\n',
        ]
    )


def _meta(name: str, value: Any) -> str:
    if not value:
        return ""
    key = "property" if ":" in name and not name.startswith("twitter") else "name"
    return f'<meta {key}="{name}" content="{escape(str(value))}">\n'


def _alternates(article: Article, site: Site) -> list[str]:
    address = f"{site.api_url}/v1/articles/{article['slug']}"
    return [
        f'<link rel="alternate" type="{media_type}" href="{escape(address)}.{suffix}">\n'
        for suffix, media_type in ARTICLE_FORMATS.items()
        if suffix != "html"
    ]


def _body(article: Article, site: Site) -> str:
    parts = ["<main>\n<article>\n<header>\n"]
    if article["section"]:
        parts.append(f'<p class="about">{_text(article["section"]["name"])}</p>\n')
    parts.append(f"<h1>{_text(article['headline'])}</h1>\n")
    if article["subheadline"]:
        parts.append(f"<p><strong>{_text(article['subheadline'])}</strong></p>\n")
    if about := _about(article):
        parts.append(f'<p class="about">{about}</p>\n')
    parts += ["</header>\n", _lead_image(article)]
    if article["summary"]:
        parts.append(f"<p><em>{_text(article['summary'])}</em></p>\n")
    parts += [absolute_html(article), "\n"]
    if corrections := correction_lines(article):
        parts.append(
            '<section aria-labelledby="corrections">\n<h2 id="corrections">Corrections</h2>\n'
        )
        for word, at, note in corrections:
            dated = f'<time datetime="{at}">{at[:10]}</time>'
            parts.append(f"<p><strong>{word}, {dated}:</strong> {_text(note)}</p>\n")
        parts.append("</section>\n")
    parts += [_foot(article, site), "</article>\n</main>\n"]
    return "".join(parts)


def _about(article: Article) -> str:
    published_at = article["published_at"]
    parts = [_text(article[name]) for name in ("dateline", "byline") if article[name]]
    if published_at:
        at = instant(published_at)
        parts.append(f'<time datetime="{at}">{at[:10]} {at[11:16]} UTC</time>')
    return " · ".join(parts)


def _lead_image(article: Article) -> str:
    image = image_of(article)
    if image is None:
        return ""
    size = "".join(f' {name}="{image[name]}"' for name in ("width", "height") if image[name])
    said = " ".join(_text(image[name]) for name in ("caption", "credit") if image[name])
    caption = f"<figcaption>{said}</figcaption>" if said else ""
    shown = f'<img src="{escape(image["url"])}" alt="{escape(image["alt"] or "")}"{size}>'
    return f"<figure>{shown}{caption}</figure>\n"


def _foot(article: Article, site: Site) -> str:
    lines = [article["source"], article["copyright"], article["usage_terms"]]
    said = "<br>\n".join(_text(line) for line in lines if line)
    link = f'<a href="{escape(site.home_url)}">{_text(site.title)}</a>'
    return f'<footer class="about">\n<p>{said}{said and "<br>"}{link}</p>\n</footer>\n'


def _text(text: str) -> str:
    return escape(text, quote=False)


def _json(document: dict[str, Any]) -> str:
    # Nothing in it may be read as the end of the script.
    return json.dumps(document, ensure_ascii=False, default=str).replace("<", "\\u003c")
