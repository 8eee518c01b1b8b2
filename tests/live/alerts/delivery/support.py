"""Alerts that were raised, and a sender that records what it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hubbub.config import AlertConfig
from hubbub.live.alerts.delivery.channels import Channel
from hubbub.live.alerts.delivery.message import Wording
from hubbub.live.alerts.delivery.notifier import Notifier, Notify
from hubbub.live.alerts.delivery.sender import Outcome
from hubbub.live.alerts.rules import read_rules
from hubbub.store import Store
from hubbub.store.state import alerts
from hubbub.store.state.alerts import Change, NewChange

SECOND = 1_000_000
START = 1_796_000_000 * SECOND
ADDRESS = "https://stats.example.org/hubbub"


@dataclass
class Recorder:
    """A sender.

    Attributes:
        outcomes: of the next messages; then all are sent.
        sent: channel's address, title and body of every attempt.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    sent: list[tuple[str, str, str]] = field(default_factory=list)

    def send(self, url: str, title: str, body: str) -> Outcome:
        self.sent.append((url, title, body))
        return self.outcomes.pop(0) if self.outcomes else Outcome("sent")

    def idle(self) -> None:
        pass

    def close(self) -> None:
        pass


class Bench:
    """A store with rules and channels, a notifier and a clock.

    Args:
        store: open.
        channels: besides `team`.
        rules: tables `[[alerts]]`.
    """

    def __init__(self, store: Store, *channels: Channel, rules: Sequence[AlertConfig] = ()) -> None:
        self.store, self.now, self.sender = store, START, Recorder()
        known = (Channel("team", "team"), *channels)
        self.settings = Notify(
            {channel.name: channel for channel in known},
            {rule.name: rule for rule in read_rules(rules)},
            Wording(ADDRESS),
        )
        self.notifier = Notifier(self.settings, self.sender, lambda: self.now)

    def change(
        self, state: str = "raised", *channels: str, rule: str = "busy", **values: Any
    ) -> Change:
        """Record a change, as the evaluation of rules does."""
        facts: dict[str, Any] = {
            "subject": "", "time": self.now, "detected": self.now, "measured": 3.0,
            "expected": 1.0, "measure": "messages", "per": "none",
        }  # fmt: skip
        new = NewChange(rule=rule, state=state, **facts | values)
        [change] = alerts.apply(self.store.state, rule, [(new, channels or ("team",))], {})
        return change

    def after(self, seconds: float) -> list[str]:
        """Let time pass and a round be done; return the titles of what was sent in it."""
        self.now += round(seconds * SECOND)
        before = len(self.sender.sent)
        self.notifier.round(self.store)
        return [title for _, title, _ in self.sender.sent[before:]]

    def statuses(self) -> list[str]:
        """Return the status of every notification, in the order of changes."""
        rows = self.store.state.rows(
            "SELECT status FROM alert_notifications ORDER BY change, channel"
        )
        return [status for (status,) in rows]

    @property
    def last_body(self) -> str:
        """The body of the last message."""
        return self.sender.sent[-1][2]
