"""An endpoint of a ZeroMQ bus: its address, and whether somebody is there.

Comes in: an address as typed, and libzmq's monitor events about it. Goes out: a checked address,
a state for the status line, and the one sentence a person needs when nobody answers. It never
touches the socket that receives.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Literal

import zmq
from zmq.utils.monitor import parse_monitor_message

from hubbub.errors import UsageError

__all__ = ["Endpoint", "Notice", "check"]

_TCP = re.compile(r"tcp://(?P<host>\[[0-9a-fA-F:.%\w]+\]|[^\s:/\[\];@]+):(?P<port>\d{1,5}|\*)")
_IPC = re.compile(r"ipc://\S+")
_EXAMPLE = "write for example tcp://bus.example.org:9940 or ipc:///run/bus.sock"

_REFUSED = {
    zmq.Event.HANDSHAKE_FAILED_NO_DETAIL: "it answers, but the ZeroMQ handshake broke off",
    zmq.Event.HANDSHAKE_FAILED_PROTOCOL: "it answers, but is no ZeroMQ publisher",
    zmq.Event.HANDSHAKE_FAILED_AUTH: "it answers, but demands an authentication",
}

_FIRST_AGAIN, _LAST_AGAIN = 0.2, 10.0  # s; pauses before a connection that libzmq gave up

State = Literal["waiting", "connected", "lost"]


def check(address: str, *, bind: bool) -> str:
    """The address, if it can be one.

    Raises:
        UsageError: no transport, host or port that ZeroMQ could use.
    """
    option = "--zmq-bind" if bind else "--zmq"
    if _IPC.fullmatch(address):
        return address
    matched = _TCP.fullmatch(address)
    if matched is None:
        raise UsageError("this is no ZeroMQ endpoint", where=f"{option} {address}", hint=_EXAMPLE)
    host, port = matched["host"], matched["port"]
    wildcard = port in ("*", "0")
    if wildcard and not bind:
        raise UsageError(
            "there is no port to connect to", where=f"{option} {address}", hint=_EXAMPLE
        )
    if host == "*" and not bind:
        raise UsageError(
            "a publisher's host is needed, * is only for binding",
            where=f"{option} {address}",
            hint=_EXAMPLE,
        )
    if not wildcard and int(port) > 65535:  # noqa: PLR2004  TCP's last port
        raise UsageError("ports end at 65535", where=f"{option} {address}", hint=_EXAMPLE)
    return address


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know about an endpoint."""

    level: Literal["info", "warning"]
    what: str
    endpoint: str
    hint: str = ""


@dataclass(slots=True)
class Endpoint:
    """One address and what the monitor told about it; times are `time.monotonic()` seconds.

    A peer counts as there when its handshake succeeded. libzmq says nothing about the handshake of
    a peer older than ZMTP 3 (libzmq 3.2 and before): such a one is there when it was heard.
    """

    address: str
    bound: bool
    received: int = 0  # messages; counted by the thread that receives
    connects: int = 0  # handshakes, ever
    losses: int = 0
    retries: int = 0  # since the last time somebody was there
    fault: str = ""
    since: float = field(default_factory=time.monotonic)  # nobody is there
    warned: bool = False
    _open: set[int] = field(default_factory=set)  # file descriptors of connections
    _greeted: bool = False
    _heard: int = 0  # `received` when the oldest of the open connections was made
    _stranded: float | None = None  # since when libzmq has given up

    @property
    def source(self) -> str:
        """What frames of this endpoint carry as their `source`."""
        return f"zmq:{self.address}"

    @property
    def state(self) -> State:
        """`waiting`: never reached; `connected`: somebody is there; `lost`: was there once."""
        if self._open and (self._greeted or self.received > self._heard):
            return "connected"
        return "lost" if self.connects or self.received else "waiting"

    def hear(self, message: list[bytes]) -> Notice | None:
        """Take one message of the socket's monitor."""
        told = parse_monitor_message(message)
        self._stranded = None
        match told["event"]:
            case zmq.Event.CONNECTED | zmq.Event.ACCEPTED:
                if not self._open:
                    self._heard = self.received
                self._open.add(told["value"])
            case zmq.Event.HANDSHAKE_SUCCEEDED:
                self.connects, self._greeted = self.connects + 1, True
                self.retries, self.fault, self.warned = 0, "", False
                again = self.connects > 1 and not self.bound
                return Notice("info", "connected again" if again else "connected", self.address)
            case zmq.Event.DISCONNECTED:
                return self._lose(told["value"])
            case zmq.Event.CONNECT_RETRIED:
                self.retries += 1
            case refused if refused in _REFUSED:
                self.fault = _REFUSED[zmq.Event(refused)]
        return None

    def _lose(self, descriptor: int) -> Notice | None:
        there = self.state == "connected"
        self._open.discard(descriptor)
        self._stranded = time.monotonic()  # unless libzmq says in its next event that it goes on
        if not self._open:
            self._greeted = False
            self.since = time.monotonic()
        if not there:
            self.fault = self.fault or "it answers, but hangs up: it is no ZeroMQ publisher"
            return None
        self.losses += 1
        return Notice(
            "warning",
            "connection lost",
            self.address,
            hint="what is published until it is back is not heard; gather fills it in",
        )

    def stranded(self) -> bool:
        """Whether the connection must be made anew, asked once each time.

        libzmq connects again by itself after a loss, but never after a protocol error, and a
        message larger than its bound is one: the socket would be deaf for ever.
        """
        if self.bound or self._stranded is None or self._open:
            return False
        wait = min(_FIRST_AGAIN * 2.0 ** min(self.retries, 10), _LAST_AGAIN)
        if time.monotonic() - self._stranded < wait:
            return False
        self._stranded = None
        self.retries += 1
        return True

    def overdue(self, patience: float) -> Notice | None:
        """A warning, once, when nobody was there for `patience` seconds."""
        if self.warned or self.state == "connected" or time.monotonic() - self.since < patience:
            return None
        self.warned = True
        if self.bound:
            what = self.fault or f"no publisher has connected for {patience:g} s"
            hint = "still listening; does the publisher connect to this address?"
        elif self._open:
            what = f"it answers, but has not said a word of ZeroMQ for {patience:g} s"
            hint = "is this a publisher? one of an old version is silent until it publishes"
        else:
            what = self.fault or f"nobody answers for {patience:g} s"
            hint = "still trying; is the address right, is the publisher up, is the port open?"
        return Notice("warning", what, self.address, hint=hint)
