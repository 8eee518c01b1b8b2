"""`hubbub listen --backfill` after a SIGKILL: the next run fills the gap from history."""

import os
import signal
import subprocess
import threading
import time

from hubbub.store import Store
from hubbub.testing.bus import Bus, play
from hubbub.testing.history.server import HistoryServer
from hubbub.testing.simulator.traffic import Traffic
from tests.support.processes import free_port, start, wait_until


def listen(folder, bus, history):
    return start(
        "listen", "--zmq", bus, "--store", folder, "--backfill", history, "--settle", "1s",
        stderr=subprocess.DEVNULL,
    )  # fmt: skip


def test_the_next_run_fills_the_gap_after_kill_9(tmp_path):
    traffic = Traffic(seed=4, per_day=2_000_000)
    port = free_port()
    stop = threading.Event()
    folder = tmp_path / "store"
    Store.open(folder).close()
    with HistoryServer(traffic, days=1) as server, Bus(f"tcp://127.0.0.1:{port}") as bus:
        now = time.time_ns() // 1000
        live = traffic.between(now, now + 600 * 10**6)
        sender = threading.Thread(target=play, args=(live, bus, stop), kwargs={"live": True})
        sender.start()
        processes = []
        try:
            with Store.open(folder) as store:
                first = listen(folder, bus.endpoint, server.url)
                processes.append(first)
                source = f"zmq:{bus.endpoint}"
                wait_until(lambda: store.state.spans(source, ""))
                killed = time.time_ns() // 1000
                os.killpg(first.pid, signal.SIGKILL)
                first.wait()
                time.sleep(2)
                second = listen(folder, bus.endpoint, server.url)
                processes.append(second)

                def healed():
                    spans = store.state.spans(source, "")
                    return all(state != "gap" for *_, state in spans) and any(
                        start <= killed < killed + 2 * 10**6 <= end and state == "healed"
                        for start, end, state in spans
                    )

                wait_until(healed)
                second.send_signal(signal.SIGTERM)
                assert second.wait(90) == 0
                assert store.coverage(killed, killed + 2 * 10**6).state == "healed"
                assert store.state.counts()[f"history:{server.url}"]["new"] > 10
        finally:
            stop.set()
            sender.join()
            for process in processes:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
