"""Back-off of repeated requests for the same gap.

Nothing is persisted: a new process requests every gap once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Attempts"]

_MAX_REMEMBERED = 1_000  # attempts
# s; shortest and longest pause between requests for a gap that could not be filled
_SHORTEST, _LONGEST = 600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A request for [start, end), its time, and how many preceded it in vain."""

    start: int
    end: int
    time: float
    retries: int


class Attempts:
    """Requests for gaps so far; all times are in seconds.

    A gap is due at once, and again when late rows have settled. After that, or while it still
    grows, it is due with doubling pauses, because every request reads the whole of it that is not
    proven.

    Args:
        settle: time within which late rows arrive.
    """

    def __init__(self, settle: float) -> None:
        self._settle = settle
        self._shortest = max(settle * 6, _SHORTEST)
        self._attempts: list[_Attempt] = []

    def retain(self, gaps: Iterable[tuple[int, int]]) -> None:
        """Forget attempts that overlap none of these gaps."""
        spans = list(gaps)
        overlapping = [
            attempt
            for attempt in self._attempts
            if any(start < attempt.end and attempt.start < end for start, end in spans)
        ]
        self._attempts = overlapping[-_MAX_REMEMBERED:]

    def due(self, start: int, end: int, now: float) -> bool:
        """Whether to request [start, end) now."""
        last = self._last(start, end)
        return (
            last is None
            or self._has_settled_since(last, end, now)
            or now - last.time >= self._pause(last, grows=end > last.end)
        )

    def record(self, start: int, end: int, now: float) -> None:
        """Record a completed request for [start, end)."""
        last = self._last(start, end)
        is_retry = last is not None and not self._has_settled_since(last, end, now)
        retries = last.retries + 1 if last and is_retry else 0
        self._attempts.append(_Attempt(start, end, now, retries))

    def _last(self, start: int, end: int) -> _Attempt | None:
        """Return the latest overlapping attempt: the gap may have shrunk or grown since."""
        overlapping = (a for a in self._attempts if a.start < end and start < a.end)
        return max(overlapping, key=lambda attempt: attempt.time, default=None)

    def _has_settled_since(self, last: _Attempt, end: int, now: float) -> bool:
        return last.time < end + self._settle <= now

    def _pause(self, last: _Attempt, *, grows: bool) -> float:
        if grows:
            return min(self._settle / 2 * 2.0**last.retries, self._shortest)
        return min(self._shortest * 2.0**last.retries, max(self._shortest, _LONGEST))
