"""The view `coverage`: the times of which the store provably holds all messages, by source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hubbub.analyzers.activity.coverage import NOT_ESTIMATED
from hubbub.charts.chart import Chart
from hubbub.charts.picture import text
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.scale import as_time
from hubbub.intervals import union
from hubbub.language import N_, _, ngettext
from hubbub.language.numbers import amount, decimal, percent
from hubbub.registry import view

__all__ = ["coverage", "duration_words", "estimated", "finding"]


_LANES = 8  # sources
_FINEST = 1200  # smallest piece of a lane: this part of the width
_NOTHING = N_("Nothing is known about this range")
#: What a forge numbers, as the rules of people name it.
ITEMS = (N_("issues and pull requests"), N_("issues"), N_("merge requests"), N_("pull requests"))
_PROVEN = ("complete", "healed")
_DAY, _HOUR, _MINUTE = 86_400, 3600, 60  # seconds


def duration_words(seconds: float) -> str:
    """Format a duration: `3 days`, `1.5 hours`, `40 seconds`."""
    if (n := round(seconds / _DAY, 1)) >= 1:
        return ngettext("{n} day", "{n} days", n, n=decimal(f"{n:,g}"))
    if (n := round(seconds / _HOUR, 1)) >= 1:
        return ngettext("{n} hour", "{n} hours", n, n=decimal(f"{n:,g}"))
    if (n := round(seconds / _MINUTE, 1)) >= 1:
        return ngettext("{n} minute", "{n} minutes", n, n=decimal(f"{n:,g}"))
    n = round(seconds, 1)
    return ngettext("{n} second", "{n} seconds", n, n=decimal(f"{n:,g}"))


def finding(rows: Sequence[Mapping[str, Any]], since: datetime, until: datetime) -> str:
    """State how much of a range is proven, and the known gaps; rows do not overlap."""
    total = (until - since).total_seconds()
    sums: dict[str, float] = {}
    for row in rows:
        sums[row["state"]] = sums.get(row["state"], 0.0) + _seconds(row)
    proven = sum(sums.get(state, 0.0) for state in _PROVEN)
    gaps = sum(row["state"] == "gap" for row in rows)
    if not total or not set(sums) - {"unknown"}:
        return _(_NOTHING)
    length = duration_words(total)
    if proven >= total:
        sentence = _("All of {length} is provably complete", length=length)
        if "healed" in sums:
            missed = duration_words(sums["healed"])
            return _(
                "{sentence}; history covers {missed} that the bus missed",
                sentence=sentence,
                missed=missed,
            )
        return sentence
    if proven:
        share = percent(min(proven / total, 0.9999))
        sentence = _("{share} of {length} is provably complete", share=share, length=length)
    else:
        sentence = _("Nothing of {length} is proven", length=length)
    if gaps:
        return ngettext(
            "{sentence}; {n} gap of {lost} left to heal",
            "{sentence}; {n} gaps of {lost} left to heal",
            gaps,
            sentence=sentence,
            lost=duration_words(sums["gap"]),
        )
    return _("{sentence}; no gap is known in the rest", sentence=sentence)


def _seconds(row: Mapping[str, Any]) -> float:
    start, end = as_time(row["start"]), as_time(row["end"])
    return (end - start).total_seconds() if start and end else 0.0


def _pieces(
    rows: Sequence[Mapping[str, Any]], since: datetime, until: datetime
) -> tuple[tuple[float, float, str], ...]:
    """Return (start, end, state) at 0…1 of the width; very close pieces are merged."""
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
        for state, intervals in spans.items()
        for low, high in union(intervals)
    )


def _rank(name: str, rows: Sequence[Mapping[str, Any]]) -> tuple[bool, float, str]:
    """Sort key of sources: those with a gap first, then those that cover most time."""
    return all(row["state"] != "gap" for row in rows), -sum(map(_seconds, rows)), name


def _name(source: str, filters: str) -> str:
    """Shorten a source: `history apps.example.org`, `zmq hub.example.org:9940, category=git`."""
    kind, _, place = source.partition(":")
    rest = place.partition("://")[2] or place
    host = rest.partition("/")[0] or rest
    return text.clean(f"{kind} {host}".rstrip() + (f", {filters}" if filters else ""), 80)


def _note(rows: Sequence[Mapping[str, Any]], total: float) -> str:
    """Return the share of the range that is proven, as a label."""
    proven = sum(_seconds(row) for row in rows if row["state"] in _PROVEN) / total
    return percent(1) if proven >= 1 else percent(min(proven, 0.9999)) if proven else "–"


def estimated(repositories: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """State the estimate for the repository that misses most: a title, and a part of a subtitle."""
    if not repositories:
        return "", ""
    worst = repositories[0]
    share = percent(worst["opened"] / (worst["opened"] + worst["missed"]))
    opened = {
        "share": share,
        "items": _(worst["numbers"]),
        "repository": text.clean(worst["repository"].partition("/")[2], 40),
    }
    title = _("An estimated {share} of the {items} that {repository} opened are here", **opened)
    opened |= {"first": amount(worst["first"]), "last": amount(worst["last"])}
    if len(repositories) > 1:
        return title, _(
            "estimated from numbers {first}–{last}: {share} of the {items} that {repository} "
            "opened (one of {n} repositories)",
            n=amount(len(repositories)),
            **opened,
        )
    return title, _(
        "estimated from numbers {first}–{last}: {share} of the {items} that {repository} opened",
        **opened,
    )


@view(names_people=False)
def coverage(
    query: Any, chart: Chart, ledger: Sequence[Any], since: datetime, until: datetime
) -> Drawing:
    """Of which times the store provably holds everything, by source; gaps, and what was healed."""
    from hubbub.charts.graphs.common import height_of, time_axis
    from hubbub.charts.graphs.lanes import Lane, LanePlan, Lanes
    from hubbub.charts.picture.canvas import draw

    result = query.coverage(since=since, until=until)
    combined = query.coverage(since=since, until=until, per="stretch").data
    total = (until - since).total_seconds()
    sources: dict[str, list[Mapping[str, Any]]] = {}
    for row in result.data:
        sources.setdefault(_name(row["source"], row["filters"]), []).append(row)
    shown = sorted(sources, key=lambda name: _rank(name, sources[name]))[:_LANES]
    rows = [(_("all together"), combined), *((name, sources[name]) for name in sorted(shown))]
    lanes = tuple(Lane(n, _pieces(r, since, until), _note(r, total)) for n, r in rows if total)
    subtitle = _("What is known of each moment, by source, and how much is proven")
    if len(shown) < len(sources):
        parts = {"shown": len(shown), "all": len(sources)}
        subtitle = _("{subtitle}; {shown} of {all} sources", subtitle=subtitle, **parts)
    title = finding(combined, since, until)
    proof = title != _(_NOTHING)
    if not proof and result.events:
        title = ngettext(
            "Completeness unknown: {n} message is stored",
            "Completeness unknown: {n} messages are stored",
            result.events,
        )
    estimate, details = "", ""
    if not any(result.parameters.get(name) for name in NOT_ESTIMATED):
        repositories = query.coverage(since=since, until=until, per="repository").data
        estimate, details = estimated(repositories)
    if details:
        subtitle += f"; {details}"
    page = chart.sheet(
        result,
        finding=estimate if estimate and not proof else title,
        subtitle=subtitle,
        empty=_("The ledger of coverage says nothing about this range"),
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
