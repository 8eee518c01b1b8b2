"""Progress of long commands: a bar on standard error on a terminal; elsewhere lines in the log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

import click

from hubbub.logger import get_logger
from hubbub.times import iso

__all__ = ["Pace", "bar", "log_level", "note_continued", "steps", "time_of"]

_EVERY = 30.0  # seconds between two lines of the log
_UPDATES, _LEAST = 10, 5.0  # updates and seconds after which the pace is known
_log = get_logger("hubbub.progress")


class Update(Protocol):
    """Shows how much is done."""

    def __call__(self, done: float, total: float, text: str = "", /) -> None:
        """Show the amount done of a total (0: unknown), or a text instead of the amount."""


class Steps(Protocol):
    """Shows what is being done."""

    def __call__(self, part: str, done: int, total: int, /) -> None:
        """Show the part, and the amount done of a total (0: unknown)."""


class Pace:
    """How much time is left, by what was done since the first update.

    Nothing is said before that can be known: the first updates may come all at once, after a time
    that tells nothing of the others.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._updates, self._total = 0, -1.0
        self._began = self._first = 0.0

    def left(self, done: float, total: float) -> str:
        """Return how much time is left, for a bar; empty: not known yet."""
        now = self._clock()
        if total != self._total:
            self._updates, self._total, self._began, self._first = 0, total, now, done
        self._updates += 1
        elapsed, amount = now - self._began, done - self._first
        if not total or amount <= 0 or self._updates <= _UPDATES or elapsed < _LEAST:
            return ""
        seconds = (total - done) / amount * elapsed
        if seconds < 60:  # noqa: PLR2004 (a minute)
            return "less than a minute left"
        if seconds < 5400:  # noqa: PLR2004 (90 minutes)
            return f"about {seconds / 60:.0f} min left"
        return f"about {seconds / 3600:.1f} h left"


@contextmanager
def bar(label: str, unit: str = "") -> Iterator[Update]:
    """Show a progress bar; yield the function that updates it.

    Args:
        label: the activity.
        unit: of the amount.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _total, _text="": None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    texts = (TextColumn("{task.fields[text]}"), TextColumn("{task.fields[left]}"))
    columns = (TextColumn(label), BarColumn(), *texts)
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task, pace = progress.add_task(label, total=None, text="", left=""), Pace()

        def show(done: float, total: float, text: str = "", /) -> None:
            text, left = text or f"{done:,.0f} {unit}", pace.left(done, total)
            progress.update(task, completed=done, total=total or None, text=text, left=left)

        yield show


def time_of(seconds: float) -> datetime:
    """Return a time in seconds since the epoch."""
    return datetime.fromtimestamp(int(seconds), UTC)


def note_continued(what: str) -> Callable[[float], None]:
    """Return a function that says that a command goes on with what was interrupted.

    Args:
        what: was begun, as a noun; the function gets when (seconds since the epoch).
    """

    def note(started: float) -> None:
        click.echo(
            f"hubbub: continues the {what} of {iso(time_of(started))}, which was interrupted;"
            " --restart begins again",
            err=True,
        )

    return note


def log_level() -> int:
    """Return the log level of a command that uses `steps`."""
    return logging.WARNING if sys.stderr.isatty() else logging.INFO


@contextmanager
def steps(event: str, **values: object) -> Iterator[Steps]:
    """Show what a command does and how far it is; yield the function to call.

    Not on a terminal, a line is logged every half minute: the event, with its values, `part`,
    `percent`.

    Args:
        event: the activity.
        values: of the lines of the log.
    """
    if sys.stderr.isatty():
        with bar(event) as update:
            yield lambda part, done, total: update(done, total, part)
        return
    logged = time.monotonic()

    def show(part: str, done: int, total: int, /) -> None:
        nonlocal logged
        if time.monotonic() - logged >= _EVERY:
            logged = time.monotonic()
            _log.info(event, part=part, percent=100 * done // total if total else None, **values)

    yield show
