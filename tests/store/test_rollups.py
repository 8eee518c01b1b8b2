"""Rollups: the same answers as from events, whatever is killed, forgotten, pruned or late."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hubbub.collector.event import Event
from hubbub.store import Selection, Store, compact, rollups
from hubbub.store.forget import forget
from hubbub.store.retention import prune
from hubbub.store.rollups import DAY, HOUR

Make = Callable[..., Any]
Row = tuple[Any, ...]
START = 1_768_435_200_000_000  # 2026-01-15
NAMES = ("daily_users", "hourly_users", "daily_topics", "weekly_users")


def week(time: datetime) -> datetime:
    """Where the week, or the part of it in this month, began."""
    day = time.replace(hour=0, minute=0, second=0, microsecond=0)
    while day.weekday() and day.day > 1:
        day -= timedelta(days=1)
    return day


def summed(rows: list[Row]) -> list[Row]:
    """A row for each week and user."""
    sums: dict[tuple[Any, str], list[int]] = {}
    for time, user, messages, size in rows:
        found = sums.setdefault((week(time), user), [0, 0])
        found[0], found[1] = found[0] + messages, found[1] + size
    return sorted((*key, *values) for key, values in sums.items())


def answers(store: Store, chosen: Selection, *, direct: bool = False) -> dict[str, list[Row]]:
    """What the four say; `direct`: without the rollups."""
    events = store.events(chosen)
    if direct:
        events.rolled = None
    found = {
        name: sorted(tuple(r.values()) for r in getattr(events, name)().to_pyarrow().to_pylist())
        for name in NAMES
    }
    return {**found, "weekly_users": summed(found["weekly_users"])}


def add(store: Store, *events: Event) -> None:
    """A commit of the loader."""
    store.table.append(list(events), store.table.batch() + 1)


def numbers(store: Store) -> list[int]:
    return [one.batch() for one in store.rollups]


def make(n: int, time: int = 0, **more: Any) -> Event:
    fields: dict[str, Any] = {
        "id": f"e{n}", "time": START + time, "topic": "a.b.prod.git.receive", "category": "git",
        "agent": "alice", "users": ("alice", "bob"), "objects": (), "action": None, "size": 10 + n,
        "source": "s", "seq": n,
    }  # fmt: skip
    return Event(**(fields | more))


def test_sums_by_day_hour_and_topic(store: Store) -> None:
    add(store, make(0), make(1, HOUR, agent="bob"), make(2, DAY - 1, users=(), agent=None))
    add(store, make(3, 5, users=("bob",)), make(4, DAY, topic="x", category="y"))
    rollups.catch_up(store)
    assert numbers(store) == [2, 2, 2, 2]
    day = datetime(2026, 1, 15, tzinfo=UTC)
    found = answers(store, Selection())
    assert found["daily_users"] == [
        (day, "alice", 2, 21), (day, "bob", 3, 34),
        (day + timedelta(days=1), "alice", 1, 14), (day + timedelta(days=1), "bob", 1, 14),
    ]  # fmt: skip
    assert found["hourly_users"][:3] == [
        (day, "alice", 1, 10), (day, "bob", 2, 23), (day + timedelta(hours=1), "alice", 1, 11),
    ]  # fmt: skip
    assert found["daily_topics"] == [
        (day, "a.b.prod.git.receive", "git", 4, 46), (day + timedelta(days=1), "x", "y", 1, 14),
    ]  # fmt: skip
    agents = answers(store, Selection(by="agent"))["daily_users"]
    assert agents[:2] == [(day, "alice", 2, 23), (day, "bob", 1, 11)]


USERS = st.sampled_from(["ann", "bob", "bot-x", "cy"])
EVENT = st.tuples(
    st.integers(-2 * DAY, 2 * DAY) | st.integers(-20 * DAY, 20 * DAY), st.none() | USERS,
    st.lists(USERS, unique=True, max_size=3), st.sampled_from(["a.git.x", "a.wiki.y"]),
    st.integers(0, 99),
)  # fmt: skip
EDGE = st.none() | st.integers(-20, 20).map(lambda n: START + n * DAY) | st.integers(
    START - 3 * DAY, START + 3 * DAY
)  # fmt: skip


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(
    batches=st.lists(st.lists(EVENT, min_size=1, max_size=6), min_size=1, max_size=4),
    counted=st.integers(0, 4), again=st.booleans(), fold=st.booleans(),
    edges=st.tuples(EDGE, EDGE), by=st.sampled_from(["agent", "users"]),
    filters=st.sampled_from([{}, {"bots": False, "bot_names": ("bot-*",)}, {"topic": ("*wiki*",)},
                             {"category": ("git",)}, {"user": ("b*",)}, {"not_user": ("ann",)}]),
)  # fmt: skip
def test_the_same_answer_as_from_events(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Any]], counted: int,
    again: bool, fold: bool, edges: tuple[int | None, int | None], by: Any, filters: Any,
) -> None:  # fmt: skip
    with Store.open(tmp_path_factory.mktemp("roll") / "store") as store:
        n = 0
        for at, batch in enumerate(batches):
            rows = []
            for time, agent, users, topic, size in batch:
                n += 1
                rows.append(make(n, time, agent=agent, users=tuple(sorted(users)), topic=topic,
                                 category=topic.split(".")[1], size=size))  # fmt: skip
            add(store, *rows)
            if at == counted:
                rollups.catch_up(store)
        if again:
            rollups.rebuild(store)
        if fold:
            compact.compact(store)
        since, until = edges
        if since is not None and until is not None and since > until:
            since, until = until, since
        chosen = Selection(since=since, until=until, by=by, **filters)
        assert answers(store, chosen) == answers(store, chosen, direct=True)


def test_rollups_are_really_asked(store: Store) -> None:
    """Whoever changes a rollup behind our back changes the answer."""
    add(store, make(0), make(1, DAY))
    rollups.catch_up(store)
    (one,) = (r for r in store.rollups if r.name == "daily_users")
    (day, *_) = one.parts(one.count([store.table.files()[0].uri], 0))
    add(store, make(2, 2 * DAY))
    one.append_rows([day], 2)
    add(store, make(3, 3 * DAY))
    found = answers(store, Selection())["daily_users"]
    assert [r[2] for r in found] == [2, 2, 2, 2, 1, 1], "twice from the rollup, then its tail"


def test_the_loader_keeps_up_after_some_commits(
    store: Store, frame: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "LAG", 3)
    for n in range(5):
        with store.spool("test") as writer:
            writer.put(frame(n))
        store.load()
        assert answers(store, Selection()) == answers(store, Selection(), direct=True)
    assert numbers(store) == [3, 3, 3, 3]


def test_frozen_days_outlive_their_events(store: Store, frame: Make) -> None:
    for day in range(4):
        add(store, make(2 * day, day * DAY), make(2 * day + 1, day * DAY + 13 * HOUR))
    rollups.catch_up(store)
    before = answers(store, Selection())
    now = datetime(2026, 1, 17, 12, tzinfo=UTC)
    prune(store, now=now + timedelta(days=1), events=timedelta(days=1), bodies=None)
    assert store.rows() == 3
    after = answers(store, Selection())
    assert after["daily_users"] == before["daily_users"], "the days that went, and half of one"
    rest = Selection(since=START + 3 * DAY)
    assert answers(store, rest) == answers(store, rest, direct=True), "what is left"
    half = Selection(since=START + 2 * DAY + 12 * HOUR)
    assert answers(store, half) == answers(store, half, direct=True)
    version = [one.version() for one in store.rollups]
    rollups.catch_up(store)
    assert [one.version() for one in store.rollups] == version
    rollups.rebuild(store)
    assert answers(store, Selection()) == after
    add(store, make(90, -30 * DAY), make(91, DAY))  # late, from before the cut
    assert answers(store, rest) == answers(store, rest, direct=True)
    known = Selection(since=START)
    assert answers(store, known)["daily_users"] == before["daily_users"]
    late = Selection(until=START - 20 * DAY)
    assert answers(store, late) == answers(store, late, direct=True)
    assert answers(store, late)["daily_users"] != []


def test_rollups_outlive_the_last_event(store: Store, frame: Make) -> None:
    for day in range(3):
        add(store, make(2 * day, day * DAY), make(2 * day + 1, day * DAY + 20 * HOUR))
    rollups.catch_up(store)
    chosen = [Selection(), Selection(since=START + DAY), Selection(until=START + 9 * DAY)]
    before = [answers(store, one) for one in chosen]
    prune(store, now=datetime(2027, 1, 1, tzinfo=UTC), events=timedelta(days=1), bodies=None)
    assert store.rows() == 0
    assert [answers(store, one) for one in chosen] == before
    assert before[0]["daily_users"] != []


def test_forgetting_reaches_every_rollup(store: Store, frame: Make) -> None:
    with store.spool("test") as writer:
        for n in range(4):
            writer.put(frame(n, topic=f"org.x.prod.git.branch.alice.{n % 2}"))
    store.load()
    rollups.catch_up(store)
    done = forget(store, "alice")
    for path in (store.path / "rollups").rglob("*"):
        assert not path.is_file() or b"alice" not in path.read_bytes(), path
    assert numbers(store) == [store.table.version()] * 4, "counted, not counted again"
    found = answers(store, Selection())
    assert found == answers(store, Selection(), direct=True)
    assert {r[1] for r in found["daily_users"]} == {"bob", done.pseudonyms[0]}
    assert done.pseudonyms[0] in found["daily_topics"][0][1]


def test_merged_accounts_are_one(store: Store) -> None:
    from hubbub.store.identity import merge

    add(store, make(0), make(1, users=("bob",)), make(2, users=("cy",)))
    rollups.catch_up(store)
    merge(store.state, "bob", "alice", who="x", why="y", time=START)
    found = answers(store, Selection())["daily_users"]
    assert [(r[1], r[2]) for r in found] == [("alice", 2), ("cy", 1)]


def test_a_lost_log_or_table_only_costs_a_count(store: Store) -> None:
    for n in range(3):
        add(store, make(n))
    rollups.catch_up(store)
    add(store, make(3))
    add(store, make(4))
    compact.compact(store)
    compact.clean(store, 0.0)
    assert answers(store, Selection()) == answers(store, Selection(), direct=True), "no tail"
    rollups.catch_up(store)
    assert numbers(store) == [store.table.version()] * 4
    assert answers(store, Selection()) == answers(store, Selection(), direct=True)


CRASH = """
import os, signal, sys
from hubbub.store import Store, delta, rollups

left = int(sys.argv[3])

def dies(owner, name, after):
    real = getattr(owner, name)
    def call(*args, **kwargs):
        global left
        left -= 1
        if left == 0 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **kwargs)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(owner, name, call)

{
    "before a commit": lambda: dies(rollups.Rollup, "append_rows", False),
    "after a commit": lambda: dies(rollups.Rollup, "append_rows", True),
    "before the log is synced": lambda: dies(delta.Table, "_sync_log", False),
    "after a file": lambda: dies(delta.DataFile, "close", True),
    "before a replacement": lambda: dies(delta.Table, "replace", False),
    "after a replacement": lambda: dies(delta.Table, "replace", True),
}[sys.argv[2]]()
store = Store.open(sys.argv[1])
(rollups.rebuild if "replacement" in sys.argv[2] else rollups.catch_up)(store)
raise SystemExit("it did not die")
"""


@pytest.mark.parametrize(
    ("place", "nth"),
    [("before a commit", 2), ("after a commit", 2), ("before the log is synced", 2),
     ("after a file", 2), ("before a replacement", 2), ("after a replacement", 2)],
)  # fmt: skip
def test_a_count_that_is_killed_counts_nothing_twice(store: Store, place: str, nth: int) -> None:
    add(store, make(0), make(1, DAY))
    rollups.catch_up(store)
    add(store, make(2), make(3, DAY))
    add(store, make(4, HOUR))
    done = subprocess.run(
        [sys.executable, "-c", CRASH, store.path, place, str(nth)], capture_output=True, check=False
    )
    assert done.returncode == -9, done.stderr.decode()
    direct = answers(store, Selection(), direct=True)
    assert answers(store, Selection()) == direct, "readers meanwhile"
    add(store, make(5))
    direct = answers(store, Selection(), direct=True)
    rollups.catch_up(store)
    assert numbers(store) == [4] * 4
    assert answers(store, Selection()) == direct


def days_and_weeks(store: Store) -> tuple[rollups.Rollup, rollups.Rollup]:
    found = {one.name: one for one in store.rollups}
    return found["daily_users"], found["weekly_users"]


def test_weeks_end_with_their_month_and_follow_the_days(store: Store) -> None:
    """A store of before there were weeks, and a run that died between days and weeks."""
    for n in (0, 20):
        some = range(n, n + 20)
        add(store, *(make(m, m * DAY, users=("ann",), agent=None) for m in some))
    rollups.catch_up(store)
    days, weeks = days_and_weeks(store)
    starts = [f"{t:%m-%d}" for t in weeks.combined(rows_of(weeks))["time"].to_pylist()]
    assert starts == ["01-12", "01-19", "01-26", "02-01", "02-02", "02-09", "02-16", "02-23"]
    shutil.rmtree(weeks.folder)
    weeks.entries.forget()
    assert answers(store, Selection()) == answers(store, Selection(), direct=True)
    rollups.catch_up(store)
    assert numbers(store) == [2] * 4
    add(store, make(40, 3 * DAY))
    days.append_rows(list(days.parts(days.count(store.table.added(3, 3), 0))), 3)
    assert answers(store, Selection()) == answers(store, Selection(), direct=True)
    add(store, make(41, 4 * DAY))
    rollups.catch_up(store)
    assert numbers(store) == [4] * 4
    assert answers(store, Selection()) == answers(store, Selection(), direct=True)


def test_weeks_of_which_retention_took_a_part_stay_the_sums_of_the_days(store: Store) -> None:
    add(store, *(make(n, n * DAY // 2) for n in range(40)))
    rollups.catch_up(store)
    before = answers(store, Selection())
    for hour in (0, 5):  # a cut between two days, and within one: Wednesday, January 21
        now = datetime(2026, 1, 22, hour, tzinfo=UTC)
        prune(store, now=now, events=timedelta(days=1), bodies=None)
        left = answers(store, Selection())
        assert left == before, "also of the day of which retention took a part"
        for since in (5, 6, 7):
            chosen = Selection(since=START + since * DAY)
            found = answers(store, chosen)
            assert found["weekly_users"] == summed(found["daily_users"])
        assert found == answers(store, chosen, direct=True)
        assert left["weekly_users"] == summed(left["daily_users"])
        rollups.rebuild(store)
        assert answers(store, Selection()) == left
        assert not [m for one in store.rollups for m in rollups.differences(store, one)]


def rows_of(table: rollups.Rollup) -> Any:
    return pa.concat_tables(
        [pq.read_table(f.uri, partitioning=None).cast(table.schema) for f in table.files()]
    )


def test_an_empty_store(store: Store) -> None:
    rollups.catch_up(store)
    rollups.rebuild(store)
    assert answers(store, Selection()) == {name: [] for name in NAMES}


def test_rollups_that_a_kill_left_apart_answer_side_by_side(store: Store) -> None:
    for n in range(3):
        add(store, make(n))
        if not n:
            rollups.catch_up(store)
    (users,) = (one for one in store.rollups if one.name == "daily_users")
    files = store.table.added(2, 2)
    users.append_rows(list(users.parts(users.count(files, 0))), 2)
    assert sorted(numbers(store)) == [1, 1, 1, 2], "from its second, and from their first"
    events = store.events()
    built = {name: getattr(events, name)() for name in NAMES}  # a query asks when it has all
    sums = {name: table.messages.sum().to_pyarrow().as_py() for name, table in built.items()}
    assert sums == {"daily_users": 6, "hourly_users": 6, "daily_topics": 3, "weekly_users": 6}


def test_what_was_asked_of_an_earlier_moment_stays_as_it_was(store: Store) -> None:
    add(store, make(0))
    rollups.catch_up(store)
    for n in range(1, 4):
        add(store, make(n))
    earlier = [getattr(store.events(), name)() for name in NAMES]
    rollups.catch_up(store)
    for one in store.rollups:
        compact.fold(one, one.files())
    again = [getattr(store.events(), name)() for name in NAMES]
    for tables in (again, earlier):
        assert [t.messages.sum().to_pyarrow().as_py() for t in tables] == [8, 8, 4, 8]
