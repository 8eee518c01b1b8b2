"""Rows that a mirror has are found again, wherever they are in its files."""

from __future__ import annotations

import deltalake

from hubbub.store.mirror import merging
from hubbub.store.mirror.mirror import Pass
from hubbub.store.rollups.tables import DAY
from tests.store.mirror.test_mirror import ids


def test_the_same_id_at_a_far_time_is_another_row_and_at_a_near_one_is_not(pair, event):
    pair.add(pair.one, [event(0), event(1)])
    near, far = event(0).time + merging.SLACK, event(1).time + merging.SLACK + 2_000_000
    pair.add(pair.two, [event(0, time=near)])
    pair.copy()
    pair.add(pair.two, [event(1, time=far)])
    pair.copy()
    assert pair.ids() == ids(0, 1, 1)


def test_rows_of_several_months_and_a_wrong_clock(pair, event):
    times = [0, *(event(0).time + days * DAY for days in (0, 40, 340))]  # the last in December
    pair.add(pair.one, [event(n, time=time) for n, time in enumerate(times)])
    pair.copy()
    pair.add(pair.two, [event(n, time=time) for n, time in enumerate([*times, times[2] + 1])])
    assert pair.copy(pair.two) == [Pass(1, 4)]
    assert [row["id"] for row in pair.rows()] == [f"id-{n}" for n in range(5)]


def test_a_file_is_known_in_whole_only_when_all_of_it_was_read(pair, event, monkeypatch):
    monkeypatch.setattr(merging, "_GROUP", 1)
    rows = [event(n, time=event(0).time + n * DAY) for n in range(2)]
    pair.add(pair.one, rows)
    pair.copy(pair.one)
    for row in rows:  # far from each other: in row groups that are read one after the other
        pair.add(pair.two, [row])
        assert pair.copy(pair.two) == [Pass(0, 1)]
    assert pair.ids() == ids(0, 1)


def test_a_commit_leaves_its_own_version_as_the_snapshot(pair, event, monkeypatch):
    """Else sums would be marked as complete with events that another collector has just added."""
    pair.add(pair.two, [event(0)])
    pair.copy()
    pair.add(pair.two, [event(1)])
    table, others = pair.mirror(pair.one).events.table, [pair.two]
    before, update = table.refresh(), deltalake.DeltaTable.update_incremental

    def late(snapshot):
        if others:
            pair.copy(others.pop())
        update(snapshot)

    monkeypatch.setattr(deltalake.DeltaTable, "update_incremental", late)
    assert table.commit([], {"number": 1}) == table.version() == before + 1
    assert table.refresh() == before + 2
