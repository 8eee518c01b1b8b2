"""Compare message counts of the store with those of history, and bisect where they differ.

The result separates spans whose counts match from small spans that are worth reading. No message is
read here and nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hubbub.language.plurals import plural

__all__ = ["MINUTE", "AuditResult", "CountedSpan", "audit", "proof_of"]

MINUTE = 60  # s; the store counts nothing finer
_PAGE = 100  # messages per request
_BISECTION = 8  # requests that finding one message takes, roughly


@dataclass(frozen=True, slots=True)
class CountedSpan:
    """[start, end) in seconds, with the messages that history counts and those stored."""

    start: int
    end: int
    total: int
    stored: int


@dataclass(frozen=True, slots=True)
class AuditResult:
    """Spans whose counts match and spans whose counts differ."""

    matching: tuple[CountedSpan, ...]  # sorted, adjoining spans merged
    differing: tuple[CountedSpan, ...]


def audit(
    total: Callable[[int, int], int],
    stored: Callable[[int, int], int],
    start: int,
    end: int,
    *,
    already_read: Callable[[int, int], bool] = lambda *_: False,
    stop: Callable[[], bool] = lambda: False,
) -> AuditResult:
    """Compare [start, end), seconds at whole minutes.

    A span is not bisected further where reading it is as cheap.

    Args:
        total: counts the messages of [start, end) in history; a request.
        stored: counts the messages of [start, end) in the store.
        start: second.
        end: second.
        already_read: whether a part of [start, end) was read before. Its counts differ all the
            same, so it is bisected down to the minute.
        stop: called before each request; True ends the audit early, with the results so far.
    """
    matching: list[CountedSpan] = []
    differing: list[CountedSpan] = []
    # (start, end, total or None where it has not been requested)
    queue: list[tuple[int, int, int | None]] = [(start, end, None)] if start < end else []
    while queue and not stop():
        first, last, count = queue.pop()
        count = total(first, last) if count is None else count
        span = CountedSpan(first, last, count, stored(first, last))
        difference = abs(span.total - span.stored)
        cheap_to_read = span.total <= _PAGE * _BISECTION * difference
        if not difference:
            matching.append(span)
        elif last - first <= MINUTE or (cheap_to_read and not already_read(first, last)):
            differing.append(span)
        else:
            middle = max(first + (last - first) // (2 * MINUTE) * MINUTE, first + MINUTE)
            left = total(first, middle)
            # The right half follows from both, except for messages that arrived in between.
            queue += [(middle, last, span.total - left), (first, middle, left)]
    return AuditResult(_merged(matching), tuple(differing))


def _merged(spans: list[CountedSpan]) -> tuple[CountedSpan, ...]:
    merged: list[CountedSpan] = []
    for span in sorted(spans, key=lambda span: span.start):
        last = merged[-1] if merged else None
        if last is not None and last.end == span.start:
            total, stored = last.total + span.total, last.stored + span.stored
            merged[-1] = CountedSpan(last.start, span.end, total, stored)
        else:
            merged.append(span)
    return tuple(merged)


def proof_of(span: CountedSpan, differences: Mapping[int, int]) -> str:
    """Say what was compared in a matching span.

    Args:
        span: its `stored` includes the expected differences.
        differences: by minute, how many more messages history counts than the store can hold.
    """
    expected = [n for minute, n in differences.items() if span.start <= minute < span.end]
    if not any(expected):
        messages = plural(span.total, "message is", "messages are")
        return f"{messages} stored, as many as history counts"
    messages = plural(span.stored - sum(expected), "message is", "messages are")
    return f"{messages} stored and history counts {span.total:,}: reading it again brought no other"
