"""Text becomes terms by the language that it is written in."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.search.languages import LANGUAGES, STEMMERS, is_stop_word, language_of, terms, words


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "bridges", "bridge"),
        ("en", "Opening", "opened"),
        ("de", "Häuser", "Haus"),
        ("de", "STRASSE", "Straße"),
        ("fr", "généraux", "general"),
        ("es", "canciones", "cancion"),
        ("pt", "eleição", "eleicao"),
        ("it", "elezioni", "elezione"),
        ("nl", "verkiezingen", "verkiezing"),
        ("sv", "hästar", "hast"),
        ("da", "LØBET", "lob"),
        ("no", "nyhetene", "nyheter"),
        ("fi", "metsässä", "metsa"),
        ("hu", "házak", "haz"),
        ("ro", "știri", "stiri"),
        ("tr", "İSTANBUL", "istanbul"),
        ("tr", "çocuklar", "cocuk"),
        ("ru", "книги", "КНИГА"),
        ("ru", "ёлка", "елка"),
        ("el", "άνθρωποι", "ΑΝΘΡΩΠΟΣ"),
        ("ar", "الْكِتَابُ", "كتاب"),
        ("ta", "செய்திகள்", "செய்திகள்"),
        ("other", "Žluťoučký", "zlutoucky"),
        ("other", "שָׁלוֹם", "שלום"),
    ],
)
def test_forms_of_a_word_are_one_term(language: str, one: str, other: str) -> None:
    assert terms(one, language) == terms(other, language)
    assert len(terms(one, language)) == 1


def test_every_stemmer_of_the_engine_is_used() -> None:
    for language in STEMMERS:
        assert terms("abc", language)


def test_language_tags_lead_to_their_stemmer() -> None:
    tags = ("en-GB", "EN", "nb", "nn-NO", "zh-Hans", "xx", "pt-BR")
    assert [language_of(tag) for tag in tags] == ["en", "en", "no", "no", "other", "other", "pt"]


def test_scripts_without_blanks_are_cut_into_pairs() -> None:
    assert terms("東京都", "other") == ["東京", "京都"]
    assert terms("Tokyo 東京 today", "en") == ["tokyo", "東京", "today"]
    assert terms("뉴스룸", "other") == ["뉴스", "스룸"]
    assert terms("ข่าวไทย", "other") == terms("ขาวไทย", "other")  # tone marks are left out
    assert terms("日", "other") == ["日"]


def test_words_with_combining_vowels_stay_whole() -> None:
    assert words("हिन्दी समाचार") == ["हिनदी", "समाचार"]  # marks that would cut them are left out


def test_stop_words_are_known_by_language() -> None:
    assert is_stop_word("the", "en")
    assert not is_stop_word("the", "de")
    assert not is_stop_word("the", "other")


@given(st.text(max_size=50), st.sampled_from(LANGUAGES))
def test_case_and_composition_never_matter(text: str, language: str) -> None:
    composed, apart = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert terms(composed, language) == terms(apart, language)
