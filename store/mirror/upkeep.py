"""The upkeep of a mirror's tables, by one collector at a time.

Kept sums are counted from the mirror's own events, since those of a collector count what others
brought too. The steps, each harmless if it is repeated, or if two collectors take it at once:

1. replace the names that any collector has forgotten, in everything that is stored; also in what a
   collector added which did not know of them yet: each commit says what it knew
2. delete what any collector's retention has deleted
3. count the sums of new events
4. merge small files
5. delete files that are not part of a table any more, an hour after that; forgotten ones at once
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from hubbub.logger import get_logger
from hubbub.store.delta.data_file import File
from hubbub.store.delta.rewrite import rewrite
from hubbub.store.maintenance import compaction
from hubbub.store.maintenance.retention import GRACE, cut_table
from hubbub.store.mirror.documents import Documents, ForgottenNames, Upkeep, fingerprint
from hubbub.store.mirror.failures import translated
from hubbub.store.mirror.remote import Remote
from hubbub.store.privacy.scrub_tables import ScrubBodies, ScrubEvents, ScrubRollup
from hubbub.store.rollups import details, refresh
from hubbub.times import from_micros

if TYPE_CHECKING:
    from hubbub.store.mirror.tables import MirroredTables
    from hubbub.store.store import Store

__all__ = ["NAMES", "Upkeeper", "chain", "clean", "unfinished"]

#: In `commitInfo`: the fingerprint of the forgotten names that the writer knew.
NAMES = "hubbub.names"
_CLEAN = 600.0  # seconds between two deletions of old files, after which sums are up to date, too
_NOTED = 100  # versions after which it is noted up to where names are replaced
_log = get_logger("hubbub.mirror")


def chain(changes: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """Return a change of rows that makes several, one after the other."""

    def change(rows: Any) -> Any:
        for each in changes:
            rows = each(rows)
        return rows

    return change


class Upkeeper:
    """Does the upkeep.

    Args:
        tables: of the mirror.
        documents: of the mirror.
    """

    def __init__(self, tables: MirroredTables, documents: Documents) -> None:
        self.tables, self.documents = tables, documents
        self._events = tables.own(tables.table)
        self._store: Store = tables  # type: ignore[assignment]  # it has what is used of one
        self._cleaned = time.time()
        self._done: tuple[int, str, int, int] | None = None  # for which nothing is left to do

    def run(self, names: dict[str, ForgottenNames], cut: int, bodies_cut: int) -> bool:
        """Do a bounded amount of work; return whether there may be more.

        Args:
            names: that the collectors have forgotten.
            cut: before which time (µs) a collector's retention has deleted events.
            bodies_cut: the same of bodies.

        Raises:
            ConflictError: another collector does the same; look again later.
            SourceError, UsageError: the mirror cannot be reached.
            NoRoomError: a disk is full.
        """
        state = self._events.refresh(), fingerprint(names), cut, bodies_cut
        if state == self._done and time.time() - self._cleaned < _CLEAN:
            return False
        self._done = None
        self.tables.refresh()
        for table in self.tables:
            table.dropped.clear()  # of a run that failed: they are deleted after an hour
        if not self._events.exists():
            return False
        done = self.documents.upkeep()
        self.tables.state.frozen = done.frozen
        done = self._forget(names, done)
        done = self._retain(cut, bodies_cut, done)
        refresh.keep_up(self._store)
        merged = self._compact()
        if time.time() - self._cleaned > _CLEAN:
            self._cleaned = time.time()
            refresh.catch_up(self._store)
            for table in self.tables:
                clean(table)
        if not merged:
            self._done = self._events.version(), *state[1:]
        return merged

    # forgotten names

    def _forget(self, names: dict[str, ForgottenNames], done: Upkeep) -> Upkeep:
        """Do step 1."""
        print_now, version = fingerprint(names), self._events.version()
        if not print_now:
            return done
        files = None if print_now != done.names else self._unaware(print_now, done.scrubbed)
        if files is None or files:
            _log.info("replacing forgotten names", files=len(files or self._events.files()))
            self._scrub([each.names() for each in names.values() if each.digests], files)
        elif version - done.scrubbed < _NOTED:
            return done
        done = msgspec.structs.replace(done, names=print_now, scrubbed=version)
        self.documents.write(done)
        return done

    def _unaware(self, print_now: str, scrubbed: int) -> list[File] | None:
        """Return the files that collectors added who did not know all names; None: unknown."""
        paths: set[str] = set()
        try:
            for version in range(scrubbed + 1, self._events.version() + 1):
                actions = self._events.entries.actions(version)
                infos = [action["commitInfo"] for action in actions if "commitInfo" in action]
                if not any(info.get(NAMES, print_now) != print_now for info in infos):
                    continue
                commits = self._events.entries.commits(version, version) or ()
                paths.update(path for commit in commits for path in commit.added)
        except FileNotFoundError:
            return None
        return [file for file in self._events.files() if file.uri in paths]

    def _scrub(self, lists: Sequence[Any], files: list[File] | None) -> None:
        refresh.catch_up(self._store)
        events, before = self._events, self._events.version()
        bodies = self.tables.own(self.tables.bodies)
        rewrite(
            events,
            events.files() if files is None else files,
            chain([ScrubEvents(each) for each in lists]),
        )
        after = events.version()
        rewrite(bodies, bodies.files(), chain([ScrubBodies(each) for each in lists]))
        if after != before:
            self._count_until(after)
        for rollup in self.tables.rollups:
            if rollup.outlives:
                changes = [ScrubRollup(each, rollup) for each in lists]
                rewrite(rollup, rollup.files(), chain(changes))
        if after != before:
            details.recount_details(self._store)
        refresh.mark_current(self._store)
        for table in self.tables:
            table.purge()
            for name in _removed(table) if table.exists() else ():  # by earlier merges of files
                table.place.delete(f"{table.path}/{name}")
        events.refresh()

    def _count_until(self, after: int) -> None:
        """Count what was added before a version that changed rows; it is the snapshot then."""
        self._events.at(after - 1)
        refresh.catch_up(self._store)
        self._events.at(after)

    # retention

    def _retain(self, cut: int, bodies_cut: int, done: Upkeep) -> Upkeep:
        """Do step 2."""
        events = self._events
        if cut > done.cut:
            refresh.catch_up(self._store)
            frozen = max(done.frozen, -(-cut // refresh.DAY) * refresh.DAY)
            done = msgspec.structs.replace(done, frozen=frozen)
            self.documents.write(done)  # before, as in a store
            self.tables.state.frozen = frozen
            before = events.version()
            cut_table(events, from_micros(cut))
            if (after := events.version()) != before:
                self._count_until(after)
            details.delete_before(self._store, cut)
            refresh.mark_current(self._store)
            cut_table(self.tables.samples, from_micros(cut))
            events.refresh()
        if bodies_cut > done.bodies_cut:
            bodies = self.tables.own(self.tables.bodies)
            cut_table(self.tables.bodies, from_micros(bodies_cut))
            bodies.purge()
        if cut > done.cut or bodies_cut > done.bodies_cut:
            done = msgspec.structs.replace(
                done, cut=max(cut, done.cut), bodies_cut=max(bodies_cut, done.bodies_cut)
            )
            self.documents.write(done)
        return done

    # files

    def _compact(self) -> bool:
        """Merge files once, in the first table that needs it; return whether one did."""
        for table in self.tables:
            files = table.files()
            planned = compaction.plan(files, whole=False, modified=table.written)
            if planned:
                done = compaction.fold(table, planned)
                if done is not None:
                    _log.info("compacted the mirror", table=table.path, files=done.files)
                return True
        return False


def unfinished(table: Remote) -> int:
    """Delete the files that this collector has copied and not committed, before it died.

    Nobody else writes files with its mark, and it does not write yet. Return how many.
    """
    if not table.exists():
        return 0
    kept = {table.relative(file.uri) for file in table.files()}
    kept.update(f"{table.path}/{name}" for name in _removed(table))
    suffix, deleted = f"{table.mark}.parquet", 0
    for found in table.place.list(table.path, recursive=True):
        if found.path.endswith(suffix) and found.path not in kept:
            table.place.delete(found.path)
            deleted += 1
    return deleted


def _removed(table: Remote) -> list[str]:
    """Return the files that commits have removed and that are not deleted yet."""
    with translated(table.place):
        names: list[str] = table.table().vacuum(
            retention_hours=0, dry_run=True, enforce_retention_duration=False
        )
    return names


def clean(table: Remote, grace: float = GRACE) -> int:
    """Delete data files and log entries that nobody needs any more; return how many.

    Args:
        table: of a mirror.
        grace: seconds to keep them for readers.
    """
    if not table.exists():
        return 0
    with translated(table.place):
        names = table.table().vacuum(
            retention_hours=max(0, int(grace // 3600)),
            dry_run=True,
            enforce_retention_duration=False,
            full=True,
        )
    for name in names:
        table.place.delete(f"{table.path}/{name}")
    oldest = time.time() - grace
    log = table.place.list(f"{table.path}/_delta_log")
    versions = {entry.path: entry.path.rpartition("/")[2].partition(".")[0] for entry in log}
    checkpoints = [
        int(versions[entry.path])
        for entry in log
        if ".checkpoint" in entry.path and versions[entry.path].isdigit()
    ]
    if table.version() - max(checkpoints, default=0) >= compaction.ENTRIES:
        with translated(table.place):
            table.table().create_checkpoint()
    written = {
        int(versions[entry.path]): entry.modified
        for entry in log
        if ".checkpoint" in entry.path and versions[entry.path].isdigit()
    }
    start = max((v for v, when in written.items() if when < oldest), default=0)
    old = [
        entry.path
        for entry in log
        if versions[entry.path].isdigit()
        and int(versions[entry.path]) < start
        and entry.modified < oldest
    ]
    for path in old:
        table.place.delete(path)
    table.entries.forget(start)
    return len(names) + len(old)
