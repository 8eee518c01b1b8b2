"""The receiver: ZeroMQ SUB sockets, and the loop that empties them into batches.

Messages are fedmsg's two frames, topic and body, from publishers that the receiver connects to or
that connect to it. The loop polls and drains; it never decodes, writes or blocks, because a
publisher silently drops messages for a SUB socket that is not emptied.
"""

from __future__ import annotations

import contextlib
import errno
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from select import select
from threading import Event as Flag
from typing import Self

import zmq

from hubbub.closeable import Closeable
from hubbub.collector.bus.backlog import Batch
from hubbub.collector.bus.endpoint import Endpoint, Notice, check_address
from hubbub.collector.decode.rejected import KEPT_BYTES, MAX_MESSAGE, check_max_message
from hubbub.errors import SourceError, UsageError

__all__ = ["Receiver"]

_TURN = 1_000  # messages read from one socket before the next socket has its turn
_TURN_SIZE = 4 << 20  # bytes, likewise
_MAX_RECEIVED = 60 << 20  # bytes; libzmq disconnects a peer that sends a larger message
_POLL = 100  # ms; the longest delay of a stop
# s to wait after the sockets were emptied, so that the messages of that time form one batch.
# Without it, this thread wakes for every few messages and competes for the GIL with the writer.
_PAUSE = 0.005
_LAST_DRAIN = 1.0  # s; bounds the final drain if a publisher never pauses

_HINTS = {
    errno.EADDRINUSE: "another process listens there: stop it, or choose another port",
    errno.EACCES: "ports below 1024 require privileges: choose a higher one",
    errno.EADDRNOTAVAIL: "this machine has no such address: bind to one of its own, or to *",
    errno.ENODEV: "this machine has no such address: bind to one of its own, or to *",
    errno.ENOENT: "the folder of the socket file does not exist: create it first",
}


class Receiver(Closeable):
    """Receives from several endpoints, with one SUB socket and one state for each.

    Args:
        connect: addresses of publishers.
        bind: addresses that publishers connect to (fedmsg's "active" mode).
        topics: prefixes to subscribe to; all topics if empty.
        rcvhwm: messages that libzmq queues for each peer while this process is busy.
        max_message: bytes; a larger body is refused as `too-large` and only its beginning kept.
        heartbeat: seconds between ZMTP heartbeats; 0 for none, as peers before libzmq 4.2 need.
    """

    def __init__(
        self,
        connect: Sequence[str] = (),
        bind: Sequence[str] = (),
        topics: Sequence[str] = (),
        *,
        rcvhwm: int = 200_000,
        max_message: int = MAX_MESSAGE,
        heartbeat: float = 0,
    ) -> None:
        if not connect and not bind:
            raise UsageError(
                "there is nothing to listen to",
                hint="name a bus: --zmq tcp://HOST:PORT, or --zmq-bind tcp://*:PORT",
            )
        self.endpoints = [
            Endpoint(check_address(address, bind=bound), bound)
            for addresses, bound in ((connect, False), (bind, True))
            for address in dict.fromkeys(addresses)
        ]
        self.topics = [topic.encode() for topic in topics] or [b""]
        self.rcvhwm, self.max_message, self.heartbeat = (
            rcvhwm,
            check_max_message(max_message),
            heartbeat,
        )
        self.received = 0  # messages, including refused ones
        self.size = 0  # bytes of those messages
        self.refused: dict[str, int] = {}
        self.beat = time.monotonic()  # when the loop last ran
        self._sockets: list[zmq.Socket[bytes]] = []
        self._monitors: list[zmq.Socket[bytes]] = []
        self._reconnects: deque[int] = deque()  # indices of endpoints to reconnect
        self._subscriptions: deque[list[bytes]] = deque()  # new sets of topics, in order
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None

    def open(self) -> None:
        """Create the sockets and bind; connections are made in the background.

        Raises:
            UsageError: libzmq rejects an address.
            SourceError: an address cannot be bound.
        """
        self._context = zmq.Context()
        try:
            for endpoint in self.endpoints:
                self._open(self._context, endpoint)
        except BaseException:
            self.close()
            raise

    def _open(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: Endpoint) -> None:
        socket = context.socket(zmq.SUB)
        self._sockets.append(socket)
        socket.set(zmq.RCVHWM, self.rcvhwm)
        # Subscriptions wait in the sending queue, which drops what is above its limit: never.
        socket.set(zmq.SNDHWM, 0)
        # Beyond this limit libzmq drops the connection and all messages in flight. It only protects
        # memory: `max_message` is what refuses large messages.
        socket.set(zmq.MAXMSGSIZE, _MAX_RECEIVED)
        socket.set(zmq.LINGER, 0)
        # As in fedmsg: a peer that vanished without closing is noticed after 75 s.
        socket.set(zmq.TCP_KEEPALIVE, 1)
        socket.set(zmq.TCP_KEEPALIVE_IDLE, 60)
        socket.set(zmq.TCP_KEEPALIVE_CNT, 3)
        socket.set(zmq.TCP_KEEPALIVE_INTVL, 5)
        socket.set(zmq.RECONNECT_IVL, 100)
        socket.set(zmq.RECONNECT_IVL_MAX, 10_000)
        socket.set(zmq.CONNECT_TIMEOUT, 10_000)
        socket.set(zmq.HANDSHAKE_IVL, 10_000)
        socket.set(zmq.IPV6, int("[" in endpoint.address))
        if self.heartbeat:
            socket.set(zmq.HEARTBEAT_IVL, round(self.heartbeat * 1000))
        for topic in dict.fromkeys(self.topics):
            socket.subscribe(topic)
        self._monitors.append(socket.get_monitor_socket())
        try:
            if endpoint.bound:
                socket.bind(endpoint.address)
                endpoint.address = socket.get_string(zmq.LAST_ENDPOINT).rstrip("\0")
            else:
                socket.connect(endpoint.address)
        except zmq.ZMQError as error:
            raise _open_error(error, endpoint) from error

    def run(self, put: Callable[[Batch], object], stop: Flag) -> None:
        """Receive until `stop` is set, then drain what has arrived by then.

        Args:
            put: takes each batch; it must not block, and returns False for a batch that it drops.
            stop: ends the run.
        """
        poller = zmq.Poller()
        endpoints = dict(zip(self._sockets, self.endpoints, strict=True))
        for socket in self._sockets:
            poller.register(socket, zmq.POLLIN)
        while not stop.is_set():
            self.beat = time.monotonic()
            while self._reconnects:
                self._reconnect(self._reconnects.popleft())
            while self._subscriptions:
                self._resubscribe(self._subscriptions.popleft())
            ready = poller.poll(_POLL)
            busy = False
            for socket, _ in ready:
                busy |= self._drain(endpoints[socket], socket, put)
            if ready and not busy:
                select((), (), (), _PAUSE)  # tools that fake the clock stretch time.sleep
        end = time.monotonic() + _LAST_DRAIN
        while time.monotonic() < end and (ready := poller.poll(0)):
            for socket, _ in ready:
                self._drain(endpoints[socket], socket, put)

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

    def _reconnect(self, index: int) -> None:
        """Reconnect in the receive thread, which owns the socket; received messages are kept."""
        socket, address = self._sockets[index], self.endpoints[index].address
        with contextlib.suppress(zmq.ZMQError):  # libzmq may have dropped the connection already
            socket.disconnect(address)
        socket.connect(address)

    def _drain(
        self, endpoint: Endpoint, socket: zmq.Socket[bytes], put: Callable[[Batch], object]
    ) -> bool:
        """Read at most one turn of messages; return whether more may be waiting."""
        recv, noblock, max_message = socket.recv, int(zmq.NOBLOCK), self.max_message
        parts: list[bytes] = []
        size = 0
        arrived = time.time_ns() // 1000

        def refuse(topic: bytes, body: bytes, reason: str) -> None:
            kept = [topic[:KEPT_BYTES], body[:KEPT_BYTES]]
            kept_size = sum(map(len, kept))
            self.size += len(topic) + len(body) - kept_size
            batch = Batch(endpoint.source, arrived, kept, kept_size, reason, len(body))
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
                    refuse(topic, b"".join([body, *_remaining_frames(socket)]), "bad-frame-count")
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
            if endpoint.take_reconnect():
                self._reconnects.append(index)
            notices.append(endpoint.unreachable(warn_after))
        return [notice for notice in notices if notice]

    def close(self) -> None:
        """Close the sockets; `run` must have returned."""
        for socket in self._sockets:
            socket.disable_monitor()
        for socket in (*self._monitors, *self._sockets):
            socket.close()
        self._sockets, self._monitors = [], []
        if self._context:
            self._context.term()
            self._context = None

    def __enter__(self) -> Self:
        self.open()
        return self


def _remaining_frames(socket: zmq.Socket[bytes]) -> Iterator[bytes]:
    """Read the rest of a message, so that the next `recv` starts with a new one."""
    more = True
    while more:
        frame = socket.recv(zmq.NOBLOCK, copy=False)
        more = frame.more
        yield frame.bytes


def _open_error(error: zmq.ZMQError, endpoint: Endpoint) -> SourceError | UsageError:
    code = error.errno or 0
    if not endpoint.bound or code in (errno.EINVAL, errno.EPROTONOSUPPORT):
        return UsageError(
            f"ZeroMQ rejects this address: {error.strerror}",
            where=endpoint.address,
            hint="write for example tcp://bus.example.org:9940",
        )
    return SourceError(
        f"cannot bind: {error.strerror}",
        where=endpoint.address,
        hint=_HINTS.get(code, "choose another address"),
    )
