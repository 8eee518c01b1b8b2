"""Types shared by all folders: Frame, Message, People, Event, and the sink and ledger protocols.

A `Frame` holds the bytes as received; a `Message` is a decoded frame; an `Event` is a message with
its agent, users and objects. Times are whole microseconds since the epoch, UTC. The ledger keys
that collectors and the store share are defined here too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol, TypeAlias, runtime_checkable

import msgspec

from hubbub.errors import MessageError
from hubbub.times import from_micros

__all__ = [
    "CONNECTIONS_KEY",
    "DAMAGE_KEY",
    "DISMISSED_KEY",
    "GATHER_PREFIX",
    "BulkSink",
    "Event",
    "Frame",
    "Ledger",
    "Message",
    "People",
    "Sink",
    "Stop",
    "Understand",
    "alive_key",
    "kind_of",
    "partial_key",
]


@lru_cache(maxsize=1_024)
def kind_of(source: str) -> str:
    """Return the KIND of a source, `KIND:NAME`; sources are few, and frames are many."""
    return source.partition(":")[0]


class Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message as received, not decoded yet.

    `source` is `KIND:NAME`. KIND determines how the body is decoded: `zmq`, `amqp`, `history` and
    `fedmsg` are recognised by content (fedmsg JSON or msgpack, history rows); an import format
    (`jsonl`, `access-log`, …) has its own decoder. NAME is the endpoint, URL or file.
    """

    source: str
    arrived: int  # µs since the epoch, our clock
    topic: bytes
    body: bytes
    seq: int = 0  # position in the source: line number or fedmsg's `i`; 0: unknown

    @property
    def kind(self) -> str:
        """The KIND part of the source, which determines how the body is decoded."""
        return kind_of(self.source)


class Message(msgspec.Struct, frozen=True):
    """A decoded frame."""

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
    size: int = 0  # bytes of the payload as compact UTF-8 JSON, independent of the wire format
    seq: int = 0
    extra: dict[str, str] | None = None


class People(msgspec.Struct, frozen=True):
    """The agent, users and objects of a message; names are sorted and unique."""

    agent: str | None
    users: tuple[str, ...]
    objects: tuple[str, ...]


class Event(msgspec.Struct, frozen=True, gc=False):
    """A message with its agent, users and objects: one row of the events table."""

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


#: Decodes a frame to its event, or to the events of an item and an error for each that cannot be
#: read. Raises MessageError for a frame that cannot be decoded at all.
Understand: TypeAlias = Callable[[Frame], Event | Sequence[Event | MessageError]]


class Sink(Protocol):
    """A destination for frames, such as the store's spool."""

    def put(self, frame: Frame) -> None:
        """Accept a frame; it is durable only after the next `flush` returns.

        Raises:
            StoreError: the disk is full or the folder does not exist.
        """

    def flush(self) -> None:
        """Return once every frame that was put is durable."""


@runtime_checkable
class BulkSink(Sink, Protocol):
    """A sink that accepts batches of packed frames, which is cheaper than one at a time.

    One thread may pack while another puts: packing only builds bytes.
    """

    def pack(self, source: str, arrived: int, parts: Sequence[bytes]) -> bytes:
        """Pack frames of one source that arrived together into the form that `put_packed` accepts.

        Args:
            source: the source of all frames.
            arrived: when the first frame arrived, µs since the epoch.
            parts: topic, body, topic, body, …

        Raises:
            MessageError: a frame is larger than the sink can hold.
        """

    def put_packed(self, records: bytes, n: int) -> None:
        """Accept `n` packed frames: all of them, or none if it raises.

        Raises:
            StoreError: see `put`.
        """


class Stop(Protocol):
    """A flag that ends a run: a `threading.Event`, or one that a signal sets."""

    def set(self) -> None:
        """Set the flag."""

    def is_set(self) -> bool:
        """Whether the run must end."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the flag for at most `timeout` seconds; return whether it is set."""


class Ledger(Protocol):
    """A collector's durable state: checkpoints and coverage spans."""

    def get(self, key: str) -> Any:
        """Return the JSON value stored under `key`, or None."""

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that begin with a prefix."""

    def set(self, key: str, value: Any) -> None:
        """Store a JSON value durably; None deletes the key."""

    def span(  # noqa: PLR0917 - a row of the ledger
        self, source: str, filters: str, start: int, end: int, state: str, proof: str
    ) -> None:
        """Record the state of [start, end), in µs: `complete`, `healed`, `unproven` or `gap`.

        Args:
            source: source of the messages.
            filters: filters that were applied; empty: every message.
            start: first µs of the span.
            end: first µs after it.
            state: one of the above.
            proof: the reason for the state.
        """

    def transaction(self) -> AbstractContextManager[object]:
        """Make everything that is written within durable at once, or nothing of it."""

    def spans(self, source: str, filters: str) -> list[tuple[int, int, str]]:
        """Return the recorded spans as sorted (start, end, state), µs.

        Empty `filters` selects the spans that hold for every message.
        """


#: Key prefix of the checkpoints of unfinished gather slices.
GATHER_PREFIX = "gather "
#: Key of the last known states of connections: source → report, with `at` in µs.
CONNECTIONS_KEY = "connections"
#: Key of the time at which damaged durable rows were last detected, µs.
DAMAGE_KEY = "damage"
#: Key of the digests of history's rows whose dead letters the user has dismissed.
DISMISSED_KEY = "dismissed"


def alive_key(source: str) -> str:
    """Return the key of the time until which a source was received and durable, µs.

    The empty source stands for any source.
    """
    return f"alive {source}"


def partial_key(source: str) -> str:
    """Return the key of the filters a source was limited to; sequence gaps are normal there."""
    return f"limited {source}"
