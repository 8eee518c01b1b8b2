"""The parts of `soak.py` that are processes or wires of their own: bus, history, reader, relay.

    python bench/_soak.py bus SEED RATE                       prints its endpoint, reads T0 and T1
    python bench/_soak.py history SEED RATE PORT T0 T1        prints its URL
    python bench/_soak.py reader STORE T0 T1                  until its standard input ends

T0 and T1 are µs since the epoch: the messages of [T0, T1) are the bus's and the history's, the same
ones, each from its own instant on.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from threading import Event

_DAY = 86_400


def traffic(seed: int, rate: float):
    """What bus and history agree on."""
    from hubbub.testing import Traffic

    return Traffic(seed, rate * _DAY, steady=True)


def bus(seed: int, rate: float) -> None:
    """Publish [T0, T1), each message at its instant, whether somebody hears it or not."""
    from hubbub.testing import Bus, play

    with Bus("tcp://127.0.0.1:*") as there:
        print(there.endpoint, flush=True)
        start, end = map(int, sys.stdin.readline().split())
        if not there.wait(Event(), 120):
            raise SystemExit("nobody subscribed")
        print("heard", flush=True)
        sent = play(traffic(seed, rate).between(start, end), there, Event(), live=True)
        late = time.time() - end / 1e6
        print(json.dumps({"messages": sent.messages, "broken": sent.broken, "late": late}),
              flush=True)  # fmt: skip


def history(seed: int, rate: float, port: int, start: int, end: int) -> None:
    """Serve what was published by now."""
    from hubbub.testing import HistoryServer
    from hubbub.testing.history.archive import Archive

    def now() -> int:
        return min(time.time_ns() // 1000, end - 1)

    server = HistoryServer(traffic(seed, rate), port=port, clock=now)
    server.archive = Archive(traffic(seed, rate), start, now)
    print(server.url, flush=True)
    threading.Event().wait()


def reader(path: str, start: int, end: int) -> None:
    """Ask once a second, in one process that keeps the store open."""
    from hubbub.plugins import load_builtins
    from hubbub.run.runner import Runner
    from hubbub.store import Store
    from hubbub.times import from_micros

    load_builtins()
    over = Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    took: list[float] = []
    failures: list[str] = []
    last = 0
    with Store.open(path) as store:
        run = Runner(store)
        while not over.wait(max(0.0, 1 - took[-1] if took else 0)):
            begun = time.perf_counter()
            try:
                count = store.events().count_events()
                rows = run.query(
                    "users", since=from_micros(start), until=from_micros(end), top="5"
                ).data
                if count < last:
                    failures.append(f"{last} events, and then {count}")
                if last and not rows:
                    failures.append("no users")
                last = count
            except Exception as error:  # noqa: BLE001 - the point is that there is none
                failures.append(repr(error))
            took.append(time.perf_counter() - begun)
    print(json.dumps({
        "queries": len(took), "slowest": max(took), "median": sorted(took)[len(took) // 2],
        "failures": failures, "last": last, "memory": memory(os.getpid())[0],
    }))  # fmt: skip


class Relay:
    """The network between bus and listener: bytes both ways, until it is cut."""

    def __init__(self, target: str) -> None:
        host, port = target.removeprefix("tcp://").rsplit(":", 1)
        self._target = host, int(port)
        self._open: list[socket.socket] = []
        self._there = self._listen(0)
        self.port = self._there.getsockname()[1]
        self._start()

    @staticmethod
    def _listen(port: int) -> socket.socket:
        there = socket.socket()
        there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        there.bind(("127.0.0.1", port))
        there.listen()
        return there

    def _start(self) -> None:
        threading.Thread(target=self._accept, args=(self._there,), daemon=True).start()

    def _accept(self, there: socket.socket) -> None:
        while True:
            try:
                ours, _ = there.accept()
            except OSError:
                return  # cut
            try:
                theirs = socket.create_connection(self._target)
            except OSError:
                ours.close()  # the bus has ended
                continue
            self._open += [ours, theirs]
            for a, b in ((ours, theirs), (theirs, ours)):
                threading.Thread(target=self._copy, args=(a, b), daemon=True).start()

    @staticmethod
    def _copy(a: socket.socket, b: socket.socket) -> None:
        with suppress(OSError):
            while data := a.recv(1 << 16):
                b.sendall(data)
        for one in (a, b):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Every connection is reset with what is on its way, and new ones are refused."""
        self._there.shutdown(socket.SHUT_RDWR)  # wakes `accept`
        self._there.close()
        for one in self._open:
            with suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.shutdown(socket.SHUT_RDWR)
                one.close()
        self._open.clear()

    def mend(self) -> None:
        """The network is back, at the same address."""
        self._there = self._listen(self.port)
        self._start()


def memory(pid: int) -> tuple[int, int]:
    """Bytes of a process: resident, and its fair share of what it shares (PSS); 0 if it is gone.

    A page that two processes have is in the resident size of both, and half in the share of each.
    """
    found = {"Rss": 0, "Pss": 0}
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in found:
                found[name] = int(rest.split()[0]) << 10
    return found["Rss"], found["Pss"]


def loader_of(pid: int) -> int | None:
    """The loader's process of a listener."""
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return int(child)
    return None


if __name__ == "__main__":
    role, *rest = sys.argv[1:]
    if role == "bus":
        bus(int(rest[0]), float(rest[1]))
    elif role == "history":
        history(int(rest[0]), float(rest[1]), *map(int, rest[2:]))
    else:
        reader(rest[0], *map(int, rest[1:]))
