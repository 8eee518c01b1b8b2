"""Healing from a history, with a real store: what a lossy bus and a stopped listener missed."""

from __future__ import annotations

import math
import random
import time

import pytest
from structlog.testing import capture_logs

from tests.support.fake_history import T0, message
from tests.support.healing_lab import HOUR, SETTLE, SOURCE, START, Lab, S, ids, traffic


@pytest.fixture
def lab(tmp_path):
    labs: list[Lab] = []

    def make(rows=(), **more):
        labs.append(Lab(tmp_path / str(len(labs)), rows, **more))
        return labs[-1]

    yield make
    for one in labs:
        one.close()


def test_an_hour_that_was_heard_whole_is_proven_by_one_request(lab):
    rows = traffic(START, START + HOUR)
    one = lab(rows)
    one.hear(rows)
    one.span(START, START + HOUR)
    assert one.requests(START + HOUR + SETTLE + 60) <= 2  # an hour may begin a day
    assert one.state(START, START + HOUR) == "complete"
    assert one.store.state.dead_letter_counts() == {}


def test_a_stopped_hour_comes_from_history_and_is_healed(lab):
    rows = traffic(START, START + 3 * HOUR)
    one = lab(rows)
    one.hear([r for r in rows if not START + HOUR <= r[0] - T0 < START + 2 * HOUR])
    one.span(START, START + HOUR)
    one.span(START + HOUR, START + 2 * HOUR, "gap", "we did not listen")
    one.span(START + 2 * HOUR, START + 3 * HOUR)
    one.look(START + 2 * HOUR + 5)  # at once
    assert one.ids() == ids(rows)
    assert one.state(START + HOUR, START + 2 * HOUR) == "unproven"  # rows may come late
    for n in range(2):
        one.look(START + 3 * HOUR + SETTLE + 60 * n + 60)
    assert one.state(START, START + 3 * HOUR) == "healed"
    assert one.store.coverage((T0 + START) * S, (T0 + START + 3 * HOUR) * S).gaps == ()
    assert "healed" in {state for *_, state in one.store.state.spans(SOURCE, "")}


def test_rows_that_come_late_within_the_settling_time_are_read_again(lab):
    rows = traffic(START, START + HOUR)
    late = rows.pop(500)
    one = lab(rows)
    one.span(START, START + HOUR, "gap", "we did not listen")
    one.look(START + HOUR + 5)
    one.grepper.rows.append(late)
    one.look(START + HOUR + SETTLE + 60)
    assert one.ids() == ids([*rows, late])
    assert one.state(START, START + HOUR) == "healed"


def test_a_tenth_that_was_lost_is_found_by_count_alone(lab):
    rows = traffic(START, START + HOUR)
    chance = random.Random(1)
    one = lab(rows)
    one.hear([row for row in rows if chance.random() > 0.1])
    one.span(START, START + HOUR)
    one.look(START + HOUR + SETTLE + 60)
    assert one.ids() == ids(rows)
    assert one.state(START, START + HOUR) == "complete"


def test_one_lost_message_of_a_day_costs_a_dozen_counts_and_some_pages(lab):
    rows = traffic(START, START + 20 * HOUR, every=4)
    one = lab(rows)
    one.hear(rows[:9000] + rows[9001:])
    one.span(START, START + 20 * HOUR)
    assert one.requests(START + 20 * HOUR + SETTLE + 60) <= 34
    assert one.ids() == ids(rows)
    assert one.state(START, START + 20 * HOUR) == "complete"


def test_a_row_that_comes_hours_late_is_found_by_counting_the_day_again(lab):
    rows = traffic(START, START + HOUR)
    late = rows.pop(100)
    one = lab(rows)
    one.hear(rows)
    one.span(START, START + HOUR)
    one.look(START + HOUR + SETTLE + 60)
    assert one.state(START, START + HOUR) == "complete"
    one.grepper.rows.append(late)
    one.look(START + 4 * HOUR)
    assert one.ids() == ids([*rows, late])
    assert one.state(START, START + HOUR) == "complete"


@pytest.mark.parametrize("fault", ["lacks", "twice"])
def test_what_history_lacks_or_has_twice_is_read_once_and_remembered(lab, fault):
    rows = traffic(START, START + HOUR)
    one = lab(rows)
    one.hear(rows)
    if fault == "lacks":
        del one.grepper.rows[250]
    else:
        one.grepper.rows.append((rows[250][0] + 1, rows[250][1]))
    one.span(START, START + 5 * HOUR)
    costs = [one.requests(START + HOUR + SETTLE + 60 + n * 400) for n in range(6)]
    assert one.ids() == ids(rows)  # the union of both
    assert one.state(START, START + HOUR) == "complete"
    assert costs[0] > 2
    assert costs[-1] <= 2
    assert one.store.state.get(f"heal {one.history.source}") is not None
    assert costs[-1] == min(costs)


def test_a_new_healer_goes_on_from_the_ledger(lab):
    rows = traffic(START, START + HOUR)
    one = lab(rows)
    one.span(START, START + HOUR, "gap", "we did not listen")
    one.look(START + HOUR + 5)
    one.healer = one.new()
    one.look(START + HOUR + SETTLE + 60)
    assert one.state(START, START + HOUR) == "healed"


def test_what_was_healed_is_not_asked_for_again(lab):
    rows = traffic(START, START + HOUR)
    one = lab(rows)
    one.hear(rows)
    one.span(START, START + HOUR)
    one.span(START + 100, START + 200, "gap", "numbers were skipped")
    one.look(START + HOUR + SETTLE + 30)
    one.look(START + HOUR + SETTLE + 60)
    assert one.state(START, START + HOUR) == "healed"
    assert one.requests(START + HOUR + SETTLE + 90) == 0
    one.span(START + 100, START + 200, "gap", "numbers were skipped")  # said once more
    assert one.requests(START + HOUR + SETTLE + 120) == 0
    assert one.state(START, START + HOUR) == "healed"


def test_a_gap_that_grows_is_not_asked_for_at_every_look(lab):
    one = lab(traffic(START, START + HOUR))
    costs = []
    for minute in range(1, 21):
        one.span(START + (minute - 1) * 60, START + minute * 60, "gap", "nobody answered")
        costs.append(one.requests(START + minute * 60))
    assert sum(cost > 0 for cost in costs) <= 6
    assert len(one.ids()) > 100


def test_nothing_is_claimed_while_the_loader_is_behind(lab):
    rows = traffic(START, START + HOUR)
    one = lab(rows)
    one.hear(rows)
    one.span(START, START + HOUR)
    one.loaded = lambda: (T0 + START + 1000) * S
    one.look(START + HOUR + SETTLE + 60)
    assert one.state(START, START + 300) == "complete"
    assert one.state(START, START + HOUR) == "unproven"
    assert one.state(START + 420, START + HOUR) == "unproven"


def test_a_history_that_is_away_is_asked_later_and_said_once_each_time(lab):
    rows = traffic(START, START + HOUR)
    one = lab(rows)
    one.span(START, START + HOUR, "gap", "we did not listen")
    away = True

    def before(_grepper, _n):
        if away:
            raise OSError("no route")

    one.grepper.before = before
    with capture_logs() as logs:
        waits = [one.look(START + HOUR + 5 + n) for n in range(3)]
    assert waits == sorted(waits)
    assert waits[0] >= 5
    assert [log["event"] for log in logs if log["log_level"] == "warning"].count(
        "cannot heal now"
    ) == 3
    away = False
    one.look(START + HOUR + SETTLE + 60)
    assert one.state(START, START + HOUR) == "healed"


def test_a_gap_of_history_itself_stays_a_gap(lab):
    rows = traffic(START, START + HOUR)
    one = lab(rows)
    one.span(START, START + HOUR, "gap", "we did not listen")
    one.grepper.twist = lambda page, _: page | {"total": page["total"] + 3}
    one.look(START + HOUR + SETTLE + 60)
    assert one.store.coverage((T0 + START) * S, (T0 + START + HOUR) * S).gaps != ()


def test_a_limited_listener_asks_for_its_categories(lab):
    rows = [
        *traffic(START, START + HOUR),
        *(message(START + n, f"w{n}", topic="org.example.wiki.edit") for n in range(50)),
    ]
    one = lab(rows, categories=["git"])
    key = "category=git"
    one.store.state.span(
        SOURCE, key, (T0 + START) * S, (T0 + START + HOUR) * S, "gap", "we did not listen"
    )
    one.look(START + HOUR + SETTLE + 60)
    assert one.ids() == ids(traffic(START, START + HOUR))
    span = (T0 + START) * S, (T0 + START + HOUR) * S
    assert one.store.coverage(*span, filters=key).state == "healed"
    assert one.store.coverage(*span).state == "unproven"


def test_its_thread_ends_while_history_does_not_answer(lab):
    one = lab(traffic(START, START + HOUR))
    one.span(START, START + HOUR, "gap", "we did not listen")
    one.now = START + HOUR
    one.grepper.before = lambda *_: time.sleep(0.2)
    one.healer.start()
    time.sleep(0.1)
    began = time.monotonic()
    assert one.healer.stop(2)
    assert time.monotonic() - began < 1.5


def test_a_gap_is_read_again_after_settling_though_nothing_can_be_counted(lab):
    rows = traffic(START, START + HOUR)
    late = rows.pop(510)
    one = lab(rows)
    one.loaded = lambda: 0  # the loader is behind
    one.span(START, START + HOUR, "gap", "we did not listen")
    one.look(START + HOUR + 5)
    one.grepper.rows.append(late)
    one.look(START + HOUR + 60)
    assert one.state(START, START + HOUR) == "unproven"
    one.look(START + HOUR + SETTLE + 60)
    assert one.ids() == ids([*rows, late])
    assert one.state(START, START + HOUR) == "healed"


@pytest.mark.parametrize("leap", [HOUR, 20 * 365 * 24 * HOUR], ids=["an hour", "years"])
def test_a_clock_that_leapt_ahead_and_back_leaves_nothing_unasked(lab, leap):
    """While it is ahead, history agrees that there is nothing in times to come: no proof at all."""
    rows = traffic(START, START + 2 * HOUR)
    one = lab([])
    one.span(START, START + HOUR, "gap", "we did not listen")
    one.span(START + HOUR, START + HOUR + leap, "gap", "our clock jumped")
    one.look(START + HOUR + leap + 2 * SETTLE)
    assert one.state(START + HOUR + 60, START + 2 * HOUR) in {"complete", "healed"}
    one.grepper.rows += rows  # an hour later, by every other clock
    one.span(START + HOUR, START + HOUR + leap, "gap", "our clock jumped")
    for minute in range(0, 120, 20):
        one.look(START + HOUR + 60 * minute + 60)
    later = START + 2 * HOUR + 2 * SETTLE
    one.look(later)
    one.look(later + SETTLE)
    assert one.ids() == ids(rows)
    assert one.state(START, START + 2 * HOUR) in {"complete", "healed"}


def test_a_new_healer_believes_nothing_about_times_to_come(lab):
    one = lab(traffic(START, START + HOUR))
    one.store.state.span(
        one.history.source, "", (T0 + START) * S, (T0 + START + HOUR) * S, "complete", "0 of 0"
    )
    one.span(START, START + HOUR, "gap", "our clock jumped")
    one.look(START + 600)
    assert one.state(START + 1200, START + HOUR) != "complete"
    one.look(START + HOUR + 2 * SETTLE)
    assert one.ids() == ids(traffic(START, START + HOUR))


def hiding(second):
    """A history that counts a row in this second which it never shows."""

    def twist(page, asked):
        if float(asked["start"]) <= T0 + second <= float(asked["end"]):
            page["total"] += 1
            page["pages"] = math.ceil(page["total"] / (int(asked["rows_per_page"]) or 10**9))
        return page

    return twist


def test_what_a_limited_listener_cannot_prove_is_read_ever_more_rarely(lab):
    one = lab(traffic(START, START + HOUR), categories=["git"])
    one.store.state.span(
        SOURCE, "category=git", (T0 + START) * S, (T0 + START + HOUR) * S, "unproven", "heard"
    )
    one.grepper.twist = hiding(START + 1000)
    asked = [n for n in range(9) if one.requests(START + 2 * HOUR + n * HOUR)]
    assert asked == [0, 1, 3, 7]
