"""A publisher and a running receiver, for tests of the live bus."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import zmq

from hubbub.collector.listening.backlog import Batch
from hubbub.collector.listening.receiver import Notice
from hubbub.collector.zeromq.receiver import Receiver
from tests.support.processes import wait_until


class Publisher:
    """An XPUB socket that publishes messages."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str, bind: bool) -> None:
        self.socket = context.socket(zmq.XPUB)
        self.socket.set(zmq.SNDHWM, 0)
        if bind:
            wait_until(lambda: self._bound(address), 30)
        else:
            self.socket.connect(address)
        self.address = self.socket.get_string(zmq.LAST_ENDPOINT).rstrip("\0")

    def _bound(self, address: str) -> bool:
        """Bind; False while a socket that was closed before still has the address."""
        try:
            self.socket.bind(address)
        except zmq.ZMQError as error:
            if error.errno == zmq.EADDRINUSE:
                return False
            raise
        return True

    def await_subscriptions(self, n: int = 1) -> None:
        """Wait for `n` subscriptions."""
        for _ in range(n):
            assert self.socket.poll(30_000), "no subscription arrived"
            assert self.socket.recv()[:1] == b"\x01"

    def publish(self, *frames: bytes) -> None:
        self.socket.send_multipart(frames)


class RunningReceiver:
    """A receiver that runs in a thread, and the batches and notices that it delivered."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver, self.batches, self.stop = receiver, list[Batch](), threading.Event()
        self.notices: list[Notice] = []
        self.thread = threading.Thread(target=receiver.run, args=(self.batches.append, self.stop))
        self.thread.start()

    def messages(self, reason: str = "") -> list[tuple[bytes, bytes]]:
        """Return (topic, body) of the messages refused for `reason`; empty: not refused."""
        messages = []
        for batch in list(self.batches):
            if batch.reason == reason:
                parts = iter(batch.parts)
                messages += list(zip(parts, parts, strict=True))
        return messages

    def until(
        self, condition: Callable[[], object], seconds: float = 60, *, warn_after: float = 0.05
    ) -> None:
        """Collect notices until the condition holds; fail after `seconds`.

        Args:
            condition: what is waited for.
            seconds: to wait at most.
            warn_after: seconds after which a peer without connection gives a notice. Where the
                notice is to say why, wait for the reason first, without one: a busy machine may
                take longer to connect.
        """
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "timed out"
            self.notices += self.receiver.watch(0.01, warn_after=warn_after)

    def end(self) -> None:
        self.stop.set()
        self.thread.join(60)
        assert not self.thread.is_alive()
        self.receiver.close()


StartPublisher = Callable[..., Publisher]
StartReceiver = Callable[[Receiver], RunningReceiver]
