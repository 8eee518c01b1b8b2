"""What a gather says that it will need, held against what it needed."""

from datetime import datetime

import pytest

from hubbub.collector.history.estimate import Estimate, estimate
from hubbub.collector.history.paging import Piece, Slice, Step
from tests.support.history.fake_history import FakeDatagrepper, at, run, steady


@pytest.mark.parametrize("jobs", [1, 4])
@pytest.mark.parametrize("rows", [0, 1, 99, 100, 950, 3000, 10_000])
def test_the_expected_requests_are_about_those_that_are_sent(rows: int, jobs: int) -> None:
    said: list[Estimate] = []
    result, _, _ = run(FakeDatagrepper(steady(rows)), jobs=jobs, expect=said.append)
    (expected,) = said
    assert expected.rows == rows
    assert result.requests * 0.75 - 1 <= expected.requests <= result.requests * 1.25 + 2


def test_what_was_gathered_before_is_not_expected_again() -> None:
    datagrepper = FakeDatagrepper(steady(2000))
    said: list[Estimate] = []
    _, _, ledger = run(datagrepper, end=500)
    run(datagrepper, ledger=ledger, expect=said.append)
    assert [expected.rows for expected in said] == [1000]
    run(datagrepper, ledger=ledger, expect=said.append)
    assert len(said) == 1  # nothing is missing, nothing is requested


def test_each_slice_ends_with_requests_of_its_own() -> None:
    step = Step((), Piece(0, 20, 100), 100, 1880)
    found = estimate(Slice(0, 0, 100), step, unread=100, slices=8)
    assert found == Estimate(1980, 28)


def test_the_rest_of_the_range_is_taken_to_be_as_busy() -> None:
    step = Step((), Piece(0, 100, 10, verified=True), 10, 0)
    found = estimate(Slice(0, 0, 100), step, unread=1000, slices=1)
    assert (found.rows, found.requests) == (100, 3)


def test_the_dates_of_the_progress_grow_to_the_end() -> None:
    seen: list[datetime] = []
    run(FakeDatagrepper(steady(950)), jobs=3, reached=seen.append)
    assert seen == sorted(seen)
    assert (at(0) <= seen[0] < at(1000), seen[-1]) == (True, at(1000))
