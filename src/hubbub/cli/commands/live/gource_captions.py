"""Captions for Gource: alerts, and the messages of some topics, in a file of their own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from hubbub.cli.app import App
from hubbub.cli.functions import make_runner
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.collector.event import Event
    from hubbub.live.alerts.wording import Shown
    from hubbub.live.gource import GourceLog
    from hubbub.run.scope import CommonOptions
    from hubbub.store import Store
    from hubbub.store.query.selection import Selection

__all__ = ["Captions"]

_STEPS = 2_000  # of the range, in which moving averages compare numbers of messages
_LEAST_STEP = timedelta(seconds=10)
_MOST = 10_000  # changes of alerts
_EVERY = 2.0  # s between looks at the alerts


class Captions:
    """Writes captions.

    Args:
        app: of the command line.
        store: an open store.
        log: names people, or numbers them.
        path: of the file.
        releases: globs of the topics whose messages become captions.
    """

    def __init__(
        self, app: App, store: Store, log: GourceLog, path: Path, releases: tuple[str, ...]
    ) -> None:
        self._app, self._store, self._log, self._path = app, store, log, path
        self._releases = releases
        self._begun = time.time_ns() // 1_000
        self._known: set[int] = set()  # numbers of changes of alerts that are written
        self._read = 0.0

    def begin(self, options: CommonOptions | None, chosen: Selection) -> None:
        """Write the file: the captions of a range, or none yet.

        Args:
            options: range and filters; None: what is live.
            chosen: the events that they choose.

        Raises:
            UsageError: it cannot be written.
        """
        from hubbub.live.gource import caption
        from hubbub.store.disk.files import replace_file

        captions = [] if options is None else sorted(self._past(options, chosen))
        text = "".join(caption(when, words) for when, words in captions)
        try:
            replace_file(self._path, text.encode())
        except OSError as error:
            raise self._error(error) from error

    def seen(self, event: Event) -> None:
        """Append the caption of a message that was received, if its topic is one of them."""
        if self._is_release(event):
            self._append([(event.time // 1_000_000, self._log.caption(event))])

    def poll(self) -> None:
        """Append the alerts that changed since the start."""
        if time.monotonic() - self._read < _EVERY:
            return
        self._read = time.monotonic()
        new = [c for c in self._changes(self._begun, None) if c.number not in self._known]
        self._known.update(change.number for change in new)
        self._append([_alert(change) for change in new])

    def _past(self, options: CommonOptions, events: Selection) -> Iterator[tuple[int, str]]:
        from hubbub.live.stream.past import stored_events
        from hubbub.times import to_micros

        self._app.plugins()
        runner = make_runner(self._app, self._store, common=options)
        chosen = runner.range()
        if self._app.config.alerts:
            since, until = to_micros(chosen.since), to_micros(chosen.until)
            yield from map(_alert, self._changes(since, until))
        else:
            step = max((chosen.until - chosen.since) / _STEPS, _LEAST_STEP)
            resolution = step // _LEAST_STEP * _LEAST_STEP
            for row in runner.query("alerts", resolution=resolution).data:
                words = (
                    "▲ more messages than usual" if row["state"] == "raised" else "▽ as usual again"
                )
                yield int(datetime.fromisoformat(row["time"]).timestamp()), words
        if self._releases:
            for event in stored_events(self._store, events):
                if self._is_release(event):
                    yield event.time // 1_000_000, self._log.caption(event)

    def _changes(self, since: int, until: int | None) -> tuple[Shown, ...]:
        """Return the changes of alerts of a range, the oldest first."""
        from hubbub.live.alerts.board import board

        alerts = board(
            self._store.state, names=self._log.names, since=since, until=until, limit=_MOST
        )
        return alerts.changes[::-1]

    def _is_release(self, event: Event) -> bool:
        from hubbub.store.query.globs import fits

        return bool(self._releases) and fits(event.topic, self._releases)

    def _append(self, captions: list[tuple[int, str]]) -> None:
        from hubbub.live.gource import caption
        from hubbub.store.disk.files import append

        if not captions:
            return
        text = "".join(caption(when, words) for when, words in captions)
        try:
            append(self._path, text.encode())
        except OSError as error:
            raise self._error(error) from error

    def _error(self, error: OSError) -> UsageError:
        return UsageError(f"cannot write: {error.strerror}", where=str(self._path))


def _alert(change: Shown) -> tuple[int, str]:
    return change.time // 1_000_000, f"{change.title}: {change.text}"
