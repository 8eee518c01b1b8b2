"""Compaction: the many small files of a month become few large ones, sorted, with the same rows.

Comes in: a table. Goes out: commits that change no data; readers see the files before or after,
never both. Old files stay for `GRACE` seconds: longer than any query takes that has begun. For the
holder of the loader's lock, a step at a time, so that a loader is never kept waiting for long.

A crash leaves a file that is no part of the table, which `clean` deletes, or a set of ids that is
behind the table by commits without new rows, which the next loader completes.

Files are folded with others of like size, so that a row is written again once for each factor of
`FACTOR` that its files grow. Once a month has been quiet for a day, all its small files are folded.
"""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake.exceptions import DeltaError

from hubbub.errors import StoreError
from hubbub.store.delta.data_file import DataFileWriter, File
from hubbub.store.delta.merge import groups, merged
from hubbub.store.delta.rewrite import retire, vacuum
from hubbub.store.delta.table import Table
from hubbub.store.disk.errors import write_error
from hubbub.store.disk.files import sync_file, sync_folder
from hubbub.store.maintenance.retention import GRACE
from hubbub.store.tables.id_lookup import update_index

if TYPE_CHECKING:
    from hubbub.store.store import Store

__all__ = ["GRACE", "TARGET", "Compacted", "clean", "compact", "fold", "plan", "step", "trim_log"]

TARGET = 128 << 20  # bytes that one step reads, about; and of a file that stays as it is, twice
SMALLEST = 256 << 10  # bytes; smaller files are all of like size
FACTOR = 8  # between two sizes that are not alike
FILES = 16  # of like size are folded
QUIET = 86_400.0  # seconds after which nothing more is expected for a month
ENTRIES = 100  # of the Delta log, after which it gets a checkpoint

Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction did."""

    files: int = 0  # that were folded
    into: int = 0  # new ones
    rows: int = 0
    saved: int = 0  # bytes that the new files are smaller than the old ones
    deleted: int = 0  # old files that nobody can need any more


def plan(files: Sequence[File], *, whole: bool, now: float | None = None) -> list[File]:
    """The files that are to be folded next; none where nothing is to be done.

    Args:
        files: of a snapshot.
        whole: fold what is small whatever its size; otherwise only where enough came together.
        now: seconds since the epoch.
    """
    now = time.time() if now is None else now
    months: dict[Path, list[File]] = defaultdict(list)
    for file in sorted(files, key=lambda f: (f.first, f.uri)):
        if file.bytes < TARGET // 2:
            months[Path(file.uri).parent].append(file)
    for month in sorted(months):
        small = months[month]
        if len(small) > 1 and (whole or _quiet(small, now)):
            return _some(small)
        sizes: dict[int, list[File]] = defaultdict(list)
        for file in small:
            sizes[_tier(file.bytes)].append(file)
        for _, alike in sorted(sizes.items()):
            if len(alike) >= FILES:
                return _some(alike)
    return []


def _quiet(files: Sequence[File], now: float) -> bool:
    return all(Path(file.uri).stat().st_mtime < now - QUIET for file in files)


def _tier(size: int) -> int:
    tier = 0
    while size >= SMALLEST * FACTOR**tier:
        tier += 1
    return tier


def _some(files: Sequence[File]) -> list[File]:
    """As many as one step should read, at least two."""
    out: list[File] = []
    size = 0
    for file in files:
        if len(out) > 1 and size + file.bytes > TARGET:
            break
        out.append(file)
        size += file.bytes
    return out


def fold(table: Table, files: Sequence[File], stop: Stop = lambda: False) -> Compacted | None:
    """Make one file of these, in one commit.

    Args:
        table: whose files they are.
        files: of the newest snapshot and of one month; not empty.
        stop: asked now and then; True gives up, and nothing is changed.

    Raises:
        StoreError: no room, or a file is damaged; nothing was changed then.
    """
    month = Path(files[0].uri).parent.name.removeprefix("month=")
    first = min(file.first for file in files)
    new: DataFileWriter | None = None
    try:
        new = DataFileWriter(table, month, f"{first:020d}-{secrets.token_hex(8)}")
        for rows in groups(table, map(table.combined, merged(table, files))):
            if stop():
                new.discard()
                return None
            new.write(rows)
        _check(table, files, new)
        add = new.close(data_change=False)
    except BaseException as e:
        if new is not None:
            new.discard()
        if isinstance(e, (OSError, pa.ArrowException)):
            raise write_error(f"cannot compact {table.name}", e, table.folder) from e
        raise
    table.replace(files, [add], data_change=False)
    retire(files)
    return Compacted(len(files), 1, new.rows, sum(file.bytes for file in files) - add.size)


def _check(table: Table, files: Sequence[File], new: DataFileWriter) -> None:
    """Nothing is taken out of the table that was not read."""
    before = sum(file.rows for file in files)
    if new.rows != before and not table.combines:
        raise StoreError(
            f"{len(files)} files hold {new.rows:,} rows, and their log says {before:,}",
            where=str(table.folder),
            hint="`hubbub verify` says which file is damaged",
        )


def step(store: Store, *, whole: bool = False, stop: Stop = lambda: False) -> Compacted | None:
    """Fold once, in the first table that needs it; None where none does, or `stop` said so.

    For the holder of the loader's lock.

    Raises:
        StoreError: no room, or damage.
    """
    for beside in (store.bodies, store.samples):
        beside.settle(store.table.batch())  # whatever is in the table is there to stay
    for table in store.tables:
        files = plan(table.files(), whole=whole)
        if not files:
            continue
        version = store.table.version()
        done = fold(table, files, stop)
        if table is store.table and done is not None:
            update_index(store.path / "ids", store.table, version)
        return done
    return None


def clean(store: Store, grace: float = GRACE) -> int:
    """Delete old files and old entries of the logs; how many data files.

    For the holder of the loader's lock.

    Args:
        store: the store.
        grace: seconds that they are left to readers.
    """
    deleted = 0
    for table in store.tables:
        if table.exists():
            deleted += vacuum(table, grace)
            trim_log(table, grace)
    return deleted


def compact(store: Store, stop: Stop = lambda: False) -> Compacted:
    """Fold whatever is small, and clean up; loaders get their turn between two steps.

    Raises:
        StoreError: no room, or damage; what was done until then stays.
    """
    total = Compacted()
    while not stop():
        with store.loader_lock():
            done = step(store, whole=True, stop=stop)
        if done is None:
            break
        total = Compacted(
            total.files + done.files,
            total.into + done.into,
            total.rows + done.rows,
            total.saved + done.saved,
        )
        time.sleep(0.02)  # whoever waits for the lock gets it
    with store.loader_lock():
        deleted = clean(store)
    return Compacted(total.files, total.into, total.rows, total.saved, deleted)


def trim_log(table: Table, grace: float = GRACE) -> int:
    """Give the Delta log a checkpoint where it has grown, and delete what is before an older one.

    Entries younger than `grace` seconds stay: a reader may have listed them. How many were deleted.

    Raises:
        StoreError: the log is damaged, or there is no room for a checkpoint.
    """
    try:
        points = {int(p.name.partition(".")[0]) for p in table.log.glob("*.checkpoint*.parquet")}
        version = table.version()
        if version - max(points, default=-1) >= ENTRIES:
            table.table().create_checkpoint()
            for path in (*table.log.glob(f"{version:020d}.*"), table.log / "_last_checkpoint"):
                sync_file(path)
            sync_folder(table.log)
            points.add(version)
        oldest = time.time() - grace
        # the newest checkpoint that every reader of now may start from
        start = max((p for p in points if _age(table, p) < oldest), default=0)
        old = []
        for path in table.log.iterdir():
            stem = path.name.partition(".")[0]
            if stem.isdigit() and int(stem) < start and path.stat().st_mtime < oldest:
                old.append(path)
        for path in old:
            path.unlink()
        if old:
            sync_folder(table.log)
    except (DeltaError, OSError) as e:
        raise write_error("cannot shorten the Delta log", e, table.log) from e
    return len(old)


def _age(table: Table, version: int) -> float:
    """When a checkpoint was made."""
    return max(p.stat().st_mtime for p in table.log.glob(f"{version:020d}.checkpoint*.parquet"))
