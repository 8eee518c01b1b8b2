"""Kill whatever works on a store, at random moments, again and again; then count.

    python -m tests.torture.run --kills 1000 [--seed 7]

A listener with its loader hears a publisher that keeps count, while gathers, imports, compactions,
exports and queries come and go and a reader looks at every snapshot. One of them is killed -9,
comes back, and so on. At the end the listener is left alone, and then: nothing that was written to
the spool is lost, nothing is there twice, every count is right, history's and the publisher's ids
are all there, `verify` is clean, and coverage is proven.

The seed decides what is killed and when; not how far it has got by then.
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
from tests.torture.actors import Actor, Failure, Listener, Moment
from tests.torture.judge import MINUTE, judge, prove_the_tail
from tests.torture.publisher import Publisher
from tests.torture.witness import Witness, records

__all__ = ["Torture", "main"]


_END = 180.0  # s that the listener gets to heal everything, undisturbed
#: How often each is the victim; a listener alone, or with its whole process group.
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
_LINES = 1500  # that a file to be imported holds at most


class Torture:
    """One run.

    Args:
        folder: an empty one; what is left there shows how it was.
        seed: decides who is killed and when.
        rate: messages a second.
    """

    def __init__(self, folder: Path, seed: int, rate: float) -> None:
        self.random, self.store = Random(seed), folder / "store"
        self.logs = folder / "logs"
        self.logs.mkdir()
        Store.open(self.store).close()
        self.kills: Counter[str] = Counter()
        self.endings: Counter[str] = Counter()  # of commands that came to their end
        self.story: deque[str] = deque(maxlen=12)
        self._listeners: list[Listener] = []
        self._orphans: list[int] = []  # handles of loaders whose listener was killed alone
        self._bag: list[str] = []
        self._stack = ExitStack()
        self.publisher = Publisher(seed, rate)
        self._stack.callback(self.publisher.close)
        self.witness = Witness(self.store / "spool", folder / "witness")
        self._stack.callback(self.witness.close)
        self.looks = folder / "reader.jsonl"
        with self.looks.open("wb") as out:
            self.reader = subprocess.Popen(
                [sys.executable, "-m", "tests.torture.reader", str(self.store)],
                stdin=subprocess.PIPE, stdout=out, stderr=out,
            )  # fmt: skip
        self._stack.callback(self._end_reader)
        self.listener = self._listen()

    def close(self) -> None:
        """Leave no process behind."""
        self.listener.kill(group=True)
        for orphan in self._orphans:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(orphan, signal.SIGKILL)
            os.close(orphan)
        self._stack.close()

    def _listen(self) -> Listener:
        found = Listener(self.publisher.bus, self.publisher.url, self.store, self.logs)
        self._listeners.append(found)
        return found

    def _end_reader(self) -> int:
        assert self.reader.stdin is not None
        if not self.reader.stdin.closed:
            self.reader.stdin.close()
        try:
            return self.reader.wait(60)
        except subprocess.TimeoutExpired:
            self.reader.kill()
            self.reader.wait()
            raise Failure("the reader did not end: a question of its hangs") from None

    def _command(self, name: str) -> Actor:
        """One of the commands that come and go."""
        random, url = self.random, self.publisher.url
        ways = {
            "gather": ["gather", "--url", url, "--bodies", "--jobs", "2",
                       "--since", random.choice(("5s", "30s", "30s", "10m"))],
            "compact": ["compact", *random.choice(([], [], ["--rebuild"]))],
            "import": ["import", str(self._file), "--format", "fedmsg", "--bodies"],
            "export": ["export", "-o", str(self._out)],
            "query": ["query", random.choice(("volume", "tail", "coverage")), "--since", "1h"],
            "verify": ["verify"],
        }  # fmt: skip
        return Actor(name, ways[name], self.store, self.logs)

    # killing

    def once(self) -> None:
        """Choose a victim and a moment; afterwards everything works again.

        Raises:
            Failure: somebody ended by himself who should not have, or badly.
        """
        self._watch()
        name = self._next()
        moment = Moment(self.random, self.store, 2.5 if name in _COMMANDS - {"query"} else 1.8)
        self.story.append(f"{name} {moment}")
        if name in _COMMANDS:
            if name == "import":
                self._write()
            victim = self._command(name)
            moment.wait(victim)
            if not victim.alive:
                victim.check()
                self.endings[name] += 1
                return
            victim.kill(group=True)
            self._exported()
        elif name == "loader":
            moment.wait(self.listener)
            pid = self.listener.loader()
            if pid is None:
                return  # it was killed a moment ago, and has not come back
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        else:
            self._kill_listener(moment, group=name == "listener and loader")
        self.kills[name] += 1

    def _next(self) -> str:
        """Each has its turn in every round, in another order."""
        if not self._bag:
            self._bag = [name for name, n in _VICTIMS.items() for _ in range(n)]
            self.random.shuffle(self._bag)
        return self._bag.pop()

    @property
    def _out(self) -> Path:
        return self.logs.parent / "out.jsonl.gz"

    def _exported(self) -> None:
        """A file of an export is there whole, or not at all."""
        if self._out.exists():
            for one in gzip.decompress(self._out.read_bytes()).splitlines():
                json.loads(one)
            self._out.unlink()

    @property
    def _file(self) -> Path:
        return self.logs.parent / "said.jsonl"

    def _write(self) -> None:
        """A file of what the publisher has said: some of it is stored, some a listener missed."""
        now = time.time_ns() // 1000
        begun = max(self.publisher.begun, now - self.random.choice((3, 20, 200)) * 10**6)
        said = (one for one in self.publisher.messages(now) if one.at >= begun)
        some = [line(one) for one in said if one.broken is None][:_LINES]
        self._file.write_bytes(b"".join(one + b"\n" for one in some))

    def _kill_listener(self, moment: Moment, *, group: bool) -> None:
        victim = self.listener
        moment.wait(victim)
        self._watch()
        claimed = victim.durable()
        loader = None if group else victim.loader()
        if loader is not None:
            with suppress(ProcessLookupError):
                self._orphans.append(os.pidfd_open(loader))
        victim.kill(group=group)
        self.witness.look()
        written = sum(
            1 for path in self.witness.segments("listen", victim.process.pid) for _ in records(path)
        )
        if written < claimed:
            raise Failure(f"{claimed} messages were said to be durable, {written} were on the disk")
        self.listener = self._listen()

    def _watch(self) -> None:
        """Those who live on must do so."""
        if not self.listener.alive:
            self.listener.check()
            raise Failure("the listener ended by itself")
        if self.reader.poll() is not None:
            raise Failure(f"the reader failed: {self.looks.read_text()[-2000:]}")

    def verified(self) -> None:
        """`hubbub verify` at any moment: whatever was killed just now, the store is as it must be.

        Raises:
            Failure: it is not.
        """
        found = self._command("verify")
        found.process.wait(120)
        found.check()
        self.endings["verify"] += 1

    # the end

    def finish(self) -> dict[str, object]:
        """Let the listener heal everything, stop it, and count.

        Raises:
            Failure: a promise is broken.
        """
        end = self.publisher.finish()
        begun = time.monotonic()
        with Store.open(self.store, create=False) as store:
            while not self._proven(store, end):
                self._watch()
                if time.monotonic() - begun > _END:
                    raise Failure(f"not healed within {_END:.0f} s: {store.spans()}")
                time.sleep(0.25)
        healed = time.monotonic() - begun
        self._watch()
        self.listener.process.send_signal(signal.SIGTERM)
        self.listener.process.wait(30)
        self.listener.check()
        load = Actor("query", ["query", "volume"], self.store, self.logs)
        load.process.wait(60)  # what a loader had not finished when its listener ended
        load.check()
        if code := self._end_reader():
            raise Failure(f"the reader ended with {code}: {self.looks.read_text()[-2000:]}")
        self.witness.close()
        looks = len(self.looks.read_text().splitlines())
        found = judge(self.store, self.publisher, end, self.witness)
        prove_the_tail(self.store, self.publisher, end)
        return {**found, "looks": looks, "healed in": f"{healed:.0f} s", **self._logs()}

    def _proven(self, store: Store, end: int) -> bool:
        """The last listener has noted what it missed, history filled it, minutes are counted."""
        begun, edge = self.publisher.begun, end // MINUTE * MINUTE
        if (store.state.get(alive_key("")) or 0) < end or store.coverage(begun, end).gaps:
            return False
        return begun >= edge or store.coverage(begun, edge).state in {"complete", "healed"}

    def _logs(self) -> dict[str, object]:
        """No listener said that something went wrong; batches that loaders found unfinished."""
        finished = again = 0
        for one in self._listeners:
            for said in one.said():
                event = str(said.get("event"))
                finished += event.startswith("finishing a batch")
                again += event.startswith("reading a batch")
                if said.get("level") in {"error", "critical"}:
                    raise Failure(f"a listener said {said}")
        return {"batches finished": finished, "batches read again": again}


def main(arguments: list[str] | None = None) -> int:
    """Torture; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    parser.add_argument("--rate", type=float, default=100.0, help="messages a second")
    parser.add_argument("--keep", type=Path, help="an empty folder for store, logs, segments")
    chosen = parser.parse_args(arguments)
    if chosen.keep is not None and chosen.keep.exists() and any(chosen.keep.iterdir()):
        parser.error(f"{chosen.keep} is not empty")
    print(f"torture: seed {chosen.seed}, {chosen.kills} kills", flush=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as temporary:
        folder = chosen.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        torture = Torture(folder, chosen.seed, chosen.rate)
        try:
            shown = 0
            while (kills := torture.kills.total()) < chosen.kills:
                if kills >= shown + 20:
                    shown = kills
                    torture.verified()
                    seconds = time.monotonic() - begun
                    print(f"{kills} kills in {seconds:.0f} s: {dict(torture.kills)}", flush=True)
                torture.once()
            found = torture.finish()
        except Failure as failure:
            print(f"FAILURE {failure}", flush=True)
            print(f"  the last moments: {'; '.join(torture.story)}")
            print(f"  again: --seed {chosen.seed} --kills {chosen.kills} --keep FOLDER")
            return 1
        finally:
            torture.close()
    seconds = time.monotonic() - begun
    print(f"torture: {torture.kills.total()} kills in {seconds:.0f} s: nothing lost, nothing twice")
    for what, n in {**torture.kills, **found}.items():
        print(f"  {what}: {n}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
