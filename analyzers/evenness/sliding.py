"""Histograms of the users' counts in many overlapping windows, computed with NumPy.

The engine supplies a row for each user: a list of the user's counts in the pieces into which the
windows are cut. A window function there would cost five times as much, and a row for each user and
piece would be more than another engine gives away.

A matrix has a cell for each user and window. A count is added to the user's cell of its first
window and subtracted after its last; cumulative sums along the windows are the counts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["CELLS", "Pieces", "sliding_histograms"]

#: Cells (users times windows) that are computed at once; 8 bytes each.
CELLS = 1 << 23


@dataclass(frozen=True, slots=True)
class Pieces:
    """Spans of time, numbered from 0, that no window cuts.

    Window j has the pieces j · step, …, j · step + length - 1. Numbers may be integers, arrays or
    columns of the engine.
    """

    windows: int
    step: int
    length: int

    @property
    def end(self) -> int:
        """The number of pieces in all windows."""
        return (self.windows - 1) * self.step + self.length

    def first(self, piece: Any) -> Any:
        """The first window that has a piece; below 0, had there been windows before."""
        return (piece - self.length) // self.step + 1

    def last(self, piece: Any) -> Any:
        """The last window that has a piece, had there been windows after."""
        return piece // self.step

    def pack(self, count: Any, piece: Any) -> Any:
        """Return a count in a piece as one number of 64 bits; engines fail where it has more."""
        return count * (1 << self._bits) + piece

    def unpack(self, packed: Any) -> tuple[Any, Any]:
        """Return the count and the piece."""
        return packed >> self._bits, packed & ((1 << self._bits) - 1)

    @property
    def _bits(self) -> int:
        return self.end.bit_length()


def sliding_histograms(users: Any, pieces: Pieces) -> list[list[tuple[int, int]]]:
    """Return for each window its histogram: (count, number of users who have it).

    Args:
        users: Arrow column with a list for each user, of what `Pieces.pack` returns; any number for
            a piece.
        pieces: of the windows.
    """
    import numpy as np

    histograms: list[Counter[int]] = [Counter() for _ in range(pieces.windows)]
    for cells in _cells(users.combine_chunks(), pieces):
        for window, histogram in enumerate(histograms):
            counts, have_it = np.unique(cells[:, window], return_counts=True)
            histogram.update(dict(zip(counts.tolist(), have_it.tolist(), strict=True)))
    return [[pair for pair in histogram.items() if pair[0]] for histogram in histograms]


def _cells(users: Any, pieces: Pieces) -> Iterator[NDArray[Any]]:
    """Yield matrices of counts, users by windows, for as many users at once as `CELLS` allows."""
    import numpy as np

    width = pieces.windows + 1
    batch = max(1, CELLS // width)
    for low in range(0, len(users), batch):
        part = users.slice(low, batch)
        counts, piece = pieces.unpack(part.flatten().to_numpy())
        lengths = np.diff(part.offsets.to_numpy())
        start = np.repeat(np.arange(len(part)) * width, lengths)  # the user's first cell
        cells = np.zeros(len(part) * width, np.int64)
        np.add.at(cells, start + np.maximum(pieces.first(piece), 0), counts)
        np.subtract.at(cells, start + np.minimum(pieces.last(piece) + 1, width - 1), counts)
        yield cells.reshape(len(part), width).cumsum(axis=1)
