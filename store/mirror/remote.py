"""A table of a mirror: a `Table` whose log and data files lie at a `Place`.

New data files are written to a local folder first, and copied when they are committed. A snapshot
stays the same until `refresh`, and a commit succeeds only if nobody has committed since (or, where
files are replaced by others, if all of them are still there). So whatever was found out about a
snapshot, such as which ids it lacks, still holds when it is committed.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from hubbub.errors import StoreError
from hubbub.store.delta import format_version
from hubbub.store.delta.data_file import File
from hubbub.store.delta.log import commit_info
from hubbub.store.delta.table import LOADER, Table, facts_of_files, listed_files
from hubbub.store.disk.files import make_folder
from hubbub.store.mirror.failures import ConflictError, translated
from hubbub.store.mirror.place import Place
from hubbub.store.mirror.remote_log import RemoteLog

if TYPE_CHECKING:
    from deltalake.transaction import AddAction, RemoveAction

__all__ = ["Remote"]

#: In `commitInfo`: what tells the commits of this process from others.
MARK = "hubbub.commit"
#: Seconds for which a snapshot may be committed to. The entries that others write meanwhile are
#: kept for longer (`upkeep.clean`): once they are deleted, the number of the next one looks free.
_LASTS = 1_800.0
_ATTEMPTS = 20  # to replace files while others append


class Remote(Table):
    """Mixed into a kind of table: see `tables.remote`.

    Args:
        folder: a local folder for new data files, and for copies of others.
        place: of the mirror.
        name: of the table's folder there.
        base: what the paths of data files begin with, for who reads them; empty: `folder`.
    """

    def __init__(self, folder: Path, place: Place, name: str, base: str = "") -> None:
        super().__init__(folder)
        make_folder(folder)
        self.place, self.path = place, name
        self._base, self._copies = base or str(folder), not base  # who reads has no copies
        self._current: Any = None  # the snapshot
        self.every = inf  # seconds after which a reader looks for a newer snapshot
        self._refreshed = -inf
        self.dropped: list[File] = []  # whose rows were changed or deleted, since `purge`
        self._listed: tuple[int, tuple[File, ...]] | None = None
        self._modified: dict[str, float] = {}  # of the listed files
        self.entries: RemoteLog = RemoteLog(self.log, place, name, self._base)
        self.entries.live = lambda: [file.uri for file in self.files()]

    # the snapshot

    def refresh(self) -> int:
        """Take the newest version as the snapshot; return it, -1 if there is no table.

        Raises:
            SourceError, UsageError: it cannot be reached.
            StoreError: a newer hubbub wrote it.
        """
        with translated(self.place):
            try:
                if self._current is None:
                    self._current = self._open()
                else:
                    self._update()
            except TableNotFoundError:
                self._current = None
        self._refreshed = time.monotonic()
        if self._current is not None:
            format_version.check_version(self._current, Path(self.place.url) / self.path)
        return -1 if self._current is None else int(self._current.version())

    def _update(self) -> None:
        try:
            self._current.update_incremental()
        except DeltaError:  # its next entry is deleted already, or all of it
            self._current = self._open()

    def at(self, version: int) -> None:
        """Take an earlier version as the snapshot; nothing can be committed to it."""
        with translated(self.place):
            self._current = self._open(version)

    def _open(self, version: int | None = None) -> deltalake.DeltaTable:
        return deltalake.DeltaTable(
            self.place.table_url(self.path), version=version, storage_options=self.place.options
        )

    def _look(self) -> None:
        """Refresh the snapshot of a reader, if it is old."""
        if self.every < inf and time.monotonic() - self._refreshed > self.every:
            self.refresh()

    def exists(self) -> bool:
        """Whether the snapshot is of a table."""
        self._look()
        return self._current is not None

    def table(self) -> Any:
        """Return the snapshot."""
        return self._current

    def version(self) -> int:
        """Return the snapshot's version; -1: there is no table."""
        self._look()
        return -1 if self._current is None else int(self._current.version())

    newest = version

    def number(self, application: str) -> int:
        """Return the last number that an application wrote; 0: none."""
        self._look()
        with translated(self.place):
            found = self._current and self._current.transaction_version(application)
        return int(found or 0)

    def batch(self) -> int:
        """Return the number that the kept sums count up to; see `Table.batch`."""
        return self.number(LOADER)

    def snapshot(self) -> tuple[int, list[File]]:
        """Return the snapshot's version and files, oldest first."""
        version = self.version()
        if version < 0:
            return -1, []
        if self._listed is None or self._listed[0] != version:
            with translated(self.place):
                adds = facts_of_files(self._current)
            try:
                files = listed_files(adds, self._base)
            except ValueError as e:
                raise StoreError(
                    f"the mirror's table of {self.name} is damaged: {e}",
                    where=f"{self.place.url}/{self.path}",
                    hint="delete the mirror: its collectors copy their stores again",
                ) from e
            uris = (f"{self._base}/{path}" for path in adds["path"])
            times = map(_seconds, adds["modification_time"])
            self._modified = dict(zip(uris, times, strict=True))
            self._listed = version, tuple(files)
        return version, [*self._listed[1]]

    def written(self, file: File) -> float:
        """Return when a listed file was written, seconds since the epoch."""
        return self._modified[file.uri]

    def relative(self, uri: str) -> str:
        """Return the path of a data file below the mirror's URL."""
        return f"{self.path}/{uri.removeprefix(self._base).strip('/')}"

    def localize(self, paths: Iterable[str]) -> None:
        """Copy data files to the local folder, so that they can be read.

        Raises:
            SourceError, UsageError: they cannot be fetched.
            NoRoomError: the local disk is full.
        """
        for path in paths if self._copies else ():
            if not Path(path).exists():
                self.place.fetch(self.relative(path), Path(path))

    def release(self, paths: Iterable[str]) -> None:
        """Delete the local copies of data files, as `localize` made them."""
        for path in paths if self._copies else ():
            Path(path).unlink(missing_ok=True)

    def clear(self) -> None:
        """Delete all local copies: of a process that died."""
        for path in self.folder.glob("month=*/*"):
            path.unlink(missing_ok=True)

    # writing

    def ensure(self) -> None:
        """Create the table if there is none."""
        if self._current is None:
            with translated(self.place):
                try:
                    deltalake.DeltaTable.create(
                        self.place.table_url(self.path),
                        self._columns,
                        partition_by=["month"],
                        name=self.name,
                        configuration=format_version.latest_properties(),
                        raise_if_key_not_exists=False,
                        storage_options=self.place.options,
                    )
                except DeltaError:  # another collector may have been faster
                    if self.refresh() < 0:
                        raise
            self.refresh()

    def commit(
        self,
        actions: Sequence[AddAction | RemoveAction],
        numbers: Mapping[str, int],
        info: Mapping[str, str] | None = None,
    ) -> int:
        """Copy the added files and commit; return the new version, which is the snapshot then.

        Args:
            actions: files that are added, from the local folder, and files that are removed.
            numbers: by application.
            info: recorded with the commit.

        Raises:
            ConflictError: somebody else has committed since `refresh`.
            SourceError, UsageError: it cannot be written. It may have been, if the answer was lost.
            NoRoomError: a mount is full.
        """
        for action in actions:
            if isinstance(action, deltalake.transaction.AddAction):
                local = self.folder / action.path
                if local.exists():  # else a second attempt
                    self.place.put(local, f"{self.path}/{action.path}")
                    local.unlink()
        transactions = [deltalake.Transaction(name, n) for name, n in numbers.items()]
        mark = secrets.token_hex(8)
        metadata = {**commit_info(len(actions) + len(transactions)), **(info or {}), MARK: mark}
        self.ensure()
        table, before = self._current, self.version()
        if time.monotonic() - self._refreshed > _LASTS:
            raise ConflictError(f"the snapshot of {self.name} is too old", where=self.place.url)
        with translated(self.place):
            try:
                table.create_write_transaction(
                    list(actions),
                    mode="append",
                    schema=self._columns,
                    partition_by=["month"],
                    commit_properties=deltalake.CommitProperties(
                        metadata, max_commit_retries=0, app_transactions=transactions
                    ),
                )
            except CommitFailedError:
                # an answer that was lost makes a second attempt of our own meet our own entry
                if not self._is_ours(before + 1, mark):
                    raise
            table.update_incremental()
        version = before + 1
        self.place.sync(f"{self.path}/_delta_log/{version:020d}.json")
        if self.version() != version:  # somebody else was next, already
            self.at(version)
        return version

    def _is_ours(self, version: int, mark: str) -> bool:
        """Whether a version was committed with this mark.

        Raises:
            ConflictError: another collector has committed it.
            SourceError, UsageError: there is no such version, or it cannot be read.
        """
        try:
            actions = self.entries.actions(version)
        except FileNotFoundError:
            return False
        infos = (action["commitInfo"] for action in actions if "commitInfo" in action)
        if next((info.get(MARK) for info in infos), None) != mark:
            raise ConflictError(
                f"another collector has committed to {self.name}", where=self.place.url
            )
        return True

    def _commit(
        self, actions: Sequence[Any], batch: int | None, numbers: Mapping[str, int] | None = None
    ) -> int:
        every = {**(numbers or {}), **({} if batch is None else {LOADER: batch})}
        return self.commit(actions, every)

    def replace(
        self,
        removed: Sequence[File],
        added: Sequence[AddAction],
        batch: int | None = None,
        *,
        data_change: bool = True,
        numbers: Mapping[str, int] | None = None,
    ) -> int:
        """Replace files by others; appends of other collectors meanwhile do no harm.

        Raises:
            ConflictError: somebody else has replaced one of them, or nothing is to be replaced and
                somebody else has committed.
        """
        paths = {file.uri for file in removed}
        for attempt in range(_ATTEMPTS):
            try:
                version = super().replace(
                    removed, added, batch, data_change=data_change, numbers=numbers
                )
            except ConflictError:
                self.refresh()
                lost = not paths <= {file.uri for file in self.files()}
                if not paths or lost or attempt == _ATTEMPTS - 1:
                    self.discard(added)
                    raise
            else:
                self.dropped += removed if data_change else ()
                return version
        raise AssertionError

    def discard(self, added: Iterable[AddAction]) -> None:
        """Delete files that were not committed, here and there."""
        for add in added:
            (self.folder / add.path).unlink(missing_ok=True)
            self.place.delete(f"{self.path}/{add.path}")

    def purge(self) -> None:
        """Delete the files that `replace` has removed since the last call, at once."""
        while self.dropped:
            file = self.dropped.pop()
            self.place.delete(self.relative(file.uri))
            Path(file.uri).unlink(missing_ok=True)

    def sync(self) -> None:
        """Do nothing: a commit is durable when it returns."""

    def has_note(self, name: str) -> bool:
        """Whether a note was left beside the table."""
        return self.place.exist([f"{self.path}/_{name}"])

    def leave_note(self, name: str) -> None:
        """Leave a note beside the table, durably."""
        self.place.write(f"{self.path}/_{name}", b"{}")

    def remove_note(self, name: str) -> None:
        """Remove a note."""
        self.place.delete(f"{self.path}/_{name}")


def _seconds(when: Any) -> float:
    """Return a time of an add action, which is in ms or a timestamp, in seconds."""
    return float(when) / 1000 if isinstance(when, int) else float(when.timestamp())
