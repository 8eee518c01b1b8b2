"""A store, a fake history that counts its requests, and a healer between them."""

from __future__ import annotations

import json
from datetime import timedelta

from hubbub.collector.event import Frame
from hubbub.collector.gaps.healer import Healer
from hubbub.store import Store
from hubbub.store.loader.progress import LoadProgress
from tests.support.history.fake_history import T0, FakeDatagrepper, FakeHistory, message

SOURCE = "zmq:tcp://bus:9940"
HOUR = 3600
S = 10**6
START = T0 // 60 * 60 - T0  # a whole minute
SETTLE = 600


class Lab:
    """A healer between a store and a history, under a simulated clock.

    Times are seconds after T0. The test decides which messages the listener receives.
    """

    def __init__(self, folder, rows=(), **options):
        self.store = Store.open(folder)
        self.store.state.execute("PRAGMA synchronous = OFF")
        self.datagrepper = FakeDatagrepper(list(rows))
        self.now = 0.0
        self.sink = self.store.spool("heal")
        self.listener = self.store.spool("listen")
        self.history = FakeHistory(self.datagrepper)
        self.options = options
        self.healer = self.new_healer()

    def new_healer(self):
        """Return a healer that has only the ledger to go by."""
        self._counts = LoadProgress(self.store.state, self.store.spool_folder)
        return Healer(
            self.history,
            self.sink,
            self.store.state,
            self,
            [SOURCE],
            settle=timedelta(seconds=SETTLE),
            clock=lambda: T0 + self.now,
            **self.options,
        )

    def stored(self, start, end):
        return self._counts.stored(start, end)

    def loaded(self):
        return int((T0 + self.now) * S) if self.store.waiting().records == 0 else 0

    def receive(self, rows):
        """Store rows as messages that the listener received."""
        for when, row in rows:
            body = {"msg": row["body"], "msg_id": row["id"], "topic": row["topic"],
                    "timestamp": int(when), "i": 0}  # fmt: skip
            self.listener.put(Frame(SOURCE, int(when * S), b"", json.dumps(body).encode()))
        self.listener.flush()
        self.store.load()

    def span(self, start, end, state="unproven", proof="heard", filters=""):
        """Record a span of the listener in the ledger."""
        self.store.state.span(SOURCE, filters, (T0 + start) * S, (T0 + end) * S, state, proof)

    def run_at(self, now):
        """Run one round of the healer at this time, and load what it read."""
        self.now = now
        wait = self.healer.run_once()
        self.sink.flush()
        self.store.load()
        return wait

    def ids(self):
        return sorted(self.store.events().select("id").to_pyarrow()["id"].to_pylist())

    def coverage(self, start, end, filters=""):
        return self.store.coverage((T0 + start) * S, (T0 + end) * S, filters=filters)

    def state(self, start, end):
        return self.coverage(start, end).state

    def requests_at(self, now):
        """Run one round at this time and return how many requests it took."""
        before = self.history.requests
        self.run_at(now)
        return self.history.requests - before

    def close(self):
        self.sink.close()
        self.listener.close()
        self.store.close()


def traffic(start, end, every=7):
    """Return rows of history, one every few seconds."""
    return [message(second, f"m{second}") for second in range(start, end, every)]


def ids(rows):
    return sorted(row["id"] for _, row in rows)
