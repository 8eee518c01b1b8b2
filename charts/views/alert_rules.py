"""What the picture `alerts` says and draws of configured rules: a lane for each, and the title."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hubbub.analyzers.alerts.judged import JudgedRule, RaisedSpan
from hubbub.charts.picture import text
from hubbub.charts.picture.scale import moment
from hubbub.language.wording import duration, joined

if TYPE_CHECKING:
    from hubbub.charts.graphs.alert_lanes import Span

__all__ = ["MOST", "explained_rule", "finding", "lane", "shown"]

MOST = 8  # lanes
_NAMED = 2  # rules of a title
_TICKS = 1_000_000  # of the averages of a rule, at most
_MANY = {"topic": "topics", "category": "categories", "user": "people"}


def shown(rules: Sequence[JudgedRule]) -> list[JudgedRule]:
    """Return the rules that get a lane: all, or those with alerts and the first of the others."""
    if len(rules) <= MOST:
        return list(rules)
    chosen = sorted(rules, key=lambda rule: not rule.spans)[:MOST]
    return [rule for rule in rules if rule in chosen]


def explained_rule(rules: Sequence[JudgedRule], length: timedelta) -> int | None:
    """Return the index of the first rule whose averages can be drawn; None: of none.

    Args:
        rules: that get a lane.
        length: of the range.
    """
    for i, rule in enumerate(rules):
        if rule.averages is not None and length / rule.averages.resolution <= _TICKS:
            return i
    return None


def finding(rules: Sequence[JudgedRule], until: datetime, *, year: bool) -> str:
    """State how many alerts there were, by rule, and in which time one could be raised.

    Args:
        rules: the configured ones, over the range.
        until: the end of the range.
        year: whether dates need the year.
    """
    judged = [rule for rule in rules if rule.judged_since is not None]
    since = [rule.judged_since for rule in judged if rule.judged_since is not None]
    if not judged:
        one = len(rules) == 1
        return (
            f"No alert could be raised: the rule{'' if one else 's'} need{'s' if one else ''} "
            "more history"
        )
    spans = [span for rule in judged for span in rule.spans]
    still = sum(span.end is None for span in spans)
    if not spans:
        what = f"the rule {text.in_title(judged[0].name)}"
        if len(judged) > 1:
            what = f"{len(judged)} rules"
        if len(judged) < len(rules):
            what = f"the {len(judged)} of {len(rules)} rules that could be judged"
        return f"No alert of {what} in {duration(until - max(since))}"
    length = duration(until - min(since))
    if len(spans) == 1:
        rule = next(rule for rule in judged if rule.spans)
        when = moment(spans[0].start, year=year)
        name = text.in_title(rule.name)
        return f"One alert in {length}: {name}, from {when}{', still on' if still else ''}"
    raised = sorted((rule for rule in judged if rule.spans), key=lambda rule: -len(rule.spans))
    named = len(raised) if len(raised) <= _NAMED + 1 else _NAMED
    parts = [f"{len(rule.spans):,} of {text.in_title(rule.name)}" for rule in raised[:named]]
    if rest := sum(len(rule.spans) for rule in raised[named:]):
        parts.append(f"{rest:,} of {len(raised) - named} other rules")
    on = "" if not still else f"; {'one' if still == 1 else f'{still:,}'} still on"
    return f"{len(spans):,} alerts in {length}: {joined(parts)}{on}"


def lane(rule: JudgedRule, first: datetime, last: datetime) -> tuple[Span, ...]:
    """Return the lane of a rule; alerts of several subjects that overlap are one bar.

    Args:
        rule: over the range.
        first: the time at the left end of the picture.
        last: that at the right end.
    """
    from hubbub.charts.graphs.alert_lanes import Span

    whole = (last - first) or timedelta(microseconds=1)

    def place(when: datetime) -> float:
        return min(max((when - first) / whole, 0.0), 1.0)

    return tuple(
        Span(
            place(group[0].start),
            max(place(span.end or last) for span in group),
            _says(rule, group, last),
            any(span.end is None for span in group),
        )
        for group in _overlapping(rule.spans, last)
    )


def _overlapping(spans: Sequence[RaisedSpan], last: datetime) -> list[list[RaisedSpan]]:
    groups: list[list[RaisedSpan]] = []
    end = None
    for span in spans:
        stop = span.end or last
        if end is None or span.start > end:
            groups.append([span])
            end = stop
        else:
            groups[-1].append(span)
            end = max(end, stop)
    return groups


def _says(rule: JudgedRule, group: Sequence[RaisedSpan], last: datetime) -> tuple[str, ...]:
    """Return labels from long to short."""
    subjects = len({span.subject for span in group})
    length = duration(max(span.end or last for span in group) - group[0].start)
    still = any(span.end is None for span in group)
    if subjects == 1:
        return ("on",) if still else (length,)
    many = f"{subjects:,} {_MANY.get(rule.per, 'subjects')}"
    return (f"{many}, on", many) if still else (f"{many}, {length}", many)
