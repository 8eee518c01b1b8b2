"""Whether a listener does its work, and what a person has to do where it does not.

Comes in: `Vitals`. Goes out: faults. A bus that is away is none: starting this service again brings
no bus back, and the gap is written down.
"""

from __future__ import annotations

from dataclasses import dataclass

from hubbub.live.vitals import Vitals

__all__ = ["MIN_FREE", "Fault", "faults"]

MAX_IDLE = 30.0  # s without a turn of the receive loop
MAX_LAG = 600.0  # s between the wire and the tables
MIN_FREE = 256 << 20  # bytes of the disk


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that does not work."""

    name: str  # stable, for an alert
    what: str
    hint: str


def faults(vitals: Vitals) -> list[Fault]:
    """What does not work; nothing: all is well."""
    found = []
    if vitals.idle > MAX_IDLE:
        what = f"nothing was received for {vitals.idle:.0f} s: the receive loop does not turn"
        found.append(Fault("stuck", what, "restart the service; the watchdog does so by itself"))
    if vitals.counts.blocked:
        what = f"cannot write, messages wait in memory: {vitals.counts.blocked}"
        found.append(Fault("blocked", what, "make room on the store's disk; writing then goes on"))
    if not vitals.loader_alive:
        hint = "it is started again; the log says why it died, and what was received is safe"
        found.append(Fault("loader", "the loader does not run", hint))
    kept = vitals.store
    if kept is None:
        found.append(Fault("store", vitals.fault, "hubbub verify says what is damaged"))
        return found
    if kept.queue.age > MAX_LAG:
        what = f"the tables are {kept.queue.age:.0f} s behind, {kept.queue.bytes:,} bytes wait"
        found.append(Fault("behind", what, "look for `cannot load` in the log"))
    if kept.free < MIN_FREE:
        hint = "make room, or let go of more with [retention]; where it ends, messages are lost"
        found.append(Fault("disk", f"{kept.free:,} bytes are free on the store's disk", hint))
    return found
