"""Every text in every file of a store, decoded: for proving that a name is nowhere."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from hubbub.store import segment


def places(store: Path, name: str) -> list[str]:
    """Where in a store a name stands: as a whole word, in any case, raw or decoded."""
    word = re.compile(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", re.IGNORECASE)
    return [where for where, text in texts(store) if word.search(text)]


def texts(store: Path) -> Iterator[tuple[str, str]]:
    """(place, text) of every file: its name, its bytes, and what they mean."""
    for path in sorted(p for p in store.rglob("*") if p.is_file()):
        at = str(path.relative_to(store))
        yield f"{at}: name", at
        raw = path.read_bytes()
        # what stands beside a text in a page or in msgpack may look like a letter: see ASCII alone
        yield f"{at}: bytes", raw.decode("ascii", "replace")
        yield f"{at}: UTF-8", raw.decode("utf-8", "replace")
        if path.suffix == ".parquet":
            yield from _parquet(at, path)
        elif path.suffix == ".json":
            for line in raw.decode().splitlines():
                yield f"{at}: log", json.dumps(json.loads(line), ensure_ascii=False)
                yield f"{at}: log, plain", line.replace("\\", "")
        elif path.suffix == ".sqlite":
            yield from _sqlite(at, path)
        elif path.parent.name == "spool":
            yield from _spool(at, path)


def _parquet(at: str, path: Path) -> Iterator[tuple[str, str]]:
    with pq.ParquetFile(path) as file:
        yield f"{at}: metadata", str(file.metadata.metadata)
        for group in range(file.metadata.num_row_groups):
            for column in range(file.metadata.num_columns):
                about = file.metadata.row_group(group).column(column)
                yield f"{at}: statistics", str(about.statistics and about.statistics.to_dict())
        for name, column in file.read().to_pydict().items():
            for value in column:
                yield f"{at}: {name}", _plain(value)


def _plain(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _sqlite(at: str, path: Path) -> Iterator[tuple[str, str]]:
    with sqlite3.connect(path) as db:
        tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in db.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    yield f"{at}: {table}", _plain(value)
                    if isinstance(value, str) and value[:1] in {"{", "["}:
                        yield f"{at}: {table}, decoded", str(json.loads(value))
    db.close()


def _spool(at: str, path: Path) -> Iterator[tuple[str, str]]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        for found in segment.read(descriptor, 0, name=at):
            if isinstance(found, segment.Record):
                frame = found.frame
                for part in (frame.source, frame.topic, frame.body):
                    yield f"{at}: {found.start}", _plain(part)
    finally:
        os.close(descriptor)
