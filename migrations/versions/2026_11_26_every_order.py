"""Give lists in one language, of drafts and of what expires the indexes of every order.

The two by language cost each write of an article two entries; the others have only the few
articles that are not live or that expire. Processes of the version before may go on running.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_every_order"
down_revision = "2026_11_24_bodies_apart"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for key in ("updated_at", "headline_key"):
        op.create_index(f"ix_article_language_key_{key}_id", "article", ["language_key", key, "id"])
        op.create_index(
            f"ix_article_not_live_{key}",
            "article",
            [key, "id"],
            sqlite_where=sa.text("live = 0"),
            postgresql_where=sa.text("NOT live"),
        )
    op.create_index(
        "ix_article_expiring",
        "article",
        ["sort_at", "id"],
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_article_expiring", "article")
    for key in ("updated_at", "headline_key"):
        op.drop_index(f"ix_article_not_live_{key}", "article")
        op.drop_index(f"ix_article_language_key_{key}_id", "article")
