"""Checks of a mirror: can it be reached, read and written, and does it keep up."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hubbub.diagnosis.check import Check, Level, from_error
from hubbub.errors import HubbubError, UsageError
from hubbub.language.plurals import plural

if TYPE_CHECKING:
    from hubbub.store import Store
    from hubbub.store.mirror.place import Place
    from hubbub.store.stream.outgoing import Lag

__all__ = ["LAG", "check_lag", "check_mirror"]

#: Name of the check of how far a mirror is behind.
LAG = "copying to the mirror"
_SILENT = 600.0  # seconds without a pass after which no process seems to update a mirror
_BEHIND = 3_600.0  # seconds
_START = "start hubbub listen or hubbub serve, which update it, or run hubbub mirror --once"


def check_mirror(url: str, *, writing: bool) -> Iterator[Check]:
    """Check that a mirror can be reached, that this version of hubbub can read it, and its access.

    Args:
        url: of the mirror.
        writing: whether this machine copies events there; an object is then written and deleted.
    """
    from hubbub.store.mirror.place import Place

    name = "mirror"  # without its URL, which may hold a password until it was looked at
    try:
        place = Place(url)
        name = f"mirror {place.url}"
        place.reach()
        held = _content(place)
        if writing:
            _write(place)
    except HubbubError as error:
        yield from_error(name, error)
    else:
        yield Check(name, Level.OK, f"{held}; can be {'written' if writing else 'read'}")


def _content(place: Place) -> str:
    """Say what a mirror holds.

    Raises:
        StoreError: a newer hubbub wrote it, or it is damaged.
        SourceError, UsageError: it cannot be read.
    """
    from hubbub.store.mirror.documents import Documents
    from hubbub.store.mirror.tables import MirroredTables

    documents = Documents(place)
    documents.upkeep()
    collectors = len(documents.collectors())
    with TemporaryDirectory() as folder:
        tables = MirroredTables(place, Path(folder))
        version = tables.own(tables.table).refresh()
        if version < 0:
            return "empty"
        return f"{plural(tables.rows(), 'event')} of {plural(collectors, 'collector')}"


def _write(place: Place) -> None:
    """Write an object and delete it.

    Raises:
        SourceError, UsageError: that is not permitted, or fails.
    """
    if place.is_local and not place.is_there():  # the first collector makes the folder
        parent = Path(place.root).parent
        if not os.access(parent, os.W_OK | os.X_OK):
            raise UsageError(
                "this user cannot make the folder of the mirror",
                where=f"file://{parent}",
                hint="make it, or give this user the right to",
            )
        return
    path = f"doctor-{secrets.token_hex(8)}"
    place.write(path, b"written by hubbub doctor")
    place.delete(path)


def check_lag(url: str, store: Store) -> Check:
    """Check how far a mirror is behind a store, as the process says that keeps it up.

    Args:
        url: of the mirror, valid.
        store: an open store.
    """
    from hubbub.store.mirror.place import Place
    from hubbub.store.stream.outgoing import lags
    from hubbub.store.stream.places import FOLDER

    own = Place(url).url
    found = [lag for lag in lags(store.state, store.path / FOLDER) if lag.url == own]
    return _judged(found[0]) if found else Check(LAG, Level.WARNING, "not begun", _START)


def _judged(lag: Lag) -> Check:
    wait = plural(lag.files, "file waits", "files wait")
    behind = f"{wait}, the oldest for {lag.seconds:,.0f} s"
    if lag.error:
        hint = "nothing is lost: it goes on by itself when the cause is removed"
        return Check(LAG, Level.FAILED, f"the last pass failed: {lag.error}; {behind}", hint)
    if not lag.files:
        return Check(
            LAG, Level.OK, f"nothing waits; {plural(lag.events, 'event was', 'events were')} copied"
        )
    if lag.idle > _SILENT:
        return Check(LAG, Level.WARNING, f"{behind}; last tried {lag.idle:,.0f} s ago", _START)
    if lag.seconds > _BEHIND:
        hint = "see the log of the process that copies: hubbub mirror -v shows each pass"
        return Check(LAG, Level.WARNING, behind, hint)
    return Check(LAG, Level.OK, behind)
