"""Messages that are refused before anybody reads them: how they travel to the dead letters.

Comes in: a frame, and why it is refused. Goes out: a frame like every other, so that it takes the
same way through the spool and is counted and kept at the end of it; its source says what happened,
`refused:REASON:BYTES SOURCE`. Of a body or topic that is too large, only the beginning is kept.

`Bounded` does this for the sources whose messages come one by one; the receiver of a bus does it
itself, since it must not even hold what is too large.
"""

from __future__ import annotations

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
    "mark_refused",
    "parse_refused",
]

MAX_MESSAGE = 4 << 20  # bytes of a body, where nobody says otherwise
LARGEST = 32 << 20  # bytes; what a spool's record has room for
KEPT_BYTES = 64 << 10  # bytes that are kept of a body or topic that is too large

_KIND = "refused:"


class Refused(NamedTuple):
    """What the source of a refused frame says."""

    reason: str  # short and stable, as in MessageError
    length: int  # bytes of the body as it came
    source: str


def mark_refused(frame: Frame, reason: str, length: int = 0) -> Frame:
    """The frame as a refused one; what is longer than `KEPT` is cut if it is too large.

    Args:
        frame: what came; it may be refused already, and then stays as it is.
        reason: why it is refused.
        length: bytes of the body as it came, where the frame holds less.
    """
    if frame.source.startswith(_KIND):
        return frame
    length = max(length, len(frame.body))
    body = frame.body[:KEPT_BYTES] if reason == "too-large" else frame.body
    source = f"{_KIND}{reason}:{length} {frame.source}"
    return Frame(source, frame.arrived, frame.topic[:KEPT_BYTES], body, frame.seq)


def parse_refused(frame: Frame) -> Refused | None:
    """Why a frame was refused; None: it was not."""
    if not frame.source.startswith(_KIND):
        return None
    head, _, source = frame.source.removeprefix(_KIND).partition(" ")
    reason, _, length = head.partition(":")
    return Refused(reason, int(length) if length.isdigit() else len(frame.body), source)


def check_max_message(max_message: int) -> int:
    """The largest message, checked.

    Raises:
        UsageError: it is none, or more than a spool can hold.
    """
    if not 0 < max_message <= LARGEST:
        raise UsageError(
            f"a largest message of {max_message:,} bytes is not possible",
            where="--max-message",
            hint=f"at most {LARGEST:,} bytes",
        )
    return max_message


class Bounded:
    """A `Sink` before another: what is too large goes on as refused.

    Args:
        sink: where frames go.
        max_message: bytes; a larger body is refused as `too-large`.

    Raises:
        UsageError: `max_message` is not possible.
    """

    def __init__(self, sink: Sink, max_message: int = MAX_MESSAGE) -> None:
        self.sink, self.max_message = sink, check_max_message(max_message)

    def put(self, frame: Frame) -> None:
        """Take a frame; see `Sink.put`."""
        if len(frame.body) > self.max_message or len(frame.topic) > KEPT_BYTES:
            frame = mark_refused(frame, "too-large")
        try:
            self.sink.put(frame)
        except MessageError as error:  # larger than a record, for whatever reason
            self.sink.put(mark_refused(frame, error.reason))

    def flush(self) -> None:
        """See `Sink.flush`."""
        self.sink.flush()
