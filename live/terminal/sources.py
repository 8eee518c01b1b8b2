"""Where a view's events are from: what is received now, or a replay of the past."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from hubbub.collector.event import Event
from hubbub.live.alerts.board import Board
from hubbub.live.stream.clock import Replay
from hubbub.live.stream.frames import Received

__all__ = ["Source", "replayed"]


def _none() -> None:
    return None


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Source:
    """A source of events.

    Attributes:
        poll: returns the events since the last call.
        title: says what it is.
        replay: its clock, if it is of the past.
        alerts: returns those that are on, and the latest changes; None: there are no rules.
        ended: whether nothing more will come.
        noun: what the events are.
    """

    poll: Callable[[], list[Received]]
    title: str
    replay: Replay | None = None
    alerts: Callable[[], Board | None] = _none
    ended: Callable[[], bool] = _never
    noun: str = "messages"

    @property
    def now(self) -> int:
        """Up to when `poll` has returned every event, µs since the epoch."""
        return time.time_ns() // 1_000 if self.replay is None else self.replay.reached


def replayed(
    replay: Replay,
    title: str,
    matches: Callable[[Event], bool] | None = None,
    alerts: Callable[[], Board | None] | None = None,
) -> Source:
    """Return a replay as a source: an event arrives at its own time.

    Args:
        replay: of stored events.
        title: says what it is.
        matches: whether an event is shown; None: all are.
        alerts: returns those of the past so far; None: there are no rules.
    """

    def poll() -> list[Received]:
        return [(event, event.time) for event in replay.poll() if matches is None or matches(event)]

    return Source(poll, title, replay, alerts or _none, ended=lambda: replay.ended)
