"""What requests may carry: instants of RFC 3339 and patches of RFC 7396, whatever they say."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.web.params import Instant, MergePatch, StrictModel, is_id, patched

instant = TypeAdapter(Instant)
modest = settings(max_examples=60, deadline=None)
offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
moments = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 30), timezones=offsets)


@modest
@given(moments)
def test_any_offset_is_taken_and_the_instant_stays(moment: datetime) -> None:
    read = instant.validate_python(moment.isoformat())
    assert read == moment
    assert read.utcoffset() == timedelta(0)
    assert instant.validate_json(instant.dump_json(read)) == moment
    assert instant.dump_json(read).endswith(b'Z"')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T08:00:00Z", datetime(2026, 11, 24, 8, tzinfo=UTC)),
        ("2026-11-24t08:00:00z", datetime(2026, 11, 24, 8, tzinfo=UTC)),
        ("2026-11-24 08:00:00Z", datetime(2026, 11, 24, 8, tzinfo=UTC)),
        ("2026-11-24T08:00:00-00:00", datetime(2026, 11, 24, 8, tzinfo=UTC)),
        ("2026-11-24T08:00:00+05:45", datetime(2026, 11, 24, 2, 15, tzinfo=UTC)),
        ("2026-11-24T08:00:00.5Z", datetime(2026, 11, 24, 8, 0, 0, 500_000, UTC)),
        ("2026-11-24T08:00:00.123456789Z", datetime(2026, 11, 24, 8, 0, 0, 123_456, UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_every_form_of_rfc_3339_is_read(text: str, expected: datetime) -> None:
    assert instant.validate_python(text) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "now",
        "2026-11-24",
        "2026-11-24T08:00Z",
        "2026-11-24T08:00:00",
        "2026-11-24T08:00:00 Z",
        "2026-11-24T08:00:00.Z",
        "2026-11-24T08:00:00+0100",
        "2026-11-24T08:00:00+24:00",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-11-24T24:00:01Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59Z",
        "20261124T080000Z",
        "2026-W48-2T08:00:00Z",
        "٢٠٢٦-11-24T08:00:00Z",
        " 2026-11-24T08:00:00Z",
        "2026-11-24T08:00:00Z\n",
        1_795_500_000,
        1.5,
        True,
        None,
        ["2026-11-24T08:00:00Z"],
    ],
)
def test_a_time_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        instant.validate_python(wrong)


class Free(StrictModel):
    """Any document: each of the RFC's examples fits."""

    a: Any = None
    b: Any = None
    c: Any = None
    e: Any = None


class FreeUpdate(MergePatch, Free):
    pass


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"b": {"c": None}}}, {"a": {"b": {}}}),
    ],
)
def test_the_examples_of_rfc_7396_hold(
    document: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]
) -> None:
    whole = patched(Free, document, FreeUpdate.model_validate(patch))
    expected = dict.fromkeys(Free.model_fields) | result
    assert whole.model_dump() == expected


def test_what_is_cleared_is_known_from_what_is_left_out() -> None:
    whole = patched(Free, {}, FreeUpdate.model_validate({"a": None, "b": 1}))
    assert whole.model_fields_set == {"a", "b"}


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("018f2b3c-0000-7000-8000-00000000000a", True),
        ("018F2B3C-0000-7000-8000-00000000000A", True),
        ("018f2b3c00007000800000000000000a", False),
        ("018f2b3c-0000-7000-8000-00000000000a\n", False),
        ("harbour-bridge-opens", False),
        ("", False),
    ],
)
def test_an_id_is_told_from_a_slug(ref: str, expected: bool) -> None:
    assert is_id(ref) == expected
