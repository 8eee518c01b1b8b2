"""The past of each person who was recently active: what `overload` compares their load with.

The engine adds up the actions of all people once. What takes more, the steps of the past and the
days in a row, is read of those people only of whom it is asked, and counted with NumPy.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from hubbub.analyzers.people.working_hours import DAYS, active_days, is_off, streaks, zone
from hubbub.store.query.actions.starts import action_days, action_starts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import ibis.expr.types as ir
    import numpy as np
    from numpy.typing import NDArray

    from hubbub.store.query.events import Events

__all__ = ["STEPS", "Details", "Past", "Pasts"]

#: Sums are over so many steps, which is as long as the recent time.
STEPS = 4
_WEEK = timedelta(weeks=1) // timedelta(microseconds=1)
_DAY = timedelta(days=1) // timedelta(microseconds=1)
#: Users times steps that are computed at once; 8 bytes each.
_CELLS = 1 << 22
#: The number of a step and its actions are one number, since the order of two lists may differ.
_STEP_BITS = 32
#: How many days back days are read at first.
_SPAN = 28
#: In each further round days are read so many times as far back.
_FURTHER = 4
#: Days of a run that begins so close to the first days that are read may lie before these.
_CLOSE = 4


class Past(NamedTuple):
    """Sums of the actions of a recently active person, by steps that end with the recent time."""

    recent: int
    zone: int | None  # see `working_hours`
    weeks: float  # since the person was first seen, whole steps; 0: recently
    actions: int  # in these weeks
    usual: bool  # whether these weeks are two sums of `STEPS` steps that do not overlap, or more


class Details(NamedTuple):
    """More of a person's past; the counts are 0 where the zone is not known."""

    high: int | None  # the sum of `STEPS` steps that one in ten exceeds; None: there are too few
    off_since: int  # recent actions at night or on a weekend
    of_since: int  # recent actions
    off_before: int  # the same of earlier ones
    of_before: int


class Pasts:
    """The past of all people who were recently active.

    Args:
        past: all stored events.
        begin: where the stored past begins, µs.
        split: where the recent time begins, µs.
        size: length of a step, µs. Steps are counted back from the split. The first is the one in
            which the user was first seen, unless it begins before `begin`.
    """

    def __init__(self, past: Events, begin: int, split: int, size: int) -> None:
        self._past, self._begin, self._split, self._size = past, begin, split, size
        self._stored = max(0, (split - begin) // size)  # whole steps
        self.of = self._sums()

    def _sums(self) -> dict[str, Past]:
        import ibis
        from ibis import _

        days = self._days()
        # First without filters, which take longer than to group by the interval, too.
        each = days.group_by("user", "interval").agg(
            actions=_.actions.sum(), x=_.x.sum(), y=_.y.sum(), first=_["first"].min()
        )
        late, placed = each.interval >= 0, (each.interval == -1) & ibis.literal(self._stored > 0)
        sums = each.group_by("user").agg(
            recent=each.actions.sum(where=late), early=each.actions.sum(where=~late),
            x=each.x.sum(where=~late), y=each.y.sum(where=~late),
            actions=each.actions.sum(where=placed), first=each["first"].min(where=placed),
        )  # fmt: skip
        found = sums.filter(_.recent > 0).to_pyarrow().to_pydict()
        names = ("recent", "early", "x", "y", "actions", "first")
        rows = zip(*(found[name] for name in names), strict=True)
        return {user: self._summed(*row) for user, row in zip(found["user"], rows, strict=True)}

    def _summed(  # noqa: PLR0917 - the columns of a row
        self,
        recent: int,
        early: int | None,
        x: int | None,
        y: int | None,
        actions: int | None,
        first: int | None,
    ) -> Past:
        steps = 0 if first is None else -((first - self._split) // self._size)
        return Past(
            recent,
            zone(x or 0, y or 0, early or 0),
            steps * self._size / _WEEK,
            actions or 0,
            steps - STEPS + 1 > STEPS,
        )

    def _days(self, since: int | None = None) -> ir.Table:
        """Return the actions by day; the interval -1 is that of the whole steps."""
        return action_days(self._past, self._split, max(1, self._stored) * self._size, since)

    def details(self, users: Sequence[str]) -> dict[str, Details]:
        """Return more of these people."""
        import ibis
        import numpy as np
        from ibis import _

        if not users:
            return {}
        starts = action_starts(self._past).inner_join(self._zones(users), "user")
        step = -1 - (starts.start - self._split) // self._size  # 0 the newest, the recent below
        rows = starts.select("user", step=step, off=is_off(starts).cast("int64"))
        each = rows.group_by("user", "step").agg(actions=_.count(), off=_.off.sum())
        inside = (each.step >= 0) & (each.step < self._stored)
        code = each.step + each.actions * 2**_STEP_BITS
        late = each.step < 0
        found = each.group_by("user").agg(
            off_since=each.off.sum(where=late), of_since=each.actions.sum(where=late),
            off_before=each.off.sum(where=~late), of_before=each.actions.sum(where=~late),
            steps=ibis.ifelse(inside, code, ibis.null("int64")).collect(),
        ).to_pyarrow()  # fmt: skip
        lists = found["steps"].combine_chunks()
        lengths = lists.value_lengths().fill_null(0).to_numpy()
        codes = lists.flatten().to_numpy().astype(np.int64)
        user = np.repeat(np.arange(len(lengths)), lengths)
        steps, actions = codes & (2**_STEP_BITS - 1), codes >> _STEP_BITS
        highs = _highs(user, steps, actions, len(lengths))
        counts = found.select(Details._fields[1:]).to_pylist()
        return {
            name: Details(high, **_none_unknown(row, known=self.of[name].zone is not None))
            for name, high, row in zip(found["user"].to_pylist(), highs, counts, strict=True)
        }

    def long_streaks(self) -> dict[str, int]:
        """Return the days of each person's longest run without a pause that has a recent day.

        Four weeks before the recent time stand for longer ones.
        """
        return self._runs(self._split - _SPAN * _DAY, self.of)[0]

    def streaks(self, users: Sequence[str]) -> dict[str, int]:
        """Return the days of each person's longest run without a pause that has a recent day.

        Runs that begin long ago are few: days are read further back only of these people.
        """
        found: dict[str, int] = {}
        span = _SPAN
        while users:
            since = self._split - span * _DAY
            days, longer = self._runs(since, users)
            if since <= self._begin:
                return found | days
            found |= {user: number for user, number in days.items() if user not in longer}
            users, span = sorted(longer), span * _FURTHER
        return found

    def _runs(self, since: int, users: Iterable[str]) -> tuple[dict[str, int], set[str]]:
        """Return the days of runs since a time (µs), and the users whose runs may begin before it.

        The engine puts days into words, so that a few rows of each user are fetched.
        """
        import numpy as np
        from ibis import _

        begin = since // _DAY - 1
        rows = self._days(since).filter(_.actions > 0).mutate(late=_.interval >= 0)
        rows = rows.inner_join(self._zones([*users]), "user")
        words = active_days(rows, begin).to_pyarrow()
        encoded = words["user"].combine_chunks().dictionary_encode()
        people = encoded.dictionary.to_pylist()
        user = encoded.indices.to_numpy().astype(np.int64)
        bits, start = words["bits"].to_numpy(), begin + DAYS * words["word"].to_numpy()
        of_bits = [np.flatnonzero(bits & (1 << bit)) for bit in range(DAYS + 1)]
        row = np.concatenate(of_bits)
        day = start[row] + np.repeat(np.arange(DAYS + 1), [*map(len, of_bits)])
        late = words["late"].to_numpy()
        longest, first = streaks(user[row], day, late[row], len(people))
        near = since // _DAY + _CLOSE
        numbers = dict(zip(people, longest.tolist(), strict=True))
        return numbers, {people[n] for n in np.flatnonzero(first < near)}

    def _zones(self, users: Sequence[str]) -> ir.Table:
        """Return `user` and `zone` of these people."""
        import ibis
        import pyarrow as pa

        zones = [self.of[user].zone for user in users]
        columns = {"user": pa.array(users, pa.string()), "zone": pa.array(zones, pa.int64())}
        return ibis.memtable(pa.table(columns))


def _none_unknown(row: Mapping[str, Any], *, known: bool) -> dict[str, int]:
    """Return counts; 0 where the zone is not known."""
    return {name: int(value or 0) if known else 0 for name, value in row.items()}


def _highs(
    user: NDArray[np.int64], step: NDArray[np.int64], actions: NDArray[np.int64], users: int
) -> Iterator[int | None]:
    """Yield of each user the sum of `STEPS` steps since the first that one in ten exceeds.

    None where two of these sums must overlap: one alone cannot say what is usual.

    Args:
        user: number of the user, of each row.
        step: of each row; 0 the newest.
        actions: of each row.
        users: how many there are.
    """
    import numpy as np

    numbers = np.zeros(users, np.int64)
    np.maximum.at(numbers, user, step + 1)
    width = max(STEPS, int(numbers.max(initial=0)))
    if users > 1 and users * width > _CELLS:  # as many at once as memory allows
        half, first = users // 2, user < users // 2
        yield from _highs(user[first], step[first], actions[first], half)
        yield from _highs(user[~first] - half, step[~first], actions[~first], users - half)
        return
    so_far = np.zeros((users, width + 1), np.int64)
    np.add.at(so_far, (user, step + 1), actions)
    so_far.cumsum(axis=1, out=so_far)
    sums = so_far[:, STEPS:] - so_far[:, :-STEPS]
    whole = numbers - STEPS + 1  # how many of these sums are since the first step
    sums[np.arange(sums.shape[1]) >= whole[:, None]] = -1
    sums.sort(axis=1)
    for i, many in enumerate(whole.tolist()):
        yield int(sums[i, -1 - many // 10]) if many > STEPS else None
