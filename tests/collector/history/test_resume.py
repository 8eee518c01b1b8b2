"""A gather resumes after any interruption, without losing rows."""

import random

import pytest

from hubbub.errors import SourceError
from tests.support.history.fake_history import (
    FakeDatagrepper,
    MemoryLedger,
    MemorySink,
    at,
    message,
    run,
    steady,
)


class KilledError(BaseException):
    """Stands for kill -9."""


def rows_of(seed):
    draw = random.Random(seed)
    return [message(draw.choice([draw.random() * 1000, 333]), f"m{n}") for n in range(700)]


@pytest.mark.parametrize("failure", [KilledError, SourceError, KeyboardInterrupt])
def test_resumes_after_an_interruption_at_any_request(failure):
    rows = rows_of(1)
    uninterrupted = run(FakeDatagrepper(rows))[0].requests
    for last in range(1, uninterrupted + 1):
        datagrepper, sink, ledger = FakeDatagrepper(rows), MemorySink(), MemoryLedger()

        def end(_, n, last=last):
            if n == last:
                raise failure("the end")

        datagrepper.before = end
        with pytest.raises(failure):
            run(datagrepper, sink, ledger)
        sink.waiting.clear()
        datagrepper.before = lambda *_: None
        result, _, _ = run(datagrepper, sink, ledger)
        assert set(sink.ids()) == {f"m{n}" for n in range(700)}
        assert len(sink.ids()) <= 700 + 100
        assert last + result.requests <= uninterrupted + 2  # a page and its crowded second
        assert ledger.seconds("complete") == set(range(1000))
        assert ledger.values == {}


@pytest.mark.parametrize("call", range(1, 24))
def test_resumes_after_a_kill_between_any_two_writes(call):
    """After a kill inside put, flush or set, rows that were not flushed are gathered again."""
    rows, calls = rows_of(2), [0]

    def step():
        calls[0] += 1
        if calls[0] == call:
            raise KilledError

    class Sink(MemorySink):
        def put(self, frame):
            if len(self.waiting) == 50:
                step()
            super().put(frame)

        def flush(self):
            step()
            super().flush()
            step()

    class Ledger(MemoryLedger):
        def set(self, key, value):
            step()
            super().set(key, value)

    sink, ledger, datagrepper = Sink(), Ledger(), FakeDatagrepper(rows)
    try:
        run(datagrepper, sink, ledger)
    except KilledError:
        frames, values = list(sink.durable), dict(ledger.values)
    else:
        pytest.fail("there are fewer steps")
    sink_after, ledger_after = MemorySink(), MemoryLedger()
    sink_after.durable, ledger_after.values = frames, values
    ledger_after.recorded = ledger.recorded
    run(datagrepper, sink_after, ledger_after)
    assert set(sink_after.ids()) == {f"m{n}" for n in range(700)}
    assert ledger_after.seconds("complete") == set(range(1000))


def test_resumes_although_a_relative_range_has_moved():
    rows, sink, ledger = steady(2000), MemorySink(), MemoryLedger()

    def end(_, n):
        if n == 15:
            raise KilledError

    datagrepper = FakeDatagrepper(rows, before=end)
    with pytest.raises(KilledError):
        run(datagrepper, sink, ledger, start=at(0), end=990)
    datagrepper.before = lambda *_: None
    result, _, _ = run(datagrepper, sink, ledger, start=at(5), end=995)
    assert 15 + result.requests <= 2000 / 99 + 6
    assert ledger.seconds("complete") == set(range(995))
