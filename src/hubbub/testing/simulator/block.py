"""One block of the traffic: how many messages of each part, when, by whom, about what.

Comes in: a `Traffic` and the number of a block. Goes out: its messages. Counts come from sums
over the day, everything else from one stream of random numbers per block (PCG64's raw output,
which numpy promises never to change).
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from hubbub.testing.simulator import bodies, bodies_packaging
from hubbub.testing.simulator.message import Cast, SimMessage
from hubbub.testing.simulator.names import (
    HOSTILE,
    PACKAGES,
    PERSONS,
    filler,
    package_names,
    person,
    visitor,
)
from hubbub.testing.simulator.rhythm import GROUPS, burst, day_share, hash64, unit, whim
from hubbub.testing.simulator.shares import SLOTS, STRATA, Stratum
from hubbub.testing.simulator.topics import FAMILIES, TAIL, tail_topic, topic_cdf, unknown_topic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubbub.testing.simulator.traffic import Traffic

__all__ = ["make_block"]

_DAY = 86_400
_MEDIAN, _SIGMA, _CAP = 500.0, 1.1, 80_000  # bytes of a body (design: lognormal)
_ZIPF_USERS, _ZIPF_PACKAGES = 1.25, 0.65
_CLUMPED = 0.05  # part of the noise that comes in the same second of an hour: mass changes
_COLUMNS = 10
_SERVED = 0.4  # part of the machines' messages that follows the days of people (assumed)
_WHIM = 0.25  # sigma of a day's lognormal factor, for each part of the traffic (assumed)
_encode = msgspec.json.encode


@cache
def _user_table(seed: int) -> tuple[Any, Any, tuple[float, ...]]:
    """Ranks sorted by group, their sums (group g within [g, g + 1)), and each group's weight."""
    weights = np.arange(1, SLOTS + 1, dtype=np.float64) ** -_ZIPF_USERS
    weights /= weights.sum()
    bounds = np.cumsum([g.share for g in GROUPS])
    chance = np.array([unit(seed, 11, rank) for rank in range(SLOTS)])
    group = np.minimum(np.searchsorted(bounds, chance, side="right"), len(GROUPS) - 1)
    order = np.argsort(group, kind="stable")
    sums = np.empty(SLOTS)
    totals = []
    for g in range(len(GROUPS)):
        mine = group[order] == g
        part = weights[order][mine]
        totals.append(float(part.sum()))
        if part.size:
            sums[mine] = g + np.cumsum(part) / part.sum()
    return order, sums, tuple(totals)


@cache
def _mentioned() -> tuple[float, ...]:
    """Cumulative weights of the ranks, for those who are named without acting."""
    weights = np.arange(1, SLOTS + 1, dtype=np.float64) ** -_ZIPF_USERS
    return tuple((np.cumsum(weights) / weights.sum()).tolist())


@cache
def _package_sums() -> NDArray[np.float64]:
    weights = np.arange(1, PACKAGES + 1, dtype=np.float64) ** -_ZIPF_PACKAGES
    shares: NDArray[np.float64] = np.cumsum(weights) / weights.sum()
    return shares


@cache
def _names(seed: int, day: int) -> tuple[str, ...]:
    """Who holds each rank on a day: people come and go, the busy ones stay longer."""
    found = []
    for rank in range(SLOTS):
        tenure = 730 + hash64(seed, 12, rank) % 1100
        turn = (day + hash64(seed, 13, rank) % tenure) // tenure
        found.append(person((rank + SLOTS * (turn % 4) + seed * 7) % PERSONS))
    return tuple(found)


@cache
def _chances(seed: int) -> NDArray[np.float64]:
    """Per hour of the week, the cumulative chances that somebody of each group acts."""
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
    """Per stratum: messages of this day, rounding offset, cumulative share by hour (25)."""
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
    weights = None if steady else _user_table(seed)[2]
    factor = 1 if steady else burst(seed, day)
    people = day_share(weekday, weights)[0]
    totals, sums = [], []
    for k, stratum in enumerate(STRATA):
        mean, share = day_share(weekday, weights if stratum.human else None)
        if stratum.kind == "once":
            count = stratum.share
        else:
            count = stratum.share * per_day * factor
            if not steady:  # machines work for people in part, and no day is like another
                mean = mean if stratum.human else 1 - _SERVED + _SERVED * people
                mean *= whim(seed, day, k, _WHIM)
        totals.append(count * mean)
        sums.append(share)
    offsets = [unit(seed, 14, day, k) for k in range(len(STRATA))]
    return np.array(totals), np.array(offsets), np.array(sums)


def _units(raw: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Numbers in [0, 1)."""
    result: NDArray[np.float64] = (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return result


def _sizes(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.int64]:
    """Lognormal sizes in bytes (Box and Muller 1958)."""
    normal = np.sqrt(-2.0 * np.log1p(-u)) * np.cos(2.0 * np.pi * v)
    return np.minimum(_MEDIAN * np.exp(_SIGMA * normal), _CAP).astype(np.int64)


def _instants(
    traffic: Traffic, number: int, part: NDArray[np.int64], u: NDArray[np.float64], v: Any
) -> NDArray[np.int64]:
    """When each message is published, µs since the epoch; mass changes share a second."""
    seconds = traffic.block_seconds
    day, offset = divmod(number * seconds, _DAY)
    _, _, sums = _day(traffic.seed, traffic.per_day, traffic.steady, day)
    if traffic.steady:  # evenly spaced, but for a jitter below their distance
        u = (np.argsort(np.argsort(u, kind="stable"), kind="stable") + u) / len(u)
    at = np.empty(len(part), dtype=np.int64)
    hours = np.arange(25)
    for share in np.unique(sums, axis=0):
        mine = np.flatnonzero((sums[part] == share).all(axis=1))
        first, last = np.interp([offset / 3600, (offset + seconds) / 3600], hours, share)
        hour = np.interp(first + u[mine] * (last - first), share, hours)
        at[mine] = (hour * 3_600_000_000).astype(np.int64)
    at = np.clip(at, offset * 1_000_000, (offset + seconds) * 1_000_000 - 1)
    if not traffic.steady:
        period = min(seconds, 3600)
        of_machines = np.array([not s.human for s in STRATA])[part]
        clumped = np.flatnonzero(of_machines & (v < _CLUMPED))
        slots = at[clumped] // (period * 1_000_000)
        second = {
            int(s): int(s) * period + int(period * unit(traffic.seed, 15, day, int(s)))
            for s in np.unique(slots)
        }
        starts = np.array([second[int(s)] for s in slots], dtype=np.int64)
        at[clumped] = starts * 1_000_000 + at[clumped] % 1_000_000
    return at + day * _DAY * 1_000_000


def _ranks(traffic: Traffic, at: Any, u: Any, v: Any) -> list[int]:
    """Who acts, by rank: first the group by the hour of the week, then somebody in it."""
    order, sums, totals = _user_table(traffic.seed)
    if traffic.steady:
        chances = np.broadcast_to(np.cumsum(totals) / sum(totals), (len(u), len(totals)))
    else:
        hour = at // 3_600_000_000
        chances = _chances(traffic.seed)[(hour + 72) % 168]  # 1970-01-01 was a Thursday
    group = np.minimum((chances <= u[:, None]).sum(axis=1), len(totals) - 1)
    place = np.searchsorted(sums, group + v, side="right")
    ranks: list[int] = order[np.minimum(place, SLOTS - 1)].tolist()
    return ranks


def make_block(traffic: Traffic, number: int) -> list[SimMessage]:
    """All messages of a block, in the order of time."""
    seconds, seed = traffic.block_seconds, traffic.seed
    day, offset = divmod(number * seconds, _DAY)
    totals, offsets, sums = _day(seed, traffic.per_day, traffic.steady, day)
    hours = np.arange(25)
    before, after = (
        np.floor(totals * [np.interp(h / 3600, hours, s) for s in sums] + offsets).astype(np.int64)
        for h in (offset, offset + seconds)
    )
    part = np.repeat(np.arange(len(STRATA)), after - before)
    if not len(part):
        return []
    key = [seed % 2**64, int(traffic.per_day * 1000), int(traffic.steady), number % 2**64]
    raw = np.random.PCG64(np.random.SeedSequence(key)).random_raw(_COLUMNS * len(part))
    raw = raw.reshape(_COLUMNS, len(part))
    at = _instants(traffic, number, part, _units(raw[0]), _units(raw[1]))
    order = np.argsort(at, kind="stable")
    raw, at, part = raw[:, order], at[order], part[order]
    maker = _Maker(traffic, day, before)
    columns = zip(
        part.tolist(),
        at.tolist(),
        _units(raw[2]).tolist(),
        _ranks(traffic, at, _units(raw[3]), _units(raw[4])),
        np.searchsorted(_package_sums(), _units(raw[5]), side="right").tolist(),
        _sizes(_units(raw[6]), _units(raw[7])).tolist(),
        raw[8].tolist(),
        raw[9].tolist(),
        strict=True,
    )
    return [maker.make(*column) for column in columns]


class _Maker:
    """Makes the messages of one block, in order; keeps the counters of its publishers."""

    def __init__(self, traffic: Traffic, day: int, before: NDArray[np.int64]) -> None:
        self.names = _names(traffic.seed, day)
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
            return (HOSTILE[number % len(HOSTILE)],)
        if stratum.users == 1:
            return (self.names[rank],)
        wanted, k = stratum.users, 0
        while wanted >= 3 and wanted < 9 and hash64(number, 17, wanted) % 3 == 0:  # noqa: PLR2004
            wanted += 1
        found = {self.names[rank]: None}
        while len(found) < wanted:
            k += 1
            found[self.names[bisect_right(_mentioned(), unit(number, 18, k)) % SLOTS]] = None
        return tuple(found)

    def make(  # noqa: PLR0917  (one row of the block's columns)
        self,
        part: int,
        at: int,
        u: float,
        rank: int,
        package: int,
        size: int,
        number: int,
        id_: int,
    ) -> SimMessage:
        """One message."""
        stratum = STRATA[part]
        family = stratum.family
        branch = ""
        if family == "tail":
            package %= TAIL // 2
            topic, branch = tail_topic(2 * package + (number & 1), self.packages[package])
        elif family == "unknown":
            topic = unknown_topic(number)
        else:
            family = "build" if family == "broken" else family
            topics = FAMILIES[family]
            place = bisect_right(topic_cdf(family), u)
            # Only the first two of trac's topics can name several users.
            topic = topics[place % 2 if family == "trac" and stratum.users > 1 else place]
        users = self._users(stratum, rank, number) if stratum.kind != "broken" else ("nobody",)
        other = self.packages[(package * 3 + number % 97) % PACKAGES]
        cast = Cast(topic, users, self.packages[package], other, number, at // 1_000_000)
        if family == "tail":
            made = bodies_packaging.git_tail(cast, branch)
        elif family == "unknown":
            made = bodies.unknown(cast)
        else:
            made = bodies.BUILDERS[family](cast)
        room = size - len(_encode(made.body))
        if room > 0:
            made.place[made.key] += filler(room, number)
        text = f"{number:016x}{id_:016x}"
        variant = "89ab"[id_ >> 62]
        msg_id = (
            f"{self.year}-{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"
        )
        if stratum.kind == "broken":
            body = _broken(number, topic, made.body, msg_id, at // 1_000_000)
            return SimMessage("", at, topic, stratum.publisher, 0, {}, (), (), body)
        self.counters[stratum.publisher] += 1
        return SimMessage(
            msg_id, at, topic, stratum.publisher, self.counters[stratum.publisher],
            made.body, users, made.objects,
        )  # fmt: skip


def _broken(number: int, topic: str, body: dict[str, Any], msg_id: str, time: int) -> bytes:
    """A frame's body that no reader can take for a message."""
    envelope = {"i": 1, "msg": body, "msg_id": msg_id, "timestamp": time, "topic": topic}
    match number % 6:
        case 0:
            return _encode(envelope)[:-20]
        case 1:
            return b"null"
        case 2:
            del envelope["msg_id"]
        case 3:
            envelope["timestamp"] = "soon"
        case 4:
            return b"\xff\xfe" + _encode(envelope)
        case _:
            return _encode([envelope])
    return _encode(envelope)
