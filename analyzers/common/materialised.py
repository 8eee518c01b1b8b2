"""Results that several questions share: computed once, and asked further in the engine.

Comes in: an expression. Goes out: a table with its rows. For small results, or costly ones: the
rows are in memory meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["held"]


def held(events: Events, table: ir.Table) -> ir.Table:
    """The same rows. Without it an engine computes an expression anew wherever it stands.

    Args:
        events: whose engine computes it.
        table: of these events, or of tables held before.
    """
    import ibis

    return ibis.memtable(events.get_backend().to_pyarrow(table))
