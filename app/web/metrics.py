"""The figures of this process, and `/metrics`, which shows them to Prometheus."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from fastapi import APIRouter, Request, Response
from fastapi.routing import iter_route_contexts
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.routing import BaseRoute
from starlette.types import Scope

from app.web.params import StrictRoute

router = APIRouter(tags=["health"], route_class=StrictRoute)

UNMATCHED = "UNMATCHED"
"""Stands for the route of what no route answers, such as a wrong address or a file of `/docs`: each
path as it was sent would be a series of its own."""

SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
"""Upper bounds of the histogram's buckets; one more is for what takes longer."""

_BOUNDS = [*map(str, map(float, SECONDS)), "+Inf"]
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


@dataclass(slots=True)
class CacheFigures:
    """What the cache of answers did and holds."""

    hits: int = 0
    misses: int = 0
    bytes: int = 0


class Metrics(Collector):
    """Counts in plain numbers, which Prometheus's own types would do ten times as slowly.

    Counting is for the event loop alone, so that no count needs a lock.
    """

    def __init__(self) -> None:
        self.response_cache = CacheFigures()
        # For each method, route and status: how many took how long, and the sum of their seconds.
        self._requests: dict[tuple[str, str, int], list[float]] = {}
        self._templates: dict[int, str] = {}
        self._routes: dict[str, BaseRoute] = {}
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def know_routes(self, routes: Sequence[BaseRoute]) -> None:
        """Learns the templates of an application's routes, once all of them are there."""
        # A route itself knows its path without the prefix that its router was included with.
        known = [(one.path, one.original_route) for one in iter_route_contexts(routes) if one.path]
        self._templates = {id(route): template for template, route in known}
        self._routes = dict(known)

    def route_of(self, scope: Scope) -> str:
        """The template of the route that a request took, or `UNMATCHED`."""
        return self._templates.get(id(scope.get("route")), UNMATCHED)

    def route_at(self, template: str) -> BaseRoute | None:
        """A route with that template; methods have the same."""
        return self._routes.get(template)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a request that has been answered; `route` is a template, or `UNMATCHED`."""
        figures = self._requests.get((method, route, status))
        if figures is None:
            figures = self._first(method, route, status)
        figures[bisect_left(SECONDS, seconds)] += 1
        figures[-1] += seconds

    def _first(self, method: str, route: str, status: int) -> list[float]:
        known = method if method in _METHODS else "OTHER"
        return self._requests.setdefault((known, route, status), [0] * (len(_BOUNDS) + 1))

    def collect(self) -> Iterator[HistogramMetricFamily | CounterMetricFamily | GaugeMetricFamily]:
        durations = HistogramMetricFamily(
            "byline_http_request_duration_seconds",
            "Requests, by how long they took until the whole answer was given to the server.",
            labels=["method", "route", "status"],
        )
        for (method, route, status), figures in list(self._requests.items()):
            *counts, total_seconds = list(figures)
            durations.add_metric(
                [method, route, str(status)],
                list(zip(_BOUNDS, accumulate(counts), strict=True)),
                sum_value=total_seconds,
            )
        cache = self.response_cache
        yield durations
        yield CounterMetricFamily(
            "byline_response_cache_hits", "Answers given from memory.", value=cache.hits
        )
        yield CounterMetricFamily(
            "byline_response_cache_misses", "Answers that were not in memory.", value=cache.misses
        )
        yield GaugeMetricFamily(
            "byline_response_cache_bytes", "Bytes of the answers in memory.", value=cache.bytes
        )


@router.get(
    "/metrics",
    operation_id="get_metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}},
                          "application/openmetrics-text": {"schema": {"type": "string"}}}}
    },
)  # fmt: skip
def get_metrics(request: Request) -> Response:
    """The figures of the process that answers, for Prometheus; OpenMetrics when `Accept` asks for it.

    How often each route was asked with which status and how long it took, what the cache of answers
    does, and the memory, processor time and garbage collection of the process. Never an address, an
    id or a key; but who reads them sees how often the newsroom writes.
    """
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    body = encode(request.app.state.metrics.registry)
    return Response(body, headers={"Cache-Control": "no-store", "Content-Type": content_type})
