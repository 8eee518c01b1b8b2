"""What became of notifications of alerts, read from the state file.

They are written where changes are recorded (`alerts`) and sent (`hubbub.live.alerts.delivery`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from hubbub.store.state.database import State

__all__ = ["STATUSES", "Notification", "counts", "of_changes", "troubled"]

#: `unsure`: it may have been sent; `failed`: given up; `silenced`: held back by a silence;
#: `withheld`: the channel may not see it, or is not configured.
STATUSES = ("pending", "sending", "sent", "unsure", "failed", "silenced", "withheld")
_COLUMNS = "change, channel, status, attempts, next_attempt, last_error, sent_at, silence"


@dataclass(frozen=True, slots=True)
class Notification:
    """A change of an alert for one channel; times are in µs since the epoch.

    Attributes:
        change: its number.
        channel: name of the channel.
        status: one of `STATUSES`.
        attempts: how often it was tried.
        next_attempt: when it is tried again; None: at the next opportunity, or never.
        error: why it was not sent; without secrets.
        sent_at: when it was sent.
        silence: number of the silence that held it back.
    """

    change: int
    channel: str
    status: str
    attempts: int
    next_attempt: int | None
    error: str | None
    sent_at: int | None
    silence: int | None

    @property
    def summary(self) -> str:
        """`team: sent`; of what was not sent with the number of attempts and the reason."""
        facts = [f"{self.attempts} attempts"] if self.attempts > 1 else []
        if self.error and self.status != "sent":
            facts.append(self.error)
        return f"{self.channel}: {self.status}" + (f" ({', '.join(facts)})" if facts else "")


def counts(state: State) -> dict[str, int]:
    """Return how many notifications have each status."""
    found = dict(state.rows("SELECT status, count(*) FROM alert_notifications GROUP BY status"))
    return {status: found.get(status, 0) for status in STATUSES}


def of_changes(state: State, numbers: Iterable[int]) -> dict[int, list[Notification]]:
    """Return the notifications of changes by number, sorted by channel."""
    found: dict[int, list[Notification]] = {}
    for row in state.rows(
        f"SELECT {_COLUMNS} FROM alert_notifications"  # noqa: S608 - a constant
        " WHERE change IN (SELECT value FROM json_each(?)) ORDER BY change, channel",
        json.dumps(list(numbers)),
    ):
        found.setdefault(row[0], []).append(Notification(*row))
    return found


def troubled(state: State, since: int) -> list[Notification]:
    """Return what is being retried, and what was not, or perhaps not, sent since a time (µs)."""
    rows = state.rows(
        f"SELECT {_COLUMNS} FROM alert_notifications"  # noqa: S608 - a constant
        " WHERE status = 'pending' AND attempts > 0 OR status IN ('failed', 'unsure') AND"
        " change IN (SELECT number FROM alert_changes WHERE detected >= ?)"
        " ORDER BY change, channel",
        since,
    )
    return [Notification(*row) for row in rows]
