"""`Explained`: a query, and the events that one of its cells counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubbub.analyzers.result import Result

__all__ = ["Explained"]


@dataclass(frozen=True, slots=True)
class Explained:
    """A query, and the events that one of its cells counts.

    Attributes:
        result: the answer of the query.
        definition: what the query counts, in words.
        filters: which events and people count, a sentence each.
        keys: the columns that identify a row.
        columns: the columns that can be explained, with what each counts.
        row: the row that was chosen; None: none was, and there are no events.
        column: the column that was chosen; empty without a row.
        cell: the value of that cell.
        number: the same number, from the events; None without a row.
        total: the events.
        page, pages: which page of them this is, from 1.
        events: the events of this page, newest first.
        rows: without a row: the first rows of the table.
        note: why the number differs from the cell; empty if it does not.
    """

    result: Result
    definition: str
    filters: Sequence[str]
    keys: Sequence[str]
    columns: Mapping[str, str]
    row: Mapping[str, Any] | None = None
    column: str = ""
    cell: Any = None
    number: Any = None
    total: int = 0
    page: int = 1
    pages: int = 1
    events: Sequence[Mapping[str, Any]] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    note: str = ""

    @property
    def equal(self) -> bool:
        """Whether the events give the number of the cell."""
        return _equal(self.cell, self.number)

    def document(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        document: dict[str, Any] = {
            "query": self.result.query,
            "parameters": dict(self.result.parameters),
            "coverage": self.result.coverage.document(self.result.zone),
            "definition": self.definition,
            "filters": list(self.filters),
            "keys": list(self.keys),
            "columns": dict(self.columns),
        }
        if self.row is None:
            return {**document, "row": None, "rows": [dict(row) for row in self.rows]}
        return {
            **document,
            "row": dict(self.row),
            "column": self.column,
            "counts": self.columns[self.column],
            "cell": self.cell,
            "number": self.number,
            "equal": self.equal,
            **({"note": self.note} if self.note else {}),
            "total": self.total,
            "page": self.page,
            "pages": self.pages,
            "events": [dict(event) for event in self.events],
        }


def _equal(cell: Any, number: Any) -> bool:
    if isinstance(cell, float) or isinstance(number, float):
        return cell is not None and number is not None and math.isclose(cell, number)
    return bool(cell == number)
