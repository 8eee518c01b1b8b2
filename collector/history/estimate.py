"""How many requests a gather will send, from its first response."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hubbub.collector.history.client import ROWS
from hubbub.collector.history.paging import Slice, Step

__all__ = ["Estimate", "estimate"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is expected of a gather, the first request included."""

    rows: int
    requests: int


def estimate(part: Slice, step: Step, *, unread: int, slices: int) -> Estimate:
    """Estimate a gather from the service's own count of the messages of its first slice.

    The rest of the range is taken to be as busy as the first slice.

    Args:
        part: the slice of the first request, as it was requested.
        step: its response.
        unread: seconds of history to be read, the slice included.
        slices: the most slices that are read at a time; each ends with a page that is not full and
            with a request that proves it.
    """
    rows = round((step.piece.rows + step.remaining) * unread / (part.end - part.position))
    pages = max(1, math.ceil(rows / (ROWS - 1)))  # the last row of a page is sent again
    requests = pages + (min(slices, pages) if pages > 1 else 0)
    return Estimate(rows, requests)
