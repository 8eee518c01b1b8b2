"""Which objects most users have touched so far, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["MOST_FRAMES", "Standing", "standings"]

#: More frames than this cannot be distinguished in a chart.
MOST_FRAMES = 1_000


class Standing(NamedTuple):
    """The objects with the most users at the end of a frame.

    Of objects with equally many users, the one that reached the number in an earlier frame is
    first, then by name.
    """

    objects: list[str]
    users: list[int]  # of each of these objects
    leading: int  # how many of all objects have as many users as the first
    last: int  # and as the last one that is listed


def standings(parts: Sequence[Any], number: int, top: int) -> Iterator[Standing]:
    """Yield the standing at the end of each frame.

    Args:
        parts: Arrow tables with the columns `object`, `frame` (index) and `new`: how many users
            touched the object for the first time then. A part has at most one row for each object
            and frame, and counts users whom no other part counts.
        number: of frames, at most `MOST_FRAMES`.
        top: how many objects a standing lists.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [chunk for part in parts for chunk in part["object"].chunks]
    names = pc.unique(pa.chunked_array(columns, pa.string()))
    names = names.take(pc.sort_indices(names))  # so that an index orders like the name
    arrivals = [list(_by_frame(part, names, number)) for part in parts]
    users, since = np.zeros(len(names), np.int64), np.zeros(len(names), np.int64)
    for frame in range(number):
        for part in arrivals:
            indices, new = part[frame]
            users[indices] += new
            since[indices] = frame
        found = _first(users, since, top)
        if not len(found):
            yield Standing([], [], 0, 0)
            continue
        numbers = users[found]
        yield Standing(
            names.take(pa.array(found)).to_pylist(),
            numbers.tolist(),
            int(np.count_nonzero(users == numbers[0])),
            int(np.count_nonzero(users == numbers[-1])),
        )


def _by_frame(part: Any, names: Any, number: int) -> Iterator[tuple[Integers, Integers]]:
    """Yield for each frame the indices of objects with new users, and how many each has."""
    import pyarrow.compute as pc

    objects = np.asarray(pc.index_in(part["object"], value_set=names))
    frames, new = np.asarray(part["frame"]), np.asarray(part["new"])
    small = np.clip(frames, -1, number).astype(np.int16)
    order = np.argsort(small, kind="stable")  # linear for small numbers
    edges = np.searchsorted(small[order], np.arange(number + 1))
    for low, high in pairwise(edges):
        yield objects[order[low:high]], new[order[low:high]]


def _first(users: Integers, since: Integers, top: int) -> Integers:
    """Return the indices of the first objects, in their order."""
    known = np.flatnonzero(users)
    order = since[known] - users[known] * MOST_FRAMES  # ascending: most users, then earliest
    if len(known) > top:  # without sorting all
        limit = np.partition(order, top - 1)[top - 1]
        better, equal = np.flatnonzero(order < limit), np.flatnonzero(order == limit)
        chosen = np.concatenate([better, equal[: top - len(better)]])
        known, order = known[chosen], order[chosen]
    return known[np.lexsort((known, order))]
