"""`/metrics`: what was asked by route, never by address, in the forms that Prometheus reads."""

from collections.abc import Callable

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.samples import Sample

from app.web.metrics import SECONDS, UNMATCHED, Metrics
from tests.conftest import Newsroom

NAME = "byline_http_request_duration_seconds"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def newsroom(database_url: str, open_newsroom: Callable[..., Newsroom]) -> Newsroom:
    return open_newsroom(database_url, metrics=True)


def samples(newsroom: Newsroom) -> list[Sample]:
    families = parse_text(newsroom.get("/metrics").text)
    return [sample for family in families for sample in family.samples]


def counted(newsroom: Newsroom) -> dict[tuple[str, str, str], float]:
    """How many requests there were, by method, route and status."""
    return {
        (one.labels["method"], one.labels["route"], one.labels["status"]): one.value
        for one in samples(newsroom)
        if one.name == f"{NAME}_count"
    }


def test_requests_are_counted_by_the_template_of_their_route(newsroom: Newsroom) -> None:
    article = newsroom.article("Harbour bridge opens")
    for path in (article["slug"], article["id"], "no-such", "neither"):
        newsroom.get(f"/v1/articles/{path}")
    newsroom.client.head(f"/v1/articles/{article['slug']}")
    newsroom.client.delete("/v1/articles")
    newsroom.get("/docs/assets/favicon.png")
    newsroom.get("/wp-login.php")
    newsroom.client.request("BREW", "/coffee")
    newsroom.client.request("BREW", "/tea")
    assert counted(newsroom) == {
        ("POST", "/v1/articles", "201"): 1,
        ("GET", "/v1/articles/{ref}", "200"): 2,
        ("GET", "/v1/articles/{ref}", "404"): 2,
        ("HEAD", "/v1/articles/{ref}", "200"): 1,
        ("DELETE", "/v1/articles", "405"): 1,
        ("GET", UNMATCHED, "200"): 1,
        ("GET", UNMATCHED, "404"): 1,
        ("OTHER", UNMATCHED, "404"): 2,
    }


def test_a_duration_is_in_every_bucket_that_it_fits(newsroom: Newsroom) -> None:
    for seconds in (0.0001, 0.0002, 60):
        newsroom.app.state.metrics.observe("GET", "/v1/slow", 200, seconds)
    of_route = [one for one in samples(newsroom) if one.labels.get("route") == "/v1/slow"]
    buckets = {one.labels["le"]: one.value for one in of_route if one.name == f"{NAME}_bucket"}
    assert [float(bound) for bound in buckets] == [*SECONDS, float("inf")]
    assert [buckets[bound] for bound in ("0.0001", "0.00025", "5.0", "+Inf")] == [1, 2, 2, 3]
    (total,) = [one.value for one in of_route if one.name == f"{NAME}_sum"]
    assert abs(total - 60.0003) < 1e-6


def test_the_process_and_its_cache_are_shown_too(newsroom: Newsroom) -> None:
    figures = newsroom.app.state.metrics.response_cache
    figures.hits, figures.misses, figures.bytes = 3, 2, 4096
    shown = {one.name: one.value for one in samples(newsroom)}
    assert shown["byline_response_cache_hits_total"] == 3
    assert shown["byline_response_cache_misses_total"] == 2
    assert shown["byline_response_cache_bytes"] == 4096
    assert shown["process_resident_memory_bytes"] > 1_000_000
    assert {"process_cpu_seconds_total", "python_gc_collections_total"} <= set(shown)


def test_openmetrics_is_given_to_those_who_ask_for_it(newsroom: Newsroom) -> None:
    newsroom.get("/v1/articles")
    answer = newsroom.get("/metrics", {"Accept": f"{OPENMETRICS},text/plain;q=0.5"})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    families = parse_openmetrics(answer.text)  # type: ignore[no-untyped-call]
    assert NAME in {family.name for family in families}
    plain = newsroom.get("/metrics")
    assert plain.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert plain.headers["Cache-Control"] == "no-store"


def test_figures_tell_neither_what_was_asked_for_nor_by_whom(newsroom: Newsroom) -> None:
    key = newsroom.key("read")
    draft = newsroom.article("The zanzibar papers", publish=False)
    newsroom.get(f"/v1/articles/{draft['slug']}?body=text", key)
    key_id = newsroom.get("/v1/me", key).json()["id"]
    shown = newsroom.get("/metrics").text
    for private in ("zanzibar", draft["id"], key_id, "body=text"):
        assert private not in shown


def test_they_are_shown_only_where_that_is_wished(
    database_url: str, open_newsroom: Callable[..., Newsroom]
) -> None:
    closed = open_newsroom(database_url)
    assert closed.get("/metrics").status_code == 404
    assert "/metrics" not in closed.get("/openapi.json").json()["paths"]


def test_each_application_has_figures_of_its_own() -> None:
    one, other = Metrics(), Metrics()
    one.observe("GET", "/v1/articles", 200, 0.001)
    labels = {"method": "GET", "route": "/v1/articles", "status": "200"}
    assert one.registry.get_sample_value(f"{NAME}_count", labels) == 1
    assert other.registry.get_sample_value(f"{NAME}_count", labels) is None
