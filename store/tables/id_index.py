"""Index of the event ids in the events table: a log-structured set of 64-bit hashes.

A hash that is not in the index proves that the id is new; for one that is, the id itself is looked
up in the table.

    ids/<first>-<last>-<length>-<random>.run   sorted little-endian uint64: hashes of the ids that
                                               these versions of the table added; memory-mapped

Runs of similar size are merged, so that their number is logarithmic. The index is derived data:
what it lacks is read from the table again. 100 M ids take 800 MB on disk, and as much again while
two runs are merged; memory is bounded by one batch and `HELD` hashes.
"""

from __future__ import annotations

import mmap
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hubbub.store.disk.files import sync_file, sync_folder

__all__ = ["Hashes", "IdIndex", "hashes"]

Hashes = NDArray[np.uint64]
RATIO = 4  # a run is merged with an older one that is at most this many times as large
CHUNK = 1 << 20  # hashes in memory at once while merging
HELD = 1 << 22  # hashes in memory at once while catching up: 32 MB
RANGES = 64  # a power of two: temporary files for more than these
_RUN = re.compile(r"(\d+)-(\d+)-(\d+)-[0-9a-f]{8}\.run")


def hashes(ids: Iterable[str]) -> Hashes:
    """Return the ids' 64-bit hashes, which are the same in every process and release."""
    digests = b"".join(blake2b(id_.encode(), digest_size=8).digest() for id_ in ids)
    return np.frombuffer(digests, dtype="<u8")


class Run:
    """A sorted file of hashes, memory-mapped."""

    __slots__ = ("_map", "data", "first", "last", "path")

    def __init__(self, path: Path) -> None:
        match = _RUN.fullmatch(path.name)
        assert match is not None
        self.path = path
        self.first, self.last = int(match[1]), int(match[2])
        self._map: mmap.mmap | None = None
        self.data: Hashes = np.empty(0, dtype="<u8")
        if path.stat().st_size:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self.data = np.frombuffer(self._map, dtype="<u8")

    def __len__(self) -> int:
        return len(self.data)

    def has(self, wanted: Hashes) -> NDArray[np.bool_]:
        """Return for each of these sorted hashes whether it is in the run."""
        if not len(self.data):
            return np.zeros(len(wanted), dtype=bool)
        hits = []
        for part in np.array_split(wanted, len(self.data) // CHUNK + 1):
            positions = np.searchsorted(self.data, part)
            positions[positions == len(self.data)] = 0
            hits.append(self.data[positions] == part)
            self.release()
        return np.concatenate(hits)

    def release(self) -> None:
        """Release the mapped pages: a batch touches nearly all, and they count as our memory."""
        if self._map is not None:
            self._map.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Unmap the file."""
        self.data, self._map = np.empty(0, dtype="<u8"), None


class IdIndex:
    """The index. Needs the loader's lock. See `id_lookup.open_index`.

    Args:
        folder: of the runs.
        scan: yields the ids that versions first … last (both inclusive) of the table added, in
            parts; used to catch up.
        exact: returns which of these ids the table holds; its second argument is the range of the
            batch's times in µs.
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
        """The table's version up to which the index is complete; -1: it is empty."""
        return self.runs[-1].last if self.runs else -1

    def __len__(self) -> int:
        return sum(map(len, self.runs))

    def known(self, ids: Sequence[str], hashed: Hashes, span: tuple[int, int]) -> set[str]:
        """Return which of these ids the table holds.

        Args:
            ids: of the batch, without repeats.
            hashed: their hashes, in the same order.
            span: first and last time of the batch in µs.
        """
        order = np.argsort(hashed)
        wanted = hashed[order]
        hits = np.zeros(len(wanted), dtype=bool)
        for run in self.runs:
            hits |= run.has(wanted)
        if not hits.any():
            return set()
        return self._exact([ids[i] for i in order[hits]], span)

    def catch_up(self, version: int) -> int:
        """Complete the index up to the table's version; return how many ids were read."""
        if self.version > version:  # the table was replaced, or restored from a backup
            self._drop(self.runs)
            self.runs = []
        if self.version == version:
            return 0
        parts = map(hashes, self._scan(self.version + 1, version))
        return self._append(_sorted(parts, self.folder), version)

    def add(self, hashed: Hashes, version: int) -> None:
        """Add the hashes of all ids that commits after `self.version`, up to this one, added."""
        self._append([np.sort(hashed)], version)

    def _append(self, parts: Iterable[Hashes], version: int) -> int:
        """Add hashes, in order, as a run; return how many."""
        run = self._write(self.version + 1, version, parts)
        number = len(run)
        self.runs.append(run)
        while len(self.runs) > 1 and len(self.runs[-2]) <= RATIO * len(self.runs[-1]):
            older, newer = self.runs[-2:]
            merged = self._write(older.first, newer.last, _union(older, newer))
            self.runs[-2:] = [merged]
            self._drop([older, newer])
        return number

    def _write(self, first: int, last: int, parts: Iterable[Hashes]) -> Run:
        new = self.folder / f"{first}-{last}-{secrets.token_hex(4)}.new"
        length = 0
        with new.open("xb") as file:
            for part in parts:
                file.write(part.astype("<u8", copy=False).tobytes())
                length += len(part)
        sync_file(new)
        path = self.folder / f"{first}-{last}-{length}-{secrets.token_hex(4)}.run"
        new.rename(path)
        sync_folder(self.folder)
        return Run(path)

    def _load(self) -> None:
        """Open the runs that cover all versions from the first one without a gap; drop the rest."""
        for unfinished in self.folder.glob("*.new"):
            unfinished.unlink()
        runs = []
        for path in self.folder.glob("*.run"):
            match = _RUN.fullmatch(path.name)
            if match is not None and path.stat().st_size == 8 * int(match[3]):
                runs.append(Run(path))
            else:
                path.unlink()
        unused: list[Run] = []
        # a crash while merging may leave both the merged run and its parts: take the longer one
        for run in sorted(runs, key=lambda r: (r.first, -r.last)):
            if run.first == self.version + 1:
                self.runs.append(run)
            else:
                unused.append(run)
        self._drop(unused)

    def _drop(self, runs: Iterable[Run]) -> None:
        for run in runs:
            run.close()
            run.path.unlink(missing_ok=True)


def _sorted(parts: Iterable[Hashes], folder: Path) -> Iterator[Hashes]:
    """Yield hashes in order, in parts; temporary files hold them if there are many."""
    held: list[Hashes] = [np.empty(0, dtype="<u8")]
    number = 0
    with ExitStack() as stack:
        files: list[IO[bytes]] = []
        for part in parts:
            held.append(part)
            number += len(part)
            if number >= HELD:
                if not files:
                    files = [stack.enter_context(TemporaryFile(dir=folder)) for _ in range(RANGES)]
                _distribute(np.sort(np.concatenate(held)), files)
                held, number = [], 0
        if not files:
            yield np.sort(np.concatenate(held))
            return
        _distribute(np.sort(np.concatenate([np.empty(0, dtype="<u8"), *held])), files)
        for file in files:
            file.seek(0)
            yield np.sort(np.frombuffer(file.read(), dtype="<u8"))


def _distribute(hashed: Hashes, files: Sequence[IO[bytes]]) -> None:
    """Append sorted hashes to the files, one for each range."""
    width = (1 << 64) // len(files)
    bounds = np.array([i * width for i in range(1, len(files))], dtype=np.uint64)
    edges = [0, *np.searchsorted(hashed, bounds).tolist(), len(hashed)]
    for file, start, end in zip(files, edges[:-1], edges[1:], strict=True):
        file.write(hashed[start:end].tobytes())


def _union(older: Run, newer: Run) -> Iterable[Hashes]:
    for part in _merge(older.data, newer.data):
        older.release()
        newer.release()
        yield part


def _merge(a: Hashes, b: Hashes) -> Iterable[Hashes]:
    """Yield the sorted union (with repeats) of two sorted arrays, in parts of about `CHUNK`."""
    steps = max(1, (len(a) + len(b)) // CHUNK)
    bounds = np.array([(i << 64) // steps for i in range(1, steps)], dtype=np.uint64)
    cut_a = [0, *np.searchsorted(a, bounds).tolist(), len(a)]
    cut_b = [0, *np.searchsorted(b, bounds).tolist(), len(b)]
    for i in range(steps):
        part: Any = np.concatenate([a[cut_a[i] : cut_a[i + 1]], b[cut_b[i] : cut_b[i + 1]]])
        part.sort()
        yield part
