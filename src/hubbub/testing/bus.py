"""A simulated fedmsg publisher over ZeroMQ.

    with Bus("tcp://127.0.0.1:*") as bus:
        play(traffic.between(start, end), bus, threading.Event())

Unlike a real publisher, it waits for a slow subscriber instead of dropping messages. Messages
published while there is no subscriber are lost, as on every ZeroMQ bus.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import zmq

from hubbub.collector.event import Stop
from hubbub.errors import SourceError, UsageError
from hubbub.testing.simulator.message import SimMessage
from hubbub.testing.simulator.wire import frames

__all__ = ["Bus", "Published", "play"]

_POLL = 200  # ms between checks of the stop flag
_MIN_SLEEP = 0.002  # seconds
_LINGER = 30_000  # ms for subscribers to receive what was sent


@dataclass(slots=True)
class Published:
    """Numbers of messages sent, readable and broken."""

    messages: int = 0
    broken: int = 0


class Bus:
    """A publishing socket.

    Args:
        endpoint: a ZeroMQ endpoint; port `*` picks a free port, see the attribute `endpoint`.
        connect: connect to a subscriber that is bound to the endpoint, instead of binding.
        wire: `fedmsg` (JSON) or `msgpack`.

    Raises:
        SourceError: the endpoint is in use.
        UsageError: the endpoint is malformed.
    """

    def __init__(self, endpoint: str, *, connect: bool = False, wire: str = "fedmsg") -> None:
        self._wire = wire
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.setsockopt(zmq.XPUB_NODROP, 1)
        self._socket.setsockopt(zmq.SNDTIMEO, _POLL)
        self._socket.setsockopt(zmq.RCVTIMEO, 0)
        self._socket.setsockopt(zmq.LINGER, _LINGER)
        self._subscribed = False
        try:
            (self._socket.connect if connect else self._socket.bind)(endpoint)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            malformed = error.errno in {errno.EINVAL, errno.EPROTONOSUPPORT}
            raise (UsageError if malformed else SourceError)(
                f"cannot publish on this endpoint: {error.strerror}",
                where=endpoint,
                hint="use an endpoint with a free port, such as tcp://127.0.0.1:5555",
            ) from error
        last = self._socket.getsockopt(zmq.LAST_ENDPOINT)
        assert isinstance(last, bytes)
        self.endpoint = last.rstrip(b"\0").decode() or endpoint

    def wait(self, stop: Stop, seconds: float = float("inf")) -> bool:
        """Wait for the first subscription; return False on `stop` or after `seconds`."""
        end = time.monotonic() + seconds
        while not self._subscribed and not stop.is_set() and time.monotonic() < end:
            if self._socket.poll(_POLL, zmq.POLLIN):
                self._read_subscriptions()
        return self._subscribed

    def _read_subscriptions(self) -> None:
        with suppress(zmq.Again):
            while True:
                self._subscribed = self._socket.recv()[:1] == b"\x01" or self._subscribed

    def send(self, message: SimMessage, stop: Stop) -> bool:
        """Publish a message, waiting for slow subscribers; return False if `stop` prevented it."""
        topic, body = frames(message, self._wire)
        while not stop.is_set():
            try:
                self._socket.send(topic, zmq.SNDMORE)
            except zmq.Again:
                self._read_subscriptions()
                continue
            self._socket.send(body)
            return True
        return False

    def close(self, *, hurry: bool = False) -> None:
        """Close the socket; give subscribers up to 30 s to receive what was sent.

        Args:
            hurry: drop unreceived messages instead.
        """
        self._context.destroy(linger=0 if hurry else _LINGER)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(hurry=error is not None)


def play(
    messages: Iterable[SimMessage], bus: Bus, stop: Stop, *, pace: float | None = None,
    live: bool = False,
) -> Published:  # fmt: skip
    """Publish messages until they are exhausted or `stop` is set.

    Args:
        messages: messages ordered by time.
        bus: the bus to publish on.
        stop: checked between messages.
        pace: messages per second; None: as fast as subscribers receive them.
        live: publish each message at its own time (`SimMessage.at`); `pace` is ignored.

    Returns:
        Numbers of messages sent.
    """
    sent = Published()
    started = time.monotonic()
    for number, message in enumerate(messages):
        if live:
            delay = message.at / 1e6 - time.time()
        else:
            delay = started + number / pace - time.monotonic() if pace else 0.0
        if delay > _MIN_SLEEP and stop.wait(delay):
            break
        if not bus.send(message, stop):
            break
        if message.broken is None:
            sent.messages += 1
        else:
            sent.broken += 1
    return sent
