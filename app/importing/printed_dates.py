"""Dates as newspapers print them at the end of a tidy line, with or without a time of day.

A date is first found, as the match of its spelling, and then read: what is before it matters, too.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone

from app.importing.decoding import ends_sentence

# A longer line is a paragraph: neither a date nor a byline.
MAX_LINE_CHARACTERS = 500
# No spelling below is longer; every one repeats nothing without a bound.
_MAX_DATE_CHARACTERS = 80
DATE_ADVICE = "write the date as 2024-06-22"

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_MONTH_NAME = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?|september|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_MONTH = rf"(?P<month>{_MONTH_NAME})\.?"
_DAY = r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[0-9]{4})"
_DAY_NUMBER = r"(?P<day>[0-9]{1,2})"
_MONTH_NUMBER = r"(?P<month>[0-9]{1,2})"
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


def _pattern(spelling: str) -> re.Pattern[str]:
    return re.compile(spelling, re.ASCII | re.IGNORECASE)


def _at_the_end(calendar_day: str) -> re.Pattern[str]:
    return _pattern(rf"(?:^|(?<=[ ,|:(\u2013\u2014])){_WEEKDAY}{calendar_day}{_TIME}[.)]?$")


# Day and month, or by country month and day.
_EITHER_ORDER = _at_the_end(rf"{_DAY_NUMBER}(?P<mark>[-/]){_MONTH_NUMBER}(?P=mark){_YEAR}")
_DATES = (
    _at_the_end(rf"{_MONTH} {_DAY},? {_YEAR}"),
    _at_the_end(rf"{_DAY}(?: of)? {_MONTH},? {_YEAR}"),
    _at_the_end(rf"{_YEAR}(?P<mark>[-/.]){_MONTH_NUMBER}(?P=mark){_DAY_NUMBER}"),
    _at_the_end(rf"{_DAY_NUMBER}\.{_MONTH_NUMBER}\.{_YEAR}"),
    _EITHER_ORDER,
)
# The end of a byline that means a date, but not in a way that is known: "22/06/24", "June 22".
_UNKNOWN_DATE = _pattern(rf"(?:^| )[0-9][^ ]*(?:(?: of)? {_MONTH_NAME}\.?)?$")
# A line that is nothing else, or says so by its first word.
_UNKNOWN_DATE_ALONE = _pattern(
    r"[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}$"
    rf"|{_MONTH_NAME}\.? [0-9]{{1,4}}(?:st|nd|rd|th)?$"
    rf"|[0-9]{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH_NAME}\.?$"
)
_DATE_LABEL = _pattern(r"(?:published|posted|updated|modified)\b")
_SEPARATORS = " ,|:;(\u2022\u00b7\u2013\u2014-"
# Date and On are surnames, too.
_BEFORE_A_DATE = _pattern(
    rf"(?:^|(?<=[{_SEPARATORS}]))(?:date ?:|(?:published|posted)(?: on)?|(?-i:on|ON))"
    rf"[{_SEPARATORS}]*$"
)


class Unclear(ValueError):
    """What is printed cannot be understood; says why, in one line and without the line's number."""


def find_date(text: str) -> re.Match[str] | None:
    """The date that a text ends in, for ``text_before`` and ``read_date``. It need not exist."""
    if len(text) > MAX_LINE_CHARACTERS:
        return None
    start = max(0, len(text) - _MAX_DATE_CHARACTERS)
    return next((found for form in _DATES if (found := form.search(text, start))), None)


def find_unknown_date(text: str) -> re.Match[str] | None:
    """What a text ends in that means a date in no known spelling, for ``text_before``."""
    return _UNKNOWN_DATE.search(text) if len(text) <= MAX_LINE_CHARACTERS else None


def text_before(found: re.Match[str]) -> str:
    """What is before a date, without what only leads to it: ' - ', ' | ', 'on', 'Published'."""
    text = found.string[: found.start()]
    leading = _BEFORE_A_DATE.search(text)
    return (text[: leading.start()] if leading else text).rstrip(_SEPARATORS)


def only_date(line: str) -> re.Match[str] | None:
    """The date in a line that has nothing else but what leads to a date."""
    found = find_date(line)
    return found if found and not text_before(found) else None


def is_unknown_date(line: str) -> bool:
    """Whether a line is no known date, and yet no text: '22/06/24', 'Updated June 23, 2024'."""
    if _UNKNOWN_DATE_ALONE.match(line):
        return True
    is_labelled = _DATE_LABEL.match(line) and not ends_sentence(line)
    return bool(is_labelled and (find_date(line) or find_unknown_date(line)))


def read_date(found: re.Match[str]) -> date | datetime:
    """What ``find_date`` found: a datetime when its time has an offset, and else a date.

    Raises ``Unclear`` for a date, time or offset that does not exist, a date with two readings,
    and one on another day of the week.
    """
    written = found.group().rstrip(".)")
    year_month_day = _year_month_day(found, written)
    try:
        day = date(*year_month_day)
        instant = _instant(day, found) if found["hour"] else None
    except (ValueError, OverflowError):
        raise Unclear(f"'{written}' is not a date that exists") from None
    weekday = found["weekday"]
    if weekday and _WEEKDAYS.index(weekday[:3].lower()) != day.weekday():
        raise Unclear(f"'{written}' was not on that day of the week")
    return instant or day


def _year_month_day(found: re.Match[str], written: str) -> tuple[int, int, int]:
    """22/06/2024 and 06/22/2024 have one reading; 03/04/2024 has two."""
    year, month, day = int(found["year"]), _month(found["month"]), int(found["day"])
    if found.re is not _EITHER_ORDER:
        return year, month, day
    if day != month and day <= 12 and month <= 12:
        readings = f"{year:04}-{month:02}-{day:02} or {year:04}-{day:02}-{month:02}"
        raise Unclear(f"'{written}' has two readings: write {readings}")
    return (year, day, month) if month > 12 else (year, month, day)


def _month(written: str) -> int:
    return int(written) if written.isdigit() else 1 + _MONTHS.index(written[:3].lower())


def _instant(day: date, found: re.Match[str]) -> datetime | None:
    """The time on that day when it is written with its offset. An impossible time is an error."""
    minute, second = int(found["minute"] or 0), int(found["second"] or 0)
    microsecond = int((found["fraction"] or "")[:6].ljust(6, "0"))
    clock = time(_hour(found), minute, second, microsecond, _offset(found))
    if clock.tzinfo is None:
        return None
    instant = datetime.combine(day, clock)
    # Raises where the instant is before the first or after the last year there is.
    instant.astimezone(UTC)
    return instant


def _hour(found: re.Match[str]) -> int:
    hour, half = int(found["hour"]), found["half"]
    if half and hour <= 12:
        return hour % 12 + (12 if half in "pP" else 0)
    return hour


def _offset(found: re.Match[str]) -> timezone | None:
    """None for a time without a zone and for a zone's letters, which mean several zones."""
    if not found["sign"]:
        return UTC if (found["zone"] or "").upper() in ("Z", "UTC", "GMT") else None
    hours, minutes = int(found["zone_hours"]), int(found["zone_minutes"] or 0)
    if minutes > 59:
        raise ValueError("an offset has at most 59 minutes")
    east = timedelta(hours=hours, minutes=minutes)
    return timezone(east if found["sign"] == "+" else -east)
