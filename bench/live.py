"""The live page: pictures a second, what the server pays for clients, and what the listener does.

    python bench/live.py [--rate 1000] [--seconds 10] [--folder DIR] [--without-browser]

A simulated bus, `hubbub listen`, `hubbub serve` and clients, a process each. Measured:

- processor and memory of the server for 1 and for 100 clients of the stream, beside those without:
  budgets 5 % and 20 % of a core, and 40 MB
- the rate of the listener at 5,000 messages a second while 1,000 clients are connected, beside that
  without clients, in turn: budget 0.95 of it
- pictures a second of the page in headless Chromium, with 400 nodes: budget 59
- what the page says of the delay from publishing to the lamp: budget 250 ms for 95 % of messages
- the heap of the page while a stream runs for minutes of the page's own clock: flat
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zmq
from _http import Running, hubbub, report

ROOT = Path(__file__).parent.parent
HUBBUB = (sys.executable, "-c", "from hubbub.cli.root import run; run()")
MANY = 1_000  # clients that must not slow the listener
BURST, FAST = 30_000, 5_000  # messages of one measurement of the listener, and how many a second
ROUNDS = 2
TOPICS = [f"org.example.prod.{c}.{a}" for c in ("git", "wiki", "bodhi", "copr") for a in "abcdefgh"]
GIT = "org.fedoraproject.prod.git.receive"  # with objects
WARM, LONG = 80, 160  # s of the page's own clock before and after the heap is measured
COUNT = """new Promise(resolve => {
  let pictures = 0, longest = 0, last = performance.now();
  const start = last;
  const next = now => {
    pictures++; longest = Math.max(longest, now - last); last = now;
    if (now - start < %d) requestAnimationFrame(next);
    else resolve([pictures * 1000 / (now - start), longest,
      Number(document.getElementById('graph-canvas').dataset.nodes)]);
  };
  requestAnimationFrame(next);
})"""


def main() -> None:
    """Measure all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--without-browser", action="store_true")
    parser.add_argument("--clients", type=int, nargs=2, metavar=("NUMBER", "PORT"))
    parser.add_argument("--publish", metavar="ENDPOINT")
    options = parser.parse_args()
    if options.clients:
        read(*options.clients)
        return
    if options.publish:
        publish(options.publish)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        store = Path(folder) / "store"
        with listening(store) as (listener, publisher), hubbub(store, "--auth", "none") as server:
            time.sleep(5)  # what the server does after its start
            send(publisher, 1 << 40, options.rate)
            costs(server, options.rate, options.seconds)
            send(publisher, 0, 1)
            crowded(listener, publisher, server)
            send(publisher, 1 << 40, options.rate)
            if not options.without_browser:
                page(f"http://127.0.0.1:{server.port}", options.seconds, Path(folder))


@contextmanager
def listening(store: Path) -> Iterator[tuple[int, Any]]:
    """Run a bus and a listener; yield the port of its metrics, and the publisher."""
    endpoint, port = (f"{free_port()}", free_port())
    publisher = subprocess.Popen(
        [sys.executable, __file__, "--publish", f"tcp://127.0.0.1:{endpoint}"],
        stdin=-1, stdout=-1, text=True,
    )  # fmt: skip
    listener = subprocess.Popen(
        [*HUBBUB, "listen", "--store", store, "--zmq", f"tcp://127.0.0.1:{endpoint}",
         "--metrics-port", str(port)], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert publisher.stdout is not None
        assert publisher.stdout.readline() == "subscribed\n"
        yield port, publisher
    finally:
        for process in (publisher, listener):
            process.terminate()
            process.wait(60)


def send(publisher: Any, number: int, rate: int) -> None:
    """Let the publisher send so many messages, at a rate."""
    publisher.stdin.write(f"{number} {rate}\n")
    publisher.stdin.flush()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def publish(endpoint: str) -> None:
    """Publish as many messages a second as a line of standard input says: number and rate."""
    chance = random.Random(1)
    with zmq.Context() as context, context.socket(zmq.XPUB) as bus:
        bus.set(zmq.SNDHWM, 0)
        bus.bind(endpoint)
        bus.recv()
        print("subscribed", flush=True)
        numbers = iter(range(1, 1 << 60))
        poller = zmq.Poller()
        poller.register(sys.stdin, zmq.POLLIN)

        def send_one() -> None:
            n = next(numbers)
            topic = chance.choice(TOPICS) if n % 2 else GIT
            who = f"user{min(int(chance.paretovariate(0.6)), 799)}"
            commit = {"username": who, "agent": who, "repo": f"p{chance.randrange(20_000)}"}
            body = {
                "i": n, "topic": topic, "timestamp": time.time(), "msg_id": f"2026-{n}",
                "username": "bench", "msg": {"commit": commit, "agent": who, "x": "x" * 300},
            }  # fmt: skip
            bus.send_multipart([topic.encode(), json.dumps(body).encode()])

        left, rate, due = 0, 1, 0.0
        while True:
            if poller.poll(10 if left else None):
                left, rate = map(int, sys.stdin.readline().split())
                due = time.monotonic()
            while left and due < time.monotonic():
                send_one()
                left -= 1
                due += 1 / rate


def read(number: int, port: int) -> None:
    """Read the stream with so many clients until the end; print when all are connected."""
    selector = selectors.DefaultSelector()
    for _ in range(number):
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        selector.register(client, selectors.EVENT_READ, [0])
    waiting = number
    while True:
        for key, _ in selector.select():
            part = key.fileobj.recv(1 << 18)  # type: ignore[union-attr]
            if not part:
                sys.exit("the server closed a stream")
            if key.data[0] == 0 and b"event: hello" in part:
                key.data[0] = 1
                waiting -= 1
                if waiting == 0:
                    print("connected", flush=True)


@contextmanager
def clients(number: int, port: int) -> Iterator[None]:
    """Let so many clients read the stream while the block runs."""
    if not number:
        yield
        return
    command = [sys.executable, __file__, "--clients", str(number), str(port)]
    with subprocess.Popen(command, stdout=-1, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "connected\n"
            yield
            assert process.poll() is None, "a client was dropped"
        finally:
            process.kill()


def received(port: int) -> int:
    """Return how many messages the listener has received."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        found = re.search(
            r"^hubbub_received_messages_total (\S+)", answer.read().decode(), re.MULTILINE
        )
    assert found is not None
    return int(float(found[1]))


def crowded(listener: int, publisher: Any, server: Running) -> None:
    """Compare the listener's rate with and without many clients, taking turns; the best of each."""
    rates: dict[int, list[float]] = {0: [], MANY: []}
    for _ in range(ROUNDS):
        for number, found in rates.items():
            with clients(number, server.port):
                time.sleep(1)
                before, began = received(listener), time.monotonic()
                send(publisher, BURST, FAST)
                while received(listener) < before + BURST:
                    time.sleep(0.02)
                found.append(BURST / (time.monotonic() - began))
            time.sleep(1)
    best = {number: max(found) for number, found in rates.items()}
    print(f"listener: {best[0]:,.0f}/s without clients, {best[MANY]:,.0f}/s with {MANY:,}")
    report(f"listener with {MANY:,} clients, of its rate without", best[MANY] / best[0], 0.95,
           "", least=True)  # fmt: skip


def costs(server: Running, rate: int, seconds: float) -> None:
    """Measure what clients cost the server, above what it costs without them."""

    def used(number: int) -> tuple[float, float, float]:
        with clients(max(0, number - 1), server.port), probe(server.port, number > 0) as frames:
            time.sleep(3)
            before, began, seen = server.processor(), time.monotonic(), frames[0]
            time.sleep(seconds)
            passed = time.monotonic() - began
            busy = (server.processor() - before) / passed
            return 100 * busy, server.resident(), (frames[0] - seen) / passed

    idle, memory, _ = used(0)
    print(f"server without clients: {idle:.1f} % of a core, {memory:.0f} MB")
    for number, budget in ((1, 5), (100, 20)):
        busy, resident, frames = used(number)
        what = f"server, {number} clients at {rate:,} messages/s"
        print(f"{what}: {busy:.1f} % of a core for {frames:.1f} frames a second for each")
        report(f"{what}, above none", busy - idle, budget, "% of a core")
        if number == 1:
            report(f"{what}, added memory", resident - memory, 40, "MB")


@contextmanager
def probe(port: int, wanted: bool) -> Iterator[list[int]]:  # noqa: FBT001
    """Count the frames that one client gets while the block runs."""
    frames = [0]
    if not wanted:
        yield frames
        return
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def count() -> None:
        while part := client.recv(1 << 18):
            frames[0] += part.count(b'data: {"at"')

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    try:
        yield frames
    finally:
        client.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        client.close()


def page(url: str, seconds: float, folder: Path) -> None:
    """Measure the page in a browser."""
    sys.path.insert(0, str(ROOT))
    from tests.support.browser.devtools import browser
    from tests.support.browser.keyboard import evaluate
    from tests.support.browser.recording import begin

    with browser(folder / "profile") as chromium:
        size = {"width": 1400, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        chromium.send("Emulation.setDeviceMetricsOverride", **size)
        chromium.visit(url)
        time.sleep(5)
        answer = chromium.send(
            "Runtime.evaluate", expression=COUNT % (seconds * 1000),
            awaitPromise=True, returnByValue=True,
        )  # fmt: skip
        pictures, longest, nodes = answer["result"]["value"]
        print(f"page: {nodes} nodes, longest time between two pictures {longest:.0f} ms")
        report("page, pictures", pictures, 59, "a second", least=True)
        shown = evaluate(chromium, "document.getElementById('delay').textContent")
        report(
            "page, from publishing to the lamp, 95 %",
            float(shown.split(" ")[0].replace(",", "")),
            250,
        )

        def heap() -> float:
            chromium.send("HeapProfiler.collectGarbage")
            return float(chromium.send("Runtime.getHeapUsage")["usedSize"]) / 1e6

        begin(chromium, url, rate=1_000, kinds=60, slope=1.0, seed=1, samples=24)
        for _ in range(WARM):
            evaluate(chromium, "advance(1000)")
        first = heap()
        for _ in range(LONG):
            evaluate(chromium, "advance(1000)")
        growth = (heap() - first) * 3600 / LONG
        print(f"page: heap {first:.1f} MB after {WARM} s, {growth:+.1f} MB an hour after that")
        report("page, growth of the heap in an hour", growth, 2, "MB")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    main()
