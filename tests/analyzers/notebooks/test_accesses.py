"""`daily_metrics` and `material_usage` on random accesses and in edge cases."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.analyzers.notebooks.accesses import time_of
from hubbub.analyzers.notebooks.daily_metrics import daily_metrics
from hubbub.analyzers.notebooks.material_usage import material_usage
from hubbub.errors import UsageError
from hubbub.registry import Names
from tests.support.examples import examples

NONE: list[int] = []
START = int(datetime(2020, 2, 28, tzinfo=UTC).timestamp())
HOUR = 3600


def read(events: Any, staff: Names = Names()) -> tuple[Any, Any, Any]:  # noqa: B008
    daily, notes = daily_metrics(events, lambda _form: NONE, staff)
    usage, usage_notes = material_usage(events, lambda _form: NONE, staff)
    assert notes == usage_notes
    return daily, usage, notes


def access(time: float, student: str, notebook: str, **fields: Any) -> dict[str, Any]:
    row = {"timestamp": time, "topic": "notebook.access", "users": [student], "objects": [notebook]}
    return {**row, "action": "running", **fields}


def test_lines_of_two_files_with_the_same_second_and_number_are_distinct(
    events: Callable[..., Any],
) -> None:
    rows = [
        access(START, "ann", "n1", source="notebook-events:a", seq=1),
        access(START, "bob", "n2", source="notebook-events:b", seq=1),
    ]
    totals = read(events(rows))[0]["events"]
    assert totals["total_students"] == [1, 2]
    assert totals["total_notebooks"] == [1, 2]


def test_within_a_second_the_line_number_gives_the_order_not_the_order_of_storing(
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
    last = datetime(2100, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
    rows = [access(0, "ann", "n1"), access(last, "bob", "n1", seq=2**40 - 1)]
    daily, usage, _ = read(events(rows))
    assert list(usage["nbstudents_per_notebook_animated"])[1] == "2101-01-01T00:00:00"
    totals = daily["events"]
    assert totals["timestamps"] == ["1970-01-01T00:00:00", "2100-12-31T23:59:59"]
    assert totals["total_students"] == [1, 2]
    far = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
    with pytest.raises(UsageError, match="days, more than 50,000"):
        read(events([access(0, "ann", "n1"), access(far, "bob", "n1")]))


def test_the_time_of_a_position_is_exact() -> None:
    time = 253_402_300_799_999_999
    assert time_of(time * 10**18 + 10**18 - 1) == time


def test_other_topics_and_accesses_without_student_do_not_count(
    events: Callable[..., Any],
) -> None:
    rows = [
        access(START, "ann", "n1", topic="org.x.prod.git.receive"),
        {**access(START, "", "n1"), "users": []},
    ]
    daily, usage, notes = read(events(rows))
    assert daily["daily"]["timestamps"] == daily["events"]["timestamps"] == []
    assert usage["nbstudents"] == usage["nbnotebooks"] == usage["heatmap"]["zmin"] == 0
    assert notes == {"malformed_lines": [], "ignored_action": 0, "ignored_user": 0, "counted": 0}


def test_only_staff(events: Callable[..., Any]) -> None:
    rows = [access(START, "ann", "n1"), access(START, "ann", "-", action="killing")]
    daily, usage, notes = read(events(rows), Names(["ann"]))
    assert daily["daily_filled"]["timestamps"] == daily["events"]["timestamps"] == []
    assert usage["nbstudents_per_notebook_animated"] == {}
    assert notes == {"malformed_lines": [], "ignored_action": 1, "ignored_user": 1, "counted": 0}


#: (hours, student, notebook, action); few of each, so that they coincide.
ACCESSES = st.lists(
    st.tuples(
        st.integers(0, 80),
        st.sampled_from(["ann", "bob", "cy", "staff"]),
        st.sampled_from(["n1", "n2", "n3"]),
        st.sampled_from(["running", "created", "killing"]),
    ),
    max_size=25,
)


def rows_of(accesses: list[tuple[int, str, str, str]], offset: int = 0) -> list[dict[str, Any]]:
    return [
        access(START + offset + hours * HOUR, student, notebook, action=action, seq=line)
        for line, (hours, student, notebook, action) in enumerate(accesses)
    ]


@settings(max_examples=examples(12))
@given(accesses=ACCESSES, chance=st.randoms(use_true_random=False))
def test_results_are_those_of_a_loop_in_any_order_of_storing(
    events: Callable[..., Any], accesses: list[tuple[int, str, str, str]], chance: Any
) -> None:
    rows = rows_of(accesses)
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
    students_of: defaultdict[str, set[str]] = defaultdict(set)
    for hours, _, student, notebook in counted:
        firsts.setdefault(student, hours // 24)
        days[hours // 24].add(student)
        pairs[student, notebook] += 1
        students_of[notebook].add(student)
        frames[hours // 6] = {name: set(students) for name, students in students_of.items()}
    assert daily["daily"]["unique_students"] == [len(days[day]) for day in sorted(days)]
    new_students = Counter(firsts.values())
    assert daily["daily"]["new_students"] == [new_students[day] for day in sorted(days)]
    cells = {
        (student, notebook): number
        for student, row in zip(usage["heatmap"]["y"], usage["heatmap"]["z"], strict=True)
        for notebook, number in zip(usage["heatmap"]["x"], row, strict=True)
        if number is not None
    }
    assert cells == pairs
    assert list(usage["nbstudents_per_notebook_animated"].values()) == [
        [[name, len(frame[name])] for name in sorted(frame)] for frame in frames.values()
    ]


@settings(max_examples=examples(8))
@given(accesses=ACCESSES, weeks=st.integers(0, 500))
def test_moving_all_accesses_by_weeks_changes_no_number(
    events: Callable[..., Any], accesses: list[tuple[int, str, str, str]], weeks: int
) -> None:
    day = 24 * HOUR
    daily, usage, _ = read(events(rows_of(accesses)))
    later_daily, later_usage, _ = read(events(rows_of(accesses, weeks * 7 * day)))
    for part in ("daily", "daily_filled", "events"):
        for name, numbers in daily[part].items():
            assert name == "timestamps" or later_daily[part][name] == numbers
    assert later_usage["heatmap"] == usage["heatmap"]
    assert list(later_usage["nbstudents_per_notebook_animated"].values()) == list(
        usage["nbstudents_per_notebook_animated"].values()
    )


@settings(max_examples=examples(8))
@given(accesses=ACCESSES)
def test_repeating_every_access_doubles_only_the_numbers_of_accesses(
    events: Callable[..., Any], accesses: list[tuple[int, str, str, str]]
) -> None:
    daily, usage, notes = read(events(rows_of(accesses)))
    repeated = rows_of([access for access in accesses for _ in range(2)])
    repeated_daily, repeated_usage, repeated_notes = read(events(repeated))
    assert repeated_daily == daily
    assert repeated_notes["counted"] == 2 * notes["counted"]
    assert repeated_usage["heatmap"]["z"] == [
        [None if cell is None else 2 * cell for cell in row] for row in usage["heatmap"]["z"]
    ]
    same = ("nbstudents_per_notebook", "nbstudents_per_notebook_animated", "nbnotebooks")
    assert {name: repeated_usage[name] for name in same} == {name: usage[name] for name in same}
