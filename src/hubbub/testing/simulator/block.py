"""Generate the messages of one block of traffic.

Numbers of messages are differences of cumulative sums over the day. Everything else is drawn from
one random stream per block: PCG64's raw output, which numpy guarantees never to change.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from hubbub.testing.simulator import bodies, bodies_packaging
from hubbub.testing.simulator.message import Context, SimMessage
from hubbub.testing.simulator.names import (
    HOSTILE_USERS,
    PACKAGES,
    PERSONS,
    filler,
    package_names,
    person,
    visitor,
)
from hubbub.testing.simulator.rhythm import (
    GROUPS,
    burst_factor,
    day_noise,
    day_profile,
    hash64,
    uniform,
)
from hubbub.testing.simulator.shares import SLOTS, STRATA, Stratum
from hubbub.testing.simulator.topics import (
    FAMILIES,
    TAIL_SIZE,
    tail_topic,
    topic_cdf,
    unknown_topic,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubbub.testing.simulator.traffic import Traffic

__all__ = ["make_block"]

_DAY = 86_400  # s
_MEDIAN, _SIGMA, _MAX_SIZE = 500.0, 1.1, 80_000  # bytes of a body, lognormal
_ZIPF_USERS, _ZIPF_PACKAGES = 1.25, 0.65
_MASS_CHANGES = 0.05  # share of machines' messages that fall into one second of an hour
_COLUMNS = 10  # random numbers per message
_HUMAN_DRIVEN = 0.4  # share of machines' messages that follow people's days (assumed)
_DAY_SIGMA = 0.25  # sigma of the lognormal factor of each day and stratum (assumed)
_encode = msgspec.json.encode


@cache
def _user_table(seed: int) -> tuple[Any, Any, tuple[float, ...]]:
    """Return the users' ranks sorted by group, their cumulative weights, and the groups' weights.

    The cumulative weights of group g lie in [g, g + 1].
    """
    weights = np.arange(1, SLOTS + 1, dtype=np.float64) ** -_ZIPF_USERS
    weights /= weights.sum()
    bounds = np.cumsum([g.share for g in GROUPS])
    draws = np.array([uniform(seed, 11, rank) for rank in range(SLOTS)])
    group = np.minimum(np.searchsorted(bounds, draws, side="right"), len(GROUPS) - 1)
    order = np.argsort(group, kind="stable")
    sums = np.empty(SLOTS)
    totals = []
    for g in range(len(GROUPS)):
        members = group[order] == g
        member_weights = weights[order][members]
        totals.append(float(member_weights.sum()))
        if member_weights.size:
            sums[members] = g + np.cumsum(member_weights) / member_weights.sum()
    return order, sums, tuple(totals)


@cache
def _rank_sums() -> tuple[float, ...]:
    """Return the cumulative weights of the users' ranks."""
    weights = np.arange(1, SLOTS + 1, dtype=np.float64) ** -_ZIPF_USERS
    return tuple((np.cumsum(weights) / weights.sum()).tolist())


@cache
def _package_sums() -> NDArray[np.float64]:
    """Return the cumulative weights of the packages' ranks."""
    weights = np.arange(1, PACKAGES + 1, dtype=np.float64) ** -_ZIPF_PACKAGES
    shares: NDArray[np.float64] = np.cumsum(weights) / weights.sum()
    return shares


@cache
def _people_by_rank(seed: int, day: int) -> tuple[str, ...]:
    """Return the person who holds each rank on a day; people leave after 2 to 5 years."""
    names = []
    for rank in range(SLOTS):
        tenure = 730 + hash64(seed, 12, rank) % 1100  # days
        successor = (day + hash64(seed, 13, rank) % tenure) // tenure
        names.append(person((rank + SLOTS * (successor % 4) + seed * 7) % PERSONS))
    return tuple(names)


@cache
def _group_sums(seed: int) -> NDArray[np.float64]:
    """Return the groups' cumulative shares of activity for each hour of the week."""
    totals = _user_table(seed)[2]
    table = np.array(
        [
            [t * g.weight(h // 24, h % 24) for t, g in zip(totals, GROUPS, strict=True)]
            for h in range(168)
        ]
    )
    sums = np.cumsum(table, axis=1)
    result: NDArray[np.float64] = sums / sums[:, -1:]
    return result


@cache
def _day(seed: int, per_day: float, steady: bool, day: int) -> tuple[Any, Any, Any]:  # noqa: FBT001
    """Return each stratum's messages of a day, rounding offset, and cumulative share by hour."""
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
    weights = None if steady else _user_table(seed)[2]
    burst = 1 if steady else burst_factor(seed, day)
    human_weight = day_profile(weekday, weights)[0]
    totals, sums = [], []
    for k, stratum in enumerate(STRATA):
        factor, shares = day_profile(weekday, weights if stratum.human else None)
        if stratum.kind == "once":
            count = stratum.share
        else:
            count = stratum.share * per_day * burst
            if not steady:
                if not stratum.human:
                    factor = 1 - _HUMAN_DRIVEN + _HUMAN_DRIVEN * human_weight
                factor *= day_noise(seed, day, k, _DAY_SIGMA)
        totals.append(count * factor)
        sums.append(shares)
    offsets = [uniform(seed, 14, day, k) for k in range(len(STRATA))]
    return np.array(totals), np.array(offsets), np.array(sums)


def _uniforms(raw: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Convert raw random numbers to floats in [0, 1)."""
    result: NDArray[np.float64] = (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return result


def _sizes(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return lognormal sizes in bytes from two uniform columns (Box and Muller 1958)."""
    normal = np.sqrt(-2.0 * np.log1p(-u)) * np.cos(2.0 * np.pi * v)
    return np.minimum(_MEDIAN * np.exp(_SIGMA * normal), _MAX_SIZE).astype(np.int64)


def _times(
    traffic: Traffic, number: int, strata: NDArray[np.int64], u: NDArray[np.float64], v: Any
) -> NDArray[np.int64]:
    """Return the messages' times of publication, µs since the epoch.

    Args:
        traffic: the traffic model.
        number: number of the block.
        strata: each message's stratum.
        u: uniform numbers, which place messages within the block.
        v: uniform numbers, which select the messages of mass changes.
    """
    seconds = traffic.block_seconds
    day, offset = divmod(number * seconds, _DAY)
    _, _, sums = _day(traffic.seed, traffic.per_day, traffic.steady, day)
    if traffic.steady:  # evenly spaced, with a jitter smaller than the spacing
        u = (np.argsort(np.argsort(u, kind="stable"), kind="stable") + u) / len(u)
    times = np.empty(len(strata), dtype=np.int64)
    hours = np.arange(25)
    for shares in np.unique(sums, axis=0):
        indices = np.flatnonzero((sums[strata] == shares).all(axis=1))
        first, last = np.interp([offset / 3600, (offset + seconds) / 3600], hours, shares)
        hour = np.interp(first + u[indices] * (last - first), shares, hours)
        times[indices] = (hour * 3_600_000_000).astype(np.int64)
    times = np.clip(times, offset * 1_000_000, (offset + seconds) * 1_000_000 - 1)
    if not traffic.steady:  # mass changes: some machines' messages share a second
        period = min(seconds, 3600)
        by_machines = np.array([not s.human for s in STRATA])[strata]
        indices = np.flatnonzero(by_machines & (v < _MASS_CHANGES))
        slots = times[indices] // (period * 1_000_000)
        second = {
            int(s): int(s) * period + int(period * uniform(traffic.seed, 15, day, int(s)))
            for s in np.unique(slots)
        }
        starts = np.array([second[int(s)] for s in slots], dtype=np.int64)
        times[indices] = starts * 1_000_000 + times[indices] % 1_000_000
    return times + day * _DAY * 1_000_000


def _ranks(traffic: Traffic, times: Any, u: Any, v: Any) -> list[int]:
    """Return the agents' ranks: `u` chooses a group for the hour of the week, `v` a member."""
    order, sums, totals = _user_table(traffic.seed)
    if traffic.steady:
        group_sums = np.broadcast_to(np.cumsum(totals) / sum(totals), (len(u), len(totals)))
    else:
        hour = times // 3_600_000_000
        group_sums = _group_sums(traffic.seed)[(hour + 72) % 168]  # 1970-01-01 was a Thursday
    group = np.minimum((group_sums <= u[:, None]).sum(axis=1), len(totals) - 1)
    position = np.searchsorted(sums, group + v, side="right")
    ranks: list[int] = order[np.minimum(position, SLOTS - 1)].tolist()
    return ranks


def make_block(traffic: Traffic, number: int) -> list[SimMessage]:
    """Return all messages of a block, ordered by time."""
    seconds, seed = traffic.block_seconds, traffic.seed
    day, offset = divmod(number * seconds, _DAY)
    totals, offsets, sums = _day(seed, traffic.per_day, traffic.steady, day)
    hours = np.arange(25)
    before, after = (
        np.floor(totals * [np.interp(h / 3600, hours, s) for s in sums] + offsets).astype(np.int64)
        for h in (offset, offset + seconds)
    )
    strata = np.repeat(np.arange(len(STRATA)), after - before)
    if not len(strata):
        return []
    key = [seed % 2**64, int(traffic.per_day * 1000), int(traffic.steady), number % 2**64]
    raw = np.random.PCG64(np.random.SeedSequence(key)).random_raw(_COLUMNS * len(strata))
    raw = raw.reshape(_COLUMNS, len(strata))
    times = _times(traffic, number, strata, _uniforms(raw[0]), _uniforms(raw[1]))
    order = np.argsort(times, kind="stable")
    raw, times, strata = raw[:, order], times[order], strata[order]
    maker = _MessageMaker(traffic, day, before)
    rows = zip(
        strata.tolist(),
        times.tolist(),
        _uniforms(raw[2]).tolist(),
        _ranks(traffic, times, _uniforms(raw[3]), _uniforms(raw[4])),
        np.searchsorted(_package_sums(), _uniforms(raw[5]), side="right").tolist(),
        _sizes(_uniforms(raw[6]), _uniforms(raw[7])).tolist(),
        raw[8].tolist(),
        raw[9].tolist(),
        strict=True,
    )
    return [maker.make(*row) for row in rows]


class _MessageMaker:
    """Makes the messages of one block in order, and keeps its publishers' counters."""

    def __init__(self, traffic: Traffic, day: int, before: NDArray[np.int64]) -> None:
        self.people = _people_by_rank(traffic.seed, day)
        self.packages = package_names(traffic.seed % 1000)
        self.year = str((np.datetime64(day, "D")).astype("datetime64[Y]"))
        self.counters = dict.fromkeys((s.publisher for s in STRATA), 0)
        self.visitors = hash64(traffic.seed, 16) % 1000 + day * 8 + int(before[0])
        for stratum, count in zip(STRATA, before.tolist(), strict=True):
            self.counters[stratum.publisher] += count

    def _users(self, stratum: Stratum, rank: int, number: int) -> tuple[str, ...]:
        if not stratum.users:
            return ()
        if stratum.robot:
            return (stratum.robot,)
        if stratum.kind == "once":
            self.visitors += 1
            return (visitor(self.visitors),)
        if stratum.kind == "hostile":
            return (HOSTILE_USERS[number % len(HOSTILE_USERS)],)
        if stratum.users == 1:
            return (self.people[rank],)
        size, k = stratum.users, 0
        while size >= 3 and size < 9 and hash64(number, 17, size) % 3 == 0:  # noqa: PLR2004
            size += 1
        users = {self.people[rank]: None}
        while len(users) < size:
            k += 1
            users[self.people[bisect_right(_rank_sums(), uniform(number, 18, k)) % SLOTS]] = None
        return tuple(users)

    def make(  # noqa: PLR0917  (one row of the block's columns)
        self,
        stratum_index: int,
        at: int,
        topic_draw: float,
        rank: int,
        package: int,
        size: int,
        number: int,
        id_: int,
    ) -> SimMessage:
        """Make one message.

        Args:
            stratum_index: index into `STRATA`.
            at: time of publication, µs since the epoch.
            topic_draw: chooses the topic, uniform in [0, 1).
            rank: the agent's rank.
            package: the package's rank.
            size: wanted size of the body in bytes.
            number: random, below 2^64, for the content and the id.
            id_: random, below 2^64, for the id.
        """
        stratum = STRATA[stratum_index]
        family = stratum.family
        branch = ""
        if family == "tail":
            package %= TAIL_SIZE // 2
            topic, branch = tail_topic(2 * package + (number & 1), self.packages[package])
        elif family == "unknown":
            topic = unknown_topic(number)
        else:
            family = "build" if family == "broken" else family
            topics = FAMILIES[family]
            position = bisect_right(topic_cdf(family), topic_draw)
            # Only the first two of trac's topics can name several users.
            topic = topics[position % 2 if family == "trac" and stratum.users > 1 else position]
        users = self._users(stratum, rank, number) if stratum.kind != "broken" else ("nobody",)
        other = self.packages[(package * 3 + number % 97) % PACKAGES]
        context = Context(topic, users, self.packages[package], other, number, at // 1_000_000)
        if family == "tail":
            built = bodies_packaging.git_tail(context, branch)
        elif family == "unknown":
            built = bodies.unknown(context)
        else:
            built = bodies.BUILDERS[family](context)
        padding = size - len(_encode(built.body))
        if padding > 0:
            built.container[built.key] += filler(padding, number)
        msg_id = f"{self.year}-{_uuid4(number, id_)}"
        if stratum.kind == "broken":
            body = bodies.broken(number, topic, built.body, msg_id, at // 1_000_000)
            return SimMessage("", at, topic, stratum.publisher, 0, {}, (), (), body)
        self.counters[stratum.publisher] += 1
        return SimMessage(
            msg_id, at, topic, stratum.publisher, self.counters[stratum.publisher],
            built.body, users, built.objects,
        )  # fmt: skip


def _uuid4(high: int, low: int) -> str:
    """Return a version 4 UUID from two random 64-bit numbers."""
    digits = f"{high:016x}{low:016x}"
    variant = "89ab"[low >> 62]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
