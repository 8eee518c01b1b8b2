"""Options of the receiver's SUB sockets, and errors when they are opened."""

from __future__ import annotations

import errno

import zmq

from hubbub.collector.zeromq.endpoint import Endpoint
from hubbub.errors import SourceError, UsageError

__all__ = ["configure", "open_error", "set_heartbeat"]

_HINTS = {
    errno.EADDRINUSE: "another process listens there: stop it, or choose another port",
    errno.EACCES: "ports below 1024 require privileges: choose a higher one",
    errno.EADDRNOTAVAIL: "this machine has no such address: bind to one of its own, or to *",
    errno.ENODEV: "this machine has no such address: bind to one of its own, or to *",
    errno.ENOENT: "the folder of the socket file does not exist: create it first",
}


def configure(
    socket: zmq.Socket[bytes], endpoint: Endpoint, rcvhwm: int, max_received: int
) -> None:
    """Set the options of a new socket.

    Args:
        socket: not connected yet.
        endpoint: what it will connect or bind to.
        rcvhwm: messages that libzmq queues for each peer.
        max_received: bytes of the largest message that libzmq receives.
    """
    socket.set(zmq.RCVHWM, rcvhwm)
    # Subscriptions wait in the sending queue, which drops what is above its limit: never.
    socket.set(zmq.SNDHWM, 0)
    # Beyond this limit libzmq drops the connection and all messages in flight. It only protects
    # memory: `max_message` is what refuses large messages.
    socket.set(zmq.MAXMSGSIZE, max_received)
    socket.set(zmq.LINGER, 0)
    # As in fedmsg: a peer that vanished without closing is noticed after 75 s. Heartbeats
    # notice it sooner, also where a router answers for it.
    socket.set(zmq.TCP_KEEPALIVE, 1)
    socket.set(zmq.TCP_KEEPALIVE_IDLE, 60)
    socket.set(zmq.TCP_KEEPALIVE_CNT, 3)
    socket.set(zmq.TCP_KEEPALIVE_INTVL, 5)
    socket.set(zmq.RECONNECT_IVL, 100)
    socket.set(zmq.RECONNECT_IVL_MAX, 10_000)
    socket.set(zmq.CONNECT_TIMEOUT, 10_000)
    socket.set(zmq.HANDSHAKE_IVL, 10_000)
    socket.set(zmq.IPV6, int("[" in endpoint.address))
    set_heartbeat(socket, endpoint)


def set_heartbeat(socket: zmq.Socket[bytes], endpoint: Endpoint) -> None:
    """Set the heartbeats of the next connections."""
    interval, timeout = endpoint.heartbeat or (0.0, 0.0)
    socket.set(zmq.HEARTBEAT_IVL, round(interval * 1000))
    if timeout:
        socket.set(zmq.HEARTBEAT_TIMEOUT, round(timeout * 1000))


def open_error(error: zmq.ZMQError, endpoint: Endpoint) -> SourceError | UsageError:
    """Return the error for an address that libzmq cannot connect or bind to."""
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
