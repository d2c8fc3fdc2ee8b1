"""Let followers walk the sequence: article numbers on links, former states, what refs meant.

Stop the processes of the version before first: what they write has no numbers on its links, and
followers would not hear of it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_24_follow_changes"
down_revision = "2026_11_24_create_tables"
branch_labels = None
depends_on = None

ID = sa.String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")
SORT_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
LINKS = ("article_author", "article_tag")


def upgrade() -> None:
    op.add_column("sequence_counter", sa.Column("at", INSTANT, nullable=True))
    op.add_column("article", _number("state_sequence"))
    op.add_column("article", sa.Column("state_at", INSTANT, nullable=True))
    op.add_column("article", sa.Column("next_tick_at", INSTANT, nullable=True))
    for links in LINKS:
        op.add_column(links, _number("sequence"))
    _create_tables()
    _fill()
    _create_indexes()


def downgrade() -> None:
    # Cursors given so far would lead past what is dropped here; with another secret none is valid.
    secret = sa.table("signing_secret", sa.column("purpose"))
    op.execute(sa.delete(secret).where(secret.c.purpose == "cursors"))
    revisions = sa.table("revision", sa.column("operation"), sa.column("reason"))
    only_seen_by_others = (revisions.c.operation == "upsert") & revisions.c.reason.is_not(None)
    op.execute(sa.delete(revisions).where(only_seen_by_others))
    for links in LINKS:
        op.drop_index(f"ix_{links}_sequence", links)
        op.drop_column(links, "sequence")
    op.drop_index("ix_article_next_tick_at", "article")
    op.drop_index("ix_article_language_key_sequence_id", "article")
    op.drop_index("ix_article_sequence_id", "article")
    op.create_index("ix_article_sequence", "article", ["sequence"])
    for column in ("state_sequence", "state_at", "next_tick_at"):
        op.drop_column("article", column)
    op.drop_column("sequence_counter", "at")
    for table in ("ref_meaning", "former_state_ref", "former_state"):
        op.drop_table(table)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def _create_tables() -> None:
    op.create_table(
        "former_state",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("entity_id", ID, nullable=False),
        sa.Column("state_sequence", sa.BigInteger(), nullable=False),
        sa.Column("state_at", INSTANT, nullable=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("reason", sa.String(10), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("published_at", INSTANT, nullable=True),
        sa.Column("embargoed_until", INSTANT, nullable=True),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("updated_at", INSTANT, nullable=True),
        sa.Column("language_key", SORT_TEXT, nullable=True),
        sa.CheckConstraint(
            "kind IN ('article', 'author', 'tag')", name=op.f("ck_former_state_known_kind")
        ),
        sa.CheckConstraint(
            "reason IN ('deleted', 'withdrawn', 'expired', 'left_scope')",
            name=op.f("ck_former_state_known_reason"),
        ),
        sa.CheckConstraint(
            "state_sequence < sequence", name=op.f("ck_former_state_begins_before_it_ends")
        ),
        sa.PrimaryKeyConstraint("sequence", name="pk_former_state"),
    )
    op.create_table(
        "former_state_ref",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("target_id", ID, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("is_section", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "target_id", name="pk_former_state_ref"),
    )
    op.create_table(
        "ref_meaning",
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("ref", SORT_TEXT, nullable=False),
        sa.Column("from_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("target_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("kind", "ref", "from_sequence", name="pk_ref_meaning"),
    )


def _fill() -> None:
    """Nobody follows yet, so each article's present state may begin at its last number."""
    columns = (
        "id", "live", "sequence", "updated_at", "published_at", "embargoed_until", "expires_at",
        "state_sequence", "state_at", "next_tick_at",
    )  # fmt: skip
    article = sa.table("article", *map(sa.column, columns))
    op.execute(
        sa.update(article).values(state_sequence=article.c.sequence, state_at=article.c.updated_at)
    )
    next_tick_at = article.c.next_tick_at
    for name in ("published_at", "embargoed_until", "expires_at"):
        boundary = article.c[name]
        sooner = sa.or_(next_tick_at.is_(None), boundary < next_tick_at)
        op.execute(
            sa.update(article)
            .values(next_tick_at=boundary)
            .where(article.c.live, boundary > article.c.updated_at, sooner)
        )
    for name in LINKS:
        links = sa.table(name, sa.column("article_id"), sa.column("sequence"))
        its = sa.select(article.c.sequence).where(article.c.id == links.c.article_id)
        op.execute(sa.update(links).values(sequence=its.scalar_subquery()))


def _create_indexes() -> None:
    for links, target in zip(LINKS, ("author_id", "tag_id"), strict=True):
        op.create_index(f"ix_{links}_sequence", links, [target, "sequence", "article_id"])
    op.drop_index("ix_article_sequence", "article")
    op.create_index("ix_article_sequence_id", "article", ["sequence", "id"])
    op.create_index(
        "ix_article_language_key_sequence_id", "article", ["language_key", "sequence", "id"]
    )
    op.create_index(
        "ix_article_next_tick_at",
        "article",
        ["next_tick_at"],
        sqlite_where=sa.text("next_tick_at IS NOT NULL"),
        postgresql_where=sa.text("next_tick_at IS NOT NULL"),
    )
    op.create_index("ix_former_state_entity_id_sequence", "former_state", ["entity_id", "sequence"])
    op.create_index("ix_former_state_ref_target_id", "former_state_ref", ["target_id", "sequence"])
