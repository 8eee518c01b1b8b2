"""Moving-average alerts of what is received are those of the statistician, tick by tick."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.analyzers.alerts import Crossover, crossings
from hubbub.live.alerts.wording import shown
from hubbub.live.stream.frames import Received
from hubbub.live.terminal.averages import AverageRule, Averages
from hubbub.live.terminal.periods import format_change
from hubbub.live.terminal.records import change_document
from hubbub.store.state.alerts import NewChange
from hubbub.zones import UNIVERSAL
from tests.live.terminal.test_periods import event
from tests.support.paths import GOLDEN

CASES = sorted((GOLDEN / "statistician" / "alerts").glob("*.json"))
SECOND = 1_000_000


def received(time: int, size: int = 1, late: int = 0) -> Received:
    return event("git", size=size, time=time), time + late


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("measure", ["bytes", "messages"])
def test_golden(case: Path, measure: Any) -> None:
    vector = json.loads(case.read_text())
    params = vector["params"]
    length = params["time_resolution"]
    rule = AverageRule(
        measure, params["short_median"], params["long_median"], params["threshold"],
        timedelta(seconds=length), grace=0,
    )  # fmt: skip
    averages = Averages(rule)
    changes: list[NewChange] = []
    averages.add([received(0, 0)] if measure == "bytes" else [])
    for tick, (size, hits) in enumerate(zip(vector["bytes"], vector["hits"], strict=True)):
        time = tick * length * SECOND
        sizes = [size] if measure == "bytes" else [0] * hits
        averages.add(received(time, each) for each in sizes)
        changes += averages.complete(time + length * SECOND)
    wanted = vector["expected"]["bytes" if measure == "bytes" else "hits"]
    assert [
        (c.details["tick"], c.state, c.details["short"], c.details["long"], c.measured, c.expected)
        for c in changes
    ] == [
        (w["tick"], w["kind"], w["short_average"], w["long_average"], w["short_rate"],
         w["long_rate"])
        for w in wanted
    ]  # fmt: skip


@given(
    values=st.lists(st.integers(0, 3), max_size=60),
    short=st.integers(1, 3),
    more=st.integers(1, 4),
    threshold=st.sampled_from([1.2, 1.5, 2]),
)
def test_any_split_into_polls_gives_the_changes_of_the_series(
    values: list[int], short: int, more: int, threshold: float
) -> None:
    rule = AverageRule("messages", short, short + more, threshold, timedelta(seconds=1), grace=0)
    values = [1, *values]
    whole = crossings(values, short=short, long=short + more, threshold=threshold, resolution=1)
    averages, changes = Averages(rule), list[NewChange]()
    for tick, n in enumerate(values):
        averages.add([received(tick * SECOND)] * n)
        if n == 2:
            changes += averages.complete(tick * SECOND)
    changes += averages.complete(len(values) * SECOND)
    assert [(c.details["tick"], c.state) for c in changes] == [
        (c.tick, c.state.value) for c in whole
    ]


def test_empty_ticks_at_once_are_as_one_by_one() -> None:
    for number in (0, 1, 5, 6, 7, 1_000_000_000):
        options: dict[str, Any] = {"short": 2, "long": 4, "threshold": 1.5, "resolution": 1}
        at_once, one_by_one = Crossover(**options), Crossover(**options)
        for value in (1, 1, 1, 1, 1, 1, 9):
            at_once.add(value)
            one_by_one.add(value)
        some = list(at_once.add_empty(number))
        each = [c for c in (one_by_one.add(0) for _ in range(min(number, 20))) if c]
        assert some == each
        assert at_once.tick == 7 + number


def test_late_events_count_and_a_clock_of_the_past_is_followed() -> None:
    day = 86_400 * SECOND
    averages = Averages(AverageRule("messages", 1, 2, 1.5, timedelta(seconds=10), grace=2))
    changes: list[NewChange] = []
    for tick, n in enumerate((1, 1, 1, 5, 1)):  # written a day after they happened
        time = tick * 10 * SECOND
        averages.add([received(time, late=day)] * n)
        changes += averages.complete(time + day)
    assert [(c.state, c.time // SECOND) for c in changes] == []
    changes += averages.complete(40 * SECOND + day + 2 * SECOND)
    assert [(c.state, c.time // SECOND) for c in changes] == [("raised", 40)]
    averages.add([received(0, late=2 * day)] * 9)  # too late: it counts in the open tick
    changes = averages.complete(52 * SECOND + day)
    assert changes == []  # 10 > 1.5 x 3
    assert [c.state for c in averages.complete(62 * SECOND + day)] == ["ended"]


def test_an_event_of_the_future_counts_when_it_arrives() -> None:
    averages = Averages(AverageRule("messages", 1, 2, 1.5, timedelta(seconds=10), grace=0))
    averages.add([(event("git", time=10**15), 5 * SECOND)])
    for second in (15, 25):
        averages.add([received(second * SECOND)])
    averages.add([received(35 * SECOND)] * 2)
    assert [c.time // SECOND for c in averages.complete(40 * SECOND)] == [40]


def test_no_rule() -> None:
    with pytest.raises(ValueError, match="must be longer than the short"):
        Averages(AverageRule(short=5, long=5))


def test_a_change_for_people_and_programs() -> None:
    averages = Averages(AverageRule("bytes", 1, 2, 1.5, timedelta(seconds=10), grace=0))
    for second, size in ((5, 10_000), (15, 10_000), (25, 10_000), (35, 40_000)):
        averages.add([received(second * SECOND, size)])
    (change,) = averages.complete(40 * SECOND)
    assert format_change(shown(change, number=0, names=True), UNIVERSAL) == (
        "00:00:40  ▲ alert raised  4 kB/s, 4 times the 1 before"
    )
    assert change_document(change, UNIVERSAL) == {
        "alert": "raised", "time": "1970-01-01T00:00:40Z", "measure": "bytes",
        "short_rate": 4_000.0, "long_rate": 1_000.0, "tick": 4, "short": 40_000.0,
        "long": 10_000.0,
    }  # fmt: skip
