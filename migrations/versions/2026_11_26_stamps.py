"""Write an article's JSON in a form that a read has less to do with; the server makes it anew.

It does so in the background; until then articles are read the long way. What was known of links
in a column of its own is within the JSON now, and what a rename changes in it has the column. Stop
the processes of the version before first: they ask for that column by its former name.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_stamps"
down_revision = "2026_11_26_pending_moves"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE article RENAME COLUMN links TO stamp")
    _clear()


def downgrade() -> None:
    _clear()
    op.execute("ALTER TABLE article RENAME COLUMN stamp TO links")


def _clear() -> None:
    pieces, stamp = sa.column("pieces", sa.String()), sa.column("stamp", sa.String())
    article = sa.table("article", pieces, stamp)
    made = article.c.pieces.is_not(None)
    op.execute(sa.update(article).where(made).values(pieces=None, stamp=None))
