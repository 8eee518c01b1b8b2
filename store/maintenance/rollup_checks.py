"""Whether rollups match what they are counted from.

Plain sums are compared by fingerprints, which were computed while the files were read; others are
counted again, a month at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubbub.store.maintenance.table_checks import Sums, TableChecks, month_of
from hubbub.store.rollups import refresh
from hubbub.store.rollups.details import kept
from hubbub.store.rollups.fingerprint import Fingerprint, added, has_fingerprint, zero
from hubbub.store.rollups.refresh import Rollup

if TYPE_CHECKING:
    from hubbub.store.delta.data_file import File
    from hubbub.store.delta.table import Table
    from hubbub.store.maintenance.checkpoint import Checkpoint
    from hubbub.store.maintenance.progress import Progress
    from hubbub.store.store import Store

__all__ = ["RollupChecks"]

#: By month: the sums of the files' fingerprints.
_ByMonth = Mapping[str, Fingerprint]


class RollupChecks:
    """The checks of the rollups of a verification.

    Args:
        store: the store; the caller holds the loader lock.
        tables: reads the files.
        checkpoint: what is proven.
        progress: gets the rows that are counted again.
    """

    def __init__(
        self, store: Store, tables: TableChecks, checkpoint: Checkpoint, progress: Progress
    ) -> None:
        self._store, self._tables = store, tables
        self._checkpoint, self._progress = checkpoint, progress
        self._expected: dict[str, _ByMonth] = {}

    def of_events(self) -> tuple[Sums, list[object]]:
        """Return what computes fingerprints from the events of a file, and what it depends on."""
        summed = self._summed_from(self._store.table)
        return Sums(summed, events=True), [(rollup.name, since) for rollup, since in summed]

    def expect(self, of_files: Mapping[str, Any]) -> None:
        """Take the fingerprints of all files of events; none has a fault."""
        self._expect(self._store.table, of_files)

    def recounted(self) -> list[Rollup]:
        """Return the rollups that are counted again: those without fingerprints."""
        return [rollup for rollup in kept(self._store) if not has_fingerprint(rollup)]

    def read(self, rollup: Rollup) -> list[tuple[str, str]]:
        """Check a rollup; return what is wrong, and where. The one that it sums up comes before.

        Raises:
            StoreError: a file that was sound a moment ago cannot be read.
        """
        source, _, since = refresh.source(self._store, rollup)
        plain = has_fingerprint(rollup)
        summed = [*([(rollup, since)] if plain else []), *self._summed_from(rollup)]
        found, of_files = self._tables.read(
            rollup,
            lambda _: Sums(summed, events=False),
            [(other.name, start) for other, start in summed],
        )
        if found:
            return list(found)
        months: list[str] = []
        if not plain:
            months = self._count_again(rollup)
        elif (expected := self._expected.get(rollup.name)) is not None:  # its source has no fault
            stored = _by_month(rollup, self._tables.files(rollup), of_files)
            months = [
                month
                for month in sorted(expected.keys() | stored.keys())
                if expected.get(month, zero(rollup)) != stored.get(month, zero(rollup))
            ]
        if not months:
            self._expect(rollup, of_files)
        where = str(rollup.folder)
        return [(f"its sums of {month} do not match {source.name}", where) for month in months]

    def _summed_from(self, table: Table) -> list[tuple[Rollup, int]]:
        """Return the rollups with fingerprints that are counted from a table, and since when."""
        sources = ((rollup, refresh.source(self._store, rollup)) for rollup in self._store.rollups)
        return [
            (rollup, since)
            for rollup, (source, _, since) in sources
            if source is table and has_fingerprint(rollup)
        ]

    def _expect(self, table: Table, of_files: Mapping[str, Any]) -> None:
        files = self._tables.files(table)
        for rollup, _ in self._summed_from(table):
            self._expected[rollup.name] = _by_month(rollup, files, of_files)

    def _count_again(self, rollup: Rollup) -> list[str]:
        """Return the months whose rows differ from those counted from the source again."""
        since = refresh.source(self._store, rollup)[2]
        differing = []
        for month, (source, own) in refresh.files_by_month(self._store, rollup).items():
            if month < self._tables.month:
                continue
            paths = [Path(file.uri) for file in (*source, *own)]
            key = self._checkpoint.key(f"{rollup.name}:sums", paths, since)
            self._progress.begin(f"{rollup.name} of {month}")
            if self._checkpoint.facts(key) is None:
                if refresh.differs(self._store, rollup, source, own):
                    differing.append(month)
                else:
                    self._checkpoint.record(key, facts=True)
            self._progress.add(sum(file.rows for file in source))
        return differing


def _by_month(rollup: Rollup, files: Iterable[File], of_files: Mapping[str, Any]) -> _ByMonth:
    """Add up the fingerprints of the files of each month."""
    months: dict[str, Fingerprint] = {}
    for file in files:
        month = month_of(file)
        months[month] = added(months.get(month, zero(rollup)), of_files[file.uri][rollup.name])
    return months
