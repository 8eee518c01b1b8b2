"""The loader: segments of the spool become rows of the events table, each message once.

Comes in: the store's folders and state. Goes out: commits, counters, dead letters; segments whose
content is durable elsewhere are deleted. One loader at a time holds the store's loader lock.

A batch goes through these steps, and a crash between any two of them loses and doubles nothing:

1. SQLite: the batch's number, positions and counts (`pending`), and its dead letters; where bodies
   or samples are stored, a commit of those, carrying the number
2. data files, fsynced; Delta log entry carrying the number as an application transaction, fsynced
3. the set of ids, up to the new version of the table
4. SQLite: positions and counters hold, `pending` goes
5. segments that were read to their end are deleted

After a crash, a pending batch whose number is in the Delta log is finished from step 3 on; one that
is not there is given up, bodies and samples that it committed are taken out, and its records are
read again.
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
from hubbub.store.loader.bus_stats import Hearing
from hubbub.store.loader.damage import reopen, without
from hubbub.store.spool import folder, segment
from hubbub.store.spool.trust import Trusts
from hubbub.store.state import dead_letters
from hubbub.store.state.database import State
from hubbub.store.tables import samples
from hubbub.store.tables.bodies import Bodies, Body
from hubbub.store.tables.events import Events
from hubbub.store.tables.id_index import Hashes, IdIndex
from hubbub.store.tables.id_lookup import Lookup
from hubbub.store.tables.samples import Samples

__all__ = ["Loaded", "Loader"]

EVENTS = 20_000  # records in one commit
HELD = 16 << 20  # bytes of bodies and dead letters in one commit
_log = structlog.get_logger("hubbub.store")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one run of the loader did."""

    new: int = 0
    known: int = 0
    refused: dict[str, int] = field(default_factory=dict)  # by reason
    busy: bool = False  # another loader was at work, and we did not wait


class Loader:
    """One run. For the holder of the loader's lock.

    Args:
        spool_folder: where segments are.
        table: the events table.
        bodies: the table of bodies.
        samples: the table of samples.
        ids_folder: where the set of ids is.
        state: positions, counters, dead letters.
        understand: from a frame to an event; raises MessageError for what it refuses.
        events: records in one commit.
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
        lookup = Lookup(table)
        self._ids = IdIndex(ids_folder, scan=lookup.scan, exact=lookup.exact)
        self._ids.catch_up(table.version())

    def drain(self, stop: Callable[[], bool] = lambda: False) -> Loaded:
        """Load all that waits; ends early, after a commit, when `stop` says so."""
        self._counts = Counter()
        forgotten = self.state.forgotten
        heard, trusts = Hearing(self.state), Trusts(self.state)
        batch = Batch(self.understand, forgotten, heard)
        done: list[Path] = []
        for one in folder.segments(self.spool):
            flags = self._flags(one)
            if flags is None or not trusts.ready(flags):
                continue
            name, guard = one.name, trusts.guard(flags)
            for found in self._records(one):
                batch.take(name, found, flags=flags, guard=guard)
                if batch.frames >= self.events or batch.held >= HELD:
                    self._commit(batch)
                    self._delete(done)
                    batch, done = Batch(self.understand, forgotten, heard), []
                    if stop():
                        return self._loaded()
            if not one.live:
                done.append(one.path)
        for letter in dead_letters.to_retry(self.state.rows):
            if trusts.ready(letter.flags):
                batch.again(letter, trusts.guard(letter.flags))
                if batch.frames >= self.events or batch.held >= HELD:
                    self._commit(batch)
                    batch = Batch(self.understand, forgotten, heard)
        self._commit(batch)
        self._delete(done)
        trusts.note()
        return self._loaded()

    def _flags(self, one: folder.Segment) -> int | None:
        """What is to be done with the frames of a segment; None: nobody can tell any more."""
        descriptor = folder.open_segment(one)
        if descriptor is None:
            return 0
        try:
            return segment.flags(descriptor, str(one.path))
        except StoreError as e:
            if not one.live:  # its writer still has it; sealed, it comes here again
                place = without(self.state, self.spool.parent, one)
                _log.error("a segment is set aside", why=e.what, where=e.where, kept=str(place))
            return None
        finally:
            os.close(descriptor)

    def _records(self, one: folder.Segment) -> Iterator[segment.Record | segment.Damage]:
        """What is new in a segment."""
        start = position(self.state, one.name)
        descriptor = folder.open_segment(one)
        if descriptor is None:
            return
        try:
            yield from segment.read(
                descriptor, start, name=str(one.path), live=one.live, torn=one.torn
            )
        finally:
            os.close(descriptor)

    def _commit(self, batch: Batch) -> None:
        """Steps 1 to 4."""
        if not batch.frames:
            return
        fresh, hashed = self._fresh(batch)
        for event in fresh:
            batch.counts[event.source, "new"] += 1
        number = self.table.batch() + 1
        document = {
            "positions": batch.positions,
            "counts": [[source, name, n] for (source, name), n in _sum(batch).items() if n],
            "letters": batch.settled,
            "unmapped": unmapped.tally(
                (self._missed[event.id], event.topic, event.id)
                for event in fresh
                if event.id in self._missed
            ),
            "hearing": batch.hearing.document(fresh) if batch.hearing else {},
        }
        self._missed.clear()
        with self.state.transaction() as db:
            dead_letters.bury(db, batch.letters)
            if batch.damaged is not None:
                reopen(self.state, batch.damaged)
            db.execute("INSERT INTO pending VALUES (?, ?)", (number, json.dumps(document)))
            if not fresh:
                recovery.finish(self.state, number)
        if fresh:
            if batch.bodies:
                self.bodies.append(
                    [
                        Body(event.time, event.id, batch.bodies[event.id])
                        for event in fresh
                        if event.id in batch.bodies
                    ],
                    number,
                )
            if found := list(samples.from_events(fresh, batch.samples)):
                self.samples.append(found, number)
            version = self.table.append(fresh, number)
            self._ids.add(hashed, version)
            recovery.finish(self.state, number)
        self._counts.update(batch.counts)

    def _fresh(self, batch: Batch) -> tuple[list[Event], Hashes]:
        """The events that the table does not hold, and the hashes of their ids."""
        events = list(batch.events.values())
        hashed = np.frombuffer(b"".join(batch.digests), dtype="<u8")
        if not events:
            return [], hashed
        times = [e.time for e in events]
        known = self._ids.known(list(batch.events), hashed, (min(times), max(times)))
        if not known:
            return events, hashed
        for event in events:
            if event.id in known:
                batch.counts[event.source, "known"] += 1
        new = [i for i, e in enumerate(events) if e.id not in known]
        return [events[i] for i in new], hashed[new]

    def _delete(self, done: list[Path]) -> None:
        """Step 5."""
        if not done:
            return
        try:
            for path in done:
                path.unlink(missing_ok=True)
            sync_folder(self.spool)
        except OSError as e:
            raise StoreError(f"cannot delete a loaded segment: {e}", where=str(self.spool)) from e
        with self.state.transaction() as db:
            db.executemany("DELETE FROM segments WHERE name = ?", [(p.stem,) for p in done])

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


def _sum(batch: Batch) -> Counter[tuple[str, str]]:
    """All counts of a batch; those of letters that were read again may be negative."""
    total = Counter(batch.counts)
    total.update(batch.moved)
    return total


def position(state: State, name: str) -> int:
    """How many bytes of a segment are loaded."""
    found = state.rows("SELECT position FROM segments WHERE name = ?", name)
    return int(found[0][0]) if found else 0
