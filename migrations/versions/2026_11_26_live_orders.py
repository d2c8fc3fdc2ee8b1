"""Give every order what is live apart, and links the `live` of their article.

Lists of what is public then walk past no drafts. The indexes take the place of those that were
there, one for one, and of the three of what is not live; making them takes some minutes for each
million articles. Stop the processes of the version before first: what they write of drafts has no
`live` on its links.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_live_orders"
down_revision = "2026_11_26_stamps"
branch_labels = None
depends_on = None

KEYS = ("sort_at", "updated_at", "headline_key")
LINKS = {"article_author": "author_id", "article_tag": "tag_id"}
NOT_LIVE = {
    "ix_article_not_live": "sort_at",
    "ix_article_not_live_updated_at": "updated_at",
    "ix_article_not_live_headline_key": "headline_key",
}


def upgrade() -> None:
    article = sa.table("article", sa.column("id"), sa.column("live", sa.Boolean()))
    drafts = sa.select(article.c.id).where(sa.not_(article.c.live))
    for name in LINKS:
        # Nearly all are live; only the others are written.
        live: sa.Column[bool] = sa.Column(
            "live", sa.Boolean(), server_default=sa.true(), nullable=False
        )
        op.add_column(name, live)
        links = sa.table(name, sa.column("article_id"), sa.column("live", sa.Boolean()))
        op.execute(sa.update(links).values(live=False).where(links.c.article_id.in_(drafts)))
    for name in NOT_LIVE:
        op.drop_index(name, "article")
    for table, before, after, first, key, last in _orders():
        op.drop_index(before, table)
        op.create_index(after, table, [*first, "live", key, last])


def downgrade() -> None:
    for table, before, after, first, key, last in _orders():
        op.drop_index(after, table)
        op.create_index(before, table, [*first, key, last])
    for name, key in NOT_LIVE.items():
        op.create_index(
            name,
            "article",
            [key, "id"],
            sqlite_where=sa.text("live = 0"),
            postgresql_where=sa.text("NOT live"),
        )
    for name in LINKS:
        op.drop_column(name, "live")


def _orders() -> Iterator[tuple[str, str, str, list[str], str, str]]:
    """The table of each order, its index before and after, and the columns of both but `live`."""
    for key in KEYS:
        yield "article", f"ix_article_{key}_id", f"ix_article_live_{key}", [], key, "id"
        before = f"ix_article_language_key_{key}_id"
        after = f"ix_article_language_key_live_{key}"
        yield "article", before, after, ["language_key"], key, "id"
        for table, target in LINKS.items():
            before, after = f"ix_{table}_{key}", f"ix_{table}_live_{key}"
            yield table, before, after, [target], key, "article_id"
