"""When the listener was deaf, by the ledger."""

from __future__ import annotations

import pytest

from hubbub.collector.gaps.watched import RECEIVED, SILENT, STOPPED
from hubbub.live.alerts.heard import deaf, known_until
from hubbub.store.state.ledger import CoverageSpan

DAY = 86_400_000_000
A, B, HISTORY = "zmq:a", "zmq:b", "history:h"


def span(source: str, start: int, end: int, state: str, proof: str = RECEIVED) -> CoverageSpan:
    return CoverageSpan(source, "", start, end, state, proof)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], []),
        ([span(HISTORY, 0, 50, "complete")], []),
        ([span(HISTORY, 20, 30, "gap", "refused")], [(20, 30)]),
        # before the first span and while it is heard nothing is deaf; after the last one it is
        ([span(A, 10, 60, "unproven")], [(60, 100)]),
        ([span(A, 0, 40, "unproven"), span(A, 40, 70, "gap", STOPPED),
          span(A, 70, 100, "unproven")], [(40, 70)]),
        # history has supplied a part
        ([span(A, 0, 40, "unproven"), span(A, 40, 70, "gap", STOPPED), span(A, 70, 100, "unproven"),
          span(HISTORY, 50, 70, "complete")], [(40, 50)]),
        # connected, and silent
        ([span(A, 0, 40, "unproven"), span(A, 40, 100, "gap", SILENT)], []),
        # one of two sources
        ([span(A, 0, 100, "unproven"), span(B, 0, 40, "unproven"), span(B, 40, 60, "gap", STOPPED),
          span(B, 60, 100, "unproven")], [(40, 60)]),
        # a stop without a gap in the ledger
        ([span(A, 0, 30, "unproven"), span(A, 50, 100, "unproven")], [(30, 50)]),
    ],
)  # fmt: skip
def test_deaf_times(spans: list[CoverageSpan], expected: list[tuple[int, int]]):
    assert deaf(spans, 0, 100) == expected


def test_a_source_that_is_silent_counts_for_coverage():
    spans = [span(A, 0, 40, "unproven"), span(A, 40, 100, "gap", SILENT)]
    assert deaf(spans, 0, 100, silent=True) == [(40, 100)]


def test_a_source_that_is_gone_is_deaf_for_a_day():
    heard = span(A, 0, 5 * DAY, "unproven")
    gone = [span(B, 0, DAY, "unproven"), span(B, DAY, 5 * DAY, "gap", STOPPED)]
    assert deaf([heard, *gone], 0, 5 * DAY) == [(DAY, 2 * DAY)]
    assert deaf(gone, 0, 5 * DAY) == [(DAY, 5 * DAY)], "unless no other is heard"
    assert deaf([heard, *gone], DAY + 5, DAY + 10) == [(DAY + 5, DAY + 10)]


def test_until_when_the_ledger_knows():
    assert known_until([]) is None
    assert known_until([span(HISTORY, 0, 90, "complete")]) is None
    assert known_until([span(A, 0, 40, "unproven"), span(B, 0, 60, "gap", STOPPED)]) == 60
