"""The history source: what a datagrepper service holds of a span of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hubbub.collector.decode.rejected import LARGEST
from hubbub.collector.event import Ledger, Sink, Stop
from hubbub.collector.history.client import History
from hubbub.collector.history.estimate import Estimate
from hubbub.collector.history.gather import SETTLE, Gathered, Progress, gather

__all__ = ["HistorySource"]


@dataclass(slots=True)
class HistorySource:
    """A history service, from which a span of time is gathered; see `gather`.

    Args:
        history: client of the service.
        start: of the span.
        end: of the span, exclusive.
        categories: only these; all if empty.
        topics: only these; all if empty.
        users: only messages of these; all if empty.
        jobs: parallel requests.
        settle: the end of the span that is not proven yet.
        max_message: bytes; larger rows are refused by the sink.
        progress: called after every batch.
        expect: called with the estimate that follows the first response.
        reached: called after every batch with the time before which all is read.

    Attributes:
        gathered: what the last run received and proved; None before it ended.
    """

    history: History
    start: datetime
    end: datetime
    categories: Sequence[str] = ()
    topics: Sequence[str] = ()
    users: Sequence[str] = ()
    jobs: int = 4
    settle: timedelta = SETTLE
    max_message: int = LARGEST
    progress: Progress | None = None
    expect: Callable[[Estimate], None] | None = None
    reached: Callable[[datetime], None] | None = None
    gathered: Gathered | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        """The kind of its frames."""
        return "history"

    def run(self, sink: Sink, ledger: Ledger, stop: Stop) -> None:
        """Gather what the ledger does not record as complete; see `Source.run`.

        Raises:
            UsageError: `start` is not before `end`, or `jobs` is less than one.
            SourceError: the service cannot be reached, or its responses are not valid.
            StoreError: of the sink or the ledger.
        """
        self.gathered = gather(
            self.history,
            sink,
            ledger,
            start=self.start,
            end=self.end,
            categories=self.categories,
            topics=self.topics,
            users=self.users,
            jobs=self.jobs,
            settle=self.settle,
            max_message=self.max_message,
            progress=self.progress,
            expect=self.expect,
            reached=self.reached,
            stop=stop,
        )
