"""A lossy bus and the real datagrepper: messages that the listener missed are filled from history.

Three hours of traffic are simulated in 36 seconds. The listener receives the first hour, is down
in the second, and loses a tenth of the third.
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

from hubbub.collector.gaps.detector import GapDetector
from hubbub.collector.gaps.healer import Healer
from hubbub.collector.history.client import History
from hubbub.collector.listening.listener import Listener
from hubbub.collector.zeromq.receiver import Receiver
from hubbub.store import Store
from hubbub.store.loader.progress import LoadProgress

pytestmark = pytest.mark.service("datagrepper")
HOUR = 3600
SPEED = 300
END = int(time.time()) // HOUR * HOUR - 20 * 86_400  # away from what other tests store
START = END - 3 * HOUR
S = 10**6


class Clock:
    """Simulated time, `SPEED` times as fast; `monotonic` repeats the thread's last `now`."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._last = threading.local()

    def now(self) -> float:
        now = START + (time.monotonic() - self._begun) * SPEED
        self._last.value = now
        return now

    def monotonic(self) -> float:
        return float(self._last.value) if hasattr(self._last, "value") else self.now()

    def wait_until(self, when: float) -> None:
        time.sleep(max(0.0, (when - self.now()) / SPEED))


@pytest.fixture(scope="module")
def rows(datagrepper):
    """(second, id, topic, body) of all messages of the three hours in PostgreSQL."""
    datagrepper.run_script(
        "load.py", 1500, "--days", 3 / 24, "--whole-seconds", "--end", END, "--seed", 77
    )
    sql = f"""SELECT extract(epoch FROM timestamp)::bigint, msg_id, topic, msg::text FROM messages
        WHERE timestamp >= to_timestamp({START}) AT TIME ZONE 'UTC'
        AND timestamp < to_timestamp({END}) AT TIME ZONE 'UTC' ORDER BY 1"""
    messages = [(int(row[0]), *row[1:3], json.loads(row[3])) for row in datagrepper.rows(sql)]
    assert len(messages) > 1400
    return messages


def publish(socket, rows, clock, lost):
    """Publish rows at their simulated time; lost ones leave a gap in the numbers."""
    for number, (second, msg_id, topic, body) in enumerate(rows, 1):
        clock.wait_until(second)
        if msg_id not in lost:
            message = {"i": number, "msg": body, "msg_id": msg_id, "topic": topic,
                       "timestamp": second, "username": "fedmsg"}  # fmt: skip
            socket.send_multipart([topic.encode(), json.dumps(message).encode()])


class RunningListener:
    """A listener with its gap detector and its healer."""

    def __init__(self, folder, address, url, clock):
        self.stack = ExitStack()
        self.store = self.stack.enter_context(Store.open(folder))
        self.second_store = self.stack.enter_context(Store.open(folder))  # for other threads
        state = self.second_store.state
        self.clock, self.stock = clock, LoadProgress(state, self.second_store.spool_folder)
        receiver = self.stack.enter_context(Receiver([address]))
        self.listener = Listener([receiver], self.stack.enter_context(self.store.spool("listen")))
        self.gaps = GapDetector(
            receiver.endpoints,
            self.listener.counts,
            state,
            clock=clock.now,
            monotonic=clock.monotonic,
        )
        self.healer = Healer(
            History(url),
            self.stack.enter_context(self.second_store.spool("heal")),
            state,
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
        """Load, and return the simulated time until which all messages are stored.

        Messages need at most half a second from the bus to the spool.
        """
        before = int((self.clock.now() - SPEED / 2) * S)
        self.second_store.load()
        return before

    def kill(self):
        """End without recording the end: the ledger only has the last heartbeat."""
        self.gaps.end = lambda: None  # type: ignore[method-assign]
        self.end()

    def end(self):
        self.listener.stop()
        self.thread.join()
        assert self.gaps.stop(5)
        assert self.healer.stop(5)
        self.stack.close()


def test_a_missed_hour_and_lost_messages_are_filled(datagrepper, rows, tmp_path):
    rng = random.Random(5)
    lost = {msg_id for second, msg_id, *_ in rows if second >= END - HOUR and rng.random() < 0.1}
    missed = sum(START + HOUR <= second < START + 2 * HOUR for second, *_ in rows)
    assert len(lost) > 20
    assert missed > 300
    context = zmq.Context()
    socket = context.socket(zmq.PUB)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    address = f"tcp://127.0.0.1:{port}"
    clock = Clock()
    try:
        listener = RunningListener(tmp_path, address, datagrepper.url, clock)
        publisher = threading.Thread(target=publish, args=(socket, rows, clock, lost))
        publisher.start()
        clock.wait_until(START + HOUR)
        listener.kill()
        clock.wait_until(START + 2 * HOUR)
        listener = RunningListener(tmp_path, address, datagrepper.url, clock)
        publisher.join()
        span = START // 60 * 60 * S, END * S
        deadline = time.monotonic() + 150
        while time.monotonic() < deadline:
            coverage = listener.store.coverage(*span)
            if coverage.state == "healed" and not coverage.gaps:
                break
            time.sleep(0.2)
        listener.end()
    finally:
        context.destroy(linger=0)
    with Store.open(tmp_path) as store:
        loaded = store.load()
        assert loaded.refused == {}
        ids = sorted(store.events().select("id").to_pyarrow()["id"].to_pylist())
        assert ids == sorted(msg_id for _, msg_id, *_ in rows)
        assert store.coverage(*span).state == "healed", store.spans()
        assert store.coverage(*span).gaps == ()
        counts = store.state.counts()
        received = next(n for source, n in counts.items() if source.startswith("zmq:"))
        assert received["new"] > len(rows) / 2 - len(lost)
        assert received["skipped"] >= missed  # and most of the lost ones
        proofs = {span.proof for span in store.spans()}
        assert any("as many as history counts" in proof for proof in proofs)
