"""Intermediate results that are computed once and used by several expressions.

Their rows are held in memory, so this is for results that are small or costly to compute; an engine
of others (`hubbub.store.query.spark`) keeps large ones itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.store.query.engine import hold

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["materialise"]


def materialise(events: Events, table: ir.Table) -> ir.Table:
    """Return the rows of an expression as an in-memory table.

    An engine evaluates a lazy expression once for each use; a materialised one only here.

    Args:
        events: the events whose engine evaluates the expression.
        table: an expression over these events or over tables materialised before.
    """
    return hold(events.get_backend(), table)
