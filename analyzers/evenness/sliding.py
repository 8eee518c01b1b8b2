"""How many users have which count in each of many overlapping windows.

Comes in: for each user how many events lie in exactly the windows first…last. Goes out: a histogram
for each window. Nothing is asked of the engine but the rows: a sum over a window of its own costs
five times as much there.

Each user has a line with a cell for each window, where a count is added at its first window and
taken away after its last; summed up along the windows, the cells are the counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["CELLS", "sliding"]

#: Users times windows that are summed up at once; 8 bytes each.
CELLS = 1 << 23


def sliding(rows: Any, number: int) -> list[list[tuple[int, int]]]:
    """(count, how many users have it) for each window.

    Args:
        rows: Arrow table with `user`, `count`, `first`, `last`; windows from 0 on. A user may have
            several rows for the same windows.
        number: of windows.
    """
    import numpy as np

    found: list[dict[int, int]] = [{} for _ in range(number)]
    for cells in _cells(rows, number):
        for window in range(number):
            counts = np.sort(cells[window])
            ends = np.flatnonzero(np.diff(counts, append=-1)) + 1
            users = np.diff(ends, prepend=0)
            for count, many in zip(counts[ends - 1].tolist(), users.tolist(), strict=True):
                if count:
                    found[window][count] = found[window].get(count, 0) + many
    return [list(one.items()) for one in found]


def _cells(rows: Any, number: int) -> Iterator[NDArray[Any]]:
    """Windows by users: the counts, of so many users at once as `CELLS` allows."""
    import numpy as np

    names = rows["user"].combine_chunks().dictionary_encode()
    user = names.indices.to_numpy()
    enter, leave = rows["first"].to_numpy(), rows["last"].to_numpy() + 1
    count, users = rows["count"].to_numpy(), len(names.dictionary)
    most = max(1, CELLS // (number + 1))
    for low in range(0, users, most):
        some = min(most, users - low)
        place, change = _changes(user - low, [(enter, count), (leave, -count)], some)
        cells = np.zeros((number + 1) * some, np.int64)
        np.add.at(cells, place, change)
        yield cells.reshape(number + 1, some).cumsum(axis=0)


def _changes(
    user: NDArray[Any], ends: Sequence[tuple[NDArray[Any], NDArray[Any]]], users: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Which cells change, and by how much, for the users 0…users - 1."""
    import numpy as np

    mine = (user >= 0) & (user < users)
    places = [window[mine] * users + user[mine] for window, _change in ends]
    return np.concatenate(places), np.concatenate([change[mine] for _window, change in ends])
