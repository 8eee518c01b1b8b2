"""The receiver: ZeroMQ sockets, and the one loop that empties them.

Comes in: fedmsg's two frames, topic and body, from publishers that we connect to or that connect to
us. Goes out: `Batch`es. The loop polls, then drains with two non-blocking `recv()` a message; it
never decodes, never writes and never waits for anybody, because a SUB socket that is not emptied
makes the publisher drop messages, and nobody is told.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from select import select
from threading import Event as Flag
from typing import Any, Self

import zmq

from hubbub.closeable import Closeable
from hubbub.collector.bus.backlog import Batch
from hubbub.collector.bus.endpoint import Endpoint, Notice, check
from hubbub.collector.decode.rejected import KEPT_BYTES, MAX_MESSAGE, check_max_message
from hubbub.errors import SourceError, UsageError

__all__ = ["Receiver"]

_TURN = 1_000  # messages, before another socket has its turn
_TURN_SIZE = 4 << 20  # bytes, the same
_MEMORY = 60 << 20  # bytes; what libzmq takes from a peer at all
_POLL = 100  # ms; how late a stop is seen
# s, after the sockets were emptied: what comes meanwhile is one batch. Woken for each few messages,
# this thread and the writing one would take the interpreter from each other all the time.
_NAP = 0.005
_LAST_DRAIN = 1.0  # s; a publisher that never pauses must not keep us from stopping

_HINTS = {
    errno.EADDRINUSE: "another process listens there: stop it, or choose another port",
    errno.EACCES: "ports below 1024 need a privilege: choose a higher one",
    errno.EADDRNOTAVAIL: "this machine has no such address: use one of its own, or *",
    errno.ENODEV: "this machine has no such address: use one of its own, or *",
    errno.ENOENT: "the folder of the socket file does not exist: make it first",
}


class Receiver(Closeable):
    """SUB sockets on several endpoints, one each, so that each has a state of its own.

    Args:
        connect: addresses of publishers.
        bind: addresses that publishers connect to (fedmsg's "active" mode).
        topics: prefixes; none: everything.
        rcvhwm: messages that libzmq holds for each peer while this process is busy.
        max_message: bytes; a larger body is refused as `too-large`: its beginning is kept.
        heartbeat: seconds between ZMTP heartbeats, 0 for none: peers before libzmq 4.2 have none.
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
            *(Endpoint(check(one, bind=False), bound=False) for one in dict.fromkeys(connect)),
            *(Endpoint(check(one, bind=True), bound=True) for one in dict.fromkeys(bind)),
        ]
        self.topics = [topic.encode() for topic in topics] or [b""]
        self.rcvhwm, self.max_message, self.heartbeat = (
            rcvhwm,
            check_max_message(max_message),
            heartbeat,
        )
        self.received = 0  # messages, refused ones included
        self.size = 0  # bytes of them
        self.refused: dict[str, int] = {}
        self.beat = time.monotonic()  # when the loop last turned
        self._sockets: list[zmq.Socket[bytes]] = []
        self._monitors: list[zmq.Socket[bytes]] = []
        self._renew: deque[int] = deque()  # endpoints to be connected anew, by their place
        self._wanted: deque[list[bytes]] = deque()  # other topics, one set after the other
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None

    def open(self) -> None:
        """Make the sockets; connecting goes on in the background, binding is done on return.

        Raises:
            UsageError: libzmq cannot make sense of an address.
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
        # libzmq drops the connection of a peer that sends more than this, and with it whatever is
        # on its way: this bound protects memory, `max_message` refuses politely.
        socket.set(zmq.MAXMSGSIZE, _MEMORY)
        socket.set(zmq.LINGER, 0)
        # As fedmsg does: a peer that vanished without a word is noticed after 75 s.
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
            raise _explain(error, endpoint) from error

    def run(self, put: Callable[[Batch], object], stop: Flag) -> None:
        """Receive until `stop`, then what has arrived by then.

        Args:
            put: where batches go; it must not wait, and says False for one that it drops.
            stop: ends the run.
        """
        poller = zmq.Poller()
        drains = {}
        for endpoint, socket in zip(self.endpoints, self._sockets, strict=True):
            poller.register(socket, zmq.POLLIN)
            drains[socket] = (endpoint, socket, _more(socket))
        while not stop.is_set():
            self.beat = time.monotonic()
            while self._renew:
                self._connect_again(self._renew.popleft())
            while self._wanted:
                self._resubscribe(self._wanted.popleft())
            ready = poller.poll(_POLL)
            busy = False
            for socket, _ in ready:
                busy |= self._drain(*drains[socket], put)
            if ready and not busy:
                select((), (), (), _NAP)  # a sleep of so long, whatever becomes of the clock
        end = time.monotonic() + _LAST_DRAIN
        while time.monotonic() < end and (ready := poller.poll(0)):
            for socket, _ in ready:
                self._drain(*drains[socket], put)

    def subscribe(self, topics: Sequence[str]) -> None:
        """Hear these prefixes from now on (none: everything), within a turn of `run`.

        For another thread; what both sets hold is heard without a break.
        """
        self._wanted.append([topic.encode() for topic in topics] or [b""])

    def _resubscribe(self, topics: list[bytes]) -> None:
        for socket in self._sockets:
            for topic in dict.fromkeys(topics):
                if topic not in self.topics:
                    socket.subscribe(topic)
            for topic in dict.fromkeys(self.topics):
                if topic not in topics:
                    socket.unsubscribe(topic)
        self.topics = topics

    def _connect_again(self, place: int) -> None:
        """Here, because a socket belongs to one thread; what it had received is drained."""
        socket, address = self._sockets[place], self.endpoints[place].address
        with contextlib.suppress(zmq.ZMQError):  # libzmq may have forgotten it already
            socket.disconnect(address)
        socket.connect(address)

    def _drain(
        self,
        endpoint: Endpoint,
        socket: zmq.Socket[bytes],
        more: tuple[Callable[[], object], Sequence[int]],
        put: Callable[[Batch], object],
    ) -> bool:
        """One turn of a socket; whether there may be more at once."""
        recv, again, largest = socket.recv, int(zmq.NOBLOCK), self.max_message
        ask, goes_on = more
        parts: list[bytes] = []
        add = parts.append
        size = 0
        arrived = time.time_ns() // 1000

        def refuse(topic: bytes, body: bytes, reason: str) -> None:
            parts = [topic[:KEPT_BYTES], body[:KEPT_BYTES]]
            held, length = sum(map(len, parts)), len(body)
            self.size += len(topic) + length - held
            self._hand(endpoint, Batch(endpoint.source, arrived, parts, held, reason, length), put)

        try:
            for _ in range(_TURN):
                topic = recv(again)
                ask()
                if not goes_on[0]:
                    refuse(topic, b"", "bad-frame-count")
                    continue
                body = recv(again)
                ask()
                length = len(body)
                if goes_on[0]:
                    refuse(topic, b"".join([body, *_rest(socket, more)]), "bad-frame-count")
                elif length > largest or len(topic) > KEPT_BYTES:
                    refuse(topic, body, "too-large")
                else:
                    add(topic)
                    add(body)
                    size += len(topic) + length
                    if size > _TURN_SIZE:
                        break
            more_there = True
        except zmq.Again:
            more_there = False  # the poller says when there is more
        if parts:
            self._hand(endpoint, Batch(endpoint.source, arrived, parts, size), put)
        return more_there

    def _hand(self, endpoint: Endpoint, batch: Batch, put: Callable[[Batch], object]) -> None:
        endpoint.received += len(batch)
        self.received += len(batch)
        self.size += batch.size
        if put(batch) is not False and batch.reason:  # else it is counted as overflow
            self.refused[batch.reason] = self.refused.get(batch.reason, 0) + len(batch)

    def watch(self, timeout: float, patience: float = 10) -> list[Notice]:
        """What happened to the endpoints, after at most `timeout` seconds; for another thread."""
        poller = zmq.Poller()
        for monitor in self._monitors:
            poller.register(monitor, zmq.POLLIN)
        poller.poll(round(timeout * 1000))
        notices: list[Notice | None] = []
        for place, (endpoint, monitor) in enumerate(
            zip(self.endpoints, self._monitors, strict=True)
        ):
            with contextlib.suppress(zmq.Again):
                while True:
                    notices.append(endpoint.hear(monitor.recv_multipart(zmq.NOBLOCK)))
            if endpoint.stranded():
                self._renew.append(place)
            notices.append(endpoint.overdue(patience))
        return [notice for notice in notices if notice]

    def close(self) -> None:
        """Let the sockets go; `run` must have returned."""
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


def _rest(
    socket: zmq.Socket[bytes], more: tuple[Callable[[], object], Sequence[int]]
) -> Iterator[bytes]:
    """The frames that are left of a message, so that the next `recv` begins a new one."""
    ask, goes_on = more
    while goes_on[0]:
        yield socket.recv(zmq.NOBLOCK)
        ask()


def _more(socket: zmq.Socket[bytes]) -> tuple[Callable[[], object], Sequence[int]]:
    """What asks whether a message goes on after the frame received last, and where the answer is.

    pyzmq's own `get(RCVMORE)` looks its option up in an Enum: 1.3 µs, twice a message, as long as
    receiving it. The C function that it ends in takes 0.2 µs.
    """
    answer: Any = (ctypes.c_int * 1)()
    try:
        library = ctypes.PyDLL(import_module("zmq.backend.cython._zmq").__file__)
        ask = library.zmq_getsockopt
    except (AttributeError, ImportError, OSError):  # another backend, or a library that hides it
        answer = [0]
        return lambda: answer.__setitem__(0, int(socket.get(zmq.RCVMORE))), answer
    call = partial(
        ask,
        ctypes.c_void_p(socket.underlying),
        ctypes.c_int(zmq.RCVMORE),
        ctypes.byref(answer),
        ctypes.byref(ctypes.c_size_t(ctypes.sizeof(answer))),
    )
    return call, answer


def _explain(error: zmq.ZMQError, endpoint: Endpoint) -> SourceError | UsageError:
    code = error.errno or 0
    if not endpoint.bound or code in (errno.EINVAL, errno.EPROTONOSUPPORT):
        return UsageError(
            f"ZeroMQ cannot use this address: {error.strerror}",
            where=endpoint.address,
            hint="write for example tcp://bus.example.org:9940",
        )
    return SourceError(
        f"cannot listen there: {error.strerror}",
        where=endpoint.address,
        hint=_HINTS.get(code, "choose another address"),
    )
