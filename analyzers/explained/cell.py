"""What a declaration consists of: the rows of a query's table, and the events behind each column.

A declaration gives for a row and a column the counted rows: a table with the columns `id` and
`time` of the event, `size` (bytes) where bytes are summed, and `user` or `object` where a row is
one of those of an event. The number is an aggregate of these rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.times import micros
from hubbub.store.query.sums import exact_sum
from hubbub.times import to_micros

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.affiliations import Affiliation
    from hubbub.store.query.events import Events

__all__ = [
    "Column",
    "Explanation",
    "Request",
    "Row",
    "between",
    "bytes_of",
    "distinct_objects",
    "distinct_users",
    "mentions",
    "messages",
    "number",
    "time_of",
    "touches",
]

#: A row of the query's table, JSON-ready: times are ISO 8601 texts.
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A query that was answered, and the events that it was answered from."""

    events: Events
    since: datetime
    until: datetime
    values: Mapping[str, Any]  # the query's own parameters, converted, defaults included
    diagnostics: Mapping[str, Any]  # of the result
    affiliations: tuple[Affiliation, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a query's table whose cells count events.

    Attributes:
        means: what the cell counts, in words.
        counted: the rows that the cell of a row counts.
        number: the cell from these rows.
    """

    means: str
    counted: Callable[[Request, Row], ir.Table]
    number: Callable[[ir.Table], ir.Scalar]


@dataclass(frozen=True, slots=True)
class Explanation:
    """How the cells of a query select events.

    Attributes:
        keys: the columns that identify a row.
        columns: the columns that count events, by name; the first is the default.
        records: the rows of the query's data; None: the data are a list of records.
        refuses: why a request cannot be explained; empty if it can.
    """

    keys: Sequence[str]
    columns: Mapping[str, Column]
    records: Callable[[Any], list[dict[str, Any]]] | None = field(default=None)
    refuses: Callable[[Mapping[str, Any]], str] = field(default=lambda _values: "")


def messages(request: Request) -> ir.Table:
    """Return a row for each event."""
    return request.events.stored.select("id", "time", "size", "topic", "category", "objects")


def mentions(request: Request, *columns: str) -> ir.Table:
    """Return a row for each event and person whom it names."""
    return request.events.unnest_users("id", "time", "size", *columns)


def touches(request: Request) -> ir.Table:
    """Return a row for each event, person and object that it names."""
    people = request.events.unnest_users("id", "time", "size", "objects")
    return people.select("id", "time", "size", "user", object=people.objects.unnest())


def time_of(text: str) -> datetime:
    """Return the time of a cell."""
    return datetime.fromisoformat(text)


def between(rows: ir.Table, start: datetime, end: datetime) -> ir.Table:
    """Return the rows of [start, end)."""
    at = micros(rows.time)
    return rows.filter(at >= to_micros(start), at < to_micros(end))


def number(rows: ir.Table) -> ir.Scalar:
    """Count the rows."""
    return rows.count()


def distinct_users(rows: ir.Table) -> ir.Scalar:
    """Count the different users."""
    return rows.user.nunique()


def distinct_objects(rows: ir.Table) -> ir.Scalar:
    """Count the different objects."""
    return rows.object.nunique()


def bytes_of(rows: ir.Table) -> ir.Scalar:
    """Sum the bytes of the rows; 0 if there are none."""
    return exact_sum(rows["size"]).fill_null(0)
