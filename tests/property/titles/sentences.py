"""The sentences of `briefing`, and of the report's comparison with the time before."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta

from hubbub.charts.report import comparison
from hubbub.run.runner import Runner
from tests.property.titles.facts import Facts, badge, floor, touched
from tests.property.titles.tables import asked
from tests.property.titles.wording import listed, many, num, pct, range_of, signed
from tests.property.titles.worlds import DAY, WEEK, World

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def briefing(runner: Runner, world: World) -> None:
    options, facts = asked(world)
    result = runner.query("briefing", **options)
    since = facts.since
    if world.since is None and world.range[0] <= floor(since, "day"):
        since = floor(since, "day")
    whole = [a for a, b in touched(since, facts.until, "day") if since <= a and b <= facts.until]
    if not whole or not facts.messages:
        assert result.data == []
        assert ("note" in result.diagnostics) is not bool(whole)
        return
    day, begin = whole[-1], max(since, floor(facts.messages[0].time, "day"))
    assert result.diagnostics["text"].split("\n") == _sentences(facts, day, begin)


def _sentences(facts: Facts, day: datetime, begin: datetime) -> list[str]:
    weekday = WEEKDAYS[day.weekday()]
    weeks = [day - k * WEEK for k in range(1, 5) if day - k * WEEK >= begin]
    yesterday = [day - DAY] if day - DAY >= begin else []
    others = [*yesterday, *weeks]
    look_back = (day - begin) // DAY - max(((day - other) // DAY for other in others), default=0)
    equal = look_back >= 28
    if not equal:
        look_back = max(0, -((begin - day) // DAY))

    def new(start: datetime) -> int:
        before = facts.between(max(facts.since, start - look_back * DAY), start)
        return len(set(_day(facts, start).counts) - set(before.counts))

    def told(what: str, value: int, then: int | None, usual: float | None) -> str:
        parts = [f"{value:,} {what}"]
        parts += _compared(value, then, "the day before")
        parts += _compared(value, usual, f"on a usual {weekday}")
        return ", ".join(parts)

    def numbers(count: object) -> tuple[int, int | None, float | None]:
        assert callable(count)
        usual = sum(count(week) for week in weeks) / len(weeks) if weeks else None
        return count(day), count(day - DAY) if yesterday else None, usual

    lines = [f"{weekday}, {day:%Y-%m-%d} (UTC)"]
    messages = numbers(lambda d: len(_day(facts, d).messages))
    lines.append(told(_noun("messages", messages[0]), *messages))
    users = numbers(lambda d: len(_day(facts, d).counts))
    lines.append(told(_noun("users", users[0]), *users))
    newcomers = numbers(new) if equal else (new(day), None, None)
    known = "day" if look_back == 1 else f"{look_back:,} days"
    noun = _noun("new users", newcomers[0])
    lines.append(
        told(f"{noun} (not seen in the {known} before)" if look_back else noun, *newcomers)
    )
    objects = numbers(lambda d: len({o for m in _day(facts, d).messages for o in m.objects}))
    lines.append(told(_noun("objects", objects[0]), *objects))
    categories = []
    for category in sorted({m.category for d in (day, *others) for m in _day(facts, d).messages}):
        of = numbers(lambda d, c=category: sum(m.category == c for m in _day(facts, d).messages))
        reference = of[2] if of[2] is not None else of[1]
        apart = 0 if reference is None else abs(of[0] - reference)
        if apart:
            categories.append((-apart, category, of))
    for _, category, of in sorted(categories, key=lambda row: row[:2])[:5]:
        lines.append(told(f"{_noun('messages', of[0])} of {category}", *of))
    if not weeks:
        lines.append(f"not enough data to say what is usual on a {weekday}")
    return lines


def _day(facts: Facts, start: datetime) -> Facts:
    return facts.between(start, start + DAY)


def _noun(plural: str, n: int) -> str:
    return plural[:-1] if n == 1 else plural


def _compared(value: int, other: float | None, when: str) -> list[str]:
    if other is None:
        return []
    if not other:
        return [f"none {when}" if value else f"as {when}"]
    quoted = f"{other:,.1f}".removesuffix(".0")
    change = round(abs(value / other - 1) * 100)
    if value == other:
        return [f"as many as {when} ({quoted})"]
    if not change:
        return [f"about as many as {when} ({quoted})"]
    if value < other:
        change = min(change, 99 if value else 100)
    return [f"{change:,} % {'more' if value > other else 'fewer'} than {when} ({quoted})"]


def compared(runner: Runner, world: World) -> None:
    """The second half of a range against the first."""
    if world.since is None:
        return
    since, until = world.range
    middle = since + timedelta(minutes=int((until - since) / timedelta(minutes=1)) // 2)
    until = middle + (middle - since)
    before = comparison.before(middle, until)
    assert before == (since, middle)
    now, then = comparison.numbers(runner, middle, until), comparison.numbers(runner, *before)
    said = comparison.changes(now, then, *before)
    facts, old = Facts(world, middle, until), Facts(world, since, middle)
    if not old.messages:
        when = range_of(*before)
        nothing = "so there is nothing to compare."
        assert said == [f"Nothing is stored of the time before, {when}, {nothing}"]
        return
    first = f"Compared with {range_of(*before)}."
    if missing := badge(old):
        first += f" Of that time: {missing[0].lower()}{missing[1:]}."
    people = len(facts.counts), len(old.counts)
    sent = len(facts.messages), len(old.messages)
    expected = [
        first,
        f"{many(sent[0], 'message')}, {_changed(*sent)}.",
        f"{many(people[0], 'person', 'people')}, {_changed(*people)}.",
    ]
    if len(said) > 3 and said[3].startswith("As if"):
        assert re.fullmatch(
            r"As if [\d.]+ people shared the work equally, before [\d.]+: "
            r"(clearly (more|fewer)|no clear change, the intervals overlap)\.",
            said[3],
        )
        expected.append(said[3])
    moved = Counter(m.category for m in facts.messages)
    moved.subtract(m.category for m in old.messages)
    most = sorted((c for c in moved if moved[c]), key=lambda c: (-abs(moved[c]), c))[:3]
    if most:
        parts = [f"{category} {signed(moved[category])}" for category in most]
        expected.append(f"Changed most: {listed(parts)} messages.")
    assert said == expected


def _changed(now: int, then: int) -> str:
    if now == then:
        return "as many as before"
    share = pct(abs(now - then) / then) if then else num(abs(now - then))
    than = f"than {num(then)}" if then else "than nothing"
    return f"{share} {'more' if now > then else 'fewer'} {than}"


CHECKS = (briefing, compared)
