"""Captured news pages, read into their parts: one example of use per test, then the properties."""

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.importing.captured_page import (
    MAX_HEADLINE_CHARACTERS,
    MAX_PAGE_BYTES,
    CapturedImage,
    CapturedPage,
    UnreadablePage,
    read_captured_page,
)

SEED = Path(__file__).parents[3] / "shared" / "seeds" / "000_611d51fa6e7b450c.txt"

HARBOUR = """\
Last update: May 3, 2023 07:05

Harbour Post logo

Ferry Returns to the Old Harbour: Mayor

By Ines Moreau May 2, 2023


The ferry at its new pier, May 1, 2023 / Harbour Post

The ferry came back on Tuesday after a winter in the yard.

"It was missed," the mayor said.
"""
JUNE_22 = date(2024, 6, 22)


def read(text: str, encoding: str = "utf-8") -> CapturedPage:
    return read_captured_page(text.encode(encoding), "page.txt")


def refusal(data: str | bytes) -> str:
    """What is said of a page that cannot be read."""
    with pytest.raises(UnreadablePage) as refused:
        read_captured_page(data.encode() if isinstance(data, str) else data, "page.txt")
    return str(refused.value)


def under_headline(lines: str) -> CapturedPage:
    return read(f"Bridge Opens\n\n{lines}\n\nThe bridge opened.\n")


def refusal_under_headline(lines: str) -> str:
    return refusal(f"Bridge Opens\n\n{lines}\n\nThe bridge opened.\n")


def test_a_page_is_read_into_its_parts() -> None:
    assert read(HARBOUR) == CapturedPage(
        headline="Ferry Returns to the Old Harbour: Mayor",
        byline="By Ines Moreau",
        authors=("Ines Moreau",),
        published_on=date(2023, 5, 2),
        image=CapturedImage("The ferry at its new pier, May 1, 2023", "Harbour Post"),
        paragraphs=(
            "The ferry came back on Tuesday after a winter in the yard.",
            '"It was missed," the mayor said.',
        ),
        last_update="May 3, 2023 07:05",
    )


@pytest.mark.skipif(not SEED.exists(), reason=f"the captured page {SEED} is not on this machine")
def test_a_page_that_a_newsroom_captured() -> None:
    page = read_captured_page(SEED.read_bytes(), SEED.name)
    assert page.headline == "It Is Time to Officially Disband OSCE Minsk Group: President Aliyev"
    assert (page.byline, page.authors) == ("By Gunay Hajiyeva", ("Gunay Hajiyeva",))
    assert page.published_on == JUNE_22
    assert page.image is not None
    assert page.image.caption.endswith("met in Munich, Germany, February 18, 2024")
    assert page.image.credit == "Courtesy"
    assert len(page.paragraphs) == 13
    assert page.last_update == "July 14, 2024 01:49"


# --- The byline's names


def test_a_page_without_a_byline_has_no_authors() -> None:
    page = read("Bridge Opens\n\nThe bridge opened.")
    assert (page.byline, page.authors, page.published_on) == (None, (), None)
    assert page.paragraphs == ("The bridge opened.",)


@pytest.mark.parametrize(
    ("line", "authors"),
    [
        ("By Jane Doe", ("Jane Doe",)),
        ("By: Jane Doe", ("Jane Doe",)),
        ("by Jane Doe", ("Jane Doe",)),
        ("By Jane Doe and John Roe", ("Jane Doe", "John Roe")),
        ("By Jane Doe, John Roe and Ann Poe", ("Jane Doe", "John Roe", "Ann Poe")),
        ("By Jane Doe, John Roe, and Ann Poe", ("Jane Doe", "John Roe", "Ann Poe")),
        ("By Jane Doe & John Roe", ("Jane Doe", "John Roe")),
        ("By Jane Doe with John Roe", ("Jane Doe", "John Roe")),
        ("By Jane Doe and Jane Doe", ("Jane Doe",)),
        ("By Ann Anderson and Sandy Brand", ("Ann Anderson", "Sandy Brand")),
        ("By Jan van der Berg", ("Jan van der Berg",)),
        ("By de Souza", ("de Souza",)),
        ("By Omar al-Rashid and Marie d'Arc", ("Omar al-Rashid", "Marie d'Arc")),
        ("By Mary-Kate O’Brien", ("Mary-Kate O’Brien",)),
        ("By J.R.R. Tolkien and C. S. Lewis", ("J.R.R. Tolkien", "C. S. Lewis")),
        ("By Martin Poe, Jr., and Jane Doe", ("Martin Poe, Jr.", "Jane Doe")),
        ("By Əli Həsənov and Şükrü Çelik", ("Əli Həsənov", "Şükrü Çelik")),
        ("By 王小明", ("王小明",)),
        ("By Staff Reporter", ("Staff Reporter",)),
        ("By our own correspondent", ("our own correspondent",)),
        ("By Jane Doe.", ("Jane Doe",)),
        ("By Martin Poe Jr.", ("Martin Poe Jr.",)),
        ("By Jane Doe in Paris and John Roe (AP)", ("Jane Doe", "John Roe")),
        ("By Jane Doe | Harbour Post", ("Jane Doe",)),
    ],
)
def test_authors_are_the_names_in_the_byline(line: str, authors: tuple[str, ...]) -> None:
    page = under_headline(line)
    assert (page.byline, page.authors) == (line, authors)
    assert page.paragraphs == ("The bridge opened.",)


@pytest.mark.parametrize(
    ("line", "authors"),
    [
        ("BY JANE DOE", ("Jane Doe",)),
        ("BY JANE DOE AND JOHN ROE", ("Jane Doe", "John Roe")),
        ("By JANE DOE and John Roe", ("Jane Doe", "John Roe")),
        ("BY MARY-KATE O'BRIEN", ("Mary-Kate O'Brien",)),
        ("BY JAN VAN DER BERG", ("Jan van der Berg",)),
        ("BY J.R.R. MCDONALD III", ("J.R.R. McDonald III",)),
        ("BY THE READERS' AND WRITER'S DESK", ("The Readers'", "Writer's Desk")),
        ("BY ÉVA ŞÜKRÜ ÇELİK", ("Éva Şükrü Çelik",)),
        ("By AFP and TASS", ("AFP", "TASS")),
        ("By Jane McDONALD", ("Jane McDONALD",)),
    ],
)
def test_only_a_name_all_in_capitals_is_spelled_anew(line: str, authors: tuple[str, ...]) -> None:
    page = under_headline(line)
    assert (page.byline, page.authors) == (line, authors)


@pytest.mark.parametrize(
    "paragraph",
    [
        "By the time the fire was out, the mill was gone.",
        "By Tuesday 400 people had left the town.",
        "By noon on June 22, 2024 all was quiet, the police said.",
        "By the numbers: a city in charts",
    ],
)
def test_a_paragraph_may_start_with_by(paragraph: str) -> None:
    page = read(f"Mill Burns\n\n{paragraph}\n\nIt was old.")
    assert page.byline is None
    assert page.paragraphs == (paragraph, "It was old.")


def test_a_headline_may_start_with_by() -> None:
    page = read("By Popular Demand, Festival Returns\n\nBy Jane Doe\n\nIt is back.")
    assert page.headline == "By Popular Demand, Festival Returns"
    assert page.authors == ("Jane Doe",)


@pytest.mark.parametrize("line", ["By", "By:", "BY  ", "By June 22, 2024", "By - June 22, 2024"])
def test_a_byline_without_a_name_is_refused(line: str) -> None:
    assert refusal_under_headline(line) == "page.txt:3: the byline has no name"


def test_a_byline_that_is_no_name_is_refused() -> None:
    assert refusal_under_headline("By jane@example.org") == (
        "page.txt:3: cannot read a name in 'jane@example.org'"
    )


def test_a_second_byline_is_refused() -> None:
    assert refusal_under_headline("By Jane Doe\n\nBy John Roe") == (
        "page.txt:5: a byline out of place: a page has one, directly below its headline"
    )


def test_a_dated_byline_below_the_text_is_refused() -> None:
    assert refusal("Bridge Opens\n\nIt did.\n\nBy Jane Doe June 22, 2024\n\nMore.").startswith(
        "page.txt:5: a byline out of place"
    )


# --- The date of publication


@pytest.mark.parametrize(
    "spelling",
    [
        "June 22, 2024",
        "June 22 2024",
        "JUNE 22, 2024",
        "June 22nd, 2024",
        "Jun. 22, 2024",
        "Jun 22, 2024",
        "22 June 2024",
        "22nd of June, 2024",
        "2024-06-22",
        "2024/06/22",
        "22.06.2024",
        "22.6.2024",
        "22/06/2024",
        "06/22/2024",
        "22-06-2024",
        "Saturday, June 22, 2024",
        "Sat. 22 June 2024",
        "June 22, 2024.",
    ],
)
def test_a_date_is_read_however_it_is_spelled(spelling: str) -> None:
    page = under_headline(f"By Jane Doe {spelling}")
    assert (page.byline, page.authors, page.published_on) == ("By Jane Doe", ("Jane Doe",), JUNE_22)


@pytest.mark.parametrize(
    ("spelling", "day"),
    [
        ("Sept 3, 2024", date(2024, 9, 3)),
        ("Sept. 3, 2024", date(2024, 9, 3)),
        ("September 3, 2024", date(2024, 9, 3)),
        ("May 5, 2024", date(2024, 5, 5)),
        ("05/05/2024", date(2024, 5, 5)),
        ("29 February 2024", date(2024, 2, 29)),
    ],
)
def test_months_and_days_have_more_than_one_name(spelling: str, day: date) -> None:
    assert under_headline(f"By Jane Doe {spelling}").published_on == day


@pytest.mark.parametrize(
    "between",
    [
        " - ",
        " | ",
        " — ",
        " – ",
        "—",
        ", ",
        " on ",
        " Published ",
        ", published on ",
        " Posted: ",
        "; Date: ",
    ],
)
def test_the_byline_keeps_nothing_of_what_leads_to_the_date(between: str) -> None:
    page = under_headline(f"By Jane Doe{between}June 22, 2024")
    assert (page.byline, page.published_on) == ("By Jane Doe", JUNE_22)


def test_a_surname_may_be_a_word_that_leads_to_dates() -> None:
    page = under_headline("By Naomi Date and Kelvin On June 22, 2024")
    assert (page.authors, page.published_on) == (("Naomi Date", "Kelvin On"), JUNE_22)


def test_a_date_may_be_in_parentheses() -> None:
    page = under_headline("By Jane Doe (June 22, 2024)")
    assert (page.byline, page.published_on) == ("By Jane Doe", JUNE_22)


@pytest.mark.parametrize(
    "lines",
    [
        "By Jane Doe\nJune 22, 2024",
        "By Jane Doe\n\nPublished On: 22 June 2024",
        "By Jane Doe\nDate: 22 June 2024",
        "By Jane Doe June 22, 2024\n2024-06-22",
        "June 22, 2024\nBy Jane Doe",
    ],
)
def test_a_date_may_stand_on_its_own_line(lines: str) -> None:
    page = under_headline(lines)
    assert (page.authors, page.published_on) == (("Jane Doe",), JUNE_22)
    assert page.paragraphs == ("The bridge opened.",)


def test_a_date_needs_no_byline() -> None:
    page = read("Bridge Opens\nJune 22, 2024\nThe bridge opened.")
    assert (page.headline, page.byline, page.published_on) == ("Bridge Opens", None, JUNE_22)


@pytest.mark.parametrize(
    "spelling",
    [
        "June 22, 2024 14:30",
        "June 22, 2024, 2:30 p.m.",
        "June 22, 2024 at 2 PM",
        "2024-06-22T14:30:00",
        "22.06.2024 14.30",
        "June 22, 2024 2:30 PM ET",
    ],
)
def test_of_a_time_without_an_offset_only_the_date_counts(spelling: str) -> None:
    page = under_headline(f"By Jane Doe {spelling}")
    assert page.published_on == JUNE_22
    assert not isinstance(page.published_on, datetime)
    assert page.byline == "By Jane Doe"


@pytest.mark.parametrize(
    ("spelling", "offset"),
    [
        ("2024-06-22T14:30:00+04:00", timedelta(hours=4)),
        ("2024-06-22 14:30 -0330", -timedelta(hours=3, minutes=30)),
        ("2024-06-22T14:30:00.000Z", timedelta()),
        ("June 22, 2024 14:30 GMT", timedelta()),
        ("June 22, 2024 at 2:30 p.m. UTC+4", timedelta(hours=4)),
    ],
)
def test_a_time_with_its_offset_is_kept_with_it(spelling: str, offset: timedelta) -> None:
    published_on = under_headline(f"By Jane Doe {spelling}").published_on
    assert published_on == datetime(2024, 6, 22, 14, 30, tzinfo=timezone(offset))
    assert isinstance(published_on, datetime)
    assert published_on.utcoffset() == offset


def test_noon_and_midnight_of_the_twelve_hour_clock() -> None:
    midnight = under_headline("By Jane Doe June 22, 2024 12:00 AM UTC").published_on
    noon = under_headline("By Jane Doe June 22, 2024 12:00 PM UTC").published_on
    assert midnight == datetime(2024, 6, 22, tzinfo=UTC)
    assert noon == datetime(2024, 6, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "spelling",
    [
        "June 31, 2024",
        "29 February 2023",
        "2024-13-01",
        "31.04.2024",
        "13/25/2024",
        "June 22, 2024 25:10",
        "2024-06-22T14:30:00+99:00",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_an_impossible_date_is_refused(spelling: str) -> None:
    expected = f"page.txt:3: '{spelling}' is not a date that exists"
    assert refusal_under_headline(f"By Jane Doe {spelling}") == expected


def test_an_impossible_date_on_its_own_line_is_refused_there() -> None:
    assert refusal_under_headline("By Jane Doe\nJune 31, 2024") == (
        "page.txt:4: 'June 31, 2024' is not a date that exists"
    )


def test_an_ambiguous_date_is_refused_with_both_readings() -> None:
    assert refusal_under_headline("By Jane Doe 03/04/2024") == (
        "page.txt:3: '03/04/2024' has two readings: write 2024-04-03 or 2024-03-04"
    )


def test_a_wrong_day_of_the_week_is_refused() -> None:
    assert refusal_under_headline("By Jane Doe Sunday, June 22, 2024") == (
        "page.txt:3: 'Sunday, June 22, 2024' was not on that day of the week"
    )


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("By Jane Doe June 22", "22"),
        ("By Jane Doe 22 June", "22 June"),
        ("By Jane Doe 22/06/24", "22/06/24"),
    ],
)
def test_a_date_in_an_unknown_spelling_is_no_name(line: str, at: str) -> None:
    assert refusal_under_headline(line) == (
        f"page.txt:3: cannot read the date at '{at}': write the date as 2024-06-22"
    )


@pytest.mark.parametrize("line", ["22/06/24", "June 22", "Updated June 23, 2024"])
def test_a_line_with_a_date_in_an_unknown_spelling_is_no_text(line: str) -> None:
    assert refusal_under_headline(f"By Jane Doe\n{line}") == (
        f"page.txt:4: cannot read a date of publication in '{line}': write the date as 2024-06-22"
    )


def test_the_date_of_an_update_is_not_the_date_of_publication() -> None:
    assert refusal_under_headline("By Jane Doe Updated June 23, 2024") == (
        "page.txt:3: the byline's date is of an update: write the date of publication"
    )


def test_two_dates_of_publication_are_refused() -> None:
    assert refusal_under_headline("By Jane Doe June 22, 2024\nJune 23, 2024") == (
        "page.txt:4: the page has two dates of publication"
    )


# --- The image


@pytest.mark.parametrize(
    ("block", "image"),
    [
        ("The pier at dawn / Courtesy", CapturedImage("The pier at dawn", "Courtesy")),
        ("A pier. At dawn / Jane Doe", CapturedImage("A pier. At dawn", "Jane Doe")),
        ("Left / right of it / AFP", CapturedImage("Left / right of it", "AFP")),
        ("The pier\nat dawn / AFP", CapturedImage("The pier at dawn", "AFP")),
        ("Photo: The pier at dawn.", CapturedImage("The pier at dawn.", None)),
        ("Image: The pier / AFP", CapturedImage("The pier", "AFP")),
    ],
)
def test_the_image_is_the_block_below_the_byline(block: str, image: CapturedImage) -> None:
    page = under_headline(f"By Jane Doe\n{block}")
    assert page.image == image
    assert page.paragraphs == ("The bridge opened.",)


def test_an_image_needs_no_byline() -> None:
    page = under_headline("The pier at dawn / Courtesy")
    assert page.image == CapturedImage("The pier at dawn", "Courtesy")


def test_an_image_may_stand_above_the_byline() -> None:
    page = under_headline("The pier at dawn / Courtesy\nBy Jane Doe June 22, 2024")
    assert page.image == CapturedImage("The pier at dawn", "Courtesy")
    assert page.authors == ("Jane Doe",)


@pytest.mark.parametrize(
    "paragraph",
    [
        "A caption that nothing marks as one",
        "They could stay / leave.",
        "He asked: stay / leave?”",
        "The score at the break was 3 / 4",
        "Photo:",
        "/ Courtesy",
        f"The pier / {'long ' * 20}credit",
    ],
)
def test_what_could_be_text_is_no_image(paragraph: str) -> None:
    page = under_headline(f"By Jane Doe\n\n{paragraph}")
    assert page.image is None
    assert page.paragraphs == (paragraph, "The bridge opened.")


def test_only_the_first_block_is_the_image() -> None:
    page = under_headline("By Jane Doe\n\nThe pier / AFP\n\nThe ferry / AFP")
    assert page.image == CapturedImage("The pier", "AFP")
    assert page.paragraphs == ("The ferry / AFP", "The bridge opened.")


# --- Masthead, furniture, headline


def test_the_last_update_is_kept_exactly_as_written() -> None:
    assert read("Last update:  14  July,01.49 \n\nBridge Opens\n\nIt did.").last_update == (
        "14  July,01.49"
    )


def test_a_last_update_may_stand_below_the_headline() -> None:
    page = under_headline("By Jane Doe\nLast updated: today")
    assert page.last_update == "today"
    assert page.paragraphs == ("The bridge opened.",)


def test_an_empty_last_update_is_none() -> None:
    assert read("Last update:\n\nBridge Opens\n\nIt did.").last_update is None


def test_a_second_last_update_is_refused() -> None:
    assert refusal("Last update: a\nLast update: b\nBridge Opens\n\nIt did.") == (
        "page.txt:2: the page has a second 'Last update'"
    )


def test_logos_above_the_headline_are_furniture() -> None:
    page = read("Harbour Post logo\n\nPARTNER LOGO\nBridge Opens\nBy Jane Doe\nIt did.")
    assert (page.headline, page.paragraphs) == ("Bridge Opens", ("It did.",))


@pytest.mark.parametrize("below", ["By Jane Doe", "June 22, 2024", "It is blue."])
def test_a_headline_may_end_in_logo(below: str) -> None:
    page = read(f"Harbour Post logo\n\nCity Unveils New Logo\n\n{below}\n\nIt is round.")
    assert page.headline == "City Unveils New Logo"


def test_a_headline_below_a_logo_may_end_in_a_full_stop() -> None:
    page = read("Harbour Post logo\n\nMayor Visits the U.S.\n\nBy Jane Doe\n\nShe did.")
    assert page.headline == "Mayor Visits the U.S."


def test_a_headline_may_be_hard_wrapped() -> None:
    page = read("Bridge Opens After\nTen Years\nBy Jane Doe\n\nIt did.")
    assert (page.headline, page.authors) == ("Bridge Opens After Ten Years", ("Jane Doe",))


def test_a_headlines_second_line_may_start_with_by() -> None:
    page = read("Old Town Overrun\nBy Floods\n\nBy Jane Doe\n\nIt was.")
    assert (page.headline, page.authors) == ("Old Town Overrun By Floods", ("Jane Doe",))


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("", "page.txt:1: the page is empty"),
        (" \n\u00a0\r\n\u200b\n", "page.txt:1: the page is empty"),
        ("Last update: today\n\nHarbour Post logo\n", "page.txt:3: the page has no headline"),
        ("* * *\n\nIt did.", "page.txt:1: the headline '* * *' has no letter or digit"),
        ("By Jane Doe\n\nIt did.", "page.txt:1: a byline stands where the headline should be"),
        ("June 22, 2024\n\nIt did.", "page.txt:1: a date stands where the headline should be"),
        ("Bridge Opens\n", "page.txt:1: the page has a headline and no text"),
        ("Bridge Opens\n\nBy Jane Doe\n\n", "page.txt:3: the page has a headline and no text"),
    ],
)
def test_a_page_without_headline_or_text_is_refused(page: str, message: str) -> None:
    assert refusal(page) == message


def test_a_headline_has_a_longest_length() -> None:
    longest = "a" * MAX_HEADLINE_CHARACTERS
    assert read(f"{longest}\n\nText.").headline == longest
    assert refusal(f"\n{longest}a\n\nText.") == (
        f"page.txt:2: the headline has more than {MAX_HEADLINE_CHARACTERS} characters"
    )


def test_a_refusal_names_file_line_and_detail() -> None:
    with pytest.raises(UnreadablePage) as refused:
        read_captured_page(b"", "page.txt")
    error = refused.value
    assert (error.file, error.line, error.detail) == ("page.txt", 1, "the page is empty")
    assert isinstance(error, ValueError)


# --- Lines and blanks


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_on_any_machine(end: str) -> None:
    assert read(HARBOUR.replace("\n", end)) == read(HARBOUR)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_however_they_end(end: str) -> None:
    assert refusal(end.join(["Bridge Opens", "", "By Jane Doe", "June 31, 2024"])).startswith(
        "page.txt:4:"
    )


def test_white_space_around_and_between_words_is_one_blank() -> None:
    page = read("Bridge \t Opens  \n\u00a0\nBy\u00a0Jane\u00a0Doe June\u00a022, 2024\n \nIt  did. ")
    assert (page.headline, page.authors) == ("Bridge Opens", ("Jane Doe",))
    assert (page.published_on, page.paragraphs) == (JUNE_22, ("It did.",))


def test_a_hard_wrapped_paragraph_is_joined() -> None:
    page = read("Bridge Opens\n\nThe bridge\nopened\non time.\n\n\nAll came.")
    assert page.paragraphs == ("The bridge opened on time.", "All came.")


def test_the_text_may_start_directly_below_the_byline() -> None:
    page = read("Bridge Opens\nBy Jane Doe June 22, 2024\nThe bridge opened\non time.")
    assert (page.headline, page.authors) == ("Bridge Opens", ("Jane Doe",))
    assert page.paragraphs == ("The bridge opened on time.",)


# --- Bytes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_page_may_be_in_any_of_these_encodings(encoding: str) -> None:
    page = read("Café “Zoë” Opens\n\nBy Zoë Åström\n\nIt did — at last…", encoding)
    assert (page.headline, page.authors) == ("Café “Zoë” Opens", ("Zoë Åström",))
    assert page.paragraphs == ("It did — at last…",)


def test_utf_16_may_have_its_high_byte_first() -> None:
    data = b"\xfe\xff" + "Bridge Opens\n\nİt did.".encode("utf-16-be")
    assert read_captured_page(data, "page.txt").paragraphs == ("İt did.",)


@pytest.mark.parametrize("byte", [0x81, 0x8D, 0x8F, 0x90, 0x9D])
def test_a_byte_that_is_in_no_known_encoding_is_refused(byte: int) -> None:
    data = b"Caf\xe9 Opens\r\n\r\nIt did" + bytes([byte])
    assert refusal(data) == f"page.txt:3: byte 0x{byte:02X} is not UTF-8 or Windows-1252"


def test_damaged_utf_8_is_not_taken_for_windows_1252() -> None:
    assert refusal("It’s open\n\nIt is.".encode() + b"\n\xe9.") == (
        "page.txt:4: has damaged UTF-8: save it again as UTF-8"
    )


def test_a_page_that_says_it_is_utf_8_must_be() -> None:
    assert refusal(b"\xef\xbb\xbfBridge\n\nIt \xff did") == ("page.txt:3: byte 0xFF is not UTF-8")


def test_utf_16_cut_short_is_refused() -> None:
    assert refusal("Bridge\n\nIt did".encode("utf-16")[:-1]).startswith("page.txt:3: byte 0x64")


@pytest.mark.parametrize("code", [0x00, 0x07, 0x0C, 0x1B, 0x7F, 0x85])
def test_control_characters_are_refused_with_their_line(code: int) -> None:
    assert refusal(f"Bridge Opens\n\nIt{chr(code)}did") == (
        f"page.txt:3: has the control character U+{code:04X}, so this is not text"
    )


def test_a_page_has_a_greatest_size() -> None:
    page = b"Bridge Opens\n\n".ljust(MAX_PAGE_BYTES, b"a")
    assert read_captured_page(page, "page.txt").headline == "Bridge Opens"
    assert refusal(page + b"a") == "page.txt:1: has 5000001 bytes, more than 5000000"


# --- Properties

# Pieces that the reader gives a meaning to, so that chance finds its branches.
PIECES = [
    *["\n", "\n\n", "\r\n", "\r", " ", "\u00a0", "\t", "By ", "BY ", "By:", "by", " and ", ", "],
    *["&", "Jane Doe", "JANE O'NEIL", "al-", "Jr.", "İ", "ſ", "\u0131", "June 22, 2024", "June "],
    *["22.06.2024", "03/04/2024", "Fr\u0131", "Sat, ", "2024-06-22T14:30+04:00", " 2 pm", "("],
    *["9999-12-31T23:59-14:00", "Last update:", "Newsroom logo", " / ", "Photo:", " | ", "—"],
    *["Updated ", "Published ", "Text.", "/", "1."],
]
any_page = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(st.sampled_from(PIECES), max_size=30).map(lambda pieces: "".join(pieces).encode()),
    st.lists(st.sampled_from(PIECES), max_size=20).map(
        lambda pieces: ("Head\n\n" + "".join(pieces) + "\n\nText.").encode("utf-16")
    ),
)


def outcome(data: bytes) -> CapturedPage | UnreadablePage:
    try:
        return read_captured_page(data, "page.txt")
    except UnreadablePage as refused:
        return refused


@settings(max_examples=500, deadline=None)
@given(any_page)
def test_any_bytes_are_a_page_or_refused_with_a_line(data: bytes) -> None:
    result = outcome(data)
    if isinstance(result, CapturedPage):
        assert result.headline
        assert result.paragraphs
        assert all(result.paragraphs)
    else:
        assert 1 <= result.line <= 1 + data.count(b"\n") + data.count(b"\r")
        assert len(str(result).splitlines()) == 1


@pytest.mark.parametrize(
    "piece",
    [
        *["\n", " ", "x", "x\n", "x\n\n", "logo\n", "By A B\n", "By A B\n\n", "June 22, 2024\n"],
        *["By ", "By , ", "By a June 22, 2024\n", "June ", "1 ", " / ", "a / b ", "Photo: x\n"],
    ],
)
def test_a_hostile_page_takes_time_in_proportion_to_its_size(piece: str) -> None:
    """One that took the square of its size would take minutes."""
    data = b"Head\n\n" + piece.encode() * (400_000 // len(piece)) + b"\n\nText."
    started = perf_counter()
    outcome(data)
    assert perf_counter() - started < 5


MONTHS = "January February March April May June July August September October November December"
DATE_FORMS = (
    "{month} {day.day}, {day.year}",
    "{day.day} {month} {day.year}",
    "{month:.3}. {day.day}, {day.year}",
    "{day:%Y-%m-%d}",
    "{day:%d.%m.%Y}",
)

letter = st.sampled_from("abcdefghijklmnopqrstuvwxyzàäåçéìñôöøœšæžăęəğıłőřşţđабвгд")
word = st.text(letter, min_size=2, max_size=9)
# Ends as no label, month or weekday does.
part_of_name = word.map(lambda text: f"{text[0].upper()}{text[1:]}ova")
first_name = st.one_of(
    part_of_name,
    st.builds("{}-{}".format, part_of_name, part_of_name),
    st.builds("O'{}".format, part_of_name),
    st.sampled_from("ABCDÉ").map("{}.".format),
)
name = st.builds("{} {}".format, first_name, part_of_name)
# Starts and ends as no other part of a page does.
sentence = st.lists(word, min_size=2, max_size=12).map(lambda words: f"The {' '.join(words)}.")
days = st.dates(date(1900, 1, 1), date(2100, 12, 31))


def spelled(day: date, form: str) -> str:
    return form.format(day=day, month=MONTHS.split()[day.month - 1])


def listed(names: list[str]) -> str:
    """'A', 'A and B', 'A, B and C'."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


@st.composite
def pages(draw: st.DrawFn) -> tuple[str, CapturedPage]:
    """A page as text, and the parts that it was made of."""
    authors = draw(st.lists(name, max_size=4, unique=True))
    page = CapturedPage(
        headline=f"The {draw(word)} {draw(word)} today",
        byline=f"By {listed(authors)}" if authors else None,
        authors=tuple(authors),
        published_on=draw(st.none() | days),
        image=draw(st.none() | st.builds(CapturedImage, sentence, st.none() | name)),
        paragraphs=tuple(draw(st.lists(sentence, min_size=1, max_size=5))),
        last_update=draw(st.none() | sentence),
    )
    blocks = [f"Last update: {page.last_update}"] if page.last_update else []
    blocks += draw(st.sampled_from([[], ["Newsroom logo"]]))
    blocks.append(page.headline)
    written = (
        spelled(page.published_on, draw(st.sampled_from(DATE_FORMS))) if page.published_on else ""
    )
    between = draw(st.sampled_from([" ", " - ", " | ", ", "])) if page.byline and written else ""
    if page.byline or written:
        blocks.append(f"{page.byline or ''}{between}{written}")
    if page.image and page.image.credit:
        blocks.append(f"{page.image.caption} / {page.image.credit}")
    elif page.image:
        blocks.append(f"Photo: {page.image.caption}")
    wrap = draw(st.sampled_from([" ", "\n"]))
    blocks += [wrap.join(text.split()) for text in page.paragraphs]
    return "".join(block + "\n" * draw(st.integers(2, 4)) for block in blocks), page


@settings(deadline=None)
@given(pages(), st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["utf-8-sig", "utf-16"]))
def test_a_page_made_of_parts_is_read_into_them(
    made: tuple[str, CapturedPage], line_end: str, encoding: str
) -> None:
    text, page = made
    assert read(text.replace("\n", line_end), encoding) == page


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_no_word_of_a_page_is_lost(pieces: list[str]) -> None:
    """Only labels, separators, furniture, and the date's own words may be missing."""
    words = [f"w{number}ord" for number in range(len(pieces))]
    text = "".join(f"{piece} {word} " for piece, word in zip(pieces, words, strict=True))
    page = outcome(f"Head\n\n{text}\n\nText.".encode())
    assume(isinstance(page, CapturedPage))
    assert isinstance(page, CapturedPage)
    parts = [page.headline, page.byline, page.last_update, *page.paragraphs]
    parts += [page.image.caption, page.image.credit] if page.image else []
    kept = " ".join(part for part in parts if part)
    assert [word for word in words if word not in kept] == []
