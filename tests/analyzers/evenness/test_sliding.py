"""Histograms of overlapping windows, computed for all users at once or in batches."""

from collections import Counter

import pyarrow as pa
import pytest

from hubbub.analyzers.evenness import sliding as module
from hubbub.analyzers.evenness.sliding import sliding_histograms

ROWS = [("ann", 2, 0, 3), ("bob", 2, 1, 1), ("ann", 1, 3, 4), ("cy", 5, 4, 4), ("bob", 1, 1, 2)]


@pytest.mark.parametrize("cells", [1, 13, 1 << 23])
def test_a_histogram_for_each_window(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CELLS", cells)
    columns = zip(*ROWS, strict=True)
    rows = pa.table(dict(zip(("user", "count", "first", "last"), columns, strict=True)))
    histograms = [sorted(histogram) for histogram in sliding_histograms(rows, 6)]
    for window, histogram in enumerate(histograms):
        counts: Counter[str] = Counter()
        for user, count, first, last in ROWS:
            counts[user] += count if first <= window <= last else 0
        assert histogram == sorted(Counter(n for n in counts.values() if n).items())
    assert histograms[1:3] == [[(2, 1), (3, 1)], [(1, 1), (2, 1)]]
    assert histograms[5] == []


def test_no_users() -> None:
    rows = pa.table({"user": pa.array([], pa.string()), **dict.fromkeys(
        ("count", "first", "last"), pa.array([], pa.int64()))})  # fmt: skip
    assert sliding_histograms(rows, 2) == [[], []]
