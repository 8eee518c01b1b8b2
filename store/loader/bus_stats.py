"""Statistics of the live bus, collected while loading: skipped sequence numbers, messages a minute.

`BusStats` observes the frames of the bus with their events. `write` stores its result in the
transaction of the commit, so that a crash counts nothing twice: gaps for the ledger, the number of
lost messages, and the number of stored messages per minute, which is compared with the history
server's count.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hubbub.collector.decode.message import username
from hubbub.collector.event import Event, Frame, kind_of, partial_key
from hubbub.collector.gaps.sequences import Sequences

if TYPE_CHECKING:
    from hubbub.store.state.database import State

__all__ = ["BUS", "LIVE", "SKIPPED", "BusStats", "write"]

SKIPPED = "numbers of a publisher were skipped"
_KEY = "sequences"
#: The kind of sources that are observed.
LIVE = "zmq"
#: Kinds of sources whose messages the history server has, too.
BUS = frozenset(("zmq", "amqp", "history", "fedmsg"))
_MOST_PUBLISHERS = 10_000  # whose key is remembered
_MINUTE = 60_000_000  # µs
_AHEAD = 10_000_000  # µs that a publisher's clock may be ahead of ours
_CERTIFICATE = b'"certificate"'
_TAIL = 96  # bytes: a certificate ends with its signature, which is unique


class BusStats:
    """The statistics of one run of the loader.

    Args:
        state: holds the last sequence numbers of earlier runs.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._sequences = Sequences(state.get(_KEY))
        self._unfiltered: dict[str, bool] = {}
        self._publishers: dict[bytes, str] = {}

    def observe(self, frame: Frame, event: Event) -> None:
        """Take a message of a `LIVE` source, in the order of reception."""
        source = frame.source
        unfiltered = self._unfiltered.get(source)
        if unfiltered is None:
            unfiltered = self._is_unfiltered(source)
        if event.seq <= 0 or not unfiltered:
            return
        publisher = self._publisher(frame.body)
        if publisher is None:
            return  # its number may be of any process: a jump proves nothing
        moment = min(event.time, frame.arrived + _AHEAD)
        self._sequences.add(source, publisher, event.seq, moment, frame.arrived)

    def _is_unfiltered(self, source: str) -> bool:
        """Whether the listener receives all topics of a source; if not, skipping is normal."""
        unfiltered = self._unfiltered[source] = not self._state.get(partial_key(source))
        return unfiltered

    def _publisher(self, body: bytes) -> str | None:
        """Return a key of the publisher, None if the message does not name it.

        A hash of the end of its certificate; in an unsigned message, of the system user.
        """
        key = body.find(_CERTIFICATE)
        start = body.find(b'"', key + len(_CERTIFICATE)) if key >= 0 else -1
        end = body.find(b'"', start + 1) if start >= 0 else -1
        tail = body[max(start, end - _TAIL) : end] if end >= 0 else b""
        if not tail:
            sender = username(body)
            if not isinstance(sender, str) or not sender:
                return None
            tail = b"username:" + sender.encode("utf-8", "surrogatepass")
        publisher = self._publishers.get(tail)
        if publisher is None:
            publisher = hashlib.blake2b(tail, digest_size=8).hexdigest()
            if len(self._publishers) >= _MOST_PUBLISHERS:  # strangers choose what they send
                self._publishers.clear()
            self._publishers[tail] = publisher
        return publisher

    def document(self, new: Iterable[Event]) -> dict[str, Any]:
        """Return the statistics that belong to a commit of these new events, as JSON."""
        minutes = Counter(event.time // _MINUTE for event in new if kind_of(event.source) in BUS)
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
    """Store the result of `BusStats.document`, within a transaction."""
    db.executemany(
        "INSERT INTO minutes VALUES (?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
        document.get("minutes", ()),
    )
    for source, start, end, lost in document.get("jumps", ()):
        state.span(source, "", start, end, "gap", SKIPPED)
        state.count(source, "skipped", lost)
    if "sequences" in document:
        state.set(_KEY, document["sequences"])
