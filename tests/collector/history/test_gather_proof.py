"""A gather proves what it read: full pages, rows of another time, rows that are no events."""

import json
from datetime import timedelta
from typing import Any

import pytest

from hubbub.collector.history.gather import gather
from hubbub.collector.history.paging import Pager, Piece
from tests.support.fake_history import (
    T0,
    FakeDatagrepper,
    FakeHistory,
    MemoryLedger,
    MemorySink,
    at,
    message,
    run,
    steady,
)


def test_a_full_page_is_never_taken_for_the_last_one():
    def undercount(page, _):
        if page["total"] > len(page["raw_messages"]):
            page["total"], page["pages"] = len(page["raw_messages"]), 1
        return page

    _, sink, _ = run(FakeDatagrepper(steady(950), mutate=undercount))
    assert set(sink.ids()) == {f"m{n}" for n in range(950)}


def test_reading_again_halves_a_full_page_whatever_its_count():
    datagrepper, piece = FakeDatagrepper(steady(150, 10)), Piece(T0, T0 + 10, 3)
    datagrepper.mutate = lambda page, query: {
        **page, "total": 5 if query["rows_per_page"] == "1" else page["count"], "pages": None
    }  # fmt: skip
    proof = Pager(FakeHistory(datagrepper)).prove([piece])
    assert {row.key.split()[0] for row in proof.rows} == {f"m{n}" for n in range(150)}
    assert sum(piece.rows for piece in proof.pieces) == 150


def test_rows_of_another_time_prove_nothing():
    """A cache that ignores the question answers with the same rows for every window."""
    elsewhere = [message(5_000_000 + n, f"m{n}")[1] for n in range(5)]

    def cached(page, _query):
        return {"raw_messages": elsewhere, "total": 5, "pages": 1, "count": 5}

    datagrepper = FakeDatagrepper(mutate=cached)
    result, sink, ledger = run(datagrepper)
    assert ledger.seconds("complete") == set()
    assert ledger.seconds("gap") == set(range(1000))
    assert result.incomplete[0].proof == "0 rows of this time came where history counts 5"
    assert set(sink.ids()) == {f"m{n}" for n in range(5)}  # they are messages all the same


def test_one_row_of_another_time_leaves_a_gap_only_where_it_came():
    def mutate(page, query):
        if float(query["start"]) <= T0 + 990 <= float(query["end"]):
            page["total"] += 1
            if page["count"] + 1 < int(query["rows_per_page"] or 10**9):
                page["raw_messages"].append(message(-100_000, "stray")[1])
                page["count"] += 1
        return {**page, "pages": None}

    result, sink, ledger = run(FakeDatagrepper(steady(500), mutate=mutate))
    assert set(sink.ids()) == {"stray", *(f"m{n}" for n in range(500))}
    assert 990 in ledger.seconds("gap")
    assert len(ledger.seconds("complete")) > 700
    (gap,) = result.incomplete
    came, counted = (int(word) for word in gap.proof.split() if word.isdigit())
    assert counted == came + 1


@pytest.mark.parametrize("raw_only", [False, True])
def test_the_proof_says_how_many_rows_are_no_events(raw_only):
    rows = [*steady(450), (T0 + 7, {**message(7, "no topic")[1], "topic": ""})]
    deep: Any = 1
    for _ in range(150):
        deep = [deep]
    rows.append(message(800, "deep", odd=deep))
    result, sink, _ = run(FakeDatagrepper(rows, raw_only=raw_only))
    assert len(sink.durable) == 452
    (span,) = result.spans
    assert span.state == "complete"
    assert span.proof == (
        "452 rows, of which 2 were refused and are no events, as many as history counts"
    )
    assert result.incomplete == ()


@pytest.mark.parametrize(
    "odd",
    ["[" * 1000 + "]" * 1000, '{"a":' * 5000 + "1" + "}" * 5000, '"a\nb"',
     "[NaN,1" + "0" * 5000 + "]", '"\\x"', "nonsense", "-x"],
)  # fmt: skip
def test_one_row_that_no_parser_accepts_costs_no_other(odd):
    rows = [*steady(500), message(400.5, "odd", odd="ODD")]

    class Datagrepper(FakeDatagrepper):
        def get(self, path, query):
            status, body = super().get(path, query)
            return status, body.replace(b'"ODD"', odd.encode())

    result, sink, ledger = run(Datagrepper(rows))
    bodies = [frame.body for frame in sink.durable]
    (bad,) = {body for body in bodies if odd.encode() in body}
    bodies.remove(bad)
    assert {json.loads(body)["id"] for body in bodies} == {f"m{n}" for n in range(500)}
    assert ledger.seconds("complete") == set(range(1000))
    assert result.spans[0].proof.startswith("501 rows, of which 1 were refused")


def test_pages_that_are_too_large_are_read_in_parts():
    rows = [message(n * 3, f"m{n}", text="x" * 1000) for n in range(300)]
    rows += [message(700, f"large{n}", text="x" * 10_000) for n in range(5)]
    history = FakeHistory(FakeDatagrepper(rows))
    history._max_bytes = 30_000
    sink, ledger = MemorySink(), MemoryLedger()
    result = gather(
        history, sink, ledger, start=at(0), end=at(1000), jobs=1, settle=timedelta(0),
        clock=lambda: T0 + 10**7,
    )  # fmt: skip
    assert set(sink.ids()) == {f"m{n}" for n in range(300)}
    assert ledger.seconds("gap") == {700}
    assert ledger.seconds("complete") == set(range(1000)) - {700}
    assert result.incomplete[0].proof == "0 rows of this time came where history counts 5"
