"""`heatmap`, `objects_per_user` and `users_per_object` against loops over plain lists."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.analyzers.activity.heatmap import heatmap, objects_per_user, users_per_object
from hubbub.errors import UsageError
from hubbub.store.query.engine import connect
from hubbub.store.query.events import events as read
from hubbub.store.query.selection import Selection
from tests.support.examples import examples

SINCE, UNTIL = datetime(2015, 9, 7, tzinfo=UTC), datetime(2015, 10, 5, tzinfo=UTC)


def rows_of(table):
    return table.to_pyarrow().to_pylist()


def cells_of(rows):
    return Counter((u, o) for e in rows for u in e["users"] for o in e["objects"])


def busiest(cells, axis):
    totals: Counter[str] = Counter()
    for pair, n in cells.items():
        totals[pair[axis]] += n
    return sorted(totals, key=lambda name: (-totals[name], name))


@pytest.mark.parametrize(("top", "top_objects"), [(24, 30), (3, 2), (1000, 1000)])
def test_heatmap(top, top_objects, events, month):
    cells = cells_of(month)
    users, objects = busiest(cells, 0), busiest(cells, 1)
    table, notes = heatmap(events(month), top=top, top_objects=top_objects)
    assert notes == {
        "users": len(users),
        "objects": len(objects),
        "messages": cells.total(),
    }
    assert [(r["user"], r["object"], r["messages"]) for r in rows_of(table)] == [
        (user, name, cells[user, name])
        for user in users[:top]
        for name in objects[:top_objects]
        if (user, name) in cells
    ]


def test_objects_per_user(events, month):
    touched = defaultdict(set)
    for user, name in cells_of(month):
        touched[user].add(name)
    expected = Counter(len(names) for names in touched.values())
    assert [tuple(row.values()) for row in rows_of(objects_per_user(events(month)))] == sorted(
        expected.items()
    )


def by_hand(rows, ends, top):
    """Rank, object and users of each frame, from the events before its end."""
    since: dict[tuple[str, int], int] = {}  # (object, users) → first frame
    for frame, end in enumerate(ends):
        people = defaultdict(set)
        for e in rows:
            if e["timestamp"] < end.timestamp():
                for name in e["objects"]:
                    people[name].update(e["users"])
        counts = {name: len(users) for name, users in people.items() if users}
        for pair in counts.items():
            since.setdefault(pair, frame)
        order = sorted(counts, key=lambda name: (-counts[name], since[name, counts[name]], name))
        yield from ((end, rank, name, counts[name]) for rank, name in enumerate(order[:top], 1))


@pytest.mark.parametrize(("top", "frames", "step"), [(12, 84, 12), (3, 5, 168), (1, 28, 24)])
def test_users_per_object(top, frames, step, events, month):
    data, notes = users_per_object(events(month), SINCE, UNTIL, top=top, frames=frames)
    number = 28 * 24 // step
    last = [row["users"] for row in data if row["end"] == data[-1]["end"]]
    people = [users for *_, users in by_hand(month, [UNTIL], 1_000_000)]
    assert notes == {
        "step": timedelta(hours=step),
        "frames": number,
        "leading": people.count(last[0]),
        "last": people.count(last[-1]),
    }
    ends = [SINCE + timedelta(hours=step) * (i + 1) for i in range(number)]
    assert [tuple(row.values()) for row in data] == list(by_hand(month, ends, top))


@settings(max_examples=examples(15))
@given(
    touched=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(0, 99)), max_size=25
    )
)
def test_frames_never_lose_a_user(touched, events):
    rows = [
        {"timestamp": SINCE.timestamp() + 3600 * hour, "topic": "t", "users": [u], "objects": [o]}
        for u, o, hour in touched
    ]
    data, _ = users_per_object(events(rows), SINCE, SINCE + timedelta(hours=100), frames=10)
    last: dict[str, int] = {}
    for row in data:
        assert row["users"] >= last.get(row["object"], 1)
        last[row["object"]] = row["users"]
    people = defaultdict(set)
    for user, name, _hour in touched:
        people[name].add(user)
    assert last == {name: len(users) for name, users in people.items()}


@pytest.mark.parametrize("wrong", [{"top": 0}, {"frames": 0}, {"frames": 1001}])
def test_numbers_that_cannot_be_drawn_are_refused(wrong, events):
    with pytest.raises(UsageError):
        users_per_object(events([]), SINCE, UNTIL, **wrong)


@pytest.mark.parametrize("wrong", [{"top": 0}, {"top_objects": -1}])
def test_a_heatmap_without_cells_is_refused(wrong, events):
    with pytest.raises(UsageError, match="too small"):
        heatmap(events([]), **wrong)


def test_an_empty_store():
    empty = read(connect(), 0, [], Selection())
    table, notes = heatmap(empty)
    assert rows_of(table) == rows_of(objects_per_user(empty)) == []
    assert notes == {"users": 0, "objects": 0, "messages": 0}
    assert users_per_object(empty, SINCE, UNTIL)[0] == []
    assert users_per_object(empty, SINCE, SINCE)[0] == []
