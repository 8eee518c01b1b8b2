"""The queries `users` and `objects`: totals of each, the busiest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.analyzers.common.limits import require_minimum
from hubbub.registry import query
from hubbub.store.query.months.totals import object_totals, user_totals
from hubbub.store.query.sums import exact_sum
from hubbub.store.query.times import moment

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["objects", "users"]


@query(names_people=True, accounts=("user",))
def users(events: Events, top: int | None = None) -> ir.Table:
    """Messages and bytes of each user, first and last seen; `--top N` only the N busiest.

    Args:
        events: The selected events.
        top: List only so many users, the busiest.
    """
    return _totals(user_totals(events), "user", top)


@query(names_people=False)
def objects(events: Events, top: int | None = None) -> ir.Table:
    """Messages and bytes of each object, first and last seen; `--top N` only the N busiest.

    Args:
        events: The selected events.
        top: List only so many objects, the busiest.
    """
    return _totals(object_totals(events), "object", top)


def _totals(rows: ir.Table, name: str, top: int | None) -> ir.Table:
    """Add up: the name, `messages`, `bytes` of these messages, `first` and `last` time."""
    from ibis import _

    if top is not None:
        require_minimum(top, "--top")
    totals = rows.group_by(name).agg(
        messages=_.messages.sum(),
        bytes=exact_sum(_.bytes),
        first=_["first"].min(),
        last=_["last"].max(),
    )
    totals = totals.mutate(first=moment(_["first"]), last=moment(_["last"]))
    totals = totals.order_by(_.messages.desc(), name)
    return totals if top is None else totals.limit(top)
