"""Alerts of a past day: what the rules would have raised, as far as a replay has come."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hubbub.errors import HubbubError
from hubbub.live.alerts.judge import Judge
from hubbub.live.alerts.replay import replay
from hubbub.live.alerts.runner import Alerting
from hubbub.live.alerts.wording import Shown, shown, visible
from hubbub.live.server.alerts.documents import frame_alerts
from hubbub.logger import get_logger
from hubbub.store import Store
from hubbub.store.state.alerts import RAISED

__all__ = ["Judging", "ReplayedAlerts"]

_KEPT = 300.0  # s for which a judged day is used again: by the next step, or another reader
_MAX = 8  # days that are kept
_log = get_logger("hubbub.serve")


class ReplayedAlerts:
    """Changes of alerts, shown when their time has come.

    Args:
        changes: by time.
    """

    def __init__(self, changes: Sequence[Shown]) -> None:
        self._changes = changes
        self._times = [change.time for change in changes]

    def at(self, now: int) -> dict[str, Any]:
        """Return the field `alerts` of a frame; `recorded` is false: it has no address.

        Args:
            now: time of the replay, µs since the epoch.
        """
        past = self._changes[: bisect_right(self._times, now)]
        on: dict[tuple[str, str], Shown] = {}
        for change in past:
            key = change.rule, change.subject
            if change.state == RAISED:
                on[key] = change
            else:
                on.pop(key, None)
        return frame_alerts(tuple(on.values()), past[::-1]) | {"recorded": False}


class Judging:
    """Judges days in threads; what was judged is shared and kept for some minutes.

    Args:
        folder: of the store.
        alerting: the rules.
    """

    def __init__(self, folder: Path, alerting: Alerting) -> None:
        self._folder, self._alerting = folder, alerting
        self._days: dict[tuple[int, int, bool], tuple[float, asyncio.Task[ReplayedAlerts]]] = {}

    def start(self, start: int, end: int, *, names: bool) -> asyncio.Task[ReplayedAlerts]:
        """Return the judging of a day, which may have ended already.

        Args:
            start: µs since the epoch.
            end: µs since the epoch.
            names: whether names of people, and private alerts, may be seen.
        """
        key, now = (start, end, names), time.monotonic()
        began, task = self._days.pop(key, (-_KEPT, None))
        if task is None or now - began > _KEPT:
            began, task = now, asyncio.create_task(self._judge(start, end, names=names))
        self._days[key] = began, task
        while len(self._days) > _MAX:
            del self._days[next(iter(self._days))]
        return task

    async def _judge(self, start: int, end: int, *, names: bool) -> ReplayedAlerts:
        try:
            return await asyncio.to_thread(
                _judge_range, self._folder, self._alerting, start, end, names=names
            )
        except HubbubError as error:
            _log.warning("alerts of a past day cannot be judged", why=error.what, where=error.where)
            return ReplayedAlerts(())

    async def end(self) -> None:
        """Wait for what is being judged."""
        tasks = [task for _, task in self._days.values()]
        await asyncio.gather(*tasks, return_exceptions=True)


def _judge_range(
    folder: Path, alerting: Alerting, start: int, end: int, *, names: bool
) -> ReplayedAlerts:
    """Run all rules over a range, with a store of its own.

    Args:
        folder: of the store.
        alerting: the rules.
        start: µs since the epoch.
        end: µs since the epoch.
        names: whether names of people, and private alerts, may be seen.

    Raises:
        StoreError: the store cannot be read.
    """
    with Store.open(folder, reading=True) as store:
        judge = Judge(store, end, alerting.base)
        found = [
            change
            for rule in alerting.rules
            for change in replay(judge, rule, start, end).changes
            if visible(change, names=names)
        ]
    found.sort(key=lambda change: change.time)
    return ReplayedAlerts(
        [shown(change, number=number, names=names) for number, change in enumerate(found, 1)]
    )
