"""Dead letters: what could not be read or was refused, kept with the reason, bounded.

Comes in: letters. Goes out: letters, newest first, and those that are to be read again. Each is
kept once, however often its record is read; the oldest go when the kept ones are more than
`MAX_BYTES`, or were kept for longer than `MAX_AGE`, or than what `bound` said.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hubbub.collector.event import Frame
from hubbub.store import policy
from hubbub.store.policy import DEAD_LETTERS_BYTES, RetentionPolicy
from hubbub.store.state.pseudonyms import Forgotten

if TYPE_CHECKING:
    from hubbub.store.state.database import State

__all__ = [
    "MAX_AGE",
    "MAX_BYTES",
    "DeadLetter",
    "to_retry",
    "request_retry",
    "set_bounds",
    "bury",
    "find",
    "get",
    "line_numbers",
    "prune",
    "record_retries",
    "redact",
]

MAX_BYTES = DEAD_LETTERS_BYTES  # of topics and bodies together, unless `bound` said otherwise
MAX_AGE = 30 * 86400  # seconds, the same
_BOUNDS = "dead-letters:bounds"  # key of the state: [seconds or null, bytes]
_COLUMNS = "place, reason, what, source, time, topic, body, seq, missing, flags, id, size"
_HEADS = _COLUMNS.replace("body", "x'' AS body")
#: What was refused for what is lost since, or never was a message.
_FINAL = ("damaged", "bad-frame-count")

Rows = Callable[..., list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that could not be understood."""

    place: str  # where it was first seen: segment and byte, or whatever is unique
    reason: str  # short and stable, for counting
    what: str  # one sentence for a person
    source: str
    time: int  # µs since the epoch: when it arrived
    topic: bytes
    body: bytes
    seq: int = 0
    missing: int = 0  # bytes of the body that are not kept: it was too large, or held a name
    flags: int = 0  # those of its segment: see `segment.BODIES` and `segment.TRUST`
    id: int = field(default=0, compare=False)  # in the store, for people
    size: int = field(default=0, compare=False)  # bytes of topic and body that are kept

    @property
    def readable(self) -> bool:
        """Whether reading it again could end otherwise."""
        return not self.missing and self.reason not in _FINAL

    @property
    def frame(self) -> Frame:
        """As it arrived."""
        return Frame(self.source, self.time, self.topic, self.body, self.seq)


def redact(letter: DeadLetter, forgotten: Forgotten) -> DeadLetter:
    """The letter without forgotten names; a body or topic that holds one is dropped whole."""
    if not forgotten:
        return letter
    topic, body = (forgotten.holds(part) for part in (letter.topic, letter.body))
    return replace(
        letter,
        place=forgotten.text(letter.place),
        what=forgotten.text(letter.what),
        source=forgotten.text(letter.source),
        topic=b"" if topic else letter.topic,
        body=b"" if body else letter.body,
        missing=letter.missing + len(letter.body) * body,
    )


def set_bounds(state: State, keep: RetentionPolicy) -> None:
    """Whoever buries letters from now on, in any process, goes by these bounds."""
    seconds = None if keep.letters is None else int(keep.letters.total_seconds())
    if state.get(_BOUNDS) != [seconds, keep.letters_bytes]:
        state.set(_BOUNDS, [seconds, keep.letters_bytes])


def bury(
    db: sqlite3.Connection, letters: Iterable[DeadLetter], *, max_bytes: int | None = None
) -> None:
    """Keep letters, then let the oldest go until the bounds hold again. Within a transaction."""
    now = time.time_ns() // 1000
    db.executemany(
        "INSERT OR IGNORE INTO dead_letters (place, reason, what, source, time, topic, body, seq,"
        " missing, flags, size, again, buried) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
        [
            (
                *(one.place, one.reason, one.what, one.source, one.time, one.topic, one.body),
                *(one.seq, one.missing, one.flags, len(one.topic) + len(one.body), now),
            )
            for one in letters
        ],
    )
    prune(db, max_bytes=max_bytes)


def prune(db: sqlite3.Connection, *, max_bytes: int | None = None) -> None:
    """Let the oldest letters go until the bounds hold. Within a transaction."""
    now = time.time_ns() // 1000
    max_age, bytes_kept = _value(db, _BOUNDS) or (MAX_AGE, MAX_BYTES)
    max_bytes = bytes_kept if max_bytes is None else max_bytes
    if max_age is not None and not policy.clock_jumped(now, _value(db, policy.LAST_RUN)):
        oldest = now - int(max_age * 1e6)
        db.execute("DELETE FROM dead_letters WHERE buried < ?", (oldest,))
    kept = db.execute("SELECT coalesce(sum(size), 0) FROM dead_letters").fetchone()[0]
    while kept > max_bytes:
        rows = db.execute("SELECT id, size FROM dead_letters ORDER BY id LIMIT 100").fetchall()
        for one, size in rows:
            if kept <= max_bytes:
                break
            db.execute("DELETE FROM dead_letters WHERE id = ?", (one,))
            kept -= size


def _value(db: sqlite3.Connection, key: str) -> Any:
    """As `State.get`, within a transaction."""
    found = db.execute("SELECT value FROM checkpoints WHERE key = ?", (key,)).fetchone()
    return json.loads(found[0]) if found else None


def find(
    rows: Rows, reason: str | None, source: str | None, limit: int, *, bodies: bool = True
) -> list[DeadLetter]:
    """The newest letters first; without `bodies` those are empty, and `size` says how large."""
    found = rows(
        f"SELECT {_COLUMNS if bodies else _HEADS} FROM dead_letters"  # noqa: S608 - constants
        " WHERE (?1 IS NULL OR reason = ?1) AND (?2 IS NULL OR source = ?2)"
        " ORDER BY id DESC LIMIT ?3",
        reason,
        source,
        limit,
    )
    return [DeadLetter(*row) for row in found]


def get(rows: Rows, one: int) -> DeadLetter | None:
    """The letter of this id."""
    found = rows(f"SELECT {_COLUMNS} FROM dead_letters WHERE id = ?", one)  # noqa: S608 - constants
    return DeadLetter(*found[0]) if found else None


def line_numbers(rows: Rows, form: str) -> list[int]:
    """Numbers of the lines of an import format that could not be read, file after file.

    Each once, however often its file was imported; what `prune` let go is missing.
    """
    found = rows(
        "SELECT DISTINCT source, seq FROM dead_letters WHERE source GLOB ? AND seq > 0"
        " ORDER BY source, seq",
        f"{form}:*",
    )
    return [int(seq) for _, seq in found]


def request_retry(
    db: sqlite3.Connection, ids: Sequence[int], flags: Mapping[int, int] | None = None
) -> None:
    """Have letters read again by the next loader. Within a transaction.

    Args:
        db: the state.
        ids: of letters that are `readable`.
        flags: id → other flags than the letter has.
    """
    db.executemany("UPDATE dead_letters SET again = 1 WHERE id = ?", [(one,) for one in ids])
    if flags:
        new = [(value, one) for one, value in flags.items()]
        db.executemany("UPDATE dead_letters SET flags = ? WHERE id = ?", new)


def to_retry(rows: Rows) -> Iterator[DeadLetter]:
    """The letters that are to be read again, oldest first, one at a time."""
    for (one,) in rows("SELECT id FROM dead_letters WHERE again ORDER BY id"):
        letter = get(rows, one)
        if letter is not None:
            yield letter


def record_retries(db: sqlite3.Connection, settled: Mapping[str, Sequence[str] | None]) -> None:
    """What became of letters that were read again. Within a transaction.

    Args:
        db: the state.
        settled: place → None where the letter is an event now, else its reason and sentence.
    """
    for place, refused in settled.items():
        if refused is None:
            db.execute("DELETE FROM dead_letters WHERE place = ?", (place,))
        else:
            db.execute(
                "UPDATE dead_letters SET reason = ?, what = ?, again = 0 WHERE place = ?",
                (*refused, place),
            )
