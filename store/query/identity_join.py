"""Accounts that are one person, applied to events: joins with the few accounts that are merged.

Comes in: events with their accounts as stored, and `Persons`. Goes out: the same events with
persons in `agent` and `users`, or a row for each event and person. It knows no engine.

Joins, because everything else grows with the number of merges: a CASE over 100 of them costs a
hundred times the query itself (measured on DuckDB), a join the same for one and for thousands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.identity import Persons

__all__ = ["people", "table"]


def table(rows: ir.Table, persons: Persons) -> ir.Table:
    """The same columns; each person once in `users`, which stay sorted."""
    if not persons:
        return rows
    import ibis

    names = _names(persons)
    # Each distinct list of users once: there are few, and fewer that hold a merged account.
    each = rows.filter(rows.users.length() > 0).select(stored=rows.users).distinct()
    each = each.mutate(account=each.stored.unnest())
    found = each.left_join(names, each.account == names.merged)
    one = ibis.coalesce(found.person, found.account)
    lists = (
        found.group_by("stored")
        .agg(persons=one.collect(distinct=True, order_by=one), hits=found.person.count())
        .filter(lambda t: t.hits > 0)
    )
    joined = rows.left_join(lists, rows.users == lists.stored)
    joined = joined.left_join(names, joined.agent == names.merged)
    return joined.mutate(
        users=ibis.coalesce(joined.persons, joined.users),
        agent=ibis.coalesce(joined.person, joined.agent),
    ).select(*rows.columns)


def people(rows: ir.Table, by: str, columns: Sequence[str], persons: Persons) -> ir.Table:
    """A row for each event and person, with these columns and `user`.

    Args:
        rows: events with accounts as stored.
        by: `agent` or `users`.
        columns: of the events, neither `agent` nor `users`.
        persons: not empty.
    """
    import ibis

    if by == "agent":
        each = rows.select(*columns, account=rows.agent).filter(lambda t: t.account.notnull())
    else:
        each = rows.select(*columns, "users").mutate(account=lambda t: t.users.unnest())
    names = _names(persons, whole=by != "agent")
    found = each.left_join(names, each.account == names.merged)
    if by != "agent":
        # Of several accounts of a person in one event the first in the person's order counts.
        again = found.users.intersect(found.earlier).length() > 0
        found = found.filter(found.merged.isnull() | ~again)
    return found.select(*columns, user=ibis.coalesce(found.person, found.account))


def _names(persons: Persons, *, whole: bool = False) -> Any:
    """Columns `merged` (an account), `person` and `earlier` (accounts of the person before it).

    Args:
        persons: not empty.
        whole: with a row for the account that gives the name, too.
    """
    import ibis
    import pyarrow as pa

    rows = [
        {"merged": account, "person": person, "earlier": its[:place]}
        for person, its in persons.accounts.items()
        for place, account in enumerate(its)
        if place or whole
    ]
    text = pa.string()
    schema = pa.schema([("merged", text), ("person", text), ("earlier", pa.list_(text))])
    return ibis.memtable(pa.Table.from_pylist(rows, schema=schema))
