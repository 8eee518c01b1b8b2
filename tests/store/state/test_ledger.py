"""The coverage ledger, against a model with a value for every microsecond."""

import time
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.store.state.coverage import judge
from hubbub.store.state.database import State
from hubbub.store.state.ledger import STATES, CoverageSpan
from tests.support.examples import examples

RECORDS = st.tuples(
    st.integers(0, 19), st.integers(1, 20), st.sampled_from(STATES), st.sampled_from("pq")
)


@settings(max_examples=examples(60))
@given(st.lists(RECORDS, max_size=12))
def test_every_microsecond_has_the_state_that_was_recorded_last(
    records: list[tuple[int, int, str, str]],
) -> None:
    model: dict[int, tuple[str, str]] = {}
    with TemporaryDirectory() as folder, State(Path(folder) / "s") as state:
        for start, length, kind, proof in records:
            state.span("s", "", start, start + length, kind, proof)
            for moment in range(start, start + length):
                if kind != "unproven" or moment not in model:
                    model[moment] = (kind, proof)
        spans = state.coverage()
    recorded = {moment: (s.state, s.proof) for s in spans for moment in range(s.start, s.end)}
    assert recorded == model
    assert sum(s.end - s.start for s in spans) == len(model), "no two overlap"
    for a, b in pairwise(spans):
        assert a.end < b.start or (a.state, a.proof) != (b.state, b.proof), "neighbours are joined"


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "s")


def test_sources_and_filters_do_not_touch_each_other(state: State) -> None:
    state.span("a", "", 0, 10, "complete", "p")
    state.span("b", "", 5, 10, "gap", "q")
    state.span("a", "category=git", 5, 10, "gap", "r")
    assert state.spans("a", "") == [(0, 10, "complete")]
    assert state.spans("a", "category=git") == [(5, 10, "gap")]
    assert [s.source for s in state.coverage(0, 5)] == ["a"]
    assert len(state.coverage()) == 3
    state.close()


def test_a_joined_span_was_recorded_when_its_last_part_was(state: State) -> None:
    """Damage reopens spans that were recorded later: rather too many than too few."""
    state.span("a", "", 0, 10, "complete", "p")
    first = state.coverage()[0].recorded
    time.sleep(0.001)
    state.span("a", "", 10, 20, "complete", "p")
    (joined,) = state.coverage()
    assert (joined.start, joined.end) == (0, 20)
    assert joined.recorded > first
    state.close()


def test_an_unknown_state_and_an_empty_span_are_refused(state: State) -> None:
    with pytest.raises(ValueError, match="one of complete"):
        state.span("a", "", 0, 1, "perfect", "")
    with pytest.raises(ValueError, match="empty"):
        state.span("a", "", 5, 5, "gap", "")
    assert state.coverage() == []
    state.close()


def span(start: int, end: int, state: str, source: str = "h", filters: str = "") -> CoverageSpan:
    return CoverageSpan(source, filters, start, end, state, "why")


@pytest.mark.parametrize(
    ("spans", "state", "gaps"),
    [
        ([], "unproven", []),
        ([span(0, 100, "complete")], "complete", []),
        ([span(-50, 40, "complete"), span(40, 200, "complete", "other")], "complete", []),
        ([span(0, 40, "complete"), span(41, 100, "complete")], "unproven", []),
        ([span(0, 99, "complete")], "unproven", []),
        ([span(0, 50, "complete"), span(50, 100, "healed")], "healed", []),
        ([span(0, 100, "unproven")], "unproven", []),
        ([span(0, 100, "complete", filters="category=git")], "unproven", []),
        ([span(20, 30, "gap", "zmq")], "unproven", [(20, 30)]),
        (
            [span(-20, 30, "gap", "zmq"), span(90, 300, "gap", "zmq")],
            "unproven",
            [(0, 30), (90, 100)],
        ),
        ([span(20, 60, "gap", "zmq"), span(30, 40, "complete")], "unproven", [(20, 30), (40, 60)]),
        ([span(20, 60, "gap", "zmq"), span(0, 100, "complete")], "healed", []),
        ([span(100, 200, "gap", "zmq"), span(0, 100, "complete")], "complete", []),
    ],
)
def test_the_state_of_a_range(
    spans: list[CoverageSpan], state: str, gaps: list[tuple[int, int]]
) -> None:
    verdict = judge(spans, 0, 100)
    assert verdict.state == state
    assert [(g.start, g.end) for g in verdict.gaps] == gaps


def test_a_filtered_range_is_covered_by_spans_with_its_filter_or_without_any() -> None:
    spans = [span(0, 50, "complete", filters="category=git"), span(50, 100, "complete")]
    assert judge(spans, 0, 100, filters="category=git").state == "complete"
    assert judge(spans, 0, 100, filters="category=bodhi").state == "unproven"
