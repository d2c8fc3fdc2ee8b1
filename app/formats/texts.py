"""An article as Markdown with front matter, and as plain text. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any

from app.body.block_reader import blocks_of
from app.body.markdown import markdown_of
from app.body.plain import plain_text_of
from app.formats.news import (
    Article,
    Site,
    absolute_html,
    canonical_url_of,
    correction_lines,
    description_of,
    filled,
    image_of,
    instant,
    permanent_id,
)

_NOT_PRINTABLE = re.compile(
    "[^\t\n\r\u0020-\u007e\u0085\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u0085\u2028\u2029]"
)
"""What YAML cannot have as it is (YAML 1.2.2, section 5.1), and what some take for a line break."""


def markdown(article: Article, site: Site) -> bytes:
    """Front matter, whose values are JSON and so YAML too, then the body; no headline within it."""
    front = "".join(f"{name}: {_yaml(value)}\n" for name, value in _front(article, site).items())
    body = markdown_of(blocks_of(absolute_html(article)))
    corrections = "".join(
        f"\n**{word}, {at[:10]}:** {markdown_of(_paragraphs(note))}"
        for word, at, note in correction_lines(article)
    )
    return f"---\n{front}---\n\n{body}{corrections}".encode()


def text(article: Article, site: Site) -> bytes:
    """The headline and what is printed with it, then the body with the addresses that it leads to."""
    published_at, image = article["published_at"], image_of(article)
    head = [
        article["headline"],
        article["subheadline"],
        "\n".join(filter(None, (article["byline"], published_at and instant(published_at)))),
        article["summary"],
    ]
    if image:
        head.append(_image_line(image))
    parts = [part for part in head if part]
    parts.append(plain_text_of(blocks_of(absolute_html(article))).rstrip("\n"))
    parts += [f"{word}, {at[:10]}: {note}" for word, at, note in correction_lines(article)]
    parts += [part for part in (article["copyright"], site.page_of(article)) if part]
    return ("\n\n".join(part for part in parts if part) + "\n").encode()


def _front(article: Article, site: Site) -> Mapping[str, Any]:
    published_at, image = article["published_at"], image_of(article)
    return filled(
        {
            "title": article["headline"],
            "subtitle": article["subheadline"],
            "description": description_of(article),
            "date": published_at and instant(published_at),
            "lastmod": instant(article["updated_at"]),
            "id": permanent_id(article["id"]),
            "slug": article["slug"],
            "url": site.page_of(article),
            "canonical_url": canonical_url_of(article),
            "lang": article["language"],
            "byline": article["byline"],
            "dateline": article["dateline"],
            "authors": [author["name"] for author in article["authors"]],
            "section": article["section"] and article["section"]["name"],
            "tags": [tag["name"] for tag in article["tags"]],
            "image": image and image["url"],
            "image_alt": image and image["alt"],
            "image_caption": image and image["caption"],
            "image_credit": image and image["credit"],
            "source": article["source"],
            "copyright": article["copyright"],
            "usage_terms": article["usage_terms"],
        }
    )


def _yaml(value: Any) -> str:
    return _NOT_PRINTABLE.sub(_escape, json.dumps(value, ensure_ascii=False))


def _escape(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]


def _paragraphs(note: str) -> list[dict[str, Any]]:
    return [
        {"type": "paragraph", "content": [{"text": " ".join(part.split())}]}
        for part in note.split("\n\n")
        if part.strip()
    ]


def _image_line(image: Mapping[str, Any]) -> str:
    parts = (image["alt"], image["caption"], image["credit"])
    said = ". ".join(part.rstrip(".") for part in parts if part)
    return f"[Image: {said} <{image['url']}>]" if said else f"[Image: <{image['url']}>]"
