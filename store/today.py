"""What day it is, as far as a store can tell: whether its clock is to be believed before things go.

Comes in: the time that the clock says. Goes out: a doubt, or none. A clock that jumped years ahead
would make everything older than its time, and retention would delete it all, in silence. Whoever
listens has seen the clock go on by itself, day by day, and hears messages of today.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hubbub.store.selection import Selection
from hubbub.times import from_micros, iso, to_micros

if TYPE_CHECKING:
    from hubbub.store.store import Store

__all__ = ["LAST", "LEAP", "doubt", "doubtful"]

LAST = "retention:last"  # key of the state: when retention ran last, µs
LEAP = timedelta(days=2)  # a clock that went on by more has to be borne out by what is stored


def doubtful(now: int, last: object) -> bool:
    """Whether a clock that was at `last` is further on than it can be; both in µs."""
    return isinstance(last, int) and now - last > LEAP // timedelta(microseconds=1)


def doubt(store: Store, now: datetime, begun: int | None = None) -> str:
    """Why the clock is not believed; empty: it is.

    It is where retention ran within `LEAP` before, or never, or an event is of about now: not only
    the newest, since a message may be dated years ahead.

    Args:
        store: the store.
        now: what the clock says.
        begun: what it said when this process began, µs: it counts where retention never ran.
    """
    last: Any = store.state.get(LAST) or begun
    if not doubtful(to_micros(now), last):
        return ""
    about = Selection(since=to_micros(now - LEAP), until=to_micros(now + LEAP))
    if store.events(about).count_events():
        return ""
    bounds = store.bounds()
    newest = None if bounds is None else from_micros(bounds[1])
    heard = "no event is stored" if newest is None else f"the newest event is of {iso(newest)}"
    return f"the clock says {iso(now)}, it was {iso(from_micros(last))} the last time, and {heard}"
