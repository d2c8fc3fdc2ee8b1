"""XML 1.0 as text: what is written is well-formed, whatever stands in an article. Pure."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from xml.sax.saxutils import escape

DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NO_ATTRIBUTES: Mapping[str, str | None] = MappingProxyType({})


def clean(text: str) -> str:
    """The text without the characters that XML 1.0 cannot have, or has but advises against: controls,
    which show nothing and which readers take for something else (section 2.2)."""
    return _FORBIDDEN.sub("", text)


def element(
    name: str, text: str | None, attributes: Mapping[str, str | None] = NO_ATTRIBUTES
) -> str:
    """An element with text in it; nothing where there is no text."""
    if not text:
        return ""
    return box(name, escape(clean(text), {"\r": "&#13;"}), attributes=attributes)


def box(name: str, *content: str, attributes: Mapping[str, str | None] = NO_ATTRIBUTES) -> str:
    """An element with other elements in it. Attributes without a value are left out."""
    given = "".join(
        f' {key}="{escape(clean(value), _IN_ATTRIBUTES)}"'
        for key, value in attributes.items()
        if value is not None
    )
    within = "".join(content)
    return f"<{name}{given}>{within}</{name}>" if within else f"<{name}{given}/>"


_IN_ATTRIBUTES = {'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
