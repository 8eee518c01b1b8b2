# ruff: noqa: T201 - for a person at a terminal
"""A reader that lives as long as the torture: every snapshot is whole, and no count goes down.

    python reader.py STORE

A line of JSON on standard output for each look. It ends with 1, and says why, at the first snapshot
that is not as it must be; with 0 when standard input ends.
"""

from __future__ import annotations

import json
import select
import sys
import time
from pathlib import Path
from typing import Any

from hubbub.store import Store

_PAUSE = 0.3  # s between two looks


class Torn(Exception):  # noqa: N818 - a word of the harness
    """A snapshot that no commit has made."""


def same(what: str, one: Any, other: Any) -> None:
    """Both are the same number."""
    if one != other:
        raise Torn(f"{what}: {one} and {other}")


def look(store: Store, before: int) -> int:
    """One snapshot; gives its number of events."""
    events = store.events()
    stored = events.stored
    n = events.count_events()
    if n < before:
        raise Torn(f"there were {before} events, and now {n}")
    if not n:
        return 0
    found = stored.aggregate(
        rows=stored.count(),
        ids=stored.id.nunique(),
        bytes=stored["size"].sum(),
        named=stored.users.length().sum(),
    )
    facts = found.to_pyarrow().to_pylist()[0]
    same("events by two questions", n, facts["rows"])
    same("events and distinct ids", n, facts["ids"])
    topics = events.daily_topics()
    sums = topics.aggregate(n=topics.messages.sum(), bytes=topics.bytes.sum())
    sums = sums.to_pyarrow().to_pylist()[0]
    same("events and what the rollup of topics sums", n, sums["n"])
    same("bytes and what the rollup of topics sums", facts["bytes"], sums["bytes"])
    for name in ("daily_users", "hourly_users"):
        users = getattr(events, name)()
        total = users.messages.sum().to_pyarrow().as_py() or 0
        same(f"users named and {name}", facts["named"] or 0, total)
    bodies = [file.uri for file in store.bodies.files()]  # committed before their events
    held = store.backend.read_parquet(bodies, table_name="bodies", hive_partitioning=False)
    lacking = stored.anti_join(held, stored.id == held.id).count().to_pyarrow().as_py()
    same("events without a body", lacking, 0)
    return n


def main(folder: Path) -> int:
    """Look until told to stop."""
    n = looks = 0
    with Store.open(folder, create=False) as store:
        while True:
            started = time.monotonic()
            try:
                n = look(store, n)
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not happen
                print(json.dumps({"looks": looks, "events": n, "error": repr(error)}), flush=True)
                return 1
            looks += 1
            line = {"looks": looks, "events": n, "seconds": time.monotonic() - started}
            print(json.dumps(line), flush=True)
            if select.select([sys.stdin], [], [], _PAUSE)[0] and not sys.stdin.read(1):
                return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
