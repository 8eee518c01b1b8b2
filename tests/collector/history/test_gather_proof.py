"""A gather proves what it read: full pages, rows of another time, rows that are no events."""

import json
from datetime import timedelta
from typing import Any

import pytest

from hubbub.collector.decode.rejected import digest
from hubbub.collector.event import DISMISSED_KEY
from hubbub.collector.history.gather import gather
from hubbub.collector.history.paging import Pager, Piece
from hubbub.errors import SourceError
from tests.support.history.fake_history import (
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
    result, sink, ledger = run(FakeDatagrepper(rows, raw_only=raw_only))
    assert len(sink.durable) == 452
    assert [(span.state, span.refused) for span in result.spans] == [
        ("complete", 0), ("gap", 1), ("complete", 0), ("gap", 1), ("complete", 0)
    ]  # fmt: skip
    assert ledger.seconds("gap") == {7, 800}
    assert ledger.seconds("complete") == set(range(1000)) - {7, 800}
    assert result.spans[0].proof == (
        "452 rows, of which 2 were refused and are no events, as many as history counts"
    )
    assert result.spans[1].proof == "1 row was refused and is no event (see hubbub dead-letters)"
    assert result.incomplete == ()
    assert len(result.refused) == 2


def test_refused_rows_of_adjoining_seconds_are_one_gap_and_read_again_until_they_are_read():
    bad = [(T0 + second, {**message(second, f"b{second}")[1], "topic": ""}) for second in (7, 8)]
    datagrepper, ledger = FakeDatagrepper([*steady(450), *bad, bad[0]]), MemoryLedger()
    result, _, _ = run(datagrepper, ledger=ledger)
    (gap,) = result.refused
    assert (gap.end - gap.start, gap.refused) == (2_000_000, 3)
    assert gap.proof == "3 rows were refused and are no events (see hubbub dead-letters)"
    before = len(datagrepper.queries)
    again, _, _ = run(datagrepper, ledger=ledger)
    assert again.refused == (gap,)
    assert len(datagrepper.queries) - before <= 2  # only these seconds
    for row in datagrepper.rows:
        row[1]["topic"] = row[1]["topic"] or "org.example.git.push"
    healed, _, _ = run(datagrepper, ledger=ledger)
    assert healed.refused == ()
    assert ledger.seconds("gap") == set()


def test_rows_whose_time_cannot_be_read_leave_a_gap_where_their_page_lies():
    rows = [*steady(450), (T0 + 7.5, {"id": "no time", "topic": "a.b.c", "body": {}})]
    result, _, ledger = run(FakeDatagrepper(rows))
    (gap,) = result.refused
    assert gap.refused == 1
    assert 7 in ledger.seconds("gap")
    assert len(ledger.seconds("complete")) > 700


def test_a_dismissed_row_counts_as_read():
    rows = [*steady(450), (T0 + 7, {**message(7, "no topic")[1], "topic": ""})]
    datagrepper, ledger = FakeDatagrepper(rows), MemoryLedger()
    result, sink, _ = run(datagrepper, ledger=ledger)
    assert len(result.refused) == 1
    (bad,) = [frame.body for frame in sink.durable if b"no topic" in frame.body]
    ledger.set(DISMISSED_KEY, [digest(bad)])
    result, _, _ = run(datagrepper, ledger=ledger)
    assert result.refused == ()
    assert ledger.seconds("complete") == set(range(1000))


def test_an_interrupted_slice_remembers_where_rows_were_refused():
    rows = [*steady(450), (T0 + 7, {**message(7, "no topic")[1], "topic": ""})]

    def fail(datagrepper, number):
        if number == 3:
            raise SourceError("gone")

    datagrepper, ledger = FakeDatagrepper(rows, before=fail), MemoryLedger()
    with pytest.raises(SourceError):
        run(datagrepper, ledger=ledger, jobs=1)
    datagrepper.before = lambda *_: None
    result, sink, _ = run(datagrepper, ledger=ledger, jobs=1)
    assert not any(b"no topic" in frame.body for frame in sink.durable)  # read by the first run
    assert ledger.seconds("gap") == {7}
    assert sum(span.refused for span in result.refused) == 1


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
    assert ledger.seconds("complete") == set(range(1000)) - {400}
    assert ledger.seconds("gap") == {400}
    assert result.spans[0].proof.startswith("501 rows, of which 1 was refused")


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
