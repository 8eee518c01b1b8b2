"""What rules measure now: to check a rule before it is relied on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubbub.live.alerts.evaluate import Measured
from hubbub.store.state.alerts import ENDED, RAISED, NewChange

if TYPE_CHECKING:
    from hubbub.live.alerts.judge import Judge
    from hubbub.live.alerts.rules import AlertRule

__all__ = ["Reading", "readings"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one subject of a rule has at the last whole tick.

    Attributes:
        subject: topic, category or account; empty for the whole bus.
        holds: whether the condition holds; None: it cannot be judged.
        value: what is measured; None: nothing can be.
        time: the end of the tick, µs.
    """

    subject: str
    holds: bool | None
    value: Measured | None
    time: int

    def change(self, rule: AlertRule) -> NewChange:
        """Return it as a change, to be put into words."""
        value = self.value or Measured(None, None)
        return NewChange(
            rule=rule.name,
            subject=self.subject,
            state=RAISED if self.holds or rule.measure == "silence" else ENDED,
            time=self.time,
            detected=self.time,
            measured=value.measured,
            expected=value.expected,
            measure=rule.measure,
            per=rule.per,
            details=dict(value.details),
        )

    @property
    def ratio(self) -> float:
        """How close it is to its limit, to sort by."""
        if self.value is None or self.value.measured is None:
            return -1.0
        return self.value.measured / self.value.expected if self.value.expected else 0.0


def readings(judge: Judge, rule: AlertRule, now: int) -> list[Reading]:
    """Return what the rule measures of every subject now, those nearest to an alert first.

    Args:
        judge: of the store.
        rule: the rule.
        now: µs since the epoch.
    """
    tick = now // rule.tick - 1
    if judge.past.oldest is None or tick < judge.past.oldest // rule.tick:
        return []
    found = []
    for subject, series in judge.series(rule, tick, tick + 1, [""] if rule.per == "none" else []):
        holds = series.runs[-1].holds if series.runs else None
        measured = bool(series.runs) and (holds is not None or rule.measure == "silence")
        value = series.at(tick) if measured else None
        found.append(Reading(subject, holds, value, (tick + 1) * rule.tick))
    return sorted(found, key=lambda each: (not each.holds, -each.ratio, each.subject))
