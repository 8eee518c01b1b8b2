"""Record when hooks were listened to: `unproven` while we did, `gap` while we did not.

No sender says how much it sent, so nothing is proven here; `healer` proves it for GitHub.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from hubbub.collector.event import Ledger, alive_key

__all__ = ["FAILED", "SLACK", "STOPPED", "HookWatch"]

# Reasons as the ledger keeps them
STOPPED = "we did not listen"
SUSPENDED = "this machine was suspended, or its clock jumped"
FAILED = "deliveries could not be written"
RECEIVED = "heard"

#: s added on both sides of a gap: what a delivery tells of happened some time before it came.
SLACK = 10.0
_MICRO = 1_000_000
_MIN_JUMP = 2.0  # s; more than a clock is slewed between two ticks


class HookWatch:
    """The spans of some hooks; for one thread.

    Args:
        sources: of the hooks.
        ledger: where spans are recorded.
        clock: seconds since the epoch.
        monotonic: seconds of a clock that is never set, and stands while the machine is suspended.
        slack: seconds that are added on both sides of a gap.
    """

    def __init__(
        self,
        sources: Sequence[str],
        ledger: Ledger,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        slack: float = SLACK,
    ) -> None:
        self.sources, self._ledger = tuple(sources), ledger
        self._clock, self._monotonic, self._slack = clock, monotonic, slack
        self._last = self._last_monotonic = 0.0

    def start(self) -> None:
        """Record the time since the last tick of an earlier process as a gap."""
        self._last, self._last_monotonic = self._clock(), self._monotonic()
        now = int(self._last * _MICRO)
        with self._ledger.transaction():
            for source in self.sources:
                alive = self._ledger.get(alive_key(source))
                if isinstance(alive, int) and alive < now:
                    self._gap(source, alive, now, STOPPED)
                self._ledger.set(alive_key(source), now)

    def tick(self, failed: Collection[str] = ()) -> None:
        """Record the time since the last tick.

        Args:
            failed: sources of which a delivery could not be written since.
        """
        now, monotonic = self._clock(), self._monotonic()
        elapsed = monotonic - self._last_monotonic
        slept = now - self._last - elapsed >= _MIN_JUMP
        start, end = int(self._last * _MICRO), int(now * _MICRO)
        with self._ledger.transaction():
            for source in self.sources:
                if start >= end:  # the clock was put back
                    pass
                elif slept or source in failed:
                    self._gap(source, start, end, SUSPENDED if slept else FAILED)
                else:
                    self._ledger.span(source, "", start, end, "unproven", RECEIVED)
                self._ledger.set(alive_key(source), end)
        self._last, self._last_monotonic = (
            now,
            monotonic,
        )  # after an error, the next one covers both

    def _gap(self, source: str, start: int, end: int, reason: str) -> None:
        slack = int(self._slack * _MICRO)
        self._ledger.span(source, "", max(0, start - slack), end + slack, "gap", reason)
