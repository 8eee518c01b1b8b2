"""The ledger of coverage, against a model that states a value for every microsecond."""

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

STATEMENT = st.tuples(
    st.integers(0, 19), st.integers(1, 20), st.sampled_from(STATES), st.sampled_from("pq")
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STATEMENT, max_size=12))
def test_every_microsecond_says_what_was_last_said_about_it(
    statements: list[tuple[int, int, str, str]],
) -> None:
    model: dict[int, tuple[str, str]] = {}
    with TemporaryDirectory() as folder, State(Path(folder) / "s") as state:
        for start, length, kind, proof in statements:
            state.span("s", "", start, start + length, kind, proof)
            for at in range(start, start + length):
                if kind != "unproven" or at not in model:
                    model[at] = (kind, proof)
        found = state.coverage()
    said = {at: (s.state, s.proof) for s in found for at in range(s.start, s.end)}
    assert said == model
    assert sum(s.end - s.start for s in found) == len(model), "no two overlap"
    for a, b in pairwise(found):
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


def test_a_joined_span_was_asked_when_its_last_part_was(state: State) -> None:
    """What damage since then takes back goes by it: rather too much than too little."""
    state.span("a", "", 0, 10, "complete", "p")
    first = state.coverage()[0].asked
    time.sleep(0.001)
    state.span("a", "", 10, 20, "complete", "p")
    (joined,) = state.coverage()
    assert (joined.start, joined.end) == (0, 20)
    assert joined.asked > first
    state.close()


def test_nonsense_is_refused(state: State) -> None:
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


def test_a_narrow_question_is_answered_by_its_own_filter_and_by_the_whole() -> None:
    spans = [span(0, 50, "complete", filters="category=git"), span(50, 100, "complete")]
    assert judge(spans, 0, 100, filters="category=git").state == "complete"
    assert judge(spans, 0, 100, filters="category=bodhi").state == "unproven"
