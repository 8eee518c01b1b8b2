"""What the commits of a table changed, by its Delta log.

Comes in: a table and two versions. Goes out: for each commit between them the files with new rows,
or None where the log or a file is not there any more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

from hubbub.times import to_micros

if TYPE_CHECKING:
    from hubbub.store.delta import Table

__all__ = ["Commit", "Tail", "commits", "tail"]


@dataclass(frozen=True, slots=True)
class Commit:
    """One version of a table."""

    version: int
    added: tuple[str, ...] = ()  # files with rows that were not there before
    rows: int = 0  # in them
    removed: bool = False  # whether rows went or changed
    times: tuple[tuple[int, int], ...] = ()  # (first, last) of each of the files, µs


@dataclass(frozen=True, slots=True)
class Tail:
    """Rows that came after a version: their files, and the first and last time in them (µs)."""

    files: tuple[str, ...] = ()
    first: int = 0
    last: int = 0


def commits(table: Table, first: int, last: int) -> list[Commit] | None:
    """The commits first … last (both inclusive); None where one cannot be told any more."""
    out: list[Commit] = []
    for version in range(first, last + 1):
        try:
            lines = (table.log / f"{version:020d}.json").read_text().splitlines()
            actions = [json.loads(line) for line in lines]
        except (FileNotFoundError, ValueError):  # a checkpoint holds what it said
            return None
        added, times, rows, removed = [], [], 0, False
        for action in actions:
            add, gone = action.get("add"), action.get("remove")
            if add and add["dataChange"]:
                path = table.folder / unquote(add["path"])
                if not path.exists():
                    return None
                added.append(str(path))
                stats = json.loads(add["stats"])
                ends = (stats[end]["time"] for end in ("minValues", "maxValues"))
                first, last = (to_micros(datetime.fromisoformat(end)) for end in ends)
                times.append((first, last))
                rows += stats["numRecords"]
            removed = removed or bool(gone and gone["dataChange"])
        out.append(Commit(version, tuple(added), rows, removed, tuple(times)))
    return out


def tail(table: Table, after: int, version: int) -> Tail | None:
    """All rows that came after a version; None where more than that changed."""
    found = commits(table, after + 1, version)
    if found is None or any(one.removed for one in found):
        return None
    files = tuple(path for one in found for path in one.added)
    times = [at for one in found for ends in one.times for at in ends]
    return Tail(files, min(times, default=0), max(times, default=0))
