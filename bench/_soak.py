"""The bus, history server and reader processes of `soak.py`, and its network relay.

    python bench/_soak.py bus SEED RATE                       prints its endpoint, reads T0 and T1
    python bench/_soak.py history SEED RATE PORT T0 T1        prints its URL
    python bench/_soak.py reader STORE T0 T1                  until its standard input ends

T0 and T1 are µs since the epoch. Bus and history have the same messages, those of [T0, T1), each
from its own time on.
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
    """Return the traffic of bus and history."""
    from hubbub.testing import Traffic

    return Traffic(seed, rate * _DAY, steady=True)


def bus(seed: int, rate: float) -> None:
    """Publish the messages of [T0, T1), each at its time, with or without subscribers."""
    from hubbub.testing import Bus, play

    with Bus("tcp://127.0.0.1:*") as bus:
        print(bus.endpoint, flush=True)
        start, end = map(int, sys.stdin.readline().split())
        if not bus.wait(Event(), 120):
            raise SystemExit("no subscriber within 120 s")
        print("subscribed", flush=True)
        sent = play(traffic(seed, rate).between(start, end), bus, Event(), live=True)
        late = time.time() - end / 1e6
        print(json.dumps({"messages": sent.messages, "broken": sent.broken, "late": late}),
              flush=True)  # fmt: skip


def history(seed: int, rate: float, port: int, start: int, end: int) -> None:
    """Serve the messages that have been published so far."""
    from hubbub.testing import HistoryServer
    from hubbub.testing.history.archive import Archive

    def now() -> int:
        return min(time.time_ns() // 1000, end - 1)

    server = HistoryServer(traffic(seed, rate), port=port, clock=now)
    server.archive = Archive(traffic(seed, rate), start, now)
    print(server.url, flush=True)
    threading.Event().wait()


def reader(path: str, start: int, end: int) -> None:
    """Query once a second, with the store kept open."""
    from hubbub.plugins import load_builtins
    from hubbub.run.runner import Runner
    from hubbub.store import Store
    from hubbub.times import from_micros

    load_builtins()
    ended = Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    durations: list[float] = []
    failures: list[str] = []
    last = 0
    with Store.open(path) as store:
        run = Runner(store)
        while not ended.wait(max(0.0, 1 - durations[-1] if durations else 0)):
            start_time = time.perf_counter()
            try:
                count = store.events().count_events()
                rows = run.query(
                    "users", since=from_micros(start), until=from_micros(end), top="5"
                ).data
                if count < last:
                    failures.append(f"{last} events, and then only {count}")
                if last and not rows:
                    failures.append("no users")
                last = count
            except Exception as error:  # noqa: BLE001 - any exception is a fault to report
                failures.append(repr(error))
            durations.append(time.perf_counter() - start_time)
    print(json.dumps({
        "queries": len(durations), "slowest": max(durations),
        "median": sorted(durations)[len(durations) // 2],
        "failures": failures, "last": last, "memory": memory(os.getpid())[0],
    }))  # fmt: skip


class Relay:
    """A TCP relay between bus and listener that can be cut."""

    def __init__(self, target: str) -> None:
        host, port = target.removeprefix("tcp://").rsplit(":", 1)
        self._target = host, int(port)
        self._open: list[socket.socket] = []
        self._server = self._listen(0)
        self.port = self._server.getsockname()[1]
        self._start()

    @staticmethod
    def _listen(port: int) -> socket.socket:
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        return server

    def _start(self) -> None:
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return  # cut
            try:
                target = socket.create_connection(self._target)
            except OSError:
                client.close()  # the bus has ended
                continue
            self._open += [client, target]
            for a, b in ((client, target), (target, client)):
                threading.Thread(target=self._copy, args=(a, b), daemon=True).start()

    @staticmethod
    def _copy(a: socket.socket, b: socket.socket) -> None:
        with suppress(OSError):
            while data := a.recv(1 << 16):
                b.sendall(data)
        for connection in (a, b):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Reset all connections, losing the bytes in transit, and refuse new ones."""
        self._server.shutdown(socket.SHUT_RDWR)  # wakes `accept`
        self._server.close()
        for connection in self._open:
            with suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.shutdown(socket.SHUT_RDWR)
                connection.close()
        self._open.clear()

    def restore(self) -> None:
        """Accept connections again, on the same port."""
        self._server = self._listen(self.port)
        self._start()


def memory(pid: int) -> tuple[int, int]:
    """Return the resident (RSS) and proportional (PSS) bytes of a process; 0 if it has ended.

    A page that two processes share counts fully in the RSS of both, and by half in the PSS of each.
    """
    sizes = {"Rss": 0, "Pss": 0}
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in sizes:
                sizes[name] = int(rest.split()[0]) << 10
    return sizes["Rss"], sizes["Pss"]


def loader_of(pid: int) -> int | None:
    """Return the process id of a listener's loader."""
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
