"""Maintenance operations that `steps` kills: import, forget, retention, repair, migrate, export.

Each operation works on its own small store. It is killed and then repeated, as a person would; its
complete effect must then be visible exactly once, and nothing else.
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
from hubbub.store.query.event_files import export
from hubbub.store.rollups import refresh
from tests.support.stores import filled_store
from tests.support.stores.filling import put
from tests.torture.actors import require

__all__ = ["OPERATIONS", "Operation"]

_START = datetime(2026, 1, 15, tzinfo=UTC)
_CUTOFF = _START + timedelta(seconds=25)
_STORED, _LINES = range(20, 50), range(40, 90)  # numbers of stored events, and of a file's lines
_FILE, _OUT = "lines.jsonl", "out.jsonl.gz"  # in the store's parent folder


@dataclass(frozen=True, slots=True)
class Operation:
    """A maintenance operation; its functions get an open store, and may use its parent folder.

    Attributes:
        name: the operation's name.
        prepare: fills a new store.
        work: performs the operation.
        check: repeats the operation after `work` was killed, and checks the result.
    """

    name: str
    prepare: Callable[[Store], object]
    work: Callable[[Store], object]
    check: Callable[[Store], object]


def frame(n: int, source: str = "jsonl:x", **fields: Any) -> Frame:
    """Return a frame with a line of hubbub's JSON Lines format, by number."""
    line = {
        "id": f"id-{n}", "timestamp": _START.timestamp() + n, "users": ["alice", "bob"],
        "topic": "org.fedoraproject.prod.git.receive", "agent": "alice", "objects": ["rpms/p"],
    }  # fmt: skip
    arrived = int(_START.timestamp() * 1e6) + n
    return Frame(source, arrived, b"", json.dumps(line | fields).encode(), n)


def _prepare_store(store: Store) -> None:
    """Write three commits with bodies and rollups, and with a name in every place."""
    history = filled_store.history(frame)
    for part in (history[:13], history[13:], [frame(n) for n in _STORED]):
        put(store, *part, bodies=True, load=True)
    with store.loader_lock():
        refresh.catch_up(store)


_PREPARED = 19 + len(_STORED)  # events of `_prepare_store`, which also makes a dead letter


def _check_verify(store: Store) -> None:
    report = verify(store)
    require(report.clean, f"verify: {report.faults}")


def _check_store(store: Store, expected: int = _PREPARED) -> None:
    """Check that events, bodies and rollups contain `expected` events, each once."""
    store.load()
    _check_verify(store)
    ids = Counter(row["id"] for row in filled_store.rows(store))
    require(set(ids.values()) == {1}, f"duplicated: {ids - Counter(set(ids))}")
    require(len(ids) == expected, f"{len(ids)} events instead of {expected}")
    bodies = sum(file.rows for file in store.bodies.files())
    require(bodies == expected, f"{bodies} bodies of {expected} events")
    topics = store.events().daily_topics()
    counted = topics.messages.sum().to_pyarrow().as_py()
    require(counted == expected, f"daily_topics counts {counted} of {expected} events")


# import


def _prepare_import(store: Store) -> None:
    _prepare_store(store)
    lines = [frame(n).body + b"\n" for n in _LINES]
    (store.path.parent / _FILE).write_bytes(b"".join(lines))


def _import(store: Store) -> None:
    with store.spool("import", bodies=True) as sink:
        for n, line in enumerate(reader.read(store.path.parent / _FILE, "jsonl")):
            sink.put(line)
            if n % 20 == 0:
                sink.flush()
    store.load()


def _check_import(store: Store) -> None:
    total = _PREPARED + len(set(_LINES) - set(_STORED))
    store.load()
    ids = {row["id"] for row in filled_store.rows(store)}
    require(_PREPARED <= len(ids) <= total, f"{len(ids)} events of {total}")
    _import(store)
    _check_store(store, total)
    new = sum(names.get("new", 0) for names in store.state.counts().values())
    require(new == total, f"counted {new} as new of {total}")


# forget


def _prepare_forget(store: Store) -> None:
    _prepare_store(store)
    filled_store.fill_state(store)
    identity.merge(store.state, filled_store.NAME, "bob", who="x", why="the same", time=1)
    put(store, frame(10, users=[filled_store.NAME]), bodies=True)  # not loaded yet


def _forget(store: Store) -> None:
    forget(store, filled_store.NAME, f"{filled_store.NAME} asked")


def _check_forget(store: Store) -> None:
    started = store.state.rows("SELECT 1 FROM forgotten")
    store.load()
    if started:  # opening and loading has finished it
        places = filled_store.places(store.path, filled_store.NAME)
        require(not places, f"the name is still in {places[:5]}")
    _forget(store)
    places = filled_store.places(store.path, filled_store.NAME)
    require(not places, f"the name is in {places[:5]}")
    _check_store(store)
    dead_letters = len(store.dead_letters())  # one of `_prepare_store`, four of `fill_state`
    require(dead_letters == 5, f"{dead_letters} dead letters of 5")


# retention


def _prune(store: Store) -> None:
    prune(store, now=_CUTOFF + timedelta(days=1), events=timedelta(days=1), bodies=None)


def _check_retention(store: Store) -> None:
    store.load()
    _check_verify(store)
    _prune(store)
    _check_verify(store)
    ids = sorted(row["id"] for row in filled_store.rows(store))
    expected = sorted(f"id-{n}" for n in _STORED if _START + timedelta(seconds=n) >= _CUTOFF)
    require(ids == expected, f"{len(ids)} events of {len(expected)}")
    bodies = sum(file.rows for file in store.bodies.files())
    require(bodies == len(expected), f"{bodies} bodies of {len(expected)} events")
    (rollup,) = (r for r in store.rollups if r.name == "daily_topics")
    paths = [file.uri for file in rollup.files()]
    sums = store.backend.read_parquet(paths, hive_partitioning=False).events.sum()
    counted = sums.to_pyarrow().as_py()  # rollups keep what retention deletes from the events
    require(counted == _PREPARED, f"daily_topics counts {counted} of {_PREPARED} events")


# verify --repair


def _prepare_damage(store: Store) -> None:
    _prepare_store(store)
    with store.state.transaction() as db:
        db.execute("INSERT INTO minutes VALUES (1, 7)")
    run = next((store.path / "ids").glob("*.run"))
    _flip_bit(run, -1)
    last = max(store.table.log.glob("*.json"))
    last.write_bytes(last.read_bytes()[:-40])


def _flip_bit(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def _repair(store: Store) -> None:
    verify(store, repair=True)


def _check_repair(store: Store) -> None:
    _repair(store)
    _check_store(store)


# migration from an older format


def _prepare_old_format(store: Store) -> None:
    latest_properties = format_version.latest_properties
    steps, format_version.STEPS = format_version.STEPS, ()
    format_version.latest_properties = lambda: {"delta.dataSkippingStatsColumns": "time"}
    _prepare_store(store)
    format_version.STEPS, format_version.latest_properties = steps, latest_properties
    put(store, frame(20), frame(99), bodies=True)  # a known and a new one, not loaded yet


def _check_migration(store: Store) -> None:
    _check_store(store, _PREPARED + 1)
    latest = format_version.latest_properties()[format_version.FORM]
    for table in store.tables:
        if table.exists():
            version = table.table().metadata().configuration.get(format_version.FORM)
            require(version == latest, f"{table.name} has format version {version}")


# export


def _export(store: Store) -> None:
    export(store, Selection(), str(store.path.parent / _OUT), "jsonl")


def _check_export(store: Store) -> None:
    _check_store(store)
    path = store.path.parent / _OUT
    if path.exists():
        _check_file(path)
        path.unlink()
    _export(store)
    _check_file(path)


def _check_file(path: Path) -> None:
    lines = gzip.decompress(path.read_bytes()).splitlines()
    require(len(lines) == _PREPARED, f"a file of {len(lines)} events of {_PREPARED}")


OPERATIONS = (
    Operation("import", _prepare_import, _import, _check_import),
    Operation("forget", _prepare_forget, _forget, _check_forget),
    Operation("retention", _prepare_store, _prune, _check_retention),
    Operation("repair", _prepare_damage, _repair, _check_repair),
    Operation("migrate", _prepare_old_format, lambda store: store.load(), _check_migration),
    Operation("export", _prepare_store, _export, _check_export),
)
