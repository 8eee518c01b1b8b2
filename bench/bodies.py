"""Size of stored bodies relative to their JSON, and the cost of loading with bodies.

    python bench/bodies.py [--days 0.35]

Messages are those of the simulated bus (payloads lognormal around 500 bytes), committed 20,000 at a
time, as by a gather or a compaction, and 300 at a time, as by a listener on a busy bus. Budget: at
most 0.2 of the JSON.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from hubbub.collector.event import Frame
from hubbub.store import Store
from hubbub.store.tables.bodies import Bodies, Body
from hubbub.testing.simulator.message import SimMessage
from hubbub.testing.simulator.traffic import messages
from hubbub.testing.simulator.wire import line


def size(bodies: list[Body], per: int) -> float:
    """Return the bytes on disk per byte of JSON, with `per` bodies in a commit."""
    with tempfile.TemporaryDirectory() as folder:
        table = Bodies(Path(folder) / "bodies")
        for batch, first in enumerate(range(0, len(bodies), per), 1):
            table.append(bodies[first : first + per], batch)
        return sum(f.bytes for f in table.files()) / sum(len(b.body or b"") for b in bodies)


def load(received: list[SimMessage], *, bodies: bool) -> float:
    """Return the CPU seconds of loading the messages."""
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "store") as store:
        with store.spool("bench", bodies=bodies) as sink:
            for m in received:
                sink.put(Frame("zmq:tcp://x", m.at, m.topic.encode(), line(m), m.i))
        start = time.process_time()
        store.load()
        return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, default=0.35)
    days = parser.parse_args().days
    start = datetime(2026, 1, 15, tzinfo=UTC)
    received = [message for message in messages(1, start, days=days) if message.broken is None]
    bodies = [Body(message.at, message.id, line(message)) for message in received]
    print(
        f"{len(bodies):,} messages, {sum(len(b.body or b'') for b in bodies) / len(bodies):,.0f} B"
    )
    print(f"bodies on disk / JSON, 20,000 a commit: {size(bodies, 20_000):.3f} (at most 0.2)")
    print(f"bodies on disk / JSON,    300 a commit: {size(bodies[:6000], 300):.3f} (at most 0.2)")
    load(received[:500], bodies=True)  # warm up: imports
    ratio = load(received, bodies=True) / load(received, bodies=False)
    print(f"loading with bodies / without: {ratio:.2f}")


if __name__ == "__main__":
    main()
