"""Expose the vitals of a listener as Prometheus metrics.

Metrics are read when they are collected. Counters of the process start at zero with it; those of
the store cover its whole lifetime. No label contains text of messages, since publishers must not be
able to create time series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from hubbub.live.health import faults, status_of
from hubbub.live.vitals import StoreVitals, Vitals

if TYPE_CHECKING:
    from prometheus_client import Metric

__all__ = ["Metrics", "store_metrics"]

_STATES = ("complete", "healed", "unproven", "gap")


class Metrics(Collector):
    """A collector for a `prometheus_client.CollectorRegistry`.

    Args:
        vitals: returns the current vitals; called once for each collection.
        version: hubbub's version.
    """

    def __init__(self, vitals: Callable[[], Vitals], version: str) -> None:
        self._vitals, self._version = vitals, version

    def describe(self) -> list[Metric]:
        """Return no metrics: registering must not read the store."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the current metrics."""
        vitals = self._vitals()
        yield InfoMetricFamily("hubbub", "Version of hubbub.", value={"version": self._version})
        yield _gauge(
            "healthy",
            "1: /healthz does not report failing.",
            status_of(faults(vitals)) != "failing",
        )
        yield from _process(vitals)
        yield _gauge("store_up", "1: the store can be read.", vitals.store is not None)
        if vitals.store is not None:
            yield from store_metrics(vitals.store)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"hubbub_{name}", text, value=float(value))


def _counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"hubbub_{name}", text, value=value)


def _labelled(
    name: str, text: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]
) -> CounterMetricFamily:
    family = CounterMetricFamily(f"hubbub_{name}", text, labels=labels)
    for key, value in sorted(values):
        family.add_metric(key, value)
    return family


def _process(vitals: Vitals) -> Iterator[Metric]:
    counts = vitals.counts
    yield _counter("received_messages", "Messages received since the start.", counts.received)
    yield _counter("received_bytes", "Bytes of the received messages.", counts.bytes)
    yield _counter(
        "durable_messages",
        "Received messages that are on the disk and were not refused.",
        counts.stored,
    )
    yield _counter(
        "overflow_messages",
        "Messages lost because the disk was too slow for too long.",
        counts.overflow,
    )
    yield _counter("write_failures", "Writes that failed and were retried.", counts.failures)
    yield _gauge(
        "queue_messages", "Messages in memory that are not on the disk yet.", counts.waiting
    )
    yield _gauge("write_blocked", "1: writing is not possible at present.", bool(counts.blocked))
    yield _gauge(
        "receive_still_seconds",
        "Seconds since the last iteration of the receive loop.",
        vitals.idle,
    )
    yield _gauge("loader_up", "1: the loader process is running.", vitals.loader_alive)
    yield _counter(
        "loader_restarts", "Restarts of the loader process after it died.", vitals.restarts
    )
    up = GaugeMetricFamily(
        "hubbub_endpoint_up", "1: the endpoint is connected.", labels=("endpoint",)
    )
    for peer in vitals.peers:
        up.add_metric((peer.address,), peer.connected)
    yield up
    received = [((peer.address,), peer.received) for peer in vitals.peers]
    yield _labelled(
        "endpoint_messages", "Messages received from the endpoint.", ("endpoint",), received
    )
    yield from _queues(vitals)


def _queues(vitals: Vitals) -> Iterator[Metric]:
    """Yield the metrics of brokers, which keep messages in queues."""
    for key, name, text in (
        ("waiting", "queue_waiting_messages", "Messages in the broker's queue, not delivered yet."),
        ("unacknowledged", "unacknowledged_messages", "Delivered messages, not durable yet."),
    ):
        gauge = GaugeMetricFamily(f"hubbub_{name}", text, labels=("endpoint",))
        for peer in vitals.peers:
            if peer.report.get(key) is not None:
                gauge.add_metric((peer.address,), peer.report[key])
        yield gauge
    redelivered = [
        ((peer.address,), peer.report["redelivered"])
        for peer in vitals.peers
        if "redelivered" in peer.report
    ]
    text = "Messages that the broker delivered again, because they were not acknowledged."
    yield _labelled("redelivered_messages", text, ("endpoint",), redelivered)


def _mirrors(store: StoreVitals) -> Iterator[Metric]:
    """Yield the metrics of mirrors; their number and names are the operator's."""
    lag = GaugeMetricFamily(
        "hubbub_mirror_lag_seconds",
        "Age of the oldest events that wait for the mirror.",
        labels=("url",),
    )
    files = GaugeMetricFamily(
        "hubbub_mirror_waiting_files", "Data files that wait for the mirror.", labels=("url",)
    )
    for mirror in store.mirrors:
        lag.add_metric((mirror.url,), mirror.seconds)
        files.add_metric((mirror.url,), mirror.files)
    yield lag
    yield files
    text = "Events that the mirror took from this store."
    yield _labelled("mirror_events", text, ("url",), [((m.url,), m.events) for m in store.mirrors])
    text = "Events that the mirror had from another store."
    yield _labelled("mirror_known", text, ("url",), [((m.url,), m.known) for m in store.mirrors])


def store_metrics(store: StoreVitals) -> Iterator[Metric]:
    """Yield the metrics of a store."""
    kind = ("kind",)
    stored = [((name,), n) for name, n in store.new.items()]
    duplicates = [((name,), n) for name, n in store.known.items()]
    yield _labelled("stored_events", "Events in the tables, by kind of source.", kind, stored)
    yield _labelled(
        "duplicate_messages", "Messages whose event was stored already.", kind, duplicates
    )
    yield _labelled(
        "refused_messages",
        "Messages kept as dead letters.",
        ("kind", "reason"),
        store.refused.items(),
    )
    yield _counter(
        "skipped_messages",
        "Sequence numbers of publishers that were never received.",
        store.skipped,
    )
    gaps = GaugeMetricFamily("hubbub_gaps", "Spans with missing messages.", labels=("state",))
    gaps.add_metric(("open",), store.spans.get("gap", 0))
    gaps.add_metric(("healed",), store.spans.get("healed", 0))
    yield gaps
    coverage = GaugeMetricFamily(
        "hubbub_coverage_seconds", "Total length of the spans in the ledger.", labels=("state",)
    )
    for state in _STATES:
        coverage.add_metric((state,), store.seconds.get(state, 0.0))
    yield coverage
    yield _gauge("lag_seconds", "Age of the oldest message that is not loaded.", store.queue.age)
    yield _gauge("spool_segments", "Spool files that are not loaded.", store.queue.segments)
    yield _gauge("spool_bytes", "Bytes in the spool that are not loaded.", store.queue.bytes)
    yield _gauge("segment_age_seconds", "Age of the oldest spool file.", store.queue.oldest)
    yield from _mirrors(store)
    yield _gauge("disk_free_bytes", "Free bytes on the disk of the store.", store.free)
    yield _gauge("disk_size_bytes", "Size of the disk of the store.", store.size)
    yield _labelled(
        "alert_changes",
        "Alerts that were raised or ended.",
        ("rule", "state"),
        store.alerts.items(),
    )
    on = GaugeMetricFamily("hubbub_alerts_on", "Alerts that are on.", labels=("rule",))
    for rule in sorted({*store.alerts_on, *(rule for rule, _ in store.alerts)}):
        on.add_metric((rule,), store.alerts_on.get(rule, 0))
    yield on
    sending = GaugeMetricFamily(
        "hubbub_alert_notifications", "Notifications of alerts, by status.", labels=("status",)
    )
    for status, n in sorted(store.notifications.items()):
        sending.add_metric((status,), n)
    yield sending
    yield _gauge(
        "alert_notifications_undelivered",
        "Notifications that are retried, or were given up or perhaps not sent within a day.",
        store.undelivered,
    )
