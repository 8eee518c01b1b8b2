"""Counting of requests, for `/metrics`.

No label contains text of a request: routes are those of the application, others count as `other`.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hubbub.live.server.middleware import HttpMiddleware

__all__ = ["CountRequests", "Requests"]

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # s
_OTHER = "other"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Requests:
    """What the requests of a server came to; used in the event loop only."""

    def __init__(self) -> None:
        self.answered: Counter[tuple[str, str, str]] = Counter()  # (route, method, status)
        self.seconds: dict[str, float] = {}  # total, by route
        self.buckets: dict[str, list[int]] = {}  # by route, one for each of `_BUCKETS` and more
        self.open = 0

    def add(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that ended."""
        self.answered[route, method, str(status)] += 1
        counts = self.buckets.setdefault(route, [0] * (len(_BUCKETS) + 1))
        counts[bisect_left(_BUCKETS, seconds)] += 1
        self.seconds[route] = self.seconds.get(route, 0.0) + seconds

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        answered = CounterMetricFamily(
            "hubbub_http_requests", "Requests that were answered.",
            labels=("route", "method", "status"),
        )  # fmt: skip
        for key, number in sorted(self.answered.items()):
            answered.add_metric(key, number)
        yield answered
        durations = HistogramMetricFamily(
            "hubbub_http_request_seconds", "Time until the whole answer was sent.",
            labels=("route",),
        )  # fmt: skip
        for route, counts in sorted(self.buckets.items()):
            total, edges = 0, []
            for edge, number in zip((*map(str, _BUCKETS), "+Inf"), counts, strict=True):
                total += number
                edges.append((edge, float(total)))
            durations.add_metric((route,), edges, self.seconds[route])
        yield durations
        yield GaugeMetricFamily(
            "hubbub_http_open_requests", "Requests that are being answered.", value=self.open
        )


class CountRequests(HttpMiddleware):
    """ASGI middleware that counts requests.

    Args:
        app: the application.
        requests: where to count.
        paths: of the routes, by endpoint.
    """

    def __init__(self, app: ASGIApp, requests: Requests, paths: Mapping[Any, str]) -> None:
        super().__init__(app)
        self._requests, self._paths = requests, paths

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        status, started = 0, time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._requests.open += 1
        try:
            await self.app(scope, receive, noting)
        finally:
            self._requests.open -= 1
            method = scope["method"] if scope["method"] in _METHODS else _OTHER
            route = self._paths.get(scope.get("endpoint"), _OTHER)
            self._requests.add(route, method, status, time.perf_counter() - started)
