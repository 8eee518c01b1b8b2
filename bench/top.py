"""`hubbub top`: processor and memory of the view, on a terminal of 200 columns and 50 lines.

    python bench/top.py [--rate 1000] [--seconds 20]

A simulated bus publishes; the view runs in a process on a pseudo-terminal. Measured:

- processor of the view at `--rate` messages a second: budget 10 % of a core
- memory of the view then, and after messages of 100,000 topics: bounded
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
import time

import zmq
from _http import Running, report

from hubbub.testing.simulator.traffic import Traffic
from hubbub.testing.simulator.wire import line

COMMAND = (sys.executable, "-c", "from hubbub.cli.root import run; run()", "top", "--zmq")
LINES, COLUMNS = 50, 200
TOPICS = 100_000
Message = tuple[bytes, bytes]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, default=1_000, help="messages a second")
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    traffic = Traffic(1, 86_400, steady=True)
    usual = [
        (json.loads(text)["topic"].encode(), text)
        for text in map(line, traffic.between(0, 5_000_000_000))
        if text.startswith(b"{") and b'"topic"' in text and text.endswith(b"}")
    ]
    with zmq.Context() as context, context.socket(zmq.XPUB) as bus:
        bus.set(zmq.SNDHWM, 0)
        bus.bind("tcp://127.0.0.1:*")
        view = start_view(bus.get_string(zmq.LAST_ENDPOINT).rstrip("\0"))
        try:
            if not bus.poll(60_000):
                raise SystemExit("the view does not subscribe")
            publish(bus, usual, options.rate, 5)
            running = Running(view.pid, 0)
            before, began = running.processor(), time.monotonic()
            publish(bus, usual, options.rate, options.seconds)
            share = (running.processor() - before) / (time.monotonic() - began)
            memory = running.resident()
            publish(bus, [rare(n) for n in range(TOPICS)], 5_000, TOPICS / 5_000)
            time.sleep(2)
            more = running.resident()
        finally:
            view.terminate()
            view.wait(30)
    report("processor of the view", 100 * share, 10, "% of a core")
    report(
        f"memory after {TOPICS:,} topics, beside {memory:.0f} MB before", more - memory, 60, "MB"
    )


def start_view(endpoint: str) -> subprocess.Popen[bytes]:
    """Start the view on a terminal whose output is read and forgotten."""
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    view = subprocess.Popen(
        [*COMMAND, endpoint], stdin=terminal, stdout=terminal, stderr=terminal,
        env={**os.environ, "TERM": "xterm-256color"}, start_new_session=True,
    )  # fmt: skip
    os.close(terminal)

    def drain() -> None:
        try:
            while os.read(master, 1 << 16):
                pass
        except OSError:  # the terminal was closed
            return

    threading.Thread(target=drain, daemon=True).start()
    return view


def publish(bus: zmq.Socket[bytes], messages: list[Message], rate: int, seconds: float) -> None:
    """Publish messages again and again at a rate."""
    began, sent = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        while sent < passed * rate:
            bus.send_multipart(messages[sent % len(messages)])
            sent += 1
        time.sleep(0.005)


def rare(n: int) -> Message:
    """Return a message of a topic of its own."""
    topic = f"org.example.prod.rare{n}.new"
    body = {"i": n, "msg": {}, "msg_id": f"2026-{n}", "timestamp": time.time(), "topic": topic}
    return topic.encode(), json.dumps(body).encode()


if __name__ == "__main__":
    main()
