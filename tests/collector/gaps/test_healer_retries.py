"""A healer after one that was killed, whose rows still wait for the loader."""

from __future__ import annotations

from datetime import timedelta

from hubbub.collector.gaps.healer import Healer
from hubbub.store import Store
from hubbub.store.loader.progress import LoadProgress
from tests.support.history.fake_history import T0, FakeDatagrepper, FakeHistory, message

S, HOUR, START = 10**6, 3600, 3600 * 10
SOURCE = "zmq:tcp://bus.example.org:9940"


class Counts:
    """Counts of the store, whose waiting rows arrived `arrived` seconds after T0."""

    def __init__(self, store, arrived):
        self.store, self.arrived = store, arrived
        self.stored = LoadProgress(store.state, store.spool_folder).stored

    def loaded(self):
        return (T0 + self.arrived + (HOUR if not self.store.waiting().records else 0)) * S


def test_waiting_rows_of_a_killed_healer_do_not_count_as_missing(tmp_path):
    rows = [message(at, f"m{at}") for at in range(START, START + HOUR, 60)]
    with Store.open(tmp_path) as store, store.spool("heal") as sink:
        state, history = store.state, FakeHistory(FakeDatagrepper(rows))
        counts = Counts(store, START + 2 * HOUR - 1)

        def states_after(now):
            healer = Healer(
                history, sink, state, counts, [SOURCE],
                settle=timedelta(seconds=60), clock=lambda: T0 + now,
            )  # fmt: skip
            healer.run_once()
            return {span_state for *_, span_state in state.spans(history.source, "")}

        state.span(SOURCE, "", (T0 + START) * S, (T0 + START + HOUR) * S, "gap", "we were killed")
        assert states_after(START + 2 * HOUR) == {"complete"}
        assert store.waiting().records == len(rows)
        requests = history.requests
        assert states_after(START + 2 * HOUR + 60) == {"complete"}, (
            "the rows are on the disk and wait"
        )
        assert history.requests == requests, "nothing is read twice"
        store.load()
        assert states_after(START + 2 * HOUR + 120) == {"complete"}
        assert history.requests <= requests + 2, "the rows are counted now that they are loaded"
