"""The receiver: ZeroMQ SUB sockets, and the loop that empties them into batches.

Messages are fedmsg's two frames, topic and body, from publishers that the receiver connects to or
that connect to it. The loop polls and drains; it never decodes, writes or blocks, because a
publisher silently drops messages for a SUB socket that is not emptied.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from select import select
from typing import Self

import zmq

from hubbub.closeable import Closeable
from hubbub.collector.decode.rejected import KEPT_BYTES, MAX_MESSAGE, check_max_message
from hubbub.collector.event import Stop
from hubbub.collector.listening.backlog import Batch
from hubbub.collector.listening.receiver import Notice
from hubbub.collector.zeromq import limits
from hubbub.collector.zeromq.endpoint import Endpoint, check_address, distinct
from hubbub.collector.zeromq.resolver import Resolver
from hubbub.collector.zeromq.sockets import configure, open_error, set_heartbeat
from hubbub.errors import UsageError

__all__ = ["PAUSE", "Receiver"]

_TURN = 1_000  # messages read from one socket before the next socket has its turn
_TURN_SIZE = 4 << 20  # bytes, likewise
_MAX_RECEIVED = 60 << 20  # bytes; libzmq disconnects a peer that sends a larger message
_POLL = 100  # ms; the longest delay of a stop
#: s to wait after the sockets were emptied, so that the messages of that time form one batch.
#: Without it, this thread wakes for every few messages and competes for the GIL with the writer.
PAUSE = 0.005
HEARTBEAT = 5.0  # s
STANDSTILL = 3.0  # s; the loop makes a turn at least every 0.1 s
_LAST_DRAIN = 1.0  # s; bounds the final drain if a publisher never pauses


class Receiver(Closeable):
    """Receives from several endpoints, with one SUB socket and one state for each.

    Args:
        connect: addresses of publishers.
        bind: addresses that publishers connect to (fedmsg's "active" mode).
        topics: prefixes to subscribe to; all topics if empty.
        rcvhwm: messages that libzmq queues for each peer while this process is busy.
        max_message: bytes; a larger body is refused as `too-large` and only its beginning kept.
        heartbeat: seconds between ZMTP heartbeats, twice of which a peer may take to answer; 0 for
            none. A peer before libzmq 4.2 knows none, which is noticed.
        pause: seconds to wait after the sockets were emptied.
    """

    def __init__(
        self,
        connect: Sequence[str] = (),
        bind: Sequence[str] = (),
        topics: Sequence[str] = (),
        *,
        rcvhwm: int = 200_000,
        max_message: int = MAX_MESSAGE,
        heartbeat: float = HEARTBEAT,
        pause: float = PAUSE,
    ) -> None:
        if not connect and not bind:
            raise UsageError(
                "there is nothing to listen to",
                hint="name a bus: --zmq tcp://HOST:PORT, or --zmq-bind tcp://*:PORT",
            )
        self.endpoints = [
            Endpoint(check_address(address, bind=bound), bound)
            for addresses, bound in ((connect, False), (bind, True))
            for address in distinct(addresses)
        ]
        for endpoint in self.endpoints:
            endpoint.heartbeat = (heartbeat, 2 * heartbeat) if heartbeat else None
        self.topics = [topic.encode() for topic in topics] or [b""]
        self.rcvhwm, self.max_message = rcvhwm, check_max_message(max_message)
        self._pause = pause
        self.received = 0  # messages, including refused ones
        self.size = 0  # bytes of those messages
        self.refused: dict[str, int] = {}
        self.beat = time.monotonic()  # when the loop last ran
        self._standstills: deque[tuple[float, float]] = deque()
        self._sockets: list[zmq.Socket[bytes]] = []
        self._monitors: list[zmq.Socket[bytes]] = []
        self._pauses: deque[int] = deque()  # indices of endpoints to disconnect
        self._reconnects: deque[int] = deque()  # indices of endpoints to reconnect
        self._monitored = 0  # sockets whose monitor was started
        self._resolver: Resolver | None = None
        self._subscriptions: deque[list[bytes]] = deque()  # new sets of topics, in order
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None

    def open(self) -> None:
        """Create the sockets and bind; connections are made in the background.

        Raises:
            UsageError: libzmq rejects an address, or there are more endpoints than fit.
            SourceError: an address cannot be bound.
        """
        limits.make_room(self.endpoints)
        self._context = zmq.Context()
        self._context.set(zmq.MAX_SOCKETS, limits.sockets(len(self.endpoints)))
        try:
            for endpoint in self.endpoints:
                self._open(self._context, endpoint)
        except zmq.ZMQError as error:
            self.close()
            if error.errno in limits.TOO_MANY:
                raise limits.too_many(len(self.endpoints), self._monitored) from error
            raise
        except BaseException:
            self.close()
            raise
        self._resolver = Resolver(self.endpoints)
        self._resolver.start()

    def _open(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: Endpoint) -> None:
        socket = context.socket(zmq.SUB)
        self._sockets.append(socket)
        configure(socket, endpoint, self.rcvhwm, _MAX_RECEIVED)
        for topic in dict.fromkeys(self.topics):
            socket.subscribe(topic)
        self._monitor(context, socket)
        try:
            if endpoint.bound:
                socket.bind(endpoint.address)
                endpoint.address = socket.get_string(zmq.LAST_ENDPOINT).rstrip("\0")
            else:
                socket.connect(endpoint.address)
        except zmq.ZMQError as error:
            raise open_error(error, endpoint) from error

    def _monitor(self, context: zmq.Context[zmq.Socket[bytes]], socket: zmq.Socket[bytes]) -> None:
        """Start the monitor of a socket.

        Our end is made first: libzmq waits forever to notify a monitor that has no reader.
        It is connected last: libzmq aborts the process over a connection to what does not exist.
        """
        address = f"inproc://monitor-{len(self._monitors)}"
        monitor = context.socket(zmq.PAIR)
        self._monitors.append(monitor)
        monitor.set(zmq.LINGER, 0)
        monitor.set(zmq.RCVHWM, 0)
        socket.monitor(address, zmq.EVENT_ALL)
        monitor.connect(address)
        self._monitored += 1

    def run(self, put: Callable[[Batch], object], stop: Stop) -> None:
        """Receive until `stop` is set, then drain what has arrived by then.

        Args:
            put: takes each batch; it must not block, and returns False for a batch that it drops.
            stop: ends the run.
        """
        poller = zmq.Poller()
        endpoints = dict(zip(self._sockets, self.endpoints, strict=True))
        for socket in self._sockets:
            poller.register(socket, zmq.POLLIN)
        self.beat = time.monotonic()
        while not stop.is_set():
            self._begin_turn()
            ready = poller.poll(_POLL)
            busy = False
            for socket, _ in ready:
                busy |= self._drain(endpoints[socket], socket, put)
            if ready and not busy:
                select((), (), (), self._pause)  # tools that fake the clock stretch time.sleep
        end = time.monotonic() + _LAST_DRAIN
        while time.monotonic() < end and (ready := poller.poll(0)):
            for socket, _ in ready:
                self._drain(endpoints[socket], socket, put)

    def _begin_turn(self) -> None:
        """Note the time, and do what other threads asked for."""
        before, self.beat = self.beat, time.monotonic()
        if self.beat - before > STANDSTILL:
            self._standstills.append((before, self.beat))
        while self._pauses:
            self._disconnect(self._pauses.popleft())
        while self._reconnects:
            self._reconnect(self._reconnects.popleft())
        while self._subscriptions:
            self._resubscribe(self._subscriptions.popleft())

    @property
    def connections(self) -> list[Endpoint]:
        """The endpoints."""
        return self.endpoints

    def subscribe(self, topics: Sequence[str]) -> None:
        """Replace the topic prefixes (none: all topics); may be called from any thread.

        It takes effect within a turn of `run`. Prefixes in both sets stay subscribed throughout.
        """
        self._subscriptions.append([topic.encode() for topic in topics] or [b""])

    def _resubscribe(self, topics: list[bytes]) -> None:
        added, removed = set(topics).difference(self.topics), set(self.topics).difference(topics)
        for socket in self._sockets:
            for topic in added:
                socket.subscribe(topic)
            for topic in removed:
                socket.unsubscribe(topic)
        self.topics = topics

    def standstills(self) -> list[tuple[float, float]]:
        """Return when the loop of `run` stood still for seconds, since the last call.

        The process was stopped, or had no processor. Times are `time.monotonic()`; a standstill
        that lasts is returned each time, up to now. May be called from any thread.
        """
        past = [self._standstills.popleft() for _ in range(len(self._standstills))]
        now, beat = time.monotonic(), self.beat
        return [*past, (beat, now)] if now - beat > STANDSTILL else past

    def _disconnect(self, index: int) -> None:
        with contextlib.suppress(zmq.ZMQError):  # libzmq may have dropped the connection already
            self._sockets[index].disconnect(self.endpoints[index].address)

    def _reconnect(self, index: int) -> None:
        """Reconnect in the receive thread, which owns the socket; received messages are kept."""
        socket, endpoint = self._sockets[index], self.endpoints[index]
        self._disconnect(index)
        socket.set(zmq.IPV6, int("[" in endpoint.address or endpoint.only_ipv6))
        set_heartbeat(socket, endpoint)
        socket.connect(endpoint.address)

    def _drain(
        self, endpoint: Endpoint, socket: zmq.Socket[bytes], put: Callable[[Batch], object]
    ) -> bool:
        """Read at most one turn of messages; return whether more may be waiting."""
        recv, noblock, max_message = socket.recv, int(zmq.NOBLOCK), self.max_message
        parts: list[bytes] = []
        size = 0
        arrived = time.time_ns() // 1000

        def refuse(topic: bytes, body: bytes, reason: str, surplus: int = 0) -> None:
            kept = [topic[:KEPT_BYTES], body[:KEPT_BYTES]]
            kept_size, length = sum(map(len, kept)), len(body) + surplus
            self.size += len(topic) + length - kept_size
            batch = Batch(endpoint.source, arrived, kept, kept_size, reason, length)
            self._deliver(endpoint, batch, put)

        try:
            for _ in range(_TURN):
                # Frames instead of bytes, for `more`: asking the socket with get(zmq.RCVMORE) takes
                # as long as receiving the message.
                frame = recv(noblock, copy=False)
                topic = frame.bytes
                if not frame.more:
                    refuse(topic, b"", "bad-frame-count")
                    continue
                frame = recv(noblock, copy=False)
                body = frame.bytes
                if frame.more:
                    surplus = _drop_remaining_frames(socket)
                    refuse(topic, body, "bad-frame-count", surplus)
                elif len(body) > max_message or len(topic) > KEPT_BYTES:
                    refuse(topic, body, "too-large")
                else:
                    parts.append(topic)
                    parts.append(body)
                    size += len(topic) + len(body)
                    if size > _TURN_SIZE:
                        break
            exhausted = False
        except zmq.Again:
            exhausted = True
        if parts:
            self._deliver(endpoint, Batch(endpoint.source, arrived, parts, size), put)
        return not exhausted

    def _deliver(self, endpoint: Endpoint, batch: Batch, put: Callable[[Batch], object]) -> None:
        endpoint.received += len(batch)
        self.received += len(batch)
        self.size += batch.size
        if put(batch) is not False and batch.reason:  # a dropped batch counts as overflow instead
            self.refused[batch.reason] = self.refused.get(batch.reason, 0) + len(batch)

    def watch(self, timeout: float, warn_after: float = 10) -> list[Notice]:
        """Wait for events of the endpoints and return notices about them.

        For another thread than that of `run`.

        Args:
            timeout: the most seconds to wait.
            warn_after: seconds without a connection after which an endpoint is reported.
        """
        poller = zmq.Poller()
        for monitor in self._monitors:
            poller.register(monitor, zmq.POLLIN)
        poller.poll(round(timeout * 1000))
        notices: list[Notice | None] = []
        for index, (endpoint, monitor) in enumerate(
            zip(self.endpoints, self._monitors, strict=True)
        ):
            with contextlib.suppress(zmq.Again):
                while True:
                    notices.append(endpoint.handle_event(monitor.recv_multipart(zmq.NOBLOCK)))
            if endpoint.take_pause():
                self._pauses.append(index)
            if endpoint.take_reconnect():
                self._reconnects.append(index)
            notices.append(endpoint.unreachable(warn_after))
        return [notice for notice in notices if notice]

    def close(self) -> None:
        """Close the sockets; `run` must have returned."""
        if self._resolver is not None:
            self._resolver.stop()
            self._resolver = None
        for socket in self._sockets[: self._monitored]:
            socket.monitor(None, 0)
        for socket in (*self._monitors, *self._sockets):
            socket.close()
        self._sockets, self._monitors, self._monitored = [], [], 0
        if self._context:
            self._context.term()
            self._context = None

    def __enter__(self) -> Self:
        self.open()
        return self


def _drop_remaining_frames(socket: zmq.Socket[bytes]) -> int:
    """Drop the rest of a message, so that the next `recv` starts with a new one; return its bytes.

    Each frame is released before the next is read.
    """
    dropped, more = 0, True
    while more:
        frame = socket.recv(zmq.NOBLOCK, copy=False)
        more = frame.more
        dropped += len(frame)
        del frame
    return dropped
