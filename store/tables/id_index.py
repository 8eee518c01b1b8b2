"""Which ids the events table holds: a log-structured set of 64-bit hashes.

Comes in: ids of a batch. Goes out: those that are in the table already, whatever their time. A
hash that is not in the set proves that the id is new; one that is gets an exact look at the table,
in the files of the batch's time first.

    ids/<first>-<last>-<length>-<random>.run   sorted little-endian uint64, the ids that these
                                               versions of the table added; mapped into memory

Runs are merged when they are of like size, so that there are few (logarithmically many). The set
is derived: what is missing or behind the table's version is read from the table again. 100 M ids
take 800 MB on disk, and while two runs merge the same again; memory is that of one batch and of
`CHUNK` hashes.
"""

from __future__ import annotations

import mmap
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hubbub.store.disk.files import sync_file, sync_folder

__all__ = ["Hashes", "IdIndex", "hashes"]

Hashes = NDArray[np.uint64]
RATIO = 4  # a run is merged with an older one that is less than so many times as large
CHUNK = 1 << 20  # hashes in memory at once while merging
_RUN = re.compile(r"(\d+)-(\d+)-(\d+)-[0-9a-f]{8}\.run")


def hashes(ids: Iterable[str]) -> Hashes:
    """64-bit hashes, the same in every process and release."""
    digests = b"".join(blake2b(one.encode(), digest_size=8).digest() for one in ids)
    return np.frombuffer(digests, dtype="<u8")


class Run:
    """One sorted file."""

    __slots__ = ("_map", "data", "first", "last", "path")

    def __init__(self, path: Path) -> None:
        found = _RUN.fullmatch(path.name)
        assert found is not None
        self.path = path
        self.first, self.last = int(found[1]), int(found[2])
        self._map: mmap.mmap | None = None
        self.data: Hashes = np.empty(0, dtype="<u8")
        if path.stat().st_size:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self.data = np.frombuffer(self._map, dtype="<u8")

    def __len__(self) -> int:
        return len(self.data)

    def has(self, wanted: Hashes) -> NDArray[np.bool_]:
        """Which of these sorted hashes are in the run."""
        if not len(self.data):
            return np.zeros(len(wanted), dtype=bool)
        found = []
        for part in np.array_split(wanted, len(self.data) // CHUNK + 1):
            at = np.searchsorted(self.data, part)
            at[at == len(self.data)] = 0
            found.append(self.data[at] == part)
            self.release()
        return np.concatenate(found)

    def release(self) -> None:
        """Give the mapped pages back: a batch touches nearly all, and they count as ours."""
        if self._map is not None:
            self._map.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Unmap."""
        self.data, self._map = np.empty(0, dtype="<u8"), None


class IdIndex:
    """The set. For the holder of the loader's lock.

    Args:
        folder: where the runs are.
        scan: the ids of commits (versions first … last, both inclusive) in parts; used to catch up.
        exact: of these ids, which the table holds, given the batch's range of times in µs.
    """

    def __init__(
        self,
        folder: Path,
        *,
        scan: Callable[[int, int], Iterable[Sequence[str]]],
        exact: Callable[[Sequence[str], tuple[int, int]], set[str]],
    ) -> None:
        self.folder, self._scan, self._exact = folder, scan, exact
        self.folder.mkdir(exist_ok=True)
        self.runs: list[Run] = []
        self._load()

    @property
    def version(self) -> int:
        """The table's version up to which the set is complete; -1: nothing."""
        return self.runs[-1].last if self.runs else -1

    def __len__(self) -> int:
        return sum(map(len, self.runs))

    def known(self, ids: Sequence[str], hashed: Hashes, span: tuple[int, int]) -> set[str]:
        """Which of these ids the table holds.

        Args:
            ids: the batch's, without repeats.
            hashed: their hashes, in the same order.
            span: first and last time of the batch in µs.
        """
        order = np.argsort(hashed)
        wanted = hashed[order]
        hit = np.zeros(len(wanted), dtype=bool)
        for run in self.runs:
            hit |= run.has(wanted)
        if not hit.any():
            return set()
        return self._exact([ids[i] for i in order[hit]], span)

    def catch_up(self, version: int) -> int:
        """Complete the set up to the table's version; how many ids were read for it."""
        if self.version > version:  # of another table, or the table was restored: start again
            self._drop(self.runs)
            self.runs = []
        if self.version == version:
            return 0
        parts = [hashes(part) for part in self._scan(self.version + 1, version)]
        whole = np.concatenate(parts) if parts else np.empty(0, dtype="<u8")
        self.add(whole, version)
        return len(whole)

    def add(self, hashed: Hashes, version: int) -> None:
        """Take the ids of the commits since the last version up to this one."""
        self.runs.append(self._write(self.version + 1, version, [np.sort(hashed)]))
        while len(self.runs) > 1 and len(self.runs[-2]) <= RATIO * len(self.runs[-1]):
            older, newer = self.runs[-2:]
            merged = self._write(older.first, newer.last, _union(older, newer))
            self.runs[-2:] = [merged]
            self._drop([older, newer])

    def _write(self, first: int, last: int, parts: Iterable[Hashes]) -> Run:
        new = self.folder / f"{first}-{last}-{secrets.token_hex(4)}.new"
        length = 0
        with new.open("wb") as file:
            for part in parts:
                file.write(part.astype("<u8", copy=False).tobytes())
                length += len(part)
        sync_file(new)
        path = self.folder / f"{first}-{last}-{length}-{secrets.token_hex(4)}.run"
        new.rename(path)
        sync_folder(self.folder)
        return Run(path)

    def _load(self) -> None:
        """The runs that lead without a hole from the first version on; the rest is of no use."""
        for left in self.folder.glob("*.new"):
            left.unlink()
        spare: list[Run] = []
        found = []
        for path in self.folder.glob("*.run"):
            name = _RUN.fullmatch(path.name)
            if name is not None and path.stat().st_size == 8 * int(name[3]):
                found.append(Run(path))
            else:
                path.unlink()
        # of two that start together, one is the merged one: the longer reaches further
        for run in sorted(found, key=lambda r: (r.first, -r.last)):
            if run.first == self.version + 1:
                self.runs.append(run)
            else:
                spare.append(run)
        self._drop(spare)

    def _drop(self, runs: Iterable[Run]) -> None:
        for run in runs:
            run.close()
            run.path.unlink(missing_ok=True)


def _union(older: Run, newer: Run) -> Iterable[Hashes]:
    for part in _merge(older.data, newer.data):
        older.release()
        newer.release()
        yield part


def _merge(a: Hashes, b: Hashes) -> Iterable[Hashes]:
    """The sorted union of two sorted arrays, in parts of about `CHUNK`."""
    steps = max(1, (len(a) + len(b)) // CHUNK)
    bounds = np.array([(i << 64) // steps for i in range(1, steps)], dtype=np.uint64)
    cut_a = [0, *np.searchsorted(a, bounds).tolist(), len(a)]
    cut_b = [0, *np.searchsorted(b, bounds).tolist(), len(b)]
    for i in range(steps):
        part: Any = np.concatenate([a[cut_a[i] : cut_a[i + 1]], b[cut_b[i] : cut_b[i + 1]]])
        part.sort()
        yield part
