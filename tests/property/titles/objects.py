"""`heatmap`, `objects_per_user` and `users_per_object`: who touches what."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from tests.property.titles.facts import Facts, ranked
from tests.property.titles.view import View
from tests.property.titles.wording import date, listed, many, num, pct
from tests.property.titles.worlds import HOUR

NOTHING = "No message in this range names both a person and an object"


def pairs(facts: Facts) -> Counter[tuple[str, str]]:
    return Counter((u, o) for m in facts.messages for u in facts.who(m) for o in m.objects)


def touched_by(facts: Facts) -> dict[str, set[str]]:
    """Person → objects."""
    objects: dict[str, set[str]] = {}
    for person, touched in pairs(facts):
        objects.setdefault(person, set()).add(touched)
    return objects


class Touching(View):
    """A picture of the messages that name a person and an object."""

    touching = True


class Heatmap(Touching):
    name = "heatmap"

    def drawn(self, facts: Facts) -> tuple[Counter[tuple[str, str]], int, int]:
        """The pairs of the busiest 24 people and 30 objects; how many people and objects."""
        cells = pairs(facts)
        people, objects = Counter[str](), Counter[str]()
        for (person, touched), n in cells.items():
            people[person] += n
            objects[touched] += n
        busiest = {name for name, _ in ranked(people)[:24]}, {n for n, _ in ranked(objects)[:30]}
        kept = {p: n for p, n in cells.items() if p[0] in busiest[0] and p[1] in busiest[1]}
        return Counter(kept), len(people), len(objects)

    def title(self, facts: Facts) -> str:
        cells, people, objects = self.drawn(facts)
        if not cells:
            return NOTHING
        most = max(cells.values())
        best = [pair for pair, n in cells.items() if n == most]
        everything = (people, objects) == _sizes(cells)
        among = "" if everything else "Among the busiest, "
        counted = many(most, "message")
        if everything and len(cells) == 1:
            return f"{best[0][0]} alone touches an object, {best[0][1]}: {counted}"
        if len(best) > 1:
            each = f"{counted} each"
            return f"{among}{len(best)} pairs of a person and an object meet most often: {each}"
        return f"{among}{best[0][0]} and {best[0][1]} meet most often: {counted}"

    def subtitle(self, facts: Facts, said: str) -> str:
        cells, people, objects = self.drawn(facts)
        drawn, other = _sizes(cells)
        tops = (
            _drawn(drawn, 24, people, ("person", "people"), "objects"),
            _drawn(other, 30, objects, ("object", "objects"), "people"),
        )
        return f"Messages per person and object; {'; '.join(tops)}; blank is none"

    def rows(self, facts: Facts, rows: list[tuple[Any, ...]]) -> None:
        assert {(user, touched): n for user, touched, n in rows} == self.drawn(facts)[0]


def _drawn(number: int, most: int, of: int, nouns: tuple[str, str], others: str) -> str:
    if number == of:
        return many(of, *nouns)
    busiest = f"{min(most, of)} busiest of {of} {nouns[1]}"
    if number == min(most, of):
        return f"the {busiest}"
    return f"{number} of the {busiest}, the rest without these {others}"


def _sizes(cells: Counter[tuple[str, str]]) -> tuple[int, int]:
    return len({u for u, _ in cells}), len({o for _, o in cells})


class ObjectsPerUser(Touching):
    name = "objects_per_user"

    def title(self, facts: Facts) -> str:
        numbers = sorted(map(len, touched_by(facts).values()))
        if not numbers:
            return NOTHING
        people, single = len(numbers), numbers.count(1)
        if people == 1:
            return f"One person touched an object: {many(numbers[0], 'object')} in all"
        if numbers[0] == numbers[-1]:
            return f"Each of {people} people touched {many(numbers[0], 'object')}"
        middle = many(median(numbers), "object")
        one = f"{pct(single / people)} of the {people} people with an object touched just one"
        if numbers[(people - 1) // 2] != 1 and 3 * single >= people:
            return f"{one}; the median is {middle}"
        if 2 * single >= people:
            return one
        return f"A median of {middle} per person with any; the most is {numbers[-1]}"

    def subtitle(self, facts: Facts, said: str) -> str:
        words = "Number of people by how many different objects they touched, if any"
        if max(map(len, touched_by(facts).values()), default=0) > 32:
            words += "; each column ends at twice the number of the one before"
        return words

    def rows(self, facts: Facts, rows: list[tuple[Any, ...]]) -> None:
        assert dict(rows) == Counter(map(len, touched_by(facts).values()))


class UsersPerObject(Touching):
    name = "users_per_object"

    def choose(self) -> None:
        self.options = {"top": self.rng.choice((12, 12, 3)), "frames": self.rng.choice((84, 5))}

    def title(self, facts: Facts) -> str:
        people = Counter(o for _, o in pairs(facts))
        if not people:
            return NOTHING
        most = max(people.values())
        best = sorted(o for o, n in people.items() if n == most)
        if len(people) == 1:
            return f"{best[0]} is the one object touched, by {many(most, 'person', 'people')}"
        if len(best) == 1:
            return f"{best[0]} gathers the most people: {most}"
        names = f"{len(best)} objects"
        if len(best) <= min(3, self.options["top"]):
            names = listed(sorted(best, key=lambda o: (self.frame(facts, o), o)))
        return f"{names} gather the most people: {most} each"

    def frame(self, facts: Facts, touched: str) -> int:
        """The frame, counted from the last one, in which the object gathered its last person."""
        first: dict[str, datetime] = {}
        for m in facts.messages:
            for person in facts.who(m) if touched in m.objects else ():
                first.setdefault(person, m.time)
        hours = (1, 2, 3, 6, 12, 24, 48, 168, 336, 672)
        least = (facts.until - facts.since) / self.options["frames"] / HOUR
        step = next((h for h in hours if h >= least), -(-least // 672) * 672) * HOUR
        end = facts.until - timedelta(microseconds=1)
        return -((end - max(first.values())) // step)

    def subtitle(self, facts: Facts, said: str) -> str:
        number = min(len({o for _, o in pairs(facts)}), self.options["top"])
        words = f"Different people who touched each object since {date(facts.since, year=True)}"
        if number == self.options["top"]:
            words += f"; the {number} with the most"
            sizes = sorted(Counter(o for _, o in pairs(facts)).values(), reverse=True)
            fewest = sizes[number - 1]
            drawn, alike = sizes[:number].count(fewest), sizes.count(fewest)
            if drawn < alike:
                words += f", {drawn} of the {alike} with {many(fewest, 'person', 'people')}"
        short = " that were among them for a short time are left out"
        before, found, _ = said.partition(short)
        return words + (f"; {before.rpartition('; ')[2]}{short}" if found else "")

    def rows(self, facts: Facts, rows: list[tuple[Any, ...]]) -> None:
        people = Counter(o for _, o in pairs(facts))
        last = [row for row in rows if row[0] == rows[-1][0]]
        assert [row[3] for row in last] == sorted(people.values(), reverse=True)[: len(last)]
        assert len(last) == min(len(people), self.options["top"])
        assert all(people[row[2]] == row[3] for row in last)

    def labels(self, facts: Facts, texts: list[str]) -> None:
        if people := Counter(o for _, o in pairs(facts)):
            assert num(max(people.values())) in texts
