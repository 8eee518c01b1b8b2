"""Bootstrap intervals of `effective_people`, resampled by actions.

Messages are not independent draws: a build sends a dozen. So the unit of resampling is the action:
a run of messages of one user on one target, none more than 10 minutes after the one before. The
target of a message is its first object, or its category where it names no object.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.times import micros
from hubbub.analyzers.evenness.metrics import measure

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import numpy as np
    from numpy.typing import NDArray

    from hubbub.store.query.events import Events

__all__ = [
    "MIN_PEOPLE",
    "PAUSE",
    "Action",
    "Interval",
    "action_sizes",
    "action_starts",
    "bootstrap",
    "effective_people",
]

#: A longer pause starts a new action.
PAUSE = timedelta(minutes=10)
RESAMPLES = 1_000
LEVEL = 0.9
#: No interval is given with less data.
MIN_ACTIONS, MIN_PEOPLE = 50, 10
_SEED = 20150907  # arbitrary but fixed: the same data give the same interval
_CELLS = 4_000_000  # numbers drawn at a time: 32 MB

#: (user, messages of an action, number of such actions of the user)
Action = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Interval:
    """A number and its interval; all None where there is not enough data, as `note` says."""

    value: float | None
    low: float | None
    high: float | None
    level: float
    actions: int
    people: int
    note: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)


def action_sizes(events: Events) -> ir.Table:
    """Actions by size: columns `user`, `messages` (of an action), `number` (of such actions)."""
    import ibis
    from ibis import _

    so_far = ibis.cumulative_window(group_by=["user", "target"], order_by="at")
    rows = _with_starts(events).mutate(action=_.begins.cast("int64").sum().over(so_far))
    runs = rows.group_by("user", "target", "action").agg(messages=_.count())
    return runs.group_by("user", "messages").agg(number=_.count()).order_by("user", "messages")


def action_starts(events: Events, active_since: datetime | None = None) -> ir.Table:
    """Start of every action: columns `user` and `start` (µs since the epoch).

    Args:
        events: by agent or by users.
        active_since: only actions of users whom a message names since then; None: of all users.
    """
    rows = _with_starts(events, active_since)
    return rows.filter(rows.begins).select("user", start="at")


def _with_starts(events: Events, active_since: datetime | None = None) -> ir.Table:
    """One row for each user of each message, with whether an action `begins` there.

    Columns: `user`, `target`, `at` (µs since the epoch), `begins`.
    """
    import ibis
    from ibis import _

    people = events.unnest_users("time", "objects", "category")
    if active_since is not None:
        active = events.filter(events.time >= ibis.timestamp(active_since)).unnest_users("time")
        people = people.filter(people.user.isin(active.user))
    rows = people.select(
        user=people.user,
        target=ibis.coalesce(people.objects[0], people.category),
        at=micros(people.time),
    )
    by_time = ibis.window(group_by=["user", "target"], order_by="at")
    rows = rows.mutate(pause=_["at"] - _["at"].lag().over(by_time))
    begins = rows.pause.isnull() | (rows.pause > PAUSE // timedelta(microseconds=1))
    return rows.mutate(begins=begins).drop("pause")


def effective_people(events: Events) -> Interval:
    """`effective_people` of all events together, with its interval."""
    table = action_sizes(events).to_pyarrow()
    columns = (table[name].to_pylist() for name in ("user", "messages", "number"))
    return bootstrap(list(zip(*columns, strict=True)))


def bootstrap(actions: list[Action]) -> Interval:
    """Compute the interval of `effective_people` from actions sorted by user.

    In each of 1,000 resamples as many actions are drawn with replacement as there are; a drawn
    action contributes all its messages. Drawing with replacement repeats people, so all resamples
    are too low by a common factor, which dividing by their median removes. The interval covers the
    middle 90 %.
    """
    counts: dict[str, int] = {}
    for user, messages, number in actions:
        counts[user] = counts.get(user, 0) + messages * number
    total, people = sum(number for *_, number in actions), len(counts)
    value = measure(counts.values()).effective_people
    if value is None or total < MIN_ACTIONS or people < MIN_PEOPLE:
        return Interval(None, None, None, LEVEL, total, people, note="not enough data")
    import numpy as np

    resamples = _resamples(actions)
    low, middle, high = np.quantile(resamples, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    return Interval(
        value, float(value * low / middle), float(value * high / middle), LEVEL, total, people
    )


def _resamples(actions: list[Action]) -> NDArray[np.float64]:
    """`effective_people` of each resample; infinite where no user has two messages."""
    import numpy as np

    names = [user for user, *_ in actions]
    first = [i for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
    size = np.array([messages for _, messages, _ in actions], dtype=np.int64)
    number = np.array([number for *_, number in actions], dtype=np.int64)
    drawn, rng = int(number.sum()), np.random.default_rng(_SEED)
    chance = number / drawn
    results = []
    batch = max(1, _CELLS // len(actions))
    for begin in range(0, RESAMPLES, batch):
        times = rng.multinomial(drawn, chance, size=min(batch, RESAMPLES - begin))
        counts = np.add.reduceat(times * size, first, axis=1).astype(np.float64)
        total = counts.sum(axis=1)
        pairs = (counts * (counts - 1)).sum(axis=1)
        with np.errstate(divide="ignore"):
            results.append(total * (total - 1) / pairs)
    return np.concatenate(results)
