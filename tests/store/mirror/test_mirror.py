"""Two stores, one mirror: each event is there once, whatever happens in between."""

from __future__ import annotations

import itertools
import shutil
import time
from collections import Counter
from pathlib import Path

import deltalake
import pytest
from deltalake.exceptions import CommitFailedError

from hubbub.errors import NoRoomError, StoreError, UsageError
from hubbub.live.health import mirror_faults
from hubbub.live.metrics import store_metrics
from hubbub.live.vitals import read_store
from hubbub.run.objects.samples import read_samples
from hubbub.store import Store
from hubbub.store.delta.rewrite import drop_history
from hubbub.store.maintenance.compaction import compact
from hubbub.store.mirror import merging
from hubbub.store.mirror.failures import ConflictError
from hubbub.store.mirror.mirror import Mirror, Pass
from hubbub.store.mirror.place import Place
from hubbub.store.mirror.reading import prepare
from hubbub.store.mirror.upkeep import unfinished
from hubbub.store.query import identity
from hubbub.store.stream import outgoing, stream
from hubbub.store.tables import samples
from hubbub.store.tables.samples import Sample, origin_of
from tests.support.stores.filling import forget_times


def ids(*numbers):
    return Counter(f"id-{n}" for n in numbers)


def test_events_of_two_stores_are_there_once(pair, event):
    pair.add(pair.one, [event(n) for n in range(5)], bodies=True)
    pair.add(pair.two, [event(n) for n in range(3, 8)], bodies=True)
    assert pair.copy() == [Pass(5, 0), Pass(3, 2)]
    assert pair.ids() == ids(*range(8))
    assert pair.bodies() == {f"id-{n}": b"alice" for n in range(8)}
    assert pair.copy() == [Pass(), Pass()]
    last = pair.mirror(pair.two).tables.table
    assert last.refresh() == 2  # nothing is committed for nothing
    (row,) = [row for row in pair.rows() if row["id"] == "id-4"]
    assert row["users"] == ["alice", "bob"]


def test_samples_follow_their_events(pair, event):
    def import_(store, numbers):
        events = [event(n, source="notebook-counts:f") for n in numbers]
        rows = [Sample(e.time, e.seq, origin_of(e.source), "load", e.seq) for e in events]
        store.samples.append(rows, store.table.batch() + 1)
        pair.add(store, events)

    samples.save_columns(pair.one.state, ["load"])
    import_(pair.one, range(3))
    import_(pair.two, range(1, 4))
    pair.copy()
    with pair.read() as store:
        read = read_samples(store, 0, event(9).time)
        values = sorted(row["value"] for row in read.table.to_pyarrow().to_pylist())
        assert (values, read.columns) == ([0, 1, 2, 3], ("load",))


def test_large_backlogs_are_copied_in_parts(pair, event, monkeypatch):
    monkeypatch.setattr("hubbub.store.mirror.mirror._ROWS", 4)
    monkeypatch.setattr("hubbub.store.mirror.waiting._READ", 3)
    for start in range(0, 20, 10):
        pair.add(pair.one, [event(n) for n in range(start, start + 10)])
    assert pair.copy(pair.one) == [Pass(20, 0)]
    assert pair.ids() == ids(*range(20))
    assert pair.mirror(pair.one).tables.table.version() > 3


def test_what_waits_survives_compaction_and_a_lost_log(pair, event):
    pair.copy(pair.one)
    for n in range(4):
        pair.add(pair.one, [event(n)])
    compact(pair.one)
    drop_history(pair.one.table)
    assert pair.mirror(pair.one).waiting() == 4
    pair.copy(pair.one)
    assert pair.ids() == ids(*range(4))
    # another hubbub wrote and compacted, without keeping what is new
    pair.one.table.append([event(9)], 9)
    drop_history(pair.one.table)
    with pair.one.loader_lock():
        stream.catch_up(pair.one.table, pair.one.state, pair.one.path / stream.FOLDER)
    pair.copy(pair.one)
    assert pair.ids() == ids(0, 1, 2, 3, 9)


def test_a_store_restored_from_a_backup_begins_again(pair, event, tmp_path):
    pair.add(pair.one, [event(0)])
    pair.copy(pair.one)
    backup = tmp_path / "backup"
    shutil.copytree(pair.one.path, backup)
    for n in (1, 2):
        pair.add(pair.one, [event(n)])
        pair.copy(pair.one)
    with Store.open(backup) as restored:  # its numbers are those of other events now
        for n in (3, 4):
            pair.add(restored, [event(n)])
        pair.copy(restored)
    assert pair.ids() == ids(*range(5))


def test_a_mirror_that_was_emptied_is_filled_again(pair, event):
    pair.add(pair.one, [event(n) for n in range(3)])
    pair.copy(pair.one)
    shutil.rmtree(Place(pair.url).root)
    pair.mirrors.clear()
    pair.add(pair.one, [event(3)])
    with pytest.raises(UsageError, match="folder is missing"):  # perhaps it is not mounted
        pair.copy(pair.one)
    Path(Place(pair.url).root).mkdir()
    pair.copy(pair.one)
    assert pair.ids() == ids(*range(4))


def test_an_old_snapshot_is_not_committed_to(pair, event, monkeypatch):
    """The number after it may be free again, because a shorter log has lost its entry."""
    pair.add(pair.one, [event(0)], bodies=True)
    pair.copy(pair.one)
    for n in (1, 2):
        pair.add(pair.two, [event(n)], bodies=True)
        pair.copy(pair.two)
    bodies = pair.mirror(pair.two).tables.own(pair.mirror(pair.two).tables.bodies)
    bodies.table().create_checkpoint()
    for entry in Path(Place(pair.url).path("bodies", "_delta_log")).glob("*[012].json"):
        entry.unlink()
    monkeypatch.setattr("hubbub.store.mirror.remote._LASTS", -1.0)
    pair.add(pair.one, [event(3)], bodies=True)
    with pytest.raises(ConflictError, match="too old"):
        pair.mirror(pair.one).step()
    monkeypatch.undo()
    pair.copy(pair.one)
    assert set(pair.bodies()) == set(ids(*range(4)))


class Died(BaseException):
    """The process was killed."""


def test_a_kill_at_any_call_is_followed_exactly(pair, event, monkeypatch):
    """Die before and after each call that changes something: here, there, or in the state."""
    left = [10**9]

    def mortal(owner, name):
        method = getattr(owner, name)

        def call(*args, **kwargs):
            step()
            result = method(*args, **kwargs)
            step()
            return result

        def step():
            left[0] -= 1
            if left[0] < 0:
                raise Died

        monkeypatch.setattr(owner, name, call)

    for owner, name in (
        (Place, "put"), (Place, "write"), (deltalake.DeltaTable, "create_write_transaction"),
        (outgoing.Outgoing, "save"), (outgoing, "release"),
    ):  # fmt: skip
        mortal(owner, name)
    pair.add(pair.one, [event(0)])
    pair.add(pair.two, [event(0)])
    pair.copy()
    for steps in itertools.count():
        fresh = [event(2 * steps + n) for n in range(1, 4)]  # the last one is in the next, too
        pair.add(pair.two, fresh[:1], bodies=True)
        pair.copy(pair.two)
        with pair.one.loader_lock():
            known = {row["id"] for row in pair.one.events().select("id").to_pyarrow().to_pylist()}
        pair.add(pair.one, [e for e in fresh if e.id not in known], bodies=True)
        pair.mirrors.clear()
        left[0] = steps
        try:
            Mirror(pair.one, pair.url).step()
        except Died:
            left[0] = 10**9
        else:
            break
        Mirror(pair.one, pair.url).step()
        assert pair.ids() == ids(*range(2 * steps + 4))
    assert steps > 15
    left[0] = 10**9
    pair.copy()
    assert set(pair.bodies()) | {"id-0"} == set(pair.ids())
    mirror = pair.mirror(pair.one)
    assert sum(map(unfinished, mirror.tables)) == 0  # nothing is left of what was cut off


def test_a_commit_whose_answer_was_lost_is_not_repeated(pair, event, monkeypatch):
    pair.add(pair.one, [event(0)])
    pair.copy(pair.one)
    commit = deltalake.DeltaTable.create_write_transaction

    def without_answer(*args, **kwargs):
        commit(*args, **kwargs)
        raise CommitFailedError("the entry exists already")

    pair.add(pair.one, [event(1)])
    monkeypatch.setattr(deltalake.DeltaTable, "create_write_transaction", without_answer)
    assert pair.copy(pair.one) == [Pass(1, 0)]
    assert pair.ids() == ids(0, 1)


def test_a_collector_that_was_faster_is_seen(pair, event, monkeypatch):
    """Another collector commits the same event between the look-up and the commit."""
    pair.add(pair.one, [event(0)])
    pair.add(pair.two, [event(0)])
    pair.copy()
    pair.add(pair.one, [event(1), event(2)])
    pair.add(pair.two, [event(2), event(3)])
    write = merging._write

    def slow(*args):
        monkeypatch.setattr(merging, "_write", write)
        pair.copy(pair.two)
        return write(*args)

    monkeypatch.setattr(merging, "_write", slow)
    assert pair.copy(pair.one) == [Pass(1, 1)]
    assert pair.ids() == ids(*range(4))


def test_a_full_mount_loses_nothing(pair, event, monkeypatch):
    pair.add(pair.one, [event(0)])

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("hubbub.store.mirror.place.sync_file", full)
        with pytest.raises(NoRoomError, match="the disk is full"):
            pair.copy(pair.one)
    (lag,) = outgoing.lags(pair.one.state, pair.one.path / stream.FOLDER)
    assert (lag.files, "full" in lag.error) == (1, True)
    pair.copy(pair.one)
    assert pair.ids() == ids(0)
    (lag,) = outgoing.lags(pair.one.state, pair.one.path / stream.FOLDER)
    assert (lag.files, lag.seconds, lag.error, lag.events) == (0, 0.0, "", 1)


def test_merged_accounts_and_coverage_reach_the_reader(pair, event):
    pair.add(pair.one, [event(0)])
    for store, account in ((pair.one, "bob"), (pair.two, "carol")):
        identity.merge(store.state, account, "alice", who="me", why="test", time=1)
        store.state.span("zmq:x", "", 0, 10, "complete" if account == "bob" else "gap", "")
    pair.copy()
    with pair.read() as store:
        assert store.persons.names == {"bob": "alice", "carol": "alice"}
        assert store.coverage(0, 10).state == "healed"
        assert [row["users"] for row in store.events().to_pyarrow().to_pylist()] == [["alice"]]
    identity.undo(pair.two.state, 1, who="me", time=2)
    pair.copy(pair.two)
    with pair.read() as store:
        assert store.persons.names == {"bob": "alice"}


def test_a_mirror_that_is_behind_is_a_degradation_and_a_metric(pair, event):
    pair.copy(pair.one)
    pair.add(pair.one, [event(0)])
    (waiting,) = stream.waiting(outgoing.folder_of(pair.one.path / stream.FOLDER, pair.url))
    old = f"{waiting.position.version:012d}-{int(time.time()) - 700:012d}.parquet"
    waiting.path.rename(waiting.path.with_name(old))
    vitals = read_store(pair.one)
    (fault,) = mirror_faults(vitals.mirrors)
    assert (fault.name, fault.degraded, "1 file waits" in fault.what) == ("mirror", True, True)
    found = {m.name: m.samples for m in store_metrics(vitals) if m.name.startswith("hubbub_mirror")}
    (lag,) = found["hubbub_mirror_lag_seconds"]
    assert (lag.labels, lag.value > 690) == ({"url": pair.url}, True)
    pair.copy(pair.one)
    assert mirror_faults(read_store(pair.one).mirrors) == []


def test_a_checkpoint_without_the_times_of_a_file_is_damage(pair, event):
    pair.add(pair.one, [event(0)])
    pair.copy(pair.one)
    log = Path(Place(pair.url).path("events/_delta_log"))
    deltalake.DeltaTable(log.parent).create_checkpoint()
    forget_times(log)
    with pytest.raises(StoreError, match="damaged: the log lacks the rows or the times of month="):
        pair.rows()


def test_nothing_else_writes_a_mirror(pair, event):
    pair.add(pair.one, [event(0)])
    pair.copy(pair.one)
    with pair.read() as store:
        assert store.read_only
        for write in (store.loader_lock, lambda: store.spool("x"), store.require_writable):
            with pytest.raises(UsageError, match="only its collectors write"):
                write()


def test_there_is_no_mirror(pair):
    with pytest.raises(UsageError, match="there is no mirror here"):
        prepare(pair.url, pair.reader)
    with pytest.raises(UsageError, match="or it is not mounted"):
        prepare(f"{pair.url}/not/mounted", pair.reader)


@pytest.mark.parametrize(
    "url",
    ["s3://user:secret@bucket/x", "https://bucket/x", "s3://", "file://host/x", "s3://b/../c"],
)
def test_a_wrong_url_is_refused_without_its_secret(url):
    with pytest.raises(UsageError) as caught:
        Place(url)
    assert "secret" not in str(caught.value)
