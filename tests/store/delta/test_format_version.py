"""Tables of an older form are migrated in place, those of a newer one refused untouched."""

from collections.abc import Callable
from typing import Any

import deltalake
import pytest

from hubbub.errors import StoreError
from hubbub.store import Store
from hubbub.store.delta import format_version
from hubbub.store.delta import table as delta

Make = Callable[..., Any]
Ids = Callable[[Store], list[str]]


@pytest.fixture
def old(store: Store, frame: Make, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store whose tables are of the first form."""
    with monkeypatch.context() as m:
        m.setattr(format_version, "STEPS", ())
        m.setattr(
            format_version, "latest_properties", lambda: {"delta.dataSkippingStatsColumns": "time"}
        )
        with store.spool("test", bodies=True) as writer:
            for n in range(3):
                writer.put(frame(n))
        store.load()
    assert format_version.FORM not in properties(store)
    return store


def properties(store: Store) -> dict[str, str]:
    return dict(deltalake.DeltaTable(str(store.table.folder)).metadata().configuration)


def more(store: Store, frame: Make) -> None:
    with store.spool("test", bodies=True) as writer:
        for n in range(2, 5):
            writer.put(frame(n))
    store.load()


def test_an_older_form_is_read_and_migrated_by_the_next_load(
    old: Store, frame: Make, ids: Ids
) -> None:
    assert len(ids(old)) == 3
    version = old.table.version()
    more(old, frame)
    assert ids(old) == [f"id-{n}" for n in range(5)]
    assert properties(old) == format_version.latest_properties()
    assert old.table.version() == version + 2, "one commit migrates, one loads"
    made = deltalake.DeltaTable(str(old.bodies.folder)).metadata().configuration
    assert made == format_version.latest_properties()
    with old.loader_lock():
        format_version.migrate(old.tables)
    assert old.table.version() == version + 2, "once"


def test_a_new_table_has_the_newest_form(store: Store, frame: Make) -> None:
    more(store, frame)
    assert properties(store) == format_version.latest_properties()
    assert store.table.version() == 1


def test_a_newer_form_is_refused_untouched(store: Store, frame: Make) -> None:
    more(store, frame)
    newer = str(len(format_version.STEPS) + 2)
    table = deltalake.DeltaTable(str(store.table.folder))
    table.alter.set_table_properties({format_version.FORM: newer}, raise_if_not_exists=False)
    with pytest.raises(StoreError, match=f"has form {newer}") as e:
        store.events()
    assert e.value.exit_code == 5
    with store.spool("test") as writer:
        writer.put(frame(9))
    with pytest.raises(StoreError, match="has form"):
        store.load()
    assert store.waiting().records == 1
    assert deltalake.DeltaTable(str(store.table.folder)).version() == 2


def test_a_migration_without_room_is_done_later(
    old: Store, frame: Make, monkeypatch: pytest.MonkeyPatch, ids: Ids
) -> None:
    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as m:
        m.setattr(delta, "sync_file", full)
        with pytest.raises(StoreError, match="cannot migrate events"):
            more(old, frame)
    assert old.waiting().records == 3
    old.load()
    assert properties(old) == format_version.latest_properties()
    assert len(ids(old)) == 5
