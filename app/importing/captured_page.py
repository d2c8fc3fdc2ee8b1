"""A news page captured as text, the way newsrooms and archives hold them, read into its parts.

    Last update: July 14, 2024 01:49       a masthead line, optional
    Newsroom logo                          furniture, optional, not kept
    Mayor Opens the New Bridge             the headline
    By Jane Doe June 22, 2024              the byline, optional
    The bridge at noon / Courtesy          an image's caption and credit, optional
    The mayor opened …                     paragraphs, with blank lines between them

How much blank space is between the parts does not matter. Consecutive lines are one hard-wrapped
paragraph. Any run of white space, a non-breaking space too, reads as one blank. Whatever is none
of the other parts is a paragraph, so no text is lost; what contradicts itself is refused with the
number of its line.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

MAX_PAGE_BYTES = 5_000_000
MAX_HEADLINE_CHARACTERS = 300
# A longer line that starts with "By" is a paragraph.
_MAX_BYLINE_CHARACTERS = 500
_MAX_CREDIT_CHARACTERS = 60
# Hard-wrapped lines are longer than this, so a headline's first line that ends in "logo" is safe.
_MAX_FURNITURE_CHARACTERS = 40
_MAX_NAME_WORDS = 6


@dataclass(frozen=True)
class CapturedImage:
    """What a page says of its image: the words under it, and who made it where that is told."""

    caption: str
    credit: str | None


@dataclass(frozen=True)
class CapturedPage:
    """The parts of a captured page. The headline and at least one paragraph are always there.

    ``byline`` is the line as printed without its date, ``authors`` the names in it. An author
    printed in capitals is spelled ``Jane Doe``. ``published_on`` is a date, or a datetime with the
    offset it was written with; a time of day without an offset does not count. ``last_update`` is
    the masthead's own spelling, for it has no time zone.
    """

    headline: str
    byline: str | None
    authors: tuple[str, ...]
    published_on: date | datetime | None
    image: CapturedImage | None
    paragraphs: tuple[str, ...]
    last_update: str | None


class UnreadablePage(ValueError):
    """A page cannot be understood; says where (``line`` counts from 1) and why, in one line."""

    def __init__(self, file: str, line: int, detail: str) -> None:
        super().__init__(file, line, detail)
        self.file = file
        self.line = line
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.detail}"


def read_captured_page(data: bytes, file: str) -> CapturedPage:
    """The parts of the page in ``data``: UTF-8, UTF-16 with its mark, or else Windows-1252.

    ``file`` is a name for messages only. Raises ``UnreadablePage``, and nothing else, for what
    cannot be understood: too long, not text, no headline, no paragraph, a byline without a name,
    an impossible or ambiguous date.
    """
    if len(data) > MAX_PAGE_BYTES:
        raise UnreadablePage(file, 1, f"has {len(data)} bytes, more than {MAX_PAGE_BYTES}")
    return _Reader(_text(data, file), file).page()


# --- Bytes to text -------------------------------------------------------------------------------

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
# A curly quote or dash of UTF-8. As Windows-1252 it would be an "a" with a hat and a euro sign.
_UTF_8_PUNCTUATION = re.compile(rb"\xe2\x80[\x80-\xbf]")
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_LINE_END = re.compile(r"\r\n|\r|\n")
# Stray marks at a line's edge. Inside a line they may separate words, and stay.
_INVISIBLE = " \u200b\u2060\ufeff"
_CLOSING = "\"')]\u2019\u201d\u00bb"


def _text(data: bytes, file: str) -> str:
    text = _decoded(data, file)
    if found := _NOT_TEXT.search(text):
        code = f"U+{ord(found.group()):04X}"
        line = _line_of(text, found.start())
        raise UnreadablePage(file, line, f"has the control character {code}, so this is not text")
    return text


def _decoded(data: bytes, file: str) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded_as(encoding, data[len(mark) :], file)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        # Damaged UTF-8 must not be taken for Windows-1252: all its punctuation would turn wrong.
        if _UTF_8_PUNCTUATION.search(data):
            line = 1 + len(_LINE_END.findall(data[: error.start].decode("utf-8")))
            raise UnreadablePage(file, line, "has damaged UTF-8: save it again as UTF-8") from None
    return _decoded_as("cp1252", data, file)


def _decoded_as(encoding: str, data: bytes, file: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, errors="ignore")
        expected = "UTF-8 or Windows-1252" if encoding == "cp1252" else encoding.upper()
        detail = f"byte 0x{data[error.start]:02X} is not {expected}"
        raise UnreadablePage(file, _line_of(before, len(before)), detail) from None


def _line_of(text: str, position: int) -> int:
    return 1 + len(_LINE_END.findall(text[:position]))


def _tidy(line: str) -> str:
    return " ".join(line.split()).strip(_INVISIBLE)


def _ends_sentence(text: str) -> bool:
    return text.rstrip(_CLOSING).endswith((".", "!", "?", "\u2026"))


# --- Dates ---------------------------------------------------------------------------------------
#
# Every pattern stands at the end of a tidy, short line, and repeats nothing without a bound.


class _Unclear(ValueError):
    """Says what is wrong with a byline or a date; who knows the line makes it `UnreadablePage`."""


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_MONTH_NAME = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?|september|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_MONTH = rf"(?P<month>{_MONTH_NAME})\.?"
_DAY = r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[0-9]{4})"
_WEEKDAY = r"(?:(?P<weekday>mon|tues?|wed|wednes|thu|thurs?|fri|sat|satur|sun)(?:day)?\.?,? )?"
_TIME = (
    r"(?:(?:T|,? (?:at |[|\u2013-] )?)"
    r"(?P<hour>[0-9]{1,2})(?:(?= ?[ap]\.?m)|[:.](?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?)"
    r"(?: ?(?P<half>[ap])\.?m\.?)?"
    r"(?: ?(?P<zone>(?:UTC|GMT)? ?"
    r"(?P<sign>[+\u2212-])(?P<zone_hours>[0-9]{1,2})(?::?(?P<zone_minutes>[0-9]{2}))?"
    r"|[A-Z]{1,5}))?)?"
)


def _at_the_end(calendar_day: str) -> re.Pattern[str]:
    start = r"(?:^|(?<=[ ,|:(\u2013\u2014]))"
    return re.compile(rf"{start}{_WEEKDAY}{calendar_day}{_TIME}[.)]?$", re.ASCII | re.IGNORECASE)


_DATES = (
    _at_the_end(rf"{_MONTH} {_DAY},? {_YEAR}"),
    _at_the_end(rf"{_DAY}(?: of)? {_MONTH},? {_YEAR}"),
    _at_the_end(rf"{_YEAR}(?P<mark>[-/.])(?P<month>[0-9]{{1,2}})(?P=mark)(?P<day>[0-9]{{1,2}})"),
    _at_the_end(rf"(?P<day>[0-9]{{1,2}})\.(?P<month>[0-9]{{1,2}})\.{_YEAR}"),
    _at_the_end(rf"(?P<one>[0-9]{{1,2}})(?P<mark>[-/])(?P<other>[0-9]{{1,2}})(?P=mark){_YEAR}"),
)
# The end of a byline that means a date, but not in a way that is known: "22/06/24", "June 22".
_UNKNOWN_DATE = re.compile(
    rf"(?:^| )[0-9][^ ]*(?:(?: of)? {_MONTH_NAME}\.?)?$", re.ASCII | re.IGNORECASE
)
# A line that is nothing else, or says so by its first word.
_UNKNOWN_DATE_ALONE = re.compile(
    r"[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}$"
    rf"|{_MONTH_NAME}\.? [0-9]{{1,4}}(?:st|nd|rd|th)?$"
    rf"|[0-9]{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH_NAME}\.?$",
    re.ASCII | re.IGNORECASE,
)
_DATE_LABEL = re.compile(r"(?:published|posted|updated|modified)\b", re.ASCII | re.IGNORECASE)
_DATE_ADVICE = "write the date as 2024-06-22"
_SEPARATORS = " ,|:;(\u2022\u00b7\u2013\u2014-"
# Date and On are surnames, too.
_BEFORE_A_DATE = re.compile(
    rf"(?:^|(?<=[{_SEPARATORS}]))(?:date ?:|(?:published|posted)(?: on)?|(?-i:on|ON))"
    rf"[{_SEPARATORS}]*$",
    re.ASCII | re.IGNORECASE,
)


def _date_at_end(text: str) -> re.Match[str] | None:
    if len(text) > _MAX_BYLINE_CHARACTERS:
        return None
    return next((found for form in _DATES if (found := form.search(text))), None)


def _without_separators(text: str) -> str:
    """What is before a date, without what only leads to it: ' - ', ' | ', 'on', 'Published'."""
    leading = _BEFORE_A_DATE.search(text)
    return (text[: leading.start()] if leading else text).rstrip(_SEPARATORS)


def _only_date(line: str) -> re.Match[str] | None:
    found = _date_at_end(line)
    return found if found and not _without_separators(line[: found.start()]) else None


def _is_unknown_date(line: str) -> bool:
    """Whether a line is no known date, and yet no text: '22/06/24', 'Updated June 23, 2024'."""
    if _UNKNOWN_DATE_ALONE.match(line):
        return True
    if not _DATE_LABEL.match(line) or _ends_sentence(line) or len(line) > _MAX_BYLINE_CHARACTERS:
        return False
    return bool(_date_at_end(line) or _UNKNOWN_DATE.search(line))


def _published_on(found: re.Match[str]) -> date | datetime:
    written = found.group().rstrip(".)")
    parts = found.groupdict()
    try:
        day = date(*_year_month_day(parts, written))
        instant = _instant(day, parts)
    except _Unclear:
        raise
    except (ValueError, OverflowError):
        raise _Unclear(f"'{written}' is not a date that exists") from None
    weekday = parts["weekday"]
    if weekday and _WEEKDAYS.index(weekday[:3].lower()) != day.weekday():
        raise _Unclear(f"'{written}' was not on that day of the week")
    return instant or day


def _year_month_day(parts: dict[str, str | None], written: str) -> tuple[int, int, int]:
    if parts.get("one"):
        return _unambiguous(parts, written)
    month = parts["month"] or ""
    number = int(month) if month.isdigit() else 1 + _MONTHS.index(month[:3].lower())
    return int(parts["year"] or 0), number, int(parts["day"] or 0)


def _unambiguous(parts: dict[str, str | None], written: str) -> tuple[int, int, int]:
    """22/06/2024 and 06/22/2024 have one reading; 03/04/2024 has two, by country."""
    year, first, second = (int(parts[name] or 0) for name in ("year", "one", "other"))
    if first != second and first <= 12 and second <= 12:
        day_first = f"{year:04}-{second:02}-{first:02}"
        month_first = f"{year:04}-{first:02}-{second:02}"
        raise _Unclear(f"'{written}' has two readings: write {day_first} or {month_first}")
    return (year, first, second) if second > 12 else (year, second, first)


def _instant(day: date, parts: dict[str, str | None]) -> datetime | None:
    """The time on that day when it is written with its offset. An impossible time is an error."""
    if not parts["hour"]:
        return None
    fraction = (parts["fraction"] or "")[:6].ljust(6, "0")
    second = int(parts["second"] or 0)
    wall = datetime(
        day.year, day.month, day.day, _hour(parts), int(parts["minute"] or 0), second, int(fraction)
    )
    offset = _offset(parts)
    if offset is None:
        return None
    instant = wall.replace(tzinfo=offset)
    # Raises where the instant is before the first or after the last year there is.
    instant.astimezone(UTC)
    return instant


def _hour(parts: dict[str, str | None]) -> int:
    hour = int(parts["hour"] or 0)
    half = (parts["half"] or "").lower()
    if half == "a" and hour == 12:
        return 0
    return hour + 12 if half == "p" and hour < 12 else hour


def _offset(parts: dict[str, str | None]) -> timezone | None:
    """None for a time without a zone and for a zone's letters, which mean several zones."""
    if parts["sign"]:
        hours, minutes = int(parts["zone_hours"] or 0), int(parts["zone_minutes"] or 0)
        if minutes > 59:
            raise ValueError("an offset has at most 59 minutes")
        east = timedelta(hours=hours, minutes=minutes)
        return timezone(east if parts["sign"] == "+" else -east)
    return UTC if (parts["zone"] or "").upper() in ("Z", "UTC", "GMT") else None


# --- The byline ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Byline:
    printed: str
    authors: tuple[str, ...]
    published_on: date | datetime | None


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


def _names_in(line: str) -> str | None:
    """What stands between 'By' and the date; None when the line does not start with 'By'."""
    start = _BY.match(line)
    if start is None or len(line) > _MAX_BYLINE_CHARACTERS:
        return None
    rest = line[start.end() :]
    if found := _date_at_end(rest) or _UNKNOWN_DATE.search(rest):
        return _without_separators(rest[: found.start()])
    return rest


def _is_byline(line: str) -> bool:
    """Whether a line is 'By' and names, told by their spelling alone."""
    names = _separate_names(_names_in(line) or "")
    return bool(names) and all(_is_spelled_as_name(name) for name in names)


def _is_dated_byline(line: str) -> bool:
    return bool(_BY.match(line) and _date_at_end(line)) and _is_byline(line)


def _could_be_byline(line: str) -> bool:
    """Whether a line that stands alone is 'By' and a few words, no sentence and no heading."""
    names = _names_in(line)
    if names is None or _ends_sentence(line) or any(c in ':;?!"' for c in names):
        return False
    return all(len(name.split()) <= _MAX_NAME_WORDS for name in _separate_names(names))


def _is_spelled_as_name(name: str) -> bool:
    words = name.split()
    return (
        0 < len(words) <= _MAX_NAME_WORDS
        and _has_only_name_characters(name)
        and all(_is_spelled_as_name_word(word) for word in words)
        and not all(_PARTICLE.fullmatch(word) for word in words)
    )


def _is_spelled_as_name_word(word: str) -> bool:
    if word[0].isdigit():
        return False
    if not word[0].islower():
        return True
    return bool(_PARTICLE.fullmatch(word) or _BOUND_PARTICLE.match(word))


def _has_only_name_characters(name: str) -> bool:
    return all(c.isalnum() or c in _IN_NAMES or unicodedata.category(c)[0] == "M" for c in name)


def _separate_names(text: str) -> list[str]:
    people = _AFFILIATION.split(text, maxsplit=1)[0]
    names = (_PLACE.split(part, maxsplit=1)[0] for part in _BETWEEN_NAMES.split(people))
    return [name.strip() for name in names if name.strip()]


def _byline(line: str) -> _Byline:
    """The byline's parts; raises `_Unclear` for a bad date and for what is not a name."""
    found = _date_at_end(line)
    if not found and (unknown := _UNKNOWN_DATE.search(line)):
        raise _Unclear(f"cannot read the date at '{unknown.group().strip()}': {_DATE_ADVICE}")
    printed = _without_separators(line[: found.start()]) if found else line
    names = _separate_names(printed[2:].lstrip(": "))
    if not names:
        raise _Unclear("the byline has no name")
    for name in names:
        _refuse_what_is_no_name(name)
    authors = tuple(dict.fromkeys(_spelled(name) for name in names))
    return _Byline(printed, authors, _published_on(found) if found else None)


def _refuse_what_is_no_name(name: str) -> None:
    if any(word[0].isdigit() for word in name.split()):
        raise _Unclear(f"cannot tell the name from the date in '{name}': {_DATE_ADVICE}")
    if name.split()[-1].lower() in ("updated", "modified"):
        raise _Unclear("the byline's date is of an update: write the date of publication")
    if not _has_only_name_characters(name) or not any(c.isalpha() for c in name):
        raise _Unclear(f"cannot read a name in '{name}'")


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


# --- The image -----------------------------------------------------------------------------------

_IMAGE_LABEL = re.compile(r"(?:photo|image): ?(?=.)", re.ASCII | re.IGNORECASE)


def _image(block: str) -> CapturedImage | None:
    """The image that a block describes: 'caption / credit', or 'Photo: caption' without a credit.

    Nothing else is one: a caption alone cannot be told from a paragraph. The credit is what
    follows the last ' / '; it is short, and no end of a sentence.
    """
    label = _IMAGE_LABEL.match(block)
    described = block[label.end() :] if label else block
    caption, _, credit = described.rpartition(" / ")
    if caption and _is_credit(credit):
        return CapturedImage(caption, credit)
    return CapturedImage(described, None) if label else None


def _is_credit(text: str) -> bool:
    return (
        len(text) <= _MAX_CREDIT_CHARACTERS
        and any(c.isalpha() for c in text)
        and not _ends_sentence(text)
    )


# --- The page ------------------------------------------------------------------------------------

_MASTHEAD = re.compile(r"last updated?:", re.ASCII | re.IGNORECASE)
_LOGO = re.compile(r"(?:^| )logo$", re.ASCII | re.IGNORECASE)


def _names_logo(line: str) -> bool:
    return len(line) <= _MAX_FURNITURE_CHARACTERS and _LOGO.search(line) is not None


class _Reader:
    """Reads a page from its top; ``_at`` is the index of the first line not yet read."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._raw = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._lines = [_tidy(line) for line in self._raw]
        self._at = 0
        self._last_update: str | None = None
        self._byline: _Byline | None = None
        self._published_on: date | datetime | None = None
        self._image: CapturedImage | None = None

    def page(self) -> CapturedPage:
        if not any(self._lines):
            raise self._unreadable(0, "the page is empty")
        self._read_masthead()
        headline = self._read_headline()
        self._read_under_headline()
        return CapturedPage(
            headline=headline,
            byline=self._byline.printed if self._byline else None,
            authors=self._byline.authors if self._byline else (),
            published_on=self._published_on,
            image=self._image,
            paragraphs=self._read_paragraphs(),
            last_update=self._last_update,
        )

    # Lines and blocks

    def _unreadable(self, at: int, detail: str) -> UnreadablePage:
        return UnreadablePage(self._file, at + 1, detail)

    def _line(self, at: int) -> str:
        """A line without outer and double blanks; empty below the page's end, too."""
        return self._lines[at] if at < len(self._lines) else ""

    def _next_block(self, at: int) -> int:
        """The index of the first line from there that is not blank; the end if there is none."""
        while at < len(self._lines) and not self._lines[at]:
            at += 1
        return at

    def _skip_blank_lines(self) -> bool:
        """Goes to the next block; False when there is none."""
        self._at = self._next_block(self._at)
        return self._at < len(self._lines)

    def _last_line(self) -> int:
        return max(at for at, line in enumerate(self._lines) if line)

    def _block_end(self, at: int) -> int:
        """The index below a headline or caption: of a blank line, or of another part's line."""
        end = at + 1
        # What is above the paragraphs has few lines; the bound keeps hostile pages cheap.
        while self._line(end) and end - at <= MAX_HEADLINE_CHARACTERS:
            line = self._line(end)
            if _only_date(line) or _MASTHEAD.match(line) or self._is_byline_below(end):
                break
            end += 1
        return end

    def _is_byline_below(self, at: int) -> bool:
        """Not when another byline follows: 'Town Overrun', 'By Floods', 'By Jane Doe'."""
        line = self._line(at)
        if self._byline is not None or _names_in(line) is None:
            return False
        is_byline = _is_byline(line) or (_date_at_end(line) and self._is_byline_at(at))
        return bool(is_byline) and not self._is_byline_at(self._next_block(at + 1))

    def _is_byline_at(self, at: int) -> bool:
        """Whether the line at the start of a block is a byline."""
        line, below = self._line(at), self._line(at + 1)
        if _is_byline(line) or _names_in(line) == "":
            return True
        stands_alone = not below or _only_date(below) is not None
        return stands_alone and _could_be_byline(line)

    def _block(self, at: int) -> str:
        return " ".join(self._lines[at : self._block_end(at)])

    # Above the headline

    def _read_masthead(self) -> None:
        while self._skip_blank_lines():
            if _MASTHEAD.match(self._line(self._at)):
                self._read_last_update()
            elif self._is_furniture(self._at):
                self._at += 1
            else:
                return

    def _read_last_update(self) -> None:
        if self._last_update is not None:
            raise self._unreadable(self._at, "the page has a second 'Last update'")
        self._last_update = self._raw[self._at].partition(":")[2].strip() or None
        self._at += 1

    def _is_furniture(self, at: int) -> bool:
        """Whether a line is a logo's, not the headline 'City Unveils New Logo'.

        A headline has a byline, a date or a sentence below it; a logo has the headline there.
        """
        if not _names_logo(self._line(at)):
            return False
        below = self._next_block(at + 1)
        if _names_logo(self._line(below)):
            return True
        if self._is_byline_at(below) or _only_date(self._line(below)):
            return False
        after = self._next_block(self._block_end(below))
        return not _ends_sentence(self._block(below)) or self._is_byline_at(after)

    # The headline

    def _read_headline(self) -> str:
        if not self._skip_blank_lines():
            raise self._unreadable(self._last_line(), "the page has no headline")
        self._refuse_other_than_headline()
        start = self._at
        headline = self._block(start)
        if len(headline) > MAX_HEADLINE_CHARACTERS:
            detail = f"the headline has more than {MAX_HEADLINE_CHARACTERS} characters"
            raise self._unreadable(start, detail)
        if not any(c.isalnum() for c in headline):
            raise self._unreadable(start, f"the headline '{headline}' has no letter or digit")
        self._at = self._block_end(start)
        return headline

    def _refuse_other_than_headline(self) -> None:
        line = self._line(self._at)
        names = _names_in(line)
        if _only_date(line):
            raise self._unreadable(self._at, "a date stands where the headline should be")
        is_dated = names is not None and _date_at_end(line) is not None
        is_byline = _is_byline(line) or names == "" or is_dated
        if is_byline and not self._is_byline_at(self._next_block(self._at + 1)):
            raise self._unreadable(self._at, "a byline stands where the headline should be")

    # Between the headline and the paragraphs

    def _read_under_headline(self) -> None:
        while self._skip_blank_lines():
            if self._byline is None and self._is_byline_at(self._at):
                self._read_byline()
            elif found := _only_date(self._line(self._at)):
                self._read_date(found)
            elif _MASTHEAD.match(self._line(self._at)):
                self._read_last_update()
            elif not self._read_image():
                self._refuse_unknown_date()
                return

    def _refuse_unknown_date(self) -> None:
        line = self._line(self._at)
        if _is_unknown_date(line):
            detail = f"cannot read a date of publication in '{line}': {_DATE_ADVICE}"
            raise self._unreadable(self._at, detail)

    def _read_byline(self) -> None:
        try:
            self._byline = _byline(self._line(self._at))
        except _Unclear as unclear:
            raise self._unreadable(self._at, str(unclear)) from None
        if self._byline.published_on:
            self._set_published_on(self._byline.published_on)
        self._at += 1

    def _read_date(self, found: re.Match[str]) -> None:
        try:
            self._set_published_on(_published_on(found))
        except _Unclear as unclear:
            raise self._unreadable(self._at, str(unclear)) from None
        self._at += 1

    def _set_published_on(self, published_on: date | datetime) -> None:
        if self._published_on not in (None, published_on):
            raise self._unreadable(self._at, "the page has two dates of publication")
        self._published_on = published_on

    def _read_image(self) -> bool:
        image = None if self._image else _image(self._block(self._at))
        if image:
            self._image = image
            self._at = self._block_end(self._at)
        return image is not None

    # The paragraphs

    def _read_paragraphs(self) -> tuple[str, ...]:
        paragraphs: list[str] = []
        for start, text in self._blocks_left():
            is_second = self._byline is not None and not paragraphs and _is_byline(text)
            # Taken for a paragraph, it would hide that the page has a layout not known here.
            if is_second or _is_dated_byline(text):
                detail = "a byline out of place: a page has one, directly below its headline"
                raise self._unreadable(start, detail)
            paragraphs.append(text)
        if not paragraphs:
            raise self._unreadable(self._last_line(), "the page has a headline and no text")
        return tuple(paragraphs)

    def _blocks_left(self) -> Iterator[tuple[int, str]]:
        while self._skip_blank_lines():
            start = self._at
            while self._line(self._at):
                self._at += 1
            yield start, " ".join(self._lines[start : self._at])
