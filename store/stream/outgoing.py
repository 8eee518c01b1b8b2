"""Keep stored events for a mirror, in the order of storing, until the mirror has them.

    stream/mirror-DIGEST/NUMBER-SECONDS.parquet   a data file, and when it was put here

As in the stream for event handlers (`stream`), the files are hard links to data files of the table:
compaction and a shortened log lose nothing, and retention and forgetting treat them like the table.
Numbers grow by one and are never used again; a mirror writes the number of the last file that it
holds into its own table. The files of a new mirror begin with those that are stored already.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
import time
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hubbub.logger import get_logger
from hubbub.store.disk.errors import translate_errors
from hubbub.store.disk.files import make_folder, sync_folder
from hubbub.store.stream.links import Waiting, link, waiting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubbub.store.delta.table import Table
    from hubbub.store.state.database import State

__all__ = [
    "KEEP",
    "PREFIX",
    "Lag",
    "Outgoing",
    "catch_up",
    "drop",
    "folder_of",
    "lags",
    "outgoing",
    "register",
    "release",
]

#: Prefix of the keys of what is known of each mirror.
PREFIX = "mirror:"
#: How long events wait for a mirror that does not run; afterwards it begins again.
KEEP = timedelta(days=90)
_log = get_logger("hubbub.store")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a store knows of one of its mirrors.

    Attributes:
        url: of the mirror.
        collector: the name of this store in the mirror; another one after it was restored from a
            backup, since numbers would repeat.
        next: number of the next file.
        linked: version of the events table up to which its rows are waiting.
        done: the number that the mirror's table has.
        attempt: the number that is being written there.
        seen: when the mirror last ran, µs since the epoch.
        reached: when it last had everything, µs since the epoch; 0: never.
        events: that it took from this store.
        known: events that it had from another store already.
        error: why the last run failed; empty: it did not.
    """

    url: str
    collector: str
    next: int = 1
    linked: int = -1
    done: int = 0
    attempt: int = 0
    seen: int = 0
    reached: int = 0
    events: int = 0
    known: int = 0
    error: str = ""

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Return what a document of the state holds."""
        return cls(**document)

    @property
    def key(self) -> str:
        """The key of the document."""
        return PREFIX + _digest(self.url)

    def save(self, state: State, **changes: Any) -> Self:
        """Store these changes durably, and return what is known then.

        The loader and the mirror each change fields of their own, in processes of their own.
        """
        with state.transaction():
            found = state.get(self.key)
            if found is None or found["collector"] != self.collector:
                return replace(self, **changes)  # it was dropped, or begun again
            new = replace(self.of(found), **changes)
            state.set(new.key, asdict(new))
        return new


def _digest(url: str) -> str:
    return hashlib.blake2s(url.encode(), digest_size=8).hexdigest()


def folder_of(folder: Path, url: str) -> Path:
    """Return the folder of what waits for a mirror.

    Args:
        folder: of the stream.
        url: of the mirror.
    """
    return folder / f"mirror-{_digest(url)}"


def outgoing(state: State, url: str | None = None) -> list[Outgoing]:
    """Return what is known of all mirrors of a store, or of the one with this URL."""
    keys = state.keys(PREFIX) if url is None else [PREFIX + _digest(url)]
    return [Outgoing.of(found) for key in keys if (found := state.get(key)) is not None]


def register(table: Table, state: State, folder: Path, url: str) -> Outgoing:
    """Begin a mirror, or begin it again under another name. Needs the loader's lock.

    All stored events wait for it then.

    Args:
        table: of events.
        state: of the store.
        folder: of the stream.
        url: of the mirror.

    Raises:
        StoreError: no room, or damage.
    """
    drop(state, folder, url)
    now = time.time_ns() // 1000
    new = Outgoing(url, secrets.token_hex(6), seen=now)
    state.set(new.key, asdict(new))
    return _put(new, table, state, folder, [file.uri for file in table.files()])


def drop(state: State, folder: Path, url: str) -> None:
    """Forget a mirror, and what waits for it."""
    with translate_errors(folder):
        shutil.rmtree(folder_of(folder, url), ignore_errors=True)
    state.set(PREFIX + _digest(url), None)


def catch_up(table: Table, state: State, folder: Path) -> None:
    """Put the rows of new versions of the table there, for all mirrors. Needs the loader's lock.

    Raises:
        StoreError: no room, or damage.
    """
    for mirror in outgoing(state):
        version = table.version()
        if time.time_ns() // 1000 - mirror.seen > KEEP / timedelta(microseconds=1):
            _log.warning("a mirror is not waited for any longer", url=mirror.url, days=KEEP.days)
            drop(state, folder, mirror.url)
        elif version < mirror.linked:  # the end of the log was torn; its rows are stored again
            mirror.save(state, linked=version)
        elif version > mirror.linked:
            commits = table.entries.commits(mirror.linked + 1, version)
            if commits is None:  # unknown which rows are new: the mirror knows its own
                paths = [file.uri for file in table.files()]
            else:
                paths = [path for c in commits if not c.removed for path in c.added]
            _put(mirror, table, state, folder, paths)


def _put(
    mirror: Outgoing, table: Table, state: State, folder: Path, paths: Iterable[str]
) -> Outgoing:
    own, now, paths = folder_of(folder, mirror.url), int(time.time()), list(paths)
    with translate_errors(folder):
        make_folder(own)
        for file in waiting(own):
            if file.position.version >= mirror.next:  # of a process that died before it noted them
                file.path.unlink()
        for number, path in enumerate(paths, mirror.next):
            link(Path(path), own / f"{number:012d}-{now:012d}.parquet")
        sync_folder(own)
    return mirror.save(state, next=mirror.next + len(paths), linked=table.version())


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a mirror is behind its store."""

    url: str
    files: int  # that wait
    seconds: float  # since the oldest of them was stored
    idle: float  # seconds since the mirror last ran
    events: int  # that it took from this store
    known: int  # that it had from another one
    error: str


def lags(state: State, folder: Path) -> list[Lag]:
    """Return how far the mirrors of a store are behind; reads no file.

    Args:
        state: of the store.
        folder: of the stream.
    """
    now, found = time.time(), []
    for mirror in outgoing(state):
        waits = waiting(folder_of(folder, mirror.url))
        oldest = waits[0].position.file if waits else now
        lag = Lag(mirror.url, len(waits), max(0.0, now - oldest), max(0.0, now - mirror.seen / 1e6),
                  mirror.events, mirror.known, mirror.error)  # fmt: skip
        found.append(lag)
    return found


def release(folder: Path, files: Iterable[Waiting]) -> None:
    """Delete files that a mirror has.

    Args:
        folder: of the mirror's files.
        files: in it.
    """
    with translate_errors(folder):
        for file in files:
            file.path.unlink(missing_ok=True)
