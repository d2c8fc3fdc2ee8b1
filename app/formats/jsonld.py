"""An article as schema.org's NewsArticle, as search engines read it. Pure."""

from typing import Any

from pydantic_core import to_json

from app.formats.news import (
    Article,
    Site,
    canonical_url_of,
    correction_lines,
    description_of,
    filled,
    image_of,
    instant,
    permanent_id,
    text_of,
)

_Json = dict[str, Any]


def jsonld(article: Article, site: Site) -> bytes:
    """The document of the format, with the article's text."""
    return to_json(news_article(article, site) | filled({"articleBody": text_of(article)}))


def news_article(article: Article, site: Site) -> _Json:
    """What there is to say of an article beside its text."""
    page, published_at = site.page_of(article), article["published_at"]
    return filled(
        {
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "@id": permanent_id(article["id"]),
            "url": page,
            "mainEntityOfPage": canonical_url_of(article) or page,
            "headline": article["headline"],
            "alternativeHeadline": article["subheadline"],
            "description": description_of(article),
            "inLanguage": article["language"],
            "datePublished": published_at and instant(published_at),
            "dateModified": instant(article["updated_at"]),
            "expires": article["expires_at"] and instant(article["expires_at"]),
            "author": [{"@type": "Person", "name": one["name"]} for one in article["authors"]],
            "publisher": _publisher(site),
            "image": _images(article),
            "articleSection": article["section"] and article["section"]["name"],
            "keywords": [tag["name"] for tag in article["tags"]],
            "dateline": article["dateline"],
            "wordCount": article["word_count"],
            "isAccessibleForFree": site.is_free,
            "copyrightNotice": article["copyright"],
            "version": str(article["version"]),
            "correction": [
                {"@type": "CorrectionComment", "text": f"{word}: {note}", "datePublished": at}
                for word, at, note in correction_lines(article)
            ],
        }
    )


def _publisher(site: Site) -> _Json:
    logo = {"@type": "ImageObject", "url": site.logo_url} if site.logo_url else None
    made = {
        "@type": "NewsMediaOrganization",
        "name": site.title,
        "url": site.home_url,
        "logo": logo,
    }
    return filled(made)


def _pixels(number: int | None) -> _Json | None:
    # E37 is a pixel in the codes of UN/CEFACT, which schema.org asks for.
    return {"@type": "QuantitativeValue", "value": number, "unitCode": "E37"} if number else None


def _images(article: Article) -> list[_Json]:
    image = image_of(article)
    if image is None:
        return []
    made = {
        "@type": "ImageObject",
        "url": image["url"],
        "width": _pixels(image["width"]),
        "height": _pixels(image["height"]),
        "caption": image["caption"],
        "creditText": image["credit"],
    }
    return [filled(made)]
