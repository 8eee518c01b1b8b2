"""A reader that lives as long as the torture: every snapshot is whole, and nothing goes again.

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

import pyarrow as pa
import pyarrow.compute as pc

from hubbub.store import Store

_PAUSE = 0.2  # s between two looks
_THOROUGH = 3  # each so many looks, sums are compared too


class Torn(Exception):  # noqa: N818 - a word of the harness
    """A snapshot that no commit has made."""


def same(what: str, one: Any, other: Any) -> None:
    """Both are the same number."""
    if one != other:
        raise Torn(f"{what}: {one} and {other}")


def look(store: Store, before: Any) -> Any:
    """The ids of a snapshot, each there once, and among them those `before`."""
    ids = store.events().stored.select("id").to_pyarrow()["id"].combine_chunks()
    gone = before.filter(pc.invert(pc.is_in(before, ids)))
    if len(gone):
        raise Torn(f"{len(gone)} events are gone: {gone[:3].to_pylist()}")
    same("events and distinct ids", len(ids), len(pc.unique(ids)))
    return ids


def add_up(store: Store) -> None:
    """Of one snapshot: events, what the rollups sum, and bodies."""
    events = store.events()
    stored = events.stored
    found = stored.aggregate(
        n=stored.count(), bytes=stored["size"].sum(), named=stored.users.length().sum()
    )
    facts = found.to_pyarrow().to_pylist()[0]
    if not facts["n"]:
        return
    same("events by two questions", events.count_events(), facts["n"])
    topics = events.daily_topics()
    sums = topics.aggregate(n=topics.messages.sum(), bytes=topics.bytes.sum())
    sums = sums.to_pyarrow().to_pylist()[0]
    same("events and what the rollup of topics sums", facts["n"], sums["n"])
    same("bytes and what the rollup of topics sums", facts["bytes"], sums["bytes"])
    for name in ("daily_users", "hourly_users", "weekly_users"):
        users = getattr(events, name)()
        total = users.messages.sum().to_pyarrow().as_py() or 0
        same(f"users named and {name}", facts["named"] or 0, total)
    bodies = [file.uri for file in store.bodies.files()]  # committed before their events
    held = store.backend.read_parquet(bodies, table_name="bodies", hive_partitioning=False)
    lacking = stored.anti_join(held, stored.id == held.id).count().to_pyarrow().as_py()
    same("events without a body", lacking, 0)


def main(folder: Path) -> int:
    """Look until told to stop."""
    ids, looks = pa.array([], pa.string()), 0
    with Store.open(folder, create=False) as store:
        while True:
            started = time.monotonic()
            try:
                ids = look(store, ids)
                if looks % _THOROUGH == 0:
                    add_up(store)
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not happen
                print(
                    json.dumps({"looks": looks, "events": len(ids), "error": repr(error)}),
                    flush=True,
                )
                return 1
            looks += 1
            seconds = round(time.monotonic() - started, 3)
            line = {"looks": looks, "events": len(ids), "seconds": seconds}
            print(json.dumps(line), flush=True)
            if select.select([sys.stdin], [], [], _PAUSE)[0] and not sys.stdin.read(1):
                return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
