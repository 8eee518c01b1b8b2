"""The types that cross the borders between folders: Frame, Message, People, Event.

A `Frame` holds the bytes as received; a `Message` is a decoded frame; an `Event` is a message with
its agent, users and objects. Times are whole microseconds since the epoch, UTC. The keys under
which collectors and store share entries of the ledger are defined here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import msgspec

from hubbub.times import from_micros

__all__ = [
    "DAMAGE_KEY",
    "GATHER_PREFIX",
    "BulkSink",
    "Event",
    "Frame",
    "Ledger",
    "Message",
    "People",
    "Sink",
    "alive_key",
    "partial_key",
]


class Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What arrived, as it arrived.

    `source` is `KIND:NAME`. KIND says how to read the body: `zmq`, `amqp`, `history`, `fedmsg` (all
    told apart by content: fedmsg JSON or msgpack, history rows), or an import format of its own
    (`jsonl`, later `access-log`, …). NAME is the endpoint, URL or file.
    """

    source: str
    arrived: int  # µs since the epoch, our clock
    topic: bytes
    body: bytes
    seq: int = 0  # position in its source: line number, fedmsg's `i`; 0 where there is none

    @property
    def kind(self) -> str:
        """How to read the body."""
        return self.source.partition(":")[0]


class Message(msgspec.Struct, frozen=True):
    """A frame that could be read."""

    id: str  # the publisher's id; never empty
    time: int  # µs since the epoch, UTC
    topic: str
    body: Any  # the payload: `msg` of fedmsg, `body` of fedora-messaging; normally a dict
    headers: dict[str, Any] | None = None  # fedora-messaging headers
    username: str | None = None  # fedmsg's envelope: the publishing process' system user
    users: tuple[str, ...] | None = None  # stated by history or an import; None: not stated
    objects: tuple[str, ...] | None = None
    agent: str | None = None
    action: str | None = None
    size: int = 0  # bytes of the payload as compact UTF-8 JSON, the same whichever way it came
    seq: int = 0
    extra: dict[str, str] | None = None


class People(msgspec.Struct, frozen=True):
    """Who did it, everybody the message names, and what was touched; sorted, without repeats."""

    agent: str | None
    users: tuple[str, ...]
    objects: tuple[str, ...]


class Event(msgspec.Struct, frozen=True, gc=False):
    """A message understood: one row of the events table."""

    id: str
    time: int  # µs since the epoch, UTC
    topic: str
    category: str
    agent: str | None
    users: tuple[str, ...]
    objects: tuple[str, ...]
    action: str | None
    size: int
    source: str
    seq: int
    extra: dict[str, str] | None = None

    @property
    def when(self) -> datetime:
        """The time as an aware datetime."""
        return from_micros(self.time)


class Sink(Protocol):
    """Where frames go. The store's spool is one; tests have another."""

    def put(self, frame: Frame) -> None:
        """Take a frame; durable only after the next `flush` returns.

        Raises:
            StoreError: the disk is full or the folder is gone.
        """

    def flush(self) -> None:
        """Return when everything that was put is durable."""


@runtime_checkable
class BulkSink(Sink, Protocol):
    """A sink that takes many frames at once, for less.

    One thread may pack while another puts: what is packed is only bytes.
    """

    def pack(self, source: str, arrived: int, parts: Sequence[bytes]) -> bytes:
        """Frames of one source that arrived together, in the form that `put_packed` takes.

        Args:
            source: of all of them.
            arrived: µs since the epoch, of the first.
            parts: topic, body, topic, body, …

        Raises:
            MessageError: one is larger than the sink can hold.
        """

    def put_packed(self, records: bytes, n: int) -> None:
        """Take the `n` frames that were packed; all of them, or none and raise.

        Raises:
            StoreError: as `put`.
        """


class Ledger(Protocol):
    """Where a collector keeps what must survive it: checkpoints and proven spans."""

    def get(self, key: str) -> Any:
        """The JSON value stored under `key`, None if there is none."""

    def set(self, key: str, value: Any) -> None:
        """Store a JSON value durably; None deletes it."""

    def span(  # noqa: PLR0917 - a row of the ledger
        self, source: str, filters: str, start: int, end: int, state: str, proof: str
    ) -> None:
        """Record a span [start, end) in µs: `complete`, `healed`, `unproven` or `gap`, and why."""

    def spans(self, source: str, filters: str) -> list[tuple[int, int, str]]:
        """The recorded (start, end, state), µs, sorted; no `filters`: those for every message."""


#: What the keys begin with under which begun slices of a gather are kept.
GATHER_PREFIX = "gather "
#: When rows that were durable were found damaged last, µs.
DAMAGE_KEY = "damage"


def alive_key(source: str) -> str:
    """Until when a source was heard and everything was durable, µs; of an empty one: of any."""
    return f"alive {source}"


def partial_key(source: str) -> str:
    """What a source was limited to: skipped numbers are normal there."""
    return f"limited {source}"
