"""A tidy line that is a printed byline, "By Jane Doe June 22, 2024": its names and its date."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime

from app.importing import printed_dates
from app.importing.decoding import ends_sentence
from app.importing.printed_dates import DATE_ADVICE, Unclear, find_date, find_unknown_date

_MAX_NAME_WORDS = 6

_BY = re.compile(r"by(?:: ?| |$)", re.ASCII | re.IGNORECASE)
_SUFFIX = r"(?:jr|sr|ii|iii|iv|esq|m\.?d|ph\.?d)\b"
_BETWEEN_NAMES = re.compile(
    rf",(?! ?{_SUFFIX})(?: ?(?:and|with|&)(?= |$))?|;|(?:^| )(?:and|with|&)(?= |$)",
    re.ASCII | re.IGNORECASE,
)
# What follows is an office or an agency: "Jane Doe | Reuters", "Jane Doe - Political Editor".
_AFFILIATION = re.compile(r" [\u00b7\u2013-](?: |$)|[|/\u2022\u2014]")
# "Jane Doe in London", "Jane Doe (AP)".
_PLACE = re.compile(r" (?:in |\()")
_INITIAL_AT_END = re.compile(r"(?:^|[ .])(?:\w|jr|sr|esq|inc|ltd|ph\.d|m\.d)\.$", re.IGNORECASE)
_IN_NAMES = frozenset(" .,&`'\u2018\u2019\u02bc\u02bb-\u2010\u2011\u00b7\u30fb\u200c\u200d")
_PARTICLE = re.compile(
    r"af|al|av|bin|d[aeiou]|das|de[lnr]|della|dos|e|el|ibn|l[ae]|te[nr]|v[ao]n|y|zur?"
)
_BOUND_PARTICLE = re.compile("(?:[ae][dlnrst]|d|l|o|t)['\u2019-]", re.ASCII)


@dataclass(frozen=True)
class Byline:
    """A byline as printed, without its date; the different names in it, at least one; its date."""

    printed: str
    authors: tuple[str, ...]
    published_on: date | datetime | None


def names_in(line: str) -> str | None:
    """What stands between 'By' and the date; None when the line does not start with 'By'."""
    start = _BY.match(line)
    if start is None or len(line) > printed_dates.MAX_LINE_CHARACTERS:
        return None
    rest = line[start.end() :]
    found = find_date(rest) or find_unknown_date(rest)
    return printed_dates.text_before(found) if found else rest


def is_byline(line: str) -> bool:
    """Whether a line is 'By' and names, told by their spelling alone."""
    text = names_in(line)
    names = _separate_names(text) if text else []
    return bool(names) and all(_is_spelled_as_name(name) for name in names)


def could_be_byline(line: str) -> bool:
    """Whether a line that stands alone is 'By' and a few words, no sentence and no heading."""
    names = names_in(line)
    if names is None or ends_sentence(line) or any(c in ':;?!"' for c in names):
        return False
    return all(len(name.split()) <= _MAX_NAME_WORDS for name in _separate_names(names))


def read_byline(line: str) -> Byline:
    """The parts of a line that starts with 'By'.

    Raises ``Unclear`` for no name, for what is not a name, and for a date that cannot be read.
    """
    found = find_date(line)
    if not found and (unknown := find_unknown_date(line)):
        raise Unclear(f"cannot read the date at '{unknown.group().strip()}': {DATE_ADVICE}")
    printed = printed_dates.text_before(found) if found else line
    names = _separate_names(printed[2:].lstrip(": "))
    if not names:
        raise Unclear("the byline has no name")
    for name in names:
        _refuse_what_is_no_name(name)
    authors = tuple(dict.fromkeys(_spelled(name) for name in names))
    return Byline(printed, authors, printed_dates.read_date(found) if found else None)


def _separate_names(text: str) -> list[str]:
    people = _AFFILIATION.split(text, maxsplit=1)[0]
    names = (_PLACE.split(part, maxsplit=1)[0] for part in _BETWEEN_NAMES.split(people))
    return [name.strip() for name in names if name.strip()]


def _is_spelled_as_name(name: str) -> bool:
    words = name.split()
    return (
        len(words) <= _MAX_NAME_WORDS
        and _has_only_name_characters(name)
        and all(_is_spelled_as_name_word(word) for word in words)
        and not all(_PARTICLE.fullmatch(word) for word in words)
    )


def _is_spelled_as_name_word(word: str) -> bool:
    if word[0].islower():
        return bool(_PARTICLE.fullmatch(word) or _BOUND_PARTICLE.match(word))
    return not word[0].isdigit()


def _has_only_name_characters(name: str) -> bool:
    return all(c.isalnum() or c in _IN_NAMES or unicodedata.category(c)[0] == "M" for c in name)


def _refuse_what_is_no_name(name: str) -> None:
    words = name.split()
    if any(word[0].isdigit() for word in words):
        raise Unclear(f"cannot tell the name from the date in '{name}': {DATE_ADVICE}")
    if words[-1].lower() in ("updated", "modified"):
        raise Unclear("the byline's date is of an update: write the date of publication")
    if not _has_only_name_characters(name) or not any(c.isalpha() for c in name):
        raise Unclear(f"cannot read a name in '{name}'")


def _spelled(name: str) -> str:
    """A name as an author has it: no full stop of the line, and not shouted."""
    if not _INITIAL_AT_END.search(name):
        name = name.rstrip(".")
    is_acronym = " " not in name and len(name) <= 4
    return _capitalised(name) if name.isupper() and not is_acronym else name


def _capitalised(name: str) -> str:
    words = unicodedata.normalize("NFC", name).split()
    inner = range(1, len(words) - 1)
    return " ".join(
        word.lower()
        if at in inner and _PARTICLE.fullmatch(word.lower())
        else re.sub(r"[^\W\d_]+", _capitalised_letters, word)
        for at, word in enumerate(words)
    )


def _capitalised_letters(found: re.Match[str]) -> str:
    letters = found.group()
    if letters in ("II", "III", "IV"):
        return letters
    if letters == "S" and found.string[: found.start()].endswith(("'", "\u2019")):
        return "s"
    if letters.startswith("MC") and len(letters) > 3:
        return "Mc" + letters[2] + letters[3:].lower()
    # Python lowers the dotted capital I into two characters.
    return letters[0] + letters[1:].replace("\u0130", "i").lower()
