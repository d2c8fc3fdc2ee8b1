"""Clear the JSON of articles that is in another form, for the server to make it anew.

It does so in the background; until then those articles are read the long way. Processes of the
version before may go on running, and read all of them so.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_pieces_anew"
down_revision = "2026_11_26_every_order"
branch_labels = None
depends_on = None

BEGINNING = "2\x1f"
"""Of JSON in the form of this version."""


def upgrade() -> None:
    pieces: sa.ColumnClause[str] = sa.column("pieces", sa.String())
    op.execute(
        sa.update(sa.table("article", pieces))
        .values(pieces=None)
        .where(sa.not_(pieces.startswith(BEGINNING)))
    )


def downgrade() -> None:
    """Nothing: the version before reads the long way what is in another form than its own."""
