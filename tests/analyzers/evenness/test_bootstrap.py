"""Bootstrap intervals, and actions against a loop over messages."""

from collections import Counter
from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
import pytest

from hubbub.analyzers.evenness import bootstrap as intervals
from hubbub.analyzers.evenness.longtail import longtail
from hubbub.store.query.actions.starts import action_sizes

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
    table = action_sizes(events(rows)).order_by("user", "messages").to_pyarrow().to_pylist()
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


def by_pairs(actions):
    """The estimate from all ordered pairs of messages of different actions, in exact fractions."""
    counts: Counter[str] = Counter()
    for user, size, number in actions:
        counts[user] += size * number
    within = sum(size * size * number for _, size, number in actions)
    same = sum(c * c for c in counts.values()) - within
    return Fraction(sum(counts.values()) ** 2 - within, same)


def test_the_value_is_that_of_pairs_of_different_actions(events, month):
    interval = effective_people(events(month))
    actions = by_loop(month)
    assert interval.value == pytest.approx(float(by_pairs(actions)), rel=1e-12)
    assert interval.people == len({user for user, *_ in actions})
    assert interval.actions == sum(n for *_, n in actions)
    assert interval.low < interval.value < interval.high <= interval.people
    assert interval == effective_people(events(month))
    assert interval == effective_people(events(month[::-1]))


def drawn(rng, chance, size, messages=lambda number: [1] * number):
    """Actions of a sample of `size` from people with these shares."""
    who = rng.choice(len(chance), size=size, p=chance)
    runs = Counter(zip((f"u{i:03}" for i in who), messages(size), strict=True))
    return sorted((user, int(sent), number) for (user, sent), number in runs.items())


def zipf(people, exponent):
    chance = np.arange(1, people + 1) ** -exponent
    chance /= chance.sum()
    return chance, 1 / (chance**2).sum()


@pytest.mark.parametrize("messages", ["one", "a dozen"])
def test_ninety_of_a_hundred_intervals_contain_the_true_value(messages):
    rng = np.random.default_rng(3)
    chance, truth = zipf(40, 1.0)
    sizes = {"one": lambda n: [1] * n, "a dozen": lambda n: np.maximum(1, rng.poisson(12, n))}
    found = [bootstrap(drawn(rng, chance, 150, sizes[messages])) for _ in range(100)]
    assert 80 <= sum(each.low <= truth <= each.high for each in found) <= 98


@pytest.mark.parametrize(("people", "exponent"), [(20, 0.0), (300, 0.5), (800, 0.0)])
def test_where_an_interval_would_miss_the_truth_none_is_given(people, exponent):
    rng = np.random.default_rng(4)
    chance, truth = zipf(people, exponent)
    for _ in range(30):
        interval = bootstrap(drawn(rng, chance, 60))
        if interval.value is not None:
            assert interval.value <= interval.people
        if interval.low is not None:
            assert interval.low <= truth <= interval.high
        else:
            assert interval.note in {intervals.NOT_ENOUGH, intervals.ABOUT}


def test_a_conference_at_which_nearly_everybody_speaks_once():
    """60 people and 61 messages were once said to be as if 1,830 people shared the work."""
    actions = [(f"u{i:02}", 1, 1 + (i == 0)) for i in range(60)]
    assert bootstrap(actions).note == "not enough data"
    assert bootstrap(actions).value is None


def test_people_who_share_equally():
    interval = bootstrap([(f"u{i:02}", 1, 60) for i in range(20)])
    assert (interval.value, interval.low, interval.high) == (20, None, None)
    assert interval.note.startswith("about")


def test_runs_of_messages_say_no_more_than_single_messages():
    """Sixty actions of a dozen messages each are as much evidence as sixty single messages."""
    rng = np.random.default_rng(5)
    chance, _ = zipf(40, 1.0)
    single = drawn(rng, chance, 200)
    dozens = [(user, 12, number) for user, _, number in single]
    for name in ("value", "low", "high"):
        assert getattr(bootstrap(dozens), name) == pytest.approx(getattr(bootstrap(single), name))
    alone = [(user, 12 * number, 1) for user, _, number in single]
    assert bootstrap(alone).value is None  # nobody has two actions


@pytest.mark.parametrize(
    ("people", "each", "enough"), [(10, 21, True), (9, 50, False), (60, 1, False), (12, 4, False)]
)
def test_not_enough_data(people, each, enough):
    interval = bootstrap([(f"u{i:02}", 3, each) for i in range(people)])
    assert (interval.value is not None) == enough
    assert (interval.note == "not enough data") == (not enough)


def test_longtail_has_an_interval_only_on_request(events, month):
    _, notes = longtail(events(month), SINCE, UNTIL)
    assert "effective_people" not in notes
    _, notes = longtail(events(month), SINCE, UNTIL, interval=True)
    assert notes["effective_people"]["level"] == 0.9
    assert notes["effective_people"]["value"] == effective_people(events(month)).value


def test_no_events(events):
    assert effective_people(events([])).note == "not enough data"
