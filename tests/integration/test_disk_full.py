"""A disk that fills up under a listener, and under a gather: said, and nothing lost."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zmq

from hubbub.collector.history.client import History
from hubbub.store import Store
from hubbub.store.maintenance.verify import verify
from hubbub.testing.history.server import HistoryServer
from hubbub.testing.simulator.traffic import Traffic
from hubbub.times import iso
from tests.support import small_disk

TOPIC = b"org.fedoraproject.prod.git.receive"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[small_disk.Disk]:
    with small_disk.disk(tmp_path / "disk", 24) as one:
        yield one


def hubbub(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from hubbub.cli.root import run; run()", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def until(condition: Callable[[], object], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)


def health(port: int) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def reachable(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


class Bus:
    """A publisher that keeps count."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self.socket, self.said = socket, 0

    def say(self, n: int) -> None:
        for _ in range(n):
            self.said += 1
            body = {
                "i": self.said,
                "msg": {"commit": {"username": "alice", "noise": os.urandom(1000).hex()}},
                "msg_id": f"2026-{self.said}",
                "timestamp": time.time(),
                "topic": TOPIC.decode(),
            }
            self.socket.send_multipart([TOPIC, json.dumps(body).encode()])


def test_a_listener_on_a_disk_that_fills_up(disk: small_disk.Disk) -> None:
    folder = disk.path / "store"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with zmq.Context() as context, context.socket(zmq.XPUB) as publisher:
        publisher.set(zmq.SNDHWM, 0)
        bus = Bus(publisher)
        address = f"tcp://127.0.0.1:{publisher.bind_to_random_port('tcp://127.0.0.1')}"
        process = subprocess.Popen(
            [sys.executable, "-c", "from hubbub.cli.root import run; run()", "listen", "--bodies",
             "--zmq", address, "--store", folder, "--log-format", "json",
             "--metrics-port", str(port)],
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            assert publisher.poll(30_000)
            publisher.recv()

            def blocked() -> bool:
                bus.say(200)
                return "blocked" in {one["name"] for one in health(port)[1]["faults"]}

            until(lambda: reachable(port))
            until(blocked)
            code, said = health(port)
            assert code == 503
            assert "the disk is full" in str(said)
            assert "make room" in str(said)
            status = hubbub("status", "--store", folder)
            assert status.returncode == 0, status.stderr
            assert "make room" in status.stdout
            asked = hubbub("query", "volume", "--since", "1d", "--store", folder, "--json",
                           "--allow-incomplete")  # fmt: skip
            assert asked.returncode == 0, asked.stderr
            bus.say(200)
            disk.grow(100)
            with Store.open(folder) as store:
                until(lambda: store.rows() == bus.said)
            until(lambda: "blocked" not in {one["name"] for one in health(port)[1]["faults"]})
            process.terminate()
            _, err = process.communicate(timeout=20)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 9)
    assert process.returncode == 0
    lines = [json.loads(line) for line in err.splitlines()]
    events = [line["event"] for line in lines]
    assert events.count("cannot write, messages wait") == 1
    assert "the disk is full" in next(line["why"] for line in lines if "why" in line)
    assert "writing again" in events
    assert "the loader died and is restarted" not in events
    last = lines[-1]
    assert (last["event"], last["stored"], last["overflow"]) == ("stopped", bus.said, 0)
    with Store.open(folder) as store:
        done = verify(store)
        assert done.clean, done.faults
        assert done.checked["ids"] == done.checked["bodies:rows"] == bus.said


def test_a_gather_on_a_full_disk_ends_clearly_and_goes_on(disk: small_disk.Disk) -> None:
    folder = disk.path / "store"
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    since = end - timedelta(hours=19)
    with HistoryServer(Traffic(seed=5, per_day=40_000), days=1) as server:

        def gather() -> subprocess.CompletedProcess[str]:
            return hubbub("gather", "--since", iso(since), "--until", iso(end), "--bodies",
                          "--url", server.url, "--store", folder, "--json")  # fmt: skip

        Store.open(folder).close()
        disk.fill(leave=2 << 20)
        ran = gather()
        assert ran.returncode == 4, ran.stderr
        assert "the disk is full" in ran.stderr
        assert "make room" in ran.stderr
        assert "Traceback" not in ran.stderr
        assert hubbub("status", "--store", folder).returncode == 0
        assert gather().returncode == 4, "it does not get worse"
        disk.room()
        disk.grow(200)
        ran = gather()
        assert ran.returncode == 0, ran.stderr
        with Store.open(folder) as store:
            done = verify(store)
            assert done.clean, done.faults
            (source,) = (s for s in store.state.counts() if s.startswith("history:"))
            spans = store.state.spans(source, "")
            assert "gap" not in {state for *_, state in spans}
            total = (
                History(server.url)
                .window(int(since.timestamp()), int(end.timestamp()), rows=1)
                .total
            )
            counts = store.state.counts(source)[source]
            refused = sum(n for name, n in counts.items() if name.startswith("refused:"))
            assert counts["new"] + refused == total


def test_a_listener_that_starts_on_a_full_disk(disk: small_disk.Disk) -> None:
    """As after a restart of the machine: it hears at once, and writes when there is room."""
    folder = disk.path / "store"
    Store.open(folder).close()
    disk.fill()
    with zmq.Context() as context, context.socket(zmq.XPUB) as publisher:
        bus = Bus(publisher)
        address = f"tcp://127.0.0.1:{publisher.bind_to_random_port('tcp://127.0.0.1')}"
        process = subprocess.Popen(
            [sys.executable, "-c", "from hubbub.cli.root import run; run()", "listen",
             "--zmq", address, "--store", folder],
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            assert publisher.poll(30_000)
            publisher.recv()
            bus.say(500)
            time.sleep(2)
            disk.room()
            with Store.open(folder) as store:
                until(lambda: store.rows() == 500)
            process.terminate()
            _, err = process.communicate(timeout=20)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 9)
    assert (process.returncode, "Traceback" in err) == (0, False), err
