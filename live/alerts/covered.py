"""The condition of coverage: less of the last ticks was received than a share of them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from hubbub.live.alerts.evaluate import Measured, Run, Series
from hubbub.live.alerts.rules import AlertRule

__all__ = ["coverage_series"]


def coverage_series(
    rule: AlertRule, begin: int, unknown: Iterable[tuple[int, int]], start: int, end: int
) -> Series:
    """Return the condition of the store, in percent of ticks that were received.

    Args:
        rule: of coverage.
        begin: the first tick of the store; judged once `short` ticks have passed.
        unknown: half-open ranges of ticks in which the listener was deaf.
        start: the first tick to judge.
        end: the tick after the last one.
    """
    first = max(begin, start - rule.short + 1)
    received = np.ones(max(0, end - first), dtype=np.int64)
    for a, b in unknown:
        received[max(a - first, 0) : max(b - first, 0)] = 0
    running = np.concatenate([[0], np.cumsum(received)])

    def count(ticks: np.typing.NDArray[np.int64]) -> np.typing.NDArray[np.int64]:
        stop = ticks + 1 - first
        total: np.typing.NDArray[np.int64] = running[stop] - running[stop - rule.short]
        return total

    judged = np.arange(max(start, begin + rule.short - 1), end, dtype=np.int64)
    limit = rule.threshold * rule.short
    holds = count(judged) * 100 * limit.denominator < limit.numerator
    runs = []
    if start < end and (not len(judged) or judged[0] > start):
        runs.append(Run(start, int(judged[0]) if len(judged) else end, None))
    changes = np.flatnonzero(np.diff(holds)) + 1
    edges = [0, *changes.tolist(), len(judged)] if len(judged) else []
    runs += [
        Run(int(judged[a]), int(judged[b - 1]) + 1, bool(holds[a])) for a, b in pairwise(edges)
    ]

    def at(tick: int) -> Measured:
        [number] = count(np.array([tick])).tolist()
        return Measured(100 * number / rule.short, float(rule.threshold), {"received": number})

    return Series(runs, at)
