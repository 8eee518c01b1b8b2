"""Which gaps a history was asked for, and when it is worth asking again.

Comes in: gaps in seconds, and the time. Goes out: whether one is due. It asks nobody and keeps no
file: a new process asks for every gap once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Asked"]

_REMEMBERED = 1_000  # gaps
_OFTEN, _RARELY = 600.0, 86_400.0  # s between two questions about what nobody could fill


@dataclass(frozen=True, slots=True)
class _Gap:
    """[start, end) as it was then, when that was, and how often in vain before."""

    start: int
    end: int
    at: float
    times: int


class Asked:
    """What was asked for, all in seconds.

    A gap is due at once; once more when no rows come late into it any more; and then, or while it
    grows, again and again, each time twice as long after the last: every answer reads all of it
    that is not proven.

    Args:
        settle: rows come late within this time.
    """

    def __init__(self, settle: float) -> None:
        self._settle = settle
        self._often = max(settle * 6, _OFTEN)
        self._gaps: list[_Gap] = []

    def keep(self, lacking: Iterable[tuple[int, int]]) -> None:
        """Remember only what lies in these."""
        near = list(lacking)
        kept = [g for g in self._gaps if any(a < g.end and g.start < b for a, b in near)]
        self._gaps = kept[-_REMEMBERED:]

    def due(self, start: int, end: int, now: float) -> bool:
        """Whether to ask for [start, end) now."""
        last = self._last(start, end)
        return (
            last is None
            or self._settles(last, end, now)
            or now - last.at >= self._pause(last, grows=end > last.end)
        )

    def note(self, start: int, end: int, now: float) -> None:
        """It was asked for, and answered."""
        last = self._last(start, end)
        again = last is not None and not self._settles(last, end, now)
        self._gaps.append(_Gap(start, end, now, last.times + 1 if last and again else 0))

    def _last(self, start: int, end: int) -> _Gap | None:
        """Its front may have been healed since, and its end may have moved."""
        about = (g for g in self._gaps if g.start < end and start < g.end)
        return max(about, key=lambda g: g.at, default=None)

    def _settles(self, last: _Gap, end: int, now: float) -> bool:
        return last.at < end + self._settle <= now

    def _pause(self, last: _Gap, *, grows: bool) -> float:
        if grows:
            return min(self._settle / 2 * 2.0**last.times, self._often)
        return min(self._often * 2.0**last.times, max(self._often, _RARELY))
