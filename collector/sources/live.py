"""Sources that are received as messages are published: several run side by side into one sink."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack

from hubbub.collector.event import Ledger, Sink, Stop
from hubbub.collector.gaps.detector import GapDetector
from hubbub.collector.listening.listener import Listener
from hubbub.collector.listening.receiver import Receiver

__all__ = ["LiveSource", "run_together"]


class LiveSource(ABC):
    """A bus; see `Source`."""

    name: str  # the kind of its frames

    @abstractmethod
    def receiver(self, ledger: Ledger) -> Receiver:
        """Return a receiver, not open yet.

        Args:
            ledger: remembers what the receiver needs after a restart.
        """

    def run(self, sink: Sink, ledger: Ledger, stop: Stop) -> None:
        """Receive until `stop` is set; see `Source.run`."""
        run_together([self], sink, ledger, stop)


def run_together(sources: Sequence[LiveSource], sink: Sink, ledger: Ledger, stop: Stop) -> None:
    """Receive from several sources until `stop` is set.

    Raises:
        UsageError, SourceError: a source cannot be opened.
        StoreError: messages could not be made durable, or the ledger cannot be read.
    """
    with ExitStack() as stack:
        receivers = [source.receiver(ledger) for source in sources]
        for receiver in receivers:
            stack.callback(receiver.close)
            receiver.open()
        listener = Listener(receivers, sink, stop=stop)
        gaps = GapDetector(
            listener.connections,
            listener.counts,
            ledger,
            beat=lambda: listener.beat,
            standstills=listener.standstills,
        )
        gaps.start()
        stack.callback(gaps.stop)
        listener.run()
