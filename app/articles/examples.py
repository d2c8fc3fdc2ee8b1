"""Real examples for the API's documentation, from the sample newsroom."""

from typing import Any

ARTICLE_TO_CREATE: dict[str, Any] = {
    "headline": "Rounding error in parking app cost drivers £41,000",
    "summary": "An app charged 3p a minute instead of 2.4p. The council says refunds are on the way.",
    "dateline": "HARROW BAY",
    "language": "en-GB",
    "body": {
        "format": "markdown",
        "source": "Drivers in six Harrow Bay car parks were **overcharged** for 14 months.",
    },
    "image": {
        "url": "https://images.example.org/harrow-bay/parking-meter.jpg",
        "caption": "A parking meter on Coopers Quay",
        "credit": "Mara Ellingham",
        "alt": "A grey parking meter in the rain",
        "width": 1600,
        "height": 1067,
    },
    "source": "Harrow Bay Wire",
    "urgency": 4,
    "metadata": {"desk": "local"},
}

ARTICLE_LINE: dict[str, Any] = {
    "external_id": "desk-4711",
    "headline": "Roads to close for Tidelight weekend",
    "body": {"format": "text", "source": "Coopers Quay closes on Friday at six."},
}

LINE_ANSWER: dict[str, Any] = {
    "line": 1,
    "status": "created",
    "id": "01a20c95-fd9f-710b-8f03-e27cdf1368f0",
    "slug": "roads-to-close-for-tidelight-weekend",
    "version": 1,
}

ARTICLE_CHANGES: dict[str, Any] = {
    "subheadline": "Fault went unnoticed until a piano tuner checked her receipts",
    "image": {"credit": "Tobias Renner"},
    "summary": None,
}

SECTION: dict[str, Any] = {
    "id": "01a20c95-fc91-74dc-837e-96dc827e85b3",
    "slug": "local",
    "name": "Local",
    "kind": "section",
}

ARTICLE: dict[str, Any] = {
    "id": "01a20c95-fd9f-710b-8f03-e27cdf1368f0",
    "slug": "parking-app-rounding-error",
    "url": "http://127.0.0.1:8000/v1/articles/parking-app-rounding-error",
    "headline": "Rounding error in parking app cost drivers £41,000",
    "subheadline": "Fault went unnoticed for 14 months until a piano tuner checked her receipts",
    "summary": "An app charged 3p a minute instead of 2.4p. The council says refunds are on the way.",
    "dateline": "HARROW BAY",
    "byline": "Chihiro Okusawa",
    "language": "en-GB",
    "image": {
        "url": "https://images.example.org/harrow-bay/parking-meter.jpg",
        "caption": "A parking meter on Coopers Quay",
        "credit": "Mara Ellingham",
        "alt": None,
        "width": 1600,
        "height": 1067,
    },
    "authors": [
        {
            "id": "01a20c95-fc8f-706b-aa0f-fe4128f42c0e",
            "slug": "chihiro-okusawa",
            "name": "Chihiro Okusawa",
            "role": None,
        }
    ],
    "tags": [
        SECTION,
        {
            "id": "01a20c95-fca1-74f6-94ca-bbf2b81a1310",
            "slug": "transport",
            "name": "Transport",
            "kind": "topic",
        },
    ],
    "section": SECTION,
    "source": "Harrow Bay Wire",
    "canonical_url": None,
    "copyright": "© Harrow Bay Wire",
    "usage_terms": None,
    "external_id": None,
    "urgency": 4,
    "status": "published",
    "published_at": "2026-11-21T05:04:45Z",
    "embargoed_until": None,
    "expires_at": None,
    "first_published_at": "2026-11-21T05:04:45Z",
    "created_at": "2026-11-21T05:04:45Z",
    "corrections": [
        {
            "at": "2026-11-21T05:14:45Z",
            "kind": "correction",
            "note": "An earlier version gave the tariff as 2.4p an hour. It is 2.4p a minute.",
        }
    ],
    "word_count": 264,
    "reading_minutes": 2,
    "metadata": {"desk": "local"},
    "updated_at": "2026-11-21T05:14:45Z",
    "version": 2,
}

ARTICLE_WITH_BODY: dict[str, Any] = {
    **ARTICLE,
    "body": {"html": "<p>Drivers in six Harrow Bay car parks were overcharged for 14 months.</p>"},
}
