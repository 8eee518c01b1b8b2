"""A lossy bus and the real datagrepper: whatever the listener missed, the store ends complete.

Three hours of traffic, six hundred times as fast: one is heard, in one the listener is dead, and of
one a tenth is lost on the way.
"""

from __future__ import annotations

import json
import random
import threading
import time
from contextlib import ExitStack
from datetime import timedelta

import pytest
import zmq

from hubbub.collector.bus.listener import Listener
from hubbub.collector.bus.receiver import Receiver
from hubbub.collector.gaps.detector import GapDetector
from hubbub.collector.gaps.healer import Healer
from hubbub.collector.history.client import History
from hubbub.store import Store
from hubbub.store.loader.progress import LoadProgress

pytestmark = pytest.mark.service("datagrepper")
HOUR = 3600
SPEED = 300
END = int(time.time()) // HOUR * HOUR - 20 * 86_400  # away from what other tests store
START = END - 3 * HOUR
S = 10**6


class Clock:
    """Simulated time; what goes on meanwhile sees both clocks at one instant."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._last = threading.local()

    def now(self) -> float:
        now = START + (time.monotonic() - self._begun) * SPEED
        self._last.value = now
        return now

    def monotonic(self) -> float:
        return float(self._last.value) if hasattr(self._last, "value") else self.now()

    def until(self, at: float) -> None:
        time.sleep(max(0.0, (at - self.now()) / SPEED))


@pytest.fixture(scope="module")
def rows(datagrepper):
    """(second, id, topic, body) of all that PostgreSQL holds of the three hours."""
    datagrepper.run(
        "load.py", 1500, "--days", 3 / 24, "--whole-seconds", "--end", END, "--seed", 77
    )
    sql = f"""SELECT extract(epoch FROM timestamp)::bigint, msg_id, topic, msg::text FROM messages
        WHERE timestamp >= to_timestamp({START}) AT TIME ZONE 'UTC'
        AND timestamp < to_timestamp({END}) AT TIME ZONE 'UTC' ORDER BY 1"""
    found = [(int(row[0]), *row[1:3], json.loads(row[3])) for row in datagrepper.rows(sql)]
    assert len(found) > 1400
    return found


def publish(socket, rows, clock, lost):
    """All rows at their simulated time, but for those that are lost: their numbers are skipped."""
    for number, (second, name, topic, body) in enumerate(rows, 1):
        clock.until(second)
        if name not in lost:
            message = {"i": number, "msg": body, "msg_id": name, "topic": topic,
                       "timestamp": second, "username": "fedmsg"}  # fmt: skip
            socket.send_multipart([topic.encode(), json.dumps(message).encode()])


class Life:
    """One listener with its gaps and its healer, until it is killed."""

    def __init__(self, folder, address, url, clock):
        self.stack = ExitStack()
        self.store = self.stack.enter_context(Store.open(folder))
        self.beside = self.stack.enter_context(Store.open(folder))
        self.clock, self.stock = clock, LoadProgress(self.beside.state, self.beside.spool_folder)
        receiver = self.stack.enter_context(Receiver([address]))
        self.listener = Listener(receiver, self.stack.enter_context(self.store.spool("listen")))
        self.gaps = GapDetector(
            receiver.endpoints,
            self.listener.counts,
            self.beside.state,
            clock=clock.now,
            monotonic=clock.monotonic,
        )
        self.healer = Healer(
            History(url),
            self.stack.enter_context(self.beside.spool("heal")),
            self.beside.state,
            self,
            [endpoint.source for endpoint in receiver.endpoints],
            settle=timedelta(minutes=10),
            every=0.1,
            clock=clock.now,
        )
        self.thread = threading.Thread(target=self.listener.run)
        self.thread.start()
        clock.now()
        self.gaps.start()
        self.healer.start()

    def stored(self, start, end):
        return self.stock.stored(start, end)

    def loaded(self):
        """Simulated; what is under way takes less than half a second."""
        before = int((self.clock.now() - SPEED / 2) * S)
        self.beside.load()
        return before

    def kill(self):
        """Nobody says that it ends: what the ledger knows is the last heartbeat."""
        self.gaps.end = lambda: None  # type: ignore[method-assign]
        self.end()

    def end(self):
        self.listener.stop()
        self.thread.join()
        assert self.gaps.stop(5)
        assert self.healer.stop(5)
        self.stack.close()


def test_a_dead_hour_and_a_lost_tenth_end_complete_without_a_hand(datagrepper, rows, tmp_path):
    chance = random.Random(5)
    lost = {name for second, name, *_ in rows if second >= END - HOUR and chance.random() < 0.1}
    dead = sum(START + HOUR <= second < START + 2 * HOUR for second, *_ in rows)
    assert len(lost) > 20
    assert dead > 300
    context = zmq.Context()
    socket = context.socket(zmq.PUB)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    address = f"tcp://127.0.0.1:{port}"
    clock = Clock()
    try:
        life = Life(tmp_path, address, datagrepper.url, clock)
        publisher = threading.Thread(target=publish, args=(socket, rows, clock, lost))
        publisher.start()
        clock.until(START + HOUR)
        life.kill()
        clock.until(START + 2 * HOUR)
        life = Life(tmp_path, address, datagrepper.url, clock)
        publisher.join()
        span = START // 60 * 60 * S, END * S
        deadline = time.monotonic() + 150
        while time.monotonic() < deadline:
            verdict = life.store.coverage(*span)
            if verdict.state == "healed" and not verdict.gaps:
                break
            time.sleep(0.2)
        life.end()
    finally:
        context.destroy(linger=0)
    with Store.open(tmp_path) as store:
        loaded = store.load()
        assert loaded.refused == {}
        ids = sorted(store.events().select("id").to_pyarrow()["id"].to_pylist())
        assert ids == sorted(name for _, name, *_ in rows)
        assert store.coverage(*span).state == "healed", store.spans()
        assert store.coverage(*span).gaps == ()
        counts = store.state.counts()
        heard = next(n for source, n in counts.items() if source.startswith("zmq:"))
        assert heard["new"] > len(rows) / 2 - len(lost)
        assert heard["skipped"] >= dead  # the dead hour, and most of the tenth
        proofs = {span.proof for span in store.spans()}
        assert any("as many as history counts" in proof for proof in proofs)
