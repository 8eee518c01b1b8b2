"""Take a snapshot of a listener, its loader and its store, for monitoring.

Taking it needs no lock of the receiving and writing threads and opens no table. It contains no
names of accounts, and sources only by kind.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from hubbub.collector.listening.listener import Counts, Listener
from hubbub.errors import HubbubError
from hubbub.store.loader.progress import LoadProgress, Queue
from hubbub.store.state import alerts, notifications
from hubbub.store.stream.outgoing import Lag, lags
from hubbub.store.stream.places import FOLDER

if TYPE_CHECKING:
    from hubbub.store.store import Store

__all__ = ["Loader", "Peer", "StoreVitals", "Vitals", "read_store", "read_vitals"]

_REFUSED = "refused:"
_DAY = 86_400_000_000  # µs


class Loader(Protocol):
    """The loader process, as seen by its owner."""

    restarts: int

    @property
    def alive(self) -> bool:
        """Whether the process is running."""


@dataclass(frozen=True, slots=True)
class Peer:
    """State of one endpoint."""

    address: str
    connected: bool
    received: int  # messages since the start
    report: Mapping[str, Any] = field(default_factory=dict)  # see `Connection.report`


@dataclass(frozen=True, slots=True)
class StoreVitals:
    """State of the store. Counts cover its whole lifetime, by kind of source."""

    queue: Queue = field(default_factory=Queue)
    new: Mapping[str, int] = field(default_factory=dict)
    known: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[tuple[str, str], int] = field(default_factory=dict)  # (kind, reason)
    skipped: int = 0  # sequence numbers of publishers that were never received
    spans: Mapping[str, int] = field(default_factory=dict)  # by state
    seconds: Mapping[str, float] = field(default_factory=dict)  # total length, by state
    free: int = 0  # bytes available on the disk
    size: int = 0  # bytes of the disk
    alerts: Mapping[tuple[str, str], int] = field(default_factory=dict)  # by rule and state
    alerts_on: Mapping[str, int] = field(default_factory=dict)  # by rule
    notifications: Mapping[str, int] = field(default_factory=dict)  # of alerts, by status
    mirrors: tuple[Lag, ...] = ()
    undelivered: int = 0  # of them, those that are retried, or failed within a day


@dataclass(frozen=True, slots=True)
class Vitals:
    """A snapshot of a listener."""

    counts: Counts
    peers: tuple[Peer, ...]
    idle: float  # seconds since the last iteration of the receive loop
    loader_alive: bool  # whether the loader process is running
    restarts: int  # of the loader process
    store: StoreVitals | None  # None: the store cannot be read
    fault: str = ""  # why the store cannot be read


def read_vitals(listener: Listener, loader: Loader, store: Store) -> Vitals:
    """Take a snapshot."""
    fault, stored = "", None
    try:
        stored = read_store(store)
    except (HubbubError, OSError) as error:
        fault = str(error)
    return Vitals(
        counts=listener.counts(),
        peers=tuple(
            Peer(each.address, each.state == "connected", each.received, each.report())
            for each in listener.connections
        ),
        idle=max(0.0, time.monotonic() - listener.beat),
        loader_alive=loader.alive,
        restarts=loader.restarts,
        store=stored,
        fault=fault,
    )


def read_store(store: Store) -> StoreVitals:
    """Return the state of a store; no table is opened.

    Raises:
        StoreError: it cannot be read.
        OSError: so for its disk.
    """
    totals: dict[str, Counter[str]] = {"new": Counter(), "known": Counter(), "skipped": Counter()}
    refused: Counter[tuple[str, str]] = Counter()
    for source, counts in store.state.counts().items():
        kind = source.partition(":")[0]
        for name, n in counts.items():
            if name.startswith(_REFUSED):
                refused[kind, name.removeprefix(_REFUSED)] += n
            elif name in totals:
                totals[name][kind] += n
    spans: Counter[str] = Counter()
    seconds: dict[str, float] = {}
    for span in store.spans():
        spans[span.state] += 1
        seconds[span.state] = seconds.get(span.state, 0) + (span.end - span.start) / 1e6
    changes, on = alerts.totals(store.state)
    disk = os.statvfs(store.path)
    return StoreVitals(
        queue=LoadProgress(store.state, store.spool_folder).queue(),
        new=totals["new"],
        known=totals["known"],
        refused=refused,
        skipped=totals["skipped"].total(),
        spans=spans,
        seconds=seconds,
        free=disk.f_bavail * disk.f_frsize,
        size=disk.f_blocks * disk.f_frsize,
        alerts=changes,
        alerts_on=on,
        notifications=notifications.counts(store.state),
        mirrors=tuple(lags(store.state, store.path / FOLDER)),
        undelivered=len(notifications.troubled(store.state, time.time_ns() // 1000 - _DAY)),
    )
