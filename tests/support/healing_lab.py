"""A store, a history that counts what it is asked, and a healer between them."""

from __future__ import annotations

import json
from datetime import timedelta

from hubbub.collector.event import Frame
from hubbub.collector.gaps.healer import Healer
from hubbub.store import Store
from hubbub.store.loader.progress import LoadProgress
from tests.support.fake_history import T0, FakeHistory, Grepper, message

SOURCE = "zmq:tcp://bus:9940"
HOUR = 3600
S = 10**6
START = T0 // 60 * 60 - T0  # a whole minute
SETTLE = 600


class Lab:
    """A store, a history, and our clock; messages are heard by the bus or not."""

    def __init__(self, folder, rows=(), **more):
        self.store = Store.open(folder)
        self.store.state.execute("PRAGMA synchronous = OFF")
        self.grepper = Grepper(list(rows))
        self.now = 0.0
        self.sink = self.store.spool("heal")
        self.listener = self.store.spool("listen")
        self.history = FakeHistory(self.grepper)
        self.more = more
        self.healer = self.new()
        self._loaded = True

    def new(self):
        """A healer that knows nothing but the ledger."""
        self._counts = LoadProgress(self.store.state, self.store.spool_folder)
        return Healer(
            self.history,
            self.sink,
            self.store.state,
            self,
            [SOURCE],
            settle=timedelta(seconds=SETTLE),
            clock=lambda: T0 + self.now,
            **self.more,
        )

    def stored(self, start, end):
        return self._counts.stored(start, end)

    def loaded(self):
        return int((T0 + self.now) * S) if self.store.waiting().records == 0 else 0

    def hear(self, rows):
        """The bus brings these messages."""
        for when, row in rows:
            body = {"msg": row["body"], "msg_id": row["id"], "topic": row["topic"],
                    "timestamp": int(when), "i": 0}  # fmt: skip
            self.listener.put(Frame(SOURCE, int(when * S), b"", json.dumps(body).encode()))
        self.listener.flush()
        self.store.load()

    def span(self, start, end, state="unproven", why="heard"):
        self.store.state.span(SOURCE, "", (T0 + start) * S, (T0 + end) * S, state, why)

    def look(self, at):
        """One look at this time, after which everything is loaded."""
        self.now = at
        wait = self.healer.look()
        self.sink.flush()
        self.store.load()
        return wait

    def ids(self):
        return sorted(self.store.events().select("id").to_pyarrow()["id"].to_pylist())

    def state(self, start, end):
        return self.store.coverage((T0 + start) * S, (T0 + end) * S).state

    def requests(self, at):
        before = self.history.requests
        self.look(at)
        return self.history.requests - before

    def close(self):
        self.sink.close()
        self.listener.close()
        self.store.close()


def traffic(start, end, every=7):
    return [message(at, f"m{at}") for at in range(start, end, every)]


def ids(rows):
    return sorted(row["id"] for _, row in rows)
