"""The vital signs as Prometheus reads them.

Comes in: a function that gives `Vitals`. Goes out: families of metrics, read when they are asked
for. Counters of a process begin with it; those of the store count its whole life. No label holds
what a message says: what a stranger writes must not make time series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from hubbub.live.health import faults
from hubbub.live.vitals import StoreVitals, Vitals

if TYPE_CHECKING:
    from prometheus_client import Metric

__all__ = ["Metrics"]

_STATES = ("complete", "healed", "unproven", "gap")


class Metrics(Collector):
    """To be registered with a `prometheus_client.CollectorRegistry`.

    Args:
        vitals: read once for each answer.
        version: of hubbub.
    """

    def __init__(self, vitals: Callable[[], Vitals], version: str) -> None:
        self._vitals, self._version = vitals, version

    def describe(self) -> list[Metric]:
        """Nothing: registering must not read a store."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The metrics as of now."""
        vitals = self._vitals()
        yield InfoMetricFamily("hubbub", "This hubbub.", value={"version": self._version})
        yield _gauge("healthy", "1: /healthz finds no fault.", not faults(vitals))
        yield from _process(vitals)
        yield _gauge("store_up", "1: the store can be read.", vitals.kept is not None)
        if vitals.kept is not None:
            yield from _store(vitals.kept)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"hubbub_{name}", text, value=float(value))


def _counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"hubbub_{name}", text, value=value)


def _by(
    name: str, text: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]
) -> CounterMetricFamily:
    family = CounterMetricFamily(f"hubbub_{name}", text, labels=labels)
    for key, value in sorted(values):
        family.add_metric(key, value)
    return family


def _process(vitals: Vitals) -> Iterator[Metric]:
    counts = vitals.counts
    yield _counter("received_messages", "Messages received since the start.", counts.received)
    yield _counter("received_bytes", "Bytes of them.", counts.bytes)
    yield _counter("durable_messages", "Of these, on the disk and not refused.", counts.stored)
    yield _counter("overflow_messages", "Lost: the disk was too slow for long.", counts.overflow)
    yield _counter("write_failures", "Writes that failed and were tried again.", counts.failures)
    yield _gauge("queue_messages", "Messages in memory that wait for the disk.", counts.waiting)
    yield _gauge("write_blocked", "1: nothing can be written now.", bool(counts.blocked))
    yield _gauge("receive_still_seconds", "Since the receive loop turned.", vitals.still)
    yield _gauge("loader_up", "1: the loader's process runs.", vitals.loading)
    yield _counter("loader_restarts", "How often it died and was started again.", vitals.restarts)
    up = GaugeMetricFamily("hubbub_endpoint_up", "1: somebody answers there.", labels=("endpoint",))
    for peer in vitals.peers:
        up.add_metric((peer.address,), peer.connected)
    yield up
    heard = [((peer.address,), peer.received) for peer in vitals.peers]
    yield _by("endpoint_messages", "Messages received there.", ("endpoint",), heard)


def _store(kept: StoreVitals) -> Iterator[Metric]:
    kind = ("kind",)
    new = [((name,), n) for name, n in kept.new.items()]
    known = [((name,), n) for name, n in kept.known.items()]
    yield _by("stored_events", "Events in the tables, by kind of source.", kind, new)
    yield _by("duplicate_messages", "Messages whose event was there already.", kind, known)
    yield _by("refused_messages", "Kept as dead letters.", ("kind", "reason"), kept.refused.items())
    yield _counter("skipped_messages", "Numbers of publishers that never came.", kept.skipped)
    gaps = GaugeMetricFamily("hubbub_gaps", "Spans that lack messages.", labels=("state",))
    gaps.add_metric(("open",), kept.spans.get("gap", 0))
    gaps.add_metric(("healed",), kept.spans.get("healed", 0))
    yield gaps
    covered = GaugeMetricFamily(
        "hubbub_coverage_seconds", "Length of what the ledger says.", labels=("state",)
    )
    for state in _STATES:
        covered.add_metric((state,), kept.seconds.get(state, 0.0))
    yield covered
    yield _gauge("lag_seconds", "How far the tables are behind the wire.", kept.queue.age)
    yield _gauge("spool_segments", "Files that hold what was not loaded.", kept.queue.segments)
    yield _gauge("spool_bytes", "Bytes that were not loaded.", kept.queue.bytes)
    yield _gauge("segment_age_seconds", "Age of the oldest file of the spool.", kept.queue.oldest)
    yield _gauge("disk_free_bytes", "Free on the disk of the store.", kept.free)
    yield _gauge("disk_size_bytes", "Size of that disk.", kept.size)
