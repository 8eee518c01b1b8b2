"""What the picture `alerts` says and draws of configured rules: a lane for each, and the title."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hubbub.analyzers.alerts.judged import JudgedRule, RaisedSpan
from hubbub.charts.picture import text
from hubbub.charts.picture.scale import moment
from hubbub.language import _, ngettext, pgettext
from hubbub.language.numbers import amount
from hubbub.language.wording import duration, duration_after_in, joined

if TYPE_CHECKING:
    from hubbub.charts.graphs.alert_lanes import Span

__all__ = ["MOST", "explained_rule", "finding", "lane", "shown"]

MOST = 8  # lanes
_NAMED = 2  # rules of a title
_TICKS = 1_000_000  # of the averages of a rule, at most


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


def finding(  # noqa: PLR0911 - one for each form
    rules: Sequence[JudgedRule], until: datetime, *, year: bool
) -> str:
    """State how many alerts there were, by rule, and in which time one could be raised.

    Args:
        rules: the configured ones, over the range.
        until: the end of the range.
        year: whether dates need the year.
    """
    judged = [rule for rule in rules if rule.judged_since is not None]
    since = [rule.judged_since for rule in judged if rule.judged_since is not None]
    if not judged:
        return ngettext(
            "No alert could be raised: the rule needs more history",
            "No alert could be raised: the rules need more history",
            len(rules),
        )
    spans = [span for rule in judged for span in rule.spans]
    still = sum(span.end is None for span in spans)
    if not spans:
        length = duration_after_in(until - max(since))
        if len(judged) < len(rules):
            return _(
                "No alert of the {n} of {all} rules that could be judged in {length}",
                n=len(judged),
                all=len(rules),
                length=length,
            )
        if len(judged) > 1:
            return _("No alert of {n} rules in {length}", n=len(judged), length=length)
        name = text.in_title(judged[0].name)
        return _("No alert of the rule {name} in {length}", name=name, length=length)
    length = duration_after_in(until - min(since))
    if len(spans) == 1:
        rule = next(rule for rule in judged if rule.spans)
        facts = {
            "length": length,
            "name": text.in_title(rule.name),
            "when": moment(spans[0].start, year=year),
        }
        if still:
            return _("One alert in {length}: {name}, from {when}, still on", **facts)
        return _("One alert in {length}: {name}, from {when}", **facts)
    raised = sorted((rule for rule in judged if rule.spans), key=lambda rule: -len(rule.spans))
    named = len(raised) if len(raised) <= _NAMED + 1 else _NAMED
    parts = [
        _("{n} of {name}", n=amount(len(rule.spans)), name=text.in_title(rule.name))
        for rule in raised[:named]
    ]
    if rest := sum(len(rule.spans) for rule in raised[named:]):
        parts.append(_("{n} of {rules} other rules", n=amount(rest), rules=len(raised) - named))
    facts = {"n": amount(len(spans)), "length": length, "parts": joined(parts)}
    if still:
        return ngettext(
            "{n} alerts in {length}: {parts}; one still on",
            "{n} alerts in {length}: {parts}; {still} still on",
            still,
            still=amount(still),
            **facts,
        )
    return _("{n} alerts in {length}: {parts}", **facts)


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
        return (pgettext("alert", "on"),) if still else (length,)
    many = _subjects(rule.per, subjects)
    if still:
        return _("{subjects}, on", subjects=many), many
    return _("{subjects}, {length}", subjects=many, length=length), many


def _subjects(per: str, n: int) -> str:
    """State how many topics, categories or people had an alert."""
    if per == "topic":
        return ngettext("{n} topic", "{n} topics", n)
    if per == "category":
        return ngettext("{n} category", "{n} categories", n)
    if per == "user":
        return ngettext("{n} person", "{n} people", n)
    return ngettext("{n} subject", "{n} subjects", n)
