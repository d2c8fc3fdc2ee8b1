"""The database in a route's signature."""

from typing import Annotated, cast

from fastapi import Depends, Request

from app.db.database import Database


async def _database(request: Request) -> Database:
    return cast(Database, request.app.state.database)


Db = Annotated[Database, Depends(_database)]
"""Routes open their session themselves, `with db.reading() as session:`, writes by `writing`, and
build the answer in it: one request, one transaction, committed before a byte of the answer leaves.
A session that a dependency opened would be held across thread changes, and enough waiting requests
would then keep every thread from the one that could go on."""
