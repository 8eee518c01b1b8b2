"""Heal gaps of a GitHub hook from the deliveries that GitHub keeps.

A round lists the deliveries since the first moment that is not proven. Those that we do not have
are read and written to the spool. Then the ledger says `healed` for what was missing, `complete`
for the rest, and `gap` around a delivery whose payload is gone. The last minutes are left to the
next round: what came there may not be in the tables yet.

All state is derived from the ledger, so that healing continues after a crash; a delivery that is
written twice counts once. The deliveries are read, not asked for again: reading works also where
GitHub cannot reach this server, and needs no right to change anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from hubbub.collector.decode.deliveries import Delivery
from hubbub.collector.event import Ledger, Sink, Stop
from hubbub.collector.hooks.github import KEPT, DeliveryLog, Listed, RateLimitedError
from hubbub.collector.hooks.requests import frame_of
from hubbub.collector.hooks.settings import Hook
from hubbub.collector.hooks.watch import SLACK
from hubbub.errors import HubbubError
from hubbub.intervals import Spans, subtract, union
from hubbub.logger import get_logger

__all__ = ["COMPLETE", "GONE", "HEALED", "GitHubHealer", "Known"]

#: Returns which of these ids are stored, of events in about the given time (first, last, µs).
Known = Callable[[Sequence[str], tuple[int, int]], set[str]]

# Proofs as the ledger keeps them
COMPLETE = "GitHub's list names no other delivery"
HEALED = "read from GitHub's list of deliveries"
GONE = "GitHub no longer has a delivery that is missing"

_MICRO = 1_000_000
_SLACK = int(SLACK * _MICRO)  # µs around a delivery that was missed
_DAY = 86_400 * _MICRO
_FLUSHED = 50  # payloads between flushes
_BACK_OFF = 10.0, 600.0  # s; first and longest pause after an error
_REMEMBERED = 100_000  # deliveries that were read, or are gone

_log = get_logger("hubbub.heal")


class _StoppedError(Exception):
    """The healer was stopped during a round."""


class GitHubHealer:
    """Heals one hook, in a thread of its own.

    Args:
        hook: the hook.
        log: GitHub's list of its deliveries.
        sink: takes what was missed; used by the healer's thread only.
        ledger: likewise.
        known: what is stored.
        settle: seconds after which what we took is in the tables.
        every: seconds between rounds.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        hook: Hook,
        log: DeliveryLog,
        sink: Sink,
        ledger: Ledger,
        known: Known,
        *,
        settle: float = 600.0,
        every: float = 300.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.hook, self.log, self.sink, self.ledger = hook, log, sink, ledger
        self._known, self._settle, self.every, self._clock = known, settle, every, clock
        self._key = f"github {log.url}"
        self._read: dict[str, int] = {}  # GUID → when it was sent, µs
        self._gone: dict[str, int] = {}
        self._failures = 0
        self._stop: Stop | None = None

    def run(self, stop: Stop) -> None:
        """Heal until `stop` is set."""
        self._stop = stop
        wait = 0.0
        while not stop.wait(wait):
            wait = self.run_once()

    @property
    def _stopped(self) -> bool:
        return self._stop is not None and self._stop.is_set()

    def run_once(self) -> float:
        """Do one round; return the seconds until the next one. Errors are logged, not raised."""
        try:
            self._round()
        except _StoppedError:
            return 0.0
        except RateLimitedError as error:
            _log.warning("GitHub asks to wait", hook=self.hook.name, seconds=round(error.seconds))
            return error.seconds
        except Exception as error:  # noqa: BLE001 - logged; the next round tries again
            if self._stopped:
                return 0.0
            self._failures += 1
            first, longest = _BACK_OFF
            wait = min(first * 2.0 ** min(self._failures - 1, 20), longest)
            known = error if isinstance(error, HubbubError) else None
            _log.warning(
                "cannot heal now",
                hook=self.hook.name,
                why=known.what if known else repr(error),
                hint=known.hint if known else "",
                again_in=round(wait),
            )
            return wait
        self._failures = 0
        return self.every

    def _round(self) -> None:
        self.sink.flush()  # seals a segment of earlier rounds
        now = int(self._clock() * _MICRO)
        edge = now - int(self._settle * _MICRO)
        first = self._first(now, edge)
        if first is None:
            return
        unproven = subtract([(first, edge)], self._spans("complete", "healed"))
        start = min([begin for begin, _ in unproven] + [edge])
        deliveries = self._missing(start, edge)
        read = self._fetch(deliveries)
        if read or deliveries:
            _log.info("missed deliveries", hook=self.hook.name, missing=len(deliveries), read=read)
        self._record(unproven)

    def _first(self, now: int, edge: int) -> int | None:
        """Return since when GitHub's list is of use: it has all of this hook since then, µs."""
        kept = now - int(KEPT * _MICRO)
        known = self.ledger.get(self._key)
        if isinstance(known, int):
            return min(max(known, kept), edge)
        oldest = min((delivery.time for delivery in self.log.since(kept)), default=None)
        if oldest is not None:  # the hook may be newer than what GitHub keeps
            self.ledger.set(self._key, oldest)
        return None if oldest is None else min(oldest, edge)

    def _spans(self, *states: str) -> Spans:
        spans = self.ledger.spans(self.hook.source, "")
        return union((start, end) for start, end, state in spans if state in states)

    def _missing(self, start: int, edge: int) -> list[Listed]:
        """Return the deliveries since `start` that we do not have, the oldest first.

        One that we took after `edge` is on its way into the tables.
        """
        oldest: dict[str, Listed] = {}
        taken: set[str] = set()
        for delivery in self.log.since(start - _SLACK):
            if self._stopped:
                raise _StoppedError
            if delivery.event == "ping":
                continue
            oldest[delivery.guid] = delivery  # the list begins with the newest
            if delivery.taken and delivery.time >= edge:
                taken.add(delivery.guid)
        candidates = [
            guid
            for guid in oldest
            if guid not in taken and guid not in self._read and guid not in self._gone
        ]
        span = start - _DAY, int(self._clock() * _MICRO) + _DAY
        known = self._known(candidates, span) if candidates else set()
        missing = [oldest[guid] for guid in candidates if guid not in known]
        return sorted(missing, key=lambda delivery: delivery.time)

    def _fetch(self, deliveries: Sequence[Listed]) -> int:
        """Read payloads into the sink, durably; return how many there were."""
        waiting: dict[str, int] = {}
        read = 0
        try:
            for delivery in deliveries:
                if self._stopped:
                    raise _StoppedError
                payload = self.log.payload(delivery)
                if payload is None:
                    _remember(self._gone, {delivery.guid: delivery.time})
                    continue
                what = Delivery("github", delivery.event, "", delivery.guid)
                self.sink.put(frame_of(self.hook.name, what, payload, delivery.time))
                waiting[delivery.guid] = delivery.time
                read += 1
                if len(waiting) >= _FLUSHED:
                    self._flush(waiting)
        finally:
            if waiting:
                self._flush(waiting)
        return read

    def _flush(self, waiting: dict[str, int]) -> None:
        self.sink.flush()
        _remember(self._read, waiting)
        waiting.clear()

    def _record(self, unproven: Spans) -> None:
        """Record what the list proves of these spans."""
        gone = _around(self._gone.values())
        missed = union([*self._spans("gap"), *_around(self._read.values())])
        proven = subtract(unproven, gone)
        complete = subtract(proven, missed)
        healed = subtract(proven, complete)
        lost = subtract(unproven, proven)
        with self.ledger.transaction():
            for spans, state, proof in (
                (complete, "complete", COMPLETE),
                (healed, "healed", HEALED),
                (lost, "gap", GONE),
            ):
                for start, end in spans:
                    self.ledger.span(self.hook.source, "", start, end, state, proof)


def _around(times: Iterable[int]) -> Spans:
    return union((time - _SLACK, time + _SLACK) for time in times)


def _remember(known: dict[str, int], new: dict[str, int]) -> None:
    """Add, and forget the oldest beyond `_REMEMBERED`."""
    known.update(new)
    for guid in list(known)[: max(0, len(known) - _REMEMBERED)]:
        del known[guid]
