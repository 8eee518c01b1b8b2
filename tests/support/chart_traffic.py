"""The queries about the flow of messages and requests in plain Python, over a list of events."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hubbub.analyzers.alerts.threshold import crossings
from hubbub.analyzers.result import Result
from hubbub.times import EPOCH, iso


class Traffic:
    """Part of `Queries`: what needs ticks."""

    events: list[tuple[datetime, str, tuple[str, ...]]]
    objects: tuple[str, ...]

    def _result(self, name: str, since: datetime, until: datetime, data: Any, **p: Any) -> Result:
        raise NotImplementedError

    def alerts(
        self, since: datetime, until: datetime, resolution: timedelta, averages: int, **asked: Any
    ) -> Result:
        """As the query, by sums of slices."""
        measure, threshold = asked.pop("measure"), asked.pop("threshold")
        short, long = asked["short"], asked["long"]
        first = self.events[0][0] if self.events else since
        first -= (first - EPOCH) % resolution
        values = [0] * (-(-(until - first) // resolution) if self.events else 0)
        for t, _, _ in self.events:
            values[(t - first) // resolution] += 1 if measure == "messages" else 500
        seconds = resolution.total_seconds()
        changes = crossings(
            values, short=short, long=long, threshold=threshold, resolution=seconds, start=first
        )

        def mean(k: int, n: int) -> float:
            return sum(values[k - n : k]) / n

        points = [
            {
                "time": iso(first + resolution * k),
                "short_rate": mean(k, short) / seconds,
                "long_rate": mean(k - short, long) / seconds if k >= short + long else None,
            }
            for k in range(short, len(values) + 1)
        ]
        assert len(points) <= averages
        bounds = [c.tick for c in changes] + [len(values) + 1]
        peaks = []
        for begin, end in zip(bounds[:-1:2], bounds[1::2], strict=False):
            over = [(mean(k, short), mean(k - short, long)) for k in range(begin, end)]
            peaks.append(None if any(not b for _, b in over) else max(a / b for a, b in over))
        rows = [{"tick": c.tick, "time": iso(c.time or first), "state": c.state} for c in changes]
        notes = {"averages": points, "peaks": peaks}
        return replace(self._result("alerts", since, until, rows), diagnostics=notes)

    def traffic(self, since: datetime, until: datetime, period: timedelta, root: bool) -> Result:
        """Every event asks for the section of an object."""
        assert not root
        found: dict[int, Counter[str | None]] = defaultdict(Counter)
        for i, (t, _, _) in enumerate(self.events):
            name = f"/{self.objects[i * i % len(self.objects)]}" if i % 50 else None
            found[(t - EPOCH) // period][name] += 1
        rows = []
        for n in range(min(found, default=0), max(found, default=-1) + 1):
            sections = [[k, v] for k, v in found[n].most_common() if k is not None]
            total = found[n].total()
            row = {"start": iso(EPOCH + period * n), "total_hits": total, "sections": sections}
            rows.append({**row, "total_bytes": 500 * total, "without_section": found[n][None]})
        return self._result("traffic", since, until, rows)
