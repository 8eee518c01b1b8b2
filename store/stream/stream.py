"""Keep newly stored events in the order of storing, until every event handler had them.

    stream/VERSION-FILE.parquet         the rows that a version of the events table added
    stream/past-DIGEST/0-FILE.parquet   for one handler: the events from before it was first seen

The files are hard links to the data files of the table: they take no room before compaction
replaces those, and nothing that is done to the table changes them. So a handler gets each event
once, however long no server ran. `catch_up` makes the links; code that is about to change or delete
rows or files of the table calls it first, as with rollups.

Retention and forgetting do to these files what they do to the table. A handler that no server has
run for `KEEP` is not waited for any longer (`lapse`): its place says what it misses.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubbub.collector.decode.posted import KIND
from hubbub.language.plurals import plural
from hubbub.logger import get_logger
from hubbub.store.delta.table import Table
from hubbub.store.disk.errors import translate_errors
from hubbub.store.disk.files import make_folder, new_file, sync_folder
from hubbub.store.state.database import State
from hubbub.store.stream import outgoing
from hubbub.store.stream.links import Waiting, link, waiting
from hubbub.store.stream.places import FOLDER, Place, Position, places, put
from hubbub.store.tables.event_rows import SCHEMA
from hubbub.times import from_micros, iso

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "END",
    "FOLDER",
    "KEEP",
    "Waiting",
    "behind",
    "catch_up",
    "change_rows",
    "drop_before",
    "faults",
    "lapse",
    "late",
    "past_folder",
    "register",
    "trim",
    "waiting",
]

KEEP = timedelta(days=90)
#: Key of the version of the events table up to which its new rows are in the stream.
_LINKED = "stream:version"
_FILLING = 3600.0  # s that a folder of the past may have no place yet, while it is filled
#: No statistics: no forgotten name survives in them.
_OPTIONS: dict[str, Any] = {"compression": "zstd", "write_statistics": False}
_log = get_logger("hubbub.store")


def past_folder(folder: Path, handler: str) -> Path:
    """Return the folder of the events from before a handler was first seen."""
    digest = hashlib.blake2s(handler.encode(), digest_size=8).hexdigest()
    return folder / f"past-{digest}"


def register(
    table: Table,
    state: State,
    folder: Path,
    handler: str,
    *,
    journal: int,
    now: int,
    from_beginning: bool = False,
) -> Place:
    """Give a new handler its place: the present, or the beginning. Needs the loader's lock.

    Args:
        table: of events.
        state: of the store.
        folder: of the stream.
        handler: `MODULE:NAME`.
        journal: the number of the last row that the journal accepted.
        now: µs since the epoch.
        from_beginning: also pass the events that are stored now.
    """
    with translate_errors(folder):
        if places(state):
            catch_up(table, state, folder)
        version, files = table.snapshot()
        past = None
        if from_beginning and files:
            own = past_folder(folder, handler)
            make_folder(own)
            for number, file in enumerate(sorted(files, key=lambda f: (f.first, f.uri))):
                link(Path(file.uri), own / f"0-{number:08d}.parquet")
            sync_folder(own)
            sync_folder(folder)
            past = Position()
        place = Place(journal, journal + 1, Position(version + 1), past, now)
        with state.transaction():
            state.set(_LINKED, version)
            put(state, handler, place)
    return place


def catch_up(table: Table, state: State, folder: Path) -> None:
    """Add the rows of new versions of the table to the stream. Needs the loader's lock.

    Nothing is done where no handler was ever run on this store, and it has no mirror.

    Raises:
        StoreError: no room, or damage.
    """
    outgoing.catch_up(table, state, folder)
    linked = state.get(_LINKED)
    if linked is None or not state.keys("handler:"):
        return
    version = table.version()
    if version <= linked:
        if version < linked:  # the end of the log was torn, and its rows are stored again
            state.set(_LINKED, version)
        return
    commits = table.entries.commits(linked + 1, version)
    if commits is None:
        _miss(state, linked + 1, version)
        return
    with translate_errors(folder):
        make_folder(folder)
        for commit in commits:
            if commit.removed:
                continue  # rows were changed or deleted, none is new
            for number, path in enumerate(commit.added):
                link(Path(path), folder / f"{commit.version:012d}-{number:08d}.parquet")
        sync_folder(folder)
    state.set(_LINKED, version)


def _miss(state: State, first: int, last: int) -> None:
    """Record that the rows of some versions cannot be told any more."""
    why = (
        f"the events that versions {first:,} to {last:,} of the table added cannot be told from "
        "others any more: another hubbub has compacted it; to hand over all stored events again, "
        'use `hubbub plugins restart` and set [plugins] from = "beginning"'
    )
    with state.transaction():
        for handler, place in places(state).items():
            put(state, handler, replace(place, lapsed=why))
        state.set(_LINKED, last)
    _log.error("event handlers miss events", why=why)


def trim(state: State, folder: Path) -> int:
    """Delete the files that every handler has passed; return how many."""
    known = places(state)
    passed = min((place.stream for place in known.values()), default=None)
    deleted = 0
    with translate_errors(folder):
        for file in waiting(folder):
            if passed is None or file.position < passed:
                file.path.unlink(missing_ok=True)
                deleted += 1
        keep = {past_folder(folder, handler) for handler, place in known.items() if place.past}
        for own in folder.glob("past-*"):
            if own not in keep and time.time() - own.stat().st_mtime > _FILLING:
                shutil.rmtree(own)
                deleted += 1
    return deleted


def behind(folder: Path, handler: str, place: Place) -> int:
    """Return how many stored events wait for a handler.

    Args:
        folder: of the stream.
        handler: `MODULE:NAME`.
        place: its place.
    """
    waits = [(file, place.stream) for file in waiting(folder)]
    if place.past is not None:
        waits += [(file, place.past) for file in waiting(past_folder(folder, handler))]
    total = 0
    for file, position in waits:
        if file.position < position:
            continue
        is_open = file.position == position and position.left >= 0
        total += position.left if is_open else _count(file.path, place)
    return total


def late(state: State, now: int, keep: timedelta = KEEP) -> dict[str, Place]:
    """Return the handlers that no server has run for long, by name.

    Args:
        state: of the store.
        now: µs since the epoch.
        keep: how long events wait for a handler.
    """
    limit = now - int(keep / timedelta(microseconds=1))
    return {name: p for name, p in places(state).items() if p.seen < limit and not p.lapsed}


def lapse(state: State, folder: Path, now: int, keep: timedelta = KEEP) -> list[str]:
    """Stop waiting for handlers that no server has run for long; return their names.

    Their next run begins with the present, and logs what they miss.

    Args:
        state: of the store.
        folder: of the stream.
        now: µs since the epoch.
        keep: how long events wait for a handler.
    """
    lapsed = late(state, now, keep)
    for handler, place in lapsed.items():
        missed = behind(folder, handler, place)
        why = (
            f"no server has run it since {iso(from_micros(place.seen))}: "
            f"{plural(missed, 'event')} stored until {iso(from_micros(now))} did not reach it, nor "
            "will those until it runs again"
        )
        put(state, handler, replace(place, lapsed=why, stream=END, past=None, journal=_LAST))
        _log.warning("an event handler is not waited for any longer", handler=handler, why=why)
    if lapsed:
        trim(state, folder)
    return sorted(lapsed)


def _count(path: Path, place: Place) -> int:
    """Count the events of a file that are not those which a handler gets from the journal."""
    rows = pq.read_table(path, columns=["source", "seq"], partitioning=None)
    posted = pc.and_(
        pc.starts_with(rows["source"], f"{KIND}:"), pc.greater_equal(rows["seq"], place.since)
    )
    return int(rows.num_rows - (pc.sum(posted).as_py() or 0))


#: The place of a handler that is not waited for: after everything.
_LAST = 2**62
END = Position(_LAST)


def drop_before(folder: Path, limit: int) -> int:
    """Delete the rows from before a time (µs), as retention does in the table; return how many."""
    cut = pa.scalar(from_micros(limit), pa.timestamp("us", "UTC"))

    def change(rows: Any) -> Any:
        kept = rows.filter(pc.greater_equal(rows["time"], cut))
        return rows if kept.num_rows == rows.num_rows else kept

    return change_rows(folder, change)


def change_rows(folder: Path, change: Callable[[Any], Any]) -> int:
    """Pass the rows of every file through `change`; return how many were changed or deleted.

    Rows that are deleted are the first ones of a file: rows are sorted by time.

    Args:
        folder: of the stream.
        change: from an Arrow table to its replacement: the very same object if nothing changes.

    Raises:
        StoreError: no room, or damage.
    """
    changed = 0
    for path in _all_files(folder):
        with translate_errors(path), pq.ParquetFile(path) as file:
            if all(change(rows) is rows for rows in _row_groups(file)):
                continue
            kept = 0
            with new_file(path) as target, pq.ParquetWriter(target, SCHEMA, **_OPTIONS) as writer:
                for rows in _row_groups(file):
                    after = change(rows)
                    changed += 0 if after is rows else rows.num_rows
                    kept += after.num_rows
                    writer.write_table(after)
        if not kept:
            path.unlink()
    return changed


def _row_groups(file: pq.ParquetFile) -> Iterator[Any]:
    for number in range(file.num_row_groups):
        yield file.read_row_group(number, columns=SCHEMA.names).cast(SCHEMA)


def faults(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield what is wrong with files of the stream, and their paths."""
    for path in _all_files(folder):
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                for _ in file.iter_batches(columns=SCHEMA.names):
                    pass
        except (OSError, pa.ArrowException) as error:
            yield f"it cannot be read: {error}", path


def _all_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet")) if folder.is_dir() else []
