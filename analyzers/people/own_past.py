"""The past of each person who was recently active: what `overload` compares their load with.

The actions of all users are read once, by day, and counted with NumPy.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from hubbub.analyzers.people.working_hours import Days, streaks, zone
from hubbub.store.query.actions.starts import action_days

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from hubbub.store.query.events import Events

__all__ = ["STEPS", "Past", "pasts"]

#: Sums are over so many steps, which is as long as the recent time.
STEPS = 4
_WEEK = timedelta(weeks=1) // timedelta(microseconds=1)
#: Users whose days are read at once.
_AT_ONCE = 4096
#: Users times steps that are computed at once; 8 bytes each.
_CELLS = 1 << 22
_OLDEST = -(2**31)


class Rows(NamedTuple):
    """Rows of `action_days`; columns of equal length."""

    user: NDArray[Any]  # a number
    interval: NDArray[Any]
    day: NDArray[Any]
    shown: NDArray[Any]
    hours: NDArray[Any]
    actions: NDArray[Any]
    x: NDArray[Any]
    y: NDArray[Any]


class Past(NamedTuple):
    """Counts of the actions of a recently active person, by times that end a step apart."""

    recent: int
    zone: int | None  # see `working_hours`
    days: int  # of the run without a pause
    weeks: float  # since the person was first seen, whole steps; 0: recently
    actions: int  # in these weeks
    high: int | None  # the sum of `STEPS` steps that one in ten exceeds; None: there are too few


def pasts(past: Events, begin: int, split: int, size: int) -> dict[str, Past]:
    """Count the actions of each recently active user.

    Steps of `size` (all µs) are counted back from the split. The first is the one in which the user
    was first seen, unless it begins before `begin`, where the stored past begins.
    """
    import numpy as np

    rows, names = _read(past, split, size)
    stored = max(0, (split - begin) // size)  # whole steps
    found: dict[str, Past] = {}
    for low in range(0, len(names), _AT_ONCE):
        high = min(low + _AT_ONCE, len(names))
        inside = np.flatnonzero((rows.user >= low) & (rows.user < high))
        part = Rows(*(column[inside].astype(np.int64) for column in rows))
        counted = _counted(part._replace(user=part.user - low), high - low, stored)
        for name, one in zip(names[low:high], counted, strict=True):
            if one.recent:
                found[name] = one._replace(weeks=one.weeks * size / _WEEK)
    return found


def _read(past: Events, split: int, size: int) -> tuple[Rows, list[str]]:
    """Read the actions by day, with numbers instead of users, and the names of these."""
    import ibis
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from ibis import _

    names = pa.array([], pa.string())
    parts: list[list[NDArray[np.int32]]] = []
    for table in action_days(past, split, size):
        # No number has more than 32 bits, except those of intervals much shorter than a second.
        rows = table.mutate(interval=ibis.greatest(_.interval, _OLDEST))
        found = past.get_backend().to_pyarrow(rows)
        users = found["user"].combine_chunks().dictionary_encode()
        new = users.dictionary.filter(pc.invert(pc.is_in(users.dictionary, names)))
        names = pa.concat_arrays([names, new])
        number = pc.index_in(users.dictionary, names).to_numpy()[users.indices.to_numpy()]
        columns = (found[name].to_numpy() for name in Rows._fields[1:])
        parts.append([column.astype(np.int32) for column in (number, *columns)])
    return Rows(*map(np.concatenate, zip(*parts, strict=True))), names.to_pylist()


def _counted(rows: Rows, users: int, stored: int) -> Iterator[Past]:
    """Yield each user, with the number of steps instead of weeks.

    Args:
        rows: of users with the numbers 0 to `users` - 1.
        users: how many there are.
        stored: how many steps there are.
    """
    import numpy as np

    late = rows.interval >= 0
    early = ~late

    def sums(numbers: NDArray[Any], where: NDArray[np.bool_]) -> list[float]:
        total = np.bincount(rows.user[where], numbers[where].astype(np.float64), users)
        return [float(number) for number in total]

    vectors = (sums(numbers, early) for numbers in (rows.x, rows.y, rows.actions))
    zones = [zone(x, y, int(number)) for x, y, number in zip(*vectors, strict=True)]
    runs = streaks(Days(rows.user, rows.day, rows.shown, rows.hours, late), zones)
    step = -1 - rows.interval  # 0 the newest
    placed = early & (step < stored)
    past = _baselines(rows.user[placed], step[placed], rows.actions[placed], users)
    recent = sums(rows.actions, late)
    for number, east, days, (steps, actions, high) in zip(
        recent, zones, runs.tolist(), past, strict=True
    ):
        yield Past(int(number), east, days, steps, actions, high)


def _baselines(
    user: NDArray[Any], step: NDArray[Any], actions: NDArray[Any], users: int
) -> list[tuple[int, int, int | None]]:
    """Sum the actions per step (0 the newest) over all runs of `STEPS` steps since the first.

    Args:
        user: number of the user, of each row.
        step: of each row.
        actions: of each row.
        users: how many there are.

    Returns:
        For each user the number of steps since the first, the actions in them, and the sum that one
        in ten exceeds.
    """
    import numpy as np

    numbers = np.zeros(users, np.int64)
    np.maximum.at(numbers, user, step + 1)
    width = max(STEPS, int(numbers.max()))
    if users > 1 and users * width > _CELLS:  # as many at once as memory allows
        half, first = users // 2, user < users // 2
        return [
            *_baselines(user[first], step[first], actions[first], half),
            *_baselines(user[~first] - half, step[~first], actions[~first], users - half),
        ]
    so_far = np.zeros((users, width + 1), np.int64)
    np.add.at(so_far, (user, step + 1), actions)
    so_far.cumsum(axis=1, out=so_far)
    sums = so_far[:, STEPS:] - so_far[:, :-STEPS]
    whole = numbers - STEPS + 1  # how many of these sums are since the first step
    sums[np.arange(sums.shape[1]) >= whole[:, None]] = -1
    sums.sort(axis=1)
    found = []
    for i, (number, many) in enumerate(zip(numbers.tolist(), whole.tolist(), strict=True)):
        # Two of them must not overlap: one alone cannot say what is usual.
        high = int(sums[i, -1 - many // 10]) if many > STEPS else None
        found.append((number, int(so_far[i, -1]), high))
    return found
