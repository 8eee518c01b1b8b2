"""The transaction log of a Delta table, read as files: integrity checks, durability, commits.

delta-rs reads an entry that was truncated to nothing as an empty commit, and may accept one that
was truncated in the middle: rows would silently be missing. Every commit of hubbub therefore
records in its `commitInfo` how many actions follow, and `Log.check` compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote

from hubbub.errors import StoreError
from hubbub.lazy import lazy_module
from hubbub.store.delta.data_file import File
from hubbub.store.disk.files import sync_file, sync_folder
from hubbub.times import to_micros

__all__ = ["ACTIONS", "RESTORE", "Commit", "Flaw", "Log", "Tail", "commit_info", "read_entry"]

pa = lazy_module("pyarrow")
pq = lazy_module("pyarrow.parquet")


ACTIONS = "hubbub.actions"  # in `commitInfo`: how many actions follow it
#: Hint for damage that cannot be repaired.
RESTORE = "restore the folder _delta_log from a backup, or gather into a new store"
_REPAIR = "`hubbub verify --repair` sets it aside and restores the rows that it recorded"
_LAST_CHECKPOINT = "_last_checkpoint"
_CHECKPOINT = ".checkpoint.parquet"
_ATTEMPTS = 3  # a commit during a check may look like damage


def commit_info(actions: int) -> dict[str, str]:
    """Return the fields that a commit of so many actions adds to its `commitInfo`."""
    return {ACTIONS: str(actions)}


def read_entry(path: Path) -> list[dict[str, Any]]:
    """Return the actions of a log entry, in order.

    Raises:
        FileNotFoundError: there is no such entry; a checkpoint may hold its actions.
        ValueError: the entry is truncated or damaged.
    """
    return [_action(line) for line in path.read_bytes().splitlines()]


def _readable_actions(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the actions of a log entry, without those that are damaged."""
    for line in path.read_bytes().splitlines():
        with suppress(ValueError):
            yield _action(line)


def _action(line: bytes) -> dict[str, Any]:
    action = json.loads(line)
    if not isinstance(action, dict):
        raise ValueError("not an action")  # noqa: TRY004 - damaged bytes, not a wrong argument
    return action


@dataclass(frozen=True, slots=True)
class Flaw:
    """A missing or damaged file of a log."""

    path: Path
    what: str
    torn: bool  # at the end of the log, as a power loss leaves it: can be repaired

    @property
    def hint(self) -> str:
        """How to repair the damage."""
        return _REPAIR if self.torn else RESTORE

    @property
    def files(self) -> list[Path]:
        """The files to quarantine: a checkpoint together with the file that points to it."""
        paths = [self.path]
        if self.path.name.endswith(_CHECKPOINT):
            paths.append(self.path.parent / _LAST_CHECKPOINT)
        return [path for path in paths if path.exists()]


@dataclass(frozen=True, slots=True)
class Commit:
    """One version of a table."""

    version: int
    files: tuple[File, ...] = ()  # with new rows
    removed: bool = False  # whether rows were deleted or changed

    @property
    def added(self) -> tuple[str, ...]:
        """Paths of the files with new rows."""
        return tuple(file.uri for file in self.files)


@dataclass(frozen=True, slots=True)
class Tail:
    """The rows added after a version: their files, and their first and last time (µs)."""

    files: tuple[str, ...] = ()
    first: int = 0
    last: int = 0
    times: tuple[tuple[int, int], ...] = ()  # first and last time of each file


#: Inode, time (ns) and size of a file of the log.
Entry: TypeAlias = tuple[int, int, int]


class Log:
    """The log in a folder, `_delta_log` of a table.

    Entries never change, so that those which were checked once are not checked again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._checked = -1  # entries up to this version are intact
        self._checked_checkpoint: Path | None = None

    def entry(self, version: int) -> Path:
        """Return the path of a version's entry."""
        return self.folder / f"{version:020d}.json"

    def identity(self, version: int) -> Entry | None:
        """Return what tells the file of a version's entry from any other; None: there is none."""
        return _identity(self.entry(version))

    def checkpoint(self) -> Entry | None:
        """Return what tells the newest checkpoint from any other; None: there is none."""
        return _identity(self.folder / _LAST_CHECKPOINT)

    def flaws(self, *, checkpoint: bool = True) -> list[Flaw]:
        """Return the damage in the part of the log that readers need, oldest first.

        Args:
            checkpoint: read the newest checkpoint, too; otherwise it only has to be there.
        """
        flaws: list[Flaw] = []
        for _ in range(_ATTEMPTS):
            flaws = self._find_flaws(checkpoint=checkpoint)
            if not flaws:
                break
        return flaws

    def removed(self) -> set[str]:
        """Return the data files that commits removed, as far as the log goes back.

        Paths are relative to the table's folder.
        """
        paths: set[str] = set()
        for entry in self.folder.glob("*.json"):
            removals = (action.get("remove") for action in _readable_actions(entry))
            paths.update(unquote(removal["path"]) for removal in removals if removal)
        for checkpoint in self.folder.glob(f"*{_CHECKPOINT}"):
            with suppress(OSError, pa.ArrowException, KeyError):
                removals = pq.read_table(checkpoint, columns=["remove"])["remove"].to_pylist()
                paths.update(unquote(r["path"]) for r in removals if r and r["path"])
        return paths

    def check(self, *, checkpoint: bool = False) -> None:
        """Check the entries that were added since the last check.

        Args:
            checkpoint: read the newest checkpoint, too. The table library finds what is wrong with
                one, and takes less time to read it.

        Raises:
            StoreError: an entry is torn or missing.
        """
        flaws = self.flaws(checkpoint=checkpoint)
        if flaws:
            worst = min(flaws, key=lambda flaw: flaw.torn)
            raise StoreError(
                f"the table's log is damaged: {worst.what}", where=str(worst.path), hint=worst.hint
            )

    def newest(self) -> int:
        """Return the newest version, from the names of the entries; -1: there is none.

        Raises:
            StoreError: an entry that was added since the last check is torn, or one is missing.
        """
        known = self._checked
        if known < 0 or not self.entry(known).exists() or self.entry(known + 1).exists():
            self.check()
        return self._checked

    def reset(self) -> None:
        """Check everything again next time: a file of the log was set aside or restored."""
        self._checked, self._checked_checkpoint = -1, None

    def sync(self, version: int) -> None:
        """Fsync an entry and the checkpoint that delta-rs may have written with it."""
        for path in (
            self.entry(version),
            *self.folder.glob(f"{version:020d}.checkpoint*"),
            self.folder / _LAST_CHECKPOINT,
        ):
            if path.exists():
                sync_file(path)
        sync_folder(self.folder)

    def commits(self, first: int, last: int) -> list[Commit] | None:
        """Return the commits `first` to `last`, both inclusive.

        None if they are not known any more: an entry was replaced by a checkpoint, or a file that
        was added is deleted.
        """
        commits = []
        for version in range(first, last + 1):
            try:
                actions = read_entry(self.entry(version))
            except (FileNotFoundError, ValueError):
                return None
            commit = self._commit(version, actions)
            if not all(Path(path).exists() for path in commit.added):
                return None
            commits.append(commit)
        return commits

    def tail(self, after: int, version: int) -> Tail | None:
        """Return the rows added after one version, up to another.

        None if rows were also deleted or changed, or if the commits are not known any more.
        """
        commits = self.commits(after + 1, version)
        if commits is None or any(commit.removed for commit in commits):
            return None
        files = [file for commit in commits for file in commit.files]
        times = tuple((file.first, file.last) for file in files)
        return Tail(
            tuple(file.uri for file in files),
            min((file[0] for file in times), default=0),
            max((file[1] for file in times), default=0),
            times,
        )

    def _commit(self, version: int, actions: Sequence[dict[str, Any]]) -> Commit:
        adds = [add for action in actions if (add := action.get("add")) and add["dataChange"]]
        removes = [action["remove"] for action in actions if action.get("remove")]
        return Commit(
            version,
            files=tuple(map(self._file, adds)),
            removed=any(remove["dataChange"] for remove in removes),
        )

    def _file(self, add: dict[str, Any]) -> File:
        facts = json.loads(add["stats"])
        first, last = (_micros(facts[edge]["time"]) for edge in ("minValues", "maxValues"))
        return File(self._path(add["path"]), facts["numRecords"], add["size"], first, last)

    def _path(self, path: str) -> str:
        """Return the path of a data file that an entry names."""
        return str(self.folder.parent / unquote(path))

    def _find_flaws(self, *, checkpoint: bool) -> list[Flaw]:
        if not self.folder.is_dir():
            return []
        names = [path.name for path in self.folder.iterdir()]
        versions = set(_versions(names, ".json"))
        start, flaws = self._checkpoint(names, versions, read=checkpoint)
        last = max(versions, default=-1)
        for version in range(max(start, self._checked) + 1, last + 1):
            path = self.entry(version)
            damage = _damage(path) if version in versions else "an entry is missing"
            if damage:
                flaws.append(Flaw(path, damage, torn=version == last))
        if not flaws:
            self._checked = last
        return flaws

    def _checkpoint(
        self, names: Sequence[str], versions: set[int], *, read: bool
    ) -> tuple[int, list[Flaw]]:
        """Return the version of the newest usable checkpoint (-1: none), and its damage if any."""
        checkpoints = sorted(_versions(names, _CHECKPOINT))
        pointer = self._last_checkpoint() if _LAST_CHECKPOINT in names else None
        newest = max([*checkpoints, -1 if pointer is None else pointer], default=-1)
        path = self.folder / f"{newest:020d}{_CHECKPOINT}"
        if newest < 0 or path == self._checked_checkpoint or (path.name in names and not read):
            return newest, []
        try:
            pq.read_table(path)
        except (OSError, pa.ArrowException) as e:
            # readers can start from the checkpoint before, or the first entry, if all entries
            # since are there
            before = max((version for version in checkpoints if version < newest), default=-1)
            complete = versions.issuperset(range(before + 1, max(versions, default=-1) + 1))
            return before, [Flaw(path, f"a checkpoint cannot be read: {e}", torn=complete)]
        self._checked_checkpoint = path
        return newest, []

    def _last_checkpoint(self) -> int | None:
        """Return the version that `_last_checkpoint` names; None if it is damaged."""
        with suppress(ValueError, KeyError, TypeError, FileNotFoundError):
            return int(json.loads((self.folder / _LAST_CHECKPOINT).read_bytes())["version"])
        return None


def _identity(path: Path) -> Entry | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _versions(names: Sequence[str], suffix: str) -> list[int]:
    """Return the versions of the files with a suffix."""
    stems = (name.removesuffix(suffix) for name in names if name.endswith(suffix))
    return [int(stem) for stem in stems if stem.isdigit()]


def _damage(path: Path) -> str:
    """Describe the damage of an entry; empty if it is intact."""
    try:
        actions = read_entry(path)
    except FileNotFoundError:
        return "an entry is missing"
    except ValueError:
        return "an entry is truncated or damaged"
    if not actions:
        return "an entry is empty"
    infos = (action["commitInfo"] for action in actions if "commitInfo" in action)
    stated = next((info.get(ACTIONS) for info in infos), None)
    if stated is not None and len(actions) - 1 != int(stated):
        return f"an entry holds {len(actions) - 1} of {stated} actions"
    return ""


def _micros(timestamp: str) -> int:
    """Parse a timestamp of Delta's statistics."""
    return to_micros(datetime.fromisoformat(timestamp))
