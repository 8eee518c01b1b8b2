"""Intervals: how far a number of people could lie from what was seen, by bootstrap over actions.

Comes in: events. Goes out: a number with its 90 % interval, or "not enough data". Messages are no
independent draws: a build sends a dozen. So the unit that is drawn again is the action: a run of
messages by one user on one object, none more than 10 minutes after the one before. What a message
is "on" is its first object, or its category where it names none.
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

__all__ = ["PAUSE", "Action", "Interval", "actions", "bootstrap", "effective_people", "starts"]

#: A longer pause begins another action.
PAUSE = timedelta(minutes=10)
RESAMPLES = 1_000
LEVEL = 0.9
FEWEST_ACTIONS, FEWEST_PEOPLE = 50, 10
_SEED = 20150907  # any number; always the same, so that the same data give the same interval
_CELLS = 4_000_000  # numbers drawn at a time: 32 MB

#: (user, messages of an action, how many such actions of the user)
Action = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Interval:
    """A number and its interval; None where there is not enough data, and `note` says so."""

    value: float | None
    low: float | None
    high: float | None
    level: float
    actions: int
    people: int
    note: str = ""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def actions(events: Events) -> ir.Table:
    """Actions by size: columns `user`, `messages` (of an action), `number` (of such actions)."""
    import ibis
    from ibis import _

    upto = ibis.cumulative_window(group_by=["user", "what"], order_by="at")
    rows = _begun(events).mutate(action=_.begins.cast("int64").sum().over(upto))
    runs = rows.group_by("user", "what", "action").agg(messages=_.count())
    return runs.group_by("user", "messages").agg(number=_.count()).order_by("user", "messages")


def starts(events: Events, active_since: datetime | None = None) -> ir.Table:
    """The beginning of every action: columns `user` and `start` (µs since the epoch).

    Args:
        events: by agent or users.
        active_since: only of those whom a message names since then; None: of everybody.
    """
    begun = _begun(events, active_since)
    return begun.filter(begun.begins).select("user", start="at")


def _begun(events: Events, active_since: datetime | None = None) -> ir.Table:
    """A row for each user of each message: `user`, `what`, `at` (µs), and whether it `begins`."""
    import ibis
    from ibis import _

    people = events.unnest_users("time", "objects", "category")
    if active_since is not None:
        late = events.filter(events.time >= ibis.timestamp(active_since)).unnest_users("time")
        people = people.filter(people.user.isin(late.user))
    rows = people.select(
        user=people.user,
        what=ibis.coalesce(people.objects[0], people.category),
        at=micros(people.time),
    )
    line = ibis.window(group_by=["user", "what"], order_by="at")
    rows = rows.mutate(pause=_["at"] - _["at"].lag().over(line))
    begins = rows.pause.isnull() | (rows.pause > PAUSE // timedelta(microseconds=1))
    return rows.mutate(begins=begins).drop("pause")


def effective_people(events: Events) -> Interval:
    """`effective_people` of all events together, with its interval."""
    table = actions(events).to_pyarrow()
    columns = (table[name].to_pylist() for name in ("user", "messages", "number"))
    return bootstrap(list(zip(*columns, strict=True)))


def bootstrap(done: list[Action]) -> Interval:
    """The interval of `effective_people`, from actions sorted by user.

    1,000 times as many actions are drawn, with replacement, as there are; a drawn action brings all
    its messages. Drawing with replacement repeats people, so that the resamples lie too low by a
    common factor; it is taken out by dividing by their median. The interval holds the middle 90 %.
    """
    counts: dict[str, int] = {}
    for user, messages, number in done:
        counts[user] = counts.get(user, 0) + messages * number
    drawn, people = sum(number for *_, number in done), len(counts)
    value = measure(counts.values()).effective_people
    if value is None or drawn < FEWEST_ACTIONS or people < FEWEST_PEOPLE:
        return Interval(None, None, None, LEVEL, drawn, people, note="not enough data")
    import numpy as np

    seen = _resamples(done)
    low, middle, high = np.quantile(seen, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    return Interval(
        value, float(value * low / middle), float(value * high / middle), LEVEL, drawn, people
    )


def _resamples(done: list[Action]) -> NDArray[np.float64]:
    """`effective_people` of each resample; infinite where nobody is drawn twice."""
    import numpy as np

    names = [user for user, *_ in done]
    first = [i for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
    size = np.array([messages for _, messages, _ in done], dtype=np.int64)
    number = np.array([number for *_, number in done], dtype=np.int64)
    drawn, rng = int(number.sum()), np.random.default_rng(_SEED)
    chance = number / drawn
    found = []
    rows = max(1, _CELLS // len(done))
    for begin in range(0, RESAMPLES, rows):
        times = rng.multinomial(drawn, chance, size=min(rows, RESAMPLES - begin))
        counts = np.add.reduceat(times * size, first, axis=1).astype(np.float64)
        total = counts.sum(axis=1)
        pairs = (counts * (counts - 1)).sum(axis=1)
        with np.errstate(divide="ignore"):
            found.append(total * (total - 1) / pairs)
    return np.concatenate(found)
