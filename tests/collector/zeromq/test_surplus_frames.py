"""Messages of more than two frames: what is too much is dropped as it is read."""

from __future__ import annotations

import weakref
from typing import cast

import zmq

from hubbub.collector.zeromq import receiver as zeromq
from hubbub.collector.zeromq.receiver import Receiver
from tests.support.bus.live_bus import Publisher, StartReceiver


def test_surplus_frames_are_counted_and_none_is_kept(
    publisher: Publisher, start_receiver: StartReceiver
) -> None:
    running = start_receiver(Receiver([publisher.address]))
    publisher.await_subscriptions()
    publisher.publish(b"t", b"body", *[b"x" * 1_000] * 100_000)
    publisher.publish(b"t", b"good")
    running.until(lambda: running.receiver.received == 2, 60)
    refused, good = running.batches
    assert (refused.parts, refused.size) == ([b"t", b"body"], 5)
    assert (refused.reason, refused.length) == ("bad-frame-count", 100_000_004)
    assert good.parts == [b"t", b"good"]
    assert running.receiver.size == 100_000_005 + 5


class _Frame:
    def __init__(self, more: bool) -> None:
        self.more = more

    def __len__(self) -> int:
        return 1_000


class _Socket:
    """Gives the frames of one message, each only after the one before was released."""

    def __init__(self, frames: int) -> None:
        self.left = frames
        self.before: weakref.ref[_Frame] | None = None

    def recv(self, _flags: int, *, copy: bool) -> _Frame:
        assert not copy
        assert self.before is None or self.before() is None, "the frame before is still held"
        self.left -= 1
        frame = _Frame(self.left > 0)
        self.before = weakref.ref(frame)
        return frame


def test_surplus_frames_are_released_one_by_one() -> None:
    socket = _Socket(50)
    dropped = zeromq._drop_remaining_frames(cast("zmq.Socket[bytes]", socket))
    assert (dropped, socket.left) == (50_000, 0)
