import random

import pytest

from hubbub.errors import SourceError
from tests.support.fake_history import (
    FakeDatagrepper,
    MemoryLedger,
    MemorySink,
    at,
    message,
    run,
    steady,
)


class Killed(BaseException):
    pass


def rows_of(seed):
    draw = random.Random(seed)
    return [message(draw.choice([draw.random() * 1000, 333]), f"m{n}") for n in range(700)]


@pytest.mark.parametrize("failure", [Killed, SourceError, KeyboardInterrupt])
def test_resumes_after_an_end_at_any_request(failure):
    rows = rows_of(1)
    usual = run(FakeDatagrepper(rows))[0].requests
    for last in range(1, usual + 1):
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
        assert last + result.requests <= usual + 2  # the page, and the whole of its crowded second
        assert ledger.seconds("complete") == set(range(1000))
        assert ledger.values == {}


@pytest.mark.parametrize("call", range(1, 24))
def test_resumes_after_a_kill_between_any_two_steps_of_keeping(call):
    """A kill -9 inside put, flush or set: rows not flushed are lost, and asked for again."""
    rows, calls = rows_of(2), [0]

    def step():
        calls[0] += 1
        if calls[0] == call:
            raise Killed

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
    except Killed:
        frames, values = list(sink.durable), dict(ledger.values)
    else:
        pytest.fail("not so many steps")
    quiet, after = MemorySink(), MemoryLedger()
    quiet.durable, after.values, after.recorded = frames, values, ledger.recorded
    run(datagrepper, quiet, after)
    assert set(quiet.ids()) == {f"m{n}" for n in range(700)}
    assert after.seconds("complete") == set(range(1000))


def test_the_same_relative_command_goes_on_although_its_range_has_moved():
    rows, sink, ledger = steady(2000), MemorySink(), MemoryLedger()

    def end(_, n):
        if n == 15:
            raise Killed

    datagrepper = FakeDatagrepper(rows, before=end)
    with pytest.raises(Killed):
        run(datagrepper, sink, ledger, start=at(0), end=990)
    datagrepper.before = lambda *_: None
    result, _, _ = run(datagrepper, sink, ledger, start=at(5), end=995)
    assert 15 + result.requests <= 2000 / 99 + 6
    assert ledger.seconds("complete") == set(range(995))
