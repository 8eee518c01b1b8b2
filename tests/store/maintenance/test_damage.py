"""A flipped bit anywhere in a store: detected, located, and repaired where possible."""

import json
import os
from pathlib import Path

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
from tests.support.stores.filling import MakeFrame, ReadIds, put

SOURCE = "zmq:tcp://bus.example.org:9940"


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def test_every_bit_of_a_segments_head_is_covered(tmp_path: Path) -> None:
    for flags in (0, segment.BODIES, segment.BODIES | 5 << segment.TRUST):
        head = segment.head(0x12345678, flags)
        path = tmp_path / "one.seg"
        for bit in range(8 * len(head)):
            path.write_bytes(head)
            descriptor = os.open(path, os.O_RDONLY)
            assert segment.flags(descriptor) == flags
            flip(path, bit)
            checksum = path.read_bytes()[15]
            if checksum:  # 0 marks an older segment without a checksum
                with pytest.raises(StoreError, match="its header is damaged"):
                    segment.flags(descriptor, "x")
            else:
                assert segment.flags(descriptor) == flags
            os.close(descriptor)


def test_an_older_segment_without_a_checksum_of_its_head_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.seg"
    path.write_bytes(segment.HEAD.pack(b"hubbub1\n", 7, segment.BODIES))
    descriptor = os.open(path, os.O_RDONLY)
    assert segment.flags(descriptor) == segment.BODIES
    os.close(descriptor)


@pytest.mark.parametrize("bit", [3, 70, 97], ids=["magic", "salt", "flags"])
def test_a_segment_with_a_damaged_head_is_quarantined_and_the_others_are_loaded(
    store: Store, frame: MakeFrame, ids: ReadIds, bit: int
) -> None:
    store.state.set(alive_key(SOURCE), 1)
    put(store, *(frame(n) for n in range(5)), bodies=True)
    (bad,) = segments(store.spool_folder)
    put(store, *(frame(n) for n in range(5, 8)), bodies=True)
    flip(bad.path, bit)
    assert "header is damaged" in verify(store).faults[0].what
    assert store.load().new == 3
    assert ids(store) == ["id-5", "id-6", "id-7"]
    assert [path.name for path in quarantined(store.path)] == [f"spool-{bad.path.name}"]
    (gap,) = (span for span in store.spans() if span.state == "gap")
    assert (gap.source, gap.proof) == (SOURCE, DAMAGED)
    report = verify(store)
    assert report.clean, report.faults
    assert report.checked["aside"] == 1
    # it is kept unchanged
    flip(quarantined(store.path)[0], bit)
    quarantined(store.path)[0].rename(bad.path)
    assert store.load().new == 5


@pytest.mark.parametrize("where", [-40, 0, 3, 60])
def test_a_bit_anywhere_in_a_record_costs_that_record_alone(
    store: Store, frame: MakeFrame, ids: ReadIds, where: int
) -> None:
    put(store, *(frame(n) for n in range(20)), bodies=True)
    (damaged,) = segments(store.spool_folder)
    data = damaged.path.read_bytes()
    at = data.index(b'"id-7"') + where
    flip(damaged.path, 8 * at + 2)
    loaded = store.load()
    assert loaded == Loaded(new=19, known=0, refused={"damaged": 1})
    (letter,) = store.dead_letters()
    assert data[at + 1 : at + 4] in letter.body, "its damaged bytes are kept"
    assert "id-7" not in ids(store)
    assert verify(store).clean


def test_a_bit_in_the_id_index(store: Store, frame: MakeFrame, ids: ReadIds) -> None:
    put(store, *(frame(n) for n in range(20)), bodies=True)
    store.load()
    (run,) = (store.path / "ids").glob("*.run")
    flip(run, 8 * 40 + 5)
    assert [f.part for f in verify(store).faults] == ["ids"]
    assert [f.part for f in verify(store, repair=True).repaired] == ["ids"]
    assert verify(store).clean
    put(store, *(frame(n) for n in range(20)), bodies=True)
    assert store.load().known == 20
    assert len(ids(store)) == 20


@pytest.mark.parametrize("which", [0, 1, 2, 3])
def test_a_bit_in_a_rollup(store: Store, frame: MakeFrame, which: int) -> None:
    put(store, *(frame(n) for n in range(20)), bodies=True)
    store.load()
    refresh.catch_up(store)
    path = Path(store.rollups[which].files()[0].uri)
    column = pq.ParquetFile(path).metadata.row_group(0).column(2)
    flip(path, 8 * (column.data_page_offset + column.total_compressed_size - 2) + 1)
    report = verify(store)
    assert [(f.part, f.where) for f in report.faults] == [(store.rollups[which].name, str(path))]
    assert verify(store, repair=True).clean
    assert verify(store).clean


def test_counts_of_minutes_are_checked_and_repaired(store: Store) -> None:
    topic = "org.fedoraproject.prod.git.receive"
    body = {"i": 1, "msg": {}, "msg_id": "2026-1", "timestamp": 1_768_435_200, "topic": topic}
    later = body | {"msg_id": "2026-2", "timestamp": 1_768_435_300}
    put(
        store,
        *(Frame(SOURCE, 1, topic.encode(), json.dumps(b).encode()) for b in (body, later)),
        bodies=True,
    )
    store.load()
    assert verify(store).clean
    with store.state.transaction() as db:
        db.execute("UPDATE minutes SET n = n + 1")
    assert [f.part for f in verify(store).faults] == ["minutes"]
    assert [f.part for f in verify(store, repair=True).repaired] == ["minutes"]
    assert verify(store).clean


def test_wrong_statistics_are_detected(store: Store, frame: MakeFrame) -> None:
    """Engines skip row groups by their statistics: rows would be missing from results."""
    put(store, *(frame(n) for n in range(20)), bodies=True)
    store.load()
    path = Path(store.table.files()[0].uri)
    data = path.read_bytes()
    stamp = (1_768_435_200_000_000 + 19_000_000).to_bytes(8, "little")
    at = data.rindex(stamp)
    path.write_bytes(data[:at] + (1_768_435_200_000_000).to_bytes(8, "little") + data[at + 8 :])
    (fault,) = verify(store).faults
    assert (fault.part, fault.where) == ("events", str(path))
