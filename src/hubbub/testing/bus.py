"""A simulated fedmsg publisher over ZeroMQ.

    with Bus("tcp://127.0.0.1:*") as bus:
        play(traffic.between(start, end), bus, threading.Event())

Unlike the real one it drops nothing for a reader that is connected: it waits for a slow one. What
is published while nobody has subscribed goes nowhere, as on every such bus.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import zmq

from hubbub.errors import SourceError, UsageError
from hubbub.testing.simulator.message import SimMessage
from hubbub.testing.simulator.wire import frames

__all__ = ["Bus", "Published", "Stop", "play"]

_PATIENCE = 200  # ms between looks at whether to stop
_EARLY = 0.002  # seconds; sleeping for less is not worth it
_LINGER = 30_000  # ms for a reader to take what was sent


class Stop(Protocol):
    """What ends a simulation: a `threading.Event`, or a signal (`hubbub.cli.signals`)."""

    def is_set(self) -> bool:
        """Whether it is to end."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for that, at most so many seconds; whether it is to end."""


@dataclass(slots=True)
class Published:
    """What was sent: readable messages, and broken ones."""

    messages: int = 0
    broken: int = 0


class Bus:
    """One publishing socket.

    Args:
        endpoint: where; a port `*` is a free one, `Bus.endpoint` says which.
        connect: connect to a reader that is bound there, instead of binding.
        wire: `fedmsg` (JSON) or `msgpack`.

    Raises:
        SourceError: the endpoint is no endpoint, or is taken.
    """

    def __init__(self, endpoint: str, *, connect: bool = False, wire: str = "fedmsg") -> None:
        self._wire = wire
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.setsockopt(zmq.XPUB_NODROP, 1)
        self._socket.setsockopt(zmq.SNDTIMEO, _PATIENCE)
        self._socket.setsockopt(zmq.RCVTIMEO, 0)
        self._socket.setsockopt(zmq.LINGER, _LINGER)
        self._readers = False
        try:
            (self._socket.connect if connect else self._socket.bind)(endpoint)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            nonsense = error.errno in {errno.EINVAL, errno.EPROTONOSUPPORT}
            raise (UsageError if nonsense else SourceError)(
                f"cannot publish here: {error.strerror}",
                where=endpoint,
                hint="write for example tcp://127.0.0.1:5555, with a port that is free",
            ) from error
        last = self._socket.getsockopt(zmq.LAST_ENDPOINT)
        assert isinstance(last, bytes)
        self.endpoint = last.rstrip(b"\0").decode() or endpoint

    def wait(self, stop: Stop, seconds: float = float("inf")) -> bool:
        """Wait until somebody subscribes; False if `stop` or the time came first."""
        end = time.monotonic() + seconds
        while not self._readers and not stop.is_set() and time.monotonic() < end:
            if self._socket.poll(_PATIENCE, zmq.POLLIN):
                self._take_subscriptions()
        return self._readers

    def _take_subscriptions(self) -> None:
        with suppress(zmq.Again):
            while True:
                self._readers = self._socket.recv()[:1] == b"\x01" or self._readers

    def send(self, message: SimMessage, stop: Stop) -> bool:
        """Publish; waits for slow readers. False if `stop` came first: nothing was sent then."""
        topic, body = frames(message, self._wire)
        while not stop.is_set():
            try:
                self._socket.send(topic, zmq.SNDMORE)
            except zmq.Again:
                self._take_subscriptions()
                continue
            self._socket.send(body)
            return True
        return False

    def close(self, *, hurry: bool = False) -> None:
        """Let readers take what was sent, up to half a minute; `hurry` drops it."""
        self._context.destroy(linger=0 if hurry else _LINGER)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close(hurry=error is not None)


def play(
    messages: Iterable[SimMessage], bus: Bus, stop: Stop, *, pace: float | None = None,
    live: bool = False,
) -> Published:  # fmt: skip
    """Publish messages until there are no more or `stop` is set.

    Args:
        messages: in the order of time.
        bus: where.
        stop: ends it between two messages.
        pace: messages a second; None: as fast as readers take them.
        live: each message at its own instant (`SimMessage.at`) instead.

    Returns:
        What was sent.
    """
    sent = Published()
    began = time.monotonic()
    for number, message in enumerate(messages):
        if live:
            early = message.at / 1e6 - time.time()
        else:
            early = began + number / pace - time.monotonic() if pace else 0.0
        if early > _EARLY and stop.wait(early):
            break
        if not bus.send(message, stop):
            break
        if message.broken is None:
            sent.messages += 1
        else:
            sent.broken += 1
    return sent
