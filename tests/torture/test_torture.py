"""Short runs of both torture tests, and tests of their checks; `make torture` runs the long forms.

Each run prints its seed, its progress, and how to repeat it.
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
from tests.support import paths
from tests.support.stores import filled_store
from tests.torture.actors import Failure, Moment
from tests.torture.operations import OPERATIONS
from tests.torture.reader import InconsistentError, check_ids, check_sums
from tests.torture.witness import Witness, records


def run(script: str, *arguments: str, seconds: float) -> str:
    """Run a script and return its output; it must succeed within `seconds`."""
    with subprocess.Popen(
        [sys.executable, "-m", f"tests.torture.{script}", *arguments], cwd=paths.ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # it ends its child processes
            output, _ = process.communicate(timeout=30)
            pytest.fail(f"not done after {seconds:.0f} s:\n{output[-4000:]}")
    assert process.returncode == 0, output[-8000:]
    sys.stdout.write(output)
    return output


@pytest.mark.timeout(600)
def test_random_kills_lose_and_duplicate_nothing():
    output = run("run", "--kills", "10", seconds=560)
    match = re.search(r"torture: (\d+) kills in \d+ s: nothing lost, nothing duplicated", output)
    assert match
    assert int(match[1]) >= 10
    for name in ("listener", "loader", "gather", "import", "compact", "export", "query"):
        assert re.search(rf"  {name}.*: \d+", output), f"{name} was never killed"


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler for killer.c")
@pytest.mark.timeout(600)
def test_a_kill_at_any_call_that_changes_a_file():
    output = run("steps", "--every", "2000", "--mixed", seconds=560)
    match = re.search(r"steps: (\d+) kills in \d+ s: nothing lost", output)
    assert match
    assert int(match[1]) >= 11
    assert ": 0 kills" not in output


# the checks themselves


def segment(*payloads: bytes, salt: int = 7) -> bytes:
    parts = (pack("<II", len(data), zlib.crc32(data, salt)) + data for data in payloads)
    return b"hubbub1\n" + pack("<II", salt, 0) + b"".join(parts)


def test_the_witness_keeps_what_a_loader_deletes(tmp_path):
    spool, frame = tmp_path / "spool", msgpack.packb(["zmq:x", 1, b"topic", b"body", 0])
    spool.mkdir()
    witness = Witness(spool, tmp_path / "kept")
    path = spool / "01-listen-42-0badcafe.open"
    path.write_bytes(segment(frame, frame) + b"\x05\0\0\0torn")
    witness.scan()
    path.rename(path.with_suffix(".dead")).unlink()
    witness.close()
    (kept,) = witness.segments("listen", 42)
    assert [(record.source, record.body) for record in records(kept)] == [("zmq:x", b"body")] * 2
    assert witness.segments("heal") == []


def test_moments_use_all_places_and_do_not_wait_for_an_ended_actor(tmp_path):
    ended: Any = SimpleNamespace(alive=False)
    places = {Moment(Random(n), tmp_path, 1.0).place for n in range(200)}
    assert places == {"", *Moment.PLACES}
    Moment(Random(1), tmp_path, 1.0).wait(ended)


def test_the_reader_notices_inconsistent_snapshots(tmp_path):
    parts = [[event(f"e{n}{m}") for m in range(3)] for n in range(2)]
    with Store.open(tmp_path) as store:
        check_sums(store)
        empty = check_ids(store, pa.array([], pa.string()))
        for number, part in enumerate(parts, 1):
            store.bodies.append([Body(event.time, event.id, b"{}") for event in part], number)
            store.table.append(part, number)
        ids = check_ids(store, empty)
        assert sorted(ids.to_pylist()) == ["e00", "e01", "e02", "e10", "e11", "e12"]
        refresh.catch_up(store)
        check_sums(store)
        store.bodies.replace(store.bodies.files()[:1], [])
        with pytest.raises(InconsistentError, match="events without a body: 3 and 0"):
            check_sums(store)
        store.table.append(parts[0], 3)
        with pytest.raises(InconsistentError, match="events and distinct ids: 9 and 6"):
            check_ids(store, ids)
        refresh.mark_current(store)
        with pytest.raises(InconsistentError, match="messages in daily_topics and events: 6 and 9"):
            check_sums(store)
        store.table.replace(store.table.files(), [])
        with pytest.raises(InconsistentError, match="6 events are missing"):
            check_ids(store, ids)


def test_the_checks_notice_an_incomplete_operation(tmp_path):
    operations = {operation.name: operation for operation in OPERATIONS}
    with Store.open(tmp_path / "forget" / "store") as store:
        operations["forget"].prepare(store)
        (store.path / "note").write_text(f"written by {filled_store.NAME}")
        with pytest.raises(Failure, match="the name is in"):
            operations["forget"].check(store)
    with Store.open(tmp_path / "export" / "store") as store:
        operations["export"].prepare(store)
        operations["export"].check(store)
        store.table.replace(store.table.files()[-1:], [])
        refresh.mark_current(store)
        with pytest.raises(Failure, match=r"events instead of|verify"):
            operations["export"].check(store)


def event(name: str) -> Event:
    return Event(
        id=name, time=1_790_000_000_000_000, topic="a.b.prod.c.d", category="c", agent="alice",
        users=("alice",), objects=(), action="d", size=7, source="zmq:x", seq=1,
    )  # fmt: skip
