"""Working hours of users: usual time zone, actions at night or on weekends, days without a pause.

No message contains a time zone, so it is estimated: the mean hour of the day of a
person's actions (the angle of the sum of unit vectors on a clock face, Mardia and Jupp 2000,
Directional Statistics, 2.2) is taken as 15:00, the middle of a day from 7 to 23 h.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.times import clock, wall
from hubbub.store.rollups.actions import SCALE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis.expr.types as ir
    import numpy as np
    from numpy.typing import NDArray

    from hubbub.zones import Offsets

__all__ = ["off_hours", "streaks", "zones"]

_MICRO = timedelta(microseconds=1)
_HOUR = timedelta(hours=1) // _MICRO
_DAY = timedelta(days=1) // _MICRO
_MIDDLE, _WAKES, _SLEEPS = 15, 7, 23
_SATURDAY = 5
#: With fewer actions, or actions spread more evenly over the day, no zone is estimated.
_MIN_ACTIONS, _MIN_CONCENTRATION = 50, 0.2
#: Days without an action that are a pause; a weekend.
_PAUSE = 2
#: Days whose bits, and those of a day before and after, fit into a number of 64 bits.
_BLOCK = 60
#: Blocks that are unpacked at once.
_ROWS = 1 << 16
#: Bits of a day's number.
_KEY = 32


def zones(days: ir.Table) -> ir.Table:
    """Estimate `user`, `zone`: whole hours east of UTC, -12 to 11; only users with clear habits.

    Args:
        days: as `hubbub.store.query.actions.starts.action_days` returns them.
    """
    from ibis import _

    sums = days.group_by("user").agg(
        x=_.x.sum().cast("float64"), y=_.y.sum().cast("float64"), n=_.actions.sum()
    )
    length = (sums.x * sums.x + sums.y * sums.y).sqrt()
    clear = sums.filter(sums.n >= _MIN_ACTIONS, length >= _MIN_CONCENTRATION * SCALE * sums.n)
    east = (_MIDDLE - clear.y.atan2(clear.x) * (12 / math.pi)).round().cast("int64")
    return clear.select("user", zone=(east + 36) % 24 - 12)


def off_hours(actions: ir.Table, split: int) -> ir.Table:
    """Count the actions of each user at night (23 to 7 h) or on a weekend, before and since a time.

    Args:
        actions: has the column `zone` too; rows without a zone are ignored.
        split: the time (µs since the epoch) that separates `before` from `since`.

    Returns:
        `user`, `off_before` of `of_before` actions, `off_since` of `of_since` actions.
    """
    rows = actions.filter(actions.zone.notnull())
    local = clock(rows.start + rows.zone * _HOUR)
    hour = local.hour()
    off = (hour >= _SLEEPS) | (hour < _WAKES) | (local.day_of_week.index() >= _SATURDAY)
    late = rows.start >= split
    return rows.group_by("user").agg(
        off_before=(off & ~late).sum(),
        of_before=(~late).sum(),
        off_since=(off & late).sum(),
        of_since=late.sum(),
    )


def streaks(days: ir.Table, zone: ir.Table, split: int, offsets: Offsets) -> dict[str, int]:
    """Return the longest run of days without a pause that reaches past the split, by user.

    A pause is two whole days in a row without an action, in the user's zone, or by the clock with
    `offsets`. The run counts from its first to its last active day.

    Args:
        days: as `action_days` returns them; unless all offsets are 0, of single actions.
        zone: result of `zones`.
        split: µs since the epoch; the actions of a row are all before it, or all since then.
        offsets: of the clock.
    """
    import numpy as np

    table = _active_days(days, zone, split, offsets).order_by("user").to_pyarrow().combine_chunks()
    if not table.num_rows:
        return {}
    names = table["user"].combine_chunks().dictionary_encode()
    columns = {name: table[name].to_numpy() for name in ("block", "late", "same", "other", "turn")}
    columns["user"] = names.indices.to_numpy()
    longest = np.zeros(len(names.dictionary), np.int64)
    begin, rows = 0, table.num_rows
    while begin < rows:  # a part of the users at once; each block gives up to 60 days
        end = int(
            np.searchsorted(columns["user"], columns["user"][min(begin + _ROWS, rows) - 1] + 1)
        )
        _measure_runs({name: column[begin:end] for name, column in columns.items()}, longest)
        begin = end
    users = names.dictionary.to_pylist()
    return {user: days for user, days in zip(users, longest.tolist(), strict=True) if days}


def _active_days(days: ir.Table, zone: ir.Table, split: int, offsets: Offsets) -> ir.Table:
    """Return the days with an action, as bits of blocks of `_BLOCK` days.

    Returns:
        `user`, `block` (days since the epoch // _BLOCK), `late` (since the split), `same` (bits of
        days), `other` (bits of days that in the user's zone are the day after, or before) and
        `turn` (1 or -1: which).
    """
    import ibis
    from ibis import _

    one = ibis.literal(1, "int64")
    rows = days.left_join(zone, "user").select("user", "start", "hours", "zone")
    if all(offset == 0 for _, offset in offsets):
        shift = rows.zone.fill_null(0)
        early = (one << ibis.ifelse(shift < 0, -shift, 24 - shift)) - 1  # hours before midnight
        before, after = rows.hours & early, rows.hours & ~early
        west = shift < 0
        rows = rows.select(
            "user",
            "start",
            day=rows.start // _DAY,
            same=ibis.ifelse(west, after, before) != 0,
            other=ibis.ifelse(west, before, after) != 0,
            turn=ibis.ifelse(west, -1, 1),
        )
    else:
        shown = ibis.coalesce(rows.start + rows.zone * _HOUR, wall(rows.start, offsets))
        rows = rows.select(
            "user",
            "start",
            day=shown // _DAY,
            same=ibis.literal(value=True),
            other=ibis.literal(value=False),
            turn=1,
        )
    placed = rows.mutate(block=_.day // _BLOCK, late=_.start >= split)
    bit = one << (placed.day - placed.block * _BLOCK)
    return placed.group_by("user", "block", "late").agg(
        same=ibis.ifelse(placed.same, bit, 0).bit_or(),
        other=ibis.ifelse(placed.other, bit, 0).bit_or(),
        turn=placed.turn.max(),
    )


def _measure_runs(part: Mapping[str, NDArray[Any]], longest: NDArray[np.int64]) -> None:
    """Set `longest` for the users of a part.

    Args:
        part: columns of `_active_days`, with numbers for the users; all rows of each.
        longest: days, by the user's number.
    """
    import numpy as np

    keys, late = [], []
    for name, turn in (("same", 0), ("other", part["turn"])):
        bits = part[name].astype("<i8").view(np.uint8).reshape(-1, 8)
        row, bit = np.nonzero(np.unpackbits(bits, axis=1, bitorder="little"))
        moved = part["block"] * _BLOCK + turn
        keys.append((part["user"][row].astype(np.int64) << _KEY) + moved[row] + bit)
        late.append(keys[-1][part["late"][row]])
    # Hardly anything is out of order, which a stable sort uses.
    key = np.sort(np.concatenate(keys), kind="stable")
    user = (key + (1 << _KEY - 1)) >> _KEY
    first_late = np.full(len(longest), np.iinfo(np.int64).max)
    recent = np.concatenate(late)
    np.minimum.at(first_late, (recent + (1 << _KEY - 1)) >> _KEY, recent)
    begins = np.append(True, np.diff(key) > _PAUSE)  # so is another user's day
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(key)) - 1
    reaches = key[last] >= first_late[user[last]]
    np.maximum.at(longest, user[last[reaches]], (key[last] - key[first] + 1)[reaches])
