"""Does the store hold as many messages as history counts? Bisected where it does not.

Comes in: a window of whole minutes, and both counts. Goes out: the spans whose counts agree, and
small ones whose counts do not, which are worth reading. It writes nothing and reads no message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["MINUTE", "Audit", "Part", "audit"]

MINUTE = 60  # s; finer is not counted
_PAGE = 100  # messages that one request brings
_COUNTS = 8  # requests that it takes to find one message, at about


@dataclass(frozen=True, slots=True)
class Part:
    """[start, end) in seconds; messages that history counts, and that are stored."""

    start: int
    end: int
    total: int
    stored: int


@dataclass(frozen=True, slots=True)
class Audit:
    """What a comparison found."""

    agreed: tuple[Part, ...]  # by start, without neighbours
    wrong: tuple[Part, ...]


def audit(
    total: Callable[[int, int], int],
    stored: Callable[[int, int], int],
    start: int,
    end: int,
    *,
    read: Callable[[int, int], bool] = lambda *_: False,
    stop: Callable[[], bool] = lambda: False,
) -> Audit:
    """Compare [start, end), seconds at whole minutes.

    A part is not bisected any further where reading it costs no more than finding out.

    Args:
        total: messages of [start, end) as history counts; a request.
        stored: messages of [start, end) in the store.
        start: second.
        end: second.
        read: whether something of [start, end) was read already, and the counts differ all the
            same: then the minute is looked for.
        stop: asked before each request; True ends early, with what is known by then.
    """
    agreed: list[Part] = []
    wrong: list[Part] = []
    parts: list[tuple[int, int, int | None]] = [(start, end, None)] if start < end else []
    while parts and not stop():
        a, b, known = parts.pop()
        part = Part(a, b, total(a, b) if known is None else known, stored(a, b))
        missing = abs(part.total - part.stored)
        if not missing:
            agreed.append(part)
        elif b - a <= MINUTE or (part.total <= _PAGE * _COUNTS * missing and not read(a, b)):
            wrong.append(part)
        else:
            middle = a + (b - a) // (2 * MINUTE) * MINUTE
            middle = middle if middle > a else a + MINUTE
            left = total(a, middle)
            # the rest follows from the two, but for messages that came between the requests
            parts += [(middle, b, part.total - left), (a, middle, left)]
    return Audit(_joined(agreed), tuple(wrong))


def _joined(parts: list[Part]) -> tuple[Part, ...]:
    out: list[Part] = []
    for part in sorted(parts, key=lambda one: one.start):
        last = out[-1] if out else None
        if last is not None and last.end == part.start:
            total, stored = last.total + part.total, last.stored + part.stored
            out[-1] = Part(last.start, part.end, total, stored)
        else:
            out.append(part)
    return tuple(out)
