"""`hubbub serve` under load: how fast it answers, what HTTP adds, what slow clients do to others.

    python bench/server.py [--events 10000000] [--requests 100000] [--store FOLDER]
    python bench/server.py --store FOLDER --stages warm,overhead

A server in a process of its own answers from a store of `--events` events of two years. Measured in
one run, with the machine's load, since that decides what the numbers are worth:

- `warm`: `/query/volume.json` and `/view/tail.svg`, warm, at 20 requests a second: p95, budget
  100 ms; 304 for both: p95, budget 5 ms; beside bare uvicorn at the same rate
- `overhead`: what HTTP adds to `Runner.query` for answers that are not cached: budget 3 ms
- `memory`: of the server before and after `--requests` requests: flat
- `crowded`: `/healthz` with a slow client, 1,000 idle connections, 100 slow queries: budget 100 ms

With `--store` the store is made if it does not exist, and kept. With `--first` (as root) the server
and the client come before all other work of the machine, which is what delays them where it is
busy: the longest answer of `crowded` was then 43 to 98 ms in nine runs at load averages of 14 to
20; mostly the first one, since the connections and the queries had just arrived.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

import scale
from _http import Running, bare, hubbub, quantile95, report

from hubbub.config import Config
from hubbub.plugins import load_builtins
from hubbub.run.configured import configured_runner
from hubbub.store import Store

RATE, SECONDS = 20, 8  # requests a second, for so long
WARM = ("/query/volume.json", "/view/tail.svg")
PAIRS = 60  # of calls by HTTP and in code
IDLE, SLOW = 1_000, 100
STAGES = ("warm", "overhead", "memory", "crowded")


def main() -> None:
    """Measure all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--store", type=Path, default=None)
    parser.add_argument("--stages", default=",".join(STAGES))
    parser.add_argument("--first", action="store_true", help="before all other work, as root")
    options = parser.parse_args()
    stages = options.stages.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        store = options.store or Path(scratch) / "store"
        if not store.exists():
            for stage in (scale.load, scale.roll):
                stage(store, options)
        wrapper = ("nice", "-n", "-20") if options.first else ()
        with hubbub(store, "--auth", "none", wrapper=wrapper) as running:
            if options.first:  # the event loop of the server, and this client
                for n, process in enumerate((running.pid, 0), 1):
                    os.sched_setscheduler(process, os.SCHED_RR, os.sched_param(n))
            if "warm" in stages:
                warm(running.port)
            if "overhead" in stages:
                overhead(store, running.port)
            if "memory" in stages:
                memory(running, options.requests)
            if "crowded" in stages:
                crowded(running.port)


class Client:
    """One connection."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=120)

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Return status and ETag."""
        self._connection.request("GET", path, headers=headers)
        response = self._connection.getresponse()
        response.read()
        return response.status, response.headers.get("ETag", "")


def paced(call: Callable[[], object], rate: float = RATE, length: float = SECONDS) -> list[float]:
    """Call at a steady rate; return the durations."""
    durations, start = [], time.perf_counter()
    for n in range(int(rate * length)):
        time.sleep(max(0.0, start + n / rate - time.perf_counter()))
        began = time.perf_counter()
        call()
        durations.append(time.perf_counter() - began)
    return durations


def warm(port: int) -> None:
    """Measure cached answers, and 304."""
    with bare() as plain:
        other = Client(plain.port)
        print(f"{'bare uvicorn':58} {quantile95(paced(lambda: other.get('/'))):8,.1f} ms")
    client = Client(port)
    for path in WARM:
        status, tag = client.get(path)
        assert status == 200, (path, status)

        def whole(path: str = path) -> None:
            assert client.get(path)[0] == 200

        def known(path: str = path, tag: str = tag) -> None:
            assert client.get(path, **{"If-None-Match": tag})[0] == 304

        report(f"{path}, warm, p95 at {RATE}/s", quantile95(paced(whole)), 100)
        report(f"{path}, 304, p95 at {RATE}/s", quantile95(paced(known)), 5)


def overhead(store: Path, port: int) -> None:
    """Compare answers that are not cached with `Runner.query` in this process, taking turns.

    Each call has another range, of whole days, so that rollups answer: a scan of all events takes
    so long that the difference would drown.
    """
    load_builtins()
    client, over, code = Client(port), [], []
    with Store.open(store, reading=True) as opened:
        bounds = opened.bounds()
        assert bounds is not None
        until = datetime.fromtimestamp(bounds[1] / 1e6, UTC).date()
        for n in range(PAIRS):
            since = until - timedelta(days=20 + n)
            began = time.perf_counter()
            status, _ = client.get(f"/query/volume.json?since={since}&until={until}")
            over.append(time.perf_counter() - began)
            assert status == 200
            began = time.perf_counter()
            runner = configured_runner(opened, Config())
            runner.query("volume", since=str(since), until=str(until))
            code.append(time.perf_counter() - began)
    added = statistics.median(a - b for a, b in list(zip(over, code, strict=True))[10:])
    print(f"{'Runner.query, median':58} {statistics.median(code) * 1000:8,.1f} ms")
    report("HTTP above Runner.query, median", added * 1000, 3)


def memory(running: Running, requests: int) -> None:
    """Send many requests: cached, known, wrong, and each tenth hundred one that is computed."""
    client = Client(running.port)
    _, tag = client.get(WARM[0])
    sizes, began = [], time.monotonic()
    for n in range(requests):
        kind = n % 5
        if kind < 2:
            client.get(WARM[0], **{"If-None-Match": tag})
        elif kind < 4:
            client.get(WARM[0])
        elif n % 1000 == 4:
            client.get(
                f"/query/volume.json?since=2026-06-01&until=2026-06-{1 + n // 1000 % 27:02}T01"
            )
        else:
            client.get("/query/nothing")
        if n % (requests // 20 or 1) == 0:
            sizes.append(running.resident())
    rate = requests / (time.monotonic() - began)
    settled, last = max(sizes[len(sizes) // 4 : len(sizes) // 2] or sizes), sizes[-1]
    print(
        f"{requests:,} requests, {rate:,.0f}/s; memory MB: " + " ".join(f"{s:.0f}" for s in sizes)
    )
    report("growth of the memory in the second half", last - settled, 20, "MB")


def crowded(port: int) -> None:
    """Measure /healthz while others hold connections, read slowly and run slow queries."""
    client = Client(port)
    with ExitStack() as stack:
        for _ in range(IDLE):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        lazy = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        lazy.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")  # never reads it
        queries = []
        for n in range(SLOW):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=120))
            path = f"/query/overload.json?until=2026-06-{1 + n % 28:02}T{n // 28:02}"
            slow.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            queries.append(slow)

        def healthy() -> None:
            assert client.get("/healthz")[0] == 200

        seconds = paced(healthy)
        report(f"/healthz, crowded, p95 at {RATE}/s", quantile95(seconds), 100)
        report("/healthz, crowded, longest", max(seconds) * 1000, 100)


if __name__ == "__main__":
    main()
