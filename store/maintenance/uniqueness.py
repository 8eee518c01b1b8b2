"""Whether each id is stored once, and is in the id index: by sorted files of 64-bit hashes.

The hashes of each data file are kept until the verification ends (8 bytes per id), so that one that
was interrupted need not read the ids again. They are compared in `RANGES` parts, each by itself, so
that memory is bounded.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from hubbub.store.disk.files import replace_file
from hubbub.store.tables.id_index import Hashes, hashes

__all__ = ["Comparison", "HashFile", "MappedHashes", "SortedHashes", "compare"]

RANGES = 64  # a power of two; of 100 M hashes each range has 12 MB


class HashFile:
    """The hashes of a data file's ids, while they are read.

    Args:
        path: of the file that `close` writes.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._parts = path, [np.empty(0, dtype="<u8")]

    def add(self, ids: Sequence[str]) -> None:
        """Add ids."""
        self._parts.append(hashes(ids))

    def close(self) -> None:
        """Write the file, sorted, as a whole.

        Raises:
            OSError: it cannot be written.
        """
        replace_file(self._path, np.sort(np.concatenate(self._parts)).tobytes())


class SortedHashes(Protocol):
    """Sorted hashes in a file: those of a data file, or a run of the id index."""

    @property
    def data(self) -> Hashes:
        """The hashes, mapped into memory."""

    def release(self) -> None:
        """Let go of the pages that were read."""


class MappedHashes:
    """A file that `HashFile` wrote.

    Args:
        path: of the file.

    Raises:
        OSError: there is none.
    """

    def __init__(self, path: Path) -> None:
        self._map: mmap.mmap | None = None
        self.data: Hashes = np.empty(0, dtype="<u8")
        if path.stat().st_size:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self.data = np.frombuffer(self._map, dtype="<u8")

    def release(self) -> None:
        """Let go of the pages that were read: they would count as memory of this process."""
        if self._map is not None:
            self._map.madvise(mmap.MADV_DONTNEED)


@dataclass(slots=True)
class Comparison:
    """The result of comparing ids with the id index."""

    ids: int = 0
    unknown: int = 0  # ids that are not in the index
    spare: int = 0  # hashes in the index without an id: of deleted events, harmless
    doubled: list[int] = field(default_factory=list)  # hashes that occur more than once


def compare(
    files: Sequence[SortedHashes], index: Sequence[SortedHashes] | None = None
) -> Comparison:
    """Look for repeated ids, and compare ids with the id index.

    Args:
        files: the hashes of each data file's ids.
        index: the runs of the id index; None: only look for repeats.
    """
    out = Comparison(ids=sum(len(file.data) for file in files))
    for number in range(RANGES):
        values = _range(files, number)
        unique = _distinct(values)
        if len(unique) < len(values):
            out.doubled += _distinct(values[1:][values[1:] == values[:-1]]).tolist()
        if index is not None:
            known = _distinct(_range(index, number))
            both = len(unique) + len(known) - len(_distinct(_sorted([unique, known])))
            out.unknown += len(unique) - both
            out.spare += len(known) - both
    return out


def _sorted(parts: Sequence[Hashes]) -> Hashes:
    """Return the hashes of sorted parts in order."""
    together = np.concatenate(parts)
    together.sort(kind="stable")  # merges what is sorted already
    return together


def _distinct(values: Hashes) -> Hashes:
    """Return sorted hashes without repeats; `numpy.unique` would sort or hash them again."""
    first = np.ones(len(values), bool)
    first[1:] = values[1:] != values[:-1]
    return values[first]


def _range(files: Iterable[SortedHashes], number: int) -> Hashes:
    """Return the hashes of all files that lie in a range, in order."""
    width = (1 << 64) // RANGES
    parts = [np.empty(0, dtype="<u8")]
    for file in files:
        data, last = file.data, number == RANGES - 1
        start = np.searchsorted(data, np.uint64(number * width))
        end = len(data) if last else np.searchsorted(data, np.uint64((number + 1) * width))
        parts.append(data[start:end].copy())
        file.release()
    return _sorted(parts)
