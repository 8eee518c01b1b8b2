"""Histograms of the users' counts in many overlapping windows, computed with NumPy.

The engine supplies only the number of events of each user that lie in exactly the windows
first…last; a window function there would cost five times as much.

A matrix has a cell for each window and user. A count is added to the user's cell of its first
window and subtracted after its last; cumulative sums along the windows are the counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["CELLS", "sliding_histograms"]

#: Cells (users times windows) that are computed at once; 8 bytes each.
CELLS = 1 << 23


def sliding_histograms(rows: Any, number: int) -> list[list[tuple[int, int]]]:
    """Return for each window its histogram: (count, number of users who have it).

    Args:
        rows: Arrow table with `user`, `count`, `first`, `last`; windows from 0 on. A user may have
            several rows for the same windows.
        number: number of windows.
    """
    import numpy as np

    histograms: list[dict[int, int]] = [{} for _ in range(number)]
    for cells in _cells(rows, number):
        for window in range(number):
            counts = np.sort(cells[window])
            ends = np.flatnonzero(np.diff(counts, append=-1)) + 1
            users = np.diff(ends, prepend=0)
            for count, have_it in zip(counts[ends - 1].tolist(), users.tolist(), strict=True):
                if count:
                    histograms[window][count] = histograms[window].get(count, 0) + have_it
    return [list(histogram.items()) for histogram in histograms]


def _cells(rows: Any, number: int) -> Iterator[NDArray[Any]]:
    """Yield matrices of counts, windows by users, for as many users at once as `CELLS` allows."""
    import numpy as np

    names = rows["user"].combine_chunks().dictionary_encode()
    user, users = names.indices.to_numpy(), len(names.dictionary)
    enter, leave, count = (rows[name].to_numpy() for name in ("first", "last", "count"))
    batch = max(1, CELLS // (number + 1))
    for low in range(0, users, batch):
        size = min(batch, users - low)
        columns = (user, enter, leave, count)
        if size < users:
            selected = (user >= low) & (user < low + size)
            columns = tuple(column[selected] for column in columns)
        of, first, last, change = columns
        cells = np.zeros((number + 1) * size, np.int64)
        np.add.at(cells, first * size + (of - low), change)
        np.subtract.at(cells, (last + 1) * size + (of - low), change)
        yield cells.reshape(number + 1, size).cumsum(axis=0)
