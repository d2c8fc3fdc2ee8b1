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
from dataclasses import dataclass
from datetime import date, datetime

from app.importing import bylines, printed_dates
from app.importing.bylines import Byline, is_byline
from app.importing.decoding import NotText, decode_lines, ends_sentence, tidy
from app.importing.printed_dates import Unclear, find_date, only_date

MAX_PAGE_BYTES = 5_000_000
MAX_HEADLINE_CHARACTERS = 300
_MAX_CREDIT_CHARACTERS = 60

_MASTHEAD = re.compile(r"last updated?:", re.ASCII | re.IGNORECASE)
# Hard-wrapped lines are longer than this, so a headline's first line that ends in "logo" is safe.
_LOGO = re.compile(r"(?:.{,35} )?logo$", re.ASCII | re.IGNORECASE)
_IMAGE_LABEL = re.compile(r"(?:photo|image): ?(?=.)", re.ASCII | re.IGNORECASE)


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


@dataclass(eq=False)
class UnreadablePage(ValueError):
    """A page cannot be understood; says where (``line`` counts from 1) and why, in one line."""

    file: str
    line: int
    detail: str

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
    try:
        reader = _Reader(decode_lines(data))
    except NotText as error:
        raise UnreadablePage(file, error.line, error.detail) from None
    try:
        return reader.page()
    except Unclear as error:
        raise UnreadablePage(file, reader.line_number(), str(error)) from None


def _image(block: str) -> CapturedImage | None:
    """The image that a block describes: 'caption / credit', or 'Photo: caption' without a credit.

    Nothing else is one: a caption alone cannot be told from a paragraph. The credit is what
    follows the last ' / '; it is short, and no end of a sentence.
    """
    label = _IMAGE_LABEL.match(block)
    described = block[label.end() :] if label else block
    caption, _, credit = described.rpartition(" / ")
    is_credit = len(credit) <= _MAX_CREDIT_CHARACTERS and any(c.isalpha() for c in credit)
    if caption and is_credit and not ends_sentence(credit):
        return CapturedImage(caption, credit)
    return CapturedImage(described, None) if label else None


class _Reader:
    """Reads a page from its top; ``_at`` is the index of the first line not yet read.

    Raises ``Unclear`` for what stands at ``line_number()``.
    """

    def __init__(self, lines: list[str]) -> None:
        self._raw = lines
        self._lines = [tidy(line) for line in lines]
        while self._lines and not self._lines[-1]:
            self._lines.pop()
        self._at = 0
        self._last_update: str | None = None
        self._byline: Byline | None = None
        self._published_on: date | datetime | None = None
        self._image: CapturedImage | None = None

    def page(self) -> CapturedPage:
        if not self._lines:
            raise Unclear("the page is empty")
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

    def line_number(self) -> int:
        """Of the first line not yet read, or else of the last line with text; counts from 1."""
        return max(1, min(self._at + 1, len(self._lines)))

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

    def _block(self, at: int) -> tuple[str, int]:
        """The text of a headline or caption, and the index of the first line below it."""
        end = at + 1
        # What is above the paragraphs has few lines; the bound keeps hostile pages cheap.
        while self._is_more_of_block(end) and end - at <= MAX_HEADLINE_CHARACTERS:
            end += 1
        return " ".join(self._lines[at:end]), end

    def _is_more_of_block(self, at: int) -> bool:
        """Whether a line is neither blank nor another part's."""
        line = self._line(at)
        is_other = only_date(line) or _MASTHEAD.match(line) or self._is_byline_below(at)
        return bool(line) and not is_other

    def _is_byline_below(self, at: int) -> bool:
        """Not when another byline follows: 'Town Overrun', 'By Floods', 'By Jane Doe'."""
        line = self._line(at)
        return (
            self._byline is None
            and self._is_byline_at(at)
            and (is_byline(line) or find_date(line) is not None)
            and not self._is_byline_at(self._next_block(at + 1))
        )

    def _is_byline_at(self, at: int) -> bool:
        """Whether the line at the start of a block is a byline."""
        line, below = self._line(at), self._line(at + 1)
        if is_byline(line) or bylines.names_in(line) == "":
            return True
        return bylines.could_be_byline(line) and (not below or only_date(below) is not None)

    def _read_masthead(self) -> None:
        while self._skip_blank_lines():
            if _MASTHEAD.match(self._line(self._at)):
                self._set_last_update()
            elif not self._is_furniture(self._at):
                return
            self._at += 1

    def _set_last_update(self) -> None:
        if self._last_update is not None:
            raise Unclear("the page has a second 'Last update'")
        self._last_update = self._raw[self._at].partition(":")[2].strip() or None

    def _is_furniture(self, at: int) -> bool:
        """Whether a line is a logo's, not the headline 'City Unveils New Logo'.

        A headline has a byline, a date or a sentence below it; a logo has the headline there.
        """
        if not _LOGO.match(self._line(at)):
            return False
        below = self._next_block(at + 1)
        if _LOGO.match(self._line(below)):
            return True
        if self._is_byline_at(below) or only_date(self._line(below)):
            return False
        text, end = self._block(below)
        return not ends_sentence(text) or self._is_byline_at(self._next_block(end))

    def _read_headline(self) -> str:
        if not self._skip_blank_lines():
            raise Unclear("the page has no headline")
        self._refuse_other_than_headline()
        headline, end = self._block(self._at)
        if len(headline) > MAX_HEADLINE_CHARACTERS:
            raise Unclear(f"the headline has more than {MAX_HEADLINE_CHARACTERS} characters")
        if not any(c.isalnum() for c in headline):
            raise Unclear(f"the headline '{headline}' has no letter or digit")
        self._at = end
        return headline

    def _refuse_other_than_headline(self) -> None:
        line = self._line(self._at)
        if only_date(line):
            raise Unclear("a date stands where the headline should be")
        names = bylines.names_in(line)
        is_sure = names == "" or is_byline(line) or (names is not None and find_date(line))
        if is_sure and not self._is_byline_at(self._next_block(self._at + 1)):
            raise Unclear("a byline stands where the headline should be")

    def _read_under_headline(self) -> None:
        while self._skip_blank_lines():
            line = self._line(self._at)
            if self._byline is None and self._is_byline_at(self._at):
                self._byline = bylines.read_byline(line)
                self._set_published_on(self._byline.published_on)
            elif found := only_date(line):
                self._set_published_on(printed_dates.read_date(found))
            elif _MASTHEAD.match(line):
                self._set_last_update()
            elif self._read_image():
                continue
            elif printed_dates.is_unknown_date(line):
                detail = f"cannot read a date of publication in '{line}'"
                raise Unclear(f"{detail}: {printed_dates.DATE_ADVICE}")
            else:
                return
            self._at += 1

    def _set_published_on(self, published_on: date | datetime | None) -> None:
        if published_on and self._published_on not in (None, published_on):
            raise Unclear("the page has two dates of publication")
        self._published_on = published_on or self._published_on

    def _read_image(self) -> bool:
        if self._image:
            return False
        text, end = self._block(self._at)
        self._image = _image(text)
        if self._image:
            self._at = end
        return self._image is not None

    def _read_paragraphs(self) -> tuple[str, ...]:
        paragraphs: list[str] = []
        while self._skip_blank_lines():
            end = self._at
            while self._line(end):
                end += 1
            text = " ".join(self._lines[self._at : end])
            is_below_byline = self._byline is not None and not paragraphs
            # Taken for a paragraph, it would hide that the page has a layout not known here.
            if is_byline(text) and (is_below_byline or find_date(text)):
                raise Unclear("a byline out of place: a page has one, directly below its headline")
            paragraphs.append(text)
            self._at = end
        if not paragraphs:
            raise Unclear("the page has a headline and no text")
        return tuple(paragraphs)
