"""`Batch`: what the loader collects for one commit: unique events, dead letters, counts, positions.

It takes the records of segments in order. Names that are to be forgotten are replaced in all that
it collects. It writes nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from traceback import extract_tb

import msgspec
from msgspec.structs import replace

from hubbub.collector.decode.formats import ITEM_FORMATS
from hubbub.collector.decode.notebooks import SAMPLES
from hubbub.collector.decode.rejected import parse_refused
from hubbub.collector.event import Event, Frame, Understand, kind_of
from hubbub.collector.signatures.guard import Guard
from hubbub.errors import MessageError
from hubbub.logger import get_logger
from hubbub.store.loader.bus_stats import LIVE, BusStats
from hubbub.store.spool.segment import BODIES, Damage, Record
from hubbub.store.state import dead_letters
from hubbub.store.state.dead_letters import DeadLetter
from hubbub.store.state.pseudonyms import NONE_FORGOTTEN, Forgotten

__all__ = ["NO_MEMORY", "SPOOL", "Batch"]

#: The source that damage of the spool itself is counted under.
SPOOL = "spool"

_ITEMS = tuple(f"{form}:" for form in ITEM_FORMATS)
#: The reason and explanation for a record that does not fit into memory.
NO_MEMORY = ("no-memory", "reading it needs more memory than there is")
_INT64_END = 2**63
_TIME_END = 253_402_300_800_000_000  # µs: the year 10000
_log = get_logger("hubbub.store")
_MAX_WHAT = 2_000  # characters of an explanation that are searched for names; fewer are stored
_USUAL = 1_000  # bytes of an event, for which a batch of `loader.EVENTS` has room
_encode = msgspec.msgpack.Encoder().encode


def _check(event: Event) -> int:
    """Return the bytes of an event; raise MessageError for values that the tables cannot store."""
    if not 0 <= event.time < _TIME_END:
        raise MessageError("bad-time", f"{event.time} µs is not between 1970 and 9999")
    in_range = -_INT64_END <= event.seq < _INT64_END and 0 <= event.size < _INT64_END
    if not (event.id and in_range):
        raise MessageError("bad-value", "an empty id, or a number beyond 64 bits")
    try:
        return len(_encode(event))  # every text is valid UTF-8
    except (UnicodeEncodeError, OverflowError, TypeError) as e:
        raise MessageError("bad-value", f"it has a value that cannot be stored: {e}") from e


def _line(frame: Frame, source: str) -> str:
    """Return the place of a refused line of a file whose lines are not told apart.

    The same in every import: reading the file again, or on after a crash, gives no second letter.
    """
    digest = hashlib.blake2b(frame.body, digest_size=8).hexdigest()
    return f"{source}:{frame.seq}:{digest}"


@dataclass(slots=True)
class Batch:
    """The content of the next commit.

    `understand` decodes a frame to its events; it raises MessageError for one that it refuses.
    """

    understand: Understand
    forgotten: Forgotten = NONE_FORGOTTEN
    bus_stats: BusStats | None = None  # observes all messages in order
    events: dict[str, Event] = field(default_factory=dict)  # by id, the first of each
    digests: list[bytes] = field(default_factory=list)  # of the ids, in the same order
    #: by id; None: the body held a forgotten name
    bodies: dict[str, bytes | None] = field(default_factory=dict)
    samples: dict[str, dict[str, str]] = field(default_factory=dict)  # by id: name → value
    letters: list[DeadLetter] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)  # (source, name)
    positions: dict[str, int] = field(default_factory=dict)  # segment → bytes read
    #: retried dead letters: place → None if decoded now, otherwise reason and explanation
    settled: dict[str, tuple[str, str] | None] = field(default_factory=dict)
    #: changes of the counts of refused messages by these
    corrections: Counter[tuple[str, str]] = field(default_factory=Counter)
    frames: int = 0
    held: int = 0  # bytes of dead letters, bodies, and what is unusual of events
    damaged: int | None = None  # µs: start of the oldest segment that lost a record
    #: places of records that do not fit into memory: they are refused and not decoded
    unfit: Collection[str] = ()
    #: of the newest record: its segment and where it starts there, or the place of a dead letter
    _place: tuple[str, int | None] = ("", None)

    @property
    def last(self) -> str:
        """The place of the newest record."""
        name, start = self._place
        return name if start is None else f"{name}:{start}"

    def take(
        self, name: str, record: Record | Damage, *, flags: int = 0, guard: Guard | None = None
    ) -> None:
        """Add the next record of a segment.

        Args:
            name: of the segment.
            record: the record, or a damaged range.
            flags: of the segment; they state whether to store the body.
            guard: checks the record's signature.
        """
        self.frames += 1
        self.positions[name] = record.end
        self._place = name, record.start
        if isinstance(record, Damage):
            place = self.last
            started = int(name.partition("-")[0]) // 1000
            self.damaged = started if self.damaged is None else min(started, self.damaged)
            self._add_letter(
                DeadLetter(
                    place=place,
                    reason="damaged",
                    what=f"bytes {record.start:,} to {record.end:,} of a segment "
                    "do not match their checksum",
                    source=SPOOL,
                    time=started,
                    topic=b"",
                    body=record.data,
                )
            )
            return
        frame = record.frame
        kind = kind_of(frame.source)
        events, refusal = self._decode(frame, guard)
        observe = self.bus_stats.observe if self.bus_stats is not None and kind == LIVE else None
        self._add_events(events, frame, kind, flags, observe)
        if refusal is None:
            return
        place = self.last
        reason, explanation = refusal
        rejected = parse_refused(frame)
        source, missing = frame.source, 0
        if rejected is not None:
            source, missing = rejected.source, rejected.length - len(frame.body)
        self._add_letter(
            DeadLetter(
                place=_line(frame, source) if source.startswith(_ITEMS) else place,
                reason=reason,
                what=explanation,
                source=source,
                time=frame.arrived,
                topic=frame.topic,
                body=frame.body,
                seq=frame.seq,
                missing=missing,
                flags=flags,
            )
        )

    def retry(self, letter: DeadLetter, guard: Guard | None) -> None:
        """Decode a dead letter again: it becomes an event, or stays a dead letter."""
        self.frames += 1
        self._place = letter.place, None
        frame = letter.frame
        events, refusal = self._decode(frame, guard)
        self.corrections[letter.source, f"refused:{letter.reason}"] -= 1
        self._add_events(events, frame, frame.kind, letter.flags)
        if refusal is None:
            self.settled[letter.place] = None
            return
        reason, explanation = refusal
        self.settled[letter.place] = reason, self.forgotten.text(explanation)
        self.corrections[letter.source, f"refused:{reason}"] += 1

    def _decode(
        self, frame: Frame, guard: Guard | None
    ) -> tuple[list[Event], tuple[str, str] | None]:
        """Return the events of a frame; if any was refused, the first reason and explanation.

        Raises:
            MemoryError: there is no memory for it beside the other records.
        """
        events: list[Event] = []
        refusal: tuple[str, str] | None = None
        if self.unfit and self.last in self.unfit:
            return events, NO_MEMORY
        try:
            if guard is not None:
                guard.check(frame)
            understood = self.understand(frame)
            for event in [understood] if isinstance(understood, Event) else understood:
                if isinstance(event, MessageError):
                    refusal = refusal or (event.reason, event.what)
                    continue
                event = self.forgotten.event(event)  # noqa: PLW2901 - the same event
                # names and objects count, too: a message may state 10,000 of each
                if (size := _check(event)) > _USUAL:
                    self.held += size - _USUAL
                events.append(event)
        except MessageError as e:
            return events, (e.reason, e.what)
        except MemoryError:
            if self.frames > 1:
                raise  # it may fit into a smaller batch
            return [], NO_MEMORY
        except Exception as e:  # noqa: BLE001 - one poison message must not stop the others
            # not the error's text and values: they quote the message, and a log has no retention
            frames = reversed(extract_tb(e.__traceback__))
            _log.error(
                "message not understood",
                kind=frame.kind,
                place=self.last,
                error=type(e).__name__,
                at=" < ".join(f"{f.name}:{f.lineno}" for f in frames)[:500],
            )
            return events, ("fault", f"{type(e).__name__}: {e}"[:_MAX_WHAT])
        return events, refusal

    def _add_events(
        self,
        events: list[Event],
        frame: Frame,
        kind: str,
        flags: int,
        observe: Callable[[Frame, Event], None] | None = None,
    ) -> None:
        """Add the events of a frame; its body is stored once, with the first."""
        if len(events) > 1:
            self.frames += len(events) - 1
        for event in events:
            if observe is not None:
                observe(frame, event)
            if event.id in self.events:
                self.counts[event.source, "known"] += 1
            else:
                self._add_new(event, frame, kind, flags)
            flags = 0

    def _add_new(self, event: Event, frame: Frame, kind: str, flags: int) -> None:
        if kind == SAMPLES:  # its values are stored in the table of samples
            self.samples[event.id] = event.extra or {}
            event = replace(event, extra=None)
        self.events[event.id] = event
        if flags & BODIES:
            if self.forgotten.holds(frame.body):
                self.bodies[event.id] = None
            else:
                self.bodies[event.id] = frame.body
                self.held += len(frame.body)
        self.digests.append(hashlib.blake2b(event.id.encode(), digest_size=8).digest())

    def _add_letter(self, letter: DeadLetter) -> None:
        letter = dead_letters.redact(letter, self.forgotten)
        self.letters.append(letter)
        self.held += len(letter.body) + len(letter.topic) + dead_letters.ROW
        self.counts[letter.source, f"refused:{letter.reason}"] += 1
