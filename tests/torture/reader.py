"""Check snapshots of a store continuously: each is consistent, and no event disappears.

    python reader.py STORE

Prints one line of JSON per check. Exits with 1 and the reason at the first inconsistent snapshot,
with 0 at the end of standard input.
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

_PAUSE = 0.2  # s between two checks
_SUMS_EVERY = 3  # checks


class InconsistentError(Exception):
    """A snapshot that no commit has written."""


def compare(label: str, actual: Any, expected: Any) -> None:
    """Check that two numbers are equal.

    Raises:
        InconsistentError: they differ.
    """
    if actual != expected:
        raise InconsistentError(f"{label}: {actual} and {expected}")


def check_ids(store: Store, before: Any) -> Any:
    """Return the ids of a snapshot, which are distinct and include those of `before`.

    Raises:
        InconsistentError: ids are missing or repeated.
    """
    ids = store.events().stored.select("id").to_pyarrow()["id"].combine_chunks()
    missing = before.filter(pc.invert(pc.is_in(before, ids)))
    if len(missing):
        raise InconsistentError(f"{len(missing)} events are missing: {missing[:3].to_pylist()}")
    compare("events and distinct ids", len(ids), len(pc.unique(ids)))
    return ids


def check_sums(store: Store) -> None:
    """Compare the events of one snapshot with the sums of the rollups and with the bodies.

    Raises:
        InconsistentError: they differ.
    """
    events = store.events()
    stored = events.stored
    totals = stored.aggregate(
        n=stored.count(), bytes=stored["size"].sum(), users=stored.users.length().sum()
    )
    expected = totals.to_pyarrow().to_pylist()[0]
    if not expected["n"]:
        return
    compare("count_events() and events", events.count_events(), expected["n"])
    topics = events.daily_topics()
    sums = topics.aggregate(n=topics.messages.sum(), bytes=topics.bytes.sum())
    actual = sums.to_pyarrow().to_pylist()[0]
    compare("messages in daily_topics and events", actual["n"], expected["n"])
    compare("bytes in daily_topics and events", actual["bytes"], expected["bytes"])
    for name in ("daily_users", "hourly_users", "weekly_users"):
        users = getattr(events, name)()
        total = users.messages.sum().to_pyarrow().as_py() or 0
        compare(f"messages in {name} and users of events", total, expected["users"] or 0)
    files = [file.uri for file in store.bodies.files()]  # committed before their events
    bodies = store.backend.read_parquet(files, table_name="bodies", hive_partitioning=False)
    without = stored.anti_join(bodies, stored.id == bodies.id).count().to_pyarrow().as_py()
    compare("events without a body", without, 0)


def main(folder: Path) -> int:
    """Check snapshots until standard input ends."""
    ids, checks = pa.array([], pa.string()), 0
    with Store.open(folder, create=False) as store:
        while True:
            started = time.monotonic()
            try:
                ids = check_ids(store, ids)
                if checks % _SUMS_EVERY == 0:
                    check_sums(store)
            except Exception as error:  # noqa: BLE001 - any error is a failure
                failure = {"checks": checks, "events": len(ids), "error": repr(error)}
                print(json.dumps(failure), flush=True)
                return 1
            checks += 1
            seconds = round(time.monotonic() - started, 3)
            line = {"checks": checks, "events": len(ids), "seconds": seconds}
            print(json.dumps(line), flush=True)
            if select.select([sys.stdin], [], [], _PAUSE)[0] and not sys.stdin.read(1):
                return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
