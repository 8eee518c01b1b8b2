"""Events as a file for other programs: JSON lines, CSV or Parquet, in the order of time.

Comes in: a store and a selection. Goes out: a file that appears whole or not at all, of one
snapshot, with accounts as they are stored. JSON lines are `hubbub import --format jsonl`'s own:
read again they are the same events. A day of events is in memory at once.
"""

from __future__ import annotations

import csv
import glob
import gzip
import io
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import msgspec

from hubbub.errors import UsageError
from hubbub.spreadsheet import escape_formula
from hubbub.store.disk.files import sync_file, sync_folder
from hubbub.store.query import events
from hubbub.store.tables.events import SCHEMA
from hubbub.times import from_micros

if TYPE_CHECKING:
    from hubbub.store.query.selection import Selection
    from hubbub.store.store import Store

__all__ = ["FORMATS", "export", "rows"]

FORMATS = ("jsonl", "csv", "parquet")
DAY = 86_400_000_000  # µs
_LEFT = 86_400.0  # seconds without a write after which nobody writes a file any more
_json = msgspec.json.Encoder()


def export(
    store: Store,
    chosen: Selection,
    output: str,
    form: str,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Write the events that a selection leaves; how many.

    Args:
        store: the store.
        chosen: the common filters; who counts is of no matter.
        output: a file, gzip where it ends in `.gz`; `-` is standard output.
        form: one of `FORMATS`.
        progress: told how many are written.

    Raises:
        UsageError: the file cannot be written, or Parquet is to go to standard output.
        StoreError: the store cannot be read.
    """
    if form == "parquet" and (output == "-" or output.endswith(".gz")):
        raise UsageError("Parquet is for files, and compressed already", where=output)
    made = {"jsonl": _jsonl, "csv": _csv, "parquet": _parquet}[form]
    with _opened(output) as file:
        return made(rows(store, chosen), file, progress)


def rows(store: Store, chosen: Selection) -> Iterator[Any]:
    """The rows as Arrow tables of `SCHEMA`, a day each, sorted by time, then seq, then id.

    Raises:
        StoreError: the store cannot be read.
    """
    version, files = store.table.snapshot()
    if not files:
        return
    low, high = min(f.first for f in files), max(f.last for f in files) + 1
    since = low if chosen.since is None else max(chosen.since, low)
    until = high if chosen.until is None else min(chosen.until, high)
    persons = store.persons
    while since < until:
        end = min(since // DAY * DAY + DAY, until)
        if any(f.overlaps(since, end) for f in files):
            part = replace(chosen, since=since, until=end)
            found = events.events(store.backend, version, files, part, persons).stored
            found = found.select(*SCHEMA.names).order_by("time", "seq", "id").to_pyarrow()
            if found.num_rows:
                yield found.cast(SCHEMA)
        since = end


@contextmanager
def _opened(output: str) -> Iterator[BinaryIO]:
    """A file that takes its name when everything is in it."""
    if output == "-":
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(output)
    _sweep(path)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            with new.open("xb") as raw:
                if path.suffix == ".gz":
                    with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
                        yield cast("BinaryIO", packed)
                else:
                    yield raw
            sync_file(new)
            new.rename(path)
            sync_folder(path.parent)
        except OSError as e:
            raise UsageError(f"cannot be written: {e.strerror or e}", where=output) from e
    finally:
        new.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Delete what exports to this file left beside it that were killed a day ago or more."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 8}"):
        with suppress(OSError):  # another export was faster, or it is not ours to delete
            if time.time() - left.stat().st_mtime > _LEFT:
                left.unlink()


def _jsonl(parts: Iterator[Any], file: BinaryIO, progress: Callable[[int], None]) -> int:
    """What the import format `jsonl` reads, and the rest of the row, which it leaves alone."""
    n = 0
    for part in parts:
        for row in _records(part):
            line = {"timestamp": row.pop("time"), **row}
            file.write(_json.encode(line) + b"\n")
        n += part.num_rows
        progress(n)
    return n


def _csv(parts: Iterator[Any], file: BinaryIO, progress: Callable[[int], None]) -> int:
    """Lists as JSON; a text that a spreadsheet would run gets an apostrophe before it."""
    n = 0
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    try:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(SCHEMA.names)
        for part in parts:
            for row in _records(part):
                writer.writerow([_cell(row.get(name)) for name in SCHEMA.names])
            n += part.num_rows
            progress(n)
    finally:
        text.detach()  # the file is not ours to close
    return n


def _parquet(parts: Iterator[Any], file: BinaryIO, progress: Callable[[int], None]) -> int:
    import pyarrow.parquet as pq

    n = 0
    with pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
        for part in parts:
            writer.write_table(part)
            n += part.num_rows
            progress(n)
    return n


def _records(part: Any) -> Iterator[dict[str, Any]]:
    """The rows of a part as JSON values, without what is null."""
    import pyarrow as pa

    columns = {name: part[name].to_pylist() for name in SCHEMA.names if name != "time"}
    times = part["time"].cast(pa.int64()).to_pylist()
    for at, micros in enumerate(times):
        row: dict[str, Any] = {"time": f"{from_micros(micros):%Y-%m-%dT%H:%M:%S.%f}Z"}
        for name, values in columns.items():
            if values[at] is not None:
                row[name] = dict(values[at]) if name == "extra" else values[at]
        yield row


def _cell(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        return _json.encode(value).decode()
    return escape_formula(value) if isinstance(value, str) else value
