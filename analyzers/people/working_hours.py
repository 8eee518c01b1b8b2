"""Working hours of users: usual time zone, actions at night or on weekends, days without a pause.

No message contains a time zone, so it is estimated: the mean hour of the day of a
person's actions (the angle of the sum of unit vectors on a clock face, Mardia and Jupp 2000,
Directional Statistics, 2.2) is taken as 15:00, the middle of a day from 7 to 23 h.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from hubbub.analyzers.common.times import clock
from hubbub.store.rollups.actions import SCALE

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DAYS", "active_days", "is_off", "streaks", "zone"]

_MICRO = timedelta(microseconds=1)
_HOUR = timedelta(hours=1) // _MICRO
_MIDDLE, _WAKES, _SLEEPS = 15, 7, 23
_SATURDAY = 5
#: With fewer actions, or actions spread more evenly over the day, no zone is estimated.
_MIN_ACTIONS, _MIN_CONCENTRATION = 50, 0.2
#: Days without an action that are a pause; a weekend.
_PAUSE = 2
#: Bits of a day's number.
_KEY = 32
#: Days of a word of `active_days`; with the day after them they are bits of a positive number.
DAYS = 62


def zone(x: float, y: float, actions: int) -> int | None:
    """Estimate whole hours east of UTC, -12 to 11; None without clear habits.

    Args:
        x: the sum of the unit vectors of the actions, in units of 1 / `SCALE`.
        y: its other coordinate.
        actions: how many there are.
    """
    if actions < _MIN_ACTIONS or math.hypot(x, y) < _MIN_CONCENTRATION * SCALE * actions:
        return None
    return (round(_MIDDLE - math.atan2(y, x) * (12 / math.pi)) + 36) % 24 - 12


def is_off(actions: ir.Table) -> ir.BooleanValue:
    """Whether actions start at night (23 to 7 h) or on a weekend; null without a zone.

    Args:
        actions: columns `start` (µs) and `zone` (hours east of UTC).
    """
    local = clock(actions.start + actions.zone * _HOUR)
    hour = local.hour()
    off: ir.BooleanValue = (
        (hour >= _SLEEPS) | (hour < _WAKES) | (local.day_of_week.index() >= _SATURDAY)
    )
    return off


def active_days(days: ir.Table, first: int) -> ir.Table:
    """Return the days with an action in each user's zone, or by the clock where it is not known.

    Columns: `user`; `late`; `word` and `bits`: the lowest bit is that of the day `first` + `DAYS` *
    `word`, and there are `DAYS` + 1 of them. Rows of several words may state the same day.

    Args:
        days: columns `user`, `zone` (hours east of UTC, or null), `late` (whether the actions are
            recent), and `day`, `shown`, `hours` of `action_days`.
        first: a day before all these.
    """
    import ibis
    from ibis import _

    one = ibis.literal(1, "int64")
    west, known = days.zone < 0, days.zone.notnull()
    # The hours before the zone's midnight are of the day before in the west.
    midnight = ibis.ifelse(west, -days.zone, 24 - days.zone)
    before = days.hours & ((one << midnight) - 1) != 0
    after = days.hours >> midnight != 0
    both = before.cast("int64") + 2 * after.cast("int64")
    day = ibis.ifelse(known, days.day - west.cast("int64"), days.shown) - first
    rows = days.select(
        "user", "late", word=day // DAYS, bits=ibis.ifelse(known, both, one) << (day % DAYS)
    )
    return rows.group_by("user", "late", "word").agg(bits=_.bits.bit_or())


def streaks(
    user: NDArray[np.int64], day: NDArray[np.int64], late: NDArray[np.bool_], users: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the longest run of days without a pause that has a recent one, by the user's number.

    A pause is two whole days in a row without an action. The run counts from its first to its last
    active day; 0: there is none.

    Args:
        user: number of the user, of each day with an action.
        day: its number.
        late: whether it is recent.
        users: how many there are.

    Returns:
        The days of the longest run, and the first day of the first one (a large number: none).
    """
    import numpy as np

    longest = np.zeros(users, np.int64)
    earliest = np.full(users, np.iinfo(np.int64).max)
    if not len(day):
        return longest, earliest
    key = (user << _KEY) + day
    recent = key[late]
    first = np.full(users, np.iinfo(np.int64).max)
    np.minimum.at(first, _user(recent), recent)
    key.sort()
    begins = np.flatnonzero(np.append(True, np.diff(key) > _PAUSE))  # so is another user's day
    last = np.append(begins[1:], len(key)) - 1
    reaches = key[last] >= first[_user(key[last])]
    of, begun = _user(key[last])[reaches], key[begins][reaches]
    np.maximum.at(longest, of, (key[last][reaches] - begun) + 1)
    np.minimum.at(earliest, of, begun - (of << _KEY))
    return longest, earliest


def _user(key: NDArray[np.int64]) -> NDArray[np.int64]:
    return (key + (1 << _KEY - 1)) >> _KEY  # days before 1970 are negative
