"""Several listeners, gathers, loaders and compactions on one store: nothing lost, nothing twice."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import zmq

from hubbub.collector.history.client import History
from hubbub.store import Store
from hubbub.store.maintenance.verify import verify
from hubbub.testing.history.server import HistoryServer
from hubbub.testing.simulator.traffic import Traffic
from hubbub.times import iso

TOPIC = b"org.fedoraproject.prod.git.receive"
KNOWN = 500  # messages that came twice


def start(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from hubbub.cli.root import run; run()", *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


@contextmanager
def running() -> Iterator[list[subprocess.Popen[str]]]:
    """Whatever is left of these is killed."""
    processes: list[subprocess.Popen[str]] = []
    try:
        yield processes
    finally:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()


def until(condition: Callable[[], object], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def known(store: Store, address: str) -> int:
    counts = store.state.counts(f"zmq:{address}").get(f"zmq:{address}", {})
    return counts.get("known", 0)


def test_two_listeners_hear_one_bus(tmp_path: Path) -> None:
    folder, stop, said = tmp_path / "store", threading.Event(), 0
    with zmq.Context() as context, context.socket(zmq.XPUB) as publisher, running() as processes:
        publisher.set(zmq.XPUB_VERBOSE, 1)
        address = f"tcp://127.0.0.1:{publisher.bind_to_random_port('tcp://127.0.0.1')}"
        for _ in range(2):
            processes.append(start("listen", "--zmq", address, "--store", folder, "--bodies"))
        for _ in processes:
            assert publisher.poll(30_000)
            publisher.recv()

        def talk() -> None:
            nonlocal said
            while not stop.wait(0.005):
                said += 1
                body = {"i": said, "msg": {}, "msg_id": f"2026-{said}", "timestamp": time.time(),
                        "topic": TOPIC.decode()}  # fmt: skip
                publisher.send_multipart([TOPIC, json.dumps(body).encode()])

        talker = threading.Thread(target=talk)
        talker.start()
        with Store.open(folder) as store:
            until(lambda: known(store, address) > KNOWN)  # some rounds of both loaders
            processes[0].terminate()  # the other goes on alone
            assert processes[0].wait(20) == 0
            alone = said
            until(lambda: store.rows() > alone)
            stop.set()
            talker.join()
            until(lambda: store.rows() == said)
        processes[1].terminate()
        _, err = processes[1].communicate(timeout=20)
        assert processes[1].returncode == 0, err
    with Store.open(folder) as store:
        counts = store.state.counts(f"zmq:{address}")[f"zmq:{address}"]
        assert counts["new"] == store.rows() == said
        assert counts["known"] > KNOWN, "both heard them"
        assert "skipped" not in counts
        done = verify(store)
        assert done.clean, done.faults
        assert done.checked["bodies:rows"] == said


def test_two_gathers_a_listener_and_compactions(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    since = end - timedelta(hours=6)
    with (
        HistoryServer(Traffic(seed=6, per_day=40_000), days=1) as server,
        zmq.Context() as context,
        context.socket(zmq.XPUB) as publisher,
        running() as processes,
    ):
        address = f"tcp://127.0.0.1:{publisher.bind_to_random_port('tcp://127.0.0.1')}"
        listener = start("listen", "--zmq", address, "--store", folder)
        processes.append(listener)
        assert publisher.poll(30_000)
        gathers = [
            start("gather", "--since", iso(since), "--until", iso(end), "--url", server.url,
                  "--store", folder, "--json", "--allow-incomplete")
            for _ in range(2)
        ]  # fmt: skip
        processes.extend(gathers)
        while any(one.poll() is None for one in gathers):
            folding = start("compact", "--store", folder)
            processes.append(folding)
            out, err = folding.communicate(timeout=120)
            assert folding.returncode == 0, err
        for one in gathers:
            out, err = one.communicate(timeout=120)
            assert one.returncode == 0, (out, err)
        listener.terminate()
        _, err = listener.communicate(timeout=30)
        assert listener.returncode == 0, err
        total = (
            History(server.url).window(int(since.timestamp()), int(end.timestamp()), rows=1).total
        )
    with Store.open(folder) as store:
        source = f"history:{server.url}"
        counts = store.state.counts(source)[source]
        refused = sum(n for name, n in counts.items() if name.startswith("refused:"))
        assert counts["new"] == store.rows()
        assert total - refused <= counts["new"] <= total
        assert "gap" not in {state for *_, state in store.state.spans(source, "")}
        done = verify(store)
        assert done.clean, done.faults
