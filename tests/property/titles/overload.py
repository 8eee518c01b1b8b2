"""`overload`: signs of too much work, against each person's own past."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from math import comb

from tests.property.titles.facts import EPOCH, Facts, actions, floor
from tests.property.titles.view import View
from tests.property.titles.wording import lasting, many, pct
from tests.property.titles.worlds import DAY, HOUR, WEEK

RECENT = 4 * WEEK
SIGNS = {
    "load": ("more work than usual for them", "did more work than is usual for them"),
    "off_hours": ("more nights and weekends", "worked more at night or on weekends than before"),
    "no_pause": ("three weeks without a pause", "had no two free days in three weeks or more"),
    "alone": ("alone with something", "had something that nobody else touched"),
}


@dataclass
class Person:
    """The signs that can be judged, those that show, and those for which the past is too short."""

    judged: set[str] = field(default_factory=set)
    signs: set[str] = field(default_factory=set)
    short: set[str] = field(default_factory=set)


def persons(facts: Facts) -> dict[str, Person]:
    """Judge everybody who acted recently."""
    split = facts.until - RECENT
    starts = {person: sorted(run[0] for run in runs) for person, runs in actions(facts).items()}
    oldest = min((m.time for m in facts.messages), default=facts.until)
    begin = floor(oldest, "day")
    alone = _alone(facts)
    return {
        person: _judge(times, begin, split, facts.until, alone=person in alone)
        for person, times in starts.items()
        if any(t >= split for t in times)
    }


def _judge(
    times: list[datetime], begin: datetime, split: datetime, until: datetime, *, alone: bool
) -> Person:
    person = Person()
    recent, stored = sum(t >= split for t in times), (until - begin) / DAY
    weeks, past, high = _usual([t for t in times if t < split], begin, split)
    if high is None:
        person.short |= {"load", "off_hours"}
    elif recent >= 20:
        person.judged.add("load")
        chance = Fraction(4) / (4 + weeks)
        if recent > high and _tail(recent, recent + past, chance) < Fraction(1, 100):
            person.signs.add("load")
    zone = _zone([t for t in times if t < split])
    if zone is not None and recent >= 20:
        person.judged.add("off_hours")
        off, off_before = (
            [_is_off(t, zone) for t in times if (t >= split) is late] for late in (True, False)
        )
        if _fisher(sum(off), len(off), sum(off_before), len(off_before)) < Fraction(1, 20):
            person.signs.add("off_hours")
    days = _streak(times, split, zone or 0)
    (person.judged if max(stored, days) >= 21 else person.short).add("no_pause")
    if days >= 21:
        person.signs.add("no_pause")
    (person.judged if stored >= 28 else person.short).add("alone")
    if stored >= 28 and alone:
        person.signs.add("alone")
    person.short -= person.judged
    return person


def _usual(
    past: list[datetime], begin: datetime, split: datetime
) -> tuple[Fraction, int, int | None]:
    """Weeks and actions of the past, and the four-week sum that one in ten exceeds."""
    steps = [0] * max(0, (split - begin) // WEEK)  # the newest first
    for t in past:
        back = (split - timedelta(microseconds=1) - t) // WEEK
        if back < len(steps):
            steps[back] += 1
    while steps and not steps[-1]:
        steps.pop()
    sums = sorted((sum(steps[i : i + 4]) for i in range(len(steps) - 3)), reverse=True)
    if len(steps) < 8 or len(sums) <= 4:
        return Fraction(len(steps)), sum(steps), None
    return Fraction(len(steps)), sum(steps), sums[len(sums) // 10]


def _tail(successes: int, trials: int, chance: Fraction) -> Fraction:
    other = 1 - chance
    return sum(
        (comb(trials, k) * chance**k * other ** (trials - k) for k in range(successes, trials + 1)),
        Fraction(0),
    )


def _fisher(part: int, whole: int, before: int, whole_before: int) -> Fraction:
    both, of = part + before, comb(whole + whole_before, part + before)
    return Fraction(
        sum(
            comb(whole, k) * comb(whole_before, both - k)
            for k in range(part, min(whole, both) + 1)
            if both - k <= whole_before
        ),
        of,
    )


def _zone(past: list[datetime]) -> int | None:
    """Whole hours east of UTC, if the middle of the day of this person is 15 h there."""
    if len(past) < 50:
        return None
    angles = [(t - EPOCH) % DAY / DAY * 2 * math.pi for t in past]
    x, y = sum(map(math.cos, angles)), sum(map(math.sin, angles))
    if math.hypot(x, y) < 0.2 * len(past):
        return None
    east = round(15 - math.atan2(y, x) * 12 / math.pi)
    return (east + 12) % 24 - 12


def _is_off(when: datetime, zone: int) -> bool:
    local = when + zone * HOUR
    return local.hour >= 23 or local.hour < 7 or local.weekday() >= 5


def _streak(times: list[datetime], split: datetime, zone: int) -> int:
    """The longest run of days without two free ones that reaches past the split."""
    runs: list[list[datetime]] = []
    for t in times:
        day = (t + zone * HOUR - EPOCH) // DAY
        if not runs or day - (runs[-1][-1] + zone * HOUR - EPOCH) // DAY > 2:
            runs.append([])
        runs[-1].append(t)
    lengths = [
        (run[-1] + zone * HOUR - EPOCH) // DAY - (run[0] + zone * HOUR - EPOCH) // DAY + 1
        for run in runs
        if run[-1] >= split
    ]
    return max(lengths, default=0)


def _alone(facts: Facts) -> set[str]:
    """The people with an object or a category that nobody else touches, at least five times."""
    touched: dict[tuple[str, str], list[str]] = {}
    for m in facts.messages:
        for person in facts.who(m):
            for key in [("object", o) for o in m.objects] + [("category", m.category)]:
                touched.setdefault(key, []).append(person)
    return {names[0] for names in touched.values() if len(set(names)) == 1 and len(names) >= 5}


class Overload(View):
    name = "overload"

    def choose(self) -> None:
        self.options = {"people": self.rng.random() < 0.4}

    def past(self, facts: Facts) -> Facts:
        """All that is stored before the end, whatever the range."""
        return facts.between(EPOCH, facts.until)

    def programs(self, facts: Facts) -> int:
        return self.past(facts).programs

    def title(self, facts: Facts) -> str:
        people = persons(self.past(facts))
        if not people:
            return "Nobody was active in this time"
        rates = _rates(people)
        if self.options["people"]:
            return self.named(people, min(of for _, of, _ in rates.values()))
        known = {sign: (shown, of) for sign, (shown, of, why) in rates.items() if not why}
        if not known:
            return self.too_little(facts)
        sign = max(known, key=lambda s: Fraction(*known[s]))
        shown, of = known[sign]
        if shown:
            return f"{shown} of {many(of, 'person', 'people')} {SIGNS[sign][1]}"
        if len(known) == 4:
            return "Nobody shows a sign of too much work"
        return (
            f"Too short to tell: {4 - len(known)} of 4 signs cannot be judged, "
            "nobody shows the others"
        )

    def too_little(self, facts: Facts) -> str:
        oldest = min(m.time for m in self.past(facts).messages)
        stored = facts.until - floor(oldest, "day")
        if stored >= RECENT:
            return "Too little is known of too few people to see signs of too much work"
        return (
            f"Too short to see signs of too much work: {lasting(stored)} are stored, "
            "less than the 28 days that are judged"
        )

    def named(self, people: dict[str, Person], judged: int) -> str:
        most = max(len(p.signs) for p in people.values())
        first = sorted(u for u, p in people.items() if len(p.signs) == most)
        if not most and judged < len(people):
            told = f"{judged} of {many(len(people), 'person', 'people')}"
            return f"No sign of too much work; the data tell all signs of {told}"
        if not most:
            return "Nobody shows a sign of too much work"
        who = f"{first[0]} shows" if len(first) == 1 else f"{len(first)} people show"
        return f"{who} {many(most, 'sign')} of too much work"

    def subtitle(self, facts: Facts, said: str) -> str:
        people = persons(self.past(facts))
        marked = sum(bool(p.signs) for p in people.values())
        if self.options["people"]:
            words = "Signs of too much work in the last 28 days, against each person's own past"
            if min(marked, 15) < len(people):
                words += f"; {min(marked, 15)} of {many(len(people), 'person', 'people')}"
        else:
            words = (
                "Share of the people of whom the data tell who show a sign of too much work in "
                "the last 28 days"
            )
        return f"{words}; a reason to ask, never a verdict"

    def labels(self, facts: Facts, texts: list[str]) -> None:
        people = persons(self.past(facts))
        if self.options["people"] or not people:
            return
        for sign, (shown, of, why) in _rates(people).items():
            label = f"{why} ({of} people)" if why else f"{pct(shown / of)} ({shown} of {of})"
            assert SIGNS[sign][0] in texts
            assert label in texts


def _rates(people: dict[str, Person]) -> dict[str, tuple[int, int, str]]:
    """Sign → how many show it, of how many, and why that is too few."""
    rates = {}
    for sign in SIGNS:
        judged = [p for p in people.values() if sign in p.judged]
        shown = sum(sign in p.signs for p in judged)
        short = 2 * sum(sign in p.short for p in people.values()) > len(people) - len(judged)
        why = "" if len(judged) >= 10 else "too short to tell" if short else "not enough data"
        rates[sign] = (shown, len(judged), why)
    return rates
