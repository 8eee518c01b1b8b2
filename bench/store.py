"""The store: loader relative to spool, bytes per event, a large index of ids.

    python bench/store.py [--messages 60000] [--ids 20000000]

Messages follow the traffic model: 90 % robots with no user or one of ten, 10 % people; payloads
lognormal around 500 bytes; ids are dated UUIDs; 300 topics and a tail of topics with package names.
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
from hubbub.collector.people.reader import Reader
from hubbub.store import Store
from hubbub.store.loader.batch import Batch
from hubbub.store.loader.bus_stats import BusStats
from hubbub.store.spool.segment import Record
from hubbub.store.state.database import State
from hubbub.store.tables.id_index import IdIndex

DAY = 86_400.0
SEGMENT = "00000000000000000001-bench-1-00000000"


def frames(n: int) -> Iterator[Frame]:
    """Yield a day of a bus, in fedmsg's format."""
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


def take(arrived: list[Frame], state: State) -> None:
    """Decode, find people and collect what a commit writes, as the loader does for each record."""
    batch = Batch(Reader(), state.forgotten, BusStats(state))
    for n, frame in enumerate(arrived):
        batch.take(SEGMENT, Record(frame, n, n + 1))


def bench_store(n: int, *, bodies: bool) -> None:
    arrived = list(frames(n))
    warm = [replace(arrived[0], body=arrived[0].body.replace(b"2026-", b"warm-"))]

    def spool(frames: Iterable[Frame]) -> None:
        with store.spool("bench", bodies=bodies) as writer:
            for frame in frames:
                writer.put(frame)

    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "store") as store:
        spool(warm)
        store.load()  # warm up: imports, the table, the rules of people
        decoding = timed(lambda: [understand(f) for f in arrived], time.process_time)
        taking = timed(lambda: take(arrived, store.state), time.process_time)
        total = time.process_time()
        spooled = timed(lambda: spool(arrived))
        cpu = time.process_time()
        loaded = timed(store.load)
        total = time.process_time() - total
        cpu = time.process_time() - cpu
        table = sum(f.bytes for f in store.table.files())
        assert store.rows() == n + 1, store.state.counts()
        spool(arrived)
        repeated = timed(store.load)
        assert store.rows() == n + 1
    print("with bodies" if bodies else "without bodies")
    print(f"spool (durable)                  {n / spooled:>12,.0f} messages/s")
    print(f"loader                           {n / loaded:>12,.0f} messages/s")
    print(f"loader / spool                   {spooled / loaded:>12.2f}   at least 0.3")
    print(f"loader, by its CPU               {n / cpu:>12,.0f} messages/s")
    print(f"bus to queryable, by CPU         {n / total:>12,.0f} messages/s of a core")
    print(f"decode and people                {1e6 * decoding / n:>12.2f} µs, {decoding / cpu:.0%}")
    print(f"with what a commit needs         {1e6 * taking / n:>12.2f} µs, {taking / cpu:.0%}")
    print(f"loader, all known / all new      {loaded / repeated:>12.2f}   rate")
    print(f"bytes per event in the table     {table / n:>12.1f}   at most 36")


def bench_ids(n: int, part: int = 50_000) -> None:
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        index = IdIndex(Path(folder) / "ids", scan=lambda *_: [], exact=lambda *_: set())
        index.catch_up(0)
        times: list[float] = []
        names = [str(i) for i in range(part)]
        for version in range(1, n // part + 1):
            new = rng.integers(0, 2**64, part, dtype=np.uint64)
            start = time.perf_counter()
            index.known(names, new, (0, 1))
            index.add(new, version)
            times.append(time.perf_counter() - start)
        disk = sum(p.stat().st_size for p in (Path(folder) / "ids").iterdir())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    mean, longest = 1e3 * sum(times) / len(times), max(times)
    print(f"ids: {n:,} in parts of {part:,}; {len(index.runs)} runs, {disk / n:.1f} bytes per id")
    print(f"     mean {mean:.0f} ms per part, longest {longest:.1f} s (merge)")
    print(f"     peak resident {peak:,.0f} MB, including mapped files")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument("--ids", type=int, default=20_000_000, help="0: skip this part")
    options = parser.parse_args()
    for bodies in (False, True):
        bench_store(options.messages, bodies=bodies)
    if options.ids:
        bench_ids(options.ids)


if __name__ == "__main__":
    main()
