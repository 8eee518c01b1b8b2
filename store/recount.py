"""Messages a minute, counted again from the events table: to verify the counts, and to repair them.

Comes in: a store whose loader's lock is held. Goes out: the minutes whose count is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.store.hearing import BUS

if TYPE_CHECKING:
    from hubbub.store.store import Store

__all__ = ["recount"]

_MINUTE = 60_000_000  # µs


def recount(store: Store, *, repair: bool = False) -> list[int]:
    """Minutes since the epoch whose count differs from the events table's.

    Minutes before the oldest event are not looked at: retention may have taken their events.

    Args:
        store: nobody loads meanwhile.
        repair: write down the right counts.
    """
    from ibis import _

    bounds = store.bounds()
    if bounds is None:
        return []
    first = bounds[0] // _MINUTE + 1
    counted = (
        store.events()
        .filter(_.source.split(":")[0].isin(sorted(BUS)))
        .group_by(minute=_.time.epoch_seconds() // 60)
        .agg(n=_.count())
        .to_pyarrow()
        .to_pydict()
    )
    right = {int(m): int(n) for m, n in zip(counted["minute"], counted["n"], strict=True)}
    right = {minute: n for minute, n in right.items() if minute >= first}
    found = dict(store.state.rows("SELECT minute, n FROM minutes WHERE minute >= ?", first))
    wrong = sorted(m for m in right.keys() | found.keys() if right.get(m, 0) != found.get(m, 0))
    if repair and wrong:
        with store.state.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO minutes VALUES (?, ?)",
                [(m, right.get(m, 0)) for m in wrong],
            )
    return wrong
