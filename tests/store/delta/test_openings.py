"""An open table is kept for as long as nothing else wrote to its log."""

from __future__ import annotations

from pathlib import Path

import deltalake
import pytest

from hubbub.store.delta.rewrite import drop_history
from hubbub.store.tables.events import Events
from tests.support.stores.filling import MakeEvent


@pytest.fixture
def openings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders of the tables that were opened."""
    opened: list[Path] = []
    real = Events.table

    def table(self: Events) -> deltalake.DeltaTable:
        opened.append(self.folder)
        return real(self)

    monkeypatch.setattr(Events, "table", table)
    return opened


def facts(table: Events) -> tuple[int, int, int, int]:
    return table.version(), table.batch(), table.form(), len(table.files())


def test_a_writer_opens_its_table_once(
    tmp_path: Path, event: MakeEvent, openings: list[Path]
) -> None:
    writer = Events(tmp_path / "events")
    assert facts(writer) == (-1, 0, 0, 0)
    for n in range(1, 4):
        assert writer.append([event(n)], n) == n
        assert facts(writer) == (n, n, 2, n)
    assert openings == []  # the one that it created is kept
    again = Events(tmp_path / "events")
    assert facts(again) == (3, 3, 2, 3)
    again.append([event(4)], 4)
    assert facts(again) == (4, 4, 2, 4)
    assert len(openings) == 1


def test_a_change_by_others_is_seen(tmp_path: Path, event: MakeEvent) -> None:
    first, second = (Events(tmp_path / "events") for _ in range(2))
    for n in range(1, 7):
        (first if n % 2 else second).append([event(n)], n)
        assert facts(first) == facts(second) == (n, n, 2, n)
    # of the same version, but not the same entry, as after a repair
    entry = first.entries.entry(6)
    torn = entry.read_bytes()
    entry.unlink()
    assert facts(first) == (5, 5, 2, 5)
    entry.write_bytes(torn)
    assert facts(first) == (6, 6, 2, 6)


def test_a_writer_goes_on_when_another_deletes_the_history_of_the_log(
    tmp_path: Path, event: MakeEvent, openings: list[Path]
) -> None:
    writer = Events(tmp_path / "events")
    for n in range(1, 5):
        writer.append([event(n)], n)
    drop_history(Events(tmp_path / "events"))
    openings.clear()
    writer.append([event(5)], 5)
    assert len(openings) == 1, "what is kept refers to entries that are gone"
    assert facts(writer) == facts(Events(tmp_path / "events")) == (5, 5, 2, 5)
