"""The forms of a body that are made of its HTML when they are asked for. Pure."""

from collections.abc import Collection
from typing import Any

from app.body.block_reader import blocks_of
from app.body.markdown import markdown_of

DERIVED = frozenset({"markdown", "blocks"})


def derived_forms(html: str, forms: Collection[str]) -> dict[str, Any]:
    """Those of `forms` that are derived, by name. Some 0.1 ms for 1,000 characters."""
    made: dict[str, Any] = {}
    if not DERIVED.isdisjoint(forms):
        blocks = blocks_of(html)
        if "markdown" in forms:
            made["markdown"] = markdown_of(blocks)
        if "blocks" in forms:
            made["blocks"] = blocks
    return made
