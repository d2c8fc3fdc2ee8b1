"""Create the tables: keys, articles, authors, tags, their links and addresses, the sequence."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_24_create_tables"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")
SORT_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("hint", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("entitlement", sa.JSON(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("hash", name="uq_api_key_hash"),
    )
    op.create_table(
        "article",
        sa.Column("id", ID, nullable=False),
        sa.Column("slug", SORT_TEXT, nullable=False),
        sa.Column("external_id", SORT_TEXT, nullable=True),
        sa.Column("headline", sa.String(), nullable=False),
        sa.Column("headline_key", SORT_TEXT, nullable=False),
        sa.Column("subheadline", sa.String(), nullable=True),
        sa.Column("summary", sa.String(), nullable=True),
        sa.Column("dateline", sa.String(), nullable=True),
        sa.Column("byline", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("language_key", SORT_TEXT, nullable=False),
        sa.Column("body_format", sa.String(), nullable=True),
        sa.Column("body_source", sa.String(), nullable=True),
        sa.Column("body_html", sa.String(), nullable=True),
        sa.Column("body_text", sa.String(), nullable=True),
        sa.Column("word_count", sa.Integer(), nullable=False),
        sa.Column("reading_minutes", sa.Integer(), nullable=False),
        sa.Column("image", sa.JSON(), nullable=True),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("canonical_url", sa.String(), nullable=True),
        sa.Column("copyright", sa.String(), nullable=True),
        sa.Column("usage_terms", sa.String(), nullable=True),
        sa.Column("urgency", sa.Integer(), nullable=True),
        sa.Column("corrections", sa.JSON(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("released_at", INSTANT, nullable=True),
        sa.Column("published_at", INSTANT, nullable=True),
        sa.Column("embargoed_until", INSTANT, nullable=True),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("withdrawn_at", INSTANT, nullable=True),
        sa.Column("withdrawn_reason", sa.String(), nullable=True),
        sa.Column("first_published_at", INSTANT, nullable=True),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("sort_at", INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "body_format IN ('html', 'markdown', 'text')", name=op.f("ck_article_known_body_format")
        ),
        sa.CheckConstraint(
            "expires_at > embargoed_until", name=op.f("ck_article_expires_after_embargo")
        ),
        sa.CheckConstraint(
            "expires_at > published_at", name=op.f("ck_article_expires_after_publication")
        ),
        sa.CheckConstraint(
            "length(headline) BETWEEN 1 AND 300", name=op.f("ck_article_headline_length")
        ),
        sa.CheckConstraint(
            "live = (released_at IS NOT NULL AND withdrawn_at IS NULL)",
            name=op.f("ck_article_live_as_times_say"),
        ),
        sa.CheckConstraint(
            "released_at IS NULL OR published_at IS NOT NULL",
            name=op.f("ck_article_released_has_date"),
        ),
        sa.CheckConstraint("urgency BETWEEN 1 AND 9", name=op.f("ck_article_urgency_range")),
        sa.CheckConstraint(
            "withdrawn_at IS NULL OR released_at IS NOT NULL",
            name=op.f("ck_article_withdrawn_was_released"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_article"),
        sa.UniqueConstraint("external_id", name="uq_article_external_id"),
        sa.UniqueConstraint("slug", name="uq_article_slug"),
    )
    op.create_index("ix_article_headline_key_id", "article", ["headline_key", "id"])
    op.create_index(
        "ix_article_language_key_sort_at_id", "article", ["language_key", "sort_at", "id"]
    )
    op.create_index(
        "ix_article_not_live",
        "article",
        ["sort_at", "id"],
        sqlite_where=sa.text("live = 0"),
        postgresql_where=sa.text("NOT live"),
    )
    op.create_index("ix_article_sequence", "article", ["sequence"])
    op.create_index("ix_article_sort_at_id", "article", ["sort_at", "id"])
    op.create_index("ix_article_updated_at_id", "article", ["updated_at", "id"])

    op.create_table(
        "author",
        sa.Column("id", ID, nullable=False),
        sa.Column("slug", SORT_TEXT, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", SORT_TEXT, nullable=False),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("bio", sa.String(), nullable=True),
        sa.Column("image", sa.JSON(), nullable=True),
        sa.Column("links", sa.JSON(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_author"),
        sa.UniqueConstraint("slug", name="uq_author_slug"),
    )
    op.create_index("ix_author_name_key_id", "author", ["name_key", "id"])
    op.create_index("ix_author_sequence", "author", ["sequence"])
    op.create_index("ix_author_updated_at_id", "author", ["updated_at", "id"])

    op.create_table(
        "former_ref",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ref", SORT_TEXT, nullable=False),
        sa.Column("target_id", ID, nullable=False),
        sa.CheckConstraint(
            "kind IN ('article', 'author', 'tag')", name=op.f("ck_former_ref_known_kind")
        ),
        sa.PrimaryKeyConstraint("kind", "ref", name="pk_former_ref"),
    )
    op.create_index("ix_former_ref_target_id", "former_ref", ["target_id"])

    op.create_table(
        "revision",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("entity_id", ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("operation", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("key_id", ID, nullable=True),
        sa.Column("live", sa.Boolean(), nullable=True),
        sa.Column("published_at", INSTANT, nullable=True),
        sa.Column("embargoed_until", INSTANT, nullable=True),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("snapshot", sa.JSON(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('article', 'author', 'tag')", name=op.f("ck_revision_known_kind")
        ),
        sa.CheckConstraint(
            "operation IN ('upsert', 'remove')", name=op.f("ck_revision_known_operation")
        ),
        sa.PrimaryKeyConstraint("sequence", name="pk_revision"),
    )
    op.create_index("ix_revision_entity_id_sequence", "revision", ["entity_id", "sequence"])

    op.create_table(
        "sequence_counter",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_sequence_counter_one_row")),
        sa.PrimaryKeyConstraint("id", name="pk_sequence_counter"),
    )
    op.create_table(
        "signing_secret",
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("purpose", name="pk_signing_secret"),
    )
    op.create_table(
        "tag",
        sa.Column("id", ID, nullable=False),
        sa.Column("slug", SORT_TEXT, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", SORT_TEXT, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("parent_id", ID, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "kind IN ('section', 'topic', 'person', 'organisation', 'place', 'event', 'series')",
            name=op.f("ck_tag_known_kind"),
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["tag.id"], name="fk_tag_parent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_tag"),
        sa.UniqueConstraint("slug", name="uq_tag_slug"),
    )
    op.create_index("ix_tag_name_key_id", "tag", ["name_key", "id"])
    op.create_index("ix_tag_parent_id", "tag", ["parent_id"])
    op.create_index("ix_tag_sequence", "tag", ["sequence"])
    op.create_index("ix_tag_updated_at_id", "tag", ["updated_at", "id"])

    op.create_table(
        "article_author",
        sa.Column("article_id", ID, nullable=False),
        sa.Column("author_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("sort_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("headline_key", SORT_TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["article.id"], name="fk_article_author_article_id"
        ),
        sa.ForeignKeyConstraint(["author_id"], ["author.id"], name="fk_article_author_author_id"),
        sa.PrimaryKeyConstraint("article_id", "author_id", name="pk_article_author"),
    )
    op.create_index(
        "ix_article_author_headline_key",
        "article_author",
        ["author_id", "headline_key", "article_id"],
    )
    op.create_index(
        "ix_article_author_sort_at", "article_author", ["author_id", "sort_at", "article_id"]
    )
    op.create_index(
        "ix_article_author_updated_at", "article_author", ["author_id", "updated_at", "article_id"]
    )

    op.create_table(
        "article_tag",
        sa.Column("article_id", ID, nullable=False),
        sa.Column("tag_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_section", sa.Boolean(), nullable=False),
        sa.Column("sort_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("headline_key", SORT_TEXT, nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"], name="fk_article_tag_article_id"),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name="fk_article_tag_tag_id"),
        sa.PrimaryKeyConstraint("article_id", "tag_id", name="pk_article_tag"),
    )
    op.create_index(
        "ix_article_tag_headline_key", "article_tag", ["tag_id", "headline_key", "article_id"]
    )
    op.create_index("ix_article_tag_sort_at", "article_tag", ["tag_id", "sort_at", "article_id"])
    op.create_index(
        "ix_article_tag_updated_at", "article_tag", ["tag_id", "updated_at", "article_id"]
    )

    counter = sa.table("sequence_counter", sa.column("id"), sa.column("value"))
    op.execute(sa.insert(counter).values(id=1, value=0))


def downgrade() -> None:
    op.drop_table("article_tag")
    op.drop_table("article_author")
    op.drop_table("tag")
    op.drop_table("signing_secret")
    op.drop_table("sequence_counter")
    op.drop_table("revision")
    op.drop_table("former_ref")
    op.drop_table("author")
    op.drop_table("article")
    op.drop_table("api_key")
