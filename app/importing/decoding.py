"""A file's bytes as lines of text, and what any line of text has: blanks and an end."""

import codecs
import re
from dataclasses import dataclass

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# A curly quote or dash of UTF-8. As Windows-1252 it would be an "a" with a hat and a euro sign.
_UTF_8_PUNCTUATION = re.compile(rb"\xe2\x80[\x80-\xbf]")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
# Stray marks at a line's edge. Inside a line they may separate words, and stay.
_INVISIBLE = " \u200b\u2060\ufeff"
_CLOSING = "\"')]\u2019\u201d\u00bb"


@dataclass(eq=False)
class NotText(ValueError):
    """Bytes are not text; says where (``line`` counts from 1) and why (``detail``, one line)."""

    line: int
    detail: str


def decode_lines(data: bytes) -> list[str]:
    r"""The lines of ``data``, as written but without the \n, \r\n or \r between them.

    They are UTF-8, UTF-16 with its mark, or else Windows-1252. No bytes are one empty line.
    Raises ``NotText`` for what is in none of these, for damaged UTF-8 and for control characters.
    """
    text = _decoded(data)
    if found := _CONTROL_CHARACTER.search(text):
        code = f"U+{ord(found.group()):04X}"
        line = len(_lines(text[: found.start()]))
        raise NotText(line, f"has the control character {code}, so this is not text")
    return _lines(text)


def tidy(line: str) -> str:
    """A line with single blanks between its words, and with nothing invisible around them."""
    return " ".join(line.split()).strip(_INVISIBLE)


def ends_sentence(text: str) -> bool:
    """Whether the last mark, but for closing quotes and brackets, is one that ends a sentence."""
    return text.rstrip(_CLOSING).endswith((".", "!", "?", "\u2026"))


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return _decoded_as(encoding, data[len(mark) :], encoding.upper())
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        # Damaged UTF-8 must not be taken for Windows-1252: all its punctuation would turn wrong.
        if _UTF_8_PUNCTUATION.search(data):
            line = len(_lines(data[: error.start].decode("utf-8")))
            raise NotText(line, "has damaged UTF-8: save it again as UTF-8") from None
    return _decoded_as("cp1252", data, "UTF-8 or Windows-1252")


def _decoded_as(encoding: str, data: bytes, expected: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = len(_lines(data[: error.start].decode(encoding)))
        raise NotText(line, f"byte 0x{data[error.start]:02X} is not {expected}") from None


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
