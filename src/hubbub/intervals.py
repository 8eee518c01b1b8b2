"""Arithmetic of half-open spans of whole numbers: sorted lists of (start, end), start < end."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["union", "whole_seconds", "without"]

Spans = list[tuple[int, int]]
_SECOND = 1_000_000


def union(spans: Iterable[tuple[int, int]]) -> Spans:
    """The same points in as few spans as possible, sorted."""
    joined: Spans = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def without(spans: Iterable[tuple[int, int]], taken: Iterable[tuple[int, int]]) -> Spans:
    """What of `spans` lies in none of `taken`."""
    left = union(spans)
    for start, end in union(taken):
        left = [
            part
            for a, b in left
            for part in ((a, min(b, start)), (max(a, end), b))
            if part[0] < part[1]
        ]
    return left


def whole_seconds(spans: Iterable[tuple[int, int]]) -> Spans:
    """Spans in µs as spans of the whole seconds that lie inside."""
    return union((-(-start // _SECOND), end // _SECOND) for start, end in union(spans))
