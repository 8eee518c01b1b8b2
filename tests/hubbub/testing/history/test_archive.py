"""What the simulated history holds: every row once, whichever page it is on."""

from dataclasses import replace

import pytest

from hubbub.testing.history.archive import Archive
from hubbub.testing.history.request import Filters
from hubbub.testing.simulator.traffic import Traffic

NOW = 1_795_297_655_500_000
SPAN = 170_000_000  # µs; three or four blocks of a minute
TRAFFIC = Traffic(4, 1_500_000, steady=True)


@pytest.fixture(scope="module")
def held():
    return [m for m in TRAFFIC.between(NOW - SPAN, NOW + 1) if m.broken is None]


@pytest.fixture(scope="module")
def archive():
    return Archive(TRAFFIC, NOW - SPAN, lambda: NOW)


def edges(held, filters):
    """Numbers of rows before the ends of blocks, and their neighbours."""
    rows = [m for m in held if filters.match(m)]
    blocks = [m.at // 60_000_000 for m in rows]
    turns = [k for k in range(1, len(rows)) if blocks[k] != blocks[k - 1]]
    assert len(turns) >= 2
    return rows, [k + d for k in (0, *turns, len(rows)) for d in (-2, -1, 0, 1, 2) if k + d >= 0]


@pytest.mark.parametrize("filters", [Filters(), Filters(categories=frozenset({"buildsys"}))])
@pytest.mark.parametrize("descending", [False, True])
def test_pages_over_the_ends_of_blocks(archive, held, filters, descending):
    rows, skips = edges(held, filters)
    if descending:
        rows, skips = rows[::-1], [len(rows) - k for k in skips if k <= len(rows)]
    for skip in skips:
        for most in (0, 1, 3, 2000, None):
            total, page = archive.select(
                None, None, filters, descending=descending, skip=skip, most=most
            )
            assert total == len(rows)
            assert page == rows[skip : None if most is None else skip + most]


def test_windows_over_the_ends_of_blocks(archive, held):
    seconds = sorted({m.time for m in held})
    for start, end in zip(seconds[::7], seconds[11::7], strict=False):
        expected = [m for m in held if start <= m.time <= end]
        for filters in (Filters(), Filters(not_users=frozenset({"koschei"}))):
            wanted = [m for m in expected if filters.match(m)]
            total, rows = archive.select(start, end, filters, descending=False, skip=0, most=None)
            assert total == len(wanted)
            assert rows == wanted


def test_memory_is_bounded(held, monkeypatch):
    monkeypatch.setattr("hubbub.testing.history.archive._KEPT", 1500)
    small = Archive(TRAFFIC, NOW - SPAN, lambda: NOW)
    total, rows = small.select(None, None, Filters(), descending=False, skip=0, most=None)
    assert (total, rows) == (len(held), held)
    assert len(small._shelves) == 1
    assert small._kept == sum(len(shelf.rows) for shelf in small._shelves.values())


def test_find(archive, held):
    assert archive.find(held[5].id) == held[5]
    assert archive.find("nope") is None
    assert replace(Filters(), users=frozenset({"nobody"})).match(held[5]) is False
