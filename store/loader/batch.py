"""What the loader gathers between two commits: events once each, letters, counts, positions.

Comes in: what a segment holds, in order. Goes out: plain values for a commit, none of which holds
the name of somebody who was forgotten. It writes nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import structlog
from msgspec.structs import replace

from hubbub.collector.decode.notebooks import SAMPLES
from hubbub.collector.decode.rejected import parse_refused
from hubbub.collector.event import Event, Frame
from hubbub.collector.signatures.guard import Guard
from hubbub.errors import MessageError
from hubbub.store.loader.bus_stats import Hearing
from hubbub.store.spool.segment import BODIES, Damage, Record
from hubbub.store.state import dead_letters
from hubbub.store.state.dead_letters import DeadLetter
from hubbub.store.state.pseudonyms import NONE_FORGOTTEN, Forgotten

__all__ = ["SPOOL", "Batch"]

#: The source that damage of the spool itself is counted under.
SPOOL = "spool"

_MOST = 2**63
_LAST = 253_402_300_800_000_000  # the year 10000
_log = structlog.get_logger("hubbub.store")
_encode = msgspec.msgpack.Encoder().encode


def _check(event: Event) -> None:
    """Refuse what a table cannot hold."""
    if not 0 <= event.time < _LAST:
        raise MessageError("bad-time", f"{event.time} µs is not between 1970 and 9999")
    if not (event.id and -_MOST <= event.seq < _MOST and 0 <= event.size < _MOST):
        raise MessageError("bad-value", "an empty id, or a number beyond 64 bits")
    try:
        _encode(event)  # every text is valid UTF-8
    except (UnicodeEncodeError, OverflowError, TypeError) as e:
        raise MessageError("bad-value", f"it holds what no table can: {e}") from e


@dataclass(slots=True)
class Batch:
    """The next commit. `understand` raises MessageError for what it refuses."""

    understand: Callable[[Frame], Event]
    forgotten: Forgotten = NONE_FORGOTTEN
    hearing: Hearing | None = None  # told of every message in its order
    events: dict[str, Event] = field(default_factory=dict)  # by id, the first of each
    digests: list[bytes] = field(default_factory=list)  # of the ids, in the same order
    bodies: dict[str, bytes | None] = field(default_factory=dict)  # by id; None: it held a name
    samples: dict[str, dict[str, str]] = field(default_factory=dict)  # by id: name → value
    letters: list[DeadLetter] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)  # (source, name)
    positions: dict[str, int] = field(default_factory=dict)  # segment → bytes read
    #: letters that were read again: place → None for an event now, else reason and sentence
    settled: dict[str, tuple[str, str] | None] = field(default_factory=dict)
    moved: Counter[tuple[str, str]] = field(default_factory=Counter)  # counts that these change
    frames: int = 0
    held: int = 0  # bytes of letters and bodies
    damaged: int | None = None  # µs: when the first segment was begun that has lost a record

    def take(
        self, name: str, found: Record | Damage, *, flags: int = 0, guard: Guard | None = None
    ) -> None:
        """Take the next record of a segment.

        Args:
            name: the segment's.
            found: the record.
            flags: the segment's; its body is kept too where they say so.
            guard: whom the record must satisfy.
        """
        self.frames += 1
        self.positions[name] = found.end
        place = f"{name}:{found.start}"
        if isinstance(found, Damage):
            begun = int(name.partition("-")[0]) // 1000
            self.damaged = begun if self.damaged is None else min(begun, self.damaged)
            self._bury(
                DeadLetter(
                    place=place,
                    reason="damaged",
                    what=f"bytes {found.start:,} to {found.end:,} of a segment fail their checksum",
                    source=SPOOL,
                    time=begun,
                    topic=b"",
                    body=found.data,
                )
            )
            return
        frame = found.frame
        event = self._read(frame, place, guard)
        if isinstance(event, Event):
            if self.hearing is not None:
                self.hearing.hear(frame, event)
            self._keep(event, frame, flags)
            return
        reason, what = event
        before = parse_refused(frame)
        source, missing = frame.source, 0
        if before is not None:
            source, missing = before.source, before.length - len(frame.body)
        self._bury(
            DeadLetter(
                *(place, reason, what, source, frame.arrived, frame.topic, frame.body, frame.seq),
                missing,
                flags,
            )
        )

    def again(self, letter: DeadLetter, guard: Guard | None) -> None:
        """Read a letter again: it becomes an event, or stays the one letter that it is."""
        self.frames += 1
        event = self._read(letter.frame, letter.place, guard)
        before = letter.source, f"refused:{letter.reason}"
        if isinstance(event, Event):
            self.settled[letter.place] = None
            self.moved[before] -= 1
            self._keep(event, letter.frame, letter.flags)
            return
        reason, what = event
        self.settled[letter.place] = reason, self.forgotten.text(what)
        self.moved[before] -= 1
        self.moved[letter.source, f"refused:{reason}"] += 1

    def _read(self, frame: Frame, place: str, guard: Guard | None) -> Event | tuple[str, str]:
        """The event of a frame, or why there is none: the reason and a sentence."""
        try:
            if guard is not None:
                guard.check(frame)
            event = self.forgotten.event(self.understand(frame))
            _check(event)
        except MessageError as e:
            return e.reason, e.what
        except Exception as e:  # noqa: BLE001 - one poison message must not stop the others
            _log.exception("message not understood", source=frame.source, place=place)
            return "fault", f"{type(e).__name__}: {e}"
        return event

    def _keep(self, event: Event, frame: Frame, flags: int) -> None:
        if event.id in self.events:
            self.counts[event.source, "known"] += 1
            return
        if frame.kind == SAMPLES:  # its values go into a table of their own
            self.samples[event.id] = event.extra or {}
            event = replace(event, extra=None)
        self.events[event.id] = event
        if flags & BODIES:
            kept = not self.forgotten.holds(frame.body)
            self.bodies[event.id] = frame.body if kept else None
            self.held += len(frame.body) * kept
        self.digests.append(hashlib.blake2b(event.id.encode(), digest_size=8).digest())

    def _bury(self, letter: DeadLetter) -> None:
        letter = dead_letters.redact(letter, self.forgotten)
        self.letters.append(letter)
        self.held += len(letter.body)
        self.counts[letter.source, f"refused:{letter.reason}"] += 1
