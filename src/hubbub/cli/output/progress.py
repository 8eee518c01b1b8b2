"""A progress bar on standard error, shown only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["bar"]

Update = Callable[[float, float], None]


@contextmanager
def bar(label: str, unit: str = "") -> Iterator[Update]:
    """Show a progress bar; yield a function of the amount done and the total (0: unknown).

    Args:
        label: the activity.
        unit: of the amount.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(label),
        BarColumn(),
        TextColumn("{task.completed:,.0f} " + unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=None)

        def show(done: float, total: float) -> None:
            progress.update(task, completed=done, total=total or None)

        yield show
