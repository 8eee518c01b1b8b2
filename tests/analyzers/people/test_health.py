"""`health` against loops over plain lists and against small examples."""

import random
import statistics
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.analyzers.evenness.metrics import measure
from hubbub.analyzers.people.health import health
from hubbub.store.query.engine import connect
from hubbub.store.query.events import events as read
from hubbub.store.query.selection import Selection
from tests.support.examples import examples

SINCE, UNTIL = datetime(2015, 9, 7, tzinfo=UTC), datetime(2015, 10, 5, tzinfo=UTC)
WEEK = timedelta(weeks=1)
KINDS = ("new", "continuing", "returning", "drifting")


def act(after, user, topic="t", objects=()):
    stamp = (SINCE + after).timestamp()
    return {"timestamp": stamp, "topic": topic, "users": [user], "objects": list(objects)}


def test_new_continuing_returning_and_drifting_users(events):
    weeks = {"ann": [0, 1, 2, 3], "bob": [0, 2], "cid": [1], "dan": [3], "eve": [0, 3]}
    rows = [act(WEEK * week, user) for user, active in weeks.items() for week in active]
    data, notes = health(events(rows), SINCE, SINCE + 4 * WEEK, window=WEEK)
    assert notes == {"window": WEEK, "windows": 4, "look_back": 2 * WEEK}
    assert [row["people"] for row in data] == [3, 2, 2, 3]
    assert [tuple(row[kind] for kind in KINDS) for row in data] == [
        (None, None, None, None),
        (None, 1, None, 2),  # bob and eve drift; less than the look-back is known
        (0, 1, 1, 1),  # bob is back; cid drifts
        (2, 1, 0, 1),  # dan is new, eve not seen for two weeks; bob drifts
    ]


def test_users_seen_before_the_first_window_are_not_new_in_the_second(events):
    rows = [act(timedelta(hours=1), "ann"), act(2 * WEEK, "ann"), act(2 * WEEK, "bob")]
    data, _ = health(events(rows), SINCE, SINCE + timedelta(days=17), window=WEEK)
    assert [row["people"] for row in data] == [0, 2]  # three days lie before both
    assert (data[1]["new"], data[1]["returning"], data[1]["drifting"]) == (1, 1, 0)


def test_time_between_actions(events):
    hours = {"ann": [0, 2, 6], "bob": [0, 10], "cid": [5]}
    rows = [
        act(timedelta(hours=hour, minutes=minute), user, objects=["pkg"])
        for user, starts in hours.items()
        for hour in starts
        for minute in (0, 9, 18)  # one action: no pause longer than ten minutes
    ]
    [row], _ = health(events(rows), SINCE, SINCE + WEEK, window=WEEK)
    assert row["hours_between_actions"] == pytest.approx(statistics.median([3, 10]))
    single = [act(timedelta(0), "ann")]
    [row], _ = health(events(single), SINCE, SINCE + WEEK, window=WEEK)
    assert row["hours_between_actions"] is None


def actions_by_loop(rows):
    """Yield (user, start) of every action."""
    last: dict[tuple[str, str], float] = {}
    for e in sorted(rows, key=lambda e: e["timestamp"]):
        for user in e["users"]:
            topic = e["topic"].split(".")
            category = topic[3] if len(topic) > 3 else e["topic"]
            target = e["objects"][0] if e["objects"] else category
            before = last.get((user, target))
            last[user, target] = e["timestamp"]
            if before is None or e["timestamp"] - before > 600:
                yield user, e["timestamp"]


def test_health_of_a_month(events, month):
    data, _ = health(events(month), SINCE, UNTIL, window=WEEK)
    starts = defaultdict(list)
    for user, start in actions_by_loop(month):
        starts[user].append(start)
    seen: list[set[str]] = []
    for number, row in enumerate(data):
        begin, end = (SINCE + WEEK * n for n in (number, number + 1))
        assert (row["start"], row["end"]) == (begin, end)
        inside = [e for e in month if begin.timestamp() <= e["timestamp"] < end.timestamp()]
        counts = Counter(user for e in inside for user in e["users"])
        numbers = measure(counts.values())
        assert row["people"] == numbers.n
        assert row["messages"] == numbers.total
        assert row["absence_factor"] == numbers.absence_factor
        assert row["effective_people"] == pytest.approx(numbers.effective_people)
        users = set(counts)
        if number:
            last_users = seen[-1]
            assert row["continuing"] == len(users & last_users)
            assert row["drifting"] == len(last_users - users)
        if number >= 2:  # all look back two of the four weeks
            earlier_users = set().union(*seen[-2:])
            assert row["new"] == len(users - earlier_users)
            assert row["returning"] == len((users & earlier_users) - last_users)
        else:
            assert row["new"] is row["returning"] is None
        seen.append(set(counts))
        medians = [
            statistics.median(pauses)
            for times in starts.values()
            if (
                pauses := [
                    later - earlier
                    for earlier, later in pairwise(sorted(times))
                    if begin.timestamp() <= earlier and later < end.timestamp()
                ]
            )
        ]
        assert row["hours_between_actions"] == pytest.approx(statistics.median(medians) / 3600)


@settings(max_examples=examples(15))
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 41)), min_size=1, max_size=30))
def test_each_user_is_of_one_kind(events, seen):
    rows = [act(timedelta(days=day), user) for user, day in seen]
    data, _ = health(events(rows), SINCE, SINCE + 6 * WEEK, window=WEEK)
    for before, row in pairwise(data):
        assert before["people"] == row["continuing"] + row["drifting"]
    for row in data[3:]:
        assert row["people"] == row["new"] + row["continuing"] + row["returning"]


def test_where_nothing_changes_no_window_differs(events):
    """50 of 300 people each day, redrawn: the first windows once had the most newcomers."""
    rng = random.Random(11)
    rows = [
        act(timedelta(days=day, seconds=rng.randrange(86_400)), f"u{user}")
        for day in range(56)
        for user in rng.sample(range(300), 50)
    ]
    data, notes = health(events(rows), SINCE, SINCE + 8 * WEEK, window=WEEK)
    assert notes["look_back"] == 4 * WEEK
    new = [row["new"] for row in data[4:]]
    assert max(new) < 10  # of 300 people, one in 167 is not seen in four weeks: 1.3 a week
    hours = [row["hours_between_actions"] for row in data]
    assert max(hours) < 1.6 * min(hours)  # it was 2.5
    assert [row["new"] for row in data[:4]] == [None] * 4


def test_the_default_window_is_half_of_a_short_range(events, month):
    data, notes = health(events(month), SINCE, UNTIL)
    assert notes == {"window": 2 * WEEK, "windows": 2, "look_back": 2 * WEEK}
    assert [row["end"] for row in data] == [SINCE + 2 * WEEK, UNTIL]
    long = health(events(month), SINCE - 40 * WEEK, UNTIL)[1]
    assert long["window"] == 13 * WEEK


def test_a_range_shorter_than_a_window_and_an_empty_store(events, month):
    data, notes = health(events(month), SINCE, UNTIL, window=5 * WEEK)
    assert data == []
    assert notes["note"].startswith("not enough data")
    empty = read(connect(), 0, [], Selection())
    assert health(empty, SINCE, UNTIL)[0] == health(empty, SINCE, SINCE)[0] == []
