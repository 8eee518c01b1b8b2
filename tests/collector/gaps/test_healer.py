"""Healing from a history, with a real store, after a lossy bus or a stopped listener."""

from __future__ import annotations

import math
import random
import time

import pytest
from structlog.testing import capture_logs

from hubbub.collector.gaps.watched import UNREACHABLE
from tests.support.history.fake_history import T0, message
from tests.support.history.healing_lab import HOUR, SETTLE, SOURCE, START, Lab, S, ids, traffic


@pytest.fixture
def make_lab(tmp_path):
    labs: list[Lab] = []

    def make(rows=(), **options):
        labs.append(Lab(tmp_path / str(len(labs)), rows, **options))
        return labs[-1]

    yield make
    for lab in labs:
        lab.close()


def test_a_completely_received_hour_is_proven_by_one_request(make_lab):
    rows = traffic(START, START + HOUR)
    lab = make_lab(rows)
    lab.receive(rows)
    lab.span(START, START + HOUR)
    assert lab.requests_at(START + HOUR + SETTLE + 60) <= 2  # the hour may touch two days
    assert lab.state(START, START + HOUR) == "complete"
    assert lab.store.state.dead_letter_counts() == {}


def test_an_hour_without_a_listener_is_healed_from_history(make_lab):
    rows = traffic(START, START + 3 * HOUR)
    lab = make_lab(rows)
    lab.receive([r for r in rows if not START + HOUR <= r[0] - T0 < START + 2 * HOUR])
    lab.span(START, START + HOUR)
    lab.span(START + HOUR, START + 2 * HOUR, "gap", "we did not listen")
    lab.span(START + 2 * HOUR, START + 3 * HOUR)
    lab.run_at(START + 2 * HOUR + 5)  # at once
    assert lab.ids() == ids(rows)
    assert lab.state(START + HOUR, START + 2 * HOUR) == "unproven"  # rows may come late
    for n in range(2):
        lab.run_at(START + 3 * HOUR + SETTLE + 60 * n + 60)
    assert lab.state(START, START + 3 * HOUR) == "healed"
    assert lab.coverage(START, START + 3 * HOUR).gaps == ()
    assert "healed" in {state for *_, state in lab.store.state.spans(SOURCE, "")}


def test_rows_that_come_late_within_the_settling_time_are_read(make_lab):
    rows = traffic(START, START + HOUR)
    late = rows.pop(500)
    lab = make_lab(rows)
    lab.span(START, START + HOUR, "gap", "we did not listen")
    lab.run_at(START + HOUR + 5)
    lab.datagrepper.rows.append(late)
    lab.run_at(START + HOUR + SETTLE + 60)
    assert lab.ids() == ids([*rows, late])
    assert lab.state(START, START + HOUR) == "healed"


def test_unnoticed_losses_are_found_by_counting(make_lab):
    rows = traffic(START, START + HOUR)
    chance = random.Random(1)
    lab = make_lab(rows)
    lab.receive([row for row in rows if chance.random() > 0.1])
    lab.span(START, START + HOUR)
    lab.run_at(START + HOUR + SETTLE + 60)
    assert lab.ids() == ids(rows)
    assert lab.state(START, START + HOUR) == "complete"


def test_one_lost_message_of_a_day_costs_a_dozen_counts_and_some_pages(make_lab):
    rows = traffic(START, START + 20 * HOUR, every=4)
    lab = make_lab(rows)
    lab.receive(rows[:9000] + rows[9001:])
    lab.span(START, START + 20 * HOUR)
    assert lab.requests_at(START + 20 * HOUR + SETTLE + 60) <= 34
    assert lab.ids() == ids(rows)
    assert lab.state(START, START + 20 * HOUR) == "complete"


def test_a_row_that_comes_hours_late_is_found_by_counting_the_day_again(make_lab):
    rows = traffic(START, START + HOUR)
    late = rows.pop(100)
    lab = make_lab(rows)
    lab.receive(rows)
    lab.span(START, START + HOUR)
    lab.run_at(START + HOUR + SETTLE + 60)
    assert lab.state(START, START + HOUR) == "complete"
    lab.datagrepper.rows.append(late)
    lab.run_at(START + 4 * HOUR)
    assert lab.ids() == ids([*rows, late])
    assert lab.state(START, START + HOUR) == "complete"


@pytest.mark.parametrize("fault", ["lacks", "twice"])
def test_messages_that_history_lacks_or_has_twice_are_remembered_as_differences(make_lab, fault):
    rows = traffic(START, START + HOUR)
    lab = make_lab(rows)
    lab.receive(rows)
    if fault == "lacks":
        del lab.datagrepper.rows[250]
    else:
        lab.datagrepper.rows.append((rows[250][0] + 1, rows[250][1]))
    lab.span(START, START + 5 * HOUR)
    costs = [lab.requests_at(START + HOUR + SETTLE + 60 + n * 400) for n in range(6)]
    assert lab.ids() == ids(rows)  # the union of both
    assert lab.state(START, START + HOUR) == "complete"
    assert costs[0] > 2
    assert costs[-1] <= 2
    assert lab.store.state.get(f"heal {lab.history.source}") is not None
    assert costs[-1] == min(costs)


def test_a_new_healer_resumes_from_the_ledger(make_lab):
    rows = traffic(START, START + HOUR)
    lab = make_lab(rows)
    lab.span(START, START + HOUR, "gap", "we did not listen")
    lab.run_at(START + HOUR + 5)
    lab.healer = lab.new_healer()
    lab.run_at(START + HOUR + SETTLE + 60)
    assert lab.state(START, START + HOUR) == "healed"


def test_a_healed_gap_is_not_requested_again(make_lab):
    rows = traffic(START, START + HOUR)
    lab = make_lab(rows)
    lab.receive(rows)
    lab.span(START, START + HOUR)
    lab.span(START + 100, START + 200, "gap", "numbers were skipped")
    lab.run_at(START + HOUR + SETTLE + 30)
    lab.run_at(START + HOUR + SETTLE + 60)
    assert lab.state(START, START + HOUR) == "healed"
    assert lab.requests_at(START + HOUR + SETTLE + 90) == 0
    lab.span(START + 100, START + 200, "gap", "numbers were skipped")  # recorded once more
    assert lab.requests_at(START + HOUR + SETTLE + 120) == 0
    assert lab.state(START, START + HOUR) == "healed"


def test_a_growing_gap_is_not_requested_in_every_round(make_lab):
    lab = make_lab(traffic(START, START + HOUR))
    costs = []
    for minute in range(1, 21):
        lab.span(START + (minute - 1) * 60, START + minute * 60, "gap", UNREACHABLE)
        costs.append(lab.requests_at(START + minute * 60))
    assert sum(cost > 0 for cost in costs) <= 6
    assert len(lab.ids()) > 100


def test_nothing_is_proven_while_the_loader_is_behind(make_lab):
    rows = traffic(START, START + HOUR)
    lab = make_lab(rows)
    lab.receive(rows)
    lab.span(START, START + HOUR)
    lab.loaded = lambda: (T0 + START + 1000) * S
    lab.run_at(START + HOUR + SETTLE + 60)
    assert lab.state(START, START + 300) == "complete"
    assert lab.state(START, START + HOUR) == "unproven"
    assert lab.state(START + 420, START + HOUR) == "unproven"


def test_an_unreachable_history_is_retried_with_one_warning_each_time(make_lab):
    rows = traffic(START, START + HOUR)
    lab = make_lab(rows)
    lab.span(START, START + HOUR, "gap", "we did not listen")
    away = True

    def before(_datagrepper, _n):
        if away:
            raise OSError("no route")

    lab.datagrepper.before = before
    with capture_logs() as logs:
        waits = [lab.run_at(START + HOUR + 5 + n) for n in range(3)]
    assert waits == sorted(waits)
    assert waits[0] >= 5
    assert [log["event"] for log in logs if log["log_level"] == "warning"].count(
        "cannot heal now"
    ) == 3
    away = False
    lab.run_at(START + HOUR + SETTLE + 60)
    assert lab.state(START, START + HOUR) == "healed"


def test_a_gap_in_history_itself_stays_a_gap(make_lab):
    rows = traffic(START, START + HOUR)
    lab = make_lab(rows)
    lab.span(START, START + HOUR, "gap", "we did not listen")
    lab.datagrepper.mutate = lambda page, _: page | {"total": page["total"] + 3}
    lab.run_at(START + HOUR + SETTLE + 60)
    assert lab.coverage(START, START + HOUR).gaps


def test_a_limited_listener_requests_only_its_categories(make_lab):
    rows = [
        *traffic(START, START + HOUR),
        *(message(START + n, f"w{n}", topic="org.example.wiki.edit") for n in range(50)),
    ]
    lab = make_lab(rows, categories=["git"])
    filters = "category=git"
    lab.span(START, START + HOUR, "gap", "we did not listen", filters)
    lab.run_at(START + HOUR + SETTLE + 60)
    assert lab.ids() == ids(traffic(START, START + HOUR))
    assert lab.coverage(START, START + HOUR, filters).state == "healed"
    assert lab.coverage(START, START + HOUR).state == "unproven"


def test_the_thread_stops_while_history_does_not_respond(make_lab):
    lab = make_lab(traffic(START, START + HOUR))
    lab.span(START, START + HOUR, "gap", "we did not listen")
    lab.now = START + HOUR
    lab.datagrepper.before = lambda *_: time.sleep(0.2)
    lab.healer.start()
    time.sleep(0.1)
    started = time.monotonic()
    assert lab.healer.stop(2)
    assert time.monotonic() - started < 1.5


def test_a_gap_is_read_again_after_settling_though_nothing_can_be_counted(make_lab):
    rows = traffic(START, START + HOUR)
    late = rows.pop(510)
    lab = make_lab(rows)
    lab.loaded = lambda: 0  # the loader is behind
    lab.span(START, START + HOUR, "gap", "we did not listen")
    lab.run_at(START + HOUR + 5)
    lab.datagrepper.rows.append(late)
    lab.run_at(START + HOUR + 60)
    assert lab.state(START, START + HOUR) == "unproven"
    lab.run_at(START + HOUR + SETTLE + 60)
    assert lab.ids() == ids([*rows, late])
    assert lab.state(START, START + HOUR) == "healed"


@pytest.mark.parametrize("leap", [HOUR, 20 * 365 * 24 * HOUR], ids=["an hour", "years"])
def test_after_a_clock_jumped_ahead_and_back_everything_is_requested(make_lab, leap):
    """A history that has no messages of the future must not prove that none will come."""
    rows = traffic(START, START + 2 * HOUR)
    lab = make_lab([])
    lab.span(START, START + HOUR, "gap", "we did not listen")
    lab.span(START + HOUR, START + HOUR + leap, "gap", "our clock jumped")
    lab.run_at(START + HOUR + leap + 2 * SETTLE)
    assert lab.state(START + HOUR + 60, START + 2 * HOUR) in {"complete", "healed"}
    lab.datagrepper.rows += rows  # an hour later by true time
    lab.span(START + HOUR, START + HOUR + leap, "gap", "our clock jumped")
    for minute in range(0, 120, 20):
        lab.run_at(START + HOUR + 60 * minute + 60)
    later = START + 2 * HOUR + 2 * SETTLE
    lab.run_at(later)
    lab.run_at(later + SETTLE)
    assert lab.ids() == ids(rows)
    assert lab.state(START, START + 2 * HOUR) in {"complete", "healed"}


def test_a_new_healer_ignores_proofs_about_the_future(make_lab):
    lab = make_lab(traffic(START, START + HOUR))
    lab.store.state.span(
        lab.history.source, "", (T0 + START) * S, (T0 + START + HOUR) * S, "complete", "0 of 0"
    )
    lab.span(START, START + HOUR, "gap", "our clock jumped")
    lab.run_at(START + 600)
    assert lab.state(START + 1200, START + HOUR) != "complete"
    lab.run_at(START + HOUR + 2 * SETTLE)
    assert lab.ids() == ids(traffic(START, START + HOUR))


def hiding(second):
    """Make a history count a row in this second that it never delivers."""

    def mutate(page, query):
        if float(query["start"]) <= T0 + second <= float(query["end"]):
            page["total"] += 1
            page["pages"] = math.ceil(page["total"] / (int(query["rows_per_page"]) or 10**9))
        return page

    return mutate


def test_unprovable_spans_of_a_limited_listener_are_read_with_growing_pauses(make_lab):
    lab = make_lab(traffic(START, START + HOUR), categories=["git"])
    lab.span(START, START + HOUR, "unproven", "heard", "category=git")
    lab.datagrepper.mutate = hiding(START + 1000)
    hours = [n for n in range(9) if lab.requests_at(START + 2 * HOUR + n * HOUR)]
    assert hours == [0, 1, 3, 7]
