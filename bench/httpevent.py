"""Events per second that `/httpevent` takes, one event a request: durable, and handed to a handler.

    python bench/httpevent.py [--seconds 3] [--runs 3] [--connections 16] [--folder DIR]

Prints the best rate of some runs without a handler and with one, beside that of bare uvicorn, which
writes nothing, and of bare group commits of SQLite in the same run: as many threads as connections,
each waiting for the commit that has its row. The folder decides what an fsync costs: take a real
disk. Budget: 2,000 events a second.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import threading
import time
from pathlib import Path
from urllib.request import urlopen

from _http import Measured, bare, best, hubbub, report

HANDLER = """
from hubbub import event_handler, query

@event_handler
def count(state, events):
    state.inc("events", len(events))

@query
def counted(state):
    return state.get("events", 0)
"""
BODY = b'{"user":"ann","n":1}'
BUDGET = 2_000  # events a second


def main() -> None:
    """Measure all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    how = {name: getattr(options, name) for name in ("connections", "seconds", "runs")}
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        commits = group_commits(folder / "bare.sqlite", options.connections, options.seconds)
        print(f"SQLite group commit     {commits:8,.0f} events/s")
        with bare() as plain:
            uvicorn = best(plain, lambda *_: post("/"), **how)
        print(f"bare uvicorn            {uvicorn}")
        plugin = folder / "counter.py"
        plugin.write_text(HANDLER)
        for handlers, plugins in ((0, ()), (1, ("--plugins", plugin))):
            store = folder / f"store{handlers}"
            with hubbub(store, "--auth", "none", *plugins) as running:
                taken = best(running, lambda *_: post("/httpevent"), **how)
                if handlers:
                    check(running.port, taken)
            what = f"/httpevent, {handlers} handlers"
            print(
                f"{what}  {taken}, {taken.cost / uvicorn.cost:.1f} times that of uvicorn, "
                f"{taken.rate / commits:.2f} of the commits"
            )
            report(what, taken.rate, BUDGET, "a second", least=True)


def post(path: str) -> bytes:
    """Return a request with one event."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(BODY)}\r\n\r\n"
    ).encode() + BODY


def check(port: int, taken: Measured) -> None:
    """Compare what the handler has counted with what was answered."""
    with urlopen(f"http://127.0.0.1:{port}/query/counted") as answer:
        counted = json.loads(answer.read())
    print(f"the handler has counted {counted:,}; {taken.answered:,} were answered in one run")
    assert counted >= taken.answered


def group_commits(path: Path, writers: int, seconds: float) -> float:
    """Return rows per second of one thread that commits the rows of all that wait."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE rows (number INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT)")
    waiting: list[threading.Event] = []
    condition = threading.Condition()
    end = time.monotonic() + seconds
    done = 0

    def write() -> None:
        while time.monotonic() < end:
            committed = threading.Event()
            with condition:
                waiting.append(committed)
                condition.notify()
            committed.wait()

    threads = [threading.Thread(target=write, daemon=True) for _ in range(writers)]
    for thread in threads:
        thread.start()
    while time.monotonic() < end:
        with condition:
            if not waiting:
                condition.wait(0.1)
            group = waiting[:]
            waiting.clear()
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO rows (body) VALUES (?)", [('[{"user":"ann"}]',)] * len(group))
        db.execute("COMMIT")
        done += len(group)
        for committed in group:
            committed.set()
    for committed in waiting:
        committed.set()
    db.close()
    return done / seconds


if __name__ == "__main__":
    main()
