"""Rows of rollups without the forgotten names: the same sums under a pseudonym.

Comes in: the list, and row groups. Goes out: row groups. Each distinct name is looked at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from hubbub.collector.event import Event
from hubbub.store.forgotten import Forgotten
from hubbub.store.rollups import Rollup

__all__ = ["ScrubRollup"]


class ScrubRollup:
    """For `rewrite`: what `Forgotten.event` does to events, done to their sums."""

    def __init__(self, forgotten: Forgotten, table: Rollup) -> None:
        self.forgotten, self.table = forgotten, table

    def __call__(self, rows: Any) -> Any:
        """A row group."""
        names = [name for name in ("user", "topic", "category") if name in rows.schema.names]
        distinct = rows.select(names).group_by(names).aggregate([]).to_pylist()
        changed = {
            tuple(old.values()): new
            for old in distinct
            if (new := self._new(old)) != tuple(old.values())
        }
        if not changed:
            return rows
        before = zip(*(rows[name].to_pylist() for name in names), strict=True)
        after: list[Sequence[str]] = [changed.get(one, one) for one in before]
        for at, name in enumerate(names):
            column = pa.array([one[at] for one in after], pa.string())
            place = rows.schema.get_field_index(name)
            rows = rows.set_column(place, rows.schema.field(name), column)
        return self.table.combined(rows)  # two spellings may have become one

    def _new(self, old: dict[str, str]) -> tuple[str, ...]:
        """The names as an event would have them."""
        if "user" in old:
            return (self.forgotten.account(old["user"]),)
        event = Event("", 0, old["topic"], old["category"], None, (), (), None, 0, "", 0)
        event = self.forgotten.event(event)
        return event.topic, event.category
