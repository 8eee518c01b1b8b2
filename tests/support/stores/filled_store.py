"""Prove that a name is nowhere in a store: messages with the name in all fields, and a search.

The search decodes all texts in all files of the store.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from hubbub.collector.event import Frame
from hubbub.store import Store
from hubbub.store.spool import segment
from hubbub.store.state import alerts, silences
from hubbub.store.state.alerts import NewChange
from hubbub.store.state.dead_letters import DeadLetter
from tests.support.stores.filling import MakeFrame

NAME = "zoe.q-doe"


def history(frame: MakeFrame) -> list[Frame]:
    """Messages with NAME in all fields that an event has, and others."""
    named = {"users": [NAME, "bob"], "agent": NAME}
    return [
        *(frame(n) for n in range(10)),
        frame(10, **named),
        frame(11, users=["bob"], agent="bob", objects=[f"forks/{NAME}/rpms/vim", "rpms/vim"]),
        frame(12, topic=f"org.fedoraproject.prod.git.branch.{NAME}.main"),
        frame(13, topic=f"org.fedoraproject.prod.copr.build.end.{NAME}-testing", **named),
        frame(14, id=f"by-{NAME}-14"),
        frame(15, users=[NAME.upper(), NAME], agent=NAME.title()),
        frame(16, action=f"ask {NAME}", timestamp=1_700_000_000, **named),
        frame(
            17, users=["zoe.q-doe2", "azoe.q-doe"], agent=None, body={"note": f"said @{NAME}: x"}
        ),
        frame(18, source=f"jsonl:/home/{NAME}/lines.jsonl"),
        Frame(f"jsonl:{NAME}", frame(0).arrived, NAME.encode(), f'{{"of": "{NAME}"'.encode(), 19),
    ]


def fill_state(store: Store) -> None:
    """Write NAME to all tables of the state."""
    state = store.state
    state.set(f"gather history:x user={NAME}", {"slices": [[1, 2, ["k"]]], NAME: [NAME]})
    state.span("history:x", f"user={NAME}&user=bob", 0, 10, "complete", f"2 of {NAME}")
    state.count(f"jsonl:/home/{NAME}/lines.jsonl", "new", 1)
    state.set("unmapped", {"no-rule x.*": [2, f"by-{NAME}-1", f"org.a.prod.b.c.{NAME}.main"]})
    body = b'{"a": "\\u007aoe.q-doe"}'  # escaped
    state.bury(DeadLetter("s:1", "r", f"about {NAME}", "zmq:x", 10**18, b"t", body))
    state.bury(DeadLetter("s:2", "r", "fine", "zmq:x", 10**18, b"t", b"\xa9" + NAME.encode()))
    state.bury(DeadLetter("s:3", "r", "fine", "zmq:x", 10**18, b"t", b"zoe%2Eq-doe"))
    state.bury(DeadLetter("s:4", "r", "fine", "zmq:x", 10**18, b"t", b"azoe.q-doe"))
    raised = NewChange(
        rule=f"load of {NAME}",
        subject=NAME,
        state=alerts.RAISED,
        time=1,
        detected=2,
        measured=1.0,
        expected=1.0,
        measure="overload",
        per="user",
        details={"about": NAME},
    )
    alerts.apply(state, raised.rule, [(raised, [f"mail-{NAME}"])], {f"{NAME}-2": 1})
    silences.add(state, rule="", subject=NAME, author=NAME, reason=f"ask {NAME}", starts=0, ends=1)


def rows(store: Store) -> list[dict[str, Any]]:
    """Return all rows of the events table, sorted by time and id."""
    files = store.table.files()
    unsorted = [row for f in files for row in pq.ParquetFile(f.uri).read().to_pylist()]
    return sorted(unsorted, key=lambda row: (row["time"], row["id"]))


def places(store: Path, name: str) -> list[str]:
    """Return where a name occurs in a store, as a whole word, in any case, raw or decoded."""
    word = re.compile(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", re.IGNORECASE)
    return [where for where, text in texts(store) if word.search(text)]


def texts(store: Path) -> Iterator[tuple[str, str]]:
    """Yield (place, text) of all files: the name, the bytes and the decoded content."""
    for path in sorted(p for p in store.rglob("*") if p.is_file()):
        at = str(path.relative_to(store))
        yield f"{at}: name", at
        raw = path.read_bytes()
        # bytes next to a text in a page or in msgpack may decode to letters: match ASCII alone, too
        yield f"{at}: bytes", raw.decode("ascii", "replace")
        yield f"{at}: UTF-8", raw.decode("utf-8", "replace")
        if path.suffix == ".parquet":
            yield from _parquet(at, path)
        elif path.suffix == ".json":
            for line in raw.decode().splitlines():
                yield f"{at}: log", json.dumps(json.loads(line), ensure_ascii=False)
                yield f"{at}: log, plain", line.replace("\\", "")
        elif path.suffix == ".sqlite":
            yield from _sqlite(at, path)
        elif path.parent.name == "spool":
            yield from _spool(at, path)


def _parquet(at: str, path: Path) -> Iterator[tuple[str, str]]:
    with pq.ParquetFile(path) as file:
        yield f"{at}: metadata", str(file.metadata.metadata)
        for group in range(file.metadata.num_row_groups):
            for column in range(file.metadata.num_columns):
                about = file.metadata.row_group(group).column(column)
                yield f"{at}: statistics", str(about.statistics and about.statistics.to_dict())
        for name, column in file.read().to_pydict().items():
            for value in column:
                yield f"{at}: {name}", _plain(value)


def _plain(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _sqlite(at: str, path: Path) -> Iterator[tuple[str, str]]:
    with sqlite3.connect(path) as db:
        tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in db.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    yield f"{at}: {table}", _plain(value)
                    if isinstance(value, str) and value[:1] in {"{", "["}:
                        yield f"{at}: {table}, decoded", str(json.loads(value))
    db.close()


def _spool(at: str, path: Path) -> Iterator[tuple[str, str]]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        for record in segment.read(descriptor, 0, name=at):
            if isinstance(record, segment.Record):
                frame = record.frame
                for part in (frame.source, frame.topic, frame.body):
                    yield f"{at}: {record.start}", _plain(part)
    finally:
        os.close(descriptor)
