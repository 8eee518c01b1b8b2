"""Progress on standard error, and only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["bar"]

Shown = Callable[[float, float], None]


@contextmanager
def bar(what: str, unit: str = "") -> Iterator[Shown]:
    """A bar; gives a function of what is done and the total (0: not known).

    Args:
        what: what is being done.
        unit: what is counted.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(what),
        BarColumn(),
        TextColumn("{task.completed:,.0f} " + unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)

        def show(done: float, total: float) -> None:
            progress.update(task, completed=done, total=total or None)

        yield show
