"""Which objects most users have touched so far, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
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


def standings(parts: Iterable[Any], number: int, top: int) -> Iterator[Standing]:
    """Yield the standing at the end of each frame.

    Args:
        parts: Arrow tables with the columns `object`, `frame` (index) and `new`: how many users
            touched the object for the first time then. A part has at most one row for each object
            and frame, and counts users whom no other part counts.
        number: of frames, at most `MOST_FRAMES`.
        top: how many objects a standing lists.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    arrivals = list(map(partial(_by_frame, number), parts))  # keeps no part while the next is made
    names = pc.unique(pa.chunked_array([part.objects for part in arrivals], pa.string()))
    names = names.take(pc.sort_indices(names))  # so that an index orders like the name
    places = [np.asarray(pc.index_in(part.objects, value_set=names)) for part in arrivals]
    users, since = np.zeros(len(names), np.int64), np.zeros(len(names), np.int64)
    for frame in range(number):
        for place, part in zip(places, arrivals, strict=True):
            inside = slice(part.edges[frame], part.edges[frame + 1])
            indices = place[part.indices[inside]]
            users[indices] += part.new[inside]
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


class _Arrivals(NamedTuple):
    """The rows of a part, by frame; a few bytes each."""

    objects: Any  # names
    indices: NDArray[np.int32]  # of the name of each row
    new: NDArray[np.int32]
    edges: Integers  # of the rows of each frame


def _by_frame(number: int, part: Any) -> _Arrivals:
    import numpy as np

    encoded = part["object"].combine_chunks().dictionary_encode()
    frames = np.clip(np.asarray(part["frame"]), -1, number).astype(np.int16)
    order = np.argsort(frames, kind="stable")  # linear for small numbers
    return _Arrivals(
        encoded.dictionary,
        np.asarray(encoded.indices)[order].astype(np.int32),
        np.asarray(part["new"])[order].astype(np.int32),
        np.searchsorted(frames[order], np.arange(number + 1)),
    )


def _first(users: Integers, since: Integers, top: int) -> Integers:
    """Return the indices of the first objects, in their order."""
    import numpy as np

    known = np.flatnonzero(users)
    order = since[known] - users[known] * MOST_FRAMES  # ascending: most users, then earliest
    if len(known) > top:  # without sorting all
        limit = np.partition(order, top - 1)[top - 1]
        better, equal = np.flatnonzero(order < limit), np.flatnonzero(order == limit)
        chosen = np.concatenate([better, equal[: top - len(better)]])
        known, order = known[chosen], order[chosen]
    return known[np.lexsort((known, order))]
