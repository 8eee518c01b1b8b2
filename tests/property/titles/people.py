"""`daily_users`, `active_users`, `cohorts` and `returning`: how many people, and who stays."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from statistics import median
from typing import Any

from tests.property.titles.facts import Facts, floor, following, ranked, touched, whole
from tests.property.titles.view import View
from tests.property.titles.wording import (
    MONTHS,
    NOBODY,
    OF,
    about_midnight,
    date,
    lasting,
    many,
    moment,
    num,
    occasions,
    part_name,
    pct,
    years,
)
from tests.property.titles.worlds import DAY, WEEK


class PerPeriod(View):
    """A picture with a point or a column per period."""

    def unit(self, facts: Facts) -> str:
        raise NotImplementedError

    def narrow(self, facts: Facts) -> Facts:
        return whole(facts, self.unit(facts), kept=True)[0]

    def choose(self) -> None:
        self.asked: Facts | None = None

    def periods(self, facts: Facts) -> tuple[str, list[tuple[datetime, int]], list[str]]:
        """The unit, the people of each period, and the words on what is cut."""
        unit = self.per(facts)
        _, periods, cuts = self.whole(facts)
        sizes = [
            (start, len(facts.between(max(start, facts.since), min(end, facts.until)).counts))
            for start, end in periods
        ]
        return unit, sizes, cuts

    def whole(self, facts: Facts) -> tuple[Facts, list[tuple[datetime, datetime]], list[str]]:
        """The periods of the range as asked; `facts` may count programs."""
        asked = Facts(facts.world, *facts.world.range, bots=facts.bots)
        return whole(asked, self.per(facts), kept=True)

    def part(self, facts: Facts, start: datetime) -> str:
        """The name of a period, as far as the range holds it."""
        unit, year = self.per(facts), years(facts.since, facts.until)
        ends = start, following(start, unit)
        return part_name(*ends, unit, facts.since, facts.until, year=year)

    def per(self, facts: Facts) -> str:
        """The unit that the range as asked leads to; narrowing can make a range shorter."""
        return self.unit(Facts(facts.world, *facts.world.range))


class DailyUsers(PerPeriod):
    name = "daily_users"

    def choose(self) -> None:
        self.options = {"per": self.rng.choice(("auto", "auto", "day", "week", "hour"))}
        if self.options["per"] == "hour":
            self.options["per"] = "day"

    def unit(self, facts: Facts) -> str:
        if self.options["per"] != "auto":
            return str(self.options["per"])
        days = (facts.until - facts.since) / DAY
        return "hour" if days <= 3 else "day" if days <= 400 else "week"

    def title(self, facts: Facts) -> str:
        unit, sizes, _ = self.periods(facts)
        everybody = len(facts.counts)
        if not everybody:
            return NOBODY
        first = self.part(facts, next(s for s, n in sizes if n))
        if everybody == 1:
            return f"One person is active, first {first}"
        if len(sizes) == 1:
            return f"{everybody} people are active {first}"
        usual = many(median(n for _, n in sizes), "person is", "people are")
        return f"A median of {usual} active each {unit}; {everybody} different people in all"

    def subtitle(self, facts: Facts, said: str) -> str:
        unit, sizes, cuts = self.periods(facts)
        words = f"People per {unit}: active; new, not seen earlier in this range; seen so far"
        most = max((n for _, n in sizes), default=0)
        if len(sizes) > 1 and len(facts.counts) > 4 * most > 0:
            words += ", on a scale of its own"
        return "; ".join([words, *cuts])

    def rows(self, facts: Facts, rows: list[tuple[Any, ...]]) -> None:
        _, sizes, _ = self.periods(facts)
        assert [row[1] for row in rows] == ([n for _, n in sizes] if facts.counts else [])
        seen = [row[3] for row in rows]
        assert not seen or seen[-1] == len(facts.counts)
        assert [row[2] for row in rows] == [b - a for a, b in zip([0, *seen], seen, strict=False)]


class ActiveUsers(PerPeriod):
    name = "active_users"

    def choose(self) -> None:
        self.options = {"per": self.rng.choice(("auto", "auto", "d", "w", "m", "q", "y"))}

    def unit(self, facts: Facts) -> str:
        words = {"d": "day", "w": "week", "m": "month", "q": "quarter", "y": "year"}
        if self.options["per"] != "auto":
            return words[self.options["per"]]
        days = (facts.until - facts.since) / DAY
        return "day" if days <= 21 else "week" if days <= 760 else "month"

    def title(self, facts: Facts) -> str:
        unit, sizes, _ = self.periods(facts)
        numbers = [n for _, n in sizes]
        if not any(numbers):
            return NOBODY
        most = max(numbers)
        once = self.part(facts, sizes[numbers.index(most)][0])
        if len(numbers) == 1:
            return f"{many(most, 'person is', 'people are')} active {once}"
        if len(set(numbers)) == 1:
            return f"{many(most, 'person is', 'people are')} active each {unit}"
        when = occasions(numbers.count(most), once, unit)
        if not median(numbers):
            silent = "On" if unit == "day" else "In"
            assert 2 * numbers.count(0) > len(numbers)
            return f"{silent} most {unit}s nobody is active; the peak was {most} {when}"
        usual = many(median(numbers), "person is", "people are")
        return f"A median of {usual} active each {unit}; the peak was {most} {when}"

    def subtitle(self, facts: Facts, said: str) -> str:
        unit, _, cuts = self.periods(facts)
        return "; ".join([f"Different people per {unit} that messages name", *cuts])

    def labels(self, facts: Facts, texts: list[str]) -> None:
        numbers = [n for _, n in self.periods(facts)[1]]
        if len(numbers) > 1 and numbers.count(max(numbers)) == 1:
            assert num(max(numbers)) in texts


class Cohorts(View):
    name = "cohorts"

    def choose(self) -> None:
        self.options = {"window": 4 * WEEK} if self.rng.random() < 0.2 else {}

    def windows(self, facts: Facts) -> tuple[Any, list[Facts]]:
        """The length of the windows, and the windows from the oldest."""
        room = facts.until - facts.since
        if room >= 15 * WEEK:
            length, step = 13 * WEEK, -(-(room - 13 * WEEK) // (150 * WEEK)) * WEEK
        elif room >= 6 * WEEK:
            length, step = 4 * WEEK, DAY
        else:
            length, step = min(room, WEEK), DAY
        length = self.options.get("window", length)
        end = floor(facts.until, "week") if step % WEEK == 0 * DAY else facts.until
        ends = []
        while end - length >= facts.since:
            ends.append(end)
            end -= step
        return length, [facts.between(end - length, end) for end in reversed(ends)]

    def title(self, facts: Facts) -> str:
        length, windows = self.windows(facts)
        span = _weeks(length)
        known = [w for w in windows if w.counts]
        if not windows:
            return f"The range holds no whole window of {span}"
        if not known:
            return f"Nobody is named in any window of {span}"
        year = years(facts.since, facts.until)
        end = about_midnight(known[-1].until)
        to = moment(end, year=year) if end.hour or end.minute else date(end - DAY, year=year)
        when = f"in the {span} to {to}"
        n, before = len(known[-1].counts), len(known[0].counts)
        if n == 1:
            return f"One person has all {OF} {when}"
        if len(set(known[-1].counts.values())) == 1:
            return f"All {n} people have equally many {OF} {when}"
        sentence = f"The {_busiest(n)} {'has' if n <= 100 else 'have'}"
        sentence += f" {pct(_top(known[-1]))} of all {OF} {when}"
        few, more = sorted((n, before))
        alike = few >= 10 and more <= 2 * few and len(known) > 1
        alike = alike and -(-before // 100) == -(-n // 100)  # there are no thousands of people here
        if alike and pct(_top(known[0])) != pct(_top(known[-1])):
            earlier = _weeks(known[-1].until - known[0].until)
            top = pct(_top(known[0]))
            sentence += f"; {earlier} earlier the {_busiest(before)} had {top}"
        return sentence

    def subtitle(self, facts: Facts, said: str) -> str:
        length, windows = self.windows(facts)
        parts = [
            f"Share of mentions per group of people, in the {_weeks(length)} before each point"
        ]
        if length != 13 * WEEK and not self.options:
            parts.append("13 weeks in ranges of 15 weeks and more")
        if windows and facts.messages and all(len(w.counts) <= 100 for w in windows):
            parts.append("the top 1% is one person")
        return "; ".join([*parts, *facts.several])


def _weeks(length: Any) -> str:
    if length > WEEK and length % WEEK == 0 * DAY:
        return f"{length // WEEK} weeks"
    return lasting(length)


def _busiest(people: int) -> str:
    size = -(-people // 100)
    return f"busiest {size} of {people} people" if size > 1 else f"busiest of {people} people"


def _top(window: Facts) -> float:
    size = -(-len(window.counts) // 100)
    return sum(n for _, n in ranked(window.counts)[:size]) / window.counts.total()


class Returning(View):
    name = "returning"

    def look_back(self, facts: Facts) -> int:
        return min(3, max(1, (facts.until - facts.since) // (28 * DAY) // 4))

    def groups(self, facts: Facts) -> dict[datetime, dict[int, tuple[int, int]]]:
        """First month → months later → (active, of), where both are wholly known."""
        months = touched(facts.since, facts.until, "month")
        seen = [
            set(facts.between(max(s, facts.since), min(e, facts.until)).counts) for s, e in months
        ]
        back, groups = self.look_back(facts), {}
        for g in range(back, len(months)):
            if months[g - back][0] < facts.since:
                continue
            new = seen[g] - set().union(*seen[g - back : g])
            later = {
                m - g: (len(new & seen[m]), len(new))
                for m in range(g + 1, len(months))
                if following(months[m][0], "month") <= facts.until
            }
            if new and later:
                groups[months[g][0]] = later
        return groups

    def title(self, facts: Facts) -> str:
        if not facts.counts:
            return NOBODY
        groups = self.groups(facts)
        if not groups:
            return "The range is too short to see who returns"
        active, of = self.pooled(groups, 1)
        who = f"of {of} newcomers were" if of > 1 else "of one newcomer was"
        sentence = f"{pct(active / of)} {who} active in the month after"
        longest = max(after for later in groups.values() for after in later)
        for after, word in ((12, "twelve"), (6, "six"), (3, "three")):
            if longest >= after:
                active, then = self.pooled(groups, after)
                whose = "" if then == of else f" of {then}"
                return f"{sentence}, {pct(active / then)}{whose} {word} months later"
        return sentence

    def pooled(self, groups: Any, after: int) -> tuple[int, int]:
        sums: Counter[str] = Counter()
        for later in groups.values():
            active, of = later.get(after, (0, 0))
            sums.update(active=active, of=of)
        return sums["active"], sums["of"]

    def subtitle(self, facts: Facts, said: str) -> str:
        parts = ["Share of the people first seen in a month who were active so many months later"]
        shown = self.groups(facts)
        if len(every := self.every(facts)) > 24:
            parts.append(f"the newest 24 of {len(every)} months")
        if shown:
            parts.append(f"they were not seen in the {many(self.look_back(facts), 'month')} before")
        return "; ".join(parts)

    def every(self, facts: Facts) -> list[datetime]:
        """The months in which anybody is new, as far as is known."""
        months = touched(facts.since, facts.until, "month")
        seen = [
            set(facts.between(max(s, facts.since), min(e, facts.until)).counts) for s, e in months
        ]
        back = self.look_back(facts)
        new = [mine - set().union(*seen[max(0, i - back) : i]) for i, mine in enumerate(seen)]
        return [start for (start, _), people in zip(months, new, strict=True) if people]

    def rows(self, facts: Facts, rows: list[tuple[Any, ...]]) -> None:
        expected = {}
        shown = set(self.every(facts)[-24:])
        for start, later in self.groups(facts).items():
            for after, (active, of) in later.items():
                if start in shown and after <= 24:
                    name = f"{MONTHS[start.month - 1][:3]} {start.year} ({of})"
                    expected[name, after] = active / of
        assert {(name, after): share for name, after, share in rows} == expected
