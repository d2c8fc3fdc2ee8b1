"""Addresses in HTML that hold outside the page that they stood on. Pure."""

import re
from urllib.parse import urljoin

_TAG = re.compile(r"<[a-zA-Z][^<>]*>")
_ADDRESS = re.compile(r"""(\s(?:href|src|poster)\s*=\s*)("[^"]*"|'[^']*')""", re.IGNORECASE)
_ABSOLUTE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")


def absolute(markup: str, base: str) -> str:
    """The HTML with its addresses as they lead from `base`; one that leads nowhere is left out."""

    def led(found: re.Match[str]) -> str:
        before, quote, value = found[1], found[2][0], found[2][1:-1]
        if _ABSOLUTE.match(value.strip()):
            return found[0]
        try:
            return f"{before}{quote}{urljoin(base, value.strip())}{quote}"
        except ValueError:
            return ""

    return _TAG.sub(lambda tag: _ADDRESS.sub(led, tag[0]), markup)
