"""Keep bodies in a table of their own, and beside each article its JSON as it leaves.

Reads of many articles then pass by rows of 2 KB instead of 14. The JSON of articles that are there
is made by the server in the background; until then they are read the long way. Stop the processes
of the version before first: they look for bodies where they were.
"""

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_24_bodies_apart"
down_revision = "2026_11_24_idempotent_answers"
branch_labels = None
depends_on = None

ID = sa.String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")
BODY = ("body_format", "body_source", "body_html", "body_text")
KNOWN_FORMAT = "body_format IN ('html', 'markdown', 'text')"


def upgrade() -> None:
    op.add_column(
        "sequence_counter",
        sa.Column("names", sa.BigInteger(), server_default="0", nullable=False),
    )
    op.execute("UPDATE sequence_counter SET names = value")
    op.create_table(
        "article_body",
        sa.Column("article_id", ID, nullable=False),
        sa.Column("body_format", sa.String(), nullable=True),
        sa.Column("body_source", sa.String(), nullable=True),
        sa.Column("body_html", sa.Text(), nullable=True),
        sa.Column("body_text", sa.String(), nullable=True),
        sa.CheckConstraint(KNOWN_FORMAT, name=op.f("ck_article_body_known_body_format")),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"], name="fk_article_body_article_id"),
        sa.PrimaryKeyConstraint("article_id", name="pk_article_body"),
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    html: sa.ColumnClause[str] = sa.column("body_html")
    as_json = sa.func.json_quote(html) if is_sqlite else sa.cast(sa.func.to_json(html), sa.Text())
    op.execute(
        sa.insert(sa.table("article_body", *map(sa.column, ("article_id", *BODY)))).from_select(
            ["article_id", *BODY],
            sa.select(
                sa.column("id"),
                sa.column("body_format"),
                sa.column("body_source"),
                sa.case((html.is_not(None), as_json)),
                sa.column("body_text"),
            ).select_from(sa.table("article")),
        )
    )
    if is_sqlite:
        _rebuild_article()
    else:
        for name in BODY:
            op.drop_column("article", name)
        op.add_column("article", sa.Column("pieces", sa.String(), nullable=True))
        op.add_column("article", sa.Column("links", sa.String(), nullable=True))
    without_json = sa.text("pieces IS NULL")
    op.create_index(
        "ix_article_without_pieces",
        "article",
        ["id"],
        sqlite_where=without_json,
        postgresql_where=without_json,
    )


def downgrade() -> None:
    op.drop_index("ix_article_without_pieces", "article")
    for name in ("pieces", "links"):
        op.drop_column("article", name)
    for name in BODY:
        op.add_column("article", sa.Column(name, sa.String(), nullable=True))
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    as_text = "body_html ->> '$'" if is_sqlite else "body_html::json #>> '{}'"
    for name in BODY:
        value = as_text if name == "body_html" else name
        op.execute(
            f"UPDATE article SET {name} = "  # noqa: S608 - names of columns
            f"(SELECT {value} FROM article_body WHERE article_id = article.id)"
        )
    if not is_sqlite:
        op.create_check_constraint("ck_article_known_body_format", "article", KNOWN_FORMAT)
    op.drop_table("article_body")
    op.drop_column("sequence_counter", "names")


def _rebuild_article() -> None:
    """What SQLite advises (lang_altertable.html, section 7); foreign keys are off meanwhile."""
    bind = op.get_bind()
    found = "SELECT sql FROM sqlite_master WHERE tbl_name = 'article' AND type = :type AND sql IS NOT NULL"
    (created,) = bind.execute(sa.text(found), {"type": "table"}).one()
    indexes = bind.execute(sa.text(found), {"type": "index"}).scalars().all()
    created = _without_bodies(created).replace(
        "CREATE TABLE article", "CREATE TABLE article_new", 1
    )
    bind.exec_driver_sql(created)
    columns = bind.exec_driver_sql("SELECT name FROM pragma_table_info('article_new')")
    names = ", ".join(name for (name,) in columns if name not in ("pieces", "links"))
    bind.exec_driver_sql(
        f"INSERT INTO article_new ({names}) SELECT {names} FROM article"  # noqa: S608
    )
    bind.exec_driver_sql("DROP TABLE article")
    bind.exec_driver_sql("ALTER TABLE article_new RENAME TO article")
    for index in indexes:
        bind.exec_driver_sql(index)


def _without_bodies(created: str) -> str:
    """The statement that made the table, without bodies and with the JSON."""
    for name in BODY:
        created = re.sub(rf"\s*\b{name} (VARCHAR|TEXT)\s*,", "", created, count=1)
    known = r",?\s*CONSTRAINT ck_article_known_body_format CHECK \(body_format IN \([^)]*\)\)"
    created = re.sub(known, "", created, count=1)
    return re.sub(r"(\s+CONSTRAINT )", r" pieces VARCHAR, links VARCHAR,\1", created, count=1)
