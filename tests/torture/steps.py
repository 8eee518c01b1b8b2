"""Kill every kind of work on a store before each single call that changes a file.

    python -m tests.torture.steps [--every 1] [--seed 7]

Random kills seldom hit short operations; this hits all of them. The same work is repeated on copies
of the same small store and killed before its first, second, … call of write, rename, unlink, fsync
and the like (`killer.c`, preloaded), whether made by Python, SQLite, delta-rs or Arrow. After each
kill the store is loaded: every event exists once, and `verify` is clean. The work is loading,
receiving, compaction, rebuilding rollups, gathering, and the operations of `upkeep`.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from random import Random, SystemRandom

import structlog

from hubbub.collector.event import Frame
from hubbub.collector.history.gather import gather
from hubbub.store import Store
from hubbub.store.maintenance import compaction
from hubbub.store.maintenance.verify import verify
from hubbub.store.rollups import refresh
from hubbub.store.tables.events import File
from hubbub.testing.simulator.traffic import Traffic
from hubbub.testing.simulator.wire import frames
from tests.support.history.fake_history import T0, FakeDatagrepper, FakeHistory, at, steady
from tests.torture.actors import Failure, require
from tests.torture.killing import count, kill, preload, run
from tests.torture.operations import OPERATIONS, Operation

__all__ = ["Steps", "main"]

_START = 1_790_000_000_000_000  # µs
_SOURCE = "zmq:tcp://127.0.0.1:1"
_LIBRARIES = (
    *("deltalake.writer", "ibis.backends.duckdb", "pyarrow.parquet", "rich.console"),
    *("hubbub.store.query.events", "hubbub.store.loader.loader", "hubbub.store.query.from_rollups"),
)
_PARTS = ("load", "listen", "compact", "rebuild", "gather")
_OPERATIONS = {operation.name: operation for operation in OPERATIONS}
_SPAN = 1000  # s of history
_FLUSHED = 40  # messages between two flushes of the listener


class Steps:
    """The parts of the work, each with a copy of the store as it is before that part.

    Attributes:
        parts: the parts that are killed, by name.
        calls: how many calls that change a file each part and each operation makes.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        for name in _LIBRARIES:  # imported once for all children
            import_module(name)
        messages = list(Traffic(seed, 100_000).between(_START, _START + 300 * 10**6))
        self.ids = [message.id for message in messages]  # empty for broken messages
        self.frames = [Frame(_SOURCE, message.at, *frames(message)) for message in messages]
        self.rows = steady(250, _SPAN)
        methods = (self._load, self._listen, self._compact, self._rebuild, self._gather)
        self.parts: dict[str, Callable[[Store, int], object]] = dict(
            zip(_PARTS, methods, strict=True)
        )
        self.calls: dict[str, int] = {}
        run(self._prepare, "preparing the store")
        for name, following in pairwise([*self.parts, "end"]):
            shutil.copytree(folder / name, folder / following)
            work = partial(self.work, name, following, os.open(os.devnull, os.O_WRONLY))
            self.calls[name] = count(work, f"{name}, without a kill")
        for operation in OPERATIONS:
            (folder / operation.name).mkdir()
            prepare = partial(self._open, operation.prepare, folder / operation.name / "store")
            run(prepare, f"preparing {operation.name}")
            work = partial(self._open, operation.work, self._copy(operation) / "store")
            self.calls[operation.name] = count(work, f"{operation.name}, without a kill")

    @staticmethod
    def _open(work: Callable[[Store], object], path: Path) -> None:
        """Open a store and pass it to `work`."""
        compaction.ENTRIES = 2  # makes Delta write checkpoints
        with Store.open(path) as store:
            work(store)

    def _prepare(self) -> None:
        """Create a store with loaded messages, and with known and new ones waiting."""
        with Store.open(self.folder / "load") as store:
            for first, last in ((0, 60), (60, 120), (90, -2 * _FLUSHED)):
                with store.spool("listen", bodies=True) as sink:
                    for frame in self.frames[first:last]:
                        sink.put(frame)
                if last > 0:
                    store.load()

    @staticmethod
    def _load(store: Store, _: int) -> None:
        store.load()

    def _listen(self, store: Store, report: int) -> None:
        """Write the last messages to the spool; report each flush to a file descriptor."""
        with store.spool("listen", bodies=True) as sink:
            for first in (-2 * _FLUSHED, -_FLUSHED):
                for frame in self.frames[first:][:_FLUSHED]:
                    sink.put(frame)
                sink.flush()
                os.write(report, b"x")
                store.load()
        store.load()

    @staticmethod
    def _compact(store: Store, _: int) -> None:
        with store.loader_lock():
            refresh.catch_up(store)
        compaction.compact(store)
        with store.loader_lock():
            compaction.clean(store, grace=0)

    @staticmethod
    def _rebuild(store: Store, _: int) -> None:
        with store.loader_lock():
            refresh.rebuild(store)

    def _gather(self, store: Store, _: int) -> None:
        """Gather three pages of history, and the proof that they are complete."""
        history = FakeHistory(FakeDatagrepper(self.rows))
        with store.spool("gather", bodies=True) as sink:
            gather(
                history,
                sink,
                store.state,
                start=at(0),
                end=at(_SPAN),
                jobs=1,
                settle=timedelta(0),
                clock=lambda: T0 + 10**7,
            )
        store.load()

    def work(self, part: str, store: str, report: int) -> None:
        """Run a part of the work on a store in `folder`."""
        self._open(lambda opened: self.parts[part](opened, report), self.folder / store)

    def check(self, part: str, unflushed: int) -> None:
        """Check the store after a part was killed.

        Args:
            part: the part.
            unflushed: number of the last messages that may be missing.

        Raises:
            Failure: an invariant is violated.
        """
        certain = Counter(filter(None, self.ids[: len(self.ids) - unflushed]))
        possible = Counter(filter(None, self.ids)) + Counter(row["id"] for _, row in self.rows)
        with Store.open(self.folder / "store") as store:
            store.load()
            complete = [span for span in store.spans() if span.state == "complete"]
            certain += Counter(
                row["id"]
                for when, row in self.rows
                if any(span.start <= when * 10**6 < span.end for span in complete)
            )
            self._check_store(store, certain, possible)
            if part == "gather":
                self._gather(store, 0)
                self._check_store(store, possible, possible)
                (span,) = [span for span in store.spans() if span.state == "complete"]
                require(
                    (span.start, span.end) == (T0 * 10**6, (T0 + _SPAN) * 10**6),
                    f"after gathering again only {span} is proven",
                )

    @staticmethod
    def _check_store(store: Store, certain: Counter[str], possible: Counter[str]) -> None:
        """Check that the events stored include `certain` and are included in `possible`.

        Bodies, counts and dead letters must match the events.
        """
        report = verify(store)
        require(report.clean, f"verify: {report.faults}")
        require(not store.waiting().records, f"the spool was not loaded: {store.waiting()}")
        ids = _ids(store, store.table.files())
        lost, extra = certain - ids, ids - possible
        require(not lost and not extra, f"{lost.total()} lost, {extra.total()} too many")
        bodies = _ids(store, store.bodies.files())
        require(bodies == ids, f"bodies without events: {bodies - ids}, without: {ids - bodies}")
        counts = store.state.counts()
        new = sum(names.get("new", 0) for names in counts.values())
        require(new == ids.total(), f"{ids.total()} events, but counted {counts}")
        dead_letters = len(store.dead_letters(limit=10**6))
        refused = sum(n for name, n in counts[_SOURCE].items() if name.startswith("refused:"))
        require(dead_letters == refused, f"{dead_letters} dead letters, but counted {counts}")
        require(not store.load().new, "a second load stored new events")

    def kill_at(self, part: str, number: int, *, torn: bool) -> bool:
        """Kill a part before its call `number` and check; return False if it made fewer calls.

        Args:
            part: the part of the work, or the name of an operation.
            number: number of the call, from 1.
            torn: if the call is a write, write half of the data before.

        Raises:
            Failure: an invariant is violated.
        """
        where = f"{part}, {'within' if torn else 'before'} call {number}"
        if part in _OPERATIONS:
            return self._kill_operation(_OPERATIONS[part], number, where, torn=torn)
        store = self.folder / "store"
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(self.folder / part, store)
        read_end, write_end = os.pipe()
        code = kill(partial(self.work, part, "store", write_end), number, where, torn=torn)
        os.close(write_end)
        with os.fdopen(read_end, "rb") as pipe:
            flushes = len(pipe.read()) if part in {"load", "listen"} else 2
        run(partial(self.check, part, (2 - flushes) * _FLUSHED), where)
        return code != 0

    def _kill_operation(self, operation: Operation, number: int, where: str, *, torn: bool) -> bool:
        store = self._copy(operation) / "store"
        code = kill(partial(self._open, operation.work, store), number, where, torn=torn)
        run(partial(self._open, operation.check, store), where)
        return code != 0

    def _copy(self, operation: Operation) -> Path:
        """Copy the prepared folder of an operation; return the copy."""
        folder = self.folder / "operation"
        shutil.rmtree(folder, ignore_errors=True)
        return Path(shutil.copytree(self.folder / operation.name, folder))


def _ids(store: Store, files: Iterable[File]) -> Counter[str]:
    paths = [file.uri for file in files]
    rows = store.backend.read_parquet(paths, hive_partitioning=False).select("id")
    return Counter(rows.to_pyarrow()["id"].to_pylist())


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 1 if an invariant is violated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--every", type=int, default=1, help="kill only at every n-th call, and once"
    )
    parser.add_argument(
        "--part", action="append", choices=[*_PARTS, *_OPERATIONS], help="only this; repeatable"
    )
    parser.add_argument("--only", nargs=2, metavar=("PART", "CALL"), help="one call")
    parser.add_argument("--torn", action="store_true", help="kill in the middle of writes")
    parser.add_argument("--mixed", action="store_true", help="kill so every other time")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.inside is None:
        with tempfile.TemporaryDirectory(prefix="steps-") as temporary:
            command = [
                sys.executable,
                "-m",
                "tests.torture.steps",
                *(sys.argv[1:] if arguments is None else arguments),
            ]
            command += ["--seed", str(options.seed), "--inside", temporary]
            return subprocess.run(command, env=preload(Path(temporary)), check=False).returncode
    random, started = Random(options.seed), time.monotonic()
    torn, kills = options.torn, Counter[str]()
    print(f"steps: --seed {options.seed}", flush=True)
    try:
        steps = Steps(options.inside, options.seed)
        if options.only:
            steps.kill_at(options.only[0], int(options.only[1]), torn=torn)
            return 0
        for part in options.part or [*steps.parts, *_OPERATIONS]:
            calls = steps.calls[part]
            torn = random.random() < 0.5 if options.mixed else torn
            first = random.randint(1, min(options.every, calls))
            for number in range(first, calls + 1, options.every):
                kills[part] += steps.kill_at(part, number, torn=torn)
                torn = not torn if options.mixed else torn
            print(f"{part}: {kills[part]} kills", flush=True)
    except Failure as failure:
        repeat = f"--seed {options.seed}{' --torn' if torn else ''} --only PART CALL"
        print(f"FAILURE {failure}\n  to repeat: {repeat}", flush=True)
        return 1
    seconds = time.monotonic() - started
    print(f"steps: {kills.total()} kills in {seconds:.0f} s: nothing lost, nothing duplicated")
    return 0


if __name__ == "__main__":
    sys.exit(main())
