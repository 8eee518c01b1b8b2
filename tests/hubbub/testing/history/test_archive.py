"""The archive of the simulated history: every row once, on whatever page."""

from dataclasses import replace

import pytest

from hubbub.testing.history.archive import Archive
from hubbub.testing.history.request import Filters
from hubbub.testing.simulator.traffic import Traffic

NOW = 1_795_297_655_500_000
SPAN = 170_000_000  # µs; three or four blocks of a minute
TRAFFIC = Traffic(4, 1_500_000, steady=True)


@pytest.fixture(scope="module")
def messages():
    return [m for m in TRAFFIC.between(NOW - SPAN, NOW + 1) if m.broken is None]


@pytest.fixture(scope="module")
def archive():
    return Archive(TRAFFIC, NOW - SPAN, lambda: NOW)


def rows_and_offsets(messages, filters):
    """Return the matching rows, and the offsets of pages at and near the ends of blocks."""
    rows = [m for m in messages if filters.match(m)]
    blocks = [m.at // 60_000_000 for m in rows]
    edges = [k for k in range(1, len(rows)) if blocks[k] != blocks[k - 1]]
    assert len(edges) >= 2
    return rows, [k + d for k in (0, *edges, len(rows)) for d in (-2, -1, 0, 1, 2) if k + d >= 0]


@pytest.mark.parametrize("filters", [Filters(), Filters(categories=frozenset({"buildsys"}))])
@pytest.mark.parametrize("descending", [False, True])
def test_pages_across_the_ends_of_blocks(archive, messages, filters, descending):
    rows, offsets = rows_and_offsets(messages, filters)
    if descending:
        rows, offsets = rows[::-1], [len(rows) - k for k in offsets if k <= len(rows)]
    for offset in offsets:
        for limit in (0, 1, 3, 2000, None):
            total, page = archive.select(
                None, None, filters, descending=descending, offset=offset, limit=limit
            )
            assert total == len(rows)
            assert page == rows[offset : None if limit is None else offset + limit]


def test_windows_across_the_ends_of_blocks(archive, messages):
    seconds = sorted({m.time for m in messages})
    for start, end in zip(seconds[::7], seconds[11::7], strict=False):
        inside = [m for m in messages if start <= m.time <= end]
        for filters in (Filters(), Filters(not_users=frozenset({"koschei"}))):
            expected = [m for m in inside if filters.match(m)]
            total, rows = archive.select(
                start, end, filters, descending=False, offset=0, limit=None
            )
            assert total == len(expected)
            assert rows == expected


def test_memory_is_bounded(messages, monkeypatch):
    monkeypatch.setattr("hubbub.testing.history.archive._MAX_MESSAGES", 1500)
    small = Archive(TRAFFIC, NOW - SPAN, lambda: NOW)
    total, rows = small.select(None, None, Filters(), descending=False, offset=0, limit=None)
    assert (total, rows) == (len(messages), messages)
    assert len(small._blocks) == 1
    assert small._cached == sum(len(block.rows) for block in small._blocks.values())


def test_find(archive, messages):
    assert archive.find(messages[5].id) == messages[5]
    assert archive.find("nope") is None


def test_filters_of_an_absent_user_match_nothing(messages):
    assert not replace(Filters(), users=frozenset({"nobody"})).match(messages[5])
