"""The loader: moves messages from spool segments to the events table, each exactly once.

It also writes counters and dead letters, and deletes segments when all their content is durable
elsewhere. One loader at a time holds the store's loader lock.

The steps of a batch; a crash between any two of them neither loses nor duplicates a message:

1. SQLite: insert the batch's number, positions and counts (`pending`), and its dead letters; if
   bodies or samples are stored, commit those with the batch's number
2. fsync the data files; fsync the Delta log entry, which has the number as an application
   transaction
3. bring the id index up to the new version of the table
4. SQLite: apply positions and counters, delete the `pending` row
5. delete the segments that were read to their end

After a crash, a pending batch whose number is in the Delta log is finished from step 3 on. Any
other is abandoned: bodies and samples that it committed are removed, and its records are read
again.

The list of forgotten names is read at the start; it cannot change while the lock is held.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import structlog

from hubbub.collector.event import Event, Frame
from hubbub.collector.people.reader import Reader
from hubbub.errors import StoreError
from hubbub.store.disk.files import sync_folder
from hubbub.store.loader import recovery, unmapped
from hubbub.store.loader.batch import Batch
from hubbub.store.loader.bus_stats import BusStats
from hubbub.store.loader.damage import quarantine_segment, reopen
from hubbub.store.spool import folder, segment
from hubbub.store.spool.trust import Trusts
from hubbub.store.state import dead_letters
from hubbub.store.state.database import State
from hubbub.store.tables import samples
from hubbub.store.tables.bodies import Bodies, Body
from hubbub.store.tables.events import Events
from hubbub.store.tables.id_index import Hashes
from hubbub.store.tables.id_lookup import open_index
from hubbub.store.tables.samples import Samples

__all__ = ["Loaded", "Loader"]

EVENTS = 20_000  # records in one commit
HELD = 16 << 20  # bytes of bodies and dead letters in one commit
_log = structlog.get_logger("hubbub.store")


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of one run of the loader: numbers of messages."""

    new: int = 0
    known: int = 0
    refused: dict[str, int] = field(default_factory=dict)  # by reason
    busy: bool = False  # another loader held the lock, and we did not wait


class Loader:
    """One run of the loader; the caller holds the loader lock.

    Args:
        spool_folder: of the segments.
        table: the events table.
        bodies: the table of bodies.
        samples: the table of samples.
        ids_folder: of the id index.
        state: positions, counters, dead letters.
        understand: decodes a frame to an event; raises MessageError for one that it refuses.
        events: records per commit.
    """

    def __init__(
        self,
        *,
        spool_folder: Path,
        table: Events,
        bodies: Bodies,
        samples: Samples,
        ids_folder: Path,
        state: State,
        understand: Callable[[Frame], Event],
        events: int = EVENTS,
    ) -> None:
        self.spool, self.table, self.bodies, self.state = spool_folder, table, bodies, state
        self.samples, self.understand, self.events = samples, understand, events
        self._counts: Counter[tuple[str, str]] = Counter()
        self._missed = understand.missed if isinstance(understand, Reader) else {}
        folder.recover(spool_folder)
        recovery.resume(self.state, table, bodies, samples, spool_folder)
        self._ids = open_index(ids_folder, table)
        self._ids.catch_up(table.version())

    def drain(self, stop: Callable[[], bool] = lambda: False) -> Loaded:
        """Load the whole spool, and retry dead letters; `stop` may end it early, after a commit."""
        self._counts = Counter()
        forgotten = self.state.forgotten
        bus_stats, trusts = BusStats(self.state), Trusts(self.state)
        batch = Batch(self.understand, forgotten, bus_stats)
        finished: list[Path] = []
        for waiting in folder.segments(self.spool):
            flags = self._flags(waiting)
            if flags is None or not trusts.ready(flags):
                continue
            name, guard = waiting.name, trusts.guard(flags)
            for record in self._records(waiting):
                batch.take(name, record, flags=flags, guard=guard)
                if self._full(batch):
                    self._commit(batch)
                    self._delete(finished)
                    batch, finished = Batch(self.understand, forgotten, bus_stats), []
                    if stop():
                        return self._loaded()
            if not waiting.live:
                finished.append(waiting.path)
        for letter in dead_letters.to_retry(self.state.rows):
            if trusts.ready(letter.flags):
                batch.retry(letter, trusts.guard(letter.flags))
                if self._full(batch):
                    self._commit(batch)
                    batch = Batch(self.understand, forgotten, bus_stats)
        self._commit(batch)
        self._delete(finished)
        trusts.record_unready()
        return self._loaded()

    def _full(self, batch: Batch) -> bool:
        return batch.frames >= self.events or batch.held >= HELD

    def _flags(self, waiting: folder.Segment) -> int | None:
        """Return the flags of a segment; None: its head is damaged."""
        descriptor = folder.open_segment(waiting)
        if descriptor is None:
            return 0
        try:
            return segment.flags(descriptor, str(waiting.path))
        except StoreError as e:
            if not waiting.live:  # one that is still being written is quarantined once it is sealed
                place = quarantine_segment(self.state, self.spool.parent, waiting)
                _log.error("a segment is quarantined", why=e.what, where=e.where, kept=str(place))
            return None
        finally:
            os.close(descriptor)

    def _records(self, waiting: folder.Segment) -> Iterator[segment.Record | segment.Damage]:
        """Yield the records of a segment that are not loaded yet."""
        start = position(self.state, waiting.name)
        descriptor = folder.open_segment(waiting)
        if descriptor is None:
            return
        try:
            yield from segment.read(
                descriptor, start, name=str(waiting.path), live=waiting.live, torn=waiting.torn
            )
        finally:
            os.close(descriptor)

    def _commit(self, batch: Batch) -> None:
        """Steps 1 to 4."""
        if not batch.frames:
            return
        new, new_hashes = self._new_events(batch)
        for event in new:
            batch.counts[event.source, "new"] += 1
        number = self.table.batch() + 1
        document = {
            "positions": batch.positions,
            "counts": [[source, name, n] for (source, name), n in _changes(batch).items() if n],
            "letters": batch.settled,
            "unmapped": unmapped.tally(
                (self._missed[event.id], event.topic, event.id)
                for event in new
                if event.id in self._missed
            ),
            "hearing": batch.bus_stats.document(new) if batch.bus_stats else {},
        }
        self._missed.clear()
        with self.state.transaction() as db:
            dead_letters.bury(db, batch.letters)
            if batch.damaged is not None:
                reopen(self.state, batch.damaged)
            db.execute("INSERT INTO pending VALUES (?, ?)", (number, json.dumps(document)))
            if not new:
                recovery.finish(self.state, number)
        if new:
            if batch.bodies:
                self.bodies.append(
                    [
                        Body(event.time, event.id, batch.bodies[event.id])
                        for event in new
                        if event.id in batch.bodies
                    ],
                    number,
                )
            if new_samples := list(samples.from_events(new, batch.samples)):
                self.samples.append(new_samples, number)
            version = self.table.append(new, number)
            self._ids.add(new_hashes, version)
            recovery.finish(self.state, number)
        self._counts.update(batch.counts)

    def _new_events(self, batch: Batch) -> tuple[list[Event], Hashes]:
        """Return the events that are not in the table, and the hashes of their ids."""
        events = list(batch.events.values())
        hashes = np.frombuffer(b"".join(batch.digests), dtype="<u8")
        if not events:
            return [], hashes
        times = [e.time for e in events]
        known = self._ids.known(list(batch.events), hashes, (min(times), max(times)))
        if not known:
            return events, hashes
        for event in events:
            if event.id in known:
                batch.counts[event.source, "known"] += 1
        indices = [i for i, e in enumerate(events) if e.id not in known]
        return [events[i] for i in indices], hashes[indices]

    def _delete(self, segments: list[Path]) -> None:
        """Step 5."""
        if not segments:
            return
        try:
            for path in segments:
                path.unlink(missing_ok=True)
            sync_folder(self.spool)
        except OSError as e:
            raise StoreError(f"cannot delete a loaded segment: {e}", where=str(self.spool)) from e
        with self.state.transaction() as db:
            db.executemany("DELETE FROM segments WHERE name = ?", [(p.stem,) for p in segments])

    def _loaded(self) -> Loaded:
        totals: Counter[str] = Counter()
        for (_, name), n in self._counts.items():
            totals[name] += n
        refused = {
            name.removeprefix("refused:"): n
            for name, n in sorted(totals.items())
            if name.startswith("refused:")
        }
        return Loaded(totals["new"], totals["known"], refused)


def _changes(batch: Batch) -> Counter[tuple[str, str]]:
    """Return the changes of all counters by a batch; retried dead letters make some negative."""
    total = Counter(batch.counts)
    total.update(batch.corrections)
    return total


def position(state: State, name: str) -> int:
    """Return how many bytes of a segment are loaded."""
    rows = state.rows("SELECT position FROM segments WHERE name = ?", name)
    return int(rows[0][0]) if rows else 0
