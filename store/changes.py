"""What the commits of a table changed, by its Delta log.

Comes in: a table and two versions. Goes out: for each commit between them the files with new rows,
or None where the log or a file is not there any more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from hubbub.store.delta import Table

__all__ = ["Commit", "commits", "tail"]


@dataclass(frozen=True, slots=True)
class Commit:
    """One version of a table."""

    version: int
    added: tuple[str, ...] = ()  # files with rows that were not there before
    rows: int = 0  # in them
    removed: bool = False  # whether rows went or changed


def commits(table: Table, first: int, last: int) -> list[Commit] | None:
    """The commits first … last (both inclusive); None where one cannot be told any more."""
    out: list[Commit] = []
    for version in range(first, last + 1):
        try:
            lines = (table.log / f"{version:020d}.json").read_text().splitlines()
        except FileNotFoundError:
            return None
        added, rows, removed = [], 0, False
        for action in map(json.loads, lines):
            add, gone = action.get("add"), action.get("remove")
            if add and add["dataChange"]:
                path = table.folder / unquote(add["path"])
                if not path.exists():
                    return None
                added.append(str(path))
                rows += json.loads(add["stats"])["numRecords"]
            removed = removed or bool(gone and gone["dataChange"])
        out.append(Commit(version, tuple(added), rows, removed))
    return out


def tail(table: Table, after: int, version: int) -> list[str] | None:
    """Files with all rows that came after a version; None where more than that changed."""
    found = commits(table, after + 1, version)
    if found is None or any(one.removed for one in found):
        return None
    return [path for one in found for path in one.added]
