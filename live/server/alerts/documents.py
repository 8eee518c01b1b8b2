"""Alerts as JSON-ready data, for those who ask: the documents of `/alerts`, and frames of `/live`.

Who may not see names of people sees neither private alerts nor the authors of silences, and
`a person` instead of an account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubbub.formats.tables import clean
from hubbub.live.alerts.board import board
from hubbub.live.alerts.wording import Shown, shown, visible
from hubbub.store.state import alerts, notifications, silences
from hubbub.times import from_micros
from hubbub.zones import Zone

if TYPE_CHECKING:
    from hubbub.live.alerts.rules import AlertRule
    from hubbub.store import Store
    from hubbub.store.state.alerts import Change
    from hubbub.store.state.database import State
    from hubbub.store.state.silences import Silence

__all__ = ["Asked", "alert_document", "alerts_document", "frame_alerts", "frame_field"]

_SILENCES = 50
_FRAME_OPEN, _FRAME_CHANGES = 20, 10
_DAY = 86_400_000_000  # µs
_HIDDEN = "a person"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for, and by whom.

    Attributes:
        names: whether names of people may be seen.
        zone: in which times are written.
        since: µs of event time; None: from the first change.
        until: µs of event time, exclusive; None: to the last one.
        rule: only of this one; empty: of all.
        limit: changes of the history at most.
    """

    names: bool
    zone: Zone
    since: int | None = None
    until: int | None = None
    rule: str = ""
    limit: int = 100

    def time(self, micros: int) -> str:
        """Return a time as text."""
        return self.zone.iso(from_micros(micros))


def alerts_document(
    state: State, rules: Sequence[AlertRule], asked: Asked, now: int
) -> dict[str, Any]:
    """Return everything: `rules`, `open`, `history` and `silences`.

    Args:
        state: of the store.
        rules: as configured.
        asked: by whom, and of which range.
        now: µs since the epoch.
    """
    chosen = [rule for rule in rules if asked.rule in {"", rule.name}]
    seen = board(
        state,
        names=asked.names,
        since=asked.since,
        until=asked.until,
        rules=[asked.rule] if asked.rule else None,
        limit=asked.limit,
    )
    on: dict[str, int] = {}
    for change in seen.open:
        on[change.rule] = on.get(change.rule, 0) + 1
    return {
        "rules": [
            {
                "name": rule.name,
                "measure": rule.measure,
                "per": rule.per,
                "sentence": rule.sentence(),
                "open": on.get(rule.name, 0),
            }
            for rule in chosen
            if asked.names or not rule.private
        ],
        "open": [_change(change, asked) for change in seen.open],
        "history": [_change(change, asked) for change in seen.changes],
        "silences": [
            _silence(silence, rules, asked, now)
            for silence in silences.listed(state)[:_SILENCES]
            if asked.rule in {"", silence.rule} or not silence.rule
        ],
    }


def alert_document(state: State, change: Change, asked: Asked) -> dict[str, Any]:
    """Return one alert: the change, its counterpart, and what became of its notifications.

    Args:
        state: of the store.
        change: which the one who asks may see.
        asked: by whom.
    """
    document = _change(_seen(change, asked), asked)
    other = alerts.counterpart(state, change)
    document |= {
        "measured": change.measured,
        "expected": change.expected,
        "measure": change.measure,
        "detected": asked.time(change.detected),
        "counterpart": None if other is None else _change(_seen(other, asked), asked),
    }
    if asked.names:
        document["notifications"] = [
            {
                "channel": sent.channel,
                "status": sent.status,
                "attempts": sent.attempts,
                "sent": None if sent.sent_at is None else asked.time(sent.sent_at),
                "why": sent.error,
                "silence": sent.silence,
            }
            for sent in notifications.of_changes(state, [change.number]).get(change.number, ())
        ]
    return document


def frame_field(store: Store, now: int, names: bool) -> dict[str, Any]:  # noqa: FBT001 - a Report
    """Return the field `alerts` of frames: what is on, and what changed within a day.

    `open` is the oldest first, at most 20; `more` is the number of others; `changes` is the newest
    first, at most 10. Each has `number`, `state`, `rule`, `subject`, `time` (ms) and `text`.
    """
    seen = board(store.state, names=names, since=now - _DAY, limit=_FRAME_CHANGES)
    return frame_alerts(seen.open, seen.changes)


def frame_alerts(opened: Sequence[Shown], changes: Sequence[Shown]) -> dict[str, Any]:
    """Return the field for these alerts.

    Args:
        opened: that are on, the oldest first.
        changes: the newest first.
    """

    def of(found: Sequence[Shown]) -> list[dict[str, Any]]:
        return [
            {
                "number": each.number,
                "state": each.state,
                "rule": each.rule,
                "subject": each.subject,
                "time": each.time // 1000,
                "text": each.text,
            }
            for each in found
        ]

    return {
        "open": of(opened[:_FRAME_OPEN]),
        "more": max(0, len(opened) - _FRAME_OPEN),
        "changes": of(changes[:_FRAME_CHANGES]),
    }


def _seen(change: Change, asked: Asked) -> Shown:
    assert visible(change, names=asked.names)
    return shown(change, number=change.number, names=asked.names)


def _change(change: Shown, asked: Asked) -> dict[str, Any]:
    return {
        "number": change.number,
        "time": asked.time(change.time),
        "state": change.state,
        "rule": change.rule,
        "subject": change.subject,
        "text": change.text,
    }


def _silence(
    silence: Silence, rules: Sequence[AlertRule], asked: Asked, now: int
) -> dict[str, Any]:
    private = {rule.name for rule in rules if rule.per == "user"}
    # of a rule that does not exist any more it is not known whether it was about people
    known = silence.rule in {rule.name for rule in rules} - private
    subject = clean(silence.subject)
    if subject and not asked.names and not known:
        subject = _HIDDEN
    document = {
        "number": silence.number,
        "rule": clean(silence.rule),
        "subject": subject,
        "from": asked.time(silence.starts),
        "until": asked.time(silence.ends),
        "active": silence.active(now),
        "suppressed": silence.suppressed,
    }
    if asked.names:
        document |= {"author": clean(silence.author), "reason": clean(silence.reason)}
    return document
