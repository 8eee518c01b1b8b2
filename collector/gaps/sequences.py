"""Numbers that a publisher skipped: what says that messages were lost on the way.

Comes in: the counter `i` and the time of each message of a stream (an endpoint and a certificate),
in the order in which they were heard. Goes out: the spans in which numbers were skipped. Pure.

Several processes may share a certificate, each with a counter of its own that starts again at 1,
and only some of them may have been heard from their beginning. So a stream is kept as runs of
numbers without holes. A number that goes on from no run begins a new one: another process, or the
far side of a loss. It is a loss if a run that ended before it is not gone on with. A jump is
strong evidence of a loss; no jump proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

__all__ = ["Jump", "Run", "Sequences"]

_SECOND = 1_000_000  # µs
_FURTHER = 8  # numbers of a new run without one of the old: the old process would have spoken
_WAIT = 30 * _SECOND  # or so long, and three of its usual pauses
_PAUSES = 3
_LARGEST = 100_000  # numbers; a longer jump is another process
_RUNS = 32  # of one stream that are remembered, the latest heard
_STREAMS = 4096


class Run(msgspec.Struct, array_like=True):
    """Numbers without a hole, as heard; times in µs."""

    first: int
    last: int
    begun: int  # time of the message `first`
    ended: int  # time of the message `last`
    since: int  # our clock when it began
    born: int  # how many messages of all streams came before it
    heard: int  # the same, before its last message
    fresh: int = 1  # numbers since it began here
    judged: bool = False  # what was before it is settled

    def pause(self) -> float:
        """Usual µs between two messages."""
        return (self.ended - self.begun) / max(self.last - self.first, 1)


@dataclass(frozen=True, slots=True)
class Jump:
    """[start, end) in µs, whole seconds of the publisher's stamps, in which `lost` were skipped."""

    source: str
    start: int
    end: int
    lost: int


class Sequences:
    """All streams of a listener.

    Args:
        document: what `document` gave before.
    """

    def __init__(self, document: Any = None) -> None:
        self._streams: dict[tuple[str, str], list[Run]] = {
            (source, publisher): msgspec.convert(runs, list[Run])
            for source, publisher, runs in document or ()
        }
        self._open: set[tuple[str, str]] = {
            key for key, runs in self._streams.items() if any(not run.judged for run in runs)
        }
        self._certain: list[Jump] = []  # to be told by the next `jumps`
        self.changed = False
        self._order = 1 + max((r.heard for runs in self._streams.values() for r in runs), default=0)

    def document(self) -> list[Any]:
        """Everything that is remembered, as JSON."""
        latest = sorted(self._streams.items(), key=lambda item: max(run.heard for run in item[1]))
        return [
            [source, publisher, msgspec.to_builtins(runs)]
            for (source, publisher), runs in latest[-_STREAMS:]
        ]

    def hear(self, source: str, publisher: str, number: int, time: int, at: int) -> None:
        """Take the next message of a stream.

        Args:
            source: the endpoint.
            publisher: what tells its certificate from others.
            number: its `i`; a message without one says nothing.
            time: its own time, µs.
            at: our clock when it came, µs.
        """
        if number <= 0:
            return
        self.changed = True
        self._order += 1
        key, order = (source, publisher), self._order
        runs = self._streams.setdefault(key, [])
        for run in reversed(runs):
            if run.last == number - 1:
                run.last, run.ended, run.heard = number, time, order
                run.fresh += 1
                self._join(runs, run)
                return
        runs.append(Run(number, number, time, time, at, order, order, judged=number == 1))
        if number != 1:
            self._open.add(key)
        if len(runs) > _RUNS:
            self._make_room(source, runs)

    def _make_room(self, source: str, runs: list[Run]) -> None:
        """So many holes at once: the oldest is a loss, without waiting for late numbers."""
        for run in sorted(runs, key=lambda one: one.born):
            before = None if run.judged else self._before(runs, run)
            if before is not None:
                self._certain.append(_close(source, runs, before, run))
                return
        runs.remove(min(runs, key=lambda one: one.heard))

    @staticmethod
    def _join(runs: list[Run], run: Run) -> None:
        """A number that came late closes the hole before another run."""
        for other in runs:
            if other is not run and other.first == run.last + 1 and not other.judged:
                run.last, run.ended = other.last, other.ended
                run.heard, run.fresh = max(run.heard, other.heard), run.fresh + other.fresh
                runs.remove(other)
                return

    def jumps(self, now: int) -> Iterable[Jump]:
        """The losses that have become certain; each is told once.

        Args:
            now: our clock, µs.
        """
        found, self._certain = self._certain, []
        for key in sorted(self._open):
            runs = self._streams[key]
            for run in [one for one in runs if not one.judged]:
                before = self._before(runs, run)
                if before is None:
                    run.judged = True  # a process that we hear from its middle on
                elif run.fresh > _FURTHER or now - run.since > max(_WAIT, _PAUSES * before.pause()):
                    found.append(_close(key[0], runs, before, run))
            if all(run.judged for run in runs):
                self._open.discard(key)
        self.changed = self.changed or bool(found)
        return found

    @staticmethod
    def _before(runs: list[Run], run: Run) -> Run | None:
        """The run that may have gone on as `run`: ended before it began, at the nearest number."""
        ended = [
            one
            for one in runs
            if one is not run and one.heard < run.born and 0 < run.first - one.last <= _LARGEST
        ]
        return max(ended, key=lambda one: (one.last, one.heard)) if ended else None


def _close(source: str, runs: list[Run], before: Run, run: Run) -> Jump:
    """What was lost between two runs; `run` goes back to the beginning of `before` from now on."""
    jump = _jump(source, before, run)
    run.first, run.begun, run.judged = before.first, before.begun, before.judged
    run.since, run.born = before.since, before.born
    runs.remove(before)
    return jump


def _jump(source: str, before: Run, run: Run) -> Jump:
    # A publisher stamps whole seconds, so that what is lost lies in these seconds too.
    start, end = sorted((before.ended, run.begun))
    end = (end // _SECOND + 1) * _SECOND
    return Jump(source, start // _SECOND * _SECOND, end, run.first - before.last - 1)
