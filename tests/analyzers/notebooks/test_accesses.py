"""`daily_metrics` and `material_usage` on events of chance, and at the edges of their numbers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.analyzers.notebooks.accesses import time_of
from hubbub.analyzers.notebooks.daily_metrics import daily_metrics
from hubbub.analyzers.notebooks.material_usage import material_usage
from hubbub.registry import Names

NONE: list[int] = []
START = int(datetime(2020, 2, 28, tzinfo=UTC).timestamp())
HOUR = 3600


def read(events: Any, staff: Names = Names()) -> tuple[Any, Any, Any]:  # noqa: B008
    daily, notes = daily_metrics(events, lambda _form: NONE, staff)
    usage, other = material_usage(events, lambda _form: NONE, staff)
    assert notes == other
    return daily, usage, notes


def access(time: float, student: str, notebook: str, **more: Any) -> dict[str, Any]:
    row = {"timestamp": time, "topic": "notebook.access", "users": [student], "objects": [notebook]}
    return {**row, "action": "running", **more}


def test_two_files_with_the_same_second_and_line_are_two_moments(
    events: Callable[..., Any],
) -> None:
    rows = [
        access(START, "ann", "n1", source="notebook-events:a", seq=1),
        access(START, "bob", "n2", source="notebook-events:b", seq=1),
    ]
    totals = read(events(rows))[0]["events"]
    assert totals["total_students"] == [1, 2]
    assert totals["total_notebooks"] == [1, 2]


def test_the_line_decides_within_a_second_not_the_order_of_storing(
    events: Callable[..., Any],
) -> None:
    rows = [
        access(START, "bob", "n1", seq=3),
        access(START, "ann", "n1", seq=2),
        access(START, "ann", "n2", seq=10),
    ]
    totals = read(events(rows))[0]["events"]
    assert totals["total_students"] == [1, 2, 2]
    assert totals["total_notebooks"] == [1, 1, 2]


def test_times_far_from_now(events: Callable[..., Any]) -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
    rows = [access(0, "ann", "n1"), access(last, "bob", "n1", seq=2**40 - 1)]
    daily, usage, _ = read(events(rows))
    assert list(usage["nbstudents_per_notebook_animated"])[1] == "10000-01-01T00:00:00"
    totals = daily["events"]
    assert totals["timestamps"] == ["1970-01-01T00:00:00", "9999-12-31T23:59:59"]
    assert totals["total_students"] == [1, 2]


def test_the_time_of_a_place_is_exact() -> None:
    time = 253_402_300_799_999_999
    assert time_of(time * 10**18 + 10**18 - 1) == time


def test_other_topics_and_accesses_of_nobody_say_nothing(events: Callable[..., Any]) -> None:
    rows = [
        access(START, "ann", "n1", topic="org.x.prod.git.receive"),
        {**access(START, "", "n1"), "users": []},
    ]
    daily, usage, notes = read(events(rows))
    assert daily["daily"]["timestamps"] == daily["events"]["timestamps"] == []
    assert usage["nbstudents"] == usage["nbnotebooks"] == usage["heatmap"]["zmin"] == 0
    assert notes == {"malformed_lines": [], "ignored_action": 0, "ignored_user": 0, "counted": 0}


def test_everybody_is_staff(events: Callable[..., Any]) -> None:
    rows = [access(START, "ann", "n1"), access(START, "ann", "-", action="killing")]
    daily, usage, notes = read(events(rows), Names(["ann"]))
    assert daily["daily_filled"]["timestamps"] == daily["events"]["timestamps"] == []
    assert usage["nbstudents_per_notebook_animated"] == {}
    assert notes == {"malformed_lines": [], "ignored_action": 1, "ignored_user": 1, "counted": 0}


#: Few names and moments, so that they meet: (hours, student, notebook, action).
ACCESSES = st.lists(
    st.tuples(
        st.integers(0, 80),
        st.sampled_from(["ann", "bob", "cy", "staff"]),
        st.sampled_from(["n1", "n2", "n3"]),
        st.sampled_from(["running", "created", "killing"]),
    ),
    max_size=25,
)


def made(accesses: list[tuple[int, str, str, str]], later: int = 0) -> list[dict[str, Any]]:
    return [
        access(START + later + hours * HOUR, student, notebook, action=action, seq=line)
        for line, (hours, student, notebook, action) in enumerate(accesses)
    ]


@settings(max_examples=25, deadline=None)
@given(accesses=ACCESSES, chance=st.randoms(use_true_random=False))
def test_the_order_of_storing_says_nothing_and_a_loop_finds_the_same(
    events: Callable[..., Any], accesses: list[tuple[int, str, str, str]], chance: Any
) -> None:
    rows = made(accesses)
    daily, usage, notes = read(events(rows), Names(["staff"]))
    chance.shuffle(rows)
    assert read(events(rows), Names(["staff"])) == (daily, usage, notes)

    counted = sorted(
        (hours, line, student, notebook)
        for line, (hours, student, notebook, action) in enumerate(accesses)
        if action != "killing" and student != "staff"
    )
    assert notes["counted"] == len(counted)
    assert notes["ignored_action"] == sum(action == "killing" for *_, action in accesses)
    assert len(accesses) == sum(notes[n] for n in ("counted", "ignored_action", "ignored_user"))
    firsts: dict[str, int] = {}
    days: defaultdict[int, set[str]] = defaultdict(set)
    pairs: Counter[tuple[str, str]] = Counter()
    frames: dict[int, dict[str, set[str]]] = {}
    who: defaultdict[str, set[str]] = defaultdict(set)
    for hours, _, student, notebook in counted:
        firsts.setdefault(student, hours // 24)
        days[hours // 24].add(student)
        pairs[student, notebook] += 1
        who[notebook].add(student)
        frames[hours // 6] = {name: set(some) for name, some in who.items()}
    assert daily["daily"]["unique_students"] == [len(days[day]) for day in sorted(days)]
    news = Counter(firsts.values())
    assert daily["daily"]["new_students"] == [news[day] for day in sorted(days)]
    found = {
        (student, notebook): number
        for student, row in zip(usage["heatmap"]["y"], usage["heatmap"]["z"], strict=True)
        for notebook, number in zip(usage["heatmap"]["x"], row, strict=True)
        if number is not None
    }
    assert found == pairs
    assert list(usage["nbstudents_per_notebook_animated"].values()) == [
        [[name, len(some[name])] for name in sorted(some)] for some in frames.values()
    ]


@settings(max_examples=15, deadline=None)
@given(accesses=ACCESSES, weeks=st.integers(0, 500))
def test_numbers_do_not_depend_on_when_it_was(
    events: Callable[..., Any], accesses: list[tuple[int, str, str, str]], weeks: int
) -> None:
    day = 24 * HOUR
    one, uses, _ = read(events(made(accesses)))
    other, later, _ = read(events(made(accesses, weeks * 7 * day)))
    for part in ("daily", "daily_filled", "events"):
        for name, numbers in one[part].items():
            assert name == "timestamps" or other[part][name] == numbers
    assert later["heatmap"] == uses["heatmap"]
    assert list(later["nbstudents_per_notebook_animated"].values()) == list(
        uses["nbstudents_per_notebook_animated"].values()
    )


@settings(max_examples=15, deadline=None)
@given(accesses=ACCESSES)
def test_every_access_twice_doubles_the_visits_and_nothing_else(
    events: Callable[..., Any], accesses: list[tuple[int, str, str, str]]
) -> None:
    daily, usage, notes = read(events(made(accesses)))
    twice, used, doubled = read(events(made([one for one in accesses for _ in range(2)])))
    assert twice == daily
    assert doubled["counted"] == 2 * notes["counted"]
    assert used["heatmap"]["z"] == [
        [None if cell is None else 2 * cell for cell in row] for row in usage["heatmap"]["z"]
    ]
    same = ("nbstudents_per_notebook", "nbstudents_per_notebook_animated", "nbnotebooks")
    assert {name: used[name] for name in same} == {name: usage[name] for name in same}
