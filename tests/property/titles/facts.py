"""What a list of messages says of a range: counted here, without hubbub."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import groupby, pairwise

from tests.property.titles.wording import lasting, moment, years
from tests.property.titles.worlds import BOTS, DAY, SOURCES, WEEK, Message, World

TOLERANCE = 0.01  # of a period that a range may cut without being said
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True)
class Facts:
    """The messages of a world in [since, until); with `bots`, programs count as people."""

    world: World
    since: datetime
    until: datetime
    bots: bool = False

    @cached_property
    def messages(self) -> list[Message]:
        return [m for m in self.world.messages if self.since <= m.time < self.until]

    def who(self, message: Message) -> tuple[str, ...]:
        """The people that a message names, each once."""
        counted = [u for u in message.users if self.bots or u not in BOTS]
        return tuple(sorted({self.world.merged.get(u, u) for u in counted}))

    @cached_property
    def counts(self) -> Counter[str]:
        return Counter(u for m in self.messages for u in self.who(m))

    @cached_property
    def naming(self) -> int:
        return sum(bool(self.who(m)) for m in self.messages)

    @cached_property
    def programs(self) -> int:
        return len({u for m in self.messages for u in m.users if u in BOTS})

    @property
    def touching(self) -> Facts:
        """The same of the messages that name an object."""
        named = tuple(m for m in self.world.messages if m.objects)
        return replace(self, world=replace(self.world, messages=named))

    @property
    def several(self) -> list[str]:
        more = self.counts.total() > self.naming
        return ["a message counts for each person that it names"] if more else []

    @property
    def to_newest(self) -> bool:
        """Whether the range that was asked for ends with the newest message."""
        end = self.world.messages[-1].time.replace(microsecond=0) if self.world.messages else None
        return end is not None and end + timedelta(seconds=1) == self.world.range[1]

    def between(self, since: datetime, until: datetime) -> Facts:
        return replace(self, since=since, until=until)

    def by(self, key: Callable[[Message], object]) -> dict[object, list[Message]]:
        ordered = sorted(self.messages, key=lambda m: str(key(m)))
        return {k: list(ms) for k, ms in groupby(ordered, key)}


def ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def half_of(counts: Iterable[int]) -> int:
    """The fewest of the largest counts that add up to at least half."""
    ordered = sorted(counts, reverse=True)
    return next(k for k in range(1, len(ordered) + 1) if 2 * sum(ordered[:k]) >= sum(ordered))


def floor(when: datetime, per: str) -> datetime:
    """The start of the hour, day, ISO week, month, quarter or year of a time."""
    midnight = datetime(when.year, when.month, when.day, tzinfo=UTC)
    if per == "hour":
        return midnight + timedelta(hours=when.hour)
    if per == "day":
        return midnight
    if per == "week":
        return midnight - midnight.weekday() * DAY
    months = _MONTHS[per]
    return datetime(when.year, (when.month - 1) // months * months + 1, 1, tzinfo=UTC)


def following(start: datetime, per: str) -> datetime:
    if per in _MONTHS:
        month = start.month - 1 + _MONTHS[per]
        return datetime(start.year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return start + {"hour": DAY / 24, "day": DAY, "week": WEEK}[per]


def touched(since: datetime, until: datetime, per: str) -> list[tuple[datetime, datetime]]:
    periods = []
    start = floor(since, per)
    while start < until:
        periods.append((start, following(start, per)))
        start = periods[-1][1]
    return periods


def whole(
    facts: Facts, per: str, *, kept: bool = False
) -> tuple[Facts, list[tuple[datetime, datetime]], list[str]]:
    """Leave out the periods that the range cuts, if two others are left; else say so.

    With `kept`, a last period that ends with the newest message is one of the others.

    Returns:
        The facts of the periods, the periods, and the words on what is left out or cut.
    """
    return _whole(facts, touched(facts.since, facts.until, per), per, kept=kept)


def whole_ticks(facts: Facts, length: timedelta, *, kept: bool = False) -> tuple[Facts, list[str]]:
    """The same for multiples of a length since 1970."""
    ticks, start = [], EPOCH + (facts.since - EPOCH) // length * length
    while start < facts.until:
        ticks.append((start, start + length))
        start += length
    narrowed, _, notes = _whole(facts, ticks, "period", kept=kept)
    return narrowed, notes


def _whole(
    facts: Facts, periods: list[tuple[datetime, datetime]], per: str, *, kept: bool
) -> tuple[Facts, list[tuple[datetime, datetime]], list[str]]:
    since, until = facts.since, facts.until
    if not periods:
        return facts, [], []
    (first, second), (last, end) = periods[0], periods[-1]
    late = since - first > TOLERANCE * (second - first)
    early = end - until > TOLERANCE * (end - last)
    notes, kept = [], kept and early and facts.to_newest
    if kept:
        early, notes = False, [f"the last {per} ends with the newest message"]
    inside = periods[late : len(periods) - early]
    if len(inside) >= 2:
        year = years(since, until)
        words = [f"before {moment(second, year=year)}"] if late else []
        words += [f"from {moment(last, year=year)} on"] if early else []
        if len(words) == 1:
            notes.append(f"the part of a{'n' * (per == 'hour')} {per} {words[0]} is left out")
        elif words:
            notes.append(f"the parts of {per}s {' and '.join(words)} are left out")
        return facts.between(max(since, inside[0][0]), min(until, inside[-1][1])), inside, notes
    if len(periods) == 1 and (late or early):
        return facts, periods, [f"the range holds only a part of the {per}"]
    ends = " and the ".join(name for name, is_cut in (("first", late), ("last", early)) if is_cut)
    return facts, periods, ([f"the range cuts the {ends} {per}"] if ends else []) + notes


def actions(facts: Facts) -> dict[str, list[list[datetime]]]:
    """The runs of messages of each person on one target, with pauses of at most ten minutes."""
    times: dict[tuple[str, str], list[datetime]] = {}
    for m in facts.messages:
        for person in facts.who(m):
            target = m.objects[0] if m.objects else m.category
            times.setdefault((person, target), []).append(m.time)
    runs: dict[str, list[list[datetime]]] = {}
    for (person, _), moments in times.items():
        mine = runs.setdefault(person, [])
        for i, when in enumerate(sorted(moments)):
            if i == 0 or when - mine[-1][-1] > timedelta(minutes=10):
                mine.append([])
            mine[-1].append(when)
    return runs


@dataclass(frozen=True)
class Stretch:
    """A time between two edges of spans: what each source says of it, empty where nothing."""

    length: timedelta
    by_source: dict[str, str]

    @property
    def state(self) -> str:
        """What all sources say together."""
        said = set(self.by_source.values())
        missed = bool(said & {"gap", "healed"})
        if said & {"complete", "healed"}:
            return "healed" if missed else "complete"
        return "gap" if missed else "unproven" if "unproven" in said else ""


def stretches(facts: Facts) -> list[Stretch]:
    """What the ledger says of a range, in order."""
    inside = {facts.since, facts.until}
    for span in facts.world.spans:
        inside |= {t for t in (span.start, span.end) if facts.since < t < facts.until}
    found = []
    for start, end in pairwise(sorted(inside)):
        said = dict.fromkeys(SOURCES, "")
        for span in facts.world.spans:  # a later one replaces, unless it proves nothing
            covers = span.start <= start and end <= span.end
            if covers and (span.state != "unproven" or not said[span.source]):
                said[span.source] = span.state
        found.append(Stretch(end - start, said))
    return found


def lengths(found: Iterable[Stretch]) -> dict[str, timedelta]:
    """How long each state lasts in all."""
    sums = dict.fromkeys(("complete", "healed", "gap", "unproven", ""), timedelta(0))
    for stretch in found:
        sums[stretch.state] += stretch.length
    return sums


def badge(facts: Facts) -> str:
    """What a picture has to say of missing or unproven times."""
    found = stretches(facts)
    sums, length = lengths(found), facts.until - facts.since
    if sums["gap"]:
        return f"Incomplete: {lasting(sums['gap'])} of {lasting(length)} missing"
    if length and sums["complete"] + sums["healed"] == length:
        seen = {state for stretch in found for state in stretch.by_source.values()}
        if seen & {"healed", "gap"}:
            return "Complete; what the bus missed is covered by history"
        return ""
    return "Completeness unproven: only what was heard or imported"
