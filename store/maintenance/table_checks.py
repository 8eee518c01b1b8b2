"""Check the files of tables, but those that the checkpoint of a verification proves.

What later comparisons need of a file is computed while it is read, and kept with its proof: the
hashes of its ids, and the fingerprints of its sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from hubbub.store.maintenance.checks import check_file
from hubbub.store.maintenance.uniqueness import HashFile, MappedHashes
from hubbub.store.rollups.fingerprint import added, of_events, of_sums, zero
from hubbub.store.rollups.tables import Rollup

if TYPE_CHECKING:
    from hubbub.store.delta.data_file import File
    from hubbub.store.delta.table import Table
    from hubbub.store.maintenance.checkpoint import Checkpoint
    from hubbub.store.maintenance.progress import Progress

__all__ = ["Ids", "Sums", "TableChecks", "month_of"]

Found: TypeAlias = Sequence[tuple[str, str]]  # (what is wrong, path)


def month_of(file: File) -> str:
    """Return the month of a data file, YYYY-MM."""
    return Path(file.uri).parent.name.removeprefix("month=")


class Observer(Protocol):
    """Sees all rows of a file that is checked."""

    def see(self, rows: Any, /) -> None:
        """Take some rows, in order."""

    def close(self) -> Any:
        """Return what is to be recorded of the file, JSON and not None."""


class _Nothing:
    """Records that the file was checked."""

    def see(self, _rows: Any, /) -> None: ...

    def close(self) -> Any:
        return True


class Ids:
    """Writes the hashes of the ids; then closes the observer behind it."""

    def __init__(self, path: Path, behind: Observer | None = None) -> None:
        self._hashes, self._behind = HashFile(path), behind or _Nothing()

    def see(self, rows: Any, /) -> None:
        """Take some rows."""
        self._hashes.add(rows["id"].to_pylist())
        self._behind.see(rows)

    def close(self) -> Any:
        """Write the file of hashes."""
        self._hashes.close()
        return self._behind.close()


class Sums:
    """Computes the fingerprints of some rollups.

    Args:
        rollups: each with the time (µs) from which on rows count.
        events: whether the rows are events; otherwise they are sums.
    """

    def __init__(self, rollups: Iterable[tuple[Rollup, int]], *, events: bool) -> None:
        self._rollups = list(rollups)
        self._of = of_events if events else of_sums
        self._sums = {rollup.name: zero(rollup) for rollup, _ in self._rollups}

    def see(self, rows: Any, /) -> None:
        """Take some rows."""
        for rollup, since in self._rollups:
            part = self._of(rollup, rows, since)
            self._sums[rollup.name] = added(self._sums[rollup.name], part)

    def close(self) -> Any:
        """Return the fingerprints by name."""
        return self._sums


class TableChecks:
    """The checks of a verification.

    Args:
        checkpoint: what is proven; None: nothing, and nothing is recorded.
        progress: gets the rows that are checked.
        month: the first month to check, YYYY-MM; empty: all.

    Attributes:
        month: as given.
        skipped: files that were not read, because the checkpoint proves them.
    """

    def __init__(self, checkpoint: Checkpoint | None, progress: Progress, month: str = "") -> None:
        self._checkpoint, self._progress, self.month = checkpoint, progress, month
        self.skipped = 0

    def files(self, table: Table) -> list[File]:
        """Return the files to check, oldest first."""
        return [file for file in table.files() if month_of(file) >= self.month]

    def quick(self, table: Table) -> Found:
        """Check the files of a table without reading rows."""
        self._progress.begin(table.name)
        found = []
        for file in self.files(table):
            found += [(what, file.uri) for what in check_file(table, file, _ignore, quick=True)]
            self._progress.add(file.rows)
        return found

    def read(
        self,
        table: Table,
        observer: Callable[[Path], Observer] = lambda _: _Nothing(),
        facts: Sequence[object] = (),
    ) -> tuple[Found, Mapping[str, Any]]:
        """Check the files of a table; return what is wrong, and the facts of each sound file.

        Args:
            table: the table.
            observer: makes the observer of a file, from a path that it may write to.
            facts: on which what the observer records depends.
        """
        assert self._checkpoint is not None
        self._progress.begin(table.name)
        found: list[tuple[str, str]] = []
        known: dict[str, Any] = {}
        for file in self.files(table):
            try:
                key = self._checkpoint.key(table.name, [Path(file.uri)], *facts)
            except OSError as e:
                found.append((f"a data file cannot be read: {e.strerror}", file.uri))
                continue
            path = self._checkpoint.folder / f"{key}.ids"
            recorded = self._checkpoint.facts(key)
            seeing = observer(path)
            if recorded is not None and (path.exists() or not isinstance(seeing, Ids)):
                self.skipped += 1
                self._progress.add(file.rows)
                known[file.uri] = recorded
                continue
            wrong = list(check_file(table, file, self._counted(seeing)))
            if wrong:
                found += [(what, file.uri) for what in wrong]
                continue
            known[file.uri] = seeing.close()
            self._checkpoint.record(key, known[file.uri])
        return found, known

    def hashes(self, table: Table, facts: Sequence[object] = ()) -> list[MappedHashes]:
        """Return the hashes of the ids of each file that `read` has read with `Ids`."""
        assert self._checkpoint is not None
        keys = (
            self._checkpoint.key(table.name, [Path(file.uri)], *facts) for file in self.files(table)
        )
        return [MappedHashes(self._checkpoint.folder / f"{key}.ids") for key in keys]

    def _counted(self, observer: Observer) -> Callable[[Any], None]:
        def see(rows: Any) -> None:
            observer.see(rows)
            self._progress.add(rows.num_rows)

        return see


def _ignore(_rows: Any) -> None: ...
