"""Run rules over the past: what would have been alerted, and how many messages that would be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from hubbub.live.alerts.delivery.outbox import FLOOD
from hubbub.live.alerts.judge import Judge
from hubbub.live.alerts.runner import new_change
from hubbub.live.alerts.silence import learning
from hubbub.store.state.alerts import RAISED, NewChange

if TYPE_CHECKING:
    from hubbub.live.alerts.rules import AlertRule

__all__ = ["Replayed", "messages", "replay"]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a rule would have done in a range.

    Attributes:
        rule: the rule.
        changes: in the order of time.
        judged_since: the end of the first tick that could be judged, µs; None: none could.
    """

    rule: AlertRule
    changes: tuple[NewChange, ...]
    judged_since: int | None

    @property
    def raised(self) -> int:
        """How many alerts were raised."""
        return sum(change.state == RAISED for change in self.changes)


def replay(judge: Judge, rule: AlertRule, since: int, until: int) -> Replayed:
    """Run a rule over a range; what was on before it is not known, and raised at its beginning.

    Args:
        judge: of the store.
        rule: the rule.
        since: µs since the epoch; the first tick is the one that contains it.
        until: µs since the epoch; the last tick is the one that contains the time before it, if
            that tick is over.
    """
    start, end = since // rule.tick, min(-(-until // rule.tick), judge.now // rule.tick)
    judged = judge.judge(rule, start, end, {})
    changes = tuple(
        new_change(rule, subject, change, (change.tick + 1) * rule.tick)
        for subject, change in judged.changes
    )
    return Replayed(rule, changes, _judged_since(judge, rule, start, end))


def _judged_since(judge: Judge, rule: AlertRule, start: int, end: int) -> int | None:
    if judge.past.oldest is None:
        return None
    needed = {"silence": learning(rule), "coverage": rule.short - 1, "overload": 0}
    first = judge.past.oldest // rule.tick + needed.get(rule.measure, rule.short + rule.long)
    first = max(first, start)
    return (first + 1) * rule.tick if first < end else None


def messages(
    replayed: Iterable[Replayed], owners: Mapping[str, str | None] | None = None
) -> dict[str, int]:
    """Return how many messages each channel would have got; a rule without a channel has one: "".

    As in delivery, what a rule collects is one message, and so are more than a few changes at once.
    Private alerts are sent to a channel of the person concerned only.

    Args:
        replayed: of all rules.
        owners: channel → whose own it is; None: of no person.
    """
    at_once: dict[str, list[int]] = {}
    totals: Counter[str] = Counter()
    for each in replayed:
        for channel in each.rule.notify or ("",):
            owner = (owners or {}).get(channel)
            times = [c.time for c in each.changes if not c.private or c.subject == owner]
            if each.rule.private and not channel:
                times = [change.time for change in each.changes]
            if each.rule.digest is None:
                at_once.setdefault(channel, []).extend(times)
            else:
                totals[channel] += _digests(times, round(each.rule.digest.total_seconds() * 1e6))
    for channel, times in at_once.items():
        for _, group in groupby(sorted(times)):
            number = len(list(group))
            totals[channel] += 1 if number > FLOOD else number
    return {channel: totals[channel] for channel in sorted({*totals, *at_once})}


def _digests(times: Sequence[int], length: int) -> int:
    number, until = 0, None
    for time in sorted(times):
        if until is None or time >= until:
            number, until = number + 1, time + length
    return number
