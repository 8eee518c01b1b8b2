"""A verification that was killed is continued, and trusts nothing that was written since."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hubbub.store import Store
from hubbub.store.maintenance import checkpoint
from hubbub.store.maintenance import verify as verification
from hubbub.store.maintenance.compaction import clean, compact
from hubbub.store.maintenance.uniqueness import HashFile
from hubbub.store.maintenance.verify import verify
from hubbub.store.rollups import refresh
from hubbub.store.rollups.fingerprint import has_fingerprint
from tests.support.stores.crash import run_and_crash
from tests.support.stores.rollup_events import add, make

KILL = """
import sys
from hubbub.store import Store
from hubbub.store.maintenance import checkpoint, verify
from tests.support.stores.crash import kill_at

kill_at(checkpoint.Checkpoint, "record", nth=3, after=True)
with Store.open(sys.argv[1]) as store:
    verify.verify(store)
raise SystemExit("it was not killed")
"""
#: Steps of a verification, by function.
STEPS = {
    "files": (checkpoint.Checkpoint, "record"),
    "hashes": (HashFile, "close"),
    "ids": (verification, "compare"),
    "sums": (refresh, "differs"),
}
Interrupt = Callable[[str, int], None]
DAY = 86_400_000_000


@pytest.fixture
def full(store: Store) -> Store:
    """A store with five files of events in two months, and rollups."""
    for part in range(5):
        add(store, *(make(10 * part + n, (10 * part + n) * DAY // 2) for n in range(10)))
    refresh.catch_up(store)
    assert len(store.table.files()) >= 5
    return store


def flip(path: Path) -> None:
    """Change a byte of a page, and leave size and times as they are."""
    before = path.stat()
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    data = bytearray(path.read_bytes())
    data[column.data_page_offset + column.total_compressed_size - 2] ^= 4
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def interrupt(full: Store, monkeypatch: pytest.MonkeyPatch) -> Interrupt:
    """Verify, and interrupt that after the nth call of a step."""

    def until(step: str, nth: int) -> None:
        owner, name = STEPS[step]
        real = getattr(owner, name)
        calls = 0

        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            result = real(*args, **kwargs)
            if calls == nth:
                raise KeyboardInterrupt
            return result

        with monkeypatch.context() as patch:
            patch.setattr(owner, name, call)
            with pytest.raises(KeyboardInterrupt):
                verify(full)

    return until


def test_a_killed_verification_is_continued(full: Store) -> None:
    run_and_crash(KILL, full.path)
    report = verify(full)
    assert report.clean, report.faults
    assert report.continued is not None
    assert report.skipped == 3
    assert not (full.path / "verify").exists(), "a later one relies on nothing"
    assert verify(full).skipped == 0


@pytest.mark.parametrize(("step", "nth"), [("files", 1), ("hashes", 3), ("ids", 1), ("sums", 1)])
def test_an_interrupted_verification_is_continued(
    full: Store, interrupt: Interrupt, step: str, nth: int
) -> None:
    whole = verify(full)
    assert (whole.clean, whole.continued, whole.skipped) == (True, None, 0)
    interrupt(step, nth)
    report = verify(full)
    assert report.clean, report.faults
    assert report.checked == whole.checked
    assert report.continued is not None
    events = len(full.table.files())
    first = next(n for n, rollup in enumerate(full.rollups) if not has_fingerprint(rollup))
    rollups = sum(len(rollup.files()) for rollup in full.rollups[: first + 1])
    skipped = {"files": nth, "hashes": nth - 1, "ids": events, "sums": events + rollups}
    assert report.skipped == skipped[step]


def test_a_file_that_changes_between_the_halves_is_read_again(
    full: Store, interrupt: Interrupt
) -> None:
    interrupt("ids", 1)
    path = Path(full.table.files()[2].uri)
    flip(path)
    report = verify(full)
    assert report.skipped == len(full.table.files()) - 1
    assert [fault.where for fault in report.faults] == [str(path)]


def test_a_rollup_that_changes_between_the_halves_is_noticed(
    full: Store, interrupt: Interrupt
) -> None:
    interrupt("sums", 2)
    rollup = full.rollups[0]
    rows = pq.read_table(rollup.files()[0].uri, partitioning=None).select(rollup.schema.names)
    rollup.append_rows([("2026-01", rows.slice(0, 1).cast(rollup.schema))], rollup.batch() + 1)
    rollup.replace([], [], full.table.version())
    report = verify(full)
    assert [fault.part for fault in report.faults] == ["hourly_users"]
    assert report.skipped > len(full.table.files())


def test_files_that_are_new_and_gone_between_the_halves(full: Store, interrupt: Interrupt) -> None:
    """What was hashed of files that were merged since does not count."""
    interrupt("ids", 1)
    add(full, make(90, 3 * DAY))
    compact(full)
    report = verify(full)
    assert report.clean, report.faults
    assert report.checked["ids"] == 51


def test_a_torn_record_is_no_proof(full: Store, interrupt: Interrupt) -> None:
    interrupt("files", 3)
    done = full.path / "verify" / "done"
    done.write_bytes(done.read_bytes()[:-9])
    report = verify(full)
    assert (report.clean, report.skipped) == (True, 2)


def test_hashes_that_are_missing_are_read_again(full: Store, interrupt: Interrupt) -> None:
    interrupt("ids", 1)
    next((full.path / "verify").glob("*.ids")).unlink()
    report = verify(full)
    assert (report.clean, report.skipped) == (True, len(full.table.files()) - 1)


def test_an_old_record_is_not_continued(
    full: Store, interrupt: Interrupt, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt("files", 3)
    assert verify(full, restart=True).skipped == 0
    interrupt("files", 3)
    clean(full)
    assert (full.path / "verify").exists()
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "AGE", 0.0)
        assert verify(full).skipped == 0
    interrupt("files", 3)
    monkeypatch.setattr(checkpoint, "AGE", 0.0)
    clean(full)
    assert not (full.path / "verify").exists()


def test_only_the_months_since_a_time_are_checked(full: Store) -> None:
    first, *_, last = full.table.files()
    flip(Path(first.uri))
    report = verify(full, since=datetime(2026, 2, 5, tzinfo=UTC))
    assert report.clean, report.faults
    assert report.checked["events:rows"] == sum(
        file.rows for file in full.table.files() if "month=2026-02" in file.uri
    )
    assert verify(full, since=datetime(2026, 2, 1, tzinfo=UTC), quick=True).clean
    assert not verify(full, since=datetime(2026, 1, 31, tzinfo=UTC)).clean
    flip(Path(last.uri))
    assert not verify(full, since=datetime(2026, 2, 5, tzinfo=UTC)).clean
