"""Kill two collectors of one mirror at random, then check that it has everything, once.

    python -m tests.torture.mirror --kills 100 [--seed 7]

Two stores load messages, some of which both get; meanwhile one of them forgets an account, and both
merge small files. The process that keeps the mirror of either up is killed soon after something new
is there for it, and started again. The mirror lies on an object store of this machine (moto, with
conditional put). Judged afterwards:

- each message that any store got is in the mirror once, and so is its body;
- kept sums are those of the mirror's events;
- the forgotten name is in no object.

The seed determines what is killed and when, but not how far it has got by then.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from hubbub.collector.event import Frame
from hubbub.store import Store
from hubbub.store.maintenance.compaction import compact
from hubbub.store.mirror.mirror import Mirror
from hubbub.store.mirror.place import Place
from hubbub.store.mirror.reading import prepare
from hubbub.store.privacy.forget import forget
from hubbub.store.rollups import refresh
from hubbub.store.stream.outgoing import outgoing
from tests.support.object_store import BUCKET, environment, object_store

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

START = 1_767_139_200  # seconds: 2025-12-31T00:00:00Z, so that two months get messages
NAME = "mallory"
_PATIENCE = 120.0  # s for a mirror to start, and to take a pass
NAMES = ("alice", "bob", "carol", NAME)


class Failure(Exception):  # noqa: N818 - as in the other scripts
    """An invariant is violated."""


class Collector:
    """A store whose mirror is killed and started again."""

    def __init__(self, folder: Path, name: str, url: str) -> None:
        self.folder, self.url = folder / name, url
        self.log = (folder / f"{name}.log").open("ab")
        self.process: ForkServerProcess | None = None
        self.ids: set[str] = set()
        self.started = 0  # µs

    def load(self, numbers: list[int]) -> None:
        """Load messages, with their bodies."""
        with Store.open(self.folder) as store:
            with store.spool("torture", bodies=True) as sink:
                for n in numbers:
                    sink.put(message(n))
                sink.flush()
            store.load()
        self.ids |= {f"id-{n}" for n in numbers}

    def start(self) -> None:
        """Start the mirror, from a process that has loaded the libraries, but never used them."""
        self.started = time.time_ns() // 1000
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["hubbub.store.mirror.mirror", __name__])
        arguments = (str(self.folder), self.url, self.log.name)
        self.process = context.Process(target=keep_up, args=arguments, daemon=True)
        self.process.start()

    def wait(self) -> None:
        """Wait until the mirror has taken a pass since it was started.

        Raises:
            Failure: it ended, or did not.
        """
        assert self.process is not None
        end = time.monotonic() + _PATIENCE
        with Store.open(self.folder) as store:
            while not any(mirror.seen > self.started for mirror in outgoing(store.state)):
                if not self.process.is_alive() or time.monotonic() > end:
                    raise Failure(f"a mirror did nothing: see {self.log.name}")
                time.sleep(0.05)

    def kill(self) -> None:
        """Kill the mirror.

        Raises:
            Failure: it had ended by itself.
        """
        assert self.process is not None
        if not self.process.is_alive():
            raise Failure(f"a mirror ended with {self.process.exitcode}: see {self.log.name}")
        self.process.kill()
        self.process.join()

    def finish(self) -> None:
        """Let the mirror catch up, once its process has ended."""
        with Store.open(self.folder) as store:
            mirror = Mirror(store, self.url)
            with mirror.lock() as acquired:
                require(acquired, "a killed mirror holds its lock")
                while (taken := mirror.step()).waiting or taken.more:
                    pass


def keep_up(folder: str, url: str, log: str) -> None:
    """Keep a mirror up; the main function of the processes that are killed."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    with Store.open(folder) as store:
        mirror = Mirror(store, url)
        with mirror.lock() as acquired:
            assert acquired
            mirror.run(lambda: False, time.sleep, every=0.25)


def message(n: int) -> Frame:
    """Return message number `n`: ten minutes after the one before."""
    line = {
        "id": f"id-{n}",
        "timestamp": START + n * 600,
        "topic": "org.fedoraproject.prod.git.receive",
        "agent": NAMES[n % 4],
        "users": [NAMES[n % 4], NAMES[n % 3]],
        "objects": [f"rpms/p{n % 5}"],
        "body": {"by": NAMES[n % 4], "n": n},
    }
    return Frame("jsonl:torture", time.time_ns() // 1000, b"", json.dumps(line).encode(), n)


def run(folder: Path, url: str, kills: int, random: Random) -> dict[str, Any]:
    """Kill, and judge; return the numbers for the report.

    Raises:
        Failure: an invariant is violated.
    """
    pair = [Collector(folder, name, url) for name in ("one", "two")]
    try:
        forgotten = kill(pair, kills, random)
    finally:
        for each in pair:
            if each.process is not None:
                each.process.kill()
                each.process.join()
    for each in (*pair, *pair):  # the second time they know what the other one has said
        each.finish()
    return judge(folder / "reader", url, pair[0].ids | pair[1].ids, forgotten=forgotten)


def kill(pair: list[Collector], kills: int, random: Random) -> bool:
    """Kill mirrors while messages are loaded; return whether a name was forgotten."""
    following = 0
    for each in pair:
        each.load([following])
        each.start()
    forgotten = False
    for number in range(kills):
        victim = random.choice(pair)
        victim.wait()
        for each in pair:
            fresh = range(following, following + random.randint(5, 40))
            each.load([n for n in fresh if random.random() < 0.7])
        following += 30
        if number == kills // 2:
            with Store.open(pair[0].folder) as store:
                forget(store, NAME, "the test")
            forgotten = True
        elif random.random() < 0.15:
            with Store.open(random.choice(pair).folder) as store:
                compact(store)
        time.sleep(random.uniform(0.0, 1.0))
        victim.kill()
        victim.start()
        if number % 20 == 19:
            print(f"{number + 1} kills", flush=True)
    return forgotten


def judge(folder: Path, url: str, ids: set[str], *, forgotten: bool) -> dict[str, Any]:
    """Check the mirror."""
    prepare(url, folder)
    with Store.open(folder, reading=True) as store:
        rows = store.events().select("id", "users", "agent").to_pyarrow().to_pylist()
        counts = Counter(row["id"] for row in rows)
        require(not (lost := ids - set(counts)), f"{len(lost)} are lost: {sorted(lost)[:5]}")
        require(set(counts) == ids, "the mirror has events that no store had")
        twice = [event_id for event_id, n in counts.items() if n > 1]
        require(not twice, f"{len(twice)} are there twice: {twice[:5]}")
        assert store.mirror is not None
        place, bodies = store.mirror.place, Counter[str]()
        for file in store.mirror.tables.bodies.files():
            path = place.path(file.uri.partition(f"{place.root}/")[2])
            table = pq.read_table(path, columns=["id"], filesystem=place.files, partitioning=None)
            bodies.update(table["id"].to_pylist())
        require(set(bodies) == ids, f"{len(ids - set(bodies))} bodies are lost")
        require(max(bodies.values()) == 1, "a body is there twice")
        if forgotten:
            names = {name for row in rows for name in (row["agent"], *row["users"])}
            require(NAME not in names, "the forgotten name is in an event")
            require(len(names) == len(NAMES), f"a person has several pseudonyms: {names}")
        sums = check_sums(store)
        version = store.table.version()
    found = [o.path for o in place.list("", recursive=True) if NAME.encode() in _content(place, o)]
    require(not forgotten or not found, f"the forgotten name is in {found[:3]}")
    return {"events": len(rows), "version": version, **sums}


def _content(place: Place, found: Any) -> bytes:
    return place.read(found.path) or b""


def check_sums(store: Store) -> dict[str, Any]:
    """Compare the kept sums with the events."""
    events = store.events()
    right = Counter(row["user"] for row in events.unnest_users("id").to_pyarrow().to_pylist())
    kept: Counter[str] = Counter()
    for row in events.weekly_users().to_pyarrow().to_pylist():
        kept[row["user"]] += row["messages"]
    require(kept == right, f"sums are {kept} instead of {right}")
    counted = min(rollup.batch() for rollup in store.rollups)
    behind = store.table.version() - counted
    require(behind <= refresh.LAG, f"sums are {behind} versions behind")
    return {"sums up to version": counted}


def require(condition: bool, what: str) -> None:
    """Raise Failure unless the condition holds."""
    if not condition:
        raise Failure(what)


@contextmanager
def mirror_url() -> Iterator[str]:
    """Start an object store; yield the URL of a mirror there."""
    with object_store() as endpoint:
        os.environ.update(environment(endpoint))
        yield f"s3://{BUCKET}/mirror"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 1 if an invariant is violated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    parser.add_argument("--keep", type=Path, help="an empty folder for stores and logs")
    parser.add_argument("--url", help="of the mirror; by default on an object store of its own")
    options = parser.parse_args(arguments)
    print(f"mirror: seed {options.seed}, {options.kills} kills", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mirror-", ignore_cleanup_errors=True) as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        with nullcontext(options.url) if options.url else mirror_url() as url:
            try:
                numbers = run(folder, url, options.kills, Random(options.seed))
            except Failure as failure:
                print(f"FAILURE {failure}", flush=True)
                print(f"  to repeat: --seed {options.seed} --kills {options.kills} --keep FOLDER")
                return 1
    seconds = time.monotonic() - started
    facts = ", ".join(f"{name} {value}" for name, value in numbers.items())
    print(f"mirror: {options.kills} kills in {seconds:.0f} s: nothing lost, nothing twice; {facts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
