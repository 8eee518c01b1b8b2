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
    """One address and what the monitor told about it; times are `time.monotonic()` seconds."""

    address: str
    bound: bool
    peers: int = 0
    connects: int = 0  # handshakes done, ever
    losses: int = 0
    retries: int = 0  # since the last time somebody was there
    fault: str = ""
    opened: float = field(default_factory=time.monotonic)
    warned: bool = False

    @property
    def source(self) -> str:
        """What frames of this endpoint carry as their `source`."""
        return f"zmq:{self.address}"

    @property
    def state(self) -> State:
        """`waiting`: never reached; `connected`: somebody is there; `lost`: was there once."""
        if self.peers:
            return "connected"
        return "lost" if self.connects else "waiting"

    def hear(self, message: list[bytes]) -> Notice | None:
        """Take one message of the socket's monitor."""
        told = parse_monitor_message(message)
        match told["event"]:
            case zmq.Event.HANDSHAKE_SUCCEEDED:
                self.peers, self.connects = self.peers + 1, self.connects + 1
                again = self.connects > 1
                self.retries, self.fault, self.warned = 0, "", False
                return Notice("info", "connected again" if again else "connected", self.address)
            case zmq.Event.DISCONNECTED if self.peers:
                self.peers, self.losses = self.peers - 1, self.losses + 1
                self.opened = time.monotonic()
                return Notice(
                    "warning",
                    "connection lost",
                    self.address,
                    hint="what is published until it is back is not heard; gather fills it in",
                )
            case zmq.Event.CONNECT_RETRIED:
                self.retries += 1
            case refused if refused in _REFUSED:
                self.fault = _REFUSED[zmq.Event(refused)]
        return None

    def overdue(self, patience: float) -> Notice | None:
        """A warning, once, when nobody was there for `patience` seconds."""
        if self.peers or self.warned or time.monotonic() - self.opened < patience:
            return None
        self.warned = True
        if self.bound:
            what = self.fault or f"no publisher has connected for {patience:g} s"
            hint = "still listening; does the publisher connect to this address?"
        else:
            what = self.fault or f"nobody answers for {patience:g} s"
            hint = "still trying; is the address right, is the publisher up, is the port open?"
        return Notice("warning", what, self.address, hint=hint)

    def __str__(self) -> str:
        return f"{self.address} {self.state}"
