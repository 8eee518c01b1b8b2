"""A kill before every single call that changes a file: loading, rollups, compaction, cleaning up,
and whatever else is done to a store (`upkeep`).

    python -m tests.torture.steps [--every 1] [--seed 7]

Random kills hit what takes long; this hits what takes no time. The same work is done on the same
small store again and again, and killed before its first, second, … call of write, rename, unlink,
fsync and their kin (`killer.c`, preloaded), whoever makes it: Python, SQLite, delta-rs, Arrow.
After each, the store is loaded and looked at: all is there once, and `verify` is clean.
"""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
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
from tests.support.fake_history import T0, FakeDatagrepper, FakeHistory, at, steady
from tests.torture.actors import Failure
from tests.torture.upkeep import DEEDS, Deed

__all__ = ["Steps", "main"]

_START = 1_790_000_000_000_000  # µs
_SOURCE = "zmq:tcp://127.0.0.1:1"
_LIBRARIES = (
    *("deltalake.writer", "ibis.backends.duckdb", "pyarrow.parquet", "rich.console"),
    *("hubbub.store.query.events", "hubbub.store.loader.loader", "hubbub.store.query.from_rollups"),
)
_PARTS = ("load", "listen", "compact", "rebuild", "gather")
_DEEDS = {deed.name: deed for deed in DEEDS}
_SPAN = 1000  # s of history
_PART = 40  # messages between two flushes of what is heard


class Steps:
    """The work in parts, each with a store as it is before that part.

    Attributes:
        parts: what is killed, by name.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        for name in _LIBRARIES:  # once for all children
            import_module(name)
        made = list(Traffic(seed, 100_000).between(_START, _START + 300 * 10**6))
        self.names = [one.id for one in made]  # empty: broken
        self.frames = [Frame(_SOURCE, one.at, *frames(one)) for one in made]
        self.rows = steady(250, _SPAN)
        ways = (self._load, self._listen, self._compact, self._rebuild, self._gather)
        self.parts: dict[str, Callable[[Store, int], object]] = dict(zip(_PARTS, ways, strict=True))
        must(_child(self._prepare), "to begin with")
        for name, following in pairwise([*self.parts, "end"]):
            shutil.copytree(folder / name, folder / following)
            work = partial(self.work, name, following, os.open(os.devnull, os.O_WRONLY))
            must(_child(work), f"{name}, without a kill")
        for deed in DEEDS:
            (folder / deed.name).mkdir()
            prepare = partial(self._do, deed.prepare, folder / deed.name / "store")
            must(_child(prepare), f"{deed.name}, to begin with")

    @staticmethod
    def _do(what: Callable[[Store], object], store: Path) -> None:
        compaction.ENTRIES = 2  # the Delta logs get checkpoints
        with Store.open(store) as one:
            what(one)

    def _prepare(self) -> None:
        """A store that has loaded some messages, and that waits for others, known and new."""
        with Store.open(self.folder / "load") as store:
            for first, last in ((0, 60), (60, 120), (90, -2 * _PART)):
                with store.spool("listen", bodies=True) as sink:
                    for frame in self.frames[first:last]:
                        sink.put(frame)
                if last > 0:
                    store.load()

    @staticmethod
    def _load(store: Store, _: int) -> None:
        store.load()

    def _listen(self, store: Store, told: int) -> None:
        """Each part that was flushed is told to a pipe."""
        with store.spool("listen", bodies=True) as sink:
            for begun in (-2 * _PART, -_PART):
                for frame in self.frames[begun:][:_PART]:
                    sink.put(frame)
                sink.flush()
                os.write(told, b"x")
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
        """Three pages of a history, and the proof that these are all."""
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

    def work(self, part: str, store: str, told: int) -> None:
        """One part of the work, on a store in our folder."""
        compaction.ENTRIES = 2  # the Delta logs get checkpoints
        with Store.open(self.folder / store) as one:
            self.parts[part](one, told)

    def look(self, part: str, heard: int) -> None:
        """What must hold after a part; `heard`: messages at the end that need not be there.

        Raises:
            Failure: it does not.
        """
        certain = Counter(filter(None, self.names[: len(self.names) - heard]))
        every = Counter(filter(None, self.names)) + Counter(row["id"] for _, row in self.rows)
        with Store.open(self.folder / "store") as store:
            store.load()
            said = [span for span in store.spans() if span.state == "complete"]
            certain += Counter(
                row["id"]
                for when, row in self.rows
                if any(span.start <= when * 10**6 < span.end for span in said)
            )
            self._look(store, certain, every)
            if part == "gather":
                self._gather(store, 0)
                self._look(store, every, every)
                (span,) = [one for one in store.spans() if one.state == "complete"]
                whole = (T0 * 10**6, (T0 + _SPAN) * 10**6)
                must((span.start, span.end) != whole, f"gathered again, and only {span} is proven")

    @staticmethod
    def _look(store: Store, certain: Counter[str], every: Counter[str]) -> None:
        """Everything certain is there, nothing but `every`, and each once, wherever one looks."""
        report = verify(store)
        must(not report.clean, f"verify: {report.faults}")
        must(store.waiting().records, f"the spool was not loaded: {store.waiting()}")
        found = _ids(store, store.table.files())
        lost, more = certain - found, found - every
        must(lost or more, f"{lost.total()} lost, {more.total()} too many")
        bodies = _ids(store, store.bodies.files())
        must(bodies != found, f"{bodies - found} are bodies only, {found - bodies} lack theirs")
        counts = store.state.counts()
        new = sum(names.get("new", 0) for names in counts.values())
        must(new != found.total(), f"{found.total()} events, and counted {counts}")
        letters = len(store.dead_letters(limit=10**6))
        refused = sum(n for name, n in counts[_SOURCE].items() if name.startswith("refused:"))
        must(letters != refused, f"{letters} dead letters, and counted {counts}")
        must(store.load().new, "loading again brought something new")

    def once(self, part: str, number: int, *, torn: bool) -> bool:
        """Kill a part of the work before its call `number`; False: it has not so many.

        Raises:
            Failure: what must hold afterwards does not.
        """
        if part in _DEEDS:
            return self._deed(_DEEDS[part], number, torn=torn)
        store = self.folder / "store"
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(self.folder / part, store)
        ours, theirs = os.pipe()

        code = _killed(partial(self.work, part, "store", theirs), number, torn=torn)
        os.close(theirs)
        with os.fdopen(ours, "rb") as pipe:
            durable = len(pipe.read()) if part in {"load", "listen"} else 2
        where = f"{part}, call {number}{' in its middle' if torn else ''}"
        must(code not in {0, -signal.SIGKILL}, f"{where}: ended with {code}")
        must(_child(partial(self.look, part, (2 - durable) * _PART)), f"{where}: see above")
        return code != 0

    def _deed(self, deed: Deed, number: int, *, torn: bool) -> bool:
        folder = self.folder / "deed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder / deed.name, folder)
        store = folder / "store"
        code = _killed(partial(self._do, deed.work, store), number, torn=torn)
        where = f"{deed.name}, call {number}{' in its middle' if torn else ''}"
        must(code not in {0, -signal.SIGKILL}, f"{where}: ended with {code}")
        must(_child(partial(self._do, deed.look, store)), f"{where}: see above")
        return code != 0


def _killed(work: Callable[[], object], number: int, *, torn: bool) -> int:
    """Do it in a process of its own, which is killed before its call `number`; its exit code."""

    def armed() -> None:
        killer = ctypes.CDLL(None)
        killer.killer_arm(number, int(torn))
        work()
        killer.killer_arm(0, 0)

    return _child(armed)


def must(broken: object, what: str) -> None:
    """What must not be.

    Raises:
        Failure: it is so.
    """
    if broken:
        raise Failure(what)


def _ids(store: Store, files: Iterable[File]) -> Counter[str]:
    paths = [file.uri for file in files]
    rows = store.backend.read_parquet(paths, hive_partitioning=False).select("id")
    return Counter(rows.to_pyarrow()["id"].to_pylist())


def _child(work: Callable[[], object]) -> int:
    """Run in a process of its own, which takes what it has in memory with it; its exit code."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 1
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - said; the process ends here
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _preload(folder: Path) -> dict[str, str]:
    """The environment in which every call is counted."""
    library = folder / "killer.so"
    source = Path(__file__).with_name("killer.c")
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True
    )
    return os.environ | {"LD_PRELOAD": str(library)}


def main(arguments: list[str] | None = None) -> int:
    """Kill at every call, or every n-th; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="only each n-th call")
    parser.add_argument(
        "--part", action="append", choices=[*_PARTS, *_DEEDS], help="only this; repeatable"
    )
    parser.add_argument("--only", nargs=2, metavar=("PART", "CALL"), help="one call")
    parser.add_argument("--torn", action="store_true", help="a write is done to its half before")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.inside is None:
        with tempfile.TemporaryDirectory(prefix="steps-") as temporary:
            own = [
                sys.executable,
                "-m",
                "tests.torture.steps",
                *(sys.argv[1:] if arguments is None else arguments),
            ]
            own += ["--seed", str(chosen.seed), "--inside", temporary]
            return subprocess.run(own, env=_preload(Path(temporary)), check=False).returncode
    random, begun = Random(chosen.seed), time.monotonic()
    how = f"--seed {chosen.seed}{' --torn' if chosen.torn else ''}"
    print(f"steps: {how}", flush=True)
    kills: Counter[str] = Counter()
    try:
        steps = Steps(chosen.inside, chosen.seed)
        if chosen.only:
            steps.once(chosen.only[0], int(chosen.only[1]), torn=chosen.torn)
            return 0
        for part in chosen.part or [*steps.parts, *_DEEDS]:
            number = random.randint(1, chosen.every)
            while steps.once(part, number, torn=chosen.torn):
                number, kills[part] = number + chosen.every, kills[part] + 1
            print(f"{part}: {kills[part]} kills", flush=True)
    except Failure as failure:
        print(f"FAILURE {failure}\n  again: {how}, and --only PART CALL", flush=True)
        return 1
    seconds = time.monotonic() - begun
    print(f"steps: {kills.total()} kills in {seconds:.0f} s: nothing lost, nothing twice")
    return 0


if __name__ == "__main__":
    sys.exit(main())
