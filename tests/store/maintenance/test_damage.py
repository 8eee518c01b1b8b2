"""A flipped bit anywhere in what is stored: found, said where, and mended where that can be."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hubbub.collector.event import Frame, alive_key
from hubbub.errors import StoreError
from hubbub.store import Store
from hubbub.store.disk.quarantine import quarantined
from hubbub.store.loader.damage import DAMAGED
from hubbub.store.loader.loader import Loaded
from hubbub.store.maintenance.verify import verify
from hubbub.store.rollups import refresh
from hubbub.store.spool import segment
from hubbub.store.spool.folder import segments

Make = Callable[..., Any]
Ids = Callable[[Store], list[str]]
SOURCE = "zmq:tcp://bus.example.org:9940"


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def put(store: Store, *frames: Frame) -> None:
    with store.spool("listen", bodies=True) as writer:
        for frame in frames:
            writer.put(frame)


def test_every_bit_of_a_segments_head_is_covered(tmp_path: Path) -> None:
    for flags in (0, segment.BODIES, segment.BODIES | 5 << segment.TRUST):
        head = segment.head(0x12345678, flags)
        path = tmp_path / "one.seg"
        for bit in range(8 * len(head)):
            path.write_bytes(head)
            descriptor = os.open(path, os.O_RDONLY)
            assert segment.flags(descriptor) == flags
            flip(path, bit)
            given = path.read_bytes()[15]
            if given:  # a checksum of 0 is that of an older segment; only its own bits are wrong
                with pytest.raises(StoreError, match="first bytes are damaged"):
                    segment.flags(descriptor, "x")
            else:
                assert segment.flags(descriptor) == flags
            os.close(descriptor)


def test_a_segment_of_before_heads_had_a_checksum(tmp_path: Path) -> None:
    path = tmp_path / "old.seg"
    path.write_bytes(segment.HEAD.pack(b"hubbub1\n", 7, segment.BODIES))
    descriptor = os.open(path, os.O_RDONLY)
    assert segment.flags(descriptor) == segment.BODIES
    os.close(descriptor)


@pytest.mark.parametrize("bit", [3, 70, 97], ids=["magic", "salt", "flags"])
def test_a_segment_without_a_head_is_set_aside_and_the_others_go_on(
    store: Store, frame: Make, ids: Ids, bit: int
) -> None:
    store.state.set(alive_key(SOURCE), 1)
    put(store, *(frame(n) for n in range(5)))
    (bad,) = segments(store.spool_folder)
    put(store, *(frame(n) for n in range(5, 8)))
    flip(bad.path, bit)
    assert "first bytes are damaged" in verify(store).faults[0].what
    assert store.load().new == 3
    assert ids(store) == ["id-5", "id-6", "id-7"]
    assert [path.name for path in quarantined(store.path)] == [f"spool-{bad.path.name}"]
    (gap,) = (span for span in store.spans() if span.state == "gap")
    assert (gap.source, gap.proof) == (SOURCE, DAMAGED)
    done = verify(store)
    assert done.clean, done.faults
    assert done.checked["aside"] == 1
    # nothing of it was thrown away
    flip(quarantined(store.path)[0], bit)
    quarantined(store.path)[0].rename(bad.path)
    assert store.load().new == 5


@pytest.mark.parametrize("where", [-40, 0, 3, 60])
def test_a_bit_anywhere_in_a_record_costs_that_record_alone(
    store: Store, frame: Make, ids: Ids, where: int
) -> None:
    put(store, *(frame(n) for n in range(20)))
    (one,) = segments(store.spool_folder)
    data = one.path.read_bytes()
    at = data.index(b'"id-7"') + where
    flip(one.path, 8 * at + 2)
    loaded = store.load()
    assert loaded == Loaded(new=19, known=0, refused={"damaged": 1})
    (letter,) = store.dead_letters()
    assert data[at + 1 : at + 4] in letter.body, "what is left of it is kept"
    assert "id-7" not in ids(store)
    assert verify(store).clean


def test_a_bit_in_the_set_of_ids(store: Store, frame: Make, ids: Ids) -> None:
    put(store, *(frame(n) for n in range(20)))
    store.load()
    (run,) = (store.path / "ids").glob("*.run")
    flip(run, 8 * 40 + 5)
    assert [f.part for f in verify(store).faults] == ["ids"]
    assert [f.part for f in verify(store, repair=True).repaired] == ["ids"]
    assert verify(store).clean
    put(store, *(frame(n) for n in range(20)))
    assert store.load().known == 20
    assert len(ids(store)) == 20


@pytest.mark.parametrize("which", [0, 1, 2, 3])
def test_a_bit_in_a_rollup(store: Store, frame: Make, which: int) -> None:
    put(store, *(frame(n) for n in range(20)))
    store.load()
    refresh.catch_up(store)
    path = Path(store.rollups[which].files()[0].uri)
    column = pq.ParquetFile(path).metadata.row_group(0).column(2)
    flip(path, 8 * (column.data_page_offset + column.total_compressed_size - 2) + 1)
    done = verify(store)
    assert [(f.part, f.where) for f in done.faults] == [(store.rollups[which].name, str(path))]
    assert verify(store, repair=True).clean
    assert verify(store).clean


def test_counts_of_minutes_are_proven_and_repaired(store: Store) -> None:
    topic = "org.fedoraproject.prod.git.receive"
    body = {"i": 1, "msg": {}, "msg_id": "2026-1", "timestamp": 1_768_435_200, "topic": topic}
    later = body | {"msg_id": "2026-2", "timestamp": 1_768_435_300}
    put(store, *(Frame(SOURCE, 1, topic.encode(), json.dumps(b).encode()) for b in (body, later)))
    store.load()
    assert verify(store).clean
    with store.state.transaction() as db:
        db.execute("UPDATE minutes SET n = n + 1")
    assert [f.part for f in verify(store).faults] == ["minutes"]
    assert [f.part for f in verify(store, repair=True).repaired] == ["minutes"]
    assert verify(store).clean


def test_statistics_that_lie_are_found(store: Store, frame: Make) -> None:
    """Engines skip row groups by them: rows would be missing from an answer."""
    put(store, *(frame(n) for n in range(20)))
    store.load()
    path = Path(store.table.files()[0].uri)
    data = path.read_bytes()
    stamp = (1_768_435_200_000_000 + 19_000_000).to_bytes(8, "little")
    at = data.rindex(stamp)
    path.write_bytes(data[:at] + (1_768_435_200_000_000).to_bytes(8, "little") + data[at + 8 :])
    (fault,) = verify(store).faults
    assert (fault.part, fault.where) == ("events", str(path))
