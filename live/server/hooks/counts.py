"""What happened to deliveries, for each hook: for the store's counters and for `/metrics`."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily

__all__ = ["HookCounts"]


class HookCounts:
    """Counts of accepted and refused deliveries; for all threads."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()  # not in the store yet
        self._totals: Counter[tuple[str, str]] = Counter()  # since the start
        self._lock = threading.Lock()

    def add(self, source: str, name: str, n: int = 1) -> None:
        """Count.

        Args:
            source: of the hook.
            name: `accepted`, `ping`, `failed` or `refused:REASON`.
            n: how many.
        """
        with self._lock:
            self._counts[source, name] += n
            self._totals[source, name] += n

    def put_back(self, counts: dict[tuple[str, str], int]) -> None:
        """Return what `take` gave and the store did not."""
        with self._lock:
            self._counts.update(counts)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        with self._lock:
            totals = sorted(self._totals.items())
        deliveries = CounterMetricFamily(
            "hubbub_hook_deliveries",
            "Deliveries of webhooks, by what became of them.",
            labels=("hook", "result"),
        )
        for (source, name), n in totals:
            deliveries.add_metric((source.partition(":")[2], name), n)
        yield deliveries

    def take(self) -> dict[tuple[str, str], int]:
        """Return what was counted since the last call, by (source, name)."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        return dict(counts)
