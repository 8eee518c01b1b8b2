"""Keep the rollups up to date with the events table.

A rollup is complete up to one version of the events table, which its last commit carries as its
batch number. Rows and number are one commit, so that each commit of events is counted exactly once,
whatever is killed. See `tables` for the columns.

A period may have several rows, one for each time it was added to: readers sum them, compaction
merges them. Readers count later events from the events' own files (`query.from_rollups`). If rows
of events were deleted or changed and `mark_current` was not called, everything is counted again.

Sums outlive events: times before `frozen` (retention's cut, rounded up to the end of the day)
are never counted again. The cut may lie within a week, so that weeks are always sums of days.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from hubbub.store.rollups.comparison import differs
from hubbub.store.rollups.details import build_next, kept
from hubbub.store.rollups.frozen import FROZEN, frozen
from hubbub.store.rollups.rebuild import (
    CHUNK,
    days_and_weeks,
    rebuild_all,
    rebuild_one,
    source,
    write_counted,
)
from hubbub.store.rollups.tables import DAY, HOUR, Actions, Rollup

if TYPE_CHECKING:
    from hubbub.store.delta.data_file import File
    from hubbub.store.store import Store

__all__ = [
    "DAY",
    "FROZEN",
    "HOUR",
    "LAG",
    "Rollup",
    "catch_up",
    "differences",
    "differs",
    "files_by_month",
    "frozen",
    "keep_up",
    "mark_current",
    "rebuild",
    "source",
]

LAG = 12  # commits of events that readers count themselves


def keep_up(store: Store) -> None:
    """Call `catch_up` if the rollups are `LAG` commits behind. Needs the loader's lock."""
    if store.table.version() - min(rollup.batch() for rollup in kept(store)) >= LAG:
        catch_up(store)


def catch_up(store: Store) -> None:
    """Count the events that the rollups lack. Needs the loader's lock.

    Raises:
        StoreError: no room, or damage; what was counted until then stays.
    """
    version = store.table.version()
    if version <= 0:
        return
    while build_next(store, most=CHUNK) is not None:
        pass
    rollups = kept(store)
    while (behind := _next(store, rollups, version)) is not None:
        commits = store.table.entries.commits(behind.batch + 1, behind.target)
        if commits is None or any(commit.removed for commit in commits):
            rebuild_all(store, rollups)
            return
        files: list[File] = []
        for commit in commits:
            files += commit.files
            if sum(file.rows for file in files) >= CHUNK or commit.version == behind.target:
                _append(store, behind.rollups, files, commit.version)
                files = []


class _Behind(NamedTuple):
    """The rollups that lack the most, and up to which version they are to be counted next."""

    rollups: Sequence[Rollup]
    batch: int
    target: int


def _next(store: Store, rollups: Sequence[Rollup], version: int) -> _Behind | None:
    """Return what to count next; None if all is counted."""
    while True:
        batches = sorted({rollup.batch() for rollup in rollups})
        if batches == [version]:
            return None
        if batches[-1] > version:  # the events were restored from a backup
            rebuild_all(store, rollups)
            return None
        days, weeks = days_and_weeks(store)
        if weeks.batch() == days.batch():
            break
        # a run died between the two, or an older hubbub wrote
        rebuild_one(store, weeks, days.batch())
    # A run that died may have left some rollups behind the others: first count up to those.
    behind = [rollup for rollup in rollups if rollup.batch() == batches[0]]
    return _Behind(behind, batches[0], min([*batches[1:], version]))


def _append(store: Store, rollups: Sequence[Rollup], files: Sequence[File], version: int) -> None:
    """Count these files of events; coarser rollups are summed from finer ones.

    Compaction may have replaced some of them since: they are no longer part of the table.

    Actions are found some days at a time; of the sums, memory holds those of one rollup, and those
    that the next ones add up.
    """
    since, paths = frozen(store), [file.uri for file in files]
    finer: dict[str, Any] = {}
    for rollup in rollups:
        if isinstance(rollup, Actions):
            rollup.ensure()
            added, _ = write_counted(store, rollup, files)
            rollup.replace([], added, version)
            continue
        sums = finer.pop(rollup.finer, None)
        if sums is None:
            sums = rollup.count(paths, since if rollup.outlives else 0)
        else:
            sums = rollup.summed(sums)
        rollup.append_rows(rollup.parts(sums), version)
        if any(other.finer == rollup.name for other in rollups):
            finer[rollup.name] = sums
        del sums
        pa.default_memory_pool().release_unused()


def rebuild(store: Store) -> None:
    """Count everything again, from `frozen` on. Needs the loader's lock.

    Readers see the old rows of a rollup until all its new ones are committed.

    Raises:
        StoreError: no room, or damage; the rollup that failed is unchanged.
    """
    rebuild_all(store, store.rollups)


def differences(store: Store, rollup: Rollup) -> list[str]:
    """Return the months, from `frozen` on, in which a rollup differs from its source.

    Needs the loader's lock; call `catch_up` before.

    Raises:
        StoreError: a file cannot be read.
    """
    months = files_by_month(store, rollup)
    return [month for month, files in months.items() if differs(store, rollup, *files)]


def files_by_month(store: Store, rollup: Rollup) -> dict[str, tuple[list[File], list[File]]]:
    """Return the files of a rollup's source, and its own, by month (YYYY-MM), from `frozen` on."""
    origin, _, since = source(store, rollup)
    months: dict[str, tuple[list[File], list[File]]] = {}
    for place, files in enumerate((origin.files(), rollup.files())):
        for file in files:
            if file.last >= since:
                month = Path(file.uri).parent.name.removeprefix("month=")
                months.setdefault(month, ([], []))[place].append(file)
    return dict(sorted(months.items()))


def mark_current(store: Store) -> None:
    """Record that the rollups match the newest version of events, without counting again.

    For retention and forgetting, which delete or change rows of events and have treated the rollups
    accordingly. Call `catch_up` before the change, and keep the loader's lock in between.
    """
    version = store.table.version()
    for rollup in kept(store):
        if rollup.exists() and rollup.batch() < version:
            rollup.replace([], [], version)
