"""What every source promises, whatever it reads.

1. A message counts as received once it is on the disk; what a source acknowledges, or where it
   continues, follows from that. A message that comes again counts once.
2. A message that cannot be read becomes a dead letter with a reason, and no other is lost.
3. A source knows what it missed: gaps are recorded in the ledger, and healed from a history.
4. The same message gives the same event, whichever way it came.

tests/contract/ proves them for each source.
"""

from __future__ import annotations

from typing import Protocol

from hubbub.collector.event import Ledger, Sink, Stop

__all__ = ["Source"]


class Source(Protocol):
    """A way by which messages come to hubbub."""

    @property
    def name(self) -> str:
        """The kind of its frames, as in `Frame.source`."""

    def run(self, sink: Sink, ledger: Ledger, stop: Stop) -> None:
        """Put messages into the sink until there are no more, or `stop` is set.

        Args:
            sink: takes frames; used by this source only while it runs.
            ledger: takes checkpoints and coverage.
            stop: ends the run within five seconds, with everything safe that was received.

        Raises:
            SourceError: the source cannot be reached, or refuses us.
            StoreError: the sink or the ledger cannot be written.
        """
