"""Dead letters: messages that could not be read or were refused, with the reason; bounded.

A message is stored once, however often its record is read, and a row of a history however often it
is requested. The oldest dead letters are deleted
when all together take more than `MAX_BYTES` on the disk, and those stored for longer than
`MAX_AGE`, unless `set_bounds` recorded other bounds.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hubbub.collector.decode.rejected import digest
from hubbub.collector.event import DISMISSED_KEY, Frame
from hubbub.store import policy
from hubbub.store.policy import DEAD_LETTERS_BYTES, RetentionPolicy
from hubbub.store.state.pseudonyms import Forgotten

if TYPE_CHECKING:
    from hubbub.store.state.database import State

__all__ = [
    "MAX_AGE",
    "MAX_BYTES",
    "DeadLetter",
    "bury",
    "dismiss",
    "find",
    "get",
    "line_numbers",
    "prune",
    "record_retries",
    "redact",
    "request_retry",
    "set_bounds",
    "to_retry",
]

MAX_BYTES = DEAD_LETTERS_BYTES  # of all together, on the disk
#: Bytes that a letter takes on the disk beside topic and body: its other columns and the indexes.
ROW = 1_024
MAX_WHAT = 500  # characters of the sentence
MAX_AGE = 30 * 86400  # seconds
_MAX_DISMISSED = 10_000  # rows that are remembered
_BOUNDS = "dead-letters:bounds"  # key of the state: [seconds or null, bytes]
_COLUMNS = "place, reason, what, source, time, topic, body, seq, missing, flags, id, size"
_COLUMNS_WITHOUT_BODY = _COLUMNS.replace("body", "x'' AS body")
#: Reasons of dead letters whose content is lost, or never was a message.
_FINAL = ("damaged", "bad-frame-count")

Query = Callable[..., list[tuple[Any, ...]]]  # `State.rows`


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be read or was refused."""

    place: str  # where it was first read, unique: segment and byte
    reason: str  # short and stable, for counting
    what: str  # one sentence for a person
    source: str
    time: int  # when it arrived, µs since the epoch
    topic: bytes
    body: bytes
    seq: int = 0
    missing: int = 0  # bytes of the body that are not stored: too large, or with a forgotten name
    flags: int = 0  # of its segment: see `segment.BODIES` and `segment.TRUST`
    id: int = field(default=0, compare=False)  # by which a person refers to it
    size: int = field(default=0, compare=False)  # bytes of topic and body that are stored

    @property
    def retryable(self) -> bool:
        """Whether reading it again could succeed."""
        return not self.missing and self.reason not in _FINAL

    @property
    def frame(self) -> Frame:
        """The message as it arrived."""
        return Frame(self.source, self.time, self.topic, self.body, self.seq)


def redact(letter: DeadLetter, forgotten: Forgotten) -> DeadLetter:
    """Return the letter without forgotten names; a body or topic with one is dropped whole."""
    if not forgotten:
        return letter
    drop_topic, drop_body = forgotten.holds(letter.topic), forgotten.holds(letter.body)
    return replace(
        letter,
        place=forgotten.text(letter.place),
        what=forgotten.text(letter.what),
        source=forgotten.text(letter.source),
        topic=b"" if drop_topic else letter.topic,
        body=b"" if drop_body else letter.body,
        missing=letter.missing + (len(letter.body) if drop_body else 0),
    )


def set_bounds(state: State, retention: RetentionPolicy) -> None:
    """Store the bounds that every process keeps to from now on."""
    age = retention.dead_letters
    bounds = [None if age is None else int(age.total_seconds()), retention.dead_letters_bytes]
    if state.get(_BOUNDS) != bounds:
        state.set(_BOUNDS, bounds)


def bury(
    db: sqlite3.Connection, letters: Iterable[DeadLetter], *, max_bytes: int | None = None
) -> None:
    """Store dead letters, then prune. Within a transaction."""
    now = time.time_ns() // 1000
    new = (letter for letter in letters if not _read_again(db, letter))
    db.executemany(
        "INSERT OR IGNORE INTO dead_letters (place, reason, what, source, time, topic, body, seq,"
        " missing, flags, size, again, buried) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
        [
            (
                letter.place,
                letter.reason,
                letter.what[:MAX_WHAT],
                letter.source,
                letter.time,
                letter.topic,
                letter.body,
                letter.seq,
                letter.missing,
                letter.flags,
                len(letter.topic) + len(letter.body),
                now,
            )
            for letter in new
        ],
    )
    prune(db, max_bytes=max_bytes)


def _read_again(db: sqlite3.Connection, letter: DeadLetter) -> bool:
    """Whether it is a row of a history whose dead letter is stored: gaps are read repeatedly."""
    if not letter.source.startswith("history:") or not letter.body:
        return False
    found = db.execute(
        "SELECT 1 FROM dead_letters WHERE size = ? AND source = ? AND missing = ? AND topic = ?"
        " AND body = ? AND place <> ? LIMIT 1",
        (
            len(letter.topic) + len(letter.body),
            letter.source,
            letter.missing,
            letter.topic,
            letter.body,
            letter.place,
        ),
    )
    return found.fetchone() is not None


def prune(db: sqlite3.Connection, *, max_bytes: int | None = None) -> None:
    """Delete the oldest dead letters until the bounds hold. Within a transaction."""
    now = time.time_ns() // 1000
    max_age, stored_max_bytes = _value(db, _BOUNDS) or (MAX_AGE, MAX_BYTES)
    max_bytes = stored_max_bytes if max_bytes is None else max_bytes
    if max_age is not None and not policy.clock_jumped(now, _value(db, policy.LAST_RUN)):
        oldest = now - int(max_age * 1e6)
        db.execute("DELETE FROM dead_letters WHERE buried < ?", (oldest,))
    total = db.execute(
        "SELECT coalesce(sum(size), 0) + ? * count(*) FROM dead_letters", (ROW,)
    ).fetchone()[0]
    while total > max_bytes:
        rows = db.execute("SELECT id, size FROM dead_letters ORDER BY id LIMIT 100").fetchall()
        for letter_id, size in rows:
            if total <= max_bytes:
                break
            db.execute("DELETE FROM dead_letters WHERE id = ?", (letter_id,))
            total -= size + ROW


def _value(db: sqlite3.Connection, key: str) -> Any:
    """As `State.get`, within a transaction."""
    row = db.execute("SELECT value FROM checkpoints WHERE key = ?", (key,)).fetchone()
    return json.loads(row[0]) if row else None


def find(
    query: Query, reason: str | None, source: str | None, limit: int, *, bodies: bool = True
) -> list[DeadLetter]:
    """Return dead letters, newest first.

    Args:
        query: `State.rows`.
        reason: only with this reason.
        source: only of this source.
        limit: at most so many; -1: all.
        bodies: read bodies too; without, each is empty and `size` still counts it.
    """
    rows = query(
        f"SELECT {_COLUMNS if bodies else _COLUMNS_WITHOUT_BODY}"  # noqa: S608 - constants
        " FROM dead_letters WHERE (?1 IS NULL OR reason = ?1) AND (?2 IS NULL OR source = ?2)"
        " ORDER BY id DESC LIMIT ?3",
        reason,
        source,
        limit,
    )
    return [DeadLetter(*row) for row in rows]


def get(query: Query, letter_id: int) -> DeadLetter | None:
    """Return the dead letter with this id, if there is one."""
    rows = query(f"SELECT {_COLUMNS} FROM dead_letters WHERE id = ?", letter_id)  # noqa: S608 - constants
    return DeadLetter(*rows[0]) if rows else None


def line_numbers(query: Query, form: str) -> list[int]:
    """Return the numbers of the lines of an import format that could not be read, by file.

    Each once, however often its file was imported, also where rotated files share a source;
    without those that `prune` deleted.
    """
    rows = query(
        "SELECT DISTINCT source, seq, body FROM dead_letters WHERE source GLOB ? AND seq > 0"
        " ORDER BY source, seq",
        f"{form}:*",
    )
    return [int(seq) for _, seq, _ in rows]


def request_retry(
    db: sqlite3.Connection, ids: Sequence[int], flags: Mapping[int, int] | None = None
) -> None:
    """Mark dead letters to be read again by the next loader. Within a transaction.

    Args:
        db: the state.
        ids: of letters that are `retryable`.
        flags: id → flags that replace the letter's.
    """
    db.executemany(
        "UPDATE dead_letters SET again = 1 WHERE id = ?", [(letter_id,) for letter_id in ids]
    )
    if flags:
        db.executemany(
            "UPDATE dead_letters SET flags = ? WHERE id = ?",
            [(value, letter_id) for letter_id, value in flags.items()],
        )


def to_retry(query: Query) -> Iterator[DeadLetter]:
    """Yield the dead letters that are marked to be read again, oldest first."""
    for (letter_id,) in query("SELECT id FROM dead_letters WHERE again ORDER BY id"):
        letter = get(query, letter_id)
        if letter is not None:
            yield letter


def dismiss(state: State, ids: Sequence[int]) -> None:
    """Delete dead letters that the user declares to be no loss.

    Rows of a history among them leave no gap when they are read again.
    """
    with state.transaction() as db:
        digests = dict.fromkeys(state.get(DISMISSED_KEY) or ())
        for letter_id in ids:
            letter = get(state.rows, letter_id)
            if letter is not None and letter.body:
                digests[digest(letter.body)] = None
            db.execute("DELETE FROM dead_letters WHERE id = ?", (letter_id,))
        state.set(DISMISSED_KEY, list(digests)[-_MAX_DISMISSED:])


def record_retries(db: sqlite3.Connection, results: Mapping[str, Sequence[str] | None]) -> None:
    """Delete the dead letters that were read, update those refused again. Within a transaction.

    Args:
        db: the state.
        results: place → None where the letter became an event, else its reason and sentence.
    """
    for place, refusal in results.items():
        if refusal is None:
            db.execute("DELETE FROM dead_letters WHERE place = ?", (place,))
        else:
            db.execute(
                "UPDATE dead_letters SET reason = ?, what = ?, again = 0 WHERE place = ?",
                (refusal[0], refusal[1][:MAX_WHAT], place),
            )
