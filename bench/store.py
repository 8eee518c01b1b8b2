"""The store: loader against spool, bytes an event, ids at size. Prints ratios of one run.

    python bench/store.py [--messages 60000] [--ids 20000000]

Messages follow the traffic model: 90 % robots with no user or one of ten, 10 % people; payloads
lognormal around 500 bytes; ids are dated UUIDs; 300 topics and a tail of topics that hold a name.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from hubbub.collector.event import Frame
from hubbub.collector.people.extract import understand
from hubbub.store import Store
from hubbub.store.tables.id_index import IdIndex

DAY = 86_400.0


def frames(n: int) -> Iterator[Frame]:
    """A day of the bus, as fedmsg sends it."""
    rng = random.Random(1)
    people = [f"user{i}" for i in range(800)]
    weights = [(i + 1) ** -1.25 for i in range(800)]
    kinds = ["git.receive", "buildsys.build.state.change", "bodhi.update.comment", "copr.build.end"]
    topics = [f"org.fedoraproject.prod.{rng.choice(kinds)}.t{i}" for i in range(300)]
    mass = [1 / (i + 1) for i in range(300)]
    for i in range(n):
        person = rng.random() < 0.1
        topic = rng.choices(topics, mass)[0]
        if rng.random() < 0.05:
            topic = f"org.fedoraproject.prod.git.branch.package{rng.randrange(28000)}"
        agent = rng.choices(people, weights)[0] if person else rng.choice([None, f"robot{i % 10}"])
        body = {
            "agent": agent,
            "repo": f"package{rng.randrange(20000)}",
            "text": rng.randbytes(min(40000, int(rng.lognormvariate(5.4, 1.1)))).hex(),
        }
        message = {
            "msg_id": f"2026-{uuid.UUID(int=rng.getrandbits(128), version=4)}",
            "topic": topic,
            "timestamp": 1_768_435_200 + i * DAY / n,
            "i": i,
            "msg": body,
        }
        now = time.time_ns() // 1000
        yield Frame("zmq:tcp://bus:9940", now, topic.encode(), json.dumps(message).encode(), i)


def timed(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    start = clock()
    call()
    return clock() - start


def store(n: int) -> None:
    arrived = list(frames(n))
    warm = [replace(arrived[0], body=arrived[0].body.replace(b"2026-", b"warm-"))]

    def spool(what: Iterable[Frame]) -> None:
        with one.spool("bench") as writer:
            for frame in what:
                writer.put(frame)

    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "store") as one:
        spool(warm)
        one.load()  # imports, the table, the rules of people
        alone = timed(lambda: [understand(f) for f in arrived], time.process_time)
        spooled = timed(lambda: spool(arrived))
        cpu = time.process_time()
        loaded = timed(one.load)
        cpu = time.process_time() - cpu
        table = sum(f.bytes for f in one.table.files())
        assert one.rows() == n + 1, one.state.counts()
        spool(arrived)
        again = timed(one.load)
        assert one.rows() == n + 1
    print(f"spool (durable)                  {n / spooled:>12,.0f} messages/s")
    print(f"loader                           {n / loaded:>12,.0f} messages/s")
    print(f"loader / spool                   {spooled / loaded:>12.2f}   at least 0.3")
    print(f"loader, by its CPU               {n / cpu:>12,.0f} messages/s")
    print(f"decode and people in that        {alone / cpu:>12.0%}")
    print(f"loader, all known / all new      {loaded / again:>12.2f}   rate")
    print(f"bytes an event in the table      {table / n:>12.1f}   at most 36")


def ids(n: int, part: int = 50_000) -> None:
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        one = IdIndex(Path(folder) / "ids", scan=lambda *_: [], exact=lambda *_: set())
        one.catch_up(0)
        took: list[float] = []
        names = [str(i) for i in range(part)]
        for version in range(1, n // part + 1):
            new = rng.integers(0, 2**64, part, dtype=np.uint64)
            start = time.perf_counter()
            one.known(names, new, (0, 1))
            one.add(new, version)
            took.append(time.perf_counter() - start)
        disk = sum(p.stat().st_size for p in (Path(folder) / "ids").iterdir())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"ids: {n:,} in parts of {part:,}; {len(one.runs)} runs, {disk / n:.1f} bytes an id")
    print(
        f"     mean {1e3 * sum(took) / len(took):.0f} ms a part, longest {max(took):.1f} s (merge)"
    )
    print(f"     peak resident {peak:,.0f} MB, mapped files included")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument("--ids", type=int, default=20_000_000, help="0: leave this part out")
    options = parser.parse_args()
    store(options.messages)
    if options.ids:
        ids(options.ids)


if __name__ == "__main__":
    main()
