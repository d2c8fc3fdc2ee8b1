"""An index that other rules made is made anew: whoever changes them has to say so."""

import hashlib
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from app.articles.queries import Links
from app.search.languages import LANGUAGES, terms
from app.search.schema import RULES_NUMBER, STRUCTURE_NUMBER, index_document

AT = datetime(2026, 11, 24, tzinfo=UTC)
SAMPLE = "The Häuser généraux книги 東京都 ข่าว हिन्दी don't Covid-19 ﬁne"
KNOWN = {("2", "2"): "53d557"}
"""What these numbers stand for. When it differs, count `RULES_NUMBER` up (for other fields also
`STRUCTURE_NUMBER`), so that indexes that are out there are made anew; then write it down here."""


def test_the_numbers_of_the_rules_are_counted_up_when_they_change() -> None:
    row = SimpleNamespace(
        id="01a20c95-fd9f-710b-8f03-e27cdf1368f0", headline=SAMPLE, headline_key="the hauser",
        subheadline="Sub", summary="Sum", byline="By", body_text="Body", language="de-AT",
        language_key="de-at", live=True, withdrawn_at=None, sort_at=AT, published_at=AT,
        embargoed_until=None, expires_at=None, updated_at=AT,
    )  # fmt: skip
    tag = {"id": "t", "slug": "sport", "name": "Sport", "kind": "section"}
    author = {"id": "a", "slug": "mara", "name": "Mara", "role": None}
    links = Links({row.id: [author]}, {row.id: [tag]}, {row.id: tag})
    seen: list[Any] = [sorted(index_document(row, links, AT).to_dict().items())]
    seen += [(language, terms(SAMPLE, language)) for language in LANGUAGES]
    digest = hashlib.blake2b(repr(seen).encode(), digest_size=3).hexdigest()
    assert KNOWN.get((STRUCTURE_NUMBER, RULES_NUMBER)) == digest
