"""Detect gaps of a running listener and record them in the ledger.

Spans that were received and are durable are recorded as `unproven`. A span in which messages may be
missing is recorded as a `gap`:

- no listener was running, since the last heartbeat that reached the disk (also after kill -9)
- an endpoint was unreachable, or the connection to it was lost and made again: since its last sign
  of life, a message or the latest moment at which it can have answered a heartbeat
- the receive loop stood still for seconds: the process was stopped
- an endpoint was silent for longer than its usual rate explains
- the backlog overflowed
- the local clock jumped, so that messages were recorded under wrong times

A broker that keeps messages while we are away (`Connection.retains`) causes a gap only where its
queue is gone; what waits in the queue is not recorded as received before it was.

(Skipped sequence numbers are detected by the loader: see `sequences`.) The detector has its own
thread, because a write to the ledger may wait for the disk, and the receiver must not.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from threading import Event as Flag
from threading import Thread
from typing import Any

from hubbub.collector.event import CONNECTIONS_KEY, Ledger, alive_key, partial_key
from hubbub.collector.gaps.watched import (
    CLOCK,
    OVERFLOW,
    QUEUE_GONE,
    RECEIVED,
    RECONNECTED,
    SILENT,
    STOPPED,
    UNREACHABLE,
    OpenGap,
    Watched,
)
from hubbub.collector.listening.listener import Counts
from hubbub.collector.listening.receiver import Connection
from hubbub.logger import get_logger

__all__ = ["SLACK", "GapDetector"]

# s added on both sides of a gap: delay between a message's timestamp and its arrival
SLACK = 10.0
_TICK = 0.25  # s
_HEARTBEAT = 5.0  # s; a kill -9 extends the gap by at most this much
_MIN_JUMP = 2.0  # s; more than a clock is slewed within a tick
_FIRST_CONNECTION = 10.0  # s that connecting to an endpoint may take at first
_MICRO = 1_000_000
_FORGOTTEN_AFTER = 86_400 * _MICRO  # µs after which the state of a connection is not kept

_log = get_logger("hubbub.gaps")


class GapDetector:
    """Watches the endpoints and counts of a listener.

    Args:
        endpoints: of the listener's receiver.
        counts: returns the listener's counts.
        ledger: used only by this detector's thread.
        filters: key of the filters that limit the listener, as in the ledger; empty for none.
        beat: returns when the receive loop last made a turn, in seconds of `monotonic`; what was
            published since is not received yet. None: a moment ago.
        standstills: returns when the receive loop stood still since the last call, in seconds of
            `monotonic`; what lasts is returned again.
        clock: seconds since the epoch.
        monotonic: seconds of a clock that is never set.
    """

    def __init__(
        self,
        endpoints: Sequence[Connection],
        counts: Callable[[], Counts],
        ledger: Ledger,
        *,
        filters: str = "",
        beat: Callable[[], float] | None = None,
        standstills: Callable[[], list[tuple[float, float]]] = list,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoints, self._counts, self._ledger = endpoints, counts, ledger
        self._filters, self._standstills, self._beat = filters, standstills, beat or monotonic
        self._clock, self._monotonic = clock, monotonic
        self._watched: list[Watched] = []
        self._arrivals: deque[tuple[float, int]] = deque()  # (clock, messages received by then)
        self._durable = 0.0  # everything that arrived before is on the disk
        self._overflow = 0
        self._wall = self._mono = self._last_heartbeat = 0.0
        self._pending: deque[Callable[[], None]] = deque()  # writes to the ledger
        self._failing = False
        self._stop = Flag()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Record the gap since the last run, and start watching in a thread.

        Raises:
            StoreError: the ledger cannot be read.
        """
        self.begin()
        self._thread = Thread(target=self._run, name="gaps", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 1.0) -> bool:
        """Stop after a last heartbeat; False if the ledger does not respond within `timeout`."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.wait(_TICK):
            self.tick()
        self.end()

    def begin(self) -> None:
        """Open a gap for the time since the last run."""
        self._wall, self._mono = self._now()
        self._durable, self._last_heartbeat = self._wall, self._mono
        last_of_any = self._ledger.get(alive_key(""))
        for endpoint in self._endpoints:
            watched = Watched(
                endpoint, endpoint.received, endpoint.losses, self._wall, heard=self._wall
            )
            if endpoint.retains:
                watched.losses = 0  # a queue that was gone when it was opened is a loss, too
            last = self._ledger.get(alive_key(watched.source)) or last_of_any
            if last is None:
                watched.gap = OpenGap(
                    self._wall, UNREACHABLE, tolerated_until=self._wall + _FIRST_CONNECTION
                )
                # So that a kill before the first heartbeat leaves a gap too.
                self._set(alive_key(watched.source), int(self._wall * _MICRO))
            else:
                watched.gap = OpenGap(min(last / _MICRO, self._wall) - SLACK, STOPPED)
                # The clock was set back since: messages were recorded under future times.
                if last / _MICRO > self._wall + _MIN_JUMP:
                    self._record_gap(watched, self._wall, last / _MICRO, CLOCK)
            self._watched.append(watched)
            self._set(partial_key(watched.source), self._filters or None)
        self._write_pending()

    def tick(self) -> None:
        """Examine clocks, counts and endpoints once."""
        wall, mono = self._now()
        previous, elapsed = self._wall, mono - self._mono
        self._wall, self._mono = wall, mono
        if abs(wall - previous - elapsed) > _MIN_JUMP:
            self._clock_jumped(previous, wall)
        for start, end in self._standstills():
            self._stood_still(wall - (mono - start), wall - (mono - end))
        beat = self._beat()
        counts = self._counts()
        if counts.overflow > self._overflow:
            for watched in self._watched:
                self._record_gap(watched, previous - SLACK, wall + SLACK, OVERFLOW)
            self._overflow = counts.overflow
        self._arrivals.append((wall - max(0.0, mono - beat), counts.received))
        written = counts.received - counts.waiting
        while self._arrivals and self._arrivals[0][1] <= written:
            self._durable = self._arrivals.popleft()[0]
        for watched in self._watched:
            self._examine(watched, previous, wall, elapsed)
        if mono - self._last_heartbeat >= _HEARTBEAT:
            self._heartbeat()

    def _now(self) -> tuple[float, float]:
        """Read both clocks at one moment; a pause between the two would look like a jump."""
        while True:
            before, wall, mono = self._monotonic(), self._clock(), self._monotonic()
            if mono - before < _MIN_JUMP / 4:
                return wall, mono

    def _clock_jumped(self, previous: float, wall: float) -> None:
        _log.warning("our clock jumped", seconds=round(wall - previous, 1))
        self._arrivals.clear()
        self._durable = wall
        low, high = min(previous, wall), max(previous, wall)
        for watched in self._watched:
            self._record_gap(watched, low - SLACK, high + SLACK, CLOCK)
            watched.recorded_until = watched.heard = wall
            watched.standstill_recorded = 0.0
            if watched.gap is not None:
                watched.gap = OpenGap(wall, watched.gap.reason)

    def _stood_still(self, start: float, end: float) -> None:
        """Record that the receive loop did nothing in [start, end): publishers drop messages."""
        for watched in self._watched:
            if watched.endpoint.retains:
                continue
            since = max(start - SLACK, watched.standstill_recorded)
            self._record_gap(watched, since, end + SLACK, STOPPED)
            watched.standstill_recorded = end
            watched.recorded_until = max(watched.recorded_until, end)

    def _examine(self, watched: Watched, previous: float, wall: float, elapsed: float) -> None:
        """Open or close the gap of an endpoint."""
        endpoint = watched.endpoint
        received = endpoint.received - watched.received
        was_lost = endpoint.losses > watched.losses
        watched.received, watched.losses = endpoint.received, endpoint.losses
        last_life = watched.last_life(previous)
        if received:
            watched.heard = wall if watched.reachable else previous
        gap = watched.gap
        if not watched.reachable:
            if gap is None or gap.reason == SILENT:
                start = last_life if gap is None else gap.start
                recorded_until = None if gap is None else gap.recorded_until
                watched.gap = OpenGap(start - SLACK, UNREACHABLE, recorded_until=recorded_until)
                watched.silence.silence = 0.0
            return
        if gap is not None and gap.reason != SILENT:
            if endpoint.retains and not was_lost:
                watched.gap = None  # the queue kept the messages
                watched.recorded_until = min(watched.recorded_until, gap.start + SLACK)
            else:
                gap.reason = QUEUE_GONE if endpoint.retains else gap.reason
                # What was lost after the first connection is no delay of that one.
                self._close_gap(watched, wall, lost=was_lost and endpoint.connects > 1)
        elif was_lost and not endpoint.bound:
            reason = QUEUE_GONE if endpoint.retains else RECONNECTED
            self._record_gap(watched, last_life - SLACK, wall + SLACK, reason)
        silence = watched.silence
        silence.update(received, elapsed)
        if watched.gap is None and silence.suspicious:
            _log.warning(
                "suspiciously silent",
                endpoint=endpoint.address,
                seconds=round(silence.silence),
                usual=f"{silence.rate:.2g} messages/s",
            )
            watched.gap = OpenGap(wall - silence.silence - SLACK, SILENT)
        elif watched.gap is not None and received:
            self._close_gap(watched, wall)

    def _close_gap(self, watched: Watched, wall: float, *, lost: bool = False) -> None:
        gap, watched.gap = watched.gap, None
        assert gap is not None
        if lost or wall >= gap.tolerated_until:
            self._record_gap(watched, gap.unrecorded, wall + SLACK, gap.reason)
        watched.recorded_until = max(watched.recorded_until, wall)

    def _heartbeat(self) -> None:
        """Record that everything before `_durable` was received, except in open gaps."""
        self._last_heartbeat = self._monotonic()
        self._write_pending()
        if self._pending:  # the ledger fails; the next heartbeat covers this one
            return
        for watched in self._watched:
            gap, durable = watched.gap, min(self._durable, watched.endpoint.drained)
            if gap is not None:
                if watched.endpoint.retains and gap.reason != SILENT:
                    continue  # known only when the queue is seen again
                if self._wall >= gap.tolerated_until:
                    self._record_gap(watched, gap.unrecorded, self._wall, gap.reason)
                    gap.recorded_until = self._wall
            elif durable > watched.recorded_until:
                start, watched.recorded_until = watched.recorded_until, durable
                self._record(watched.source, start, durable, "unproven", RECEIVED)
            if durable > 0:
                self._set(alive_key(watched.source), int(durable * _MICRO))
        self._set(alive_key(""), int(self._durable * _MICRO))
        self._pending.append(self._write_connections)
        self._write_pending()

    def end(self) -> None:
        """Write a last heartbeat."""
        self.tick()
        self._heartbeat()
        if self._pending:
            _log.warning("the last heartbeat could not be written", statements=len(self._pending))

    def _record_gap(self, watched: Watched, start: float, end: float, reason: str) -> None:
        self._record(watched.source, start, end, "gap", reason)

    def _record(self, source: str, start: float, end: float, state: str, proof: str) -> None:
        first, last = int(start * _MICRO), int(end * _MICRO)
        if first < last:
            self._pending.append(
                lambda: self._ledger.span(source, self._filters, first, last, state, proof)
            )

    def _set(self, key: str, value: Any) -> None:
        self._pending.append(lambda: self._ledger.set(key, value))

    def _write_connections(self) -> None:
        """Write the states of the connections, beside those of other listeners of this store."""
        now = int(self._wall * _MICRO)
        states = self._ledger.get(CONNECTIONS_KEY) or {}
        states = {k: state for k, state in states.items() if now - state["at"] < _FORGOTTEN_AFTER}
        for watched in self._watched:
            states[watched.source] = {"at": now, **watched.endpoint.report()}
        self._ledger.set(CONNECTIONS_KEY, states)

    def _write_pending(self) -> None:
        """Write to the ledger, all at once; what fails stays pending.

        A transaction of its own for each of some hundred endpoints would sync the disk as often.
        """
        if not self._pending:
            return
        try:
            with self._ledger.transaction():
                for write in self._pending:
                    write()
        except Exception as error:  # noqa: BLE001 - whatever a store raises, go on
            if not self._failing:
                _log.warning("cannot write to the ledger, will retry", why=str(error))
            self._failing = True
            return
        self._failing = False
        self._pending.clear()
