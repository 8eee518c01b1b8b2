"""Events without a store: of a bus that is heard directly, or of a log that grows."""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hubbub.closeable import Closeable
from hubbub.collector.decode.line_reading import Reading, pack
from hubbub.collector.event import Event, Frame, Ledger, Understand
from hubbub.collector.files.follower import FORMATS, Follower, end_of
from hubbub.collector.files.reader import MAX_LINE
from hubbub.collector.listening.listener import Listener
from hubbub.errors import MessageError, UsageError
from hubbub.live.stream.frames import Received

if TYPE_CHECKING:
    from hubbub.collector.sources.live import LiveSource

__all__ = ["BusEvents", "LogEvents", "PipeEvents", "understood"]

_CHUNK = 1 << 20  # bytes of one read
_MAX_WAITING = 100_000  # events that were not taken yet; older ones are dropped


def understood(frame: Frame, understand: Understand) -> list[Received]:
    """Return the events of a frame with the time of its arrival; none if it is refused."""
    try:
        events = understand(frame)
    except MessageError:
        return []
    every = [events] if isinstance(events, Event) else events
    return [(event, frame.arrived) for event in every if isinstance(event, Event)]


class _Memory:
    """A `Sink` that decodes frames and keeps their events until they are taken."""

    def __init__(self, understand: Understand) -> None:
        self._understand = understand
        self.refused = 0
        self.waiting: deque[Received] = deque(maxlen=_MAX_WAITING)

    def put(self, frame: Frame) -> None:
        """Decode a frame."""
        events = understood(frame, self._understand)
        self.refused += not events
        self.waiting.extend(events)

    def flush(self) -> None:
        """Do nothing: what is shown need not be durable."""


class BusEvents(Closeable):
    """Hears buses in the background; nothing is stored.

    Args:
        sources: of messages.
        understand: decodes a frame to its events.
        ledger: of a temporary store; receivers remember nothing in it for long.

    Raises:
        UsageError, SourceError: a source cannot be opened.
    """

    def __init__(
        self, sources: Sequence[LiveSource], understand: Understand, ledger: Ledger
    ) -> None:
        self._sink = _Memory(understand)
        self._errors: list[BaseException] = []
        with ExitStack() as stack:
            receivers = [source.receiver(ledger) for source in sources]
            for receiver in receivers:
                stack.callback(receiver.close)
                receiver.open()
            self._listener = Listener(receivers, self._sink, every=float("inf"))
            self._stack = stack.pop_all()
        self._thread = threading.Thread(target=self._run, name="hear", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._listener.run()
        except BaseException as error:  # noqa: BLE001  raised again by `poll`, in its own thread
            self._errors.append(error)

    def poll(self) -> list[Received]:
        """Return the events that were received since the last call.

        Raises:
            HubbubError: hearing has ended.
        """
        if self._errors:
            raise self._errors[0]
        waiting = self._sink.waiting
        return [waiting.popleft() for _ in range(len(waiting))]

    def close(self) -> None:
        """Stop hearing."""
        self._listener.stop()
        self._thread.join(10)
        self._stack.close()


class LogEvents(Closeable):
    """Reads what is appended to a log from now on.

    Args:
        path: of the log.
        form: its format, one of `collector.files.follower.FORMATS`.
        how: lines are to be read.
        understand: decodes a frame to its events.

    Raises:
        UsageError: the file cannot be followed.
    """

    def __init__(self, path: str, form: str, how: Reading, understand: Understand) -> None:
        self._follower = Follower(path, form, end_of(path))
        self._topic, self._understand = pack(how), understand

    def poll(self) -> list[Received]:
        """Return the events of the lines since the last call.

        Raises:
            SourceError: reading failed.
        """
        events: list[Received] = []
        for frame in self._follower.read():
            events += understood(replace(frame, topic=self._topic), self._understand)
        return events

    def close(self) -> None:
        """Close the file."""
        self._follower.close()


class PipeEvents:
    """Reads lines from a pipe, such as standard input, as they are written.

    Args:
        descriptor: of the pipe, or of a file, which is read from its beginning.
        form: the format of the lines, one of `collector.files.follower.FORMATS`.
        how: lines are to be read.
        understand: decodes a frame to its events.

    Raises:
        UsageError: there is no such format.
    """

    def __init__(self, descriptor: int, form: str, how: Reading, understand: Understand) -> None:
        if form not in FORMATS:
            raise UsageError(f"there is no format {form}", hint=f"available: {', '.join(FORMATS)}")
        self._descriptor, self._source = descriptor, f"{form}:-"
        self._topic, self._understand = pack(how), understand
        self._partial, self._lines = b"", 0
        self.ended = False

    def poll(self) -> list[Received]:
        """Return the events of the lines since the last call; of the last one also without end."""
        if self.ended or not select.select([self._descriptor], (), (), 0)[0]:
            return []
        chunk = os.read(self._descriptor, _CHUNK)
        self.ended = not chunk
        *lines, self._partial = (self._partial + chunk).split(b"\n")
        if self.ended or len(self._partial) > MAX_LINE:
            lines.append(self._partial)
            self._partial = b""
        arrived, events = time.time_ns() // 1_000, list[Received]()
        for line in filter(None, map(bytes.strip, lines)):
            self._lines += 1
            frame = Frame(self._source, arrived, self._topic, line, self._lines)
            events += understood(frame, self._understand)
        return events
