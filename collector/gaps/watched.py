"""What the gap detector knows of one connection, and the reasons for gaps."""

from __future__ import annotations

from dataclasses import dataclass, field

from hubbub.collector.gaps.silence import SilenceDetector
from hubbub.collector.listening.receiver import Connection

__all__ = [
    "CLOCK",
    "OVERFLOW",
    "QUEUE_GONE",
    "RECEIVED",
    "RECONNECTED",
    "SILENT",
    "STOPPED",
    "UNREACHABLE",
    "OpenGap",
    "Watched",
]

# Reasons as the ledger keeps them
STOPPED = "we did not listen"
UNREACHABLE = "the endpoint did not answer"
RECONNECTED = "the connection was lost and made again"
SILENT = "silent against its habit"
OVERFLOW = "more came than the disk could take"
QUEUE_GONE = "the broker's queue was gone"
CLOCK = "our clock jumped"
RECEIVED = "heard"


@dataclass(slots=True)
class OpenGap:
    """A gap that has not ended yet."""

    start: float
    reason: str
    tolerated_until: float = 0.0  # it is not recorded if it ends before
    recorded_until: float | None = None

    @property
    def unrecorded(self) -> float:
        """Where the part starts that the ledger does not have yet."""
        return self.start if self.recorded_until is None else self.recorded_until


@dataclass(slots=True)
class Watched:
    """An endpoint and its counters at the last tick."""

    endpoint: Connection
    received: int
    losses: int
    recorded_until: float  # end of the span recorded as received
    heard: float  # when the last message came, or watching began
    standstill_recorded: float = 0.0  # until when a standstill was recorded
    gap: OpenGap | None = None
    silence: SilenceDetector = field(default_factory=SilenceDetector)

    @property
    def source(self) -> str:
        """The `source` of its frames."""
        return self.endpoint.source

    def last_life(self, noticed: float) -> float:
        """Return when the endpoint last gave a sign of life before its loss was noticed."""
        return min(noticed, max(self.heard, noticed - self.endpoint.unnoticed))

    @property
    def reachable(self) -> bool:
        """Whether it is connected; always true of a bound address, where publishers come and go."""
        return self.endpoint.bound or self.endpoint.state == "connected"
