"""The stream of stored events: each once, whatever maintenance does."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hubbub.store import Store
from hubbub.store.maintenance import compaction, retention
from hubbub.store.privacy.forget import forget
from hubbub.store.stream import stream
from hubbub.store.stream.places import Place, Position, places, put
from hubbub.store.stream.reading import Reader
from hubbub.times import from_micros
from tests.store.conftest import START
from tests.support.stores.filling import MakeFrame
from tests.support.stores.filling import put as spool

NOW = START + 86_400_000_000


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.open(tmp_path / "s") as store:
        yield store


def folder(store: Store) -> Path:
    return store.path / stream.FOLDER


def register(store: Store, name: str = "m:h", **options: Any) -> Place:
    with store.loader_lock():
        return stream.register(
            store.table, store.state, folder(store), name, journal=0, now=NOW, **options
        )


def load(store: Store, frame: MakeFrame, *numbers: int, **fields: Any) -> None:
    spool(store, *(frame(n, **fields) for n in numbers), load=True)


def read(store: Store, position: Position, where: Path | None = None) -> list[str]:
    reader, ids = Reader(where or folder(store)), []
    while (batch := reader.next(position)) is not None:
        ids += [stored.event["id"] for stored in batch.events]
        position = batch.after
    return ids


def test_nothing_is_kept_without_a_handler(store: Store, frame: MakeFrame) -> None:
    load(store, frame, 1)
    assert stream.waiting(folder(store)) == []


def test_a_new_handler_begins_at_the_present(store: Store, frame: MakeFrame) -> None:
    load(store, frame, 1, 2)
    place = register(store)
    load(store, frame, 3)
    load(store, frame, 4, 5)
    assert read(store, place.stream) == ["id-3", "id-4", "id-5"]


def test_or_at_the_beginning(store: Store, frame: MakeFrame) -> None:
    load(store, frame, 1, 2)
    load(store, frame, 3)
    place = register(store, from_beginning=True)
    load(store, frame, 4)
    own = stream.past_folder(folder(store), "m:h")
    assert place.past is not None
    assert sorted(read(store, place.past, own)) == ["id-1", "id-2", "id-3"]
    assert read(store, place.stream) == ["id-4"]


def test_compaction_and_its_cleaning_change_nothing(store: Store, frame: MakeFrame) -> None:
    place = register(store)
    for n in range(6):
        load(store, frame, n)
    compaction.compact(store)
    with store.loader_lock():
        compaction.clean(store, grace=0)
    load(store, frame, 6)
    assert len(store.table.files()) == 2
    assert read(store, place.stream) == [f"id-{n}" for n in range(7)]


def test_a_commit_that_was_not_added_yet_is_added_before_compaction(
    store: Store, frame: MakeFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = register(store)
    with monkeypatch.context() as patch:  # the loader is killed between commit and link
        patch.setattr("hubbub.store.loader.loader.stream.catch_up", lambda *_: None)
        load(store, frame, 1)
        load(store, frame, 2)
    compaction.compact(store)
    with store.loader_lock():
        compaction.clean(store, grace=0)
    assert read(store, place.stream) == ["id-1", "id-2"]


def test_adding_again_after_a_crash_changes_nothing(store: Store, frame: MakeFrame) -> None:
    place = register(store)
    load(store, frame, 1)
    store.state.set("stream:version", store.table.version() - 1)
    with store.loader_lock():
        stream.catch_up(store.table, store.state, folder(store))
    assert read(store, place.stream) == ["id-1"]


def test_forgetting_reaches_what_waits_and_keeps_the_order(store: Store, frame: MakeFrame) -> None:
    place = register(store)
    load(store, frame, 1, agent="marlene", users=["marlene"])
    load(store, frame, 2)
    forget(store, "marlene")
    load(store, frame, 3)
    reader = Reader(folder(store))
    first = reader.next(place.stream)
    assert first is not None
    assert first.events[0].event["agent"].startswith("forgotten-")
    assert read(store, place.stream) == ["id-1", "id-2", "id-3"]
    for path in folder(store).rglob("*.parquet"):
        assert b"marlene" not in path.read_bytes()


def test_retention_drops_what_the_table_drops(store: Store, frame: MakeFrame) -> None:
    place = register(store)
    load(store, frame, 1, 2, 3, 4)
    load(store, frame, 5)
    now = from_micros(START + 3_000_000) + timedelta(days=1)
    retention.prune(store, now=now, events=timedelta(days=1), bodies=None)
    assert read(store, place.stream) == ["id-3", "id-4", "id-5"]


def test_a_position_within_a_file_survives_retention(store: Store, frame: MakeFrame) -> None:
    place = register(store)
    load(store, frame, 1, 2, 3, 4, 5)
    (file,) = stream.waiting(folder(store))
    halfway = Position(file.position.version, 0, 2)
    assert place.stream < halfway
    assert read(store, halfway) == ["id-4", "id-5"]
    stream.drop_before(folder(store), START + 2_000_000)
    assert read(store, halfway) == ["id-4", "id-5"]
    stream.drop_before(folder(store), START + 5_000_000)
    assert read(store, halfway) == ["id-5"]


def test_large_files_are_read_in_batches(
    store: Store, frame: MakeFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = register(store)
    load(store, frame, *range(25))
    monkeypatch.setattr("hubbub.store.stream.reading.MOST", 10)
    reader, position, sizes = Reader(folder(store)), place.stream, []
    while (batch := reader.next(position)) is not None:
        sizes.append(len(batch.events))
        position = batch.after
        if len(sizes) == 1:
            reader = Reader(folder(store))  # another process continues
    assert sizes == [10, 10, 5]
    assert read(store, place.stream) == [f"id-{n}" for n in range(25)]


def test_files_that_all_passed_are_deleted(store: Store, frame: MakeFrame) -> None:
    one, two = register(store, "m:one"), register(store, "m:two")
    load(store, frame, 1)
    load(store, frame, 2)
    stream.trim(store.state, folder(store))
    assert len(stream.waiting(folder(store))) == 2
    last = Position(store.table.version() + 1)
    put(store.state, "m:one", Place(stream=last))
    stream.trim(store.state, folder(store))
    assert len(stream.waiting(folder(store))) == 2, "the other has not passed them"
    put(store.state, "m:two", Place(stream=stream.waiting(folder(store))[1].position))
    stream.trim(store.state, folder(store))
    assert len(stream.waiting(folder(store))) == 1
    assert one.stream == two.stream


def test_a_handler_that_is_not_run_for_long_is_not_waited_for(
    store: Store, frame: MakeFrame
) -> None:
    register(store)
    load(store, frame, 1, 2)
    later = NOW + 91 * 86_400_000_000
    assert stream.lapse(store.state, folder(store), NOW + 86_400_000_000) == []
    assert stream.lapse(store.state, folder(store), later) == ["m:h"]
    assert stream.waiting(folder(store)) == []
    place = places(store.state)["m:h"]
    assert "2 events" in place.lapsed
    assert stream.lapse(store.state, folder(store), later) == [], "only once"


def test_verify_finds_a_damaged_file(store: Store, frame: MakeFrame) -> None:
    from hubbub.store.maintenance.verify import verify

    register(store)
    load(store, frame, 1)
    (file,) = stream.waiting(folder(store))
    assert verify(store).clean
    data = bytearray(file.path.read_bytes())
    file.path.unlink()
    file.path.write_bytes(data[: len(data) // 2])
    assert [fault.part for fault in verify(store).faults] == ["stream"]
    assert read(store, Position()) == [], "it is passed, and logged"


def test_places_survive_as_documents(store: Store) -> None:
    place = Place(3, 1, Position(4, 5, 6), Position(0, 1, 2), 7, 8, 9, "why")
    put(store.state, "m:h", place)
    assert places(store.state) == {"m:h": place}
    assert places(store.state)["m:h"].stream.left == 6
    put(store.state, "m:h", None)
    assert places(store.state) == {}


def test_registration_takes_what_is_spooled_but_not_loaded(store: Store, frame: MakeFrame) -> None:
    spool(store, frame(1))
    place = register(store)
    store.load()
    assert read(store, place.stream) == ["id-1"]
