"""A healer after one that was killed: its rows may still wait for the loader."""

from __future__ import annotations

from datetime import timedelta

from hubbub.collector.gaps.healer import Healer
from hubbub.store import Store
from hubbub.store.loader.progress import LoadProgress
from tests.support.fake_history import T0, FakeHistory, Grepper, message

S, HOUR, START = 10**6, 3600, 3600 * 10
SOURCE = "zmq:tcp://bus.example.org:9940"


class Heard:
    """What is stored; what waits arrived at `came`, seconds after T0."""

    def __init__(self, store, came):
        self.store, self.came = store, came
        self.stored = LoadProgress(store.state, store.spool_folder).stored

    def loaded(self):
        return (T0 + self.came + (HOUR if not self.store.waiting().records else 0)) * S


def test_rows_that_wait_since_a_kill_are_not_called_missing(tmp_path):
    rows = [message(at, f"m{at}") for at in range(START, START + HOUR, 60)]
    with Store.open(tmp_path) as store, store.spool("heal") as sink:
        state, history = store.state, FakeHistory(Grepper(rows))
        heard = Heard(store, START + 2 * HOUR - 1)

        def look(now):
            healer = Healer(
                history, sink, state, heard, [SOURCE],
                settle=timedelta(seconds=60), clock=lambda: T0 + now,
            )  # fmt: skip
            healer.look()
            return {found for *_, found in state.spans(history.source, "")}

        state.span(SOURCE, "", (T0 + START) * S, (T0 + START + HOUR) * S, "gap", "we were killed")
        assert look(START + 2 * HOUR) == {"complete"}
        assert store.waiting().records == len(rows)
        asked = history.requests
        assert look(START + 2 * HOUR + 60) == {"complete"}, "they are on the disk, and wait"
        assert history.requests == asked, "nothing is read a second time"
        store.load()
        assert look(START + 2 * HOUR + 120) == {"complete"}
        assert history.requests <= asked + 2, "counted again, now that it can be"
