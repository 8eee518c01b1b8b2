"""Health against loops over plain lists, and against stories told by hand."""

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

SINCE, UNTIL = datetime(2015, 9, 7, tzinfo=UTC), datetime(2015, 10, 5, tzinfo=UTC)
WEEK = timedelta(weeks=1)
KINDS = ("new", "continuing", "returning", "drifting")


def at(when, user, topic="t", objects=()):
    stamp = (SINCE + when).timestamp()
    return {"timestamp": stamp, "topic": topic, "users": [user], "objects": list(objects)}


def test_who_came_and_who_went(events):
    weeks = {"ann": [0, 1, 2, 3], "bob": [0, 2], "cid": [1], "dan": [3], "eve": [0, 3]}
    rows = [at(WEEK * w, user) for user, its in weeks.items() for w in its]
    data, notes = health(events(rows), SINCE, SINCE + 4 * WEEK, window=WEEK)
    assert notes == {"window": WEEK, "windows": 4}
    assert [row["people"] for row in data] == [3, 2, 2, 3]
    assert [tuple(row[kind] for kind in KINDS) for row in data] == [
        (None, None, None, None),
        (1, 1, 0, 2),  # cid is new; bob and eve drift
        (0, 1, 1, 1),  # bob is back; cid drifts
        (1, 1, 1, 1),  # dan is new, eve is back; bob drifts
    ]


def test_what_lies_before_the_first_window_is_known_in_the_second(events):
    rows = [at(timedelta(hours=1), "ann"), at(2 * WEEK, "ann"), at(2 * WEEK, "bob")]
    data, _ = health(events(rows), SINCE, SINCE + timedelta(days=17), window=WEEK)
    assert [row["people"] for row in data] == [0, 2]  # three days lie before both
    assert (data[1]["new"], data[1]["returning"], data[1]["drifting"]) == (1, 1, 0)


def test_time_between_actions(events):
    hours = {"ann": [0, 2, 6], "bob": [0, 10], "cid": [5]}
    rows = [
        at(timedelta(hours=hour, minutes=minute), user, objects=["pkg"])
        for user, its in hours.items()
        for hour in its
        for minute in (0, 9, 18)  # one action: no pause longer than ten minutes
    ]
    [row], _ = health(events(rows), SINCE, SINCE + WEEK, window=WEEK)
    assert row["hours_between_actions"] == pytest.approx(statistics.median([3, 10]))
    alone = [at(timedelta(0), "ann")]
    [row], _ = health(events(alone), SINCE, SINCE + WEEK, window=WEEK)
    assert row["hours_between_actions"] is None


def actions_by_hand(rows):
    """(user, start) of every action."""
    last: dict[tuple[str, str], float] = {}
    for e in sorted(rows, key=lambda e: e["timestamp"]):
        for user in e["users"]:
            topic = e["topic"].split(".")
            what = e["objects"][0] if e["objects"] else topic[3] if len(topic) > 3 else e["topic"]
            before = last.get((user, what))
            last[user, what] = e["timestamp"]
            if before is None or e["timestamp"] - before > 600:
                yield user, e["timestamp"]


def test_health_of_a_month(events, month):
    data, _ = health(events(month), SINCE, UNTIL, window=WEEK)
    starts = defaultdict(list)
    for user, start in actions_by_hand(month):
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
        if number:
            ever, latest = set().union(*seen), seen[-1]
            here = set(counts)
            assert row["new"] == len(here - ever)
            assert row["continuing"] == len(here & latest)
            assert row["returning"] == len((here & ever) - latest)
            assert row["drifting"] == len(latest - here)
        seen.append(set(counts))
        medians = [
            statistics.median(pauses)
            for times in starts.values()
            if (
                pauses := [
                    later - earlier
                    for earlier, later in pairwise(sorted(times))
                    if begin.timestamp() <= later < end.timestamp()
                ]
            )
        ]
        assert row["hours_between_actions"] == pytest.approx(statistics.median(medians) / 3600)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 41)), min_size=1, max_size=30))
def test_everybody_is_new_once_and_in_one_kind(events, seen):
    rows = [at(timedelta(days=day), user) for user, day in seen]
    data, _ = health(events(rows), SINCE, SINCE + 6 * WEEK, window=WEEK)
    for before, row in pairwise(data):
        assert row["people"] == row["new"] + row["continuing"] + row["returning"]
        assert before["people"] == row["continuing"] + row["drifting"]
    new = sum(row["new"] for row in data[1:])
    assert data[0]["people"] + new == len({user for user, _ in seen})


def test_without_a_window_a_short_range_is_halved(events, month):
    data, notes = health(events(month), SINCE, UNTIL)
    assert notes == {"window": 2 * WEEK, "windows": 2}
    assert [row["end"] for row in data] == [SINCE + 2 * WEEK, UNTIL]
    long = health(events(month), SINCE - 40 * WEEK, UNTIL)[1]
    assert long["window"] == 13 * WEEK


def test_too_short_and_empty(events, month):
    data, notes = health(events(month), SINCE, UNTIL, window=5 * WEEK)
    assert data == []
    assert notes["note"].startswith("not enough data")
    empty = read(connect(), 0, [], Selection())
    assert health(empty, SINCE, UNTIL)[0] == health(empty, SINCE, SINCE)[0] == []
