"""Queries give the same results with rollups as without, for all ranges, filters and identities.

The stores hold random events of five weeks. The rollups cover a part of them; the rest is read from
the events. Each query that uses rollups is run both ways.
"""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import ibis
import pytest
from msgspec.structs import replace

from hubbub.analyzers.activity.briefing import briefing
from hubbub.analyzers.activity.volume import diff, volume
from hubbub.analyzers.activity.year_over_year import year_over_year
from hubbub.analyzers.evenness.longtail import longtail, tail
from hubbub.analyzers.people.active_users import active_users, daily_users
from hubbub.analyzers.people.cohorts import cohorts, returning
from hubbub.analyzers.people.health import health
from hubbub.analyzers.people.overload import overload
from hubbub.analyzers.people.what_if import what_if
from hubbub.collector.event import Event
from hubbub.store import Selection, Store
from hubbub.store.maintenance import compaction
from hubbub.store.maintenance.retention import prune
from hubbub.store.privacy.forget import forget
from hubbub.store.query import identity
from hubbub.store.query.events import Events
from hubbub.store.rollups import refresh
from hubbub.times import to_micros

START = datetime(2026, 1, 19, tzinfo=UTC)  # a Monday
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
UNTIL = START + 35 * DAY
USERS = ["ann", "bob", "cy", "dora", "bot-x", "eve"]
TOPICS = ["a.b.prod.git.receive", "a.b.prod.wiki.edit", "a.b.prod.git.tag"]
CUT = START + 9 * DAY + 7 * HOUR + timedelta(microseconds=5)

QUERIES: dict[str, Callable[[Events, datetime, datetime], Any]] = {
    "tail": lambda e, _s, _u: tail(e).to_pyarrow().to_pylist(),
    "daily_users hour": lambda e, s, u: daily_users(e, s, u, per="hour"),
    "daily_users day": daily_users,
    "daily_users week": lambda e, s, u: daily_users(e, s, u, per="week"),
    "active_users d": lambda e, _s, _u: active_users(e, per="d"),
    "active_users w": lambda e, _s, _u: active_users(e),
    "active_users month": lambda e, _s, _u: active_users(e, per="month"),
    "cohorts": lambda e, s, u: cohorts(e, s, u, window=7 * DAY),
    "returning": returning,
    "diff": diff,
    "diff week category": lambda e, s, u: diff(e, s, u, per="week", axis="category"),
    "volume": volume,
    "volume hour": lambda e, s, u: volume(e, s, u, per="hour"),
    "volume week topic": lambda e, s, u: volume(e, s, u, per="week", axis="topic"),
    "year_over_year": year_over_year,
    "health": lambda e, s, u: health(e, s, u, window=7 * DAY),
    "overload": lambda e, s, u: overload(e, s, u, people=True, recent=7 * DAY),
    "what_if": lambda e, _s, _u: what_if(e, ["ann", "b*"]),
    "longtail days": lambda e, s, u: longtail(e, s, u, window=2 * DAY, step=DAY),
    "longtail hours": lambda e, s, u: longtail(e, s, u, window=DAY, step=5 * HOUR),
    "longtail sliding": lambda e, s, u: longtail(e, s, u, window=6 * DAY, step=HOUR),
    "longtail minutes": lambda e, s, u: longtail(e, s, u, window=DAY, step=90 * HOUR / 60),
    "briefing": briefing,
}  # fmt: skip


def some_event(rng: random.Random, n: int) -> Event:
    users = tuple(sorted(rng.sample(USERS, rng.choice([0, 1, 1, 1, 2, 3]))))
    topic = rng.choice(TOPICS)
    # Many are at the edges of days, where off-by-one errors show.
    offset = rng.choice([0, 0, -1, rng.randrange(24 * 3_600_000_000)])
    time = START + rng.randrange(35) * DAY + timedelta(microseconds=offset)
    return Event(
        f"e{n}", to_micros(max(START, time)), topic, topic.split(".")[3],
        rng.choice([None, *USERS[:4]]), users, (rng.choice("xyz"),), None, rng.randrange(99),
        "s", n,
    )  # fmt: skip


def fill(path: Path, seed: int) -> Store:
    """Fill a store with five commits: the third has late events, the last two are not rolled up."""
    rng = random.Random(seed)
    events = sorted((some_event(rng, n) for n in range(300)), key=lambda e: e.time)
    late, events = events[40:60], events[:40] + events[60:]
    store = Store.open(path)
    commits = (events[:120], events[120:200], late, events[200:260], events[260:])
    for number, commit in enumerate(commits):
        store.table.append(commit, number + 1)
        if number in {1, 2}:
            with store.loader_lock():
                refresh.catch_up(store)
    return store


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store of which each test has a copy."""
    folder = tmp_path_factory.mktemp("rolled") / "store"
    fill(folder, 4).close()
    return folder


@pytest.fixture(scope="module")
def stores(filled: Path) -> Iterator[dict[str, Store]]:
    """Stores of the same events: unchanged, compacted, with merged and forgotten accounts."""
    names = ("plain", "compacted", "merged", "forgotten")
    stores = {name: Store.open(copytree(filled, filled.with_name(name))) for name in names}
    compaction.compact(stores["compacted"])
    identity.merge(stores["merged"].state, "bob", "ann", who="x", why="y", time=1)
    forget(stores["forgotten"], "ann")
    yield stores
    for store in stores.values():
        store.close()


def run_both_ways(
    store: Store, name: str, chosen: Selection, since: datetime, until: datetime
) -> Any:
    """Run a query with and without rollups, compare the results and return them."""
    events = store.events(chosen)
    result = QUERIES[name](events, since, until)
    events.rollups = None
    assert result == QUERIES[name](events, since, until), (name, chosen)
    return result


def selection(since: datetime, until: datetime, **filters: Any) -> Selection:
    return Selection(since=to_micros(since), until=to_micros(until), **filters)


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize("which", ["plain", "compacted", "merged", "forgotten"])
def test_the_same_result_with_rollups(which: str, name: str, stores: Any) -> None:
    ranges = [(CUT, UNTIL - 5 * DAY - 3 * HOUR)]  # parts of days at both ends, whole ones between
    if which == "plain":
        ranges.append((START, UNTIL))
    for since, until in ranges:
        assert run_both_ways(stores[which], name, selection(since, until), since, until)


def test_a_range_with_all_events_reads_only_rollups(stores: Any) -> None:
    """Its first and last day contain all events that are stored of these days."""
    store = stores["compacted"]
    with store.loader_lock():
        refresh.catch_up(store)
    oldest, newest = store.bounds()
    for since, cut in ((oldest, False), (oldest + 1, True)):
        chosen = Selection(since=since, until=newest + 1)
        events = store.events(chosen)
        sql = ibis.to_sql(events.daily_users(summed=False))
        assert ("events_" in sql) is cut
        events.rollups = None
        rows = events.daily_users().order_by("time", "user").to_pyarrow()
        assert store.events(chosen).daily_users().order_by("time", "user").to_pyarrow() == rows


@pytest.mark.parametrize("name", QUERIES)
def test_a_range_within_a_day(name: str, stores: Any) -> None:
    run_both_ways(stores["plain"], name, selection(CUT, CUT + 10 * HOUR), CUT, CUT + 10 * HOUR)


@pytest.mark.parametrize("name", ["tail", "daily_users day", "volume", "health", "year_over_year"])
@pytest.mark.parametrize(
    "filters",
    [{"by": "agent"}, {"bots": False}, {"user": ("b*",), "by": "agent"}, {"user": ("ann",)},
     {"not_user": ("ann", "c*")}, {"category": ("git",)}, {"topic": ("*tag",), "bots": False}],
    ids=str,
)  # fmt: skip
def test_the_same_result_with_filters(filters: Any, name: str, stores: Any) -> None:
    run_both_ways(stores["plain"], name, selection(CUT, UNTIL, **filters), CUT, UNTIL)


@pytest.mark.parametrize("name", ["tail", "daily_users day", "volume", "active_users w"])
def test_rollups_are_read(name: str, copied: Store) -> None:
    """Changing the rows of a rollup changes the result."""
    expected = QUERIES[name](copied.events(), START, UNTIL)
    for rollup in copied.rollups:
        counted = rollup.count([copied.table.files()[0].uri], 0)
        [(month, rows)] = list(rollup.parts(counted))[:1]
        rows = rows.set_column(
            *(1, rows.schema.field(1), [["zed"] * rows.num_rows]) if "user" in rows.schema.names
            else (0, rows.schema.field(0), rows["time"])
        )  # fmt: skip
        rollup.append_rows([(month, rows)], rollup.batch() + 1)
    assert QUERIES[name](copied.events(), START, UNTIL) != expected


LATE = ("volume", "tail", "daily_users day", "daily_users hour", "active_users w")


@pytest.fixture(scope="module")
def numbers(stores: dict[str, Store]) -> dict[str, Any]:
    """The results of queries that count no event of a day without rollups."""
    events = stores["plain"].events(selection(START, UNTIL))
    return {name: QUERIES[name](events, START, UNTIL) for name in LATE}


@pytest.mark.parametrize("cut", [0, 7], ids=["at midnight", "within a day"])
@pytest.mark.parametrize("late", [3, 14, -40], ids=["deleted long ago", "just deleted", "new"])
def test_a_late_event_hides_no_day_of_the_rollups(
    copied: Store, numbers: dict[str, Any], late: int, cut: int
) -> None:
    """An event arrives on a day whose events retention deleted, or on one without rollups."""
    prune(copied, now=UNTIL + cut * HOUR, events=20 * DAY, bodies=None)
    time = to_micros(START + late * DAY + 5 * HOUR)
    copied.table.append([replace(some_event(random.Random(1), 1000), time=time)], 6)
    events = copied.events(selection(START, UNTIL))
    assert {name: QUERIES[name](events, START, UNTIL) for name in LATE} == numbers
    # A day without rollups is read from its events.
    messages = copied.events().daily_topics().messages.sum()
    assert messages.to_pyarrow().as_py() == 300 + (late < 0)


def test_after_retention_results_are_the_same(copied: Store) -> None:
    before = {name: QUERIES[name](copied.events(), START, UNTIL) for name in ("volume", "tail")}
    prune(copied, now=UNTIL, events=timedelta(days=20), bodies=None)
    bounds = copied.bounds()
    assert bounds is not None
    assert bounds[0] >= to_micros(START + 15 * DAY)
    since = START + 16 * DAY
    for name in QUERIES:
        run_both_ways(copied, name, selection(since, UNTIL), since, UNTIL)
    after = {name: QUERIES[name](copied.events(), START, UNTIL) for name in before}
    assert after == before, "rollups keep the numbers of deleted events"
