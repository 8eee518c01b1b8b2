"""Metrics of the processes of plugins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from hubbub.plugins.counts import resident
from hubbub.plugins.host import PluginHost

__all__ = ["plugin_metrics"]

_RESULTS = ("answered", "failed", "timeout", "died")
_ENDED = ("timeout", "killed", "died", "asked")


def plugin_metrics(host: PluginHost) -> Iterator[Metric]:
    """Yield the metrics; no label names a plugin, its functions or a person."""
    processes, counts = host.processes, host.counts
    memory = sum(resident(number) for number, _ in processes)
    for name, text, value in (
        ("processes", "Processes of plugins that run.", len(processes)),
        ("processes_busy", "Those that answer a call.", sum(busy for _, busy in processes)),
        ("calls_waiting", "Calls of plugins that wait for a process.", host.waiting),
        ("memory_bytes", "Resident memory of the processes of plugins.", memory),
    ):
        yield GaugeMetricFamily(f"hubbub_plugin_{name}", text, value=value)
    yield CounterMetricFamily(
        "hubbub_plugin_restarts", "Processes of plugins that replaced one that had ended.",
        value=counts.restarts,
    )  # fmt: skip
    yield _counted("calls", "Calls of plugins that ended.", "result", _RESULTS, counts.calls)
    yield _counted(
        "processes_ended", "Processes of plugins that ended before the server did.", "why",
        _ENDED, counts.ended,
    )  # fmt: skip


def _counted(
    name: str, text: str, label: str, values: tuple[str, ...], counts: Mapping[str, int]
) -> Metric:
    family = CounterMetricFamily(f"hubbub_plugin_{name}", text, labels=(label,))
    for value in values:
        family.add_metric((value,), counts.get(value, 0))
    return family
