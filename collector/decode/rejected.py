"""Refuse messages before they are decoded, and pass them on to the dead letters.

A refused frame travels through the spool like any other, and is counted and kept by the loader. Its
source records the reason: `refused:REASON:BYTES SOURCE`. A body or topic that is too large is
truncated.

`Bounded` does this for sources that deliver messages one at a time. The bus receiver does it
itself, because it must not even buffer a message that is too large.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from hubbub.collector.event import Frame, Sink
from hubbub.errors import MessageError, UsageError

__all__ = [
    "KEPT_BYTES",
    "LARGEST",
    "MAX_MESSAGE",
    "Bounded",
    "Refused",
    "check_max_message",
    "digest",
    "mark_refused",
    "parse_refused",
]

MAX_MESSAGE = 4 << 20  # bytes of a body, by default
LARGEST = 32 << 20  # bytes; the capacity of a spool record
KEPT_BYTES = 64 << 10  # bytes kept of a body or topic that is too large

_KIND = "refused:"


class Refused(NamedTuple):
    """The parsed source of a refused frame."""

    reason: str  # short and stable, as in MessageError
    length: int  # bytes of the body as received
    source: str


def mark_refused(frame: Frame, reason: str, length: int = 0) -> Frame:
    """Return the frame marked as refused, and truncated to `KEPT_BYTES` if it is too large.

    Args:
        frame: a frame; one that is refused already is returned unchanged.
        reason: a short, stable name.
        length: bytes of the body as received, if the frame contains only a part.
    """
    if frame.source.startswith(_KIND):
        return frame
    length = max(length, len(frame.body))
    body = frame.body[:KEPT_BYTES] if reason == "too-large" else frame.body
    source = f"{_KIND}{reason}:{length} {frame.source}"
    return Frame(source, frame.arrived, frame.topic[:KEPT_BYTES], body, frame.seq)


def parse_refused(frame: Frame) -> Refused | None:
    """Return why a frame was refused; None: it was not refused."""
    if not frame.source.startswith(_KIND):
        return None
    head, _, source = frame.source.removeprefix(_KIND).partition(" ")
    reason, _, length = head.partition(":")
    return Refused(reason, int(length) if length.isdigit() else len(frame.body), source)


def check_max_message(max_message: int) -> int:
    """Return the size limit of messages if it is valid.

    Raises:
        UsageError: it is not positive, or larger than a spool record.
    """
    if not 0 < max_message <= LARGEST:
        raise UsageError(
            f"a message size limit of {max_message:,} bytes is out of range",
            where="--max-message",
            hint=f"at most {LARGEST:,} bytes",
        )
    return max_message


def digest(body: bytes) -> str:
    """Return what identifies a refused body, also where only its beginning is kept."""
    return hashlib.blake2b(body[:KEPT_BYTES], digest_size=16).hexdigest()


class Bounded:
    """A sink that passes frames on to another sink, marking those that are too large as refused.

    Args:
        sink: the next sink.
        max_message: bytes; a larger body is refused as `too-large`.

    Raises:
        UsageError: `max_message` is out of range.
    """

    def __init__(self, sink: Sink, max_message: int = MAX_MESSAGE) -> None:
        self.sink, self.max_message = sink, check_max_message(max_message)

    def put(self, frame: Frame) -> None:
        """See `Sink.put`."""
        if len(frame.body) > self.max_message or len(frame.topic) > KEPT_BYTES:
            frame = mark_refused(frame, "too-large")
        try:
            self.sink.put(frame)
        except MessageError as error:  # larger than a record of the sink
            self.sink.put(mark_refused(frame, error.reason))

    def flush(self) -> None:
        """See `Sink.flush`."""
        self.sink.flush()
