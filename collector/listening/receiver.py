"""What the listener needs of a live source: the protocols of receivers and their connections.

A receiver runs in a thread of its own and never writes. What it delivers travels through the
`Backlog` to the writing thread. A source that acknowledges gives each `Batch` a `confirm`, which
the writing thread calls once the batch is durable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from hubbub.collector.event import Stop
from hubbub.collector.listening.backlog import Batch

__all__ = ["Connection", "ConnectionState", "Notice", "Receiver"]

ConnectionState = Literal["waiting", "connected", "lost"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A change of a connection that is worth a log line."""

    level: Literal["info", "warning"]
    what: str
    endpoint: str
    hint: str = ""


class Connection(Protocol):
    """A connection to a bus, as the gap detector and the monitor see it; read from any thread."""

    @property
    def address(self) -> str:
        """The address, without passwords."""

    @property
    def source(self) -> str:
        """The `source` of its frames."""

    @property
    def state(self) -> ConnectionState:
        """`waiting` (never connected so far), `connected` or `lost`."""

    @property
    def received(self) -> int:
        """Messages received since the start."""

    @property
    def connects(self) -> int:
        """How often it was made since the start."""

    @property
    def losses(self) -> int:
        """How often messages may have been missed since the start.

        For a source whose peer keeps messages (`retains`): how often what it kept was gone.
        """

    @property
    def bound(self) -> bool:
        """Whether publishers connect to us, and come and go."""

    @property
    def unnoticed(self) -> float:
        """Seconds for which a loss may go unnoticed if no message comes."""

    @property
    def retains(self) -> bool:
        """Whether the peer keeps messages for us while we are not connected."""

    @property
    def drained(self) -> float:
        """Seconds since the epoch before which all that was published has been received.

        Infinite where the peer keeps nothing: then the time of receiving is all that is known.
        """

    def report(self) -> Mapping[str, Any]:
        """Return details for `status` and monitors; JSON values."""


class Receiver(Protocol):
    """Receives messages in a thread of its own."""

    max_message: int  # bytes; larger bodies are refused. May be set by any thread
    received: int  # messages since the start, including refused ones
    size: int  # bytes of those messages
    refused: dict[str, int]  # messages by reason
    beat: float  # `time.monotonic()` of the last turn of the loop

    @property
    def connections(self) -> Sequence[Connection]:
        """One for each address."""

    def open(self) -> None:
        """Prepare to run; connections may be made later, in the background.

        Raises:
            UsageError: an address or a file is not valid.
            SourceError: the source refuses us, or an address cannot be used.
        """

    def close(self) -> None:
        """Close everything; `run` must have returned."""

    def run(self, put: Callable[[Batch], bool], stop: Stop) -> None:
        """Receive until `stop` is set, then what has arrived by then.

        Args:
            put: takes each batch without blocking; False: there is no room. Of a batch that must
                be confirmed nothing is lost then, and it can be put again.
            stop: ends the run.
        """

    def watch(self, timeout: float, warn_after: float) -> list[Notice]:
        """Wait up to `timeout` seconds for notices. For another thread than that of `run`."""

    def standstills(self) -> list[tuple[float, float]]:
        """Return when the loop stood still for seconds, so that messages were missed."""

    def subscribe(self, topics: Sequence[str]) -> None:
        """Replace the topic prefixes (none: all topics). For any thread."""
