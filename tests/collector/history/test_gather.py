"""Gathering a history: completeness, proofs, coverage, the number of requests."""

import json
import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.errors import SourceError, UsageError
from tests.support.examples import examples
from tests.support.history.fake_history import (
    T0,
    FakeDatagrepper,
    as_raw,
    at,
    message,
    run,
    steady,
)


def test_each_row_arrives_once_with_one_request_per_page():
    result, sink, ledger = run(FakeDatagrepper(steady(950)))
    assert sorted(sink.ids()) == sorted(f"m{n}" for n in range(950))
    assert result.rows == 950
    assert result.requests <= math.ceil(950 / 99) + 1 + 1  # ties at page borders; one count
    assert ledger.seconds("complete") == set(range(1000))
    assert result.incomplete == ()
    assert ledger.values == {}  # no slice is left unfinished


def test_frames_carry_the_row_as_sent():
    rows = [message(5, "a", big=10**30, small=1e-7, text="\N{SNOWMAN}")]
    _, sink, _ = run(FakeDatagrepper(rows))
    (frame,) = sink.durable
    assert json.loads(frame.body) == rows[0][1]
    assert frame.body == json.dumps(rows[0][1]).encode()
    assert frame.source == "history:http://history.example"
    assert frame.topic == b"org.example.git.push"
    assert frame.arrived == (T0 + 10**7) * 10**6


@pytest.mark.parametrize("jobs", [1, 4, 16])
def test_parallel_requests_share_the_work_and_lose_nothing(jobs):
    datagrepper = FakeDatagrepper(steady(3000))
    result, sink, ledger = run(datagrepper, jobs=jobs)
    assert sorted(sink.ids()) == sorted(f"m{n}" for n in range(3000))
    early = {float(query["start"]) for query in datagrepper.queries[: jobs + 1]}
    assert any(start > T0 + 1000 * (1 - 1.5 / jobs) for start in early)  # up to the last part
    assert result.requests <= 3000 / 99 + 4 * jobs + 4
    assert ledger.seconds("complete") == set(range(1000))


def test_a_second_with_more_than_a_page_is_read_completely():
    rows = [*steady(300), *(message(500, f"tie{n}") for n in range(357))]
    datagrepper = FakeDatagrepper(rows)
    result, sink, _ = run(datagrepper)
    assert sorted(sink.ids()) == sorted(row["id"] for _, row in rows)
    assert [q for q in datagrepper.queries if q["rows_per_page"] == "0"] != []
    assert result.incomplete == ()


def test_an_id_stored_twice_with_two_times_is_complete():
    rows = [*steady(450), message(100, "m10"), message(700, "m10"), message(700, "m11")]
    result, sink, ledger = run(FakeDatagrepper(rows))
    assert set(sink.ids()) == {f"m{n}" for n in range(450)}
    assert result.incomplete == ()
    assert ledger.seconds("complete") == set(range(1000))


def test_start_and_end_are_always_sent_and_half_open():
    datagrepper = FakeDatagrepper(
        [message(1000, "end"), message(999.999, "in"), message(-0.5, "before")]
    )
    result, sink, _ = run(datagrepper)
    assert sink.ids() == ["in"]
    assert result.rows == 1
    assert all(float(q["start"]) > 0 and float(q["end"]) < T0 + 1000 for q in datagrepper.queries)
    _, sink, _ = run(datagrepper, start=at(-T0 - 5))  # before 1970
    assert set(sink.ids()) == {"in", "before"}
    assert all(float(q["start"]) > 0 for q in datagrepper.queries)


def test_a_fractional_range_is_widened_to_whole_seconds():
    rows = [message(10.2, "a"), message(19.9, "b")]
    _, sink, ledger = run(FakeDatagrepper(rows), start=at(10.5), end=19.3)
    assert set(sink.ids()) == {"a", "b"}
    assert ledger.seconds("complete") == set(range(10, 20))


def test_rows_that_come_late_while_gathering_are_found_by_the_count():
    def late(datagrepper, n):
        if n == 4:  # within seconds that were read already
            datagrepper.rows.extend(message(20 + k, f"late{k}") for k in range(3))

    result, sink, ledger = run(FakeDatagrepper(steady(900), before=late))
    assert {"late0", "late1", "late2"} <= set(sink.ids())
    assert len(set(sink.ids())) == 903
    assert result.incomplete == ()
    assert ledger.seconds("complete") == set(range(1000))


def test_the_final_count_finds_rows_that_came_late_into_a_proven_slice():
    datagrepper = FakeDatagrepper(steady(9000))

    def late(datagrepper, n):
        if n == 80:  # the first slice is proven after 64 pages
            datagrepper.rows.append(message(3, "late"))

    datagrepper.before = late
    result, sink, ledger = run(datagrepper)
    assert "late" in sink.ids()
    assert [span[4] for span in ledger.recorded] == ["complete"] * 3  # two slices, then the whole
    assert result.requests <= 9000 / 98 + 30


def test_the_trailing_part_is_read_once_more_and_then_proven():
    datagrepper, now = FakeDatagrepper(steady(100)), [T0 + 1000]
    options: dict[str, Any] = {"settle": timedelta(seconds=200), "clock": lambda: now[0]}
    _, sink, ledger = run(datagrepper, **options)
    assert ledger.seconds("complete") == set(range(800))
    assert ledger.seconds("unproven") == set(range(800, 1000))
    datagrepper.rows.append(message(900, "late"))
    datagrepper.queries.clear()
    now[0] += 60
    result, _, _ = run(datagrepper, sink, ledger, end=1060, **options)
    assert "late" in sink.ids()
    assert min(float(q["start"]) for q in datagrepper.queries) == T0 + 800
    assert ledger.seconds("complete") == set(range(860))
    now[0] += 3600
    run(datagrepper, sink, ledger, end=1060, **options)
    assert ledger.seconds("complete") == set(range(1060))
    result, _, _ = run(datagrepper, sink, ledger, end=1060, **options)
    assert result.requests == 0


def test_a_later_run_requests_only_what_is_missing():
    datagrepper = FakeDatagrepper(steady(1000, span=3000))
    _, sink, ledger = run(datagrepper, start=at(500), end=1500)
    datagrepper.queries.clear()
    run(datagrepper, sink, ledger, start=at(0), end=3000)
    windows = [(float(q["start"]) - T0, float(q["end"]) - T0) for q in datagrepper.queries]
    assert all(b <= 500 or a >= 1500 for a, b in windows)
    assert sorted(sink.ids()) == sorted(f"m{n}" for n in range(1000))
    assert ledger.seconds("complete") == set(range(3000))


def test_filters_are_sent_and_are_part_of_coverage():
    rows = [message(n, f"{c}{n}", topic=f"org.example.{c}.x") for n in range(50) for c in "ab"]
    datagrepper = FakeDatagrepper(rows)
    _, sink, ledger = run(datagrepper, categories=["a"], topics=["org.example.a.x"])
    assert set(sink.ids()) == {f"a{n}" for n in range(50)}
    (source, filters) = ledger.recorded[0][:2]
    assert (source, filters) == (
        "history:http://history.example",
        "category=a&topic=org.example.a.x",
    )
    result, _, _ = run(datagrepper, sink, ledger)  # filtered coverage covers nothing else
    assert result.rows == 100
    result, _, _ = run(datagrepper, sink, ledger, users=["x"])  # unfiltered covers every filter
    assert result.requests == 0


def test_an_older_service_is_read_by_raw():
    rows = [*steady(550), *(message(500.25, f"tie{n}") for n in range(130))]
    result, sink, _ = run(FakeDatagrepper(rows, raw_only=True))
    assert sorted(sink.ids()) == sorted(row["id"] for _, row in rows)
    assert json.loads(sink.durable[0].body)["msg_id"]
    assert result.incomplete == ()
    assert as_raw(*rows[0])["timestamp"] == T0


def test_a_count_that_never_matches_is_a_gap_with_both_counts():
    hidden = 400

    def overcount(page, query):
        inside = float(query["start"]) <= T0 + hidden <= float(query["end"])
        if inside and (page["pages"] <= 1 or query["rows_per_page"] == "1"):
            page["total"] += 1
            page["pages"] = math.ceil(page["total"] / (int(query["rows_per_page"]) or 10**9))
        return page

    datagrepper = FakeDatagrepper(steady(500), mutate=overcount)
    result, sink, ledger = run(datagrepper)
    assert len(set(sink.ids())) == 500
    (gap,) = result.incomplete
    assert (gap.start, gap.end) == ((T0 + hidden) * 10**6, (T0 + hidden + 1) * 10**6)
    assert gap.proof == "1 row of this time came where history counts 2"
    assert ledger.seconds("gap") == {hidden}
    assert ledger.seconds("complete") == set(range(1000)) - {hidden}
    assert result.requests < 60
    datagrepper.mutate = lambda page, _: page
    result, _, _ = run(datagrepper, sink, ledger)  # requests only the gap
    assert result.requests == 1
    assert ledger.seconds("complete") == set(range(1000))


def test_always_wrong_counts_do_not_cause_endless_requests():
    def overcount(page, query):
        page["total"] = page["total"] + 7
        page["pages"] = math.ceil(page["total"] / (int(query["rows_per_page"]) or 10**9))
        return page

    result, sink, ledger = run(FakeDatagrepper(steady(500, 100_000), mutate=overcount), end=100_000)
    assert len(set(sink.ids())) == 500
    assert ledger.seconds("complete") == set()
    assert result.requests < 400


def test_progress_ends_at_the_total():
    reports = []
    run(FakeDatagrepper(steady(950)), jobs=3, progress=lambda *numbers: reports.append(numbers))
    assert reports[-1] == (1000, 1000, 950)
    assert reports == sorted(reports)


def test_an_unreachable_service_gets_one_request():
    datagrepper, requests = FakeDatagrepper(), []

    def down(*_):
        requests.append(1)
        raise SourceError("down")

    datagrepper.before = down
    with pytest.raises(SourceError):
        run(datagrepper, jobs=8, settle=timedelta(seconds=100))
    assert len(requests) == 1


@pytest.mark.parametrize(
    ("options", "words"), [({"end": 0}, "range is empty"), ({"jobs": 0}, "at least one request")]
)
def test_invalid_arguments(options, words):
    with pytest.raises(UsageError, match=words):
        run(FakeDatagrepper(), **options)


@settings(max_examples=examples(60))
@given(
    seconds=st.lists(
        st.one_of(st.integers(0, 300), st.sampled_from([7, 8]), st.floats(0, 300)), max_size=420
    ),
    late=st.dictionaries(st.integers(1, 9), st.integers(0, 250), max_size=4),
    jobs=st.integers(1, 4),
)
def test_any_rows_with_ties_and_late_rows_are_gathered(seconds, late, jobs):
    rows = [message(second, f"m{n}") for n, second in enumerate(seconds)]

    def before(datagrepper, n):
        if n in late:
            datagrepper.rows.append(message(late[n], f"late{n}"))

    datagrepper = FakeDatagrepper(list(rows), before=before)
    result, sink, ledger = run(datagrepper, end=301, jobs=jobs)
    assert {row["id"] for _, row in rows} <= set(sink.ids())
    assert ledger.seconds("complete") == set(range(301))
    assert result.requests <= len(rows) / 20 + 30 + 20 * len(late)
    if not late:
        assert len(sink.ids()) == len(rows)
