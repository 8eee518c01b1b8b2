"""Kill the processes that work on a store at random moments, then check that nothing is lost.

    python -m tests.torture.run --kills 1000 [--seed 7]

A listener with its loader receives messages from a publisher, while gathers, imports, compactions,
exports and queries run and a reader checks snapshots. One of them after another gets SIGKILL and is
started again. At the end the listener fills its gaps undisturbed. Then no record of the spool is
lost or duplicated, every count is right, all ids of the publisher and of its history are stored,
`verify` is clean, and coverage is proven.

A run goes on until everything was killed at least once, because a command may end before its kill.

The seed determines what is killed and when, but not how far it has got by then.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random, SystemRandom

from hubbub.collector.event import alive_key
from hubbub.store import Store
from hubbub.testing.simulator.wire import line
from tests.torture.actors import Actor, Failure, Listener, Moment, require
from tests.torture.judge import MINUTE, judge, prove_the_tail
from tests.torture.publisher import Publisher
from tests.torture.witness import Witness, records

__all__ = ["Torture", "main"]


_HEAL_TIMEOUT = 180.0  # s for the listener to fill all gaps at the end
#: How often each is killed in a round; the listener alone, or with its process group.
_VICTIMS = {
    "listener": 2,
    "listener and loader": 2,
    "loader": 4,
    "gather": 3,
    "import": 2,
    "compact": 3,
    "export": 1,
    "query": 2,
}
_COMMANDS = frozenset(("gather", "import", "compact", "export", "query"))
_MAX_LINES = 1500  # of an imported file


class Torture:
    """One run of kills.

    Args:
        folder: an empty folder for the store, the logs and the witness's segments.
        seed: determines what is killed and when.
        rate: messages per second.
    """

    def __init__(self, folder: Path, seed: int, rate: float) -> None:
        self.random, self.store = Random(seed), folder / "store"
        self.logs = folder / "logs"
        self.logs.mkdir()
        Store.open(self.store).close()
        self.kills: Counter[str] = Counter()
        self.completed: Counter[str] = Counter()  # commands that ended before their kill
        self.recent: deque[str] = deque(maxlen=12)
        self._listeners: list[Listener] = []
        self._orphans: list[int] = []  # pidfds of loaders whose listener was killed alone
        self._victims: list[str] = []  # the rest of the round
        self._stack = ExitStack()
        self.publisher = Publisher(seed, rate)
        self._stack.callback(self.publisher.close)
        self.witness = Witness(self.store / "spool", folder / "witness")
        self._stack.callback(self.witness.close)
        self.reader_log = folder / "reader.jsonl"
        with self.reader_log.open("wb") as out:
            self.reader = subprocess.Popen(
                [sys.executable, "-m", "tests.torture.reader", str(self.store)],
                stdin=subprocess.PIPE, stdout=out, stderr=out,
            )  # fmt: skip
        self._stack.callback(self._end_reader)
        self.listener = self._start_listener()

    def close(self) -> None:
        """End all processes."""
        self.listener.kill(group=True)
        for orphan in self._orphans:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(orphan, signal.SIGKILL)
            os.close(orphan)
        self._stack.close()

    def _start_listener(self) -> Listener:
        listener = Listener(self.publisher.bus, self.publisher.url, self.store, self.logs)
        self._listeners.append(listener)
        return listener

    def _end_reader(self) -> int:
        assert self.reader.stdin is not None
        if not self.reader.stdin.closed:
            self.reader.stdin.close()
        try:
            return self.reader.wait(60)
        except subprocess.TimeoutExpired:
            self.reader.kill()
            self.reader.wait()
            raise Failure("the reader did not end: one of its queries hangs") from None

    def _start_command(self, name: str) -> Actor:
        random, url = self.random, self.publisher.url
        arguments = {
            "gather": ["gather", "--url", url, "--bodies", "--jobs", "2",
                       "--since", random.choice(("5s", "30s", "30s", "10m"))],
            "compact": ["compact", *random.choice(([], [], ["--rebuild"]))],
            "import": ["import", str(self._import_file), "--format", "fedmsg", "--bodies"],
            "export": ["export", "-o", str(self._export_file)],
            "query": ["query", random.choice(("volume", "tail", "coverage")), "--since", "1h"],
            "verify": ["verify"],
        }  # fmt: skip
        return Actor(name, arguments[name], self.store, self.logs)

    # killing

    def kill_next(self) -> None:
        """Kill the next victim at a random moment, unless it ends before.

        Raises:
            Failure: a process ended unexpectedly or with an error.
        """
        self._check_running()
        name = self._next_victim()
        moment = Moment(self.random, self.store, 2.5 if name in _COMMANDS - {"query"} else 1.8)
        self.recent.append(f"{name} {moment}")
        if name in _COMMANDS:
            if name == "import":
                self._write_import_file()
            victim = self._start_command(name)
            moment.wait(victim)
            if not victim.alive:
                victim.check()
                self.completed[name] += 1
                return
            victim.kill(group=True)
            self._check_export()
        elif name == "loader":
            moment.wait(self.listener)
            pid = self.listener.loader()
            if pid is None:
                return  # not started again since its last kill
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        else:
            self._kill_listener(moment, group=name == "listener and loader")
        self.kills[name] += 1

    @property
    def spared(self) -> set[str]:
        """What was never killed, because each time it ended before."""
        return set(_VICTIMS) - set(self.kills)

    def _next_victim(self) -> str:
        """Return the next victim, at random; every round begins with one of each kind."""
        if not self._victims:
            rest = [name for name, n in _VICTIMS.items() for _ in range(n - 1)]
            for part in (rest, list(_VICTIMS)):
                self.random.shuffle(part)
                self._victims += part  # taken from the end
        return self._victims.pop()

    @property
    def _export_file(self) -> Path:
        return self.logs.parent / "out.jsonl.gz"

    def _check_export(self) -> None:
        """Check that the file of an export is complete, if it exists."""
        if self._export_file.exists():
            for row in gzip.decompress(self._export_file.read_bytes()).splitlines():
                json.loads(row)
            self._export_file.unlink()

    @property
    def _import_file(self) -> Path:
        return self.logs.parent / "published.jsonl"

    def _write_import_file(self) -> None:
        """Write recently published messages to a file; some are stored, some were missed."""
        now = time.time_ns() // 1000
        start = max(self.publisher.start, now - self.random.choice((3, 20, 200)) * 10**6)
        recent = (message for message in self.publisher.messages(now) if message.at >= start)
        lines = [line(message) for message in recent if message.broken is None][:_MAX_LINES]
        self._import_file.write_bytes(b"".join(text + b"\n" for text in lines))

    def _kill_listener(self, moment: Moment, *, group: bool) -> None:
        victim = self.listener
        moment.wait(victim)
        self._check_running()
        reported = victim.durable()
        loader = None if group else victim.loader()
        if loader is not None:
            with suppress(ProcessLookupError):
                self._orphans.append(os.pidfd_open(loader))
        victim.kill(group=group)
        self.witness.scan()
        written = sum(
            1 for path in self.witness.segments("listen", victim.process.pid) for _ in records(path)
        )
        require(
            written >= reported,
            f"{reported} messages were reported durable, but {written} were on disk",
        )
        self.listener = self._start_listener()

    def _check_running(self) -> None:
        """Check that listener and reader are running."""
        if not self.listener.alive:
            self.listener.check()
            raise Failure("the listener ended by itself")
        if self.reader.poll() is not None:
            raise Failure(f"the reader failed: {self.reader_log.read_text()[-2000:]}")

    def verify(self) -> None:
        """Run `hubbub verify`, which must succeed after any kill.

        Raises:
            Failure: it did not.
        """
        command = self._start_command("verify")
        command.process.wait(120)
        command.check()
        self.completed["verify"] += 1

    # the end

    def finish(self) -> dict[str, object]:
        """Wait until the listener has filled all gaps, stop it, and check the store.

        Returns:
            Numbers for the report, by label.

        Raises:
            Failure: an invariant is violated.
        """
        end = self.publisher.finish()
        started = time.monotonic()
        with Store.open(self.store, create=False) as store:
            while not self._is_proven(store, end):
                self._check_running()
                if time.monotonic() - started > _HEAL_TIMEOUT:
                    raise Failure(f"not healed within {_HEAL_TIMEOUT:.0f} s: {store.spans()}")
                time.sleep(0.25)
        healed = time.monotonic() - started
        self._check_running()
        self.listener.process.send_signal(signal.SIGTERM)
        self.listener.process.wait(30)
        self.listener.check()
        load = Actor("query", ["query", "volume"], self.store, self.logs)
        load.process.wait(60)  # loads the records that the listener's loader left
        load.check()
        if code := self._end_reader():
            raise Failure(f"the reader ended with {code}: {self.reader_log.read_text()[-2000:]}")
        self.witness.close()
        snapshots = len(self.reader_log.read_text().splitlines())
        counts = judge(self.store, self.publisher, end, self.witness)
        prove_the_tail(self.store, self.publisher, end)
        return {
            **counts,
            "snapshots checked": snapshots,
            "healed in": f"{healed:.0f} s",
            **self._check_logs(),
        }

    def _is_proven(self, store: Store, end: int) -> bool:
        """Whether all gaps are noted and filled, and whole minutes are proven complete."""
        start, edge = self.publisher.start, end // MINUTE * MINUTE
        if (store.state.get(alive_key("")) or 0) < end or store.coverage(start, end).gaps:
            return False
        return start >= edge or store.coverage(start, edge).state in {"complete", "healed"}

    def _check_logs(self) -> dict[str, object]:
        """Check that no listener logged an error; return the numbers of batches recovered."""
        finished = replayed = 0
        for listener in self._listeners:
            for entry in listener.log_entries():
                event = str(entry.get("event"))
                finished += event.startswith("finishing the batch")
                replayed += event.startswith("loading again the batch")
                if entry.get("level") in {"error", "critical"}:
                    raise Failure(f"a listener logged an error: {entry}")
        return {"batches finished": finished, "batches read again": replayed}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 1 if an invariant is violated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="at least; each kind at least once")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    parser.add_argument("--rate", type=float, default=100.0, help="messages per second")
    parser.add_argument("--keep", type=Path, help="an empty folder for store, logs and segments")
    options = parser.parse_args(arguments)
    if options.keep is not None and options.keep.exists() and any(options.keep.iterdir()):
        parser.error(f"{options.keep} is not empty")
    print(f"torture: seed {options.seed}, {options.kills} kills", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        torture = Torture(folder, options.seed, options.rate)
        try:
            verified = 0
            while (kills := torture.kills.total()) < options.kills or torture.spared:
                if kills >= verified + 20:
                    verified = kills
                    torture.verify()
                    seconds = time.monotonic() - started
                    print(f"{kills} kills in {seconds:.0f} s: {dict(torture.kills)}", flush=True)
                torture.kill_next()
            numbers = torture.finish()
        except Failure as failure:
            print(f"FAILURE {failure}", flush=True)
            print(f"  the last kills: {'; '.join(torture.recent)}")
            print(f"  to repeat: --seed {options.seed} --kills {options.kills} --keep FOLDER")
            return 1
        finally:
            torture.close()
    kills, seconds = torture.kills.total(), time.monotonic() - started
    print(f"torture: {kills} kills in {seconds:.0f} s: nothing lost, nothing duplicated")
    for label, n in {**torture.kills, **numbers}.items():
        print(f"  {label}: {n}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
