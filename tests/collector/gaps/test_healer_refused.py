"""Healing where a row of history cannot be read: its second stays a gap, and is rarely read."""

from __future__ import annotations

import pytest

from hubbub.collector.decode.rejected import digest
from hubbub.collector.event import DISMISSED_KEY
from tests.support.history.fake_history import T0, message
from tests.support.history.healing_lab import HOUR, SETTLE, START, Lab, S, ids, traffic

BAD = START + 1000


@pytest.fixture
def lab(tmp_path):
    """An hour of which history has one more message, without a topic."""
    rows = traffic(START, START + HOUR)
    bad = (T0 + BAD, {**message(BAD, "bad")[1], "topic": ""})
    lab = Lab(tmp_path, [*rows, bad])
    yield lab
    lab.close()


def good(lab):
    return [row for row in lab.datagrepper.rows if row[1]["topic"]]


def gaps(lab):
    spans = lab.store.state.coverage()
    return [
        (span.start // S - T0, span.end // S - T0, span.proof)
        for span in spans
        if span.state == "gap" and span.source == lab.history.source
    ]


@pytest.mark.parametrize("heard", [True, False])
def test_a_row_that_cannot_be_read_is_no_proof(lab, heard):
    if heard:
        lab.receive(good(lab))
    lab.span(START, START + HOUR, "unproven" if heard else "gap", "heard or not")
    costs = [lab.requests_at(START + 2 * HOUR + n * SETTLE) for n in range(12)]
    assert lab.ids() == ids(good(lab))
    assert gaps(lab) == [
        (BAD, BAD + 1, "1 row was refused and is no event (see hubbub dead-letters)")
    ]
    assert lab.coverage(START, START + HOUR).state == "unproven"
    assert sum(costs[4:]) <= 16, "a count of the day now and then, and the second once or twice"
    assert lab.store.state.dead_letter_counts() == {"no-topic": 1}


def test_it_is_healed_once_it_is_dismissed(lab):
    lab.receive(good(lab))
    lab.span(START, START + HOUR)
    for n in range(3):
        lab.run_at(START + 2 * HOUR + n * SETTLE)
    assert gaps(lab)
    (letter,) = lab.store.dead_letters()
    lab.store.state.set(DISMISSED_KEY, [digest(letter.body)])
    for n in range(30):
        lab.run_at(START + 3 * HOUR + n * HOUR)
    assert gaps(lab) == []
    assert lab.state(START, START + HOUR) == "complete"


def test_a_message_that_the_bus_delivered_is_no_gap(lab):
    """History's row cannot be read, but its message came over the bus."""
    rows = good(lab)
    lab.receive([*rows, message(BAD, "bad")])
    lab.span(START, START + HOUR)
    for n in range(3):
        lab.run_at(START + 2 * HOUR + n * SETTLE)
    assert gaps(lab) == []
    assert lab.state(START, START + HOUR) == "complete"
