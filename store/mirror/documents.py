"""What the collectors of a mirror tell each other and its readers: JSON objects beside the tables.

    collectors/ID.json   of each collector: when it ran last, its ledger, its merged accounts, and
                         up to which time its retention has deleted events and bodies
    private/ID.json      of each collector that has forgotten names: its key, and digests of the
                         names; who may read it can test whether a name he guesses is among them
    upkeep.json          what was done to the tables as a whole: see `upkeep`

Each collector writes only its own; `upkeep.json` is written by the one that does the upkeep.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from hubbub.errors import StoreError
from hubbub.store.mirror.place import Object, Place
from hubbub.store.policy import BODIES_CUT, EVENTS_CUT
from hubbub.store.state.pseudonyms import Forgotten
from hubbub.store.tables import samples

if TYPE_CHECKING:
    from hubbub.store.state.database import State

__all__ = [
    "FORM",
    "Collector",
    "Documents",
    "ForgottenNames",
    "Upkeep",
    "collector_of",
    "fingerprint",
    "holder",
    "names_of",
]

FORM = 1  # of the documents and of the folders
ALIVE = 600.0  # seconds without a sign after which another collector does the upkeep


class Collector(msgspec.Struct, frozen=True):
    """A collector. Times in µs since the epoch."""

    id: str
    seen: int
    form: int = FORM
    cut: int = 0  # retention has deleted older events
    bodies_cut: int = 0
    events: int = 0  # that it has brought
    spans: tuple[tuple[str, str, int, int, str, str, int], ...] = ()  # rows of the ledger
    identity: tuple[tuple[int, int, str, str, str, str, int | None], ...] = ()  # of the journal
    columns: tuple[str, ...] = ()  # names of gauges


class ForgottenNames(msgspec.Struct, frozen=True):
    """The names that a collector has forgotten."""

    key: str  # hexadecimal
    digests: dict[str, int]  # hexadecimal digest → number of units of the name

    def names(self) -> Forgotten:
        """Return what replaces them."""
        digests = {bytes.fromhex(digest): n for digest, n in self.digests.items()}
        return Forgotten(bytes.fromhex(self.key), digests)


class Upkeep(msgspec.Struct, frozen=True):
    """What was done to the tables as a whole. Times in µs since the epoch."""

    form: int = FORM
    cut: int = 0  # older events are deleted
    bodies_cut: int = 0
    frozen: int = 0  # sums of earlier times stay as they are: see `rollups.frozen`
    names: str = ""  # fingerprint of the forgotten names that were replaced everywhere
    scrubbed: int = -1  # the version of the table of events up to which they were


def collector_of(state: State, name: str, events: int) -> Collector:
    """Return what a store tells the others.

    Args:
        state: of the store.
        name: of the collector.
        events: that it has brought.
    """
    spans = state.rows('SELECT source, filters, start, "end", state, proof, asked FROM spans')
    journal = state.rows(
        "SELECT number, time, who, why, account, person, undoes FROM identity ORDER BY number"
    )
    return Collector(
        id=name,
        seen=time.time_ns() // 1000,
        cut=int(state.get(EVENTS_CUT) or 0),
        bodies_cut=int(state.get(BODIES_CUT) or 0),
        events=events,
        spans=tuple(spans),
        identity=tuple(journal),
        columns=samples.columns(state) if state.get(samples.KEY) else (),
    )


def names_of(state: State) -> ForgottenNames | None:
    """Return the names that a store has forgotten; None if there are none."""
    digests = dict(state.rows("SELECT digest, units FROM forgotten"))
    keys = state.rows("SELECT value FROM secrets WHERE name = 'forget'")
    if not digests or not keys:
        return None
    return ForgottenNames(keys[0][0].hex(), {d.hex(): n for d, n in sorted(digests.items())})


class Documents:
    """The documents of a mirror; those that did not change are not read again.

    Args:
        place: of the mirror.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._read: dict[str, tuple[tuple[int, float], bytes]] = {}

    def collectors(self) -> list[Collector]:
        """Return all collectors, by id.

        Raises:
            SourceError, UsageError: they cannot be read.
            StoreError: one is of a newer hubbub, or damaged.
        """
        return [
            self._decoded(content, Collector, path) for path, content in self._all("collectors")
        ]

    def forgotten(self) -> dict[str, ForgottenNames]:
        """Return the forgotten names by collector; errors as in `collectors`."""
        return {
            path.rpartition("/")[2].removesuffix(".json"): self._decoded(
                content, ForgottenNames, path
            )
            for path, content in self._all("private")
        }

    def upkeep(self) -> Upkeep:
        """Return what was done to the tables; errors as in `collectors`."""
        content = self._place.read("upkeep.json")
        return Upkeep() if content is None else self._decoded(content, Upkeep, "upkeep.json")

    def write(self, document: Collector | Upkeep) -> None:
        """Write a document as a whole."""
        name = f"collectors/{document.id}" if isinstance(document, Collector) else "upkeep"
        self._place.write(f"{name}.json", msgspec.json.encode(document))

    def write_names(self, collector: str, names: ForgottenNames) -> None:
        """Write the names that a collector has forgotten."""
        self._place.write(f"private/{collector}.json", msgspec.json.encode(names))

    def delete(self, collector: str) -> None:
        """Delete what a collector said that has another name now; its forgotten names stay."""
        self._place.delete(f"collectors/{collector}.json")

    def _all(self, folder: str) -> Iterable[tuple[str, bytes]]:
        for found in sorted(self._place.list(folder), key=lambda f: f.path):
            if found.path.endswith(".json") and (content := self._content(found)) is not None:
                yield found.path, content

    def _content(self, found: Object) -> bytes | None:
        known = self._read.get(found.path)
        # one that was written within the same second may have the same stamp as before
        if known and known[0] == found.stamp and time.time() - found.modified > 2:  # noqa: PLR2004
            return known[1]
        content = self._place.read(found.path)
        if content is not None:
            self._read[found.path] = found.stamp, content
        return content

    def _decoded(self, content: bytes, kind: Any, path: str) -> Any:
        try:
            document = msgspec.json.decode(content, type=kind)
        except msgspec.DecodeError as error:
            raise StoreError(
                f"a document of the mirror cannot be read: {error}",
                where=f"{self._place.url}/{path}",
                hint="delete it: the collector that wrote it will write it again",
            ) from None
        if getattr(document, "form", FORM) > FORM:
            raise StoreError(
                "a newer hubbub wrote this mirror",
                where=f"{self._place.url}/{path}",
                hint="install the newer hubbub",
            )
        return document


def fingerprint(names: dict[str, ForgottenNames]) -> str:
    """Return what tells these forgotten names from others; empty if there are none."""
    if not any(each.digests for each in names.values()):
        return ""
    lines = sorted({f"{each.key}:{digest}" for each in names.values() for digest in each.digests})
    return hashlib.blake2s("\n".join(lines).encode(), digest_size=16).hexdigest()


def holder(collectors: Sequence[Collector], own: str, now: int) -> bool:
    """Whether this collector does the upkeep: the first of those that run.

    Args:
        collectors: all.
        own: the id of this one.
        now: µs since the epoch.
    """
    alive = {each.id for each in collectors if now - each.seen < ALIVE * 1e6}
    return own == min(alive | {own})
