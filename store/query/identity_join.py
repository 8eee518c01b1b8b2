"""Apply merges of accounts to events, by joins with the merged accounts; for any engine.

Joins, because the cost of everything else grows with the number of merges: a CASE over 100 of them
takes a hundred times as long as the query itself (measured on DuckDB), a join the same time for one
as for thousands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.identity import Persons

__all__ = ["merge_accounts", "person_names", "repeated_accounts", "unnest_persons"]


def merge_accounts(rows: ir.Table, persons: Persons) -> ir.Table:
    """Replace accounts by persons in `agent` and `users`; each person once, `users` stay sorted."""
    if not persons:
        return rows
    import ibis

    names = _names(persons)
    # Each distinct list of users once: there are few, and fewer with a merged account.
    distinct = rows.filter(rows.users.length() > 0).select(stored=rows.users).distinct()
    accounts = distinct.mutate(account=distinct.stored.unnest())
    matched = accounts.left_join(names, accounts.account == names.merged)
    person = ibis.coalesce(matched.person, matched.account)
    lists = (
        matched.group_by("stored")
        .agg(persons=person.collect(distinct=True, order_by=person), hits=matched.person.count())
        .filter(lambda t: t.hits > 0)
    )
    joined = rows.left_join(lists, rows.users == lists.stored)
    joined = joined.left_join(names, joined.agent == names.merged)
    return joined.mutate(
        users=ibis.coalesce(joined.persons, joined.users),
        agent=ibis.coalesce(joined.person, joined.agent),
    ).select(*rows.columns)


def unnest_persons(rows: ir.Table, by: str, columns: Sequence[str], persons: Persons) -> ir.Table:
    """Return a row for each event and person, with these columns and `user`.

    Args:
        rows: events with accounts as stored.
        by: `agent` or `users`.
        columns: of the events, neither `agent` nor `users`.
        persons: not empty.
    """
    import ibis

    if by == "agent":
        accounts = rows.select(*columns, account=rows.agent).filter(lambda t: t.account.notnull())
    else:
        accounts = rows.select(*columns, "users").mutate(account=lambda t: t.users.unnest())
    names = _names(persons, include_names=by != "agent")
    matched = accounts.left_join(names, accounts.account == names.merged)
    if by != "agent":
        # Of several accounts of a person in one event the first in the person's order counts.
        repeated = matched.users.intersect(matched.earlier).length() > 0
        matched = matched.filter(matched.merged.isnull() | ~repeated)
    return matched.select(*columns, user=ibis.coalesce(matched.person, matched.account))


def repeated_accounts(rows: ir.Table, columns: Sequence[str], persons: Persons) -> ir.Table:
    """Return a row for each account of an event whose person has an earlier account in the event.

    Args:
        rows: events with accounts as stored.
        columns: of the events, to keep; `user` is added, the person.
        persons: not empty.
    """
    accounts = rows.select(*columns, "users").mutate(account=lambda t: t.users.unnest())
    names = _names(persons, include_names=True)
    matched = accounts.inner_join(names, accounts.account == names.merged)
    repeated = matched.filter(matched.users.intersect(matched.earlier).length() > 0)
    return repeated.select(*columns, user=repeated.person)


def person_names(persons: Persons) -> Any:
    """Return columns `merged` (an account of a person who has several) and `person`."""
    return _names(persons, include_names=True).select("merged", "person")


def _names(persons: Persons, *, include_names: bool = False) -> Any:
    """Return columns `merged` (an account), `person`, `earlier` (accounts of the person before it).

    Args:
        persons: not empty.
        include_names: also return a row for the account that gives the person's name.
    """
    import ibis
    import pyarrow as pa

    rows = [
        {"merged": account, "person": person, "earlier": accounts[:i]}
        for person, accounts in persons.accounts.items()
        for i, account in enumerate(accounts)
        if i or include_names
    ]
    text = pa.string()
    schema = pa.schema([("merged", text), ("person", text), ("earlier", pa.list_(text))])
    return ibis.memtable(pa.Table.from_pylist(rows, schema=schema))
