"""Rollups: how many messages and bytes each user and topic had in each hour, day or week.

Comes in: the events table. Goes out: four Delta tables beside it, each complete up to a version of
the events table that its last commit carries as its number. Rows and number are one commit, so that
whatever is killed, each commit of events is counted once. What they hold: see `rollup`.

A period may have several rows (one for each time it was added to), which readers sum and compaction
makes one. What came after the number is read from the events' own files: see `rolled`. Where rows
of events went or changed without a word to `mark`, everything is counted again.

Rollups outlive events: times before `frozen` (retention's cut, at a day's end) are never counted
again. The cut may lie within a week: weeks are always the sums of the days.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubbub.errors import StoreError
from hubbub.store.delta.data_file import DataFileWriter, File
from hubbub.store.delta.log import commits
from hubbub.store.delta.rewrite import retire, rewrite
from hubbub.store.delta.table import Table
from hubbub.store.disk.errors import write_error
from hubbub.store.rollups.tables import (
    DAY,
    HOUR,
    DailyTopics,
    DailyUsers,
    HourlyUsers,
    Rollup,
    WeeklyUsers,
)
from hubbub.times import from_micros

if TYPE_CHECKING:
    from deltalake.transaction import AddAction

    from hubbub.store.store import Store

__all__ = [
    "DAY",
    "FROZEN",
    "HOUR",
    "LAG",
    "Rollup",
    "open_rollups",
    "catch_up",
    "differences",
    "frozen",
    "keep_up",
    "mark_current",
    "rebuild",
    "source",
]

LAG = 12  # commits of events that readers add up themselves
CHUNK = 1_000_000  # rows that are counted at once, about
FROZEN = "rollups:frozen"  # key of the state: µs


def open_rollups(folder: Path) -> tuple[Rollup, ...]:
    """The rollups of a store, whether they are there or not."""
    kinds = (HourlyUsers, DailyUsers, WeeklyUsers, DailyTopics)  # what is finer before its sums
    return tuple(kind(folder / kind.name) for kind in kinds)


def frozen(store: Store) -> int:
    """The time (µs) before which rollups are never counted again."""
    return int(store.state.get(FROZEN) or 0)


def keep_up(store: Store) -> None:
    """`catch_up` where much came since the last time. For the holder of the loader's lock."""
    if store.table.version() - min(one.batch() for one in store.rollups) >= LAG:
        catch_up(store)


def catch_up(store: Store) -> None:
    """Count what came. For the holder of the loader's lock.

    Raises:
        StoreError: no room, or damage; what was counted until then stays.
    """
    version = store.table.version()
    if version <= 0:
        return
    while True:
        numbers = sorted({one.batch() for one in store.rollups})
        if numbers == [version]:
            return
        if numbers[-1] > version:  # the events were restored from a backup
            rebuild(store)
            return
        days, weeks = _days_and_weeks(store)
        if weeks.batch() != days.batch():  # a run died between the two, or was of an older hubbub
            _rebuild(store, weeks, days.batch())
            continue
        # those that are behind, up to the next one: a run that died may have left them apart
        behind = [one for one in store.rollups if one.batch() == numbers[0]]
        target = min([*numbers[1:], version])
        found = commits(store.table, numbers[0] + 1, target)
        if found is None or any(one.removed for one in found):
            rebuild(store)
            return
        since = frozen(store)
        files: list[str] = []
        rows = 0
        for commit in found:
            files += commit.added
            rows += commit.rows
            if rows >= CHUNK or commit.version == target:
                for one, sums in _counted(behind, files, since):
                    one.append_rows(list(one.parts(sums)), commit.version)
                files, rows = [], 0


def _counted(
    some: Iterable[Rollup], files: Sequence[str], since: int
) -> Iterator[tuple[Rollup, Any]]:
    """The rows that these files of events make in each; the events are read once for all users."""
    known: dict[str, Any] = {}
    for one in some:
        finer = known.get(one.finer)
        known[one.name] = one.count(files, since) if finer is None else one.summed(finer)
        yield one, known[one.name]


def _days_and_weeks(store: Store) -> tuple[Rollup, Rollup]:
    (weeks,) = (one for one in store.rollups if isinstance(one, WeeklyUsers))
    (days,) = (one for one in store.rollups if one.name == weeks.finer)
    return days, weeks


def source(store: Store, one: Rollup) -> tuple[Table, Callable[[Sequence[str]], Any], int]:
    """Of which table a rollup is counted, how (files to rows), and from which time on (µs)."""
    days, weeks = _days_and_weeks(store)
    if one.name == weeks.name:
        return days, lambda files: one.summed(_read(days, files)), 0
    since = frozen(store)
    return store.table, lambda files: one.count(files, since), since


def _read(table: Rollup, files: Sequence[str]) -> Any:
    """The rows of these files.

    Raises:
        StoreError: a file cannot be read.
    """
    names = table.schema.names
    try:
        parts = [pq.read_table(path, columns=names, partitioning=None) for path in files]
    except (OSError, pa.ArrowException) as e:
        hint = "`hubbub compact --rebuild` counts it again"
        raise StoreError(
            f"{table.name} cannot be read: {e}", where=str(table.folder), hint=hint
        ) from e
    return pa.concat_tables([table.schema.empty_table(), *(p.cast(table.schema) for p in parts)])


def rebuild(store: Store) -> None:
    """Count everything again, from `frozen` on. For the holder of the loader's lock.

    Readers see the old rows until the new ones are there.

    Raises:
        StoreError: no room, or damage; nothing was changed then in the rollup in hand.
    """
    version = store.table.version()
    if version >= 0:
        for one in store.rollups:
            _rebuild(store, one, version)


def _rebuild(store: Store, table: Rollup, version: int) -> None:
    origin, count, since = source(store, table)
    files = [file for file in origin.files() if file.last >= since]
    table.ensure()
    if since:  # what is older than the cut stays, alone in its files
        rewrite(table, [f for f in table.files() if f.first < since <= f.last], _before(since))
    old = [file for file in table.files() if file.last >= since]
    added: list[AddAction] = []
    try:
        for some in _chunks(files):
            for month, rows in table.parts(count([f.uri for f in some])):
                added.append(_write(table, month, rows))
    except (OSError, pa.ArrowException) as e:
        table.drop(added)
        raise write_error(f"cannot write {table.name}", e, table.folder) from e
    except StoreError:
        table.drop(added)
        raise
    table.replace(old, added, version)
    retire(old)


def _before(limit: int) -> Any:
    """Rows before a time; the others are counted again."""
    return lambda rows: rows.filter(pc.less(rows["time"], _moment(limit)))


def _moment(micros: int) -> Any:
    return pa.scalar(from_micros(micros), pa.timestamp("us", "UTC"))


def _write(table: Rollup, month: str, rows: Any) -> AddAction:
    file = DataFileWriter(table, month, f"{0:020d}-{secrets.token_hex(8)}")
    try:
        file.write(rows)
        return file.close()
    except BaseException:
        file.discard()
        raise


def _chunks(files: Sequence[File]) -> Iterator[list[File]]:
    held: list[File] = []
    for file in files:
        held.append(file)
        if sum(f.rows for f in held) >= CHUNK:
            yield held
            held = []
    if held:
        yield held


def differences(store: Store, table: Rollup) -> list[str]:
    """The months in which a rollup and what it is counted of differ, from `frozen` on.

    For the holder of the loader's lock, who caught up.

    Raises:
        StoreError: that cannot be read.
    """
    origin, count, since = source(store, table)
    months: dict[str, tuple[list[str], list[str]]] = {}
    for which, files in enumerate((origin.files(), table.files())):
        for file in files:
            if file.last >= since:
                months.setdefault(Path(file.uri).parent.name, ([], []))[which].append(file.uri)
    out = []
    for month, (counted, sums) in sorted(months.items()):
        rows = _read(table, sums)
        rows = table.combined(rows.filter(pc.greater_equal(rows["time"], _moment(since))))
        if not rows.equals(table.combined(count(counted))):
            out.append(month.removeprefix("month="))
    return out


def mark_current(store: Store) -> None:
    """The newest version of events counts as the rollups do: rows went, or names changed in both.

    For whoever called `catch_up` before it, and holds the loader's lock since.
    """
    version = store.table.version()
    for one in store.rollups:
        if one.exists() and one.batch() < version:
            one.replace([], [], version)
