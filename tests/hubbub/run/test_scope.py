"""The range of a request that names no beginning or no end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubbub.run.scope import CommonOptions, Range, extend_to_ledger, range_notes, resolve
from hubbub.store.query.extent import Extent
from hubbub.store.state.ledger import CoverageSpan
from hubbub.times import EPOCH, to_micros

NOW = datetime(2026, 1, 20, tzinfo=UTC)


def day(n: float) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n - 1)


def span(start: datetime, end: datetime, state: str = "complete", filters: str = "") -> Any:
    return CoverageSpan("zmq:x", filters, to_micros(start), to_micros(end), state, "")


DATA = Extent(to_micros(day(5)), to_micros(day(10)))
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("extent", "spans", "since", "until"),
    [
        (DATA, [], day(5), day(10) + SECOND),
        (DATA, [span(day(2), day(9))], day(2), day(9)),  # from the first span of the ledger
        (DATA, [span(day(2), day(9), "unproven")], day(2), day(10) + SECOND),
        (DATA, [span(day(7), day(9))], day(5), day(9)),  # a file holds what is older
        (DATA, [span(day(2), day(9), filters="category=git")], day(5), day(10) + SECOND),
        (DATA, [span(EPOCH, day(3), "gap")], day(5), day(10) + SECOND),  # a clock of 1970
        (DATA, [span(day(2), day(40_000))], day(2), NOW),  # a clock of 2135
        (replace(DATA, complete_from=to_micros(day(4))),
         [span(day(2), day(9))], day(4), day(9)),  # retention deleted the third
        (Extent(), [], EPOCH, EPOCH),
        (Extent(), [span(day(2), day(9), "unproven")], day(2), day(9)),
    ],
)  # fmt: skip
def test_the_range_without_bounds(
    extent: Extent, spans: list[Any], since: datetime, until: datetime
) -> None:
    assert resolve(CommonOptions(), extent, spans, NOW) == Range(since, until)
    later = resolve(CommonOptions(), extent, spans, NOW + timedelta(days=9))
    assert later == Range(since, until if until != NOW else NOW + timedelta(days=9))


def test_the_range_of_the_ledger_of_an_empty_store_does_not_depend_on_the_time() -> None:
    options = extend_to_ledger(CommonOptions(), Extent(), [])
    assert resolve(options, Extent(), [], NOW) == Range(EPOCH, EPOCH)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "2 from before the store began, 1,000 from after now"),
        ({"since": day(1)}, "left out: 1,000 from after now;"),
        ({"until": day(9)}, "left out: 2 from before the store began;"),
        ({"since": day(1), "until": day(9)}, None),
    ],
)
def test_a_note_says_what_is_left_out(given: Any, said: str | None) -> None:
    extent = Extent(DATA.oldest, DATA.newest, 2, 1000)
    notes = range_notes(CommonOptions(**given), Range(day(5), day(10) + SECOND), extent)
    assert len(notes) == (0 if said is None else 1)
    assert (said or "") in "".join(notes)
