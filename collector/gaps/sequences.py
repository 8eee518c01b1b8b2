"""Detect messages lost on the way by the sequence numbers that publishers skip.

A stream is the messages of one publisher at one endpoint: of one certificate or, where messages are
unsigned, of one system user. Several processes may share it, each with its own counter `i` that
starts at 1, and some may have started before the listener. So a stream is kept as runs of
consecutive numbers. A number that continues no run starts a new one: it comes from another process,
or is the first after a loss. It is a loss if the run that ended before it is not continued. A jump
is strong evidence of a loss; no jump proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

__all__ = ["Jump", "Run", "Sequences"]

_SECOND = 1_000_000  # µs
# A jump is certain after this many numbers of the new run without one that continues the old run,
_CERTAIN = 8
# or after this time, and three mean intervals of the old run.
_WAIT = 30 * _SECOND
_INTERVALS = 3
_LONGEST_JUMP = 100_000  # numbers; a longer jump is another process
_MAX_RUNS = 32  # per stream; older ones are forgotten
_MAX_STREAMS = 4096


class Run(msgspec.Struct, array_like=True):
    """Consecutive numbers as received; times in µs."""

    first: int
    last: int
    first_time: int  # of the message `first`
    last_time: int  # of the message `last`
    arrived: int  # when its first message arrived, by the local clock
    first_order: int  # ordinal of its first message among those of all streams
    last_order: int  # likewise, of its last message
    length: int = 1  # numbers received since the run, or the part after its last jump, began
    settled: bool = False  # whether there was a jump before it is decided

    def interval(self) -> float:
        """Return the mean time between two messages, µs."""
        return (self.last_time - self.first_time) / max(self.last - self.first, 1)


@dataclass(frozen=True, slots=True)
class Jump:
    """`lost` skipped numbers in [start, end) µs, whole seconds of the publisher's timestamps."""

    source: str
    start: int
    end: int
    lost: int


class Sequences:
    """The runs of all streams of a listener.

    Args:
        document: the result of an earlier `document()`.
    """

    def __init__(self, document: Any = None) -> None:
        self._streams: dict[tuple[str, str], list[Run]] = {
            (source, publisher): msgspec.convert(runs, list[Run])
            for source, publisher, runs in document or ()
        }
        self._unsettled: set[tuple[str, str]] = {
            key for key, runs in self._streams.items() if any(not run.settled for run in runs)
        }
        self._certain: list[Jump] = []  # to be returned by the next `jumps`
        self.changed = False
        orders = (run.last_order for runs in self._streams.values() for run in runs)
        self._order = 1 + max(orders, default=0)

    def document(self) -> list[Any]:
        """Return the state as JSON values."""
        latest = sorted(
            self._streams.items(), key=lambda item: max(run.last_order for run in item[1])
        )
        return [
            [source, publisher, msgspec.to_builtins(runs)]
            for (source, publisher), runs in latest[-_MAX_STREAMS:]
        ]

    def add(self, source: str, publisher: str, number: int, time: int, arrived: int) -> None:
        """Add the next message of a stream.

        Args:
            source: the endpoint.
            publisher: identifies the certificate or the system user.
            number: its `i`; messages without one (0) are ignored.
            time: the publisher's timestamp, µs.
            arrived: when it was received by the local clock, µs.
        """
        if number <= 0:
            return
        self.changed = True
        self._order += 1
        key, order = (source, publisher), self._order
        runs = self._streams.setdefault(key, [])
        for run in reversed(runs):
            if run.last == number - 1:
                run.last, run.last_time, run.last_order = number, time, order
                run.length += 1
                self._join_next(runs, run)
                return
        runs.append(Run(number, number, time, time, arrived, order, order, settled=number == 1))
        if number != 1:
            self._unsettled.add(key)
        if len(runs) > _MAX_RUNS:
            self._make_room(source, runs)

    def _make_room(self, source: str, runs: list[Run]) -> None:
        """Take the oldest possible jump as certain, or else forget the oldest run."""
        for run in sorted(runs, key=lambda run: run.first_order):
            before = None if run.settled else self._predecessor(runs, run)
            if before is not None:
                self._certain.append(_confirm(source, runs, before, run))
                return
        runs.remove(min(runs, key=lambda run: run.last_order))

    @staticmethod
    def _join_next(runs: list[Run], run: Run) -> None:
        """Join the run that now follows without a jump, after a number that came late."""
        for other in runs:
            if other is not run and other.first == run.last + 1 and not other.settled:
                run.last, run.last_time = other.last, other.last_time
                run.last_order = max(run.last_order, other.last_order)
                run.length += other.length
                runs.remove(other)
                return

    def jumps(self, now: int) -> Iterable[Jump]:
        """Return the jumps that have become certain since the last call.

        Args:
            now: µs by the local clock.
        """
        jumps, self._certain = self._certain, []
        for key in sorted(self._unsettled):
            runs = self._streams[key]
            for run in [run for run in runs if not run.settled]:
                before = self._predecessor(runs, run)
                if before is None:
                    run.settled = True  # a process whose beginning was not received
                    continue
                wait = max(_WAIT, _INTERVALS * before.interval())
                if run.length > _CERTAIN or now - run.arrived > wait:
                    jumps.append(_confirm(key[0], runs, before, run))
            if all(run.settled for run in runs):
                self._unsettled.discard(key)
        self.changed = self.changed or bool(jumps)
        return jumps

    @staticmethod
    def _predecessor(runs: list[Run], run: Run) -> Run | None:
        """Return the run that `run` may continue: it ended earlier, at the nearest lower number."""
        ended = [
            other
            for other in runs
            if other is not run
            and other.last_order < run.first_order
            and 0 < run.first - other.last <= _LONGEST_JUMP
        ]
        return max(ended, key=lambda other: (other.last, other.last_order)) if ended else None


def _confirm(source: str, runs: list[Run], before: Run, run: Run) -> Jump:
    """Return the jump between two runs, and extend `run` back to the beginning of `before`."""
    jump = _jump(source, before, run)
    run.first, run.first_time, run.settled = before.first, before.first_time, before.settled
    run.arrived, run.first_order = before.arrived, before.first_order
    runs.remove(before)
    return jump


def _jump(source: str, before: Run, run: Run) -> Jump:
    # Timestamps are whole seconds, so lost messages may lie in the seconds of both neighbours.
    start, end = sorted((before.last_time, run.first_time))
    end = (end // _SECOND + 1) * _SECOND
    return Jump(source, start // _SECOND * _SECOND, end, run.first - before.last - 1)
