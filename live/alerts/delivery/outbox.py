"""What is to be sent to whom, kept in the state of the store.

A notification is one change of an alert for one channel. It is `pending` until it is due; `sending`
is committed before anything is sent, so that a process that dies meanwhile leaves a trace: such a
notification becomes `unsure` and is not sent again. Other ends are `sent`, `failed` (given up),
`silenced` (held back by a silence) and `withheld` (the channel may not see it).

Nothing is sent here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hubbub.live.alerts.delivery.channels import Channel
from hubbub.store.state.alerts import COLUMNS, Change, to_change

if TYPE_CHECKING:
    import sqlite3

    from hubbub.live.alerts.rules import AlertRule
    from hubbub.store.state.database import State

__all__ = ["FLOOD", "Message", "Outbox", "Pending"]

FLOOD = 5  # messages at once to a channel; more become one summary
_MICRO = timedelta(microseconds=1)
_MOST = 5_000  # notifications that are looked at in one round
_SECOND = 1_000_000  # µs
_FIRST_PAUSE = 30 * _SECOND  # after the first failure; doubles
_LONGEST_PAUSE = 3600 * _SECOND
_GIVE_UP = 24 * 3600 * _SECOND  # after the change was due for the first time
_DUE = "status = 'pending' AND (next_attempt IS NULL OR next_attempt <= ?)"
_OF_CHANGE = ", ".join(f"c.{name}" for name in COLUMNS.split(", "))
_DIED = "the process ended while it was sending; the message may have been sent"


@dataclass(frozen=True, slots=True)
class Pending:
    """A notification that is due.

    Attributes:
        change: of the alert.
        attempts: how often it was tried before.
        timed: whether it was waited for its time: of a retry, or of the end of a digest.
        silence: number, author and end (µs since the epoch) of the silence that held it back.
    """

    change: Change
    attempts: int = 0
    timed: bool = False
    silence: tuple[int, str, int] | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent at once to a channel: one notification, or a summary of several.

    Attributes:
        channel: that it is sent to.
        items: in the order of their changes.
        digest: whether it was collected by `digest` of its rules.
    """

    channel: Channel
    items: tuple[Pending, ...]
    digest: bool = False


class Outbox:
    """The notifications of a store. One process at a time may use `recover`, `plan` and `begin`.

    Args:
        state: of the store.
        channels: by name.
        rules: by name; a change of another rule is sent without its digest.
    """

    def __init__(
        self, state: State, channels: Mapping[str, Channel], rules: Mapping[str, AlertRule]
    ) -> None:
        self._state, self._channels, self._rules = state, channels, rules

    def recover(self) -> int:
        """Mark what a process that died was sending as `unsure`; return how many there were."""
        with self._state.transaction() as db:
            found = db.execute(
                "UPDATE alert_notifications SET status = 'unsure', last_error = ?"
                " WHERE status = 'sending'",
                (_DIED,),
            )
            return found.rowcount

    def plan(self, now: int) -> list[Message]:
        """Return the messages that are due, after what is silenced or withheld was set aside.

        A channel in which a message failed waits as a whole, so that its messages keep their order.

        Args:
            now: µs since the epoch.
        """
        if not self._state.rows(
            f"SELECT 1 FROM alert_notifications WHERE {_DUE} LIMIT 1",  # noqa: S608 - a constant
            now,
        ) and not self._state.rows(
            "SELECT 1 FROM alert_silences WHERE ends <= ? AND NOT announced LIMIT 1", now
        ):
            return []
        with self._state.transaction() as db:
            _end_silences(db, now)
            due = self._due(db, now)
            ready = [entry for entry in due if self._ready(db, *entry, now)]
        return self._messages(ready)

    def begin(self, message: Message) -> bool:
        """Commit that a message is being sent; False where something of it is no longer pending."""
        keys = _keys(message)
        with self._state.transaction() as db:
            for key in keys:
                pending = db.execute(
                    "SELECT 1 FROM alert_notifications WHERE change = ? AND channel = ?"
                    " AND status = 'pending'",
                    key,
                ).fetchone()
                if pending is None:
                    return False
            db.executemany(
                "UPDATE alert_notifications SET status = 'sending', attempts = attempts + 1"
                " WHERE change = ? AND channel = ?",
                keys,
            )
        return True

    def sent(self, message: Message, now: int) -> None:
        """Commit that a message was sent."""
        self._end(message, "sent", None, now)

    def unsure(self, message: Message, why: str) -> None:
        """Commit that a message may have been sent: it is not tried again."""
        self._end(message, "unsure", f"may have been sent: {why}", None)

    def refused(self, message: Message, why: str, now: int) -> str:
        """Commit that a message was not sent; return `pending`, or `failed` if it is given up."""
        first = min(item.change.detected for item in message.items)
        if now - first >= _GIVE_UP + self._digest(message.items[0].change.rule):
            self._end(message, "failed", why, None)
            return "failed"
        attempts = min(max(item.attempts for item in message.items), 20)
        pause = min(_FIRST_PAUSE * 2**attempts, _LONGEST_PAUSE)
        with self._state.transaction() as db:
            db.executemany(
                "UPDATE alert_notifications SET status = 'pending', next_attempt = ?,"
                " last_error = ? WHERE change = ? AND channel = ?",
                [(now + pause, why, *key) for key in _keys(message)],
            )
        return "pending"

    def _end(self, message: Message, status: str, why: str | None, sent_at: int | None) -> None:
        with self._state.transaction() as db:
            db.executemany(
                "UPDATE alert_notifications SET status = ?, last_error = ?, sent_at = ?,"
                " next_attempt = NULL WHERE change = ? AND channel = ?",
                [(status, why, sent_at, *key) for key in _keys(message)],
            )

    def _due(self, db: sqlite3.Connection, now: int) -> list[tuple[str, Pending]]:
        """Return channel and notification, in the order of changes, of channels that are open."""
        rows = db.execute(
            "SELECT channel, attempts, next_attempt IS NOT NULL, s.number, s.author, s.ends,"  # noqa: S608 - constants
            f" {_OF_CHANGE} FROM alert_notifications n JOIN alert_changes c ON c.number = n.change"
            " LEFT JOIN alert_silences s ON s.number = n.silence"
            f" WHERE {_DUE} AND channel NOT IN (SELECT channel FROM alert_notifications"
            " WHERE status = 'pending' AND attempts > 0 AND next_attempt > ?)"
            " ORDER BY c.number LIMIT ?",
            (now, now, _MOST),
        ).fetchall()
        return [
            (channel, Pending(to_change(row[6:]), attempts, bool(timed), silence))
            for row in rows
            for channel, attempts, timed, *by in [row[:6]]
            for silence in [None if by[0] is None else (by[0], by[1], by[2])]
        ]

    def _ready(self, db: sqlite3.Connection, name: str, item: Pending, now: int) -> bool:
        """Whether a notification may be sent; if not, it is set aside."""
        change = item.change
        channel = self._channels.get(name)
        why = None
        if channel is None:
            why = f"there is no channel {name} in the configuration"
        elif change.private and channel.person != change.subject:
            why = "private: it is sent to a channel of the person concerned only"
        if why is not None:
            db.execute(
                "UPDATE alert_notifications SET status = 'withheld', last_error = ?,"
                " next_attempt = NULL WHERE change = ? AND channel = ?",
                (why, change.number, name),
            )
            return False
        if (silence := _silence(db, name, change, now)) is not None:
            db.execute(
                "UPDATE alert_notifications SET status = 'silenced', silence = ?,"
                " next_attempt = NULL WHERE change = ? AND channel = ?",
                (silence, change.number, name),
            )
            db.execute(
                "UPDATE alert_silences SET suppressed = suppressed + 1 WHERE number = ?",
                (silence,),
            )
            return False
        return item.timed or self._collected(db, name, change) <= now

    def _collected(self, db: sqlite3.Connection, channel: str, change: Change) -> int:
        """Return until when (µs) a notification is collected: with what its digest has already."""
        digest = self._digest(change.rule)
        if not digest:
            return change.detected
        rules = [rule for rule in self._rules if self._digest(rule) == digest]
        [(known,)] = db.execute(
            "SELECT min(next_attempt) FROM alert_notifications n JOIN alert_changes c"
            " ON c.number = n.change WHERE n.status = 'pending' AND channel = ?"
            " AND rule IN (SELECT value FROM json_each(?))",
            (channel, json.dumps(rules)),
        ).fetchall()
        until = change.detected + digest if known is None else int(known)
        db.execute(
            "UPDATE alert_notifications SET next_attempt = ? WHERE change = ? AND channel = ?",
            (until, change.number, channel),
        )
        return until

    def _messages(self, ready: Iterable[tuple[str, Pending]]) -> list[Message]:
        """Group what is ready: a digest is one message, of others more than a few are one."""
        groups: dict[tuple[str, int], list[Pending]] = {}
        for name, item in ready:
            groups.setdefault((name, self._digest(item.change.rule)), []).append(item)
        messages = []
        for (name, digest), items in groups.items():
            channel = self._channels[name]
            if digest:
                messages.append(Message(channel, tuple(items), digest=True))
            elif len(items) > FLOOD:
                messages.append(Message(channel, tuple(items)))
            else:
                messages += [Message(channel, (item,)) for item in items]
        return messages

    def _digest(self, rule: str) -> int:
        """Return for how long notifications of a rule are collected, µs; 0: not at all."""
        known = self._rules.get(rule)
        return 0 if known is None or known.digest is None else known.digest // _MICRO


def _keys(message: Message) -> list[tuple[int, str]]:
    return [(item.change.number, message.channel.name) for item in message.items]


def _end_silences(db: sqlite3.Connection, now: int) -> None:
    """Send what a silence that has ended held back, where the alert is still on."""
    ended = db.execute(
        "SELECT number FROM alert_silences WHERE ends <= ? AND NOT announced", (now,)
    ).fetchall()
    for (number,) in ended:
        db.execute(
            "UPDATE alert_notifications SET status = 'pending', next_attempt = ?, attempts = 0"
            " WHERE status = 'silenced' AND silence = ? AND change IN"
            " (SELECT change FROM alert_states WHERE change IS NOT NULL)",
            (now, number),
        )
        db.execute("UPDATE alert_silences SET announced = 1 WHERE number = ?", (number,))


def _silence(db: sqlite3.Connection, channel: str, change: Change, now: int) -> int | None:
    """Return the silence that holds a notification back.

    It is one that is in force; for the end of an alert also the one that held its beginning back.
    """
    row: Sequence[Any] | None = db.execute(
        "SELECT number FROM alert_silences WHERE starts <= ?1 AND ends > ?1"
        " AND rule IN ('', ?2) AND subject IN ('', ?3) ORDER BY ends DESC LIMIT 1",
        (now, change.rule, change.subject),
    ).fetchone()
    if row is None and change.state == "ended":
        row = db.execute(
            "SELECT n.silence FROM alert_changes c JOIN alert_notifications n"
            " ON n.change = c.number AND n.channel = ?1 AND n.status = 'silenced'"
            " WHERE c.number = (SELECT max(number) FROM alert_changes WHERE rule = ?2"
            " AND subject = ?3 AND number < ?4)",
            (channel, change.rule, change.subject, change.number),
        ).fetchone()
    return None if row is None else int(row[0])
