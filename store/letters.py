"""Dead letters: what could not be read or was refused, kept with the reason, bounded.

Comes in: letters. Goes out: letters, newest first. Each is kept once, however often its record is
read; the oldest go when the kept ones are more than `MAX_BYTES`, or older than `MAX_AGE`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from hubbub.store.forgotten import Forgotten

__all__ = ["MAX_AGE", "MAX_BYTES", "Letter", "bury", "find", "without"]

MAX_BYTES = 100 << 20  # bytes of topics and bodies together
MAX_AGE = 30 * 86400  # seconds


@dataclass(frozen=True, slots=True)
class Letter:
    """One message that could not be understood."""

    place: str  # where it was first seen: segment and byte, or whatever is unique
    reason: str  # short and stable, for counting
    what: str  # one sentence for a person
    source: str
    time: int  # µs since the epoch: when it arrived
    topic: bytes
    body: bytes
    seq: int = 0


def without(letter: Letter, forgotten: Forgotten) -> Letter:
    """The letter without forgotten names; a body or topic that holds one is dropped whole."""
    if not forgotten:
        return letter
    held = [forgotten.holds(part) for part in (letter.topic, letter.body)]
    return replace(
        letter,
        place=forgotten.text(letter.place),
        what=forgotten.text(letter.what),
        source=forgotten.text(letter.source),
        topic=b"" if held[0] else letter.topic,
        body=b"" if held[1] else letter.body,
    )


def bury(
    db: sqlite3.Connection,
    letters: Iterable[Letter],
    *,
    max_bytes: int = MAX_BYTES,
    max_age: float = MAX_AGE,
) -> None:
    """Keep letters, then let the oldest go until the bounds hold again. Within a transaction."""
    db.executemany(
        "INSERT OR IGNORE INTO dead_letters"
        " (place, reason, what, source, time, topic, body, seq, size)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                *(one.place, one.reason, one.what, one.source, one.time, one.topic, one.body),
                *(one.seq, len(one.topic) + len(one.body)),
            )
            for one in letters
        ],
    )
    oldest = int((time.time() - max_age) * 1e6)
    db.execute("DELETE FROM dead_letters WHERE time < ?", (oldest,))
    kept = db.execute("SELECT coalesce(sum(size), 0) FROM dead_letters").fetchone()[0]
    while kept > max_bytes:
        rows = db.execute("SELECT id, size FROM dead_letters ORDER BY id LIMIT 100").fetchall()
        for one, size in rows:
            if kept <= max_bytes:
                break
            db.execute("DELETE FROM dead_letters WHERE id = ?", (one,))
            kept -= size


def find(
    rows: Callable[..., list[tuple[Any, ...]]], reason: str | None, source: str | None, limit: int
) -> list[Letter]:
    """The newest letters first."""
    found = rows(
        "SELECT place, reason, what, source, time, topic, body, seq FROM dead_letters"
        " WHERE (?1 IS NULL OR reason = ?1) AND (?2 IS NULL OR source = ?2)"
        " ORDER BY id DESC LIMIT ?3",
        reason,
        source,
        limit,
    )
    return [Letter(*row) for row in found]
