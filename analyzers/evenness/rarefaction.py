"""Rarefaction: what the numbers of a window would be had it been less busy.

Comes in: a histogram of counts per user, and a number m of messages. Goes out: an `Evenness` of the
expected histogram when m of the N messages are drawn without replacement. A user with c messages
then has k of them with the hypergeometric probability C(c,k) C(N-c,m-k) / C(N,m), so that the
expected number of users with k messages is the sum of these over the users (Hurlbert 1971, Ecology
52; Chao et al. 2014, Ecol. Monogr. 84, equation 4 for f_k(m)). Nothing is drawn at random.

Of the numbers, `n` and `effective_people` are exact expectations (the latter does not change), and
`hill_1` is exp of the expected entropy, as Chao et al. define it. `gini`, `pielou`, `mean` and
`top_shares` are those of the expected histogram, which come close to their expectations. Head, tail
and the three long tail numbers depend on the two extreme users alone and have no such value: None.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from hubbub.analyzers.evenness.metrics import Evenness, measure_histogram

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["expected_histogram", "rarefied", "smallest"]

#: A window of fewer tells too little to make all others as small.
FEWEST_MESSAGES = 50
_EPSILON = 1e-9
_COHORTS = (1, 10, 50)


def expected_histogram(groups: Iterable[tuple[int, int]], size: int) -> NDArray[np.float64]:
    """How many users are expected to have k messages, k = 0…, of `size` drawn from all.

    Args:
        groups: (count, how many users have it), whole counts.
        size: how many messages are drawn; at most as many as there are.

    Raises:
        ValueError: fewer messages than that.
    """
    import numpy as np

    held = sorted((count, users) for count, users in groups if count)
    total = sum(count * users for count, users in held)
    if not 0 < size <= total:
        raise ValueError(f"{size} messages cannot be drawn from {total}")
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, total + 1)))])  # ln k!

    def log_ways(of: int, chosen: NDArray[np.int64]) -> NDArray[np.float64]:
        ways: NDArray[np.float64] = logs[of] - logs[chosen] - logs[of - chosen]
        return ways

    every = float(log_ways(total, np.array([size]))[0])
    largest = min(size, max(count for count, _ in held))
    expected = np.zeros(largest + 1)
    for count, users in held:
        k = np.arange(max(0, size - (total - count)), min(count, size) + 1)
        chance = np.exp(log_ways(count, k) + log_ways(total - count, size - k) - every)
        expected[k] += users * chance / chance.sum()  # logarithms of large numbers round
    return expected


def smallest(windows: Iterable[Iterable[tuple[int, int]]]) -> int:
    """The smallest total of the windows that have at least 50 messages; 50 where none has."""
    totals = (sum(count * users for count, users in groups) for groups in windows)
    return min((total for total in totals if total >= FEWEST_MESSAGES), default=FEWEST_MESSAGES)


def rarefied(groups: Iterable[tuple[int, int]], size: int) -> Evenness:
    """The numbers of a window, had it had `size` messages; where it has fewer, only n and total.

    Args:
        groups: (count, how many users have it), as from `hubbub.analyzers.evenness.windows`.
        size: messages, once for each user that they name.

    Raises:
        ValueError: a size below 1.
    """
    held = [(int(count), int(users)) for count, users in groups]
    total = sum(count * users for count, users in held)
    if size < 1:
        raise ValueError(f"a window cannot be rarefied to {size} messages")
    if total < size:
        return Evenness(n=sum(users for _, users in held), total=total)
    expected = expected_histogram(held, size)
    users = [(k, float(f)) for k, f in enumerate(expected) if k and f > 0]
    numbers = measure_histogram(users)
    return replace(
        numbers,
        total=size,
        mean=size / numbers.n,
        absence_factor=math.ceil(_people_with(users, 0.5 * size)),
        pielou=numbers.pielou if numbers.n > 1 + _EPSILON else None,
        top_shares=_top_shares(users, numbers.n, size),
        head=None,
        tail=None,
        longtail=None,
        longtail_exact=None,
        longtail_scaled=None,
    )


def _people_with(users: Sequence[tuple[int, float]], messages: float) -> float:
    """The fewest users, a fraction allowed, who together have so many messages."""
    people = 0.0
    for count, number in reversed(users):
        if count * number >= messages:
            return people + messages / count
        people, messages = people + number, messages - count * number
    return people


def _messages_of(users: Sequence[tuple[int, float]], people: float) -> float:
    """How many messages the busiest `people` have."""
    messages = 0.0
    for count, number in reversed(users):
        if number >= people:
            return messages + count * people
        people, messages = people - number, messages + count * number
    return messages


def _top_shares(
    users: Sequence[tuple[int, float]], n: float, size: int
) -> tuple[float, float, float, float]:
    upto = [_messages_of(users, math.ceil(n * percent / 100)) / size for percent in _COHORTS]
    one, ten, fifty = upto
    return one, ten - one, fifty - ten, max(0.0, 1 - fifty)
