"""When the listener was deaf: times that say nothing about the traffic, by the ledger.

A time is deaf where a source that had been heard until then has a gap, for at most a day: a source
that is gone for longer has become part of how things are, as long as another is heard. It is deaf
too where no live source was heard at all, from the first time on that one was. What history has
supplied is not deaf. A store without live sources is never deaf, except in gaps of its history.

A source that is connected, and silent against its habit, is not deaf: that is what rules about
silence are for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hubbub.collector.gaps.watched import SILENT
from hubbub.intervals import subtract, union
from hubbub.store.state.ledger import CoverageSpan

__all__ = ["deaf", "known_until"]

_DAY = 86_400_000_000  # µs
_HISTORY = "history"
_PROVEN = frozenset({"complete", "healed"})


def deaf(
    spans: Iterable[CoverageSpan], since: int, until: int, *, silent: bool = False
) -> list[tuple[int, int]]:
    """Return the deaf times within [since, until), µs.

    Args:
        spans: the whole ledger.
        since: µs since the epoch.
        until: µs since the epoch.
        silent: whether a source that is silent against its habit is deaf, too.
    """
    own = list(spans)
    proven = union((s.start, s.end) for s in own if s.state in _PROVEN)
    gaps: dict[str, list[tuple[int, int]]] = {}
    for span in own:
        if _is_gap(span, silent=silent):
            gaps.setdefault(span.source, []).append((span.start, span.end))
    recent = [
        (start, min(end, start + _DAY)) for each in gaps.values() for start, end in union(each)
    ]
    heard = union((s.start, s.end) for s in _live(own) if not _is_gap(s, silent=silent))
    if heard:
        recent += subtract([(heard[0][0], max(until, heard[0][0]))], heard)
    missing = subtract(recent, proven)
    return [
        (max(start, since), min(end, until))
        for start, end in missing
        if start < until and end > since
    ]


def known_until(spans: Iterable[CoverageSpan]) -> int | None:
    """Return until when (µs) the ledger says what was heard; None: there is no live source."""
    return max((span.end for span in _live(spans)), default=None)


def _live(spans: Iterable[CoverageSpan]) -> Sequence[CoverageSpan]:
    return [span for span in spans if span.source.partition(":")[0] != _HISTORY]


def _is_gap(span: CoverageSpan, *, silent: bool) -> bool:
    return span.state == "gap" and (silent or span.proof != SILENT)
