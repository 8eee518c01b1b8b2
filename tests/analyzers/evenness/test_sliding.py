"""Counts of overlapping windows, whether all users fit at once or not."""

from collections import Counter

import pyarrow as pa
import pytest

from hubbub.analyzers.evenness import sliding as module
from hubbub.analyzers.evenness.sliding import sliding

ROWS = [("ann", 2, 0, 3), ("bob", 2, 1, 1), ("ann", 1, 3, 4), ("cy", 5, 4, 4), ("bob", 1, 1, 2)]


@pytest.mark.parametrize("cells", [1, 13, 1 << 23])
def test_a_histogram_for_each_window(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CELLS", cells)
    columns = zip(*ROWS, strict=True)
    rows = pa.table(dict(zip(("user", "count", "first", "last"), columns, strict=True)))
    found = [sorted(one) for one in sliding(rows, 6)]
    for window, histogram in enumerate(found):
        counts: Counter[str] = Counter()
        for user, count, first, last in ROWS:
            counts[user] += count if first <= window <= last else 0
        assert histogram == sorted(Counter(n for n in counts.values() if n).items())
    assert found[1:3] == [[(2, 1), (3, 1)], [(1, 1), (2, 1)]]
    assert found[5] == []


def test_nobody() -> None:
    rows = pa.table({"user": pa.array([], pa.string()), **dict.fromkeys(
        ("count", "first", "last"), pa.array([], pa.int64()))})  # fmt: skip
    assert sliding(rows, 2) == [[], []]
