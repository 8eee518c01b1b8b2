"""The ZeroMQ source: fedmsg's publishers, or others that send a topic and a body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hubbub.collector.decode.rejected import MAX_MESSAGE
from hubbub.collector.event import Ledger
from hubbub.collector.sources.live import LiveSource
from hubbub.collector.zeromq.endpoint import check_address
from hubbub.collector.zeromq.receiver import PAUSE, Receiver

__all__ = ["ZmqSource"]


@dataclass(frozen=True, slots=True)
class ZmqSource(LiveSource):
    """Publishers on ZeroMQ.

    Args:
        connect: addresses of publishers.
        bind: addresses that publishers connect to.
        topics: prefixes; all topics if empty.
        max_message: bytes of the largest body that is kept whole.
        pause: seconds to wait after the sockets were emptied.
    """

    connect: Sequence[str] = ()
    bind: Sequence[str] = ()
    topics: Sequence[str] = ()
    max_message: int = MAX_MESSAGE
    pause: float = PAUSE
    name = "zmq"

    def __post_init__(self) -> None:
        """Check the addresses, before anything else is done.

        Raises:
            UsageError: one is not valid.
        """
        for address in self.connect:
            check_address(address, bind=False)
        for address in self.bind:
            check_address(address, bind=True)

    def receiver(self, ledger: Ledger) -> Receiver:
        """Return a receiver, not open yet; a publisher needs no state of ours."""
        del ledger
        return Receiver(
            self.connect, self.bind, self.topics, max_message=self.max_message, pause=self.pause
        )
