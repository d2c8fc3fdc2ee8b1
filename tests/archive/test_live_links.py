"""Links carry whether their article is live, those from before an upgrade too."""

import sqlalchemy as sa

from app.archive.tables import article, article_author, article_tag
from app.db.migrate import migrate
from tests.conftest import Newsroom


def live_by_slug(newsroom: Newsroom) -> set[tuple[str, bool, bool]]:
    """Of each link the slug of its article, and `live` of both."""
    with newsroom.database.reading() as session:
        return {
            (row.slug, row.its, row.live)
            for links in (article_author, article_tag)
            for row in session.connection().execute(
                sa.select(article.c.slug, article.c.live.label("its"), links.c.live).join(
                    links, links.c.article_id == article.c.id
                )
            )
        }


def test_an_upgrade_gives_links_what_their_articles_have(newsroom: Newsroom) -> None:
    newsroom.make("authors", name="Mara Lind")
    newsroom.send("POST", "/v1/tags", {"name": "Storms", "kind": "topic"})
    for slug, publish in (("shown", True), ("draft", False), ("withdrawn", True)):
        wanted = {"headline": slug, "slug": slug, "authors": ["mara-lind"], "tags": ["storms"]}
        made = newsroom.send("POST", f"/v1/articles?publish={str(publish).lower()}", wanted)
        assert made.status_code == 201
    newsroom.send("POST", "/v1/articles/withdrawn/withdraw", {"reason": "wrong"})
    wanted_of_all = {("shown", True, True), ("draft", False, False), ("withdrawn", False, False)}
    assert live_by_slug(newsroom) == wanted_of_all
    migrate(newsroom.database, "2026_11_26_stamps")
    migrate(newsroom.database)
    assert live_by_slug(newsroom) == wanted_of_all
