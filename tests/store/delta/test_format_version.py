"""Tables of an older format version are migrated in place; a newer version is refused."""

import deltalake
import pytest

from hubbub.errors import StoreError
from hubbub.store import Store
from hubbub.store.delta import format_version
from hubbub.store.delta import table as delta
from tests.support.stores.filling import MakeFrame, ReadIds, put


@pytest.fixture
def old(store: Store, frame: MakeFrame, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store whose tables have format version 1."""
    first = {"delta.dataSkippingStatsColumns": "time"}
    with monkeypatch.context() as m:
        m.setattr(format_version, "STEPS", ())
        m.setattr(format_version, "latest_properties", lambda: first)
        put(store, *(frame(n) for n in range(3)), bodies=True, load=True)
    assert format_version.FORM not in properties(store)
    return store


def properties(store: Store) -> dict[str, str]:
    return dict(deltalake.DeltaTable(str(store.table.folder)).metadata().configuration)


def load_more(store: Store, frame: MakeFrame) -> None:
    """Load three frames, one of which the fixture `old` has loaded before."""
    put(store, *(frame(n) for n in range(2, 5)), bodies=True, load=True)


def test_an_older_version_is_read_and_migrated_by_the_next_load(
    old: Store, frame: MakeFrame, ids: ReadIds
) -> None:
    assert len(ids(old)) == 3
    version = old.table.version()
    load_more(old, frame)
    assert ids(old) == [f"id-{n}" for n in range(5)]
    assert properties(old) == format_version.latest_properties()
    assert old.table.version() == version + 2, "one commit migrates, one loads"
    bodies = deltalake.DeltaTable(str(old.bodies.folder)).metadata().configuration
    assert bodies == format_version.latest_properties()
    with old.loader_lock():
        format_version.migrate(old.tables)
    assert old.table.version() == version + 2, "migrated only once"


def test_a_new_table_has_the_latest_version(store: Store, frame: MakeFrame) -> None:
    load_more(store, frame)
    assert properties(store) == format_version.latest_properties()
    assert store.table.version() == 1


def test_a_newer_version_is_refused_and_left_untouched(store: Store, frame: MakeFrame) -> None:
    load_more(store, frame)
    newer = str(len(format_version.STEPS) + 2)
    table = deltalake.DeltaTable(str(store.table.folder))
    table.alter.set_table_properties({format_version.FORM: newer}, raise_if_not_exists=False)
    with pytest.raises(StoreError, match=f"has format version {newer}") as e:
        store.events()
    assert e.value.exit_code == 5
    put(store, frame(9))
    with pytest.raises(StoreError, match="has format version"):
        store.load()
    assert store.waiting().records == 1
    assert deltalake.DeltaTable(str(store.table.folder)).version() == 2


def test_a_migration_on_a_full_disk_is_done_later(
    old: Store, frame: MakeFrame, monkeypatch: pytest.MonkeyPatch, ids: ReadIds
) -> None:
    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as m:
        m.setattr(delta, "sync_file", full)
        with pytest.raises(StoreError, match="cannot migrate events"):
            load_more(old, frame)
    assert old.waiting().records == 3
    old.load()
    assert properties(old) == format_version.latest_properties()
    assert len(ids(old)) == 5
