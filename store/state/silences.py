"""Silences: times in which an alert is not notified, each with an author and a reason.

A silence holds back notifications, never changes: alerts are recorded and shown all the same. Times
are in µs since the epoch.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace

from hubbub.errors import UsageError
from hubbub.store.state.database import State

__all__ = ["Silence", "add", "end", "find", "hold_back", "listed"]

_LONGEST = 500  # characters of an author or a reason
_COLUMNS = "number, rule, subject, author, reason, starts, ends, suppressed, announced"


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence.

    Attributes:
        number: identifies it.
        rule: name of the rule; empty: all rules.
        subject: of the alert; empty: all subjects.
        author: who silenced it.
        reason: why.
        starts, ends: it holds in [starts, ends).
        suppressed: notifications that it has held back.
        announced: 1 after it was said that it ended while an alert that it held back was on.
    """

    number: int
    rule: str
    subject: str
    author: str
    reason: str
    starts: int
    ends: int
    suppressed: int
    announced: int

    def active(self, now: int) -> bool:
        """Whether it holds at a time."""
        return self.starts <= now < self.ends


def add(
    state: State,
    *,
    rule: str,
    author: str,
    reason: str,
    starts: int,
    ends: int,
    subject: str = "",
) -> Silence:
    """Begin a silence.

    Raises:
        UsageError: no author or reason, or it would end before it starts.
    """
    for name, text in (("author", author), ("reason", reason)):
        if not text.strip() or len(text) > _LONGEST:
            raise UsageError(f"a silence needs a {name} of 1 to {_LONGEST} characters")
    if ends <= starts:
        raise UsageError("a silence must end after it starts")
    rule, subject, author, reason = map(state.forgotten.text, (rule, subject, author, reason))
    with state.transaction() as db:
        number = db.execute(
            "INSERT INTO alert_silences (rule, subject, author, reason, starts, ends)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (rule, subject, author, reason, starts, ends),
        ).lastrowid
    assert number is not None
    return Silence(number, rule, subject, author, reason, starts, ends, 0, 0)


def listed(state: State, *, since: int | None = None) -> list[Silence]:
    """Return the silences, newest first; with `since` (µs) only those that end after it."""
    rows = state.rows(
        f"SELECT {_COLUMNS} FROM alert_silences"  # noqa: S608 - a constant
        " WHERE ?1 IS NULL OR ends > ?1 ORDER BY number DESC",
        since,
    )
    return [Silence(*row) for row in rows]


def end(state: State, number: int, *, now: int) -> Silence:
    """End a silence now.

    Raises:
        UsageError: there is no such silence, or it has ended already.
    """
    with state.transaction() as db:
        row = db.execute(
            f"SELECT {_COLUMNS} FROM alert_silences WHERE number = ?",  # noqa: S608 - a constant
            (number,),
        ).fetchone()
        if row is None:
            raise UsageError(
                f"there is no silence {number}", hint="`hubbub alerts silence --list` lists them"
            )
        silence = Silence(*row)
        if silence.ends <= now:
            raise UsageError(f"silence {number} has ended already")
        db.execute("UPDATE alert_silences SET ends = ? WHERE number = ?", (now, number))
    return replace(silence, ends=now)


def find(state: State, rule: str, subject: str, *, now: int) -> Silence | None:
    """Return the silence that holds for an alert at a time; the one that ends last; None: none."""
    rows = state.rows(
        f"SELECT {_COLUMNS} FROM alert_silences"  # noqa: S608 - a constant
        " WHERE rule IN ('', ?) AND subject IN ('', ?) AND starts <= ? AND ends > ?"
        " ORDER BY ends DESC LIMIT 1",
        rule,
        subject,
        now,
        now,
    )
    return Silence(*rows[0]) if rows else None


def hold_back(db: sqlite3.Connection, silence: Silence, n: int) -> None:
    """Count notifications that a silence has held back, within a transaction."""
    db.execute(
        "UPDATE alert_silences SET suppressed = suppressed + ? WHERE number = ?",
        (n, silence.number),
    )
