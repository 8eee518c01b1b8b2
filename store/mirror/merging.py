"""Add rows to a table of a mirror, without those that it has.

A row is the same as another one if their keys are equal and their times differ by at most `SLACK`:
only row groups of such times are looked at. What was looked up stays true until the commit, since
that fails if another collector has committed in between; then only the files that are new are
looked at.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hubbub.errors import NoRoomError
from hubbub.store.delta.data_file import DataFileWriter, File
from hubbub.store.mirror.failures import ConflictError, translated
from hubbub.store.mirror.remote import Remote
from hubbub.times import from_micros, to_micros

if TYPE_CHECKING:
    from deltalake.transaction import AddAction

__all__ = ["ID", "ITS_EVENT", "SAMPLE", "SLACK", "Keys", "Known", "Merged", "merge"]

SLACK = 600_000_000  # µs
_HELD = 500_000  # keys in memory
_GROUP = 65_536  # rows of a row group
_EVENT = ("time", "seq", "origin")
_ATTEMPTS = 50  # against other collectors

Times: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Keys:
    """What makes a row of a table the same as another one.

    Attributes:
        columns: that are needed for it.
        of: from rows to an array of texts.
    """

    columns: tuple[str, ...]
    of: Callable[[Any], Any]


def _of_its_event(rows: Any) -> Any:
    texts = [rows[name].cast(pa.int64()).cast(pa.string()) for name in _EVENT]
    return pc.binary_join_element_wise(*texts, ":")


def _of_sample(rows: Any) -> Any:
    return pc.binary_join_element_wise(_of_its_event(rows), rows["name"], ":")


ID = Keys(("id",), lambda rows: rows["id"])
SAMPLE = Keys((*_EVENT, "name"), _of_sample)
#: From a sample to the event that it came with.
ITS_EVENT = Keys(_EVENT, _of_its_event)


@dataclass(frozen=True, slots=True)
class Merged:
    """What was added."""

    rows: int = 0
    known: int = 0  # rows that the table had
    committed: bool = False


class Known:
    """Finds which keys a table of a mirror has; remembers what it has read lately.

    Args:
        table: of the mirror.
        keys: of its rows.
    """

    def __init__(self, table: Remote, keys: Keys) -> None:
        self.table, self.keys = table, keys
        self._groups: OrderedDict[str, list[tuple[int, int, Any]]] = OrderedDict()
        self._held = 0

    def find(self, rows: Any, files: Sequence[File]) -> Any:
        """Return for each row whether one of these files has its key, as a boolean array.

        Args:
            rows: not empty, sorted by time.
            files: of the table.

        Raises:
            SourceError, UsageError: they cannot be read.
        """
        times: Times = rows["time"].cast(pa.int64()).to_numpy()
        keys = self.keys.of(rows)
        found = np.zeros(rows.num_rows, bool)
        for file in files:
            if not _near(times, file.first, file.last):
                continue
            for first, last, present in self._of(file, times):
                if _near(times, first, last):
                    found |= pc.is_in(keys, present).to_numpy(zero_copy_only=False)
        return found

    def add(self, uri: str, groups: list[tuple[int, int, Any]]) -> None:
        """Remember the row groups of a file that was just written: first, last time and keys."""
        self._groups[uri] = groups
        self._held += sum(len(keys) for *_, keys in groups)
        while self._held > _HELD and len(self._groups) > 1:
            _, old = self._groups.popitem(last=False)
            self._held -= sum(len(keys) for *_, keys in old)

    def _of(self, file: File, times: Times) -> list[tuple[int, int, Any]]:
        """Return the row groups of a file that are near these times."""
        if (held := self._groups.get(file.uri)) is not None:
            self._groups.move_to_end(file.uri)
            return held
        place, path = self.table.place, self.table.relative(file.uri)
        groups, whole = [], True
        with (
            translated(place),
            pq.ParquetFile(place.path(path), filesystem=place.files) as parquet,
        ):
            for number in range(parquet.num_row_groups):
                first, last = _span(parquet.metadata.row_group(number), file)
                if not _near(times, first, last):
                    whole = False
                    continue
                rows = parquet.read_row_group(number, columns=[*self.keys.columns])
                groups.append((first, last, self.keys.of(rows).combine_chunks()))
        if whole:
            self.add(file.uri, groups)
        return groups


def _near(times: Times, first: int, last: int) -> bool:
    """Whether one of these sorted times may be that of a row of [first, last]."""
    start, end = np.searchsorted(times, [first - SLACK, last + SLACK + 1])
    return bool(start < end)


def _span(group: Any, file: File) -> tuple[int, int]:
    """Return the first and last time of a row group, µs."""
    for column in map(group.column, range(group.num_columns)):
        if column.path_in_schema == "time" and column.is_stats_set:
            return to_micros(column.statistics.min), to_micros(column.statistics.max)
    return file.first, file.last


def merge(
    known: Known,
    rows: Any,
    application: str,
    number: int,
    info: Mapping[str, str],
) -> Merged:
    """Add the rows that a table lacks, in one commit; nothing is committed if there are none.

    Args:
        known: of the table.
        rows: of the table's schema, sorted by time, without repeats.
        application: whose number it is.
        number: written with the commit.
        info: recorded with the commit.

    Raises:
        ConflictError: other collectors were faster, again and again.
        SourceError, UsageError: it cannot be written.
        NoRoomError: a disk is full.
    """
    table = known.table
    if not rows.num_rows:
        return Merged()
    seen: set[str] = set()
    given = rows.num_rows
    for attempt in range(_ATTEMPTS):
        if attempt or not table.exists():
            table.refresh()
        table.ensure()
        files = [file for file in table.files() if file.uri not in seen]
        rows = rows.filter(pa.array(~known.find(rows, files)))
        seen.update(file.uri for file in files)
        if not rows.num_rows:
            return Merged(0, given)
        try:
            _add(known, rows, application, number, info)
        except ConflictError:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return Merged(rows.num_rows, given - rows.num_rows, committed=True)
    raise AssertionError


def _add(known: Known, rows: Any, application: str, number: int, info: Mapping[str, str]) -> None:
    """Add rows, which the snapshot lacks, in one commit; errors as in `merge`."""
    table = known.table
    added: list[AddAction] = []
    written: dict[str, list[tuple[int, int, Any]]] = {}
    try:
        with translated(table.place):
            for month, part in _months(rows):
                add, groups = _write(table, month, part, known.keys)
                added.append(add)
                written[str(table.folder / add.path)] = groups
        table.commit(added, {application: number}, info)
    except (ConflictError, NoRoomError):
        table.discard(added)
        raise
    for uri, groups in written.items():
        known.add(uri, groups)


def _months(rows: Any) -> Iterator[tuple[str, Any]]:
    """Split rows by month (`YYYY-MM`, UTC); they are sorted by time."""
    times = rows["time"].cast(pa.int64()).to_numpy()
    start = 0
    while start < len(times):
        first = from_micros(int(times[start]))
        following = first.replace(
            year=first.year + first.month // 12, month=first.month % 12 + 1, day=1,
            hour=0, minute=0, second=0, microsecond=0,
        )  # fmt: skip
        end = int(np.searchsorted(times, to_micros(following)))
        yield f"{first:%Y-%m}", rows.slice(start, end - start)
        start = end


def _write(
    table: Remote, month: str, rows: Any, keys: Keys
) -> tuple[AddAction, list[tuple[int, int, Any]]]:
    """Write a local data file; return its action and its row groups."""
    first = to_micros(rows["time"][0].as_py())
    file = DataFileWriter(table, month, f"{first:020d}-{secrets.token_hex(8)}")
    groups = []
    try:
        for start in range(0, rows.num_rows, _GROUP):
            part = rows.slice(start, _GROUP)
            file.write(part)
            ends = to_micros(part["time"][0].as_py()), to_micros(part["time"][-1].as_py())
            groups.append((*ends, keys.of(part).combine_chunks()))
        return file.close(), groups
    except BaseException:
        file.discard()
        raise
