"""Compare the store with the publisher and the witness after all kills.

Nothing may be lost or duplicated, and coverage must be proven. A `Failure` states the violated
invariant.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from hubbub.collector.history.client import History
from hubbub.collector.history.gather import gather
from hubbub.store import Store
from hubbub.store.maintenance.verify import verify
from hubbub.times import from_micros
from tests.torture.actors import require
from tests.torture.publisher import Publisher
from tests.torture.witness import Record, Witness, records

__all__ = ["MINUTE", "judge", "prove_the_tail"]

MINUTE = 60_000_000  # µs


def judge(folder: Path, publisher: Publisher, end: int, witness: Witness) -> dict[str, Any]:
    """Compare the store with publisher and witness; return the numbers of messages.

    Args:
        folder: the store's path.
        publisher: the publisher, finished.
        end: the publisher's end, µs since the epoch.
        witness: the witness of the spool, closed.

    Raises:
        Failure: messages are lost, duplicated or not proven complete.
    """
    messages = list(publisher.messages(end))
    expected = Counter(message.id for message in messages if message.broken is None)
    broken = {message.broken for message in messages if message.broken is not None}
    with Store.open(folder, create=False) as store:
        require(store.waiting().records == 0, f"the spool was not loaded: {store.waiting()}")
        _check_coverage(store, publisher.start, end)
        stored = Counter(store.events().select("id").to_pyarrow()["id"].to_pylist())
        _compare("ids", stored, expected)
        _compare("bodies", Counter(_ids(store, "bodies")), expected)
        spooled = _check_spool(store, witness, set(expected), broken)
        report = verify(store)
        require(report.clean, f"verify: {report.faults}")
    counts = {"published": expected.total(), "broken": len(broken), "stored": stored.total()}
    return counts | spooled


def _check_coverage(store: Store, start: int, end: int) -> None:
    """Check that no gap is left, and that whole minutes are proven complete."""
    open_gaps = store.coverage(start, end).gaps
    require(not open_gaps, f"gaps are left: {open_gaps}")
    edge = end // MINUTE * MINUTE
    if start < edge:
        coverage = store.coverage(start, edge)
        require(coverage.state in {"complete", "healed"}, f"not proven: {store.spans()}")


def prove_the_tail(folder: Path, publisher: Publisher, end: int) -> int:
    """Gather the last minute, which a listener proves only after its end; return its rows.

    Raises:
        Failure: a message was missing, or coverage is not proven.
    """
    with Store.open(folder, create=False) as store:
        edge = max(end // MINUTE * MINUTE, publisher.start)
        with store.spool("tail", bodies=True) as sink:
            gathered = gather(
                History(publisher.url),
                sink,
                store.state,
                start=from_micros(edge),
                end=from_micros(end),
                jobs=1,
                settle=timedelta(0),
            )
        loaded = store.load()
        require(loaded.new == 0, f"{loaded.new} messages of the last minute were missing")
        require(not gathered.incomplete, f"history could not prove {gathered.incomplete}")
        coverage = store.coverage(publisher.start, end)
        require(coverage.state in {"complete", "healed"}, f"not proven at the end: {coverage}")
        return gathered.rows


def _compare(label: str, actual: Counter[str], expected: Counter[str]) -> None:
    lost, extra = expected - actual, actual - expected
    require(
        not lost and not extra,
        f"{label}: {lost.total()} lost, {extra.total()} too many: {sorted(lost + extra)[:5]}",
    )


def _ids(store: Store, table: str) -> list[str]:
    files = [file.uri for file in getattr(store, table).files()]
    rows = store.backend.read_parquet(files, table_name=f"all_{table}", hive_partitioning=False)
    ids: list[str] = rows.select("id").to_pyarrow()["id"].to_pylist()
    return ids


def _check_spool(
    store: Store, witness: Witness, expected: set[str], broken: set[bytes]
) -> dict[str, int]:
    """Check that every record ever written to the spool was counted exactly once."""
    spooled: Counter[str] = Counter()
    refused = 0
    unexpected: list[str] = []
    for record in _read(witness.segments()):
        spooled[record.source] += 1
        if record.body in broken:
            refused += 1
        elif (msg_id := _message_id(record)) not in expected:
            unexpected.append(msg_id)
    require(
        not unexpected,
        f"{len(unexpected)} spooled messages were never published: {unexpected[:3]}",
    )
    counted = {
        source: sum(n for name, n in names.items() if name != "skipped")
        for source, names in store.state.counts().items()
    }
    require(counted == dict(spooled), f"counted {counted}, but spooled {dict(spooled)}")
    dead_letters = len(store.dead_letters(limit=10**9))
    require(
        dead_letters == refused,
        f"{refused} broken messages were spooled, but there are {dead_letters} dead letters",
    )
    new = sum(names.get("new", 0) for names in store.state.counts().values())
    require(new == len(expected), f"{new} counted as new, but there are {len(expected)}")
    return {
        "spooled": spooled.total(),
        "dead letters": refused,
        "segments": len(witness.segments()),
    }


def _read(segments: Iterable[Path]) -> Iterator[Record]:
    for path in segments:
        yield from records(path)


def _message_id(record: Record) -> str:
    """Return the id of a message of the bus, or of a row of history."""
    message = json.loads(record.body)
    return str(message.get("msg_id") or message.get("id"))
