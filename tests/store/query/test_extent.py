"""The times that a store spans, without those of clocks that were wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubbub.store import Store
from hubbub.store.query.extent import Extent, LeftOut, extent, left_out
from hubbub.store.state.ledger import CoverageSpan
from hubbub.times import to_micros
from tests.support.stores.filling import MakeEvent

NOW = to_micros(datetime(2026, 1, 20, tzinfo=UTC))
DAY = to_micros(datetime(1970, 1, 2, tzinfo=UTC))
BUS, FILE = "zmq:tcp://x", "jsonl:x"
LEDGER = (CoverageSpan(BUS, "", NOW - 5 * DAY, NOW, "unproven", ""),)


def at(text: str) -> int:
    return to_micros(datetime.fromisoformat(text).replace(tzinfo=UTC))


def fill(store: Store, event: MakeEvent, *events: tuple[str, str]) -> None:
    rows = [
        event(n, time=at(time), source=source, topic=f"t.{n}")
        for n, (time, source) in enumerate(events)
    ]
    store.table.append(rows, 1)


USUAL = [(f"2026-01-1{n}T12:00:00", BUS) for n in range(5, 10)]


@pytest.mark.parametrize(
    ("others", "spans", "expected"),
    [
        # one wrong clock changes nothing, whatever it shows
        *(
            ([(time, BUS)], LEDGER, (USUAL[0][0], USUAL[-1][0], early, 1 - early))
            for time, early in (
                ("1970-01-01", 1),
                ("1999-12-31T23:59:59", 1),
                ("2025-01-17T12:00", 1),
                ("2026-01-13T23:00", 1),
                ("2128-06-10", 0),
                ("2038-01-19", 0),
                ("2026-01-20T01:00", 0),
            )
        ),
        ([("1970-01-01", BUS), ("2128-06-10", BUS)], LEDGER, (USUAL[0][0], USUAL[-1][0], 1, 1)),
        # a little before the listener began, and a clock that is slightly ahead
        ([("2026-01-14T23:59", BUS)], LEDGER, ("2026-01-14T23:59", USUAL[-1][0], 0, 0)),
        ([("2026-01-20T00:05", BUS)], LEDGER, (USUAL[0][0], "2026-01-20T00:05", 0, 0)),
        # files have no place in the ledger, and may be old
        ([("2014-03-01", FILE)], LEDGER, ("2014-03-01", USUAL[-1][0], 0, 0)),
        ([("2014-03-01", FILE)], (), ("2014-03-01", USUAL[-1][0], 0, 0)),
        ([("1970-01-01", FILE), ("2014-03-01", FILE)], (), ("2014-03-01", USUAL[-1][0], 1, 0)),
        ([("1970-01-01", FILE), ("2100-01-01", FILE)], LEDGER, (USUAL[0][0], USUAL[-1][0], 1, 1)),
        # more than half of the events: no wrong clock, the bus replays
        ([(f"2014-03-0{n}", BUS) for n in range(1, 9)], LEDGER,
         ("2014-03-01", USUAL[-1][0], 0, 0)),
        # a span of a wrong clock begins no ledger
        ([("1970-01-01", BUS)], (*LEDGER, CoverageSpan(BUS, "", 0, DAY, "gap", "")),
         (USUAL[0][0], USUAL[-1][0], 1, 0)),
    ],
)  # fmt: skip
def test_times_that_make_no_sense_are_left_out(
    store: Store, event: MakeEvent, others: Any, spans: Any, expected: Any
) -> None:
    fill(store, event, *USUAL, *others)
    oldest, newest, earlier, later = expected
    assert extent(store, spans, NOW) == Extent(at(oldest), at(newest), earlier, later)
    named = left_out(store, spans, NOW, most=9)
    assert len(named) == earlier + later
    assert {e.time for e in named} <= {at(time) for time, _ in others}


def test_if_no_time_makes_sense_all_are_taken(store: Store, event: MakeEvent) -> None:
    fill(store, event, ("1975-01-01", FILE), ("1980-01-01", FILE))
    assert extent(store, (), NOW) == Extent(at("1975-01-01"), at("1980-01-01"))
    behind = to_micros(datetime(1970, 1, 1, 1, tzinfo=UTC))  # this machine has just booted
    assert extent(store, (), behind) == Extent(at("1975-01-01"), at("1980-01-01"))
    assert left_out(store, (), NOW, most=9) == []


def test_an_empty_store_spans_nothing(store: Store) -> None:
    assert extent(store, LEDGER, NOW) == Extent()
    assert left_out(store, LEDGER, NOW, most=9) == []


def test_what_is_left_out_is_named_in_order_and_not_all_of_it(
    store: Store, event: MakeEvent
) -> None:
    wrong = [("2128-01-01", BUS), ("1970-01-02", BUS), ("1970-01-01", BUS)]
    fill(store, event, *USUAL, *wrong)
    assert left_out(store, LEDGER, NOW, most=2) == [
        LeftOut("id-7", at("1970-01-01"), "t.7", BUS),
        LeftOut("id-6", at("1970-01-02"), "t.6", BUS),
    ]


def test_the_extent_of_one_file_that_also_holds_wrong_times(store: Store, event: MakeEvent) -> None:
    times = ["2026-01-01", "2026-01-16", "2026-01-18", "2026-01-31"]  # the file of a month
    fill(store, event, *((time, BUS) for time in times), *USUAL)
    assert len(store.table.files()) == 1
    found = extent(store, LEDGER, NOW)
    assert found == Extent(at(USUAL[0][0]), at(USUAL[-1][0]), 1, 1)
    assert timedelta(microseconds=NOW - (found.newest or 0)) < timedelta(days=2)
