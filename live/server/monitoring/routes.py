"""`/healthz` and `/metrics` of a server."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

import hubbub
from hubbub.errors import HubbubError
from hubbub.live.health import (
    MAX_LAG,
    MIN_FREE,
    Fault,
    mirror_faults,
    status_of,
    undelivered_fault,
)
from hubbub.live.metrics import store_metrics
from hubbub.live.server.monitoring.plugins import plugin_metrics
from hubbub.live.vitals import StoreVitals, read_store
from hubbub.store.loader.progress import LoadProgress
from hubbub.store.state import notifications
from hubbub.store.stream import stream
from hubbub.store.stream.outgoing import lags

if TYPE_CHECKING:
    from prometheus_client import Metric

    from hubbub.live.server.server import Server

__all__ = ["ServerMetrics", "faults", "routes"]

_DAY = 86_400_000_000  # µs


def faults(server: Server) -> list[Fault]:
    """Return what is wrong with a server; empty if it is healthy.

    Everybody may read it: it names neither files nor people.
    """
    detected: list[Fault] = []
    try:
        server.answers.stamp()
        queue = LoadProgress(server.store.state, server.store.spool_folder).queue()
        disk = os.statvfs(server.store_folder)
        since = time.time_ns() // 1000 - _DAY
        undelivered = len(notifications.troubled(server.store.state, since))
    except (HubbubError, OSError) as error:
        why = error.what if isinstance(error, HubbubError) else error.strerror
        hint = "run hubbub verify to find the damage; the server's log has more"
        detected.append(Fault("store", f"the store cannot be read: {why}", hint))
    else:
        if queue.age > MAX_LAG:
            what = f"loading is {queue.age:.0f} s behind, {queue.bytes:,} bytes are queued"
            detected.append(Fault("behind", what, "search the log for `cannot load`"))
        free = disk.f_bavail * disk.f_frsize
        if free < MIN_FREE:
            what = f"only {free:,} bytes are free on the store's disk"
            detected.append(Fault("disk", what, "free space or shorten [retention]"))
        detected += undelivered_fault(undelivered)
        detected += mirror_faults(lags(server.store.state, server.store.path / stream.FOLDER))
    if server.plugins is not None and server.plugins.failed:
        what = f"plugins that are left out: {len(server.plugins.failed)}"
        hint = "the server's log has the reasons; correct them, and restart the server"
        detected.append(Fault("plugins", what, hint))
    for check in server.checks:
        detected += check()
    return detected


class ServerMetrics(Collector):
    """A collector for a `prometheus_client.CollectorRegistry`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.stored: StoreVitals | None = None  # read before each collection

    def describe(self) -> list[Metric]:
        """Return no metrics: registering must not read the store."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the current metrics."""
        server, engines = self._server, self._server.engines
        yield InfoMetricFamily(
            "hubbub", "Version of hubbub.", value={"version": hubbub.__version__}
        )
        healthy = status_of(faults(server)) != "failing"
        yield GaugeMetricFamily(
            "hubbub_healthy", "1: /healthz does not report failing.", value=healthy
        )
        yield from server.requests.collect()
        for name, text, value in (
            ("waiting", "Queries and views that wait for a thread.", engines.queued),
            ("running", "Queries and views that run.", engines.running),
        ):
            yield GaugeMetricFamily(f"hubbub_calls_{name}", text, value=value)
        stopped = CounterMetricFamily(
            "hubbub_calls_stopped", "Queries and views that did not end by themselves.",
            labels=("why",),
        )  # fmt: skip
        for why, number in sorted(engines.stopped.items()):
            stopped.add_metric((why,), number)
        yield stopped
        answers = CounterMetricFamily(
            "hubbub_answers", "Answers of queries and views, from the cache or computed.",
            labels=("from",),
        )  # fmt: skip
        for origin, number in (("cache", server.answers.hits), ("store", server.answers.misses)):
            answers.add_metric((origin,), number)
        yield answers
        yield GaugeMetricFamily(
            "hubbub_cache_bytes", "Size of the cached answers.", value=server.answers.size
        )
        if server.plugins is not None:
            yield from plugin_metrics(server.plugins)
        for collect in server.measures:
            yield from collect()
        yield GaugeMetricFamily(
            "hubbub_store_up", "1: the store can be read.", value=self.stored is not None
        )
        if self.stored is not None:
            yield from store_metrics(self.stored)


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes of monitoring."""
    registry = CollectorRegistry(auto_describe=False)
    collector = ServerMetrics(server)
    registry.register(collector)
    ProcessCollector(registry=registry)

    async def healthz(_request: Request) -> Response:
        """Whether the server works; 503 with the reasons if not."""
        detected = faults(server)
        document = {
            "status": status_of(detected),
            "version": hubbub.__version__,
            "queued": server.engines.queued,
            "faults": [
                {"name": fault.name, "what": fault.what, "hint": fault.hint} for fault in detected
            ],
        }
        return JSONResponse(
            document,
            503 if document["status"] == "failing" else 200,
            headers={"Cache-Control": "no-store"},
        )

    async def metrics(request: Request) -> Response:
        """Metrics for Prometheus."""
        server.access.require(request, "read")
        collector.stored = None
        with suppress(HubbubError, OSError):  # the metrics say that it cannot be read
            collector.stored = await asyncio.to_thread(read_store, server.store)
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        headers = {"Cache-Control": "no-store", "Content-Type": kind}
        return Response(encode(registry), headers=headers)

    return [Route("/healthz", healthz), Route("/metrics", metrics)]
