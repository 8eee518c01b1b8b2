"""Channels: the frames of one selection of events, shared by all clients that watch it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from hubbub.collector.event import Event
from hubbub.live.stream.events import with_persons
from hubbub.live.stream.frames import FrameBuilder, Received
from hubbub.store.query.identity import Persons

__all__ = ["Channel", "Frame"]


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame, encoded once for all clients as server-sent events."""

    number: int  # of this channel's frames, from 1
    data: bytes
    kinds: int  # how many kinds it counts


class Channel:
    """Frames of the events that match; the latest one wins.

    Args:
        matches: whether an event belongs to it.
        names: whether people are named.
        started: ms since the epoch, from which events are counted.
        minutes: whether frames have the counts of the last minutes.
    """

    def __init__(
        self,
        matches: Callable[[Event], bool],
        *,
        names: bool,
        started: int = 0,
        minutes: bool = False,
    ) -> None:
        self.clients = 0
        self.names, self._started = names, started
        self._matches, self._builder = matches, FrameBuilder(names=names, minutes=minutes)
        self._latest = Frame(0, b"", 0)
        self._changed = asyncio.Event()  # set by the next frame
        self._messages = -1  # of the latest frame
        self._kinds = 0, _event("kinds", [])
        self._closed = False

    def add(self, received: Sequence[Received], persons: Persons) -> None:
        """Count the events that match and were received since the channel began."""
        self._builder.add(
            (with_persons(event, persons), arrived)
            for event, arrived in received
            if arrived >= self._started * 1_000 and self._matches(event)
        )

    def tick(self, now: int, *, idle: bool, **extra: Any) -> None:
        """Make a frame if anything has changed.

        Args:
            now: ms since the epoch.
            idle: make one in any case.
            extra: further fields of the frame.
        """
        if self._builder.counts.messages == self._messages and not idle:
            return
        self._messages = self._builder.counts.messages
        data = b"data: " + msgspec.json.encode(self._builder.frame(now) | extra) + b"\n\n"
        self._latest = Frame(self._latest.number + 1, data, len(self._builder.counts.kinds))
        self._notify()

    def kinds(self) -> bytes:
        """Return the event `kinds`: name of each kind, and the filters that select it."""
        names = self._builder.counts.kinds
        if len(names) != self._kinds[0]:
            pairs = zip(names, self._builder.filters(), strict=True)
            self._kinds = len(names), _event("kinds", list(pairs))
        return self._kinds[1]

    def hello(self, now: int | None, **extra: Any) -> bytes:
        """Return the event `hello`: where the counts stand, for a client that begins to watch.

        Args:
            now: ms since the epoch; None: the start.
            extra: further fields.
        """
        at = self._started if now is None else now
        facts = {"at": at, "since": self._started} | self._builder.beginning(at) | extra
        return _event("hello", facts)

    async def next(self, after: int) -> Frame | None:
        """Return the latest frame, once there is one after number `after`; None at the end."""
        while self._latest.number <= after and not self._closed:
            await self._changed.wait()
        return None if self._latest.number <= after else self._latest

    def close(self) -> None:
        """End the streams of all clients, after the latest frame."""
        self._closed = True
        self._notify()

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def _event(name: str, data: Any) -> bytes:
    """Encode a server-sent event."""
    return f"event: {name}\ndata: ".encode() + msgspec.json.encode(data) + b"\n\n"
