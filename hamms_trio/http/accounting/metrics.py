"""The account as JSON at /_metrics and as Prometheus text at /metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from hamms_trio.http.accounting.access_log import ENGINE
from hamms_trio.http.accounting.account import BOUNDS, RouteAccount
from hamms_trio.http.routes.request import Request
from hamms_trio.http.routes.response import Response, json_response
from hamms_trio.http.routes.router import Router
from hamms_trio.http.serving.service import Service

if TYPE_CHECKING:
    from prometheus_client import Metric

LABELS = [f"<= {bound * 1000:g}ms" for bound in BOUNDS] + [f"> {BOUNDS[-1] * 1000:g}ms"]


def add_metrics(
    router: Router,
    service: Service,
    more: Callable[[], Awaitable[dict[str, object]]] | None = None,
) -> None:
    """Declare /_metrics and /metrics.

    Args:
        more: members of /_metrics that somebody else counts.
    """

    def metrics_document(_request: Request) -> Response:
        return json_response(snapshot(service))

    async def longer_document(_request: Request) -> Response:
        assert more is not None
        return json_response({**snapshot(service), **await more()})

    router.get("/_metrics")(metrics_document if more is None else longer_document)

    collector = Collector(service)

    @router.get("/metrics")
    def prometheus_text(_request: Request) -> Response:
        from prometheus_client import CollectorRegistry
        from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

        registry = CollectorRegistry()
        registry.register(collector)
        return Response(
            200, generate_latest(registry), (("Content-Type", CONTENT_TYPE_PLAIN_0_0_4),)
        )


def snapshot(service: Service) -> dict[str, object]:
    """Return the counters, under the names of the reference server."""
    account = service.account
    account.settle()
    routes = account.routes
    statuses: dict[str, int] = {}
    for route in routes.values():
        for status, count in route.statuses.items():
            statuses[str(status)] = statuses.get(str(status), 0) + count
    return {
        "total_requests": sum(route.requests for route in routes.values()),
        "active_connections": service.connections,
        "open_connections": service.connections,
        "inflight_requests": service.in_flight + 1,  # the request for this document included
        "requests_reused_connection": account.reused,
        "status_counts": statuses,
        "latency_buckets_ms": _buckets(routes.values()),
        "bytes_sent_total": account.octets_sent,
        "read_errors_by_type": dict(account.read_errors),
        "write_errors_by_type": dict(account.write_errors),
        "error_counts_by_class": account.errors_by_class,
        "requests_by_route": {key: route.requests for key, route in routes.items()},
        "status_by_route": {
            key: {str(status): count for status, count in route.statuses.items()}
            for key, route in routes.items()
        },
        "latency_by_route_ms": {
            key: route.percentiles(50, 95, 99) for key, route in routes.items()
        },
        "latency_p99_ms": account.overall_percentile(99) * 1000,
        "request_trace_id": account.last_request_id.decode(),
        "drain_state": service.phase.value,
        "drain_inflight_remaining": service.in_flight if service.drain_began else 0,
        "drain_elapsed_ms": service.drain_seconds * 1000,
        "metrics_backend": "memory",  # the counters last as long as the server
        "engine": ENGINE,
    }


def _buckets(routes: Iterable[RouteAccount]) -> dict[str, int]:
    counts = [0] * len(LABELS)
    for route in routes:
        counts = [count + more for count, more in zip(counts, route.buckets, strict=True)]
    return {label: count for label, count in zip(LABELS, counts, strict=True) if count}


class Collector:
    """A Prometheus collector of the account."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """Yield the counters as Prometheus's metrics."""
        from prometheus_client.core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        service = self._service
        account = service.account
        account.settle()
        requests = CounterMetricFamily(
            "hamms_requests", "Answers, by route and status.", labels=["route", "status"]
        )
        seconds = HistogramMetricFamily(
            "hamms_request_duration_seconds",
            "Time from a request's last octet to its answer's last.",
            labels=["route"],
        )
        for key, route in account.routes.items():
            for status, count in route.statuses.items():
                requests.add_metric([key, str(status)], count)
            seconds.add_metric([key], _cumulative(route.buckets), sum_value=route.seconds)
        errors = CounterMetricFamily("hamms_errors", "Errors, by class.", labels=["class"])
        for name, count in account.errors_by_class.items():
            errors.add_metric([name], count)
        yield requests
        yield seconds
        yield errors
        yield CounterMetricFamily(
            "hamms_sent_bytes", "Octets of answers.", value=account.octets_sent
        )
        yield CounterMetricFamily(
            "hamms_connections", "Connections accepted.", value=service.accepted
        )
        yield GaugeMetricFamily(
            "hamms_open_connections", "Connections open now.", value=service.connections
        )
        yield GaugeMetricFamily(
            "hamms_inflight_requests",
            "Requests without a complete answer.",
            value=service.in_flight,
        )


def _cumulative(buckets: list[int]) -> list[tuple[str, float]]:
    total, cumulative = 0, []
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), buckets, strict=True):
        total += count
        cumulative.append((bound, float(total)))
    return cumulative
