"""Detect faults of a listener, each with a hint for its operator.

An unreachable bus is not a fault: restarting this service would not help, and the gap is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hubbub.language.plurals import plural

if TYPE_CHECKING:  # `hubbub status` needs a limit alone
    from hubbub.live.vitals import Vitals
    from hubbub.store.stream.outgoing import Lag

__all__ = [
    "MAX_LAG",
    "MIN_FREE",
    "Fault",
    "faults",
    "mirror_faults",
    "status_of",
    "undelivered_fault",
]

MAX_IDLE = 30.0  # s since the last iteration of the receive loop
MAX_LAG = 600.0  # s from the arrival of a message until it is in the tables
MIN_FREE = 256 << 20  # bytes on the disk of the store


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem that needs attention."""

    name: str  # stable, for alerts
    what: str
    hint: str
    degraded: bool = False  # the service works; only a part of it does not


def status_of(detected: Iterable[Fault]) -> Literal["ok", "degraded", "failing"]:
    """Return `failing` where a fault is more than a degradation."""
    severities = {fault.degraded for fault in detected}
    return "failing" if False in severities else "degraded" if severities else "ok"


def undelivered_fault(number: int) -> list[Fault]:
    """Return a fault where notifications of alerts could not be delivered.

    Args:
        number: of those that are retried, or were given up within a day.
    """
    if not number:
        return []
    what = f"notifications of alerts that could not be delivered: {number:,}"
    hint = "`hubbub alerts history` shows the channels and the reasons"
    return [Fault("notifications", what, hint, degraded=True)]


def mirror_faults(mirrors: Iterable[Lag]) -> list[Fault]:
    """Return a fault for each mirror that is far behind: the store itself works."""
    detected = []
    for mirror in mirrors:
        if mirror.seconds > MAX_LAG:
            wait = plural(mirror.files, "file waits", "files wait")
            what = f"a mirror is {mirror.seconds:.0f} s behind, {wait}"
            why = f": {mirror.error}" if mirror.error else ""
            hint = f"what waits is safe{why}; see `hubbub status`"
            detected.append(Fault("mirror", what, hint, degraded=True))
    return detected


def faults(vitals: Vitals) -> list[Fault]:
    """Return the faults; empty if the listener is healthy."""
    detected = []
    if vitals.idle > MAX_IDLE:
        what = f"the receive loop has been stuck for {vitals.idle:.0f} s: nothing is received"
        detected.append(Fault("stuck", what, "restart the service, unless the watchdog does so"))
    if vitals.counts.blocked:
        what = f"writing fails, messages are held in memory: {vitals.counts.blocked}"
        detected.append(
            Fault("blocked", what, "free space on the store's disk; writing then resumes")
        )
    if not vitals.loader_alive:
        hint = (
            "it is restarted automatically; see the log for the reason. Received messages are safe"
        )
        detected.append(Fault("loader", "the loader is not running", hint))
    store = vitals.store
    if store is None:
        detected.append(Fault("store", vitals.fault, "run hubbub verify to find the damage"))
        return detected
    if store.queue.age > MAX_LAG:
        what = f"loading is {store.queue.age:.0f} s behind, {store.queue.bytes:,} bytes are queued"
        detected.append(Fault("behind", what, "search the log for `cannot load`"))
    if store.free < MIN_FREE:
        hint = "free space or shorten [retention]; messages are lost when the disk is full"
        detected.append(
            Fault("disk", f"only {store.free:,} bytes are free on the store's disk", hint)
        )
    return detected + mirror_faults(store.mirrors) + undelivered_fault(store.undelivered)
