"""Arithmetic of half-open integer spans: sorted lists of (start, end), start < end."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["subtract", "union", "whole_seconds"]

Spans = list[tuple[int, int]]
_SECOND = 1_000_000


def union(spans: Iterable[tuple[int, int]]) -> Spans:
    """Merge overlapping and adjacent spans; sorted."""
    joined: Spans = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def subtract(spans: Iterable[tuple[int, int]], taken: Iterable[tuple[int, int]]) -> Spans:
    """Return the parts of `spans` that lie in none of `taken`."""
    remaining = union(spans)
    for taken_start, taken_end in union(taken):
        remaining = [
            part
            for start, end in remaining
            for part in ((start, min(end, taken_start)), (max(start, taken_end), end))
            if part[0] < part[1]
        ]
    return remaining


def whole_seconds(spans: Iterable[tuple[int, int]]) -> Spans:
    """Convert spans in µs to spans of the whole seconds that lie inside them."""
    return union((-(-start // _SECOND), end // _SECOND) for start, end in union(spans))
