"""The short forms of both tortures; `make torture` runs the long ones.

Each says its seed, how far it came, and what must be typed to have it again.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import zlib
from random import Random
from struct import pack
from types import SimpleNamespace
from typing import Any

import msgpack
import pyarrow as pa
import pytest

from hubbub.collector.event import Event
from hubbub.store import Store
from hubbub.store.rollups import refresh
from hubbub.store.tables.bodies import Body
from tests.support import filled_store, paths
from tests.torture.actors import Failure, Moment
from tests.torture.reader import Torn, add_up, look
from tests.torture.upkeep import DEEDS
from tests.torture.witness import Witness, records


def tortured(script: str, *arguments: str, seconds: float) -> str:
    """What it said; nothing of it is left when this ends."""
    with subprocess.Popen(
        [sys.executable, "-m", f"tests.torture.{script}", *arguments], cwd=paths.ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # it ends whom it has started
            said, _ = process.communicate(timeout=30)
            pytest.fail(f"not done after {seconds:.0f} s:\n{said[-4000:]}")
    assert process.returncode == 0, said[-8000:]
    sys.stdout.write(said)
    return said


@pytest.mark.timeout(600)
def test_whatever_is_killed_nothing_is_lost_and_nothing_is_there_twice():
    said = tortured("run", "--kills", "55", seconds=560)
    assert re.search(r"torture: 55 kills in \d+ s: nothing lost, nothing twice", said)
    for what in ("listener", "loader", "gather", "import", "compact", "export", "query"):
        assert re.search(rf"  {what}.*: \d+", said), "each had its turn"


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: it makes killer.so")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("torn", [[], ["--torn"]], ids=["before", "within"])
def test_a_kill_at_any_call_that_changes_a_file(torn):
    said = tortured("steps", "--every", "181", *torn, seconds=560)
    found = re.search(r"steps: (\d+) kills in \d+ s: nothing lost", said)
    assert found
    assert int(found[1]) >= 8


# the harness itself: what it must notice


def segment(*payloads: bytes, salt: int = 7) -> bytes:
    records = (pack("<II", len(one), zlib.crc32(one, salt)) + one for one in payloads)
    return b"hubbub1\n" + pack("<II", salt, 0) + b"".join(records)


def test_the_witness_keeps_what_a_loader_deletes(tmp_path):
    spool, frame = tmp_path / "spool", msgpack.packb(["zmq:x", 1, b"topic", b"body", 0])
    spool.mkdir()
    witness = Witness(spool, tmp_path / "kept")
    path = spool / "01-listen-42-0badcafe.open"
    path.write_bytes(segment(frame, frame) + b"\x05\0\0\0torn")
    witness.look()
    path.rename(path.with_suffix(".dead")).unlink()
    witness.close()
    (kept,) = witness.segments("listen", 42)
    assert [(one.source, one.body) for one in records(kept)] == [("zmq:x", b"body")] * 2
    assert witness.segments("heal") == []


def test_a_moment_is_seen(tmp_path):
    ended: Any = SimpleNamespace(alive=False)
    places = {Moment(Random(n), tmp_path, 1.0).place for n in range(200)}
    assert places == {"", *Moment.PLACES}
    Moment(Random(1), tmp_path, 1.0).wait(ended)


def test_the_reader_notices_what_no_commit_has_made(tmp_path):
    parts = [[event(f"e{n}{m}") for m in range(3)] for n in range(2)]
    with Store.open(tmp_path) as store:
        add_up(store)
        nothing = look(store, pa.array([], pa.string()))
        for number, part in enumerate(parts, 1):
            store.bodies.append([Body(one.time, one.id, b"{}") for one in part], number)
            store.table.append(part, number)
        ids = look(store, nothing)
        assert sorted(ids.to_pylist()) == ["e00", "e01", "e02", "e10", "e11", "e12"]
        refresh.catch_up(store)
        add_up(store)
        store.bodies.replace(store.bodies.files()[:1], [])
        with pytest.raises(Torn, match="events without a body: 3 and 0"):
            add_up(store)
        store.table.append(parts[0], 3)
        with pytest.raises(Torn, match="events and distinct ids: 9 and 6"):
            look(store, ids)
        refresh.mark_current(store)
        with pytest.raises(Torn, match="what the rollup of topics sums: 9 and 6"):
            add_up(store)
        store.table.replace(store.table.files(), [])
        with pytest.raises(Torn, match="6 events are gone"):
            look(store, ids)


def test_a_deed_that_was_half_done_is_noticed(tmp_path):
    deeds = {deed.name: deed for deed in DEEDS}
    with Store.open(tmp_path / "forget" / "store") as store:
        deeds["forget"].prepare(store)
        (store.path / "note").write_text(f"said by {filled_store.NAME}")
        with pytest.raises(Failure, match="the name is in"):
            deeds["forget"].look(store)
    with Store.open(tmp_path / "export" / "store") as store:
        deeds["export"].prepare(store)
        deeds["export"].look(store)
        store.table.replace(store.table.files()[-1:], [])
        refresh.mark_current(store)
        with pytest.raises(Failure, match=r"events instead of|verify"):
            deeds["export"].look(store)


def event(name: str) -> Event:
    return Event(
        id=name, time=1_790_000_000_000_000, topic="a.b.prod.c.d", category="c", agent="alice",
        users=("alice",), objects=(), action="d", size=7, source="zmq:x", seq=1,
    )  # fmt: skip
