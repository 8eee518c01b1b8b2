"""`radar`, `volume`, `weekly_diff` and `daily_diff`: messages by topic and category."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.property.titles.facts import Facts, touched, whole
from tests.property.titles.people import PerPeriod
from tests.property.titles.view import View
from tests.property.titles.wording import (
    MINUS,
    NOBODY,
    brief,
    date,
    leading,
    listed,
    many,
    num,
    occasions,
    pct,
    range_of,
    short,
    signed,
    years,
)
from tests.property.titles.worlds import DAY, WEEK, Message


def of_axis(message: Message, axis: str) -> str:
    return message.topic if axis == "topic" else message.category


class Radar(View):
    name = "radar"

    def choose(self) -> None:
        self.options = {"axis": self.rng.choice(("category", "category", "topic"))}
        if self.rng.random() < 0.3:
            self.options["user"] = self.rng.sample(("p01", "p02", "p03", "p04"), 2)

    def tables(self, facts: Facts) -> tuple[Counter[str], dict[str, Counter[str]]]:
        """Messages of each axis, and those that name each person."""
        totals, people = Counter[str](), defaultdict[str, Counter[str]](Counter)
        for m in facts.messages:
            totals[of_axis(m, self.options["axis"])] += 1
            for person in facts.who(m):
                people[person][of_axis(m, self.options["axis"])] += 1
        return totals, people

    def asked(self, facts: Facts) -> list[str]:
        merged = facts.world.merged
        return list(dict.fromkeys(merged.get(u, u) for u in self.options.get("user", ())))

    def drawn(self, facts: Facts) -> list[str]:
        _, people = self.tables(facts)
        if asked := self.asked(facts):
            return [u for u in asked if u in people]
        return sorted(people, key=lambda u: (-people[u].total(), u))[:3]

    def title(self, facts: Facts) -> str:
        totals, people = self.tables(facts)
        drawn, asked = self.drawn(facts), self.asked(facts)
        if not drawn:
            return f"No messages name {listed(asked)}" if asked else NOBODY
        names = short(sorted(totals))
        parts: list[str] = []
        for person in drawn:
            share = {axis: people[person][axis] / totals[axis] for axis in sorted(totals)}
            large = [axis for axis in share if share[axis] and totals[axis] >= 20]
            best = max(large or sorted(share), key=lambda axis: share[axis])
            where = f"{pct(share[best])} of {names[best]}"
            if not large:
                of = many(totals[best], "message")
                where = f"{people[person][best]} of {of} of {names[best]}"
            parts.append(f"{person} {'is named ' if not parts else ''}in {where}")
        return listed(parts)

    def subtitle(self, facts: Facts, said: str) -> str:
        _, people = self.tables(facts)
        drawn, asked = self.drawn(facts), self.asked(facts)
        axis = self.options["axis"]
        parts = [
            f"Share of all messages of each {axis} that name the user; in brackets all messages"
        ]
        if missing := [u for u in asked if u not in people]:
            parts.append(f"no messages of {listed(missing)}")
        if not asked and len(people) > len(drawn):
            parts.append(f"the {len(drawn)} named most of {len(people)} people")
        return "; ".join(parts)

    def labels(self, facts: Facts, texts: list[str]) -> None:
        totals, _ = self.tables(facts)
        names = short(sorted(totals))
        if self.drawn(facts):
            assert {f"{names[axis]} ({brief(n)})" for axis, n in totals.items()} <= set(texts)

    def rows(self, facts: Facts, rows: list[tuple[Any, ...]]) -> None:
        totals, people = self.tables(facts)
        names = short(sorted(totals))
        expected = {
            (names[axis], n, *(people[u][axis] for u in self.drawn(facts)))
            for axis, n in totals.items()
        }
        assert set(rows) == expected


class Volume(PerPeriod):
    name = "volume"
    people = False

    def choose(self) -> None:
        per = self.rng.choice(("auto", "auto", "day", "week"))
        self.options = {"per": per, "axis": self.rng.choice(("topic", "category"))}

    def unit(self, facts: Facts) -> str:
        if self.options["per"] != "auto":
            return str(self.options["per"])
        days = (facts.until - facts.since) / DAY
        return "hour" if days <= 3 else "day" if days <= 200 else "week"

    def title(self, facts: Facts) -> str:
        unit = self.per(facts)
        names = Counter(of_axis(m, self.options["axis"]) for m in facts.messages)
        if not names:
            return "No messages in this range"
        sizes = [
            (start, sum(start <= m.time < end for m in facts.messages))
            for start, end in self.whole(facts)[1]
        ]
        most, largest = max(n for _, n in sizes), max(names.values())
        peaks = [start for start, n in sizes if n == most]
        once = self.part(facts, peaks[0])
        cut = short(list(names))
        leaders = sorted(cut[name] for name, n in names.items() if n == largest)
        total = names.total()
        share = pct(largest / total)
        if total == 1:
            return f"One message, of {leaders[0]}, {once}"
        if len(sizes) == 1:
            first = f"{many(total, 'message')} {once}"
            alone = f"{first}, all of {leaders[0]}"
            return alone if len(names) == 1 else f"{first}; {leading(leaders, share)}"
        if len(names) == 1:
            first = f"All {many(total, 'message')} are of {leaders[0]}"
        else:
            first = leading(leaders, f"{share} of messages")
        if len(peaks) == len(sizes):
            return f"{first}; {many(most, 'message')} each {unit}"
        if len(peaks) > 1:
            return f"{first}; at most {num(most)} in all, {occasions(len(peaks), once, unit)}"
        for before, after in (("on ", ""), ("in the hour", "that"), ("in the week", "that")):
            once = after + once.removeprefix(before) if once.startswith(before) else once
        return f"{first}; the busiest {unit} was {once}: {num(most)} in all"

    def subtitle(self, facts: Facts, said: str) -> str:
        unit = self.per(facts)
        words = f"Messages per {unit} by {self.options['axis']}"
        columns = len(self.whole(facts)[1])
        parts = [words, *self.whole(facts)[2]]
        if columns > 200 and facts.messages:
            parts.append(f"each column is the mean of {-(-columns // 200)} of them")
        return "; ".join(parts)


class WeeklyDiff(View):
    name = "weekly_diff"
    people = False

    def choose(self) -> None:
        self.options = {"axis": self.rng.choice(("topic", "category"))}

    def weeks(self, facts: Facts) -> list[tuple[datetime, datetime]]:
        """The two periods to compare, the earlier first; none if there are not enough."""
        weeks = [
            (start, end)
            for start, end in touched(facts.since, facts.until, "week")
            if facts.since <= start and end <= facts.until
        ]
        if len(weeks) >= 2:
            return weeks[-2:]
        days = touched(*self.days(facts), "day")
        return [(days[-14][0], days[-8][1]), (days[-7][0], days[-1][1])] if len(days) >= 14 else []

    def days(self, facts: Facts) -> tuple[datetime, datetime]:
        inside = whole(facts, "day")[0]
        return inside.since, inside.until

    def narrow(self, facts: Facts) -> Facts:
        weeks = self.weeks(facts)
        if weeks and weeks[0][0].weekday():
            return facts.between(*self.days(facts))
        if weeks and facts.until - facts.since < 3 * WEEK and self.only_days(facts):
            return facts.between(*self.days(facts))
        return facts

    def only_days(self, facts: Facts) -> bool:
        return not any(
            facts.since <= a and b + WEEK <= facts.until
            for a, b in touched(facts.since, facts.until, "week")
        )

    def changes(self, facts: Facts) -> list[tuple[str, int, int]]:
        """Name, before and after, the largest change first."""
        before, after = (
            Counter(
                of_axis(m, self.options["axis"]) for m in facts.messages if start <= m.time < end
            )
            for start, end in self.weeks(facts)
        )
        every = {of_axis(m, self.options["axis"]) for m in facts.messages}
        names = short(sorted(every))
        changed = [(t, before[t], after[t]) for t in every if before[t] or after[t]]
        changed.sort(key=lambda row: (-abs(row[2] - row[1]), row[0]))
        return [(names[t], a, b) for t, a, b in changed]

    def title(self, facts: Facts) -> str:
        axis = self.options["axis"]
        if not self.weeks(facts):
            return "Not enough complete weeks for a comparison"
        changes = [(name, after - before) for name, before, after in self.changes(facts)]
        if not changes:
            return "No messages in the two weeks compared"
        up, down = sum(c > 0 for _, c in changes), sum(c < 0 for _, c in changes)
        if not up and not down:
            return f"Week on week: no {axis} changed"
        more = {"topic": "topics", "category": "categories"}[axis]
        counted = f"{up} {axis if up == 1 else more} up, {down} down"
        name, most = changes[0]
        same = sum(abs(change) == abs(most) for _, change in changes)
        if same > 1:
            return f"Week on week: {counted}; {same} changed most, by {num(abs(most))} each"
        return f"Week on week: {counted}; {name} changed most, {signed(most)}"

    def subtitle(self, facts: Facts, said: str) -> str:
        weeks, axis = self.weeks(facts), self.options["axis"]
        if not weeks:
            return f"Change in messages per {axis} from week to week"
        before, after = (range_of(*week) for week in weeks)
        return f"Change in messages per {axis}, {after} against {before}"

    def labels(self, facts: Facts, texts: list[str]) -> None:
        for _, before, after in self.changes(facts) if self.weeks(facts) else ():
            change = after - before
            if not change:
                label = "±0"
            elif not before:
                label = f"+{num(change)} (from 0)"
            else:
                sign = "+" if change > 0 else MINUS
                label = f"{signed(change)} ({sign}{pct(abs(change) / before)})"
            assert label in texts


class DailyDiff(View):
    name = "daily_diff"
    people = False

    def choose(self) -> None:
        self.options = {"axis": self.rng.choice(("topic", "category"))}

    def narrow(self, facts: Facts) -> Facts:
        return whole(facts, "day")[0]

    def complete(self, facts: Facts) -> bool:
        _, days, cuts = whole(facts, "day")
        return not cuts and len(days) >= 2

    def changes(self, facts: Facts) -> dict[str, list[int]]:
        days = whole(facts, "day")[1]
        counts: dict[str, list[int]] = {}
        for m in facts.messages:
            row = counts.setdefault(of_axis(m, self.options["axis"]), [0] * len(days))
            row[(m.time - days[0][0]) // DAY] += 1
        names = short(list(counts))
        return {names[t]: [b - a for a, b in pairwise(row)] for t, row in counts.items()}

    def title(self, facts: Facts) -> str:
        if not self.complete(facts):
            return "Two complete days are needed for a change"
        changes = self.changes(facts)
        if not changes:
            return "No messages in this range"
        most = max(abs(c) for row in changes.values() for c in row)
        if not most:
            return "No change from day to day"
        largest = [
            (name, i, c)
            for name, row in changes.items()
            for i, c in enumerate(row)
            if abs(c) == most
        ]
        if len(largest) > 1:
            return f"Biggest daily change: ±{num(most)}, {len(largest)} times"
        [(name, i, change)] = largest
        days = whole(facts, "day")[1]
        year = years(days[0][0], days[-1][0])
        return f"Biggest daily change: {name} {signed(change)} on {date(days[i + 1][0], year=year)}"

    def subtitle(self, facts: Facts, said: str) -> str:
        axis = self.options["axis"]
        parts = [
            f"Messages per {axis} minus those of the day before; up is more, down is fewer",
            "each row has its own scale",
        ]
        size = -(-len(whole(facts, "day")[1]) // 200)
        if self.complete(facts) and size > 1:
            parts.append(f"each bar is the largest change in {size} days")
        return "; ".join([*parts, *whole(Facts(facts.world, *facts.world.range), "day")[2]])

    def labels(self, facts: Facts, texts: list[str]) -> None:
        for row in self.changes(facts).values() if self.complete(facts) else ():
            most = max(map(abs, row))
            assert f"max ±{brief(most)}" in texts
