"""Queries in a time zone, against plain Python over the events; and rollups against events."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hubbub.collector.event import Event
from hubbub.run.runner import CommonOptions, Runner
from hubbub.store import Selection, Store
from hubbub.store.rollups import refresh
from hubbub.times import from_micros, to_micros
from hubbub.zones import find
from tests.support.examples import examples
from tests.support.stores.rollup_events import NAMES, START, add, make

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MICRO = timedelta(microseconds=1)
#: Zones, each with days on which its clocks change, or others.
ZONES = {
    "Europe/Berlin": ["2026-03-29", "2026-10-25"],
    "Asia/Kathmandu": ["2026-03-01"],
    "America/St_Johns": ["2026-03-08", "2026-11-01"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],
    "Pacific/Kiritimati": ["2026-01-01"],
    "America/Santiago": ["2026-04-05", "2026-09-06"],  # at midnight
    "Asia/Kolkata": ["2026-12-31"],
    "UTC": ["2026-03-29"],
}
USERS = ("ann", "bob", "cy", "dee")


@st.composite
def worlds(draw: st.DrawFn) -> tuple[str, datetime, list[Event]]:
    """A zone, the midnight of one of its days, and events of some days around it."""
    name = draw(st.sampled_from(sorted(ZONES)))
    midnight = datetime.fromisoformat(draw(st.sampled_from(ZONES[name])))
    near = st.integers(-4, 30).map(lambda n: n * 900) | st.integers(-9 * 86_400, 9 * 86_400)
    times = draw(st.lists(st.tuples(near, st.sampled_from([-1, 0, 1])), min_size=1, max_size=40))
    start = to_micros(midnight.replace(tzinfo=ZoneInfo(name)))
    events = []
    for n, (seconds, micros) in enumerate(times):
        users = draw(st.lists(st.sampled_from(USERS), unique=True, max_size=3))
        when = start + seconds * 1_000_000 + micros
        topic = draw(st.sampled_from(["a.b.prod.git.x", "a.b.prod.wiki.y"]))
        category = topic.split(".")[3]
        events.append(make(n, when - START, users=tuple(users), topic=topic, category=category))
    return name, midnight.replace(tzinfo=ZoneInfo(name)).astimezone(UTC), events


def local(event: Event, name: str) -> datetime:
    return from_micros(event.time).astimezone(ZoneInfo(name))


def hour(when: datetime) -> str:
    """The hour of a clock with its offset: repeated hours differ."""
    return f"{when:%Y-%m-%dT%H}{when:%z}"


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


PERIODS: dict[str, Callable[[datetime], Any]] = {
    "d": lambda t: t.date(),
    "w": lambda t: monday(t.date()),
    "m": lambda t: (t.year, t.month),
    "q": lambda t: (t.year, (t.month - 1) // 3),
    "y": lambda t: t.year,
}


def check(runner: Runner, name: str, events: list[Event]) -> None:
    """Compare the answers with sums in plain Python."""
    zone = ZoneInfo(name)
    sums: Counter[Any] = Counter(local(e, name).date() for e in events)
    rows = runner.query("volume", per="day").data
    got = {datetime.fromisoformat(r["start"]).astimezone(zone).date(): r["messages"] for r in rows}
    assert {day: n for day, n in got.items() if n} == sums
    assert len(got) == len(rows)
    for row in rows:  # with the offset of the zone
        start = datetime.fromisoformat(row["start"])
        assert start.utcoffset() == start.astimezone(zone).utcoffset()
        before = (start - MICRO).astimezone(zone).date()
        assert start.astimezone(zone).date() == before + DAY
    hours: Counter[Any] = Counter(hour(local(e, name)) for e in events)
    rows = runner.query("volume", per="hour").data
    edges = [datetime.fromisoformat(r["start"]) for r in rows]
    assert {hour(t.astimezone(zone)): r["messages"] for t, r in zip(edges, rows, strict=True)
            if r["messages"]} == hours  # fmt: skip
    assert all(a < b <= a + HOUR for a, b in pairwise(edges))
    people: defaultdict[Any, set[str]] = defaultdict(set)
    for event in events:
        people[local(event, name).date()] |= set(event.users)
    rows = runner.query("daily_users", per="day").data
    got = {datetime.fromisoformat(r["start"]).astimezone(zone).date(): r["users"] for r in rows}
    assert {day: n for day, n in got.items() if n} == {d: len(p) for d, p in people.items() if p}
    answer = runner.query("briefing")
    if answer.data:
        day = date.fromisoformat(answer.diagnostics["day"])
        totals = {row["what"]: row["value"] for row in answer.data if row["name"] is None}
        assert totals["messages"] == sums[day]
        assert totals["users"] == len(people[day])
    for per in ("day", "week"):
        changes = runner.query("diff", per=per).data
        for topic, counts in changes["counts"].items():
            for label, n in zip(changes["labels"], counts, strict=True):
                days = [label] if per == "day" else [f"{label}-{n}" for n in range(1, 8)]
                dates = {date.fromisoformat(each) for each in days}
                assert n == sum(e.topic == topic and local(e, name).date() in dates for e in events)
    for per, period in PERIODS.items():
        people.clear()
        for event in events:
            people[period(local(event, name))] |= set(event.users)
        rows = runner.query("active_users", per=per).data
        counted = {period(datetime.fromisoformat(label)): n for label, n in rows if n}
        assert counted == {p: len(users) for p, users in people.items() if users}


@settings(
    max_examples=examples(12),
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(world=worlds(), counted=st.booleans(), shift=st.integers(-8, 8))
def test_periods_are_those_of_plain_python(
    world: tuple[str, datetime, list[Event]], counted: bool, shift: int
) -> None:
    name, midnight, events = world
    with TemporaryDirectory() as path, Store.open(Path(path) / "s") as store:
        add(store, *events)
        if counted:
            refresh.catch_up(store)
        since, until = midnight - (10 + shift / 16) * DAY, midnight + 10 * DAY
        options = CommonOptions(since=since, until=until, tz=name, bots=True)
        inside = [e for e in events if to_micros(since) <= e.time < to_micros(until)]
        check(Runner(store, common=options), name, inside)
        chosen = Selection(since=to_micros(since), until=to_micros(until), zone=find(name))
        for query in NAMES:
            answers = []
            for rollups in (True, False):
                read = store.events(chosen)
                read.rollups = read.rollups if rollups else None
                rows = getattr(read, query)(summed=query != "weekly_users").to_pyarrow().to_pylist()
                period: Callable[[datetime], Any] = (
                    hour if query.startswith("hourly") else datetime.date
                )
                if query == "weekly_users":
                    period = lambda t: (monday(t.date()), t.month)  # noqa: E731
                sums: Counter[Any] = Counter()
                for row in rows:
                    key = period(row["time"].astimezone(ZoneInfo(name)))
                    sums[key, row.get("user", row.get("topic"))] += row["messages"]
                if query != "weekly_users":
                    assert len(sums) == len(rows)
                answers.append(sums)
            assert answers[0] == answers[1]
