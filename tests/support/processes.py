"""Run hubbub in a process, and publish numbered messages to it."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import zmq

#: The command line of hubbub in this interpreter.
HUBBUB = (sys.executable, "-c", "from hubbub.cli.root import run; run()")
TOPIC = "org.fedoraproject.prod.git.receive"


def start(
    *arguments: object,
    stdout: int = subprocess.DEVNULL,
    stderr: int | IO[Any] = subprocess.PIPE,
    env: dict[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Start `hubbub` in its own session."""
    return subprocess.Popen(
        [*HUBBUB, *map(str, arguments)], stdout=stdout, stderr=stderr, text=True,
        start_new_session=True, env=env,
    )  # fmt: skip


def free_port() -> int:
    """Return a port that nobody listens on, for a program that is started later, or again.

    It is none of those that the system hands out: to another test's connection, or to its bus,
    whose messages then arrive here.
    """
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        first = 32_768
    while True:
        port = secrets.choice(range(10_000, max(first, 20_000)))
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(
    condition: Callable[[], object],
    seconds: float = 90,
    *,
    process: subprocess.Popen[Any] | None = None,
    output: Callable[[], str] = lambda: "timed out",
) -> None:
    """Wait until the condition holds; fail after `seconds`, or when a process ends.

    The pauses are three times as long as the condition takes: some open a store, or start a
    program, and would keep a processor from those for which they wait.

    Args:
        condition: what is waited for.
        seconds: to wait at most.
        process: which must not end before.
        output: what a failure shows.
    """
    end = time.monotonic() + seconds
    while True:
        started = time.monotonic()
        ended = process is not None and process.poll() is not None
        if condition():
            return
        assert not ended, output()
        assert started < end, output()
        time.sleep(min(0.5, max(0.02, 3 * (time.monotonic() - started))))


def within(seconds: float) -> float:
    """Return how long something may take here: longer where processes wait for a processor."""
    return seconds * max(1.0, 2 * os.getloadavg()[0] / (os.cpu_count() or 1))


def reported(entries: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Add up the status lines of a listener: it logs one a minute, and one at its end.

    Args:
        entries: of its log.

    Returns:
        How many messages were received, stored, dropped (`overflow`) and refused.
    """
    counts: Counter[str] = Counter()
    for entry in entries:
        if entry.get("event") in {"listening", "stopped"}:
            counts += Counter({name: entry[name] for name in ("received", "stored", "overflow")})
            counts["refused"] += sum(entry["refused"].values())
    return counts


class NumberedBus:
    """A publisher of messages numbered from 1; `published` is their number so far."""

    def __init__(self, socket: zmq.Socket[bytes], address: str = "tcp://127.0.0.1:*") -> None:
        self.socket, self.published = socket, 0
        socket.set(zmq.SNDHWM, 0)
        socket.set(zmq.XPUB_VERBOSE, 1)  # every subscription arrives, also a repeated one
        socket.bind(address)
        self.address = socket.get_string(zmq.LAST_ENDPOINT).rstrip("\0")

    def await_subscriptions(self, n: int = 1) -> None:
        """Wait for `n` subscriptions."""
        for _ in range(n):
            assert self.socket.poll(30_000), "no subscription arrived"
            self.socket.recv()

    def publish(self, message: dict[str, Any] | None = None) -> None:
        """Publish a message."""
        self.published += 1
        body = {
            "i": self.published,
            "msg": message or {},
            "msg_id": f"2026-{self.published}",
            "timestamp": time.time(),
            "topic": TOPIC,
        }
        self.socket.send_multipart([TOPIC.encode(), json.dumps(body).encode()])

    @contextmanager
    def publishing(self, interval: float) -> Iterator[Callable[[], None]]:
        """Publish every `interval` seconds in a thread; yield a function that stops it."""
        stop = threading.Event()

        def run() -> None:
            while not stop.wait(interval):
                self.publish()

        def end() -> None:
            stop.set()
            thread.join()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield end
        finally:
            end()


@contextmanager
def numbered_bus() -> Iterator[NumberedBus]:
    """Open a bus on a free port."""
    with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
        yield NumberedBus(socket)
