"""Frames count every event, bounded whatever the bus sends."""

from collections import Counter
from typing import Any

import pytest

from hubbub.collector.event import Event
from hubbub.live.stream.events import matcher
from hubbub.live.stream.frames import MAX_KINDS, SAMPLES, FrameBuilder, kind, selecting
from hubbub.store.query.identity import Persons
from hubbub.store.query.selection import EventFilters


def event(n: int = 0, **fields: Any) -> Event:
    defaults: dict[str, Any] = {
        "id": str(n), "time": n * 1_000_000, "topic": "org.x.prod.git.receive", "category": "git",
        "agent": f"u{n % 7}", "users": (f"u{n % 7}",), "objects": ("rpms/vim",),
        "action": "receive", "size": 3, "source": "zmq:x", "seq": 0,
    }  # fmt: skip
    return Event(**{**defaults, **fields})


def test_counts_are_cumulative_and_samples_are_those_since_the_last_frame() -> None:
    builder = FrameBuilder(names=True)
    builder.add([(event(1), 1_500_000), (event(2, category="wiki", action="edit"), 2_000_000)])
    first = builder.frame(5)
    assert (first["at"], first["messages"], first["bytes"], first["counts"]) == (5, 2, 6, [1, 1])
    assert first["samples"] == [
        [0, 1_000, 1_500, "u1", ("rpms/vim",)], [1, 2_000, 2_000, "u2", ("rpms/vim",)],
    ]  # fmt: skip
    assert builder.kinds() == ["git.receive", "wiki.edit"]
    builder.add([(event(3), 0)])
    second = builder.frame(6)
    assert (second["messages"], second["counts"], len(second["samples"])) == (3, [2, 1], 1)
    assert builder.frame(7)["samples"] == []


def test_kinds_and_samples_are_bounded_and_the_counts_add_up() -> None:
    builder = FrameBuilder(names=True)
    events = [event(n, action=f"a{n % 100}") for n in range(1_000)]
    builder.add([(e, 0) for e in events])
    frame = builder.frame(0)
    names = builder.kinds()
    assert len(names) == MAX_KINDS + 1
    assert names[-1] == "other"
    assert len(frame["samples"]) == SAMPLES
    expected = Counter(kind(e) for e in events)
    by_name = dict(zip(names, frame["counts"], strict=True))
    assert sum(by_name.values()) == frame["messages"] == 1_000
    assert by_name["git.a3"] == expected["git.a3"]
    assert by_name["other"] == sum(n for name, n in expected.items() if name not in by_name)


def test_people_are_numbered_for_those_who_may_not_see_names() -> None:
    builder = FrameBuilder(names=False)
    events = [event(1), event(2), event(8), event(3, agent=None, users=())]
    builder.add([(e, 0) for e in events])
    users = [sample[3] for sample in builder.frame(0)["samples"]]
    assert users == ["person 1", "person 2", "person 1", None]


def test_kinds_without_names_of_packages() -> None:
    assert kind(event(action=None)) == "git"
    assert kind(event(action="git.receive")) == "git.receive"
    assert kind(event(action="receive")) == "git.receive"
    assert kind(event(action="lookaside.vim.new")) == "git.lookaside.new"
    assert kind(event(action="branch.u0")) == "git.branch"


@pytest.mark.parametrize(
    ("fields", "filters"),
    [
        ({}, {"topic": "*.git.receive"}),
        ({"topic": "git.receive"}, {"topic": "git.receive"}),
        ({"action": "lookaside.vim.new", "topic": "org.x.prod.git.lookaside.vim.new"},
         {"topic": "*.git.lookaside.*.new"}),
        ({"action": "new.vim", "topic": "org.x.git.new.vim.rpms"}, {"topic": "*.git.new.*"}),
        ({"action": "a[b]*", "topic": "org.x.git.a[b]*"}, {"topic": "*.git.a[[]b][*]"}),
        ({"topic": "http.access", "category": "docs", "action": "GET"},
         {"category": "docs", "action": "GET"}),
        ({"topic": "plain", "action": None}, {"category": "git"}),
    ],
)  # fmt: skip
def test_the_filters_of_a_kind_select_its_messages(
    fields: dict[str, Any], filters: dict[str, str]
) -> None:
    made = event(**fields)
    assert selecting(made) == filters
    wanted = {name: (value,) for name, value in filters.items()}
    matches = matcher(EventFilters(**wanted), Persons())
    assert matches(made)
    assert not matches(event(topic="org.x.prod.wiki.edit", category="wiki", action="edit"))


def test_the_counts_of_the_last_minute_and_of_minutes_are_bounded() -> None:
    builder = FrameBuilder(names=True, minutes=True)
    for second in range(10_000):
        builder.add([(event(second), second * 1_000_000), (event(second), second * 1_000_000)])
    recent = builder.beginning(9_999_000)["recent"]
    assert [second for second, _ in recent] == list(range(9_940, 10_000))
    assert all(counts == {0: 2} for _, counts in recent)
    minutes = builder.frame(0)["minutes"]
    assert minutes[-2:] == [(165, 120, 0), (166, 80, 0)]
    assert len(minutes) <= 240
    assert "minutes" not in FrameBuilder(names=True).frame(0)
