"""Endpoints of a ZeroMQ bus: checked addresses, connection states and notices about them.

An `Endpoint` follows libzmq's monitor events; it never touches the socket that receives.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import zmq
from zmq.utils.monitor import parse_monitor_message

from hubbub.collector.listening.receiver import ConnectionState, Notice
from hubbub.errors import UsageError

__all__ = ["Endpoint", "check_address", "distinct"]

_TCP = re.compile(r"tcp://(?P<host>\[[0-9a-fA-F:.%\w]+\]|[^\s:/\[\];@]+):(?P<port>\d{1,5}|\*)")
_IPV4 = re.compile(r"[\d.]+")
_IPC = re.compile(r"ipc://\S+")
_EXAMPLE = "write for example tcp://bus.example.org:9940 or ipc:///run/bus.sock"

_BREAKS_OFF = "the peer broke off the ZeroMQ handshake"
_HANGS_UP = "the peer closes the connection: not a ZeroMQ publisher"
_HANDSHAKE_FAULTS = {
    zmq.Event.HANDSHAKE_FAILED_NO_DETAIL: _BREAKS_OFF,
    zmq.Event.HANDSHAKE_FAILED_PROTOCOL: "the peer is not a ZeroMQ publisher",
    zmq.Event.HANDSHAKE_FAILED_AUTH: "the peer requires authentication",
}

_MECHANISM_MISMATCH = 0x11000002  # ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH, of zmq.h
_ENCRYPTED = "the publisher requires encryption or a password (CURVE or PLAIN)"
# s; delays before reconnecting where libzmq has given up
_FIRST_DELAY, _LONGEST_DELAY = 0.2, 10.0
_HANG_UPS = 3  # connections without a handshake in a row, after which they are made more rarely
_LONGEST_PAUSE = 300.0  # s; between connections to a peer that accepts and hangs up
_KEEPALIVE = 80.0  # s within which TCP's keep-alive notices a lost connection
_SHORT_LIVES = 2  # connections in a row that ended as if heartbeats were not answered


def check_address(address: str, *, bind: bool) -> str:
    """Return the address if ZeroMQ can connect (or bind) to it.

    Raises:
        UsageError: the transport, host or port is invalid.
    """
    option = "--zmq-bind" if bind else "--zmq"
    if _IPC.fullmatch(address):
        return address
    matched = _TCP.fullmatch(address)
    if matched is None:
        raise UsageError("not a ZeroMQ endpoint", where=f"{option} {address}", hint=_EXAMPLE)
    host, port = matched["host"], matched["port"]
    wildcard = port in ("*", "0")
    if wildcard and not bind:
        raise UsageError(
            "there is no port to connect to", where=f"{option} {address}", hint=_EXAMPLE
        )
    if host == "*" and not bind:
        raise UsageError(
            "a publisher's host is needed; * is only for --zmq-bind",
            where=f"{option} {address}",
            hint=_EXAMPLE,
        )
    if not wildcard and int(port) > 65535:  # noqa: PLR2004  TCP's last port
        raise UsageError("ports end at 65535", where=f"{option} {address}", hint=_EXAMPLE)
    return address


def distinct(addresses: Iterable[str]) -> list[str]:
    """Return the addresses in order, each once, however it is spelled."""
    first: dict[tuple[str, ...], str] = {}
    for address in addresses:
        first.setdefault(_canonical(address), address)
    return list(first.values())


def _canonical(address: str) -> tuple[str, ...]:
    """Return what two spellings of an address share: the case of names, zeros of IPv6 and ports."""
    matched = _TCP.fullmatch(address)
    if matched is None:
        return (address,)
    host, port = matched["host"].lower(), matched["port"].lstrip("0")
    with suppress(ValueError):  # a name
        host = str(ip_address(host.strip("[]")))
    return host, port


@dataclass(slots=True)
class Endpoint:
    """An address and the state of its connections; times are `time.monotonic()` seconds.

    A peer counts as connected when its handshake succeeded. libzmq reports no handshake for peers
    older than ZMTP 3 (libzmq 3.2 and before): they count as connected once they sent a message.
    """

    address: str
    bound: bool
    received: int = 0  # messages; counted by the receive thread
    connects: int = 0  # successful handshakes since the start
    losses: int = 0
    retries: int = 0  # since the last successful handshake
    fault: str = ""  # why the last attempt failed
    since: float = field(default_factory=time.monotonic)  # when the last peer disappeared
    warned: bool = False  # about an unreachable peer
    _open: set[int] = field(default_factory=set)  # file descriptors of connections
    _greeted: bool = False  # a handshake succeeded
    _received_before: int = 0  # `received` when the oldest open connection was made
    _given_up_since: float | None = None  # when libzmq stopped trying to connect
    only_ipv6: bool = False  # the name of the host has no IPv4 address
    heartbeat: tuple[float, float] | None = None  # s; interval and time-out of heartbeats
    _hang_ups: int = 0  # connections without a handshake since the last handshake
    _paused_until: float | None = None  # when to connect again, if this client has disconnected
    _pausing: bool = False  # a disconnection is due
    _greeted_at: float = 0.0  # when the last handshake succeeded
    _short_lives: int = 0

    @property
    def unnoticed(self) -> float:
        """Seconds for which a loss may go unnoticed if no message comes."""
        return _KEEPALIVE if self.heartbeat is None else sum(self.heartbeat) + 1.0

    @property
    def retains(self) -> bool:
        """Whether the peer keeps messages while we are away: a publisher does not."""
        return False

    @property
    def drained(self) -> float:
        """See `Connection.drained`."""
        return math.inf

    def report(self) -> dict[str, Any]:
        """See `Connection.report`."""
        return {"state": self.state, "fault": self.fault, "received": self.received}

    @property
    def source(self) -> str:
        """The `source` of frames from this endpoint."""
        return f"zmq:{self.address}"

    @property
    def state(self) -> ConnectionState:
        """`waiting` (never connected so far), `connected` or `lost`."""
        if self._open and (self._greeted or self.received > self._received_before):
            return "connected"
        return "lost" if self.connects or self.received else "waiting"

    def handle_event(self, message: list[bytes]) -> Notice | None:
        """Update the state from a message of the socket's monitor."""
        event = parse_monitor_message(message)
        self._given_up_since = None
        match event["event"]:
            case zmq.Event.CONNECTED | zmq.Event.ACCEPTED:
                if not self._open:
                    self._received_before = self.received
                self._open.add(event["value"])
            case zmq.Event.HANDSHAKE_SUCCEEDED if self._paused_until is not None:
                # this connection ends with the disconnection that is due: the next one counts
                self._hang_ups, self._paused_until = 0, time.monotonic()
            case zmq.Event.HANDSHAKE_SUCCEEDED:
                self.connects, self._greeted = self.connects + 1, True
                self._hang_ups, self._greeted_at = 0, time.monotonic()
                self._pausing = False
                self.retries, self.fault, self.warned = 0, "", False
                reconnected = self.connects > 1 and not self.bound
                return Notice("info", "reconnected" if reconnected else "connected", self.address)
            case zmq.Event.DISCONNECTED:
                return self._disconnected(event["value"])
            case zmq.Event.CONNECT_RETRIED:
                self.retries += 1
            case failure if failure in _HANDSHAKE_FAULTS:
                if event["value"] == _MECHANISM_MISMATCH:
                    self.warned = self.warned and self.fault == _ENCRYPTED  # now it is known better
                    self.fault = _ENCRYPTED
                elif failure != zmq.Event.HANDSHAKE_FAILED_NO_DETAIL or not self.fault:
                    self.fault = _HANDSHAKE_FAULTS[zmq.Event(failure)]
        return None

    def _disconnected(self, descriptor: int) -> Notice | None:
        was_connected = self.state == "connected"
        self._open.discard(descriptor)
        self._given_up_since = time.monotonic()  # until an event shows that libzmq retries
        if not self._open:
            self._greeted = False
        if not was_connected:
            self.fault = self.fault or _HANGS_UP
            self._hang_ups += 1
            self._pausing = not self.bound and self._hang_ups >= _HANG_UPS
            return None
        self.since = time.monotonic()
        self.losses += 1
        if self.heartbeat is not None and self._gives_up_heartbeats(self.heartbeat):
            return Notice(
                "warning",
                "the publisher answers no heartbeats, it is older than ZeroMQ 4.2",
                self.address,
                hint=f"connecting without them: a lost line is noticed after {_KEEPALIVE:g} s",
            )
        return Notice(
            "warning",
            "connection lost",
            self.address,
            hint="messages published until it is back are missed; `hubbub gather` fetches them",
        )

    def _gives_up_heartbeats(self, heartbeat: tuple[float, float]) -> bool:
        """Whether connections end whenever the first heartbeat is due: old peers know none."""
        interval, timeout = heartbeat
        lived = time.monotonic() - self._greeted_at
        if not timeout * 0.9 <= lived <= interval + timeout + 2:
            self._short_lives = 0
            return False
        self._short_lives += 1
        if self._short_lives < _SHORT_LIVES:
            return False
        self.heartbeat = None
        self._pausing = True
        return True

    @property
    def host(self) -> str | None:
        """The name of the host to connect to; None for an address, a file or a bound endpoint."""
        matched = _TCP.fullmatch(self.address)
        host = None if matched is None or self.bound else matched["host"]
        return None if host is None or host[0] == "[" or _IPV4.fullmatch(host) else host

    def use_ipv6(self) -> None:
        """Connect by IPv6 from now on. For any thread."""
        self.only_ipv6 = self._pausing = True

    def take_pause(self) -> bool:
        """Whether to disconnect for a while, because the peer hangs up again and again.

        libzmq would connect ten times a second: for it, each accepted connection is a success.
        """
        if not self._pausing:
            return False
        self._pausing, self._given_up_since = False, None
        delay = min(_FIRST_DELAY * 2.0 ** min(self._hang_ups, 20), _LONGEST_PAUSE)
        self._paused_until = time.monotonic() + delay
        return True

    def take_reconnect(self) -> bool:
        """Whether it is time to reconnect; True only once for each attempt.

        libzmq reconnects by itself after a loss, but never after a protocol error, and a message
        larger than its limit is one: without this the socket would stay disconnected.
        """
        if self._paused_until is not None:
            if time.monotonic() < self._paused_until:
                return False
            self._paused_until = None
            self._open.clear()  # libzmq reports no end of connections that this client ends
            self._greeted = False
            return True
        if self.bound or self._given_up_since is None or self._open:
            return False
        delay = min(_FIRST_DELAY * 2.0 ** min(self.retries, 10), _LONGEST_DELAY)
        if time.monotonic() - self._given_up_since < delay:
            return False
        self._given_up_since = None
        self.retries += 1
        return True

    def unreachable(self, warn_after: float) -> Notice | None:
        """Return a warning, once, if no peer was connected for `warn_after` seconds."""
        disconnected = time.monotonic() - self.since
        if self.warned or self.state == "connected" or disconnected < warn_after:
            return None
        self.warned = True
        if self.bound:
            what = self.fault or f"no publisher has connected for {warn_after:g} s"
            hint = "still listening; does the publisher connect to this address?"
        elif self._open:
            what = f"the peer accepts connections, but no ZeroMQ handshake for {warn_after:g} s"
            hint = "is this a publisher? one of an old version is silent until it publishes"
        elif self.fault == _ENCRYPTED:
            what = self.fault
            hint = "hubbub cannot do that: ask for an address without, or listen through a relay"
        elif self.fault in {_BREAKS_OFF, _HANGS_UP}:
            # the end of the connection may overtake the answer that says so
            what = self.fault
            hint = "still trying; is this the port of a publisher, and one without CURVE or PLAIN?"
        else:
            what = self.fault or f"no response for {warn_after:g} s"
            hint = "still trying; is the address right, is the publisher up, is the port open?"
        return Notice("warning", what, self.address, hint=hint)
