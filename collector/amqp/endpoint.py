"""The state of the connection to one broker, written by the receiver and read by every thread."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hubbub.collector.amqp.settings import Settings
from hubbub.collector.listening.receiver import ConnectionState

__all__ = ["Endpoint"]


@dataclass(slots=True)
class Endpoint:
    """A broker; see `Connection` for what others read."""

    settings: Settings
    connected: bool = False
    received: int = 0
    redelivered: int = 0  # of them delivered before, because they were not acknowledged then
    unacknowledged: int = 0  # delivered, not durable yet
    waiting: int | None = None  # in the queue, not delivered; None: not known yet
    connects: int = 0
    losses: int = 0
    fault: str = ""  # why the last attempt failed
    hint: str = ""
    blocked: str = ""  # what the broker lacks at present
    expires: datetime | None = None  # when the first of our certificates does
    since: float = field(default_factory=time.monotonic)  # when the connection was lost
    emptied: float = 0.0  # seconds since the epoch; when the queue was last known to be empty

    @property
    def address(self) -> str:
        """The address, without user and password."""
        return self.settings.address

    @property
    def source(self) -> str:
        """The `source` of its frames."""
        return self.settings.source

    @property
    def state(self) -> ConnectionState:
        """`waiting` (never connected so far), `connected` or `lost`."""
        if self.connected:
            return "connected"
        return "lost" if self.connects else "waiting"

    @property
    def bound(self) -> bool:
        """Always false: we connect to the broker."""
        return False

    @property
    def unnoticed(self) -> float:
        """Seconds until heartbeats notice a lost connection: two intervals, and pika's check."""
        return self.settings.heartbeat * 2.5

    @property
    def retains(self) -> bool:
        """Whether the queue outlives the connection."""
        settings = self.settings
        return not (settings.temporary or settings.exclusive or settings.auto_delete)

    @property
    def drained(self) -> float:
        """See `Connection.drained`."""
        return self.emptied if self.retains else math.inf

    def report(self) -> dict[str, Any]:
        """See `Connection.report`."""
        return {
            "state": self.state,
            "fault": self.fault or self.blocked,
            "hint": self.hint,
            "received": self.received,
            "redelivered": self.redelivered,
            "unacknowledged": self.unacknowledged,
            "waiting": self.waiting,
            "certificate_expires": None if self.expires is None else f"{self.expires:%Y-%m-%d}",
        }
