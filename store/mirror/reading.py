"""Read a mirror: a local folder that is opened as a store, whose tables are those of the mirror.

The folder lies in the user's cache and holds a state file with the collectors' ledgers and merged
accounts, copies of log entries, and what queries do not hold in memory. Data files are read where
they lie, and only the parts that a query needs. Nothing is written to the mirror.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubbub.errors import UsageError
from hubbub.store.disk.files import MIRROR, make_folder, replace_file
from hubbub.store.mirror.documents import Collector, Documents
from hubbub.store.mirror.place import PROTOCOL, Place
from hubbub.store.mirror.tables import MirroredTables
from hubbub.store.rollups.frozen import FROZEN
from hubbub.store.state import ledger
from hubbub.store.state.database import State
from hubbub.store.tables import samples

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Reading", "folder_for", "prepare", "synchronise"]

#: Key of the state: what it was filled with.
_FILLED = "reading:documents"
_STATE = "state.sqlite"
_EVERY = 5.0  # seconds after which a snapshot is looked up again


def folder_for(url: str) -> Path:
    """Return the local folder for a mirror, in the cache of the user.

    Raises:
        UsageError: not the URL of a mirror, or the account has no home folder.
    """
    import platformdirs

    try:
        cache = Path(platformdirs.user_cache_dir("hubbub"))
    except RuntimeError:  # an account without a home folder
        raise UsageError(
            "this account has no folder for what a mirror is read with",
            hint="set XDG_CACHE_HOME to a folder that this account may write",
        ) from None
    digest = hashlib.blake2s(Place(url).url.encode(), digest_size=8).hexdigest()
    return cache / "mirrors" / digest


def prepare(url: str, folder: Path) -> None:
    """Create or update the local folder for a mirror.

    Raises:
        UsageError: there is no mirror, or no permission.
        SourceError: it cannot be reached.
        StoreError: a newer hubbub wrote it.
    """
    place = Place(url)
    place.reach()
    collectors = Documents(place).collectors()
    if not collectors:
        raise UsageError(
            "there is no mirror here",
            where=place.url,
            hint="`hubbub mirror` makes one of a store",
        )
    make_folder(folder, private=True)
    make_folder(folder / "spool")
    with State(folder / _STATE) as state:
        _fill(state, collectors, Documents(place).upkeep().frozen)
    if not (folder / MIRROR).exists():
        replace_file(folder / MIRROR, json.dumps({"url": place.url}).encode())


def synchronise(folder: Path) -> None:
    """Update the local folder of a mirror; errors as in `prepare`."""
    prepare(json.loads((folder / MIRROR).read_bytes())["url"], folder)


def _fill(state: State, collectors: Sequence[Collector], frozen: int) -> None:
    """Put what the collectors said into the state, if it is new."""
    content = repr((frozen, [(c.id, c.spans, c.identity, c.columns) for c in collectors]))
    digest = hashlib.blake2s(content.encode()).hexdigest()
    if state.get(_FILLED) == digest:
        return
    with state.transaction() as db:
        db.execute("DELETE FROM spans")
        for span in _spans(collectors):
            ledger.record(db, span)
        db.execute("DELETE FROM identity")
        db.executemany("INSERT INTO identity VALUES (?, ?, ?, ?, ?, ?, ?)", _journal(collectors))
        state.set(FROZEN, frozen)
        names = dict.fromkeys(name for each in collectors for name in each.columns)
        state.set(samples.KEY, list(names) or None)
        state.set(_FILLED, digest)


def _spans(collectors: Sequence[Collector]) -> list[ledger.CoverageSpan]:
    """Return the spans of all; a source that several listen to is several sources."""
    users: dict[str, set[str]] = {}
    for each in collectors:
        for source, *_ in each.spans:
            users.setdefault(source, set()).add(each.id)
    spans = []
    for each in collectors:
        for row in each.spans:
            span = ledger.CoverageSpan(*row)
            if len(users[span.source]) > 1:
                span = replace(span, source=f"{span.source} [{each.id[:6]}]")
            spans.append(span)
    return sorted(spans, key=lambda span: span.recorded)


def _journal(collectors: Sequence[Collector]) -> list[tuple[Any, ...]]:
    """Return the merges of all as one journal, in the order of time."""
    entries = [(entry, each.id) for each in collectors for entry in each.identity]
    entries.sort(key=lambda found: (found[0][1], found[1], found[0][0]))
    numbers = {(owner, entry[0]): n for n, (entry, owner) in enumerate(entries, 1)}
    return [
        (numbers[owner, entry[0]], *entry[1:6], entry[6] and numbers[owner, entry[6]])
        for entry, owner in entries
    ]


class Reading:
    """The mirror behind a folder.

    Args:
        folder: made by `prepare`.
    """

    def __init__(self, folder: Path) -> None:
        self.place = Place(json.loads((folder / MIRROR).read_bytes())["url"])
        self._folder = folder

    @cached_property
    def tables(self) -> MirroredTables:
        """The tables; their snapshots are looked up again every few seconds."""
        base = self.place.root if self.place.is_local else f"{PROTOCOL}://{self.place.root}"
        tables = MirroredTables(self.place, self._folder / "tables", base)
        for table in tables:
            table.every = _EVERY
        return tables

    def attach(self, backend: Any) -> None:
        """Let an engine read the data files.

        Raises:
            UsageError: a library is missing.
        """
        if not self.place.is_local:
            from hubbub.store.mirror.object_files import file_system

            backend.register_filesystem(file_system(self.place))

    def refuse(self) -> UsageError:
        """Return the error for what would write."""
        return UsageError(
            "this is a mirror, which only its collectors write",
            where=self.place.url,
            hint="run this where a collector's store is, without --store or with its folder",
        )
