"""A Delta table that stays open until its log changes: opening it takes longer than most reads.

Versions have no gaps, so that a next one would be there; the newest entry is another file after a
repair. An open table is not used beyond a new checkpoint either, since the entries before that may
be deleted, and the table library reads some of them late.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import deltalake

from hubbub.store.delta.data_file import File
from hubbub.store.delta.format_version import form_of
from hubbub.store.delta.log import Entry, Log

__all__ = ["LOADER", "Facts", "OpenTable"]

#: Application id of the transactions that number the loader's batches in the Delta log.
LOADER = "hubbub-loader"


class Facts(NamedTuple):
    """What a snapshot says of its table."""

    version: int
    batch: int  # number of the loader's last committed batch; 0 before the first
    form: int  # format version


class _Kept(NamedTuple):
    """An open snapshot."""

    table: deltalake.DeltaTable
    checkpoint: Entry | None  # the newest one before it was opened


class OpenTable:
    """The newest snapshot of a table, for several threads.

    Args:
        log: of the table.
        opening: opens the newest snapshot.
    """

    def __init__(self, log: Log, opening: Callable[[], deltalake.DeltaTable]) -> None:
        self._log, self._opening = log, opening
        self._lock = threading.RLock()  # a commit changes the snapshot that others may read
        self._entry: Entry | None = None  # the newest one when the following was read
        self._facts = Facts(-1, 0, 0)
        self._files: tuple[File, ...] | None = None
        self._kept: _Kept | None = None

    def facts(self) -> Facts | None:
        """Return the facts of the newest snapshot; None if nothing was committed."""
        with self._lock:
            if self._current():
                return self._facts
            if not self._exists():
                return None
            self._open()
            return self._facts

    def read(
        self, files: Callable[[deltalake.DeltaTable], Sequence[File]]
    ) -> tuple[Facts | None, Sequence[File]]:
        """Return the facts and the files of the newest snapshot.

        Args:
            files: returns the files of a snapshot.
        """
        with self._lock:
            if self._files is not None and self._current():
                return self._facts, self._files
            if not self._exists():
                return None, ()
            found = tuple(files(self._open()))
            self._files = None if self._entry is None else found
            return self._facts, found

    @contextmanager
    def changing(self) -> Iterator[deltalake.DeltaTable]:
        """Yield the newest snapshot, which the block brings to a newer version or drops."""
        with self._lock:
            table = self._open()
            checkpoint, self._kept = self._log.checkpoint(), None
            yield table
            self._keep(table, checkpoint)

    def keep(self, table: deltalake.DeltaTable) -> None:
        """Keep the snapshot of a table that was just created."""
        with self._lock:
            self._keep(table, None)

    def _exists(self) -> bool:
        return self._log.folder.is_dir() and any(self._log.folder.glob("*.json"))

    def _current(self) -> bool:
        """Whether what was read is still the newest."""
        version = self._facts.version
        return (
            self._entry is not None
            and self._log.identity(version) == self._entry
            and not self._log.entry(version + 1).exists()
        )

    def _open(self) -> deltalake.DeltaTable:
        """Return the newest snapshot, the kept one or a new one."""
        checkpoint = self._log.checkpoint()
        if self._kept is not None and self._kept.checkpoint == checkpoint and self._current():
            return self._kept.table
        table = self._opening()
        self._keep(table, checkpoint)
        return table

    def _keep(self, table: deltalake.DeltaTable, checkpoint: Entry | None) -> None:
        """Keep a snapshot and its facts, unless its entry is gone."""
        version, batch = int(table.version()), int(table.transaction_version(LOADER) or 0)
        self._facts, self._files = Facts(version, batch, form_of(table)), None
        self._entry = self._log.identity(version)
        self._kept = None if self._entry is None else _Kept(table, checkpoint)
