"""Segments of another machine are loaded exactly once, and deleted only after that."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubbub.collector.signatures.guard import TrustFiles
from hubbub.errors import UsageError
from hubbub.store import Store
from hubbub.store.handover import incoming
from hubbub.store.handover.incoming import adopt, source_folder
from hubbub.store.loader.loader import Loaded
from hubbub.store.spool import segment
from hubbub.store.spool.folder import segments
from tests.support.stores.filling import MakeFrame, ReadIds, put


class _CrashError(Exception):
    """The end of a process."""


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Store]:
    """The store of a listener on another machine."""
    with Store.open(tmp_path / "listener") as store:
        yield store


def take(store: Store, folder: Path) -> tuple[Loaded, int]:
    handover = adopt(store, folder)
    return store.load(), handover.finish()


def test_segments_are_loaded_and_then_deleted_where_they_came_from(
    store: Store, listener: Store, frame: MakeFrame, ids: ReadIds
) -> None:
    put(listener, frame(1), frame(2))
    put(listener, frame(3))
    with listener.spool("listen") as writer:
        writer.put(frame(4))
        writer.flush()
        folder = source_folder(listener.path)
        handover = adopt(store, folder)
        assert (handover.copied, handover.being_written) == (2, 1)
        assert len(segments(folder)) == 3, "nothing is deleted before it is loaded"
        assert (store.load(), handover.finish()) == (Loaded(new=3), 2)
        assert [each.live for each in segments(folder)] == [True]
    assert take(store, folder) == (Loaded(new=1), 1)
    assert ids(store) == ["id-1", "id-2", "id-3", "id-4"]
    assert take(store, folder) == (Loaded(), 0)


@pytest.mark.parametrize("step", ["new_file", "_rename", "_delete", "_take_over_coverage", "load"])
@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_step_loses_and_doubles_nothing(
    store: Store,
    listener: Store,
    frame: MakeFrame,
    ids: ReadIds,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    *,
    after: bool,
) -> None:
    put(listener, frame(1), frame(2))
    put(listener, frame(3))
    owner: object = incoming
    if step == "load":
        owner = store
    elif step == "_take_over_coverage":
        owner = incoming.Handover
    original = getattr(owner, step)

    def crash(*arguments: object, **options: object) -> None:
        if after:
            result = original(*arguments, **options)
            if step == "new_file":
                with result as file:
                    file.write(b"a part of it")
        raise _CrashError

    with monkeypatch.context() as patch:
        patch.setattr(owner, step, crash)
        with pytest.raises(_CrashError):
            take(store, listener.spool_folder)
    if step in {"_rename", "load"}:
        store.load()  # as the loader of the store does by itself
    take(store, listener.spool_folder)
    assert ids(store) == ["id-1", "id-2", "id-3"]
    assert store.state.counts() == {"jsonl:test": {"new": 3}}, "each was loaded once"
    assert not segments(listener.spool_folder)
    assert not list(store.spool_folder.glob("*.part"))


def test_a_segment_that_is_copied_again_is_only_deleted(
    store: Store, listener: Store, frame: MakeFrame
) -> None:
    put(listener, frame(1))
    (path,) = (each.path for each in segments(listener.spool_folder))
    content = path.read_bytes()
    take(store, listener.spool_folder)
    path.write_bytes(content)  # as by rsync without --remove-source-files
    assert take(store, listener.spool_folder) == (Loaded(), 1)


def test_an_open_segment_is_taken_on_request_if_its_listener_is_dead(
    store: Store, listener: Store, frame: MakeFrame, ids: ReadIds
) -> None:
    put(listener, frame(1))
    (path,) = (each.path for each in segments(listener.spool_folder))
    path = path.rename(path.with_suffix(".open"))
    with path.open("ab") as file:
        file.write(b"torn")
    assert adopt(store, listener.spool_folder).being_written == 1
    descriptor = os.open(path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert adopt(store, listener.spool_folder, recover=True).being_written == 1
    os.close(descriptor)
    handover = adopt(store, listener.spool_folder, recover=True)
    assert (store.load(), handover.finish(), path.exists()) == (Loaded(new=1), 1, False)
    assert ids(store) == ["id-1"]


def test_the_trust_of_this_machine_applies(
    store: Store, listener: Store, frame: MakeFrame, tmp_path: Path
) -> None:
    theirs = TrustFiles("/their/ca.pem")
    with listener.spool("listen", bodies=True, trust=theirs) as writer:
        writer.put(frame(1))
    with pytest.raises(UsageError, match="only signed messages"):
        adopt(store, listener.spool_folder)
    adopt(store, listener.spool_folder, trust=TrustFiles(str(tmp_path / "ca.pem")))
    ((number, files),) = store.state.rows("SELECT number, files FROM trusts")
    assert str(tmp_path / "ca.pem") in files
    (adopted,) = segments(store.spool_folder)
    descriptor = os.open(adopted.path, os.O_RDONLY)
    assert segment.flags(descriptor) == segment.BODIES | number << segment.TRUST
    assert [
        r.frame.seq for r in segment.read(descriptor, 0, name="x") if isinstance(r, segment.Record)
    ] == [1], "its records are still intact"
    os.close(descriptor)


def test_other_files_and_damaged_segments(store: Store, listener: Store, frame: MakeFrame) -> None:
    put(listener, frame(1))
    (path,) = (each.path for each in segments(listener.spool_folder))
    data = bytearray(path.read_bytes())
    data[9] ^= 1
    path.write_bytes(data)
    (listener.spool_folder / "notes.seg").write_text("of somebody else")
    handover = adopt(store, listener.spool_folder)
    assert (store.load(), handover.finish()) == (Loaded(), 1)
    assert len(list((store.path / "aside").rglob("*.seg"))) == 1, "kept in quarantine"
    assert (listener.spool_folder / "notes.seg").exists()
    with pytest.raises(UsageError, match="the spool of this store itself"):
        adopt(store, store.spool_folder)
    with pytest.raises(UsageError, match="no such folder"):
        source_folder(listener.path / "none")
