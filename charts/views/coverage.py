"""The view `coverage`: of which times the store provably holds everything.

Comes in: the answer of the query `coverage`. Goes out: a `Drawing`: a lane for all sources
together, and one for each source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hubbub.charts.chart import Chart
from hubbub.charts.picture import text
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.scale import as_time
from hubbub.intervals import union
from hubbub.registry import view

__all__ = ["coverage", "finding", "lasting"]

_LANES = 8  # sources
_FINEST = 1200  # pieces of the width that are told apart
_PROVEN = ("complete", "healed")
_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def lasting(seconds: float) -> str:
    """`3 days`, `1.5 hours`, `40 seconds`: one unit, at most one decimal."""
    for length, unit in _UNITS:
        n = round(seconds / length, 1)
        if n >= 1 or length == 1:
            return f"{n:,g} {unit}{'' if n == 1 else 's'}"
    raise AssertionError


def finding(together: Sequence[Mapping[str, Any]], since: datetime, until: datetime) -> str:
    """How much is proven, and what is known to be missing."""
    total = (until - since).total_seconds()
    sums: dict[str, float] = {}
    for one in together:
        sums[one["state"]] = sums.get(one["state"], 0.0) + _seconds(one)
    proven = sum(sums.get(state, 0.0) for state in _PROVEN)
    gaps = sum(one["state"] == "gap" for one in together)
    if not total or not set(sums) - {"unknown"}:
        return "Nothing is known about this range"
    if proven >= total:
        healed = (
            f", {lasting(sums['healed'])} of it healed from history" if "healed" in sums else ""
        )
        return f"All of {lasting(total)} is provably complete{healed}"
    share = text.percent(min(proven / total, 0.9999))
    said = f"{share} of {lasting(total)} is provably complete"
    if not proven:
        said = f"Nothing of {lasting(total)} is proven"
    if gaps:
        return f"{said}; {text.plural(gaps, 'gap')} of {lasting(sums['gap'])} left to heal"
    return f"{said}; no gap is known in the rest"


def _seconds(one: Mapping[str, Any]) -> float:
    start, end = as_time(one["start"]), as_time(one["end"])
    return (end - start).total_seconds() if start and end else 0.0


def _pieces(
    rows: Sequence[Mapping[str, Any]], since: datetime, until: datetime
) -> tuple[tuple[float, float, str], ...]:
    """(start, end, state) at 0…1, what the eye cannot tell apart as one."""
    length = (until - since).total_seconds()
    spans: dict[str, list[tuple[int, int]]] = {}
    for row in rows:
        start, end = as_time(row["start"]), as_time(row["end"])
        if row["state"] == "unknown" or start is None or end is None:
            continue
        low = int(_FINEST * (start - since).total_seconds() / length)
        high = -int(-_FINEST * (end - since).total_seconds() // length)
        spans.setdefault(row["state"], []).append((low, max(high, low + 1)))
    return tuple(
        (low / _FINEST, high / _FINEST, state)
        for state, found in spans.items()
        for low, high in union(found)
    )


def _weight(name: str, rows: Sequence[Mapping[str, Any]]) -> tuple[bool, float, str]:
    """What has a gap is shown first, then what lasts longest."""
    return all(row["state"] != "gap" for row in rows), -sum(map(_seconds, rows)), name


def _name(source: str, filters: str) -> str:
    """`history apps.example.org`, `zmq hub.example.org:9940, category=git`."""
    kind, _, place = source.partition(":")
    rest = place.partition("://")[2] or place
    host = rest.partition("/")[0] or rest
    return text.clean(f"{kind} {host}".rstrip() + (f", {filters}" if filters else ""), 80)


def _note(rows: Sequence[Mapping[str, Any]], total: float) -> str:
    """How much of the range a lane proves."""
    proven = sum(_seconds(row) for row in rows if row["state"] in _PROVEN) / total
    return "100%" if proven >= 1 else text.percent(min(proven, 0.9999)) if proven else "–"


@view
def coverage(
    query: Any, chart: Chart, ledger: Sequence[Any], since: datetime, until: datetime
) -> Drawing:
    """Of which times the store provably holds everything, by source; gaps, and what was healed."""
    from hubbub.charts.graphs.common import height_of, time_axis
    from hubbub.charts.graphs.lanes import Lane, LanePlan, Lanes
    from hubbub.charts.picture.canvas import draw

    result = query.coverage(since=since, until=until)
    together = query.coverage(since=since, until=until, per="stretch").data
    total = (until - since).total_seconds()
    sources: dict[str, list[Mapping[str, Any]]] = {}
    for row in result.data:
        sources.setdefault(_name(row["source"], row["filters"]), []).append(row)
    shown = sorted(sources, key=lambda name: _weight(name, sources[name]))[:_LANES]
    rows = [("all together", together), *((name, sources[name]) for name in sorted(shown))]
    lanes = tuple(Lane(n, _pieces(r, since, until), _note(r, total)) for n, r in rows if total)
    said = "What is known of each moment, by source, and how much is proven"
    if len(shown) < len(sources):
        said += f"; {len(shown)} of {len(sources)} sources"
    page = chart.sheet(
        result,
        title="",
        finding=finding(together, since, until),
        subtitle=said,
        empty="The ledger of coverage says nothing about this range",
        height=max(250, height_of(len(lanes)) + 40),
    )
    ticks = time_axis([since, until])[1] if total else ()
    columns = ("source", "filters", "start", "end", "state", "proof")
    return draw(
        Lanes,
        page,
        LanePlan(lanes, tuple(ticks)),
        [(lane.name, [1.0]) for lane in lanes] if ledger else [],
        columns=columns,
        rows=[tuple(row[c] for c in columns) for row in result.data],
    )
