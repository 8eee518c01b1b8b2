"""What the loader learns about the live bus while it reads: numbers skipped, messages a minute.

Comes in: frames of the bus with the events they became, and the events of a commit. Goes out: what
is written down in the same transaction as the commit, so that a crash counts nothing twice: gaps
for the ledger, how many messages were lost, and how many are stored in each minute, which is what
history's own count is held against.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hubbub.collector.event import Event, Frame, partial_key
from hubbub.collector.gaps.sequences import Sequences

if TYPE_CHECKING:
    from hubbub.store.state.database import State

__all__ = ["BUS", "SKIPPED", "BusStats", "write"]

SKIPPED = "numbers of a publisher were skipped"
_KEY = "sequences"
#: Kinds of sources that history knows too.
BUS = frozenset(("zmq", "amqp", "history", "fedmsg"))
_MINUTE = 60_000_000  # µs
_AHEAD = 10_000_000  # µs that a publisher's clock may be before ours
_CERTIFICATE = b'"certificate"'
_TAIL = 96  # the end of a certificate is its signature: no two have the same


class BusStats:
    """One run of the loader.

    Args:
        state: what was remembered before.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._sequences = Sequences(state.get(_KEY))
        self._whole: dict[str, bool] = {}
        self._names: dict[bytes, str] = {}

    def hear(self, frame: Frame, event: Event) -> None:
        """Take a message, in the order in which it was heard."""
        if event.seq <= 0 or frame.kind != "zmq" or not self._everything(frame.source):
            return
        moment = min(event.time, frame.arrived + _AHEAD)
        self._sequences.hear(
            frame.source, self._publisher(frame.body), event.seq, moment, frame.arrived
        )

    def _everything(self, source: str) -> bool:
        """Whether the listener hears all topics there: otherwise skipped numbers are normal."""
        found = self._whole.get(source)
        if found is None:
            found = self._whole[source] = not self._state.get(partial_key(source))
        return found

    def _publisher(self, body: bytes) -> str:
        at = body.find(_CERTIFICATE)
        start = body.find(b'"', at + len(_CERTIFICATE)) if at >= 0 else -1
        end = body.find(b'"', start + 1) if start >= 0 else -1
        tail = body[max(start, end - _TAIL) : end] if end >= 0 else b""
        name = self._names.get(tail)
        if name is None:
            name = self._names[tail] = hashlib.blake2b(tail, digest_size=8).hexdigest()
        return name

    def document(self, fresh: Iterable[Event]) -> dict[str, Any]:
        """What belongs to a commit of `fresh`, as JSON."""
        minutes = Counter(
            event.time // _MINUTE for event in fresh if event.source.partition(":")[0] in BUS
        )
        jumps = self._sequences.jumps(time.time_ns() // 1000)
        document: dict[str, Any] = {
            "minutes": sorted(minutes.items()),
            "jumps": [[jump.source, jump.start, jump.end, jump.lost] for jump in jumps],
        }
        if self._sequences.changed:
            document["sequences"] = self._sequences.document()
            self._sequences.changed = False
        return document


def write(state: State, db: sqlite3.Connection, document: dict[str, Any]) -> None:
    """Write down what `Hearing.document` gave, within a transaction."""
    db.executemany(
        "INSERT INTO minutes VALUES (?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
        document.get("minutes", ()),
    )
    for source, start, end, lost in document.get("jumps", ()):
        state.span(source, "", start, end, "gap", SKIPPED)
        state.count(source, "skipped", lost)
    if "sequences" in document:
        state.set(_KEY, document["sequences"])
