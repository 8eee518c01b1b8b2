"""Bootstrap intervals, and actions against a loop over messages."""

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest

from hubbub.analyzers.evenness import bootstrap as intervals
from hubbub.analyzers.evenness.bootstrap import action_sizes
from hubbub.analyzers.evenness.longtail import longtail
from hubbub.analyzers.evenness.metrics import measure

START = datetime(2026, 1, 1, tzinfo=UTC)
SINCE, UNTIL = datetime(2015, 9, 7, tzinfo=UTC), datetime(2015, 10, 5, tzinfo=UTC)


def bootstrap(actions):
    """Call `bootstrap` untyped: these tests know whether there is an interval."""
    return intervals.bootstrap(actions)


def effective_people(table):
    """Call `effective_people` untyped."""
    return intervals.effective_people(table)


def row(minutes, user="ann", objects=("pkg",), topic="a.b.c.git.x"):
    time = START.timestamp() + 60 * minutes
    return {"timestamp": time, "topic": topic, "users": [user], "objects": list(objects)}


def sizes(events, rows):
    table = action_sizes(events(rows)).to_pyarrow().to_pylist()
    return [(each["user"], each["messages"], each["number"]) for each in table]


def by_loop(rows):
    """Actions by a loop over sorted messages."""
    last: dict[tuple[str, str], tuple[float, int]] = {}
    actions: list[tuple[str, int]] = []
    for each in sorted(rows, key=lambda e: e["timestamp"]):
        for user in each["users"]:
            target = each["objects"][0] if each["objects"] else each["topic"].split(".")[3]
            before, size = last.get((user, target), (None, 0))
            if before is not None and round((each["timestamp"] - before) * 1e6) > 600_000_000:
                actions.append((user, size))
                size = 0
            last[user, target] = (each["timestamp"], size + 1)
    actions += [(user, size) for (user, _), (_, size) in last.items()]
    return sorted((user, size, n) for (user, size), n in Counter(actions).items())


def test_a_run_with_pauses_of_ten_minutes_is_one_action(events):
    assert sizes(events, [row(0), row(10), row(20)]) == [("ann", 3, 1)]
    assert sizes(events, [row(0), row(10), row(20.001)]) == [("ann", 2, 1), ("ann", 1, 1)][::-1]


def test_other_people_and_objects_are_other_actions(events):
    rows = [row(0), row(1, "bob"), row(2, objects=["other"]), row(3)]
    assert sizes(events, rows) == [("ann", 1, 1), ("ann", 2, 1), ("bob", 1, 1)]


def test_without_an_object_the_category_counts(events):
    rows = [
        row(0, objects=[]),
        row(1, objects=[], topic="a.b.c.git.y"),
        row(2, objects=[], topic="a.b.c.wiki.z"),
    ]
    assert sizes(events, rows) == [("ann", 1, 1), ("ann", 2, 1)]


def test_actions_of_a_month_as_by_a_loop(events, month):
    assert sizes(events, month) == by_loop(month)


def test_the_value_is_that_of_the_messages_and_lies_in_the_interval(events, month):
    interval = effective_people(events(month))
    counts = Counter(user for e in month for user in e["users"])
    assert interval.value == measure(counts.values()).effective_people
    assert interval.people == len(counts)
    assert interval.actions == sum(n for *_, n in by_loop(month))
    assert interval.low < interval.value < interval.high
    assert interval == effective_people(events(month))
    assert interval == effective_people(events(month[::-1]))


def test_ninety_of_a_hundred_intervals_contain_the_true_value():
    rng = np.random.default_rng(3)
    chance = 1 / np.arange(1, 41)
    chance /= chance.sum()
    truth = 1 / (chance**2).sum()
    hits = 0
    for _ in range(100):
        counts = rng.multinomial(150, chance)
        interval = bootstrap([(f"u{i:02}", 1, int(n)) for i, n in enumerate(counts) if n])
        hits += bool(interval.low <= truth <= interval.high)
    assert 83 <= hits <= 97


def test_sparse_data_do_not_pull_the_interval_down():
    interval = bootstrap([(f"u{i:02}", 1, 2) for i in range(60)])
    assert interval.value == pytest.approx(119)
    # The resamples themselves are near 60.
    assert 80 < interval.low < interval.value < interval.high < 170


def test_actions_of_many_messages_make_the_interval_wider():
    single = bootstrap([(f"u{i:02}", 1, 60) for i in range(20)])
    dozens = bootstrap([(f"u{i:02}", 12, 5) for i in range(20)])
    assert single.value == pytest.approx(dozens.value)
    assert dozens.high - dozens.low > 2 * (single.high - single.low)


@pytest.mark.parametrize(
    ("people", "each", "enough"), [(10, 5, True), (9, 50, False), (49, 1, False), (12, 4, False)]
)
def test_not_enough_data(people, each, enough):
    interval = bootstrap([(f"u{i:02}", 3, each) for i in range(people)])
    assert (interval.value is not None) == enough
    assert interval.note == ("" if enough else "not enough data")
    assert (interval.low is None) == (interval.high is None) == (not enough)


def test_longtail_has_an_interval_only_on_request(events, month):
    _, notes = longtail(events(month), SINCE, UNTIL)
    assert "effective_people" not in notes
    _, notes = longtail(events(month), SINCE, UNTIL, interval=True)
    assert notes["effective_people"]["level"] == 0.9
    assert notes["effective_people"]["value"] == effective_people(events(month)).value


def test_no_events(events):
    assert effective_people(events([])).note == "not enough data"
