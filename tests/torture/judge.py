"""What must hold at the end, whatever was killed: nothing lost, nothing twice, all of it proven.

Comes in: the store, what the publisher counted, what the witness saw in the spool. Goes out:
numbers; or a `Failure` that says which promise is broken.
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
from tests.torture.actors import Failure
from tests.torture.publisher import Publisher
from tests.torture.witness import Record, Witness, records

__all__ = ["MINUTE", "judge", "prove_the_tail"]

MINUTE = 60_000_000  # µs


def must(holds: object, what: str) -> None:
    """A promise."""
    if not holds:
        raise Failure(what)


def judge(folder: Path, publisher: Publisher, end: int, witness: Witness) -> dict[str, Any]:
    """Hold the store against publisher and witness.

    Raises:
        Failure: something was lost, is there twice, or is not proven.
    """
    sent = list(publisher.messages(end))
    wanted = sorted(one.id for one in sent if one.broken is None)
    broken = {one.broken for one in sent if one.broken is not None}
    with Store.open(folder, create=False) as store:
        must(store.waiting().records == 0, f"the spool was not loaded: {store.waiting()}")
        _coverage(store, publisher.begun, end)
        found = sorted(store.events().select("id").to_pyarrow()["id"].to_pylist())
        _equal("ids", Counter(found), Counter(wanted))
        bodies = Counter(_ids(store, "bodies"))
        _equal("bodies", bodies, Counter(wanted))
        spooled = _witnessed(store, witness, set(wanted), broken)
        report = verify(store)
        must(report.clean, f"verify: {report.faults}")
    return {"published": len(wanted), "broken": len(broken), "stored": len(found)} | spooled


def _coverage(store: Store, begun: int, end: int) -> None:
    """The listener healed itself: no gap is left, and whole minutes are proven by count."""
    open_gaps = store.coverage(begun, end).gaps
    must(not open_gaps, f"gaps are left: {open_gaps}")
    edge = end // MINUTE * MINUTE
    if begun < edge:
        verdict = store.coverage(begun, edge)
        must(verdict.state in {"complete", "healed"}, f"not proven: {store.spans()}")


def prove_the_tail(folder: Path, publisher: Publisher, end: int) -> int:
    """Ask history for the last minute, which a listener proves only when it is over; rows of it.

    Nothing may be missing there either: whatever it brings was known.
    """
    with Store.open(folder, create=False) as store:
        edge = max(end // MINUTE * MINUTE, publisher.begun)
        with store.spool("tail", bodies=True) as sink:
            done = gather(
                History(publisher.url),
                sink,
                store.state,
                start=from_micros(edge),
                end=from_micros(end),
                jobs=1,
                settle=timedelta(0),
            )
        loaded = store.load()
        must(loaded.new == 0, f"{loaded.new} messages of the last minute were not there")
        must(not done.incomplete, f"history could not prove {done.incomplete}")
        verdict = store.coverage(publisher.begun, end)
        must(verdict.state in {"complete", "healed"}, f"not proven at the end: {verdict}")
        return done.rows


def _equal(what: str, found: Counter[str], wanted: Counter[str]) -> None:
    lost, more = wanted - found, found - wanted
    must(
        not lost and not more,
        f"{what}: {lost.total()} lost, {more.total()} too many: {sorted(lost + more)[:5]}",
    )


def _ids(store: Store, table: str) -> list[str]:
    files = [file.uri for file in getattr(store, table).files()]
    rows = store.backend.read_parquet(files, table_name=f"all_{table}", hive_partitioning=False)
    found: list[str] = rows.select("id").to_pyarrow()["id"].to_pylist()
    return found


def _witnessed(
    store: Store, witness: Witness, wanted: set[str], broken: set[bytes]
) -> dict[str, int]:
    """Every record that was ever written was counted exactly once, and none is missing."""
    came: Counter[str] = Counter()
    letters = 0
    strange: list[str] = []
    for one in _read(witness.segments()):
        came[one.source] += 1
        if one.body in broken:
            letters += 1
        elif (identity := _identity(one)) not in wanted:
            strange.append(identity)
    must(not strange, f"{len(strange)} messages were spooled that nobody published: {strange[:3]}")
    counted = {
        source: sum(n for name, n in names.items() if name != "skipped")
        for source, names in store.state.counts().items()
    }
    must(counted == dict(came), f"counted {counted}, and spooled {dict(came)}")
    kept = len(store.dead_letters(limit=10**9))
    must(kept == letters, f"{letters} broken messages were spooled, {kept} dead letters are kept")
    new = sum(names.get("new", 0) for names in store.state.counts().values())
    must(new == len(wanted), f"{new} counted as new, {len(wanted)} are there")
    return {"spooled": came.total(), "letters": letters, "segments": len(witness.segments())}


def _read(segments: Iterable[Path]) -> Iterator[Record]:
    for path in segments:
        yield from records(path)


def _identity(record: Record) -> str:
    """The id of a message of the bus, or of a row of history."""
    message = json.loads(record.body)
    return str(message.get("msg_id") or message.get("id"))
