"""What else is done to a store, and killed at every call: imports, forgetting, retention, repairs.

Each deed has a small store of its own, is done, killed, and done again as a person would: then all
of it must have happened, once, and nothing else. `steps` kills.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hubbub.collector.event import Frame
from hubbub.collector.files import reader
from hubbub.store import Selection, Store
from hubbub.store.delta import format_version
from hubbub.store.maintenance.retention import prune
from hubbub.store.maintenance.verify import verify
from hubbub.store.privacy.forget import forget
from hubbub.store.query import identity
from hubbub.store.query.export import export
from hubbub.store.rollups import refresh
from tests.support import filled_store
from tests.support.store import put
from tests.torture.actors import Failure

__all__ = ["DEEDS", "Deed"]

_START = datetime(2026, 1, 15, tzinfo=UTC)
_CUT = _START + timedelta(seconds=25)
_PLAIN, _LINES = range(20, 50), range(40, 90)  # events that are there; those of a file, some known
_FILE, _OUT = "lines.jsonl", "out.jsonl.gz"  # beside the store


@dataclass(frozen=True, slots=True)
class Deed:
    """One of them; each function gets an open store, and what lies beside it is theirs too."""

    name: str
    prepare: Callable[[Store], object]
    work: Callable[[Store], object]
    look: Callable[[Store], object]  # after `work` was killed, and whatever it was, done again


def must(holds: object, what: str) -> None:
    """A promise.

    Raises:
        Failure: it is broken.
    """
    if not holds:
        raise Failure(what)


def frame(n: int, source: str = "jsonl:x", **more: Any) -> Frame:
    """A line of hubbub's own, by number."""
    line = {
        "id": f"id-{n}", "timestamp": _START.timestamp() + n, "users": ["alice", "bob"],
        "topic": "org.fedoraproject.prod.git.receive", "agent": "alice", "objects": ["rpms/p"],
    }  # fmt: skip
    arrived = int(_START.timestamp() * 1e6) + n
    return Frame(source, arrived, b"", json.dumps(line | more).encode(), n)


def _base(store: Store) -> None:
    """Three commits with bodies, rollups, a name in every place."""
    half = filled_store.history(frame)
    for some in (half[:13], half[13:], [frame(n) for n in _PLAIN]):
        put(store, *some, bodies=True)
        store.load()
    with store.loader_lock():
        refresh.catch_up(store)


_THERE = 19 + len(_PLAIN)  # events of `_base`; a letter besides


def _whole(store: Store, wanted: int = _THERE) -> None:
    """So many events, each once, wherever one looks."""
    store.load()
    report = verify(store)
    must(report.clean, f"verify: {report.faults}")
    found = Counter(row["id"] for row in filled_store.rows(store))
    must(set(found.values()) == {1}, f"there twice: {found - Counter(set(found))}")
    must(len(found) == wanted, f"{len(found)} events instead of {wanted}")
    bodies = sum(file.rows for file in store.bodies.files())
    must(bodies == wanted, f"{bodies} bodies of {wanted} events")
    days = store.events().daily_topics()
    counted = days.messages.sum().to_pyarrow().as_py()
    must(counted == wanted, f"{counted} by the rollup of {wanted} events")


# import


def _lines(store: Store) -> None:
    _base(store)
    lines = [frame(n).body + b"\n" for n in _LINES]
    (store.path.parent / _FILE).write_bytes(b"".join(lines))


def _import(store: Store) -> None:
    with store.spool("import", bodies=True) as sink:
        for n, one in enumerate(reader.read(store.path.parent / _FILE, "jsonl")):
            sink.put(one)
            if n % 20 == 0:
                sink.flush()
    store.load()


def _imported(store: Store) -> None:
    every = _THERE + len(set(_LINES) - set(_PLAIN))
    store.load()
    found = {row["id"] for row in filled_store.rows(store)}
    must(_THERE <= len(found) <= every, f"{len(found)} events of {every}")
    _import(store)
    _whole(store, every)
    new = sum(names.get("new", 0) for names in store.state.counts().values())
    must(new == every, f"counted {new} as new of {every}")


# forget


def _named(store: Store) -> None:
    _base(store)
    filled_store.fill_state(store)
    identity.merge(store.state, filled_store.NAME, "bob", who="x", why="the same", time=1)
    put(store, frame(10, users=[filled_store.NAME]), bodies=True)  # it waits


def _forget(store: Store) -> None:
    forget(store, filled_store.NAME, f"{filled_store.NAME} asked")


def _forgotten(store: Store) -> None:
    listed = store.state.rows("SELECT 1 FROM forgotten")
    store.load()
    if listed:  # it had begun, and whoever came next has finished it
        found = filled_store.places(store.path, filled_store.NAME)
        must(not found, f"the name is still in {found[:5]}")
    _forget(store)
    found = filled_store.places(store.path, filled_store.NAME)
    must(not found, f"the name is in {found[:5]}")
    _whole(store)
    letters = len(store.dead_letters())
    must(letters == 5, f"{letters} dead letters of 5")  # one, and four of the state


# retention


def _prune(store: Store) -> None:
    prune(store, now=_CUT + timedelta(days=1), events=timedelta(days=1), bodies=None)


def _pruned(store: Store) -> None:
    store.load()
    report = verify(store)
    must(report.clean, f"verify: {report.faults}")
    _prune(store)
    report = verify(store)
    must(report.clean, f"verify: {report.faults}")
    found = sorted(row["id"] for row in filled_store.rows(store))
    wanted = sorted(f"id-{n}" for n in _PLAIN if _START + timedelta(seconds=n) >= _CUT)
    must(found == wanted, f"{len(found)} events of {len(wanted)}")
    bodies = sum(file.rows for file in store.bodies.files())
    must(bodies == len(wanted), f"{bodies} bodies of {len(wanted)} events")
    (one,) = (r for r in store.rollups if r.name == "daily_topics")
    paths = [file.uri for file in one.files()]
    sums = store.backend.read_parquet(paths, hive_partitioning=False).events.sum()
    kept = sums.to_pyarrow().as_py()
    must(kept == _THERE, f"{kept} by the rollup of {_THERE} that there were")


# verify --repair


def _damaged(store: Store) -> None:
    _base(store)
    with store.state.transaction() as db:
        db.execute("INSERT INTO minutes VALUES (1, 7)")
    run = next((store.path / "ids").glob("*.run"))
    _flip(run, -1)
    last = max(store.table.log.glob("*.json"))
    last.write_bytes(last.read_bytes()[:-40])


def _flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def _repair(store: Store) -> None:
    verify(store, repair=True)


def _repaired(store: Store) -> None:
    _repair(store)
    _whole(store)


# an older form


def _older(store: Store) -> None:
    newest = format_version.latest_properties
    steps, format_version.STEPS = format_version.STEPS, ()
    format_version.latest_properties = lambda: {"delta.dataSkippingStatsColumns": "time"}
    _base(store)
    format_version.STEPS, format_version.latest_properties = steps, newest
    put(store, frame(20), frame(99), bodies=True)  # one known, one new: it waits


def _migrated(store: Store) -> None:
    _whole(store, _THERE + 1)
    for table in store.tables:
        if table.exists():
            found = table.table().metadata().configuration.get(format_version.FORM)
            must(
                found == format_version.latest_properties()[format_version.FORM],
                f"{table.name} has form {found}",
            )


# export


def _export(store: Store) -> None:
    export(store, Selection(), str(store.path.parent / _OUT), "jsonl")


def _exported(store: Store) -> None:
    _whole(store)
    path = store.path.parent / _OUT
    if path.exists():
        _lines_of(path)
        path.unlink()
    _export(store)
    _lines_of(path)


def _lines_of(path: Path) -> None:
    lines = gzip.decompress(path.read_bytes()).splitlines()
    must(len(lines) == _THERE, f"a file of {len(lines)} events of {_THERE}")


DEEDS = (
    Deed("import", _lines, _import, _imported),
    Deed("forget", _named, _forget, _forgotten),
    Deed("retention", _base, _prune, _pruned),
    Deed("repair", _damaged, _repair, _repaired),
    Deed("migrate", _older, lambda store: store.load(), _migrated),
    Deed("export", _base, _export, _exported),
)
