"""Kill a server, and the process of its plugins, at random while events are posted to it.

    python -m tests.torture.events --kills 40 [--seed N]

Clients send one event a request, and send it again until it is answered. Judged afterwards:

- an event that was answered was accepted, and at most as often as it was sent;
- the handler's documents count each accepted event exactly once, also in a number that it
  increments, and so does a second handler; so do the stored events.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import requests

from hubbub.store import Store
from hubbub.store.journal.journal import Journal
from hubbub.store.state.documents import Documents
from tests.support.processes import HUBBUB, free_port

CLIENTS = 6
PLUGIN = """
from hubbub import event_handler

@event_handler
def count(db, state, events):
    for event in events:
        key = event["key"]
        db["counts"][key] = db["counts"].get(key, 0) + 1
        state.inc("total")

@event_handler(per_user=True, batch=2)
def again(db, events):
    db["again"][events[0]["user"]] = db["again"].get(events[0]["user"], 0) + len(events)
"""


class Server:
    """A server that is started again whenever it was killed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._plugin = folder / "counter.py"
        self._plugin.write_text(PLUGIN)
        self.log = (folder / "log").open("ab")

    @property
    def store(self) -> Path:
        """The folder of its store."""
        return self.folder / "store"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process = subprocess.Popen(
            [
                *HUBBUB, "--store", str(self.store), "--plugins", str(self._plugin),
                "serve", "--port", str(self.port), "--auth", "none",
            ],
            stdout=self.log, stderr=self.log, start_new_session=True,
        )  # fmt: skip
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if requests.get(f"{self.url}/healthz", timeout=5).ok:
                    return
            except requests.RequestException:
                assert self.process.poll() is None, "the server ended by itself"
                time.sleep(0.05)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        """Kill the server itself."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_workers(self) -> int:
        """Kill the processes of the plugins; return how many there were."""
        assert self.process is not None
        return sum(_killed(pid) for pid in _children(self.process.pid, b"hubbub.plugins.worker"))

    def stop(self) -> None:
        """Stop it in the normal way."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(30)


class Client(threading.Thread):
    """Sends numbered events until it is stopped.

    Attributes:
        sent: how often each key was sent.
        answered: keys whose event was answered with 200.
    """

    def __init__(self, name: str, url: str, stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self.url, self.stopping = url, stop
        self.sent: Counter[str] = Counter()
        self.answered: set[str] = set()
        self.failure: str | None = None

    def run(self) -> None:
        """Send."""
        for number in itertools.count():
            if self.stopping.is_set():
                return
            key = f"{self.name}-{number}"
            while key not in self.answered:
                self.sent[key] += 1
                self._send(key)

    def _send(self, key: str) -> None:
        try:
            event = {"key": key, "user": self.name}
            answer = requests.post(f"{self.url}/httpevent", json=event, timeout=120)
        except requests.RequestException:
            time.sleep(0.05)
            return
        if answer.status_code == requests.codes.ok and answer.text == "Success":
            self.answered.add(key)
        elif answer.status_code != requests.codes.service_unavailable:
            self.failure = f"{key}: {answer.status_code} {answer.text[:200]}"


def main() -> int:
    """Run, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"seed {options.seed}: repeat with --kills {options.kills} --seed {options.seed}")
    with tempfile.TemporaryDirectory() as name:
        server = Server(Path(name))
        clients = torment(server, options.kills, Random(options.seed))
        faults = judge(server.store, clients)
        if faults:
            print((server.folder / "log").read_text(errors="replace")[-20_000:])
    for fault in faults:
        print("FAULT:", fault)
    return 1 if faults else 0


def torment(server: Server, kills: int, random: Random) -> list[Client]:
    """Kill at random while clients send; return the clients once everything was answered."""
    stop = threading.Event()
    server.start()
    clients = [Client(f"c{number}", server.url, stop) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for number in range(kills):
        time.sleep(random.uniform(0.0, 2.0))
        if random.random() < 0.5:
            server.kill()
            server.start()
        else:
            server.kill_workers()
        answered = sum(len(client.answered) for client in clients)
        print(f"kill {number + 1}: {answered} events answered", flush=True)
    stop.set()
    for client in clients:
        client.join(180)
        assert not client.is_alive(), f"{client.name} waits for an answer"
    time.sleep(2.0)
    server.stop()
    return clients


def judge(folder: Path, clients: list[Client]) -> list[str]:
    """Return what is wrong in the store."""
    sent: Counter[str] = Counter()
    for client in clients:
        sent.update(client.sent)
    answered = set().union(*(client.answered for client in clients))
    with Store.open(folder) as store, Journal(folder) as journal:
        store.load()
        (module,) = {row[0] for row in store.state.rows("SELECT DISTINCT module FROM documents")}
        documents = Documents(store.state, module)
        counts = Counter(dict(documents["counts"]))
        again = sum(documents["again"].values())
        total = store.state.get(f"plugin:{module}:total")
        facts = {
            "accepted": journal.last(),
            "counted": sum(counts.values()),
            "incremented": total,
            "counted by the second handler": again,
            "stored": store.rows(),
            "different ids": store.events().id.nunique().to_pyarrow().as_py(),
        }
        left = journal.waiting()
    print(f"{len(answered)} answered, {sum(sent.values())} sent; {facts}; {left} left to delete")
    return _faults(facts, counts, sent, answered) + [
        client.failure for client in clients if client.failure
    ]


def _faults(
    facts: dict[str, Any], counts: Counter[str], sent: Counter[str], answered: set[str]
) -> list[str]:
    faults = []
    if len(set(facts.values())) != 1:
        faults.append(f"these numbers differ: {facts}")
    if lost := sorted(answered - counts.keys()):
        faults.append(f"answered, but not counted: {lost[:10]} of {len(lost)}")
    if often := sorted(key for key in counts if counts[key] > sent[key]):
        faults.append(f"counted more often than sent: {often[:10]} of {len(often)}")
    if not answered:
        faults.append("nothing was answered")
    return faults


def _children(parent: int, what: bytes) -> list[int]:
    """Return the child processes whose command line contains a text."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            stat = (path / "stat").read_text().rpartition(")")[2].split()
            command = (path / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended
        if int(stat[1]) == parent and what in command:
            found.append(int(path.name))
    return found


def _killed(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
