"""Whether each text of very many is there once, and whether a set of hashes knows them all.

Comes in: texts in parts, and sorted runs of hashes. Goes out: hashes that are there twice, and how
many the set lacks. Hashes go through files on the disk (8 bytes each), a bucket at a time through
memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from hubbub.store.ids import Hashes, hashes

__all__ = ["Compared", "compare"]

BUCKETS = 16  # a power of two; 100 M texts need 50 MB for one of 16


@dataclass(slots=True)
class Compared:
    """What a comparison found."""

    ids: int = 0
    unknown: int = 0  # that are not in the set
    spare: int = 0  # hashes of the set that belong to no text (they went, and do no harm)
    doubled: list[int] = field(default_factory=list)  # hashes


def compare(
    texts: Iterable[Sequence[str]], folder: Path, runs: Sequence[Hashes] | None = None
) -> Compared:
    """Compare.

    Args:
        texts: in parts.
        folder: where there is room for 8 bytes a text; nothing stays there.
        runs: the set; None: only look for repeats.
    """
    out = Compared()
    shift = np.uint64(64 - (BUCKETS.bit_length() - 1))
    files = [TemporaryFile(dir=folder) for _ in range(BUCKETS)]  # noqa: SIM115 - closed below
    try:
        for part in texts:
            values = hashes(part)
            out.ids += len(values)
            bucket = values >> shift
            for number in np.unique(bucket).tolist():
                files[number].write(values[bucket == number].tobytes())
        for number, file in enumerate(files):
            file.seek(0)
            values = np.sort(np.frombuffer(file.read(), dtype="<u8"))
            unique = np.unique(values)
            if len(unique) < len(values):
                out.doubled += np.unique(values[1:][values[1:] == values[:-1]]).tolist()
            if runs is not None:
                known = _bucket(runs, number, shift)
                out.unknown += len(np.setdiff1d(unique, known, assume_unique=True))
                out.spare += len(np.setdiff1d(known, unique, assume_unique=True))
    finally:
        for file in files:
            file.close()
    return out


def _bucket(runs: Sequence[Hashes], number: int, shift: np.uint64) -> Hashes:
    """The hashes of all runs that belong to a bucket, each once."""
    low = np.uint64(number << int(shift))
    parts = []
    for run in runs:
        start = np.searchsorted(run, low)
        end = (
            len(run)
            if number == BUCKETS - 1
            else np.searchsorted(run, np.uint64((number + 1) << int(shift)))
        )
        parts.append(np.asarray(run[start:end]))
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, dtype="<u8")
