"""Histograms of overlapping windows, computed for all users at once or in batches."""

from collections import Counter

import pyarrow as pa
import pytest

from hubbub.analyzers.evenness import sliding as module
from hubbub.analyzers.evenness.sliding import Pieces, sliding_histograms

#: Windows of two steps and a half, and of three steps.
CUT = Pieces(windows=4, step=2, length=5), Pieces(windows=6, step=1, length=3)
#: Users' counts in pieces.
USERS = [{0: 2, 3: 1}, {1: 2}, {7: 5, 2: 1}, {}, {6: 3, 0: 1 << 40}]


def windows_of(pieces: Pieces, piece: int) -> list[int]:
    """Return the windows that have a piece."""
    return [
        window
        for window in range(pieces.windows)
        if window * pieces.step <= piece < window * pieces.step + pieces.length
    ]


@pytest.mark.parametrize("pieces", CUT)
def test_a_piece_lies_in_the_windows_from_the_first_to_the_last(pieces: Pieces) -> None:
    for piece in range(pieces.end):
        first, last = max(pieces.first(piece), 0), min(pieces.last(piece), pieces.windows - 1)
        assert list(range(first, last + 1)) == windows_of(pieces, piece) != []
    assert not windows_of(pieces, pieces.end)


@pytest.mark.parametrize("pieces", CUT)
@pytest.mark.parametrize("cells", [1, 13, 1 << 23])
def test_a_histogram_for_each_window(
    cells: int, pieces: Pieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CELLS", cells)
    lists = [[pieces.pack(count, piece) for piece, count in user.items()] for user in USERS]
    column = pa.chunked_array([lists[:2], lists[2:]], pa.list_(pa.int64()))
    histograms = [sorted(histogram) for histogram in sliding_histograms(column, pieces)]
    counts: list[Counter[int]] = [Counter() for _ in range(pieces.windows)]
    for user, of_pieces in enumerate(USERS):
        for piece, count in of_pieces.items():
            for window in windows_of(pieces, piece):
                counts[window][user] += count
    assert histograms == [sorted(Counter(window.values()).items()) for window in counts]
    assert any(len(histogram) > 1 for histogram in histograms)


def test_no_users() -> None:
    nobody = pa.chunked_array([], pa.list_(pa.int64()))
    assert sliding_histograms(nobody, Pieces(2, 1, 5)) == [[], []]
