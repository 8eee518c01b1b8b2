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

from hubbub.collector.event import Event, Frame
from hubbub.errors import MessageError
from hubbub.store import letters as dead
from hubbub.store.forgotten import NOBODY, Forgotten
from hubbub.store.letters import Letter
from hubbub.store.segment import Damage, Record

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
    forgotten: Forgotten = NOBODY
    events: dict[str, Event] = field(default_factory=dict)  # by id, the first of each
    digests: list[bytes] = field(default_factory=list)  # of the ids, in the same order
    bodies: dict[str, bytes | None] = field(default_factory=dict)  # by id; None: it held a name
    letters: list[Letter] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)  # (source, name)
    positions: dict[str, int] = field(default_factory=dict)  # segment → bytes read
    frames: int = 0
    held: int = 0  # bytes of letters and bodies

    def take(self, name: str, found: Record | Damage, *, body: bool = False) -> None:
        """Take the next record of the segment `name`; `body`: keep its body too."""
        self.frames += 1
        self.positions[name] = found.end
        place = f"{name}:{found.start}"
        if isinstance(found, Damage):
            self._bury(
                Letter(
                    place=place,
                    reason="damaged",
                    what=f"bytes {found.start:,} to {found.end:,} of a segment fail their checksum",
                    source=SPOOL,
                    time=int(name.partition("-")[0]) // 1000,  # when the segment was started
                    topic=b"",
                    body=found.data,
                )
            )
            return
        frame = found.frame
        try:
            event = self.forgotten.event(self.understand(frame))
            _check(event)
        except MessageError as e:
            self._refuse(place, frame, e.reason, e.what)
        except Exception as e:  # noqa: BLE001 - one poison message must not stop the others
            _log.exception("message not understood", source=frame.source, place=place)
            self._refuse(place, frame, "fault", f"{type(e).__name__}: {e}")
        else:
            if event.id in self.events:
                self.counts[event.source, "known"] += 1
            else:
                self.events[event.id] = event
                if body:
                    kept = not self.forgotten.holds(frame.body)
                    self.bodies[event.id] = frame.body if kept else None
                    self.held += len(frame.body) * kept
                self.digests.append(hashlib.blake2b(event.id.encode(), digest_size=8).digest())

    def _refuse(self, place: str, frame: Frame, reason: str, what: str) -> None:
        self._bury(
            Letter(
                place, reason, what, frame.source, frame.arrived, frame.topic, frame.body, frame.seq
            )
        )

    def _bury(self, letter: Letter) -> None:
        letter = dead.without(letter, self.forgotten)
        self.letters.append(letter)
        self.held += len(letter.body)
        self.counts[letter.source, f"refused:{letter.reason}"] += 1
