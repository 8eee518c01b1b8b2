"""Starts of actions and pauses are the same from the kept table as from the events."""

import random
import shutil
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ibis import _

from hubbub.store import Selection, Store
from hubbub.store.maintenance import compaction
from hubbub.store.maintenance.retention import prune
from hubbub.store.maintenance.verify import verify
from hubbub.store.privacy.forget import forget
from hubbub.store.query.actions.intervals import Intervals
from hubbub.store.query.actions.kept import KeptActions, sizes
from hubbub.store.query.actions.starts import (
    action_days,
    action_pauses,
    action_sizes,
    action_starts,
)
from hubbub.store.query.identity import merge
from hubbub.store.rollups import refresh
from hubbub.store.rollups.details import build_next, missing
from hubbub.store.rollups.refresh import DAY, HOUR
from hubbub.times import from_micros
from tests.support.stores.rollup_events import START, add, make

MINUTE = 60_000_000
ALWAYS = Intervals(-(2**61), 2**62)


def rows(table: Any) -> list[tuple[Any, ...]]:
    return sorted(tuple(row.values()) for row in table.to_pyarrow().to_pylist())


def both_ways(
    store: Store, chosen: Selection, *, kept: bool = True, within: Intervals | None = None
) -> list[Any]:
    """Compare starts and pauses with those from events, and return them.

    `within`: whether the table is read or not; and also pauses of a part, in these intervals.
    """
    answers = []
    for direct in (False, True):
        events = store.events(chosen)
        if direct:
            events.rollups = None
        elif within is None:
            assert (KeptActions.of(events) is not None) == kept
        tables = [action_starts(events), action_pauses(events, ALWAYS), action_sizes(events)]
        days = [action_days(events, START + DAY + HOUR, 7 * DAY)]
        if within is not None:
            tables.append(action_pauses(events, within))
            days.append(action_days(events, within.origin, within.size, START + DAY))
            some = action_sizes(events).filter(_.messages > 1).select("user").distinct()
            for few in (False, True):
                less = some.mutate(interval=within.of(START + DAY + ibis.literal(1, "int64")))
                pauses = action_pauses(events, within, less, few=few)
                tables.append(pauses.anti_join(less, ["user", "interval"]))
        answers.append([*map(rows, tables), *(summed(table) for table in days)])
    assert answers[0] == answers[1]
    return answers[0]


def summed(table: Any) -> tuple[Any, Any]:
    """Add up the rows of `action_days` that belong together; and when the first action starts."""
    sums: defaultdict[Any, Counter[str]] = defaultdict(Counter)
    starts: defaultdict[Any, list[int | None]] = defaultdict(list)
    for row in table.to_pyarrow().to_pylist():
        key = tuple(row[name] for name in ("user", "interval", "day", "shown"))
        sums[key].update({name: row[name] for name in ("actions", "x", "y")})
        sums[key]["hours"] |= row["hours"]
        starts[key[:2]].append(row["first"])
    firsts = {key: min(filter(None, times), default=None) for key, times in starts.items()}
    return {key: total for key, total in sums.items() if total["actions"]}, firsts


def actions(store: Store) -> Any:
    (table,) = (rollup for rollup in store.rollups if rollup.name == "actions")
    return table


USERS = st.sampled_from(["ann", "bob", "bot-x", "cy"])
#: Close to midnight and to each other, far apart, and anywhere.
TIME = st.one_of(
    st.integers(-30, 30).map(lambda n: n * MINUTE),
    st.integers(-3, 3).flatmap(lambda d: st.integers(-25, 25).map(lambda n: d * DAY + n * MINUTE)),
    st.integers(-40 * DAY, 40 * DAY),
)
EVENT = st.tuples(
    TIME,
    st.lists(USERS, unique=True, max_size=3),
    st.lists(st.sampled_from(["x", "y"]), unique=True, max_size=2),
    st.sampled_from(["git", "x"]),
)
EDGE = st.none() | TIME.map(lambda n: START + n)
FILTERS: Any = [
    {},
    {"bots": False, "bot_names": ("bot-*",)},
    {"not_user": ("ann",)},
    {"category": ("git",)},
    {"user": ("b*",)},
    {"by": "agent"},
]


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(
    commits=st.lists(st.lists(EVENT, min_size=5, max_size=25), min_size=1, max_size=4),
    counted=st.sets(st.integers(0, 3)),
    compact=st.booleans(),
    edges=st.tuples(EDGE, EDGE),
    filters=st.sampled_from(FILTERS),
    merged=st.sampled_from([(), ("bob",), ("ann", "bot-x")]),
    within=st.sampled_from(
        [ALWAYS, Intervals(START + DAY - HOUR, 3 * DAY, 4), Intervals(0, HOUR, 10**6)]
    ),
)
def test_the_same_actions_as_in_the_events(
    tmp_path_factory: pytest.TempPathFactory, commits: list[list[Any]], counted: set[int],
    compact: bool, edges: tuple[int | None, int | None], filters: Any, merged: tuple[str, ...],
    within: Intervals,
) -> None:  # fmt: skip
    with Store.open(tmp_path_factory.mktemp("acts") / "store") as store:
        n = 0
        for number, commit in enumerate(commits):
            events = []
            for time, users, objects, category in commit:
                n += 1
                events.append(make(n, time, agent=users[0] if users else None, category=category,
                                   users=tuple(sorted(users)), objects=tuple(objects)))  # fmt: skip
            add(store, *events)
            if number in counted:
                refresh.catch_up(store)
        if compact:
            compaction.compact(store)
        for account in merged:
            merge(store.state, account, "cy", who="x", why="y", time=START)
        since, until = edges
        if since is not None and until is not None and since > until:
            since, until = until, since
        both_ways(store, Selection(since=since, until=until, **filters), within=within)


def test_the_table_is_read(store: Store) -> None:
    """A row that is only in the table is in the result."""
    add(store, make(0, users=("ann",)), make(1, DAY, users=("ann",)))
    refresh.catch_up(store)
    table = actions(store)
    add(store, make(2, 2 * DAY, users=("ann",)))
    table.append_rows(list(table.parts(table.count([store.table.files()[-1].uri], 0))), 2)
    again = table.count([store.table.files()[0].uri], 0)
    moved = again.set_column(1, again.schema.field("user"), [["zoe"] * again.num_rows])
    add(store, make(3, 3 * DAY, users=("ann",)))
    table.append_rows(list(table.parts(moved)), 3)
    starts = rows(action_starts(store.events()))
    assert [user for user, _ in starts] == ["ann"] * 3 + ["zoe"] * 2


@pytest.mark.parametrize(
    ("minutes", "actions_of_ann"),
    [((-5, 5), 1), ((-5, 6), 2), ((-30, -20, -10, 0, 10), 1), ((-1, 0, 9, 25), 2)],
)
def test_midnight_does_not_cut_an_action(
    store: Store, minutes: tuple[int, ...], actions_of_ann: int
) -> None:
    for n, minute in enumerate(minutes):
        add(store, make(n, minute * MINUTE, users=("ann",)))
    refresh.catch_up(store)
    starts, *_ = both_ways(store, Selection())
    assert len(starts) == actions_of_ann
    first = min(minute for minute in minutes if minute > 0)
    cut = both_ways(store, Selection(since=START + MINUTE))[0]
    assert cut[0] == ("ann", START + first * MINUTE), "what was before the range does not count"


def test_messages_at_one_time_are_one_action() -> None:
    """Five messages at each of many times, an hour apart; the engine chooses their order."""
    runs = [(f"u{n % 5}", n * HOUR) for n in range(3_000)] * 5
    random.Random(1).shuffle(runs)
    users, starts = (list(column) for column in zip(*runs, strict=True))
    fixed = {"target": ["x"] * len(runs), "messages": [1] * len(runs)}
    table = ibis.memtable({"user": users, "start": starts, "end": starts, **fixed})
    assert rows(sizes(table)) == [(f"u{n}", 5, 600) for n in range(5)]


def test_events_without_users_have_no_actions(store: Store) -> None:
    add(store, make(0, users=()))
    refresh.catch_up(store)
    assert both_ways(store, Selection(), kept=False) == [[], [], [], ({}, {})]
    assert verify(store).clean
    add(store, make(1, users=("ann",)))
    refresh.rebuild(store)
    assert len(both_ways(store, Selection())[0]) == 1


def test_a_late_event_joins_two_actions(store: Store) -> None:
    add(store, make(0, users=("ann",)), make(1, 15 * MINUTE, users=("ann",)))
    refresh.catch_up(store)
    assert len(both_ways(store, Selection())[0]) == 2
    add(store, make(2, 8 * MINUTE, users=("ann",)))
    assert len(both_ways(store, Selection())[0]) == 1, "read from its own file"
    refresh.catch_up(store)
    assert len(both_ways(store, Selection())[0]) == 1, "in two files of the table"
    compaction.fold(actions(store), actions(store).files())
    assert len(both_ways(store, Selection())[0]) == 1
    assert sum(file.rows for file in actions(store).files()) == 1
    assert verify(store).clean


def test_retention_deletes_the_actions_of_deleted_events(store: Store) -> None:
    add(store, *(make(n, n * 9 * HOUR, users=("ann",)) for n in range(12)))
    refresh.catch_up(store)
    now = datetime(2026, 1, 19, tzinfo=UTC)
    prune(store, now=now, events=timedelta(days=2, hours=5), bodies=None)
    starts = both_ways(store, Selection())[0]
    assert [start for _, start in starts] == [START + n * 9 * HOUR for n in range(5, 12)]
    assert verify(store).clean
    assert min(file.first for file in actions(store).files()) >= START + DAY
    add(store, make(50, -20 * DAY, users=("ann",)))  # late, from before the cut: it is stored
    refresh.catch_up(store)
    assert len(both_ways(store, Selection())[0]) == 8
    assert verify(store).clean


def test_forgetting_reaches_the_actions(store: Store) -> None:
    add(store, make(0, users=("alice", "bob"), objects=("alice", "z")), make(1, DAY, users=()))
    add(store, make(2, 2 * DAY, users=("bob",), objects=("z-alice",)))
    refresh.catch_up(store)
    (pseudonym,) = forget(store, "alice").pseudonyms
    for path in (store.path / "rollups").rglob("*"):
        assert not path.is_file() or b"alice" not in path.read_bytes(), path
    assert {user for user, _ in both_ways(store, Selection())[0]} == {"bob", pseudonym}
    assert verify(store).clean


def test_verify_finds_wrong_actions(store: Store) -> None:
    add(store, make(0, users=("ann",)))
    refresh.catch_up(store)
    table = actions(store)
    wrong = table.count([store.table.files()[0].uri], 0)
    add(store, make(1, DAY, users=("ann",)))
    refresh.catch_up(store)
    add(store, make(2, DAY, users=("ann",)))
    table.append_rows(list(table.parts(wrong)), store.table.version())
    assert [fault.part for fault in verify(store).faults] == ["actions"]
    assert verify(store, repair=True).repaired
    assert verify(store).clean
    both_ways(store, Selection())


def test_a_store_of_an_older_version_gets_the_table(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is built the events answer; a large store builds it as a step of maintenance."""
    from hubbub.store.maintenance.scheduler import Scheduler

    for n in range(3):
        add(store, make(n, n * HOUR, users=("ann",)))
    monkeypatch.setattr(refresh, "CHUNK", 2)
    older = [rollup for rollup in store.rollups if rollup.outlives]
    store.__dict__["rollups"] = tuple(older)
    refresh.catch_up(store)
    del store.__dict__["rollups"]
    both_ways(store, Selection(), kept=False)
    add(store, make(9, 9 * HOUR, users=("ann",)))
    refresh.catch_up(store)
    assert missing(store) == [rollup for rollup in store.rollups if not rollup.outlives]
    both_ways(store, Selection(), kept=False)
    assert verify(store).clean
    steps = len(missing(store))
    assert all(Scheduler(store).step() for _ in range(steps))
    assert not missing(store)
    assert len(both_ways(store, Selection())[0]) == 4
    add(store, make(10, 20 * HOUR, users=("ann",)))
    refresh.catch_up(store)
    assert len(both_ways(store, Selection())[0]) == 5
    assert verify(store).clean


def test_a_table_is_built_a_month_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can be stopped; what happens to the events of a month that is built is counted, too."""
    add(store, *(make(n, n * 20 * DAY, users=("ann",)) for n in range(5)))  # four months
    older = [rollup for rollup in store.rollups if rollup.outlives]
    store.__dict__["rollups"] = tuple(older)
    refresh.catch_up(store)
    del store.__dict__["rollups"]
    monkeypatch.setattr(refresh, "CHUNK", 2)
    polled = iter([False, False, True])
    assert build_next(store, stop=lambda: next(polled)) is not None
    assert build_next(store, stop=lambda: next(polled)) is None
    assert len(actions(store).files()) == 1
    assert not actions(store).batch()
    both_ways(store, Selection(), kept=False)
    add(store, make(9, HOUR, users=("ann",)))
    refresh.catch_up(store)
    rounds = 0
    while build_next(store) is not None:
        rounds += 1
    tables = sum(not rollup.outlives for rollup in store.rollups)
    assert rounds == 4 * tables, "the first month again, and the other three"
    assert len(both_ways(store, Selection())[0]) == 6
    assert verify(store).clean


def test_a_month_of_which_retention_deletes_a_file_is_built_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n, day in enumerate((0, 2, 40)):
        add(store, make(n, day * DAY, users=("ann",)))
    store.__dict__["rollups"] = tuple(rollup for rollup in store.rollups if rollup.outlives)
    refresh.catch_up(store)
    del store.__dict__["rollups"]
    monkeypatch.setattr(refresh, "CHUNK", 2)
    assert build_next(store) is not None
    prune(store, now=from_micros(START + DAY), events=timedelta(0), bodies=None)
    while build_next(store) is not None:
        pass
    assert len(both_ways(store, Selection())[0]) == 2
    assert verify(store).clean


def test_a_table_with_other_columns_is_built_again(store: Store) -> None:
    class Older(type(actions(store))):  # type: ignore[misc]
        """As the first version had it."""

        schema = actions(store).schema.remove(actions(store).schema.get_field_index("later"))

    add(store, make(0, users=("ann",)))
    refresh.catch_up(store)
    older = Older(actions(store).folder)
    shutil.rmtree(older.folder)
    older.ensure()
    assert actions(store).batch() == 0
    both_ways(store, Selection(), kept=False)
    refresh.catch_up(store)
    assert len(both_ways(store, Selection())[0]) == 1
    assert verify(store).clean
