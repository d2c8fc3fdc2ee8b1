"""Keep what the hub of the feeds was told last, so that of many processes one tells it."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_27_hub_notice"
down_revision = "2026_11_26_live_orders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hub_notice",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_hub_notice_one_row")),
        sa.PrimaryKeyConstraint("id", name="pk_hub_notice"),
    )


def downgrade() -> None:
    op.drop_table("hub_notice")
