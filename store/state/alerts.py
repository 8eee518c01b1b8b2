"""Alerts in the state file: their changes, what is on, and who silenced what.

A change, what is to be sent because of it and the place up to which its rule was evaluated are
written in one transaction, so that a crash neither repeats nor loses a change. Times are in µs
since the epoch; every text goes through the list of forgotten names.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hubbub.store.state import silences
from hubbub.store.state.database import State

__all__ = [
    "COLUMNS",
    "ENDED",
    "MOST",
    "RAISED",
    "Change",
    "Condition",
    "NewChange",
    "after",
    "apply",
    "changes",
    "conditions",
    "counterpart",
    "numbered",
    "opened",
    "to_change",
    "totals",
]

RAISED, ENDED = "raised", "ended"
#: Changes that are kept.
MOST = 100_000
_DELETED = "alerts:deleted"  # key of the numbers of changes that were deleted, by rule and state
#: Of the table `alert_changes`, in the order of `to_change`.
COLUMNS = "number, rule, subject, state, time, detected, measured, expected, measure, per, details"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChange:
    """An alert that is raised or ends, before it is recorded.

    Attributes:
        rule: name of the rule.
        subject: topic, category or account; empty where the rule has one series only.
        state: `raised` or `ended`.
        time: when that happened, in event time: the end of the tick.
        detected: when it was noticed.
        measured: what was measured: for a moving average, its value per second.
        expected: what it is compared with, in the same unit.
        measure: of the rule.
        per: what `subject` is: `topic`, `category`, `user`, or `none`.
        details: for people and programs; JSON-ready.
    """

    rule: str
    subject: str
    state: str
    time: int
    detected: int
    measured: float | None
    expected: float | None
    measure: str
    per: str
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def names_person(self) -> bool:
        """Whether the subject is an account, which only those may see who may see names."""
        return self.per == "user"

    @property
    def private(self) -> bool:
        """Whether only the person concerned, and holders of the scope for names, may see it."""
        return self.measure == "overload"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(NewChange):
    """A recorded change.

    Attributes:
        number: identifies it for good.
    """

    number: int


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that holds.

    Attributes:
        since: the end of the first tick at which it held without interruption.
        change: number of the change that raised the alert; None: it has not held long enough.
    """

    since: int
    change: int | None


def apply(
    state: State,
    rule: str,
    new: Sequence[tuple[NewChange, Sequence[str]]],
    pending: dict[str, int],
) -> list[Change]:
    """Record the changes of a rule, what is to be sent, and which conditions hold afterwards.

    The caller stores the rule's checkpoint in the same transaction.

    Args:
        state: of the store; within a transaction.
        rule: name of the rule.
        new: changes in the order of time, each with the channels to notify.
        pending: subject → since when a condition holds that has raised no alert yet; it replaces
            what was pending before.

    Returns:
        The changes with their numbers.
    """
    forgotten, recorded = state.forgotten, []
    rule = forgotten.text(rule)
    with state.transaction() as db:
        db.execute("DELETE FROM alert_states WHERE rule = ? AND change IS NULL", (rule,))
        for change, channels in new:
            text = forgotten.account if change.names_person else forgotten.text
            row = (
                rule,
                text(change.subject),
                change.state,
                change.time,
                change.detected,
                change.measured,
                change.expected,
                change.measure,
                change.per,
                json.dumps(forgotten.document(change.details)),
            )
            number = db.execute(
                "INSERT INTO alert_changes (rule, subject, state, time, detected, measured,"
                " expected, measure, per, details) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            ).lastrowid
            assert number is not None
            if change.state == RAISED:
                db.execute(
                    "INSERT OR REPLACE INTO alert_states VALUES (?, ?, ?, ?)",
                    (rule, row[1], change.details.get("since", change.time), number),
                )
            else:
                db.execute("DELETE FROM alert_states WHERE rule = ? AND subject = ?", row[:2])
            silence = silences.find(state, rule, row[1], now=change.detected)
            status = "silenced" if silence else "pending"
            unique = dict.fromkeys(map(forgotten.text, channels))
            db.executemany(
                "INSERT INTO alert_notifications (change, channel, status, silence)"
                " VALUES (?, ?, ?, ?)",
                [(number, channel, status, silence and silence.number) for channel in unique],
            )
            if silence and unique:
                silences.hold_back(db, silence, len(unique))
            recorded.append(to_change((number, *row)))
        db.executemany(
            "INSERT OR IGNORE INTO alert_states VALUES (?, ?, ?, NULL)",
            [(rule, forgotten.text(subject), since) for subject, since in pending.items()],
        )
        if recorded:
            _prune(state, db, recorded[-1].number)
    return recorded


def _prune(state: State, db: sqlite3.Connection, newest: int) -> None:
    """Delete the oldest changes beyond `MOST`, but not of what is on or still to be sent."""
    old = (
        "number <= ? AND number NOT IN (SELECT change FROM alert_states WHERE change IS NOT NULL)"
        " AND number NOT IN (SELECT change FROM alert_notifications"
        " WHERE status IN ('pending', 'sending'))"
    )
    limit = (newest - MOST,)
    gone = db.execute(
        f"SELECT rule, state, count(*) FROM alert_changes WHERE {old} GROUP BY rule, state",  # noqa: S608 - a constant
        limit,
    ).fetchall()
    if not gone:
        return
    counts = Counter({(rule, kind): n for rule, kind, n in state.get(_DELETED) or ()})
    counts.update({(rule, kind): n for rule, kind, n in gone})
    state.set(_DELETED, [[rule, kind, n] for (rule, kind), n in sorted(counts.items())])
    db.execute(
        "DELETE FROM alert_notifications WHERE change IN"  # noqa: S608 - a constant
        f" (SELECT number FROM alert_changes WHERE {old})",
        limit,
    )
    db.execute(f"DELETE FROM alert_changes WHERE {old}", limit)  # noqa: S608 - a constant


def conditions(state: State, rule: str) -> dict[str, Condition]:
    """Return the conditions of a rule that hold, by subject."""
    rows = state.rows(
        "SELECT subject, since, change FROM alert_states WHERE rule = ?", state.forgotten.text(rule)
    )
    return {subject: Condition(since, change) for subject, since, change in rows}


def changes(
    state: State,
    *,
    since: int | None = None,
    until: int | None = None,
    rules: Iterable[str] | None = None,
    private: bool = True,
    limit: int = 1_000,
) -> list[Change]:
    """Return recorded changes, newest first.

    Args:
        state: of the store.
        since: µs of event time; None: from the first.
        until: µs of event time, exclusive; None: to the last.
        rules: only of these; None: of all.
        private: also those that only the person concerned may see.
        limit: how many at most.
    """
    chosen = None if rules is None else json.dumps(list(rules))
    rows = state.rows(
        f"SELECT {COLUMNS} FROM alert_changes"  # noqa: S608 - a constant
        " WHERE (?1 IS NULL OR time >= ?1) AND (?2 IS NULL OR time < ?2)"
        " AND (?3 IS NULL OR rule IN (SELECT value FROM json_each(?3)))"
        " AND (?4 OR measure <> 'overload') ORDER BY time DESC, number DESC LIMIT ?5",
        since,
        until,
        chosen,
        private,
        limit,
    )
    return [to_change(row) for row in rows]


def after(state: State, number: int, limit: int = 1_000) -> list[Change]:
    """Return the changes that were recorded after one, in order."""
    rows = state.rows(
        f"SELECT {COLUMNS} FROM alert_changes WHERE number > ? ORDER BY number LIMIT ?",  # noqa: S608
        number,
        limit,
    )
    return [to_change(row) for row in rows]


def numbered(state: State, number: int) -> Change | None:
    """Return the change of a number; None if there is none."""
    rows = state.rows(f"SELECT {COLUMNS} FROM alert_changes WHERE number = ?", number)  # noqa: S608
    return to_change(rows[0]) if rows else None


def counterpart(state: State, change: Change) -> Change | None:
    """Return the change that ended an alert, or that raised one which ended; None: none yet."""
    newer = change.state == RAISED
    order, compared = ("ASC", ">") if newer else ("DESC", "<")
    rows = state.rows(
        f"SELECT {COLUMNS} FROM alert_changes WHERE rule = ? AND subject = ?"  # noqa: S608
        f" AND number {compared} ? ORDER BY number {order} LIMIT 1",
        change.rule,
        change.subject,
        change.number,
    )
    found = to_change(rows[0]) if rows else None
    return None if found is None or found.state == change.state else found


def totals(state: State) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """Return how many changes were ever recorded, by rule and state, and how many alerts are on."""
    recorded = Counter({(rule, kind): n for rule, kind, n in state.get(_DELETED) or ()})
    recorded.update(
        {
            (rule, kind): n
            for rule, kind, n in state.rows(
                "SELECT rule, state, count(*) FROM alert_changes GROUP BY rule, state"
            )
        }
    )
    rows = state.rows(
        "SELECT rule, count(*) FROM alert_states WHERE change IS NOT NULL GROUP BY rule"
    )
    return recorded, dict(rows)


def opened(state: State) -> list[Change]:
    """Return the changes that raised the alerts which are on now, oldest first."""
    rows = state.rows(
        f"SELECT {COLUMNS} FROM alert_changes"  # noqa: S608 - a constant
        " WHERE number IN (SELECT change FROM alert_states) ORDER BY time, number"
    )
    return [to_change(row) for row in rows]


def to_change(row: Sequence[Any]) -> Change:
    """Return the change of a row with `COLUMNS`."""
    names = COLUMNS.split(", ")
    values = dict(zip(names, row, strict=True))
    return Change(**{**values, "details": json.loads(values["details"])})
