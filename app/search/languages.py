"""How text becomes terms, by the language that it is written in.

Accents and case are folded before a word is stemmed, so that every spelling of it gives one term.
Scripts that put no blanks between words are cut into pairs of neighbouring characters.
"""

import re
import unicodedata
from functools import cache

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

STEMMERS = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "fi": "finnish", "fr": "french", "hu": "hungarian", "it": "italian", "nl": "dutch",
    "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish",
    "ta": "tamil", "tr": "turkish",
}  # fmt: skip
"""The stemmers of Tantivy, by the language subtags of BCP 47."""
STOP_WORDS = {
    "da", "de", "en", "es", "fi", "fr", "hu", "it", "nl", "no", "pt", "ru", "sv",
}  # fmt: skip
"""The languages whose words without a meaning of their own Tantivy knows."""
MORE_STOP_WORDS = {
    "en": [
        "about", "all", "also", "am", "any", "because", "been", "being", "both", "can", "could",
        "did", "do", "does", "doing", "each", "from", "had", "has", "have", "having", "he", "her",
        "here", "hers", "herself", "him", "himself", "his", "how", "i", "its", "itself", "me",
        "more", "most", "must", "my", "myself", "nor", "only", "other", "our", "ours", "ourselves",
        "own", "same", "she", "should", "so", "some", "than", "theirs", "them", "themselves",
        "those", "too", "very", "we", "were", "what", "when", "where", "which", "while", "whom",
        "why", "would", "you", "your", "yours", "yourself", "yourselves",
    ],
}  # fmt: skip
"""What Tantivy's list lacks of what people ask with. Not `who`, `us` and `may`, which are names too."""
OTHER = "other"
LANGUAGES = (*sorted(STEMMERS), OTHER)
_WITH_MARKS = {"ta"}
"""The stemmer of Tamil needs every mark, and so a slower tokenizer."""
_SAME = {"nb": "no", "nn": "no"}
TERM_BYTES_MAX = 60

# Han, Hiragana, Katakana, Hangul and Thai.
_UNSPACED = r"\u0e00-\u0e7f\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = re.compile(f"[{_UNSPACED}]+")
# Hebrew points, Arabic vowel signs and the stretching mark, Thai tone marks: written or left out as
# one likes.
_OPTIONAL_MARKS = re.compile(
    r"[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0640\u064b-\u065f\u0670\u0e47-\u0e4e]"
)
WORD = re.compile(rf"[^\W_]+(?:[^\W_{_UNSPACED}]|[\u0300-\u036f\u0900-\u0dff\u0e30-\u0e4e])*")


def language_of(tag: str) -> str:
    """Which of `LANGUAGES` an article's BCP 47 tag is treated as."""
    primary = tag.partition("-")[0].lower()
    primary = _SAME.get(primary, primary)
    return primary if primary in STEMMERS else OTHER


def prepared(text: str, language: str = OTHER, *, to_index: bool = False) -> str:
    """The text as analyzers take it: composed, without optional marks, unspaced scripts in pairs.

    In the index the last character of a run stands alone as well, so that each can be found by
    what begins with it.
    """
    if text.isascii():
        return text
    text = _OPTIONAL_MARKS.sub("", unicodedata.normalize("NFKC", text))
    if language not in _WITH_MARKS:
        text = text.translate(_cutting_marks())
    return _RUN.sub(_in_pairs_and_last if to_index else _in_pairs, text)


@cache
def _cutting_marks() -> dict[int, None]:
    """The combining marks at which the simple tokenizer would cut a word: they are left out."""
    simple = TextAnalyzerBuilder(Tokenizer.simple()).build()
    marks = (chr(at) for at in range(0x300, 0x3100) if unicodedata.combining(chr(at)))
    return {ord(mark): None for mark in marks if len(simple.analyze(f"a{mark}a")) > 1}


def is_unspaced(text: str) -> bool:
    """Whether it begins with a character of a script that puts no blanks between words."""
    return _RUN.match(text) is not None


def _in_pairs(run: re.Match[str]) -> str:
    characters = run.group()
    if len(characters) == 1:
        return f" {characters} "
    pairs = (characters[at : at + 2] for at in range(len(characters) - 1))
    return f" {' '.join(pairs)} "


def _in_pairs_and_last(run: re.Match[str]) -> str:
    return f"{_in_pairs(run)}{run.group()[-1]} "


@cache
def analyzer(language: str) -> TextAnalyzer:
    """Turns prepared text into the terms of a language."""
    chain = _words(language)
    if language in STEMMERS:
        chain = chain.filter(Filter.stemmer(STEMMERS[language]))
    return chain.build()


@cache
def plain_analyzer() -> TextAnalyzer:
    """Turns prepared text into words that are folded and not stemmed."""
    return _words(OTHER).build()


@cache
def _meaningful(language: str) -> TextAnalyzer:
    chain = _words(language).filter(Filter.stopword(STEMMERS[language]))
    return chain.filter(Filter.custom_stopword(MORE_STOP_WORDS.get(language, []))).build()


def _words(language: str) -> TextAnalyzerBuilder:
    has_marks = language in _WITH_MARKS
    tokenizer = Tokenizer.regex(r"[\p{L}\p{N}\p{M}]+") if has_marks else Tokenizer.simple()
    chain = TextAnalyzerBuilder(tokenizer).filter(Filter.remove_long(TERM_BYTES_MAX))
    return chain.filter(Filter.ascii_fold()).filter(Filter.lowercase())


def terms(text: str, language: str) -> list[str]:
    """The terms of some text, in order."""
    return list(analyzer(language).analyze(prepared(text, language)))


def words(text: str) -> list[str]:
    """The words of some text, folded and not stemmed, in order."""
    return list(plain_analyzer().analyze(prepared(text)))


def is_stop_word(word: str, language: str) -> bool:
    """Whether a folded word says nothing by itself in a language."""
    return language in STOP_WORDS and not _meaningful(language).analyze(word)
