"""The rules of a configuration over a range, for the picture `alerts`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hubbub.analyzers.alerts.judged import Averages, JudgedRule, JudgedRules, RaisedSpan
from hubbub.store.query.selection import FILTERS
from hubbub.store.state.alerts import RAISED, NewChange
from hubbub.times import from_micros, to_micros

if TYPE_CHECKING:
    from datetime import datetime

    from hubbub.config import Config
    from hubbub.live.alerts.replay import Replayed
    from hubbub.live.alerts.rules import AlertRule
    from hubbub.store import Store

__all__ = ["judged_rules"]


def judged_rules(config: Config) -> JudgedRules | None:
    """Return a function that judges the rules of a configuration; None where there is none.

    Private rules are left out: pictures are for everybody.

    Raises:
        UsageError: a rule is not valid.
    """
    if not config.alerts:
        return None
    from hubbub.live.alerts.runner import Alerting

    alerting = Alerting.of(config)
    rules = [rule for rule in alerting.rules if not rule.private]

    def judge(store: Store, since: datetime, until: datetime) -> Sequence[JudgedRule]:
        from hubbub.live.alerts.judge import Judge
        from hubbub.live.alerts.replay import replay

        start, end = to_micros(since), to_micros(until)
        judge = Judge(store, end, alerting.base)
        return [_judged(replay(judge, rule, start, end)) for rule in rules]

    return judge


def _judged(replayed: Replayed) -> JudgedRule:
    rule, since = replayed.rule, replayed.judged_since
    return JudgedRule(
        name=rule.name,
        per=rule.per,
        averages=_averages(rule),
        judged_since=None if since is None else from_micros(since),
        spans=_spans(replayed.changes),
    )


def _averages(rule: AlertRule) -> Averages | None:
    unfiltered = not any(getattr(rule.filters, name) for name in FILTERS)
    if rule.measure not in {"messages", "bytes"} or rule.per != "none" or not unfiltered:
        return None
    return Averages(rule.measure, rule.short, rule.long, float(rule.threshold), rule.resolution)


def _spans(changes: Sequence[NewChange]) -> tuple[RaisedSpan, ...]:
    numbers: dict[str, int] = {}
    on: dict[str, NewChange] = {}
    spans = []
    for change in changes:
        number = numbers.setdefault(change.subject, len(numbers))
        if change.state == RAISED:
            on[change.subject] = change
        elif (raised := on.pop(change.subject, None)) is not None:
            spans.append(RaisedSpan(from_micros(raised.time), from_micros(change.time), number))
    spans += [
        RaisedSpan(from_micros(raised.time), None, numbers[subject])
        for subject, raised in on.items()
    ]
    return tuple(sorted(spans, key=lambda span: (span.start, span.subject)))
