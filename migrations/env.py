"""Alembic's entry: runs the migrations on the connection that `app.db.migrate` opened."""

from alembic import context
from sqlmodel import SQLModel

import app.access.models
import app.archive.models
import app.changes.models
import app.formats.models  # noqa: F401 - the tables register themselves

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
