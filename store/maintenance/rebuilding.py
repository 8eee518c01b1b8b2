"""Count the rollups again, a month at a time, so that it can be interrupted and continued.

All rollups are first brought up to the newest events. The commit that replaces the rows of a month
then leaves the number of these events as it is, so that readers see the same sums before and after.
Months that were done are recorded: see `checkpoint`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hubbub.errors import NoRoomError, StoreError
from hubbub.store.delta.rewrite import retire
from hubbub.store.maintenance.checkpoint import REBUILD, Checkpoint
from hubbub.store.maintenance.progress import Progress, Show
from hubbub.store.rollups import refresh
from hubbub.store.rollups.details import kept
from hubbub.store.rollups.rebuild import split_files, write_counted

if TYPE_CHECKING:
    from hubbub.store.delta.data_file import File
    from hubbub.store.rollups.refresh import Rollup
    from hubbub.store.store import Store

__all__ = ["rebuild"]


def rebuild(
    store: Store,
    *,
    restart: bool = False,
    show: Show = lambda *_: None,
    note: Callable[[float], object] = lambda _: None,
) -> None:
    """Count all rollups again, from `frozen` on; those that are not built yet are left out.

    Needs the loader's lock. One that was interrupted is continued: a month whose events and sums
    were not written since is not counted again.

    Args:
        store: the store.
        restart: do not continue an earlier one.
        show: see `Show`.
        note: called with the start (seconds since the epoch) of the one that is continued.

    Raises:
        StoreError: no room, or damage; months that are done stay done.
    """
    if store.table.version() <= 0:
        return
    new = [rollup for rollup in store.rollups if not rollup.batch()]
    try:
        refresh.catch_up(store)
    except NoRoomError:
        raise
    except StoreError:  # one that others are counted from cannot be read: all of them at once
        refresh.rebuild(store)
        return
    chosen = [rollup for rollup in kept(store) if rollup not in new]  # these were counted just now
    checkpoint, progress = Checkpoint(store.path / REBUILD, restart=restart), Progress(show)
    if checkpoint.started is not None:
        note(checkpoint.started)
    for rollup in chosen:
        months = refresh.files_by_month(store, rollup).values()
        progress.expect(sum(file.rows for source, _ in months for file in source))
    for rollup in chosen:
        _rebuild(store, rollup, checkpoint, progress)
    checkpoint.finish()


def _rebuild(store: Store, rollup: Rollup, checkpoint: Checkpoint, progress: Progress) -> None:
    since = refresh.source(store, rollup)[2]
    split_files(rollup, since)
    fits = not since
    for month, (source, own) in refresh.files_by_month(store, rollup).items():
        progress.begin(f"{rollup.name} of {month}")
        done = checkpoint.facts(_key(checkpoint, rollup, source, own, since))
        if done is None:
            added, done = write_counted(store, rollup, source)
            rollup.replace(own, added)
            retire(own)
            new = refresh.files_by_month(store, rollup).get(month, ((), ()))[1]
            checkpoint.record(_key(checkpoint, rollup, source, new, since), facts=done)
        fits = fits and done
        progress.add(sum(file.rows for file in source))
    if fits:
        rollup.forget_saturation()


def _key(
    checkpoint: Checkpoint, rollup: Rollup, source: Sequence[File], own: Sequence[File], since: int
) -> str:
    """Return the key of a month, by the files of its source and its own.

    Files of its own that are missing are those of no month that was done.
    """
    paths = [Path(file.uri) for file in (*source, *own)]
    missing = [str(path) for path in paths if not path.exists()]
    present = [path for path in paths if path.exists()]
    return checkpoint.key(rollup.name, present, since, *missing)
