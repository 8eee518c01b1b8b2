"""`hubbub listen --backfill` as a process: killed, started again, and what it missed is there."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

from hubbub.store import Store
from hubbub.testing.bus import Bus, play
from hubbub.testing.history.server import HistoryServer
from hubbub.testing.simulator.traffic import Traffic


def listening(folder, bus, history):
    return subprocess.Popen(
        [sys.executable, "-c", "from hubbub.cli.root import run; run()", "listen", "--zmq", bus,
         "--store", str(folder), "--backfill", history, "--settle", "1s"],
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def until(condition, seconds=40):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_what_was_missed_after_kill_9_is_healed_by_the_next_run(tmp_path):
    traffic = Traffic(seed=4, per_day=2_000_000)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    stop = threading.Event()
    folder = tmp_path / "store"
    Store.open(folder).close()
    with HistoryServer(traffic, days=1) as server, Bus(f"tcp://127.0.0.1:{port}") as bus:
        begun = time.time_ns() // 1000
        live = traffic.between(begun, begun + 600 * 10**6)
        sender = threading.Thread(target=play, args=(live, bus, stop), kwargs={"live": True})
        sender.start()
        processes = []
        try:
            with Store.open(folder) as store:
                first = listening(folder, bus.endpoint, server.url)
                processes.append(first)
                source = f"zmq:{bus.endpoint}"
                until(lambda: store.state.spans(source, ""))
                killed = time.time_ns() // 1000
                os.killpg(first.pid, signal.SIGKILL)
                first.wait()
                time.sleep(2)
                second = listening(folder, bus.endpoint, server.url)
                processes.append(second)

                def there():
                    spans = store.state.spans(source, "")
                    return all(state != "gap" for *_, state in spans) and any(
                        start <= killed < killed + 2 * 10**6 <= end and state == "healed"
                        for start, end, state in spans
                    )

                until(there)
                second.send_signal(signal.SIGTERM)
                assert second.wait(10) == 0
                assert store.coverage(killed, killed + 2 * 10**6).state == "healed"
                assert store.state.counts()[f"history:{server.url}"]["new"] > 10
        finally:
            stop.set()
            sender.join()
            for process in processes:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
