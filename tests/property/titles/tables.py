"""`health`, `recipients`, `organisations`, `what_if`, `event_activity` and `year_over_year`."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

import pytest

from hubbub.run.runner import Runner
from hubbub.times import iso
from tests.property.titles.evenness import hill
from tests.property.titles.facts import Facts, actions, floor, following, half_of, ranked, touched
from tests.property.titles.worlds import DAY, HOUR, WEEK, World


def asked(world: World) -> tuple[dict[str, Any], Facts]:
    """The range as a query is asked for it, and its facts."""
    _, until = world.range
    if world.since is None:
        return {}, Facts(world, world.messages[0].time, until)
    return {"since": world.since, "until": until}, Facts(world, world.since, until)


def health(runner: Runner, world: World) -> None:
    options, facts = asked(world)
    window = (facts.until - facts.since) / 2 if world.seed % 2 else WEEK
    window = min(window, 13 * WEEK)
    result = runner.query("health", **options, **({} if world.seed % 2 else {"window": "7d"}))
    number = (facts.until - facts.since) // window
    begin = facts.until - number * window
    windows = [facts.between(begin + i * window, begin + (i + 1) * window) for i in range(number)]
    if not any(w.counts for w in windows):
        assert result.data == []
        return
    middle = max(1, number // 2)
    look_back = begin + middle * window - facts.since
    starts = {u: sorted(run[0] for run in runs) for u, runs in actions(facts).items()}
    assert len(result.data) == number
    for i, (row, w) in enumerate(zip(result.data, windows, strict=True)):
        counts = sorted(w.counts.values(), reverse=True)
        people, before = set(w.counts), set(windows[i - 1].counts) if i else set()
        seen = set(facts.between(max(facts.since, w.since - look_back), w.since).counts)
        told = i >= middle
        pauses = [_pause([t for t in mine if w.since <= t < w.until]) for mine in starts.values()]
        known = [pause for pause in pauses if pause is not None]
        assert (row["people"], row["messages"]) == (len(people), sum(counts))
        assert row["absence_factor"] == (half_of(counts) if counts else None)
        value = (
            hill(counts, [[1] * c for c in counts], counts.count(1) / sum(counts))
            if counts
            else None
        )
        assert row["effective_people"] == pytest.approx(value)
        assert row["new"] == (len(people - seen - before) if told else None)
        assert row["returning"] == (len((people & seen) - before) if told else None)
        assert row["continuing"] == (len(people & before) if i else None)
        assert row["drifting"] == (len(before - people) if i else None)
        assert row["hours_between_actions"] == pytest.approx(median(known) if known else None)


def _pause(starts: list[datetime]) -> float | None:
    pauses = [(b - a) / HOUR for a, b in pairwise(starts)]
    return median(pauses) if pauses else None


def recipients(runner: Runner, world: World) -> None:
    options, facts = asked(world)
    per = "mwd"[world.seed % 3]
    result = runner.query("recipients", per=per, **options)
    unit = {"m": "month", "w": "week", "d": "day"}[per]
    cells: dict[tuple[datetime, str], list[str]] = {}
    for m in facts.messages:
        for touched_one in m.objects if facts.who(m) else ():
            cells.setdefault((floor(m.time, unit), touched_one), []).extend(facts.who(m))
    expected = [
        ((following(start, unit) - DAY).date().isoformat(), name, len(set(who)), len(who))
        for (start, name), who in cells.items()
    ]
    expected.sort(key=lambda row: (row[0], -row[2], row[1]))
    assert [tuple(row.values()) for row in result.data] == expected


def organisations(runner: Runner, world: World) -> None:
    """Without a file of affiliations nobody's organisation is known."""
    options, facts = asked(world)
    result = runner.query("organisations", **options)
    expected = []
    for start, end in touched(facts.since, facts.until, "month"):
        month = facts.between(max(start, facts.since), min(end, facts.until))
        if month.counts:
            label = (end - DAY).date().isoformat()
            expected.append((label, "unknown", len(month.counts), month.naming, 1.0))
    assert [tuple(row.values()) for row in result.data] == expected


def what_if(runner: Runner, world: World) -> None:
    options, facts = asked(world)
    if not facts.counts:
        return
    gone = ranked(facts.counts)[0][0]
    result = runner.query("what_if", without=[gone], **options)
    naming = [m for m in facts.messages if facts.who(m)]
    theirs = [m for m in naming if gone in facts.who(m)]
    lost = [m for m in theirs if facts.who(m) == (gone,)]
    said = {name: result.diagnostics[name] for name in ("messages", "theirs", "lost")}
    assert said == {"messages": len(naming), "theirs": len(theirs), "lost": len(lost)}
    rows = {(row["kind"], row["name"]): row for row in result.data}
    for kind, names in (("category", {m.category for m in theirs}), ("object", _objects(theirs))):
        assert {name for k, name in rows if k == kind} == names
        for name in names:
            here = [
                m for m in naming if name in ((m.category,) if kind == "category" else m.objects)
            ]
            others = Counter(u for m in here for u in facts.who(m) if u != gone)
            row = rows[kind, name]
            with_them = [m for m in here if gone in facts.who(m)]
            only = [m for m in with_them if facts.who(m) == (gone,)]
            assert (row["messages"], row["theirs"]) == (len(here), len(with_them))
            assert (row["lost"], row["others"]) == (len(only), len(others))
            assert row["share"] == pytest.approx(len(with_them) / len(here))
            assert row["known_by"] == [u for u, _ in ranked(others)[:3]]
            last = max((m.time for m in here if set(facts.who(m)) - {gone}), default=None)
            assert row["last_other"] == (None if last is None else iso(last))


def _objects(messages: Any) -> set[str]:
    return {o for m in messages for o in m.objects}


def event_activity(runner: Runner, world: World) -> None:
    options, facts = asked(world)
    room = facts.until - facts.since
    start = facts.since + timedelta(seconds=int(room.total_seconds() * 0.6))
    end = start + max(
        timedelta(seconds=int(room.total_seconds() / (5, 2, 9)[world.seed % 3])), HOUR
    )
    result = runner.query("event_activity", from_=iso(start), to=iso(end), **options)
    if not facts.messages:
        assert result.data == []
        return
    length = end - start
    edges = {
        "before": (start - length, start),
        "during": (start, end),
        "after": (end, end + length),
    }
    look_back: timedelta | None = start - length - facts.since
    told = {"before", "during", "after"}
    if look_back is not None and look_back < length:
        look_back, told = start - facts.since, {"during", "after"}
        if look_back < length:
            look_back, told = None, set()

    def people(a: datetime, b: datetime) -> set[str]:
        inside = facts.between(max(a, facts.since), min(b, facts.until))
        return set(inside.counts) if inside.since < inside.until else set()

    def new(a: datetime, b: datetime) -> set[str]:
        return people(a, b) - people(a - (look_back or timedelta(0)), a)

    for row in result.data:
        a, b = edges[row["phase"]]
        messages = sum(a <= m.time < b for m in facts.messages)
        whole = facts.since <= a and b <= facts.until
        assert (row["users"], row["messages"]) == (len(people(a, b)), messages)
        assert row["complete"] is whole
        assert row["per_day"] == pytest.approx(messages / ((b - a) / DAY) if whole else None)
        assert row["newcomers"] == (len(new(a, b)) if row["phase"] in told else None)
        assert row["of_users"] == len(people(a, b) & people(start, end))
        stayed = len(people(a, b) & new(start, end)) if told else None
        assert row["of_newcomers"] == stayed


def year_over_year(runner: Runner, world: World) -> None:
    options, facts = asked(world)
    result = runner.query("year_over_year", **options)
    since = facts.since
    if world.since is None and world.range[0] <= floor(since, "week"):
        since = floor(since, "week")
    weeks = {}
    for start, end in touched(since, facts.until, "week"):
        if since <= start and end <= facts.until:
            week = facts.between(start, end)
            weeks[start.isocalendar()[:2]] = (len(week.messages), len(week.counts))
    expected = []
    for (year, number), (sent, people) in weeks.items():
        sent_before, people_before = weeks.get((year - 1, number), (None, None))
        change = sent / sent_before - 1 if sent_before else None
        expected.append((number, year, sent, people, sent_before, people_before, change))
    if not any(sent for sent, _ in weeks.values()):
        expected = []
    said = [tuple(v for name, v in row.items() if name != "start") for row in result.data]
    assert said == sorted(expected)


CHECKS = (health, recipients, organisations, what_if, event_activity, year_over_year)
