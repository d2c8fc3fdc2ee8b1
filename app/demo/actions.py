"""A small newsroom to look at: sample articles in several languages that use every field."""

import json
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from app.access.caller import Caller, newsroom
from app.archive.models import Article
from app.articles import actions as articles
from app.articles import lifecycle
from app.articles.creation import create_article
from app.articles.models import ArticleCreate, CorrectionCreate
from app.articles.submissions import submission
from app.authors.actions import create_author
from app.authors.models import AuthorCreate
from app.db.database import Database
from app.tags.actions import create_tag
from app.tags.models import TagCreate

NEWSROOM = Path(__file__).parent / "newsroom.json"


def load_demo(database: Database, now: datetime) -> int:
    """Fills an empty database with the sample newsroom; returns how many articles came in."""
    with database.writing() as session:
        if session.exec(select(Article.id).limit(1)).first() is not None:
            return 0
        content = json.loads(NEWSROOM.read_text(encoding="utf-8"))
        earliest = newsroom(min(map(partial(_written_at, now=now), content["articles"])))
        for author in content["authors"]:
            create_author(session, earliest, AuthorCreate.model_validate(author))
        for tag in content["tags"]:
            create_tag(session, earliest, TagCreate.model_validate(tag))
        for article in sorted(content["articles"], key=partial(_written_at, now=now)):
            _load_article(session, article, now)
    return len(content["articles"])


def _load_article(session: Session, sample: dict[str, Any], now: datetime) -> None:
    demo = sample["demo"]
    fields = {name: value for name, value in sample.items() if name != "demo"}
    fields |= _dates(demo, now)
    wanted = ArticleCreate.model_validate(fields)
    writer = newsroom(_written_at(sample, now))
    publish = demo["state"] != "draft"
    sent = submission(wanted, language="en", publish=publish)
    article = session.get_one(Article, create_article(session, writer, sent).id)
    for correction in demo.get("corrections", []):
        articles.add_correction(session, _later(writer), article, CorrectionCreate(**correction))
    if demo["state"] == "withdrawn":
        take_back = partial(
            lifecycle.withdraw,
            reason=demo.get("withdrawn_reason"),
            now=_later(writer).visibility.now,
        )
        articles.change_lifecycle(session, _later(writer), article, take_back)


def _dates(demo: dict[str, Any], now: datetime) -> dict[str, datetime]:
    """The sample's times, which are given in hours from now so that the newsroom is never stale."""
    hours = {
        "published_at": -demo["published_hours_ago"] if "published_hours_ago" in demo else None,
        "embargoed_until": demo.get("embargo_hours_ahead"),
        "expires_at": -demo["expires_hours_ago"] if "expires_hours_ago" in demo else None,
    }
    return {
        name: (now + timedelta(hours=ahead)).replace(microsecond=0)
        for name, ahead in hours.items()
        if ahead is not None
    }


def _written_at(sample: dict[str, Any], now: datetime) -> datetime:
    hours_ago = max(sample["demo"].get("published_hours_ago") or 0, 0)
    return (now - timedelta(hours=hours_ago)).replace(microsecond=0)


def _later(writer: Caller) -> Caller:
    return newsroom(writer.visibility.now + timedelta(minutes=10))
