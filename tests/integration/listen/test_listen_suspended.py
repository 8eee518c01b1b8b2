"""`hubbub listen --backfill` that was suspended, as by a closed lid or a stopped container."""

import os
import signal
import subprocess
import threading
import time

from hubbub.store import Store
from hubbub.testing.bus import Bus, play
from hubbub.testing.history.server import HistoryServer
from hubbub.testing.simulator.traffic import Traffic
from tests.support.processes import start, wait_until

STOPPED = 8  # s


def test_a_listener_that_was_stopped_says_so_and_heals_from_history(tmp_path):
    traffic, stop, folder = Traffic(seed=4, per_day=2_000_000), threading.Event(), tmp_path / "s"
    with (
        HistoryServer(traffic, days=1) as server,
        Bus("tcp://127.0.0.1:*") as bus,
        Store.open(folder) as store,
    ):
        now = time.time_ns() // 1000
        live = traffic.between(now, now + 600 * 10**6)
        sender = threading.Thread(target=play, args=(live, bus, stop), kwargs={"live": True})
        sender.start()
        listener = start(
            "listen", "--zmq", bus.endpoint, "--store", folder, "--backfill", server.url,
            "--settle", "1s", stderr=subprocess.DEVNULL,
        )  # fmt: skip
        source = f"zmq:{bus.endpoint}"

        def gaps():
            spans = [span for span in store.spans(since=before) if span.source == source]
            return [span for span in spans if span.state in {"gap", "healed"}]

        try:
            wait_until(lambda: store.state.spans(source, ""))
            time.sleep(12)  # the gap is widened by ten seconds
            before = time.time_ns() // 1000
            os.killpg(listener.pid, signal.SIGSTOP)
            time.sleep(STOPPED)
            os.killpg(listener.pid, signal.SIGCONT)
            wait_until(gaps)
            span = gaps()[0]
            assert span.proof == "we did not listen" or span.state == "healed"
            assert span.start <= before
            assert span.end >= before + STOPPED * 10**6
            wait_until(lambda: {span.state for span in gaps()} == {"healed"}, 60)
            assert store.coverage(before, before + STOPPED * 10**6).state == "healed"
            listener.send_signal(signal.SIGTERM)
            assert listener.wait(90) == 0
        finally:
            stop.set()
            sender.join()
            if listener.poll() is None:
                os.killpg(listener.pid, signal.SIGKILL)
                listener.wait()
