"""The Delta log of a table, read as files: integrity of entries, durable commits, changes.

The table library reads an entry truncated to nothing as an empty commit, and may read others
truncated in the middle: rows would silently be missing. Every commit of hubbub therefore records
in its `commitInfo` how many actions follow, and `Log.check` compares.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from hubbub.errors import StoreError
from hubbub.store.disk.files import sync_file, sync_folder
from hubbub.times import to_micros

if TYPE_CHECKING:
    from hubbub.store.delta.table import Table

__all__ = ["ACTIONS", "Commit", "Flaw", "Log", "Tail", "commits", "commit_info", "tail"]


ACTIONS = "hubbub.actions"  # in `commitInfo`: how many actions follow it
_HINT = "_last_checkpoint"
_POINT = ".checkpoint.parquet"
_LOOKS = 3  # a writer may be at work while we look
_REPAIR = "`hubbub verify --repair` sets it aside, and brings back what it told of"
_LOST = "restore the folder _delta_log from a backup, or gather into a new store"


def commit_info(actions: int) -> dict[str, str]:
    """What a commit of so many actions writes into its `commitInfo`."""
    return {ACTIONS: str(actions)}


@dataclass(frozen=True, slots=True)
class Flaw:
    """A file of a log that is not what was written."""

    path: Path
    what: str
    torn: bool  # the end of the log, as a loss of power leaves it; else nobody can mend it

    @property
    def hint(self) -> str:
        """What to do."""
        return _REPAIR if self.torn else _LOST

    @property
    def files(self) -> list[Path]:
        """What is to be set aside: a checkpoint goes with the file that names it."""
        both = [self.path, self.path.parent / _HINT] if self.path.name.endswith(_POINT) else []
        return [path for path in both or [self.path] if path.exists()]


class Log:
    """The log in a folder. It remembers what it has looked at: entries never change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sound = -1  # entries up to this version are whole
        self._point: Path | None = None  # a checkpoint that is

    def entry(self, version: int) -> Path:
        """The file of a version."""
        return self.folder / f"{version:020d}.json"

    def flaws(self) -> list[Flaw]:
        """What is wrong with the part of the log that readers need, oldest first."""
        for _ in range(_LOOKS):
            found = self._look()
            if not found:
                break
        return found

    def removed(self) -> set[str]:
        """Data files that commits took out, as far as the log remembers; paths in the table."""
        out: set[str] = set()
        for path in self.folder.glob("*.json"):
            for line in path.read_bytes().splitlines():
                with suppress(ValueError):
                    if gone := json.loads(line).get("remove"):
                        out.add(unquote(gone["path"]))
        for path in self.folder.glob("*.checkpoint.parquet"):
            with suppress(OSError, pa.ArrowException, KeyError):
                gone = pq.read_table(path, columns=["remove"])["remove"].to_pylist()
                out |= {unquote(one["path"]) for one in gone if one and one["path"]}
        return out

    def check(self) -> None:
        """Look at what came since the last time.

        Raises:
            StoreError: an entry is torn or missing.
        """
        flaws = self.flaws()
        if flaws:
            worst = min(flaws, key=lambda flaw: flaw.torn)
            raise StoreError(
                f"the table's log is damaged: {worst.what}", where=str(worst.path), hint=worst.hint
            )

    def forget(self) -> None:
        """Look at everything anew: an entry was set aside."""
        self._sound, self._point = -1, None

    def sync(self, version: int) -> None:
        """Make an entry durable, with the checkpoint that may have come with it."""
        for path in (
            self.entry(version),
            *self.folder.glob(f"{version:020d}.checkpoint*"),
            self.folder / _HINT,
        ):
            if path.exists():
                sync_file(path)
        sync_folder(self.folder)

    def _look(self) -> list[Flaw]:
        if not self.folder.is_dir():
            return []
        names = [path.name for path in self.folder.iterdir()]
        versions = set(_versions(names, ".json"))
        point, found = self._checkpoint(names, versions)
        last = max(versions, default=-1)
        for version in range(max(point, self._sound) + 1, last + 1):
            path = self.entry(version)
            what = _wrong(path) if version in versions else "an entry is missing"
            if what:
                found.append(Flaw(path, what, torn=version == last))
        if not found:
            self._sound = last
        return found

    def _checkpoint(self, names: list[str], versions: set[int]) -> tuple[int, list[Flaw]]:
        """The version of the newest checkpoint, -1 for none; and what is wrong with it."""
        points = sorted(_versions(names, _POINT))
        stated = self._stated() if _HINT in names else None
        newest = max([*points, -1 if stated is None else stated], default=-1)
        path = self.folder / f"{newest:020d}{_POINT}"
        if newest < 0 or path == self._point:
            return newest, []
        try:
            pq.read_table(path)
        except (OSError, pa.ArrowException) as e:
            # the one before, or the first entry, with every entry since
            before = max((point for point in points if point < newest), default=-1)
            whole = versions.issuperset(range(before + 1, max(versions, default=-1) + 1))
            return before, [Flaw(path, f"a checkpoint cannot be read: {e}", torn=whole)]
        self._point = path
        return newest, []

    def _stated(self) -> int | None:
        """The version that `_last_checkpoint` names; one that is cut is as good as none."""
        with suppress(ValueError, KeyError, TypeError, FileNotFoundError):
            return int(json.loads((self.folder / _HINT).read_bytes())["version"])
        return None


def _versions(names: list[str], suffix: str) -> list[int]:
    """Of files that are called by their version."""
    stems = (name.removesuffix(suffix) for name in names if name.endswith(suffix))
    return [int(stem) for stem in stems if stem.isdigit()]


def _wrong(path: Path) -> str:
    """What is wrong with an entry; empty: nothing."""
    try:
        lines = path.read_bytes().splitlines()
        actions = [json.loads(line) for line in lines]
    except FileNotFoundError:
        return "an entry is missing"
    except ValueError:
        return "an entry is cut, or its bytes are damaged"
    if not actions:
        return "an entry is empty"
    if not all(isinstance(one, dict) for one in actions):
        return "an entry's bytes are damaged"
    stated = next((one["commitInfo"].get(ACTIONS) for one in actions if "commitInfo" in one), None)
    if stated is not None and len(actions) - 1 != int(stated):
        return f"an entry holds {len(actions) - 1} of {stated} actions"
    return ""


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
