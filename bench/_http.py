"""Shared by benchmarks of the server: `hubbub serve` and bare uvicorn as processes, and a client.

The client is one thread with a selector, which costs less than any server that it asks.
"""

from __future__ import annotations

import os
import re
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_HUBBUB = (sys.executable, "-c", "from hubbub.cli.root import run; run()")
_BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

async def answer(request):
    await request.body()
    return PlainTextResponse("Success")

app = Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])
uvicorn.run(app, port=int(sys.argv[1]), http="httptools", access_log=False, log_level="error")
"""
WARM_UP = 0.5  # s

#: Returns a request: of which connection, and which of its requests.
Request = Callable[[int, int], bytes]


@dataclass(frozen=True)
class Running:
    """A server in a process of its own."""

    pid: int
    port: int

    def resident(self) -> float:
        """Return its memory, MB."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) / 1024

    def processor(self) -> float:
        """Return the seconds of processor time that it has taken."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Measured(NamedTuple):
    """What a server did."""

    rate: float  # answers per second
    cost: float  # ms of its processor time for each
    answered: int

    def __str__(self) -> str:
        """Return both figures."""
        return f"{self.rate:8,.0f} requests/s, {self.cost:.3f} ms of the server's processor"


@contextmanager
def hubbub(store: Path, *options: str | Path, wrapper: Sequence[str] = ()) -> Iterator[Running]:
    """Run `hubbub serve`.

    Args:
        store: its folder.
        options: further ones of the command.
        wrapper: a command that runs it.
    """
    command = [*wrapper, *_HUBBUB, "--store", store, "serve", "--port", "0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"url=http://127\.0\.0\.1:(\d+)/", line):
                break
        else:
            raise RuntimeError("the server does not start")
        threading.Thread(target=process.stderr.read, daemon=True).start()
        with _until_end(process, int(found[1])) as running:
            yield running


@contextmanager
def bare() -> Iterator[Running]:
    """Run uvicorn with a Starlette application that reads a body and answers one word."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        subprocess.Popen([sys.executable, "-c", _BARE, str(port)]) as process,
        _until_end(process, port) as running,
    ):
        yield running


@contextmanager
def _until_end(
    process: subprocess.Popen[str] | subprocess.Popen[bytes], port: int
) -> Iterator[Running]:
    try:
        end = time.monotonic() + 120
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
                break
            if time.monotonic() > end or process.poll() is not None:
                raise RuntimeError("the server does not answer")
            time.sleep(0.1)
        yield Running(process.pid, port)
    finally:
        process.terminate()
        process.wait(30)


def best(
    running: Running, request: Request, *, connections: int, seconds: float, runs: int
) -> Measured:
    """Return the fastest of several short runs, since others use this machine, too."""
    _ask(running.port, request, connections, WARM_UP)
    return max(measure(running, request, connections, seconds) for _ in range(runs))


def measure(running: Running, request: Request, connections: int, seconds: float) -> Measured:
    """Send one request after the other over each connection."""
    before, began = running.processor(), time.monotonic()
    answered = _ask(running.port, request, connections, seconds)
    rate = answered / (time.monotonic() - began)
    return Measured(rate, (running.processor() - before) / answered * 1000, answered)


def _ask(port: int, request: Request, connections: int, seconds: float) -> int:
    """Return how many were answered with 2xx; any other answer ends the benchmark."""
    selector = selectors.DefaultSelector()
    sent = [0] * connections
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in sent]
    for number, connection in enumerate(sockets):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ, (number, bytearray()))
        connection.sendall(request(number, 0))
    answered, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for key, _ in selector.select(0.1):
            connection, (number, read) = sockets[key.data[0]], key.data
            read += connection.recv(1 << 16)
            if not _whole(read):
                continue
            assert read.startswith(b"HTTP/1.1 20"), bytes(read)
            read.clear()
            answered += 1
            sent[number] += 1
            connection.sendall(request(number, sent[number]))
    selector.close()
    for connection in sockets:
        connection.close()
    return answered


def _whole(read: bytearray) -> bool:
    """Whether an answer with Content-Length has been read to its end."""
    head, blank, body = read.partition(b"\r\n\r\n")
    if not blank:
        return False
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return len(body) >= int(rest.partition(b"\r\n")[0])


def report(
    what: str, value: float, budget: float, unit: str = "ms", *, least: bool = False
) -> None:
    """Print a figure with its budget, and the machine's load.

    Args:
        what: the figure is.
        value: of it.
        budget: the most that it may be.
        unit: of both.
        least: the budget is the least.
    """
    kept = value >= budget if least else value <= budget
    load = os.getloadavg()[0]
    print(
        f"{what:58} {value:8,.1f} {unit}  budget {budget:,g}, load {load:.1f}: "
        f"{'ok' if kept else 'MISSED'}",
        flush=True,
    )


def quantile95(seconds: Sequence[float]) -> float:
    """Return the 95th percentile, ms."""
    import statistics

    return statistics.quantiles(seconds, n=20)[-1] * 1000
