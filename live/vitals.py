"""The vital signs of a listener: what a monitor asks for, read in one go.

Comes in: a running listener with its loader, and a store of one's own. Goes out: `Vitals`. It takes
no lock that receiving or writing needs, opens no table, and names nobody: sources are told by kind.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from hubbub.collector.bus.listener import Counts, Listener
from hubbub.errors import HubbubError
from hubbub.store.loader.progress import Queue, LoadProgress

if TYPE_CHECKING:
    from hubbub.store.store import Store

__all__ = ["StoreVitals", "Loader", "Peer", "Vitals", "read_vitals"]

_REFUSED = "refused:"


class Loader(Protocol):
    """The process that loads, as its owner sees it."""

    restarts: int

    @property
    def alive(self) -> bool:
        """Whether it runs now."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One endpoint."""

    address: str
    connected: bool
    received: int  # messages since the start


@dataclass(frozen=True, slots=True)
class StoreVitals:
    """What the store knows. Counts are those of its whole life, by kind of source."""

    queue: Queue = field(default_factory=Queue)
    new: Mapping[str, int] = field(default_factory=dict)
    known: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[tuple[str, str], int] = field(default_factory=dict)  # (kind, reason)
    skipped: int = 0  # numbers of publishers that never came
    spans: Mapping[str, int] = field(default_factory=dict)  # by state
    seconds: Mapping[str, float] = field(default_factory=dict)  # of those spans
    free: int = 0  # bytes of the disk that we may use
    size: int = 0


@dataclass(frozen=True, slots=True)
class Vitals:
    """A listener at one moment."""

    counts: Counts
    peers: tuple[Peer, ...]
    still: float  # seconds since the receive loop turned
    loading: bool  # the loader's process runs
    restarts: int
    kept: StoreVitals | None  # None: the store cannot be read
    fault: str = ""  # why


def read_vitals(listener: Listener, loader: Loader, store: Store) -> Vitals:
    """All of it, as of now."""
    fault, kept = "", None
    try:
        kept = _kept(store)
    except (HubbubError, OSError) as error:
        fault = str(error)
    receiver = listener.receiver
    return Vitals(
        counts=listener.counts(),
        peers=tuple(
            Peer(one.address, one.state == "connected", one.received) for one in receiver.endpoints
        ),
        still=max(0.0, time.monotonic() - receiver.beat),
        loading=loader.alive,
        restarts=loader.restarts,
        kept=kept,
        fault=fault,
    )


def _kept(store: Store) -> StoreVitals:
    tallies: dict[str, Counter[str]] = {"new": Counter(), "known": Counter(), "skipped": Counter()}
    refused: Counter[tuple[str, str]] = Counter()
    for source, counts in store.state.counts().items():
        kind = source.partition(":")[0]
        for name, n in counts.items():
            if name.startswith(_REFUSED):
                refused[kind, name.removeprefix(_REFUSED)] += n
            elif name in tallies:
                tallies[name][kind] += n
    spans: Counter[str] = Counter()
    seconds: dict[str, float] = {}
    for span in store.spans():
        spans[span.state] += 1
        seconds[span.state] = seconds.get(span.state, 0) + (span.end - span.start) / 1e6
    disk = os.statvfs(store.path)
    return StoreVitals(
        queue=LoadProgress(store.state, store.spool_folder).queue(),
        new=tallies["new"],
        known=tallies["known"],
        refused=refused,
        skipped=tallies["skipped"].total(),
        spans=spans,
        seconds=seconds,
        free=disk.f_bavail * disk.f_frsize,
        size=disk.f_blocks * disk.f_frsize,
    )
