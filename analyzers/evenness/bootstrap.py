"""`effective_people` by actions, with a bootstrap interval.

Messages are not independent draws: a build sends a dozen. So both the estimator and the resampling
know actions: a run of messages of one user on one target, none more than 10 minutes after the one
before. The target of a message is its first object, or its category where it names no object.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.evenness.metrics import effective_people as estimate
from hubbub.store.query.actions.starts import action_sizes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hubbub.store.query.events import Events

__all__ = [
    "MIN_PEOPLE",
    "Action",
    "Interval",
    "bootstrap",
    "effective_people",
]

RESAMPLES = 1_000
LEVEL = 0.9
#: No interval is given with less data.
MIN_ACTIONS, MIN_PEOPLE = 50, 10
NOT_ENOUGH = "not enough data"
ABOUT = "about, without an interval: too few people have more than one action"
_ROUNDING = 1e-12
_SEED = 20150907  # arbitrary but fixed: the same data give the same interval
_CELLS = 4_000_000  # numbers drawn at a time: 32 MB

#: (user, messages of an action, number of such actions of the user)
Action = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Interval:
    """A number and its interval.

    Attributes:
        value: the estimate, never above `people`; None where there is not enough data.
        low, high: the ends of the interval; None where none is given: the value is then "about".
        level: the nominal share of samples whose interval holds the truth; what it is in a
            simulation (bench/intervals.py): docs/metrics/effective_people.md.
        actions, people: how many there are.
        note: why there is no value or no interval, else empty.
    """

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


def effective_people(events: Events) -> Interval:
    """`effective_people` of all events together, with its interval."""
    table = action_sizes(events).order_by("user", "messages").to_pyarrow()
    columns = (table[name].to_pylist() for name in ("user", "messages", "number"))
    return bootstrap(list(zip(*columns, strict=True)))


def bootstrap(actions: list[Action]) -> Interval:
    """Estimate `effective_people` from actions sorted by user, with its interval.

    In each of 1,000 resamples as many actions are drawn with replacement as there are; a drawn
    action contributes all its messages. The estimator counts pairs of different actions, so two
    draws of the same action are no pair. The interval is the middle 90 % of the resamples. It is
    not given where it would reach beyond the number of people: then most of the people have too few
    actions, or there are more people than were seen, and its coverage would be poor.
    """
    users: dict[str, list[int]] = {}  # messages, actions
    for user, messages, number in actions:
        of_user = users.setdefault(user, [0, 0])
        of_user[0] += messages * number
        of_user[1] += number
    drawn, people = sum(number for *_, number in actions), len(users)
    if drawn < MIN_ACTIONS or people < MIN_PEOPLE:
        return Interval(None, None, None, LEVEL, drawn, people, note=NOT_ENOUGH)
    value = estimate(
        people,
        sum(messages for messages, _ in users.values()),
        sum(messages * messages for messages, _ in users.values()),
        sum(messages * messages * number for _, messages, number in actions),
        once=sum(number == 1 for _, number in users.values()) / drawn,
    )
    if value is None:
        return Interval(None, None, None, LEVEL, drawn, people, note=NOT_ENOUGH)
    import numpy as np

    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    # the nearest resample: between a finite and an infinite one there is no mean
    low, high = map(float, np.quantile(_resamples(actions), ends, method="nearest"))
    if not low <= value <= high <= people:
        return Interval(value, None, None, LEVEL, drawn, people, note=ABOUT)
    return Interval(value, low, high, LEVEL, drawn, people)


def _resamples(actions: list[Action]) -> NDArray[np.float64]:
    """`effective_people` of each resample; infinite where no user has two different actions."""
    import numpy as np

    names = [user for user, *_ in actions]
    first = [i for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
    size = np.array([messages for _, messages, _ in actions], dtype=np.float64)
    number = np.array([number for *_, number in actions], dtype=np.float64)
    drawn, rng = int(number.sum()), np.random.default_rng(_SEED)
    chance = number / drawn
    results = []
    batch = max(1, _CELLS // len(actions))
    for begin in range(0, RESAMPLES, batch):
        times = rng.multinomial(drawn, chance, size=min(batch, RESAMPLES - begin))
        counts = np.add.reduceat(times * size, first, axis=1)
        total = counts.sum(axis=1)
        # Of two draws from `number` equal actions, one in `number` draws the same action again.
        same_action = (size**2 * (times + times * (times - 1) / number)).sum(axis=1)
        same_person = (counts**2).sum(axis=1) - same_action
        possible = same_person > _ROUNDING * total**2
        ratio = np.full(len(total), np.inf)
        np.divide(total**2 - same_action, same_person, out=ratio, where=possible)
        results.append(ratio)
    return np.concatenate(results)
