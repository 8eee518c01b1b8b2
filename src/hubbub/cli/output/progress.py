"""A progress bar on standard error, shown only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["bar"]


class Update(Protocol):
    """Shows how much is done."""

    def __call__(self, done: float, total: float, text: str = "", /) -> None:
        """Show the amount done of a total (0: unknown), or a text instead of the amount."""


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
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(label),
        BarColumn(),
        TextColumn("{task.fields[text]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=None, text="")

        def show(done: float, total: float, text: str = "", /) -> None:
            text = text or f"{done:,.0f} {unit}"
            progress.update(task, completed=done, total=total or None, text=text)

        yield show
