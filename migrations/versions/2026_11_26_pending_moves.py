"""Write down which authors and tags have articles that are still to be moved after a rename.

Before this is taken back, wait until the table is empty, or those articles stay as followers have
them until they are next changed.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_26_pending_moves"
down_revision = "2026_11_26_pieces_anew"
branch_labels = None
depends_on = None

ID = sa.String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")


def upgrade() -> None:
    op.create_table(
        "pending_move",
        sa.Column("target_id", ID, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("ends_state", sa.Boolean(), nullable=False),
        sa.Column("key_id", ID, nullable=True),
        sa.Column("after_id", ID, nullable=True),
        sa.CheckConstraint("kind IN ('author', 'tag')", name=op.f("ck_pending_move_known_kind")),
        sa.PrimaryKeyConstraint("target_id", name="pk_pending_move"),
    )


def downgrade() -> None:
    op.drop_table("pending_move")
