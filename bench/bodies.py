"""Bodies on the disk against their JSON, and loading with them against loading without; ratios.

    python bench/bodies.py [--days 0.35]

Messages are the simulated bus's (payloads lognormal around 500 bytes), committed 20,000 at a time,
as a gather or a compaction does, and 300 at a time, as a listener on a busy bus does. At most
0.2 of the JSON is asked for.
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
    """Bytes on the disk for a byte of JSON."""
    with tempfile.TemporaryDirectory() as folder:
        table = Bodies(Path(folder) / "bodies")
        for batch, at in enumerate(range(0, len(bodies), per), 1):
            table.append(bodies[at : at + per], batch)
        return sum(f.bytes for f in table.files()) / sum(len(one.body or b"") for one in bodies)


def load(heard: list[SimMessage], *, bodies: bool) -> float:
    """CPU seconds."""
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "store") as store:
        with store.spool("bench", bodies=bodies) as sink:
            for one in heard:
                sink.put(Frame("zmq:tcp://x", one.at, one.topic.encode(), line(one), one.i))
        start = time.process_time()
        store.load()
        return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, default=0.35)
    days = parser.parse_args().days
    start = datetime(2026, 1, 15, tzinfo=UTC)
    heard = [one for one in messages(1, start, days=days) if one.broken is None]
    bodies = [Body(one.at, one.id, line(one)) for one in heard]
    print(
        f"{len(bodies):,} messages, {sum(len(b.body or b'') for b in bodies) / len(bodies):,.0f} B"
    )
    print(f"bodies on disk / JSON, 20,000 a commit: {size(bodies, 20_000):.3f} (at most 0.2)")
    print(f"bodies on disk / JSON,    300 a commit: {size(bodies[:6000], 300):.3f} (at most 0.2)")
    load(heard[:500], bodies=True)  # whatever is imported is
    print(
        f"loading with bodies / without: {load(heard, bodies=True) / load(heard, bodies=False):.2f}"
    )


if __name__ == "__main__":
    main()
