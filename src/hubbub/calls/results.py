"""`NotebookResult`: a `Result` as users of `open` and `connect` get it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Self

from hubbub.analyzers.result import Result
from hubbub.language.plurals import plural

__all__ = ["NotebookResult"]


class NotebookResult(Result):
    """A `Result` that a notebook shows as a table; `result["data"]` is a part of its document."""

    __slots__ = ()

    @classmethod
    def of(cls, result: Result) -> Self:
        """Return the same result as this class."""
        return cls(**{field.name: getattr(result, field.name) for field in fields(result)})

    def __getitem__(self, part: str) -> Any:
        return self.document()[part]

    def _repr_html_(self) -> str:
        """HTML for Jupyter."""
        from hubbub.charts.picture.html import rows_table
        from hubbub.charts.picture.scale import span

        caption = (
            f"{self.query}: {plural(self.events, 'event')}, {span(self.since, self.until)}; "
            f"coverage {self.coverage.state}"
        )
        if isinstance(self.data, list) and self.data and isinstance(self.data[0], Mapping):
            columns = list(self.columns or self.data[0])
            rows = [[row.get(column) for column in columns] for row in self.data]
            return rows_table(caption, columns, rows)
        if isinstance(self.data, list):
            rows = [row if isinstance(row, list) else [row] for row in self.data]
            width = max(map(len, rows), default=0)
            return rows_table(caption, [str(i + 1) for i in range(width)], rows)
        parts = self.data.items() if isinstance(self.data, Mapping) else [("", self.data)]
        rows = [[name, v if isinstance(v, str) else json.dumps(v)] for name, v in parts]
        return rows_table(caption, ["part", "data"], rows)
