"""Row transformations for `rewrite` that replace forgotten names in events, bodies and rollups.

Each takes the rows of a row group and returns the rows to write instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hubbub.collector.event import Event
from hubbub.store.rollups.refresh import Rollup
from hubbub.store.state.pseudonyms import Forgotten
from hubbub.store.tables.bodies import BODIES
from hubbub.store.tables.event_rows import to_arrow, to_events

__all__ = ["ScrubBodies", "ScrubEvents", "ScrubRollup"]


class ScrubEvents:
    """Replace forgotten names in events.

    Attributes:
        rows: number of changed rows.
        ids: whether an id was changed.
    """

    def __init__(self, forgotten: Forgotten) -> None:
        self.forgotten, self.rows, self.ids = forgotten, 0, False

    def __call__(self, rows: Any) -> Any:
        """Transform a row group."""
        affected = _affected_rows(rows, self.forgotten)
        if not affected:
            return rows
        changed = pa.array(sorted(affected), pa.int64())
        old = to_events(rows.take(changed))
        new = [self.forgotten.event(event) for event in old]
        self.rows += len(new)
        self.ids |= any(a.id != b.id for a, b in zip(old, new, strict=True))
        unchanged = pa.array([i for i in range(rows.num_rows) if i not in affected], pa.int64())
        both = pa.concat_tables([rows.take(unchanged), to_arrow(new)])
        return both.take(pc.sort_indices(pa.concat_arrays([unchanged, changed])))


def _affected_rows(rows: Any, forgotten: Forgotten) -> set[int]:
    """Return the indices of rows with a forgotten name; each distinct value is tested once."""
    scalars = {
        "id": forgotten.identifier,
        "topic": forgotten.topic,
        "agent": forgotten.account,
        "action": forgotten.text,
        "source": forgotten.text,
    }
    affected: set[int] = set()
    for name, scrub in scalars.items():
        column = rows[name].combine_chunks()
        changing = _changing(column, scrub)
        if len(changing):
            affected.update(pc.indices_nonzero(pc.is_in(column, changing)).to_pylist())
    for name, scrub in (("users", forgotten.account), ("objects", forgotten.text)):
        column = rows[name].combine_chunks()
        flat = pc.list_flatten(column)
        changing = _changing(flat, scrub)
        if len(changing):
            parents = pc.list_parent_indices(column)
            affected.update(parents.filter(pc.is_in(flat, changing)).to_pylist())
    extra = rows["extra"]
    if extra.null_count < len(extra):
        for i, pairs in enumerate(extra.to_pylist()):
            if any(forgotten.text(text) != text for pair in pairs or () for text in pair if text):
                affected.add(i)
    return affected


def _changing(column: Any, scrub: Callable[[str], str]) -> Any:
    """Return the distinct values that `scrub` changes."""
    values: Sequence[str | None] = pc.unique(column).to_pylist()
    return pa.array([v for v in values if v is not None and scrub(v) != v], pa.string())


class ScrubBodies:
    """Set bodies with a forgotten name to null, and replace it in their ids.

    Attributes:
        rows: number of deleted bodies.
    """

    def __init__(self, forgotten: Forgotten) -> None:
        self.forgotten, self.rows = forgotten, 0

    def __call__(self, rows: Any) -> Any:
        """Transform a row group."""
        ids, bodies = rows["id"].to_pylist(), rows["body"].to_pylist()
        new_ids = [self.forgotten.identifier(event_id) for event_id in ids]
        delete = [body is not None and self.forgotten.holds(body) for body in bodies]
        if new_ids == ids and not any(delete):
            return rows
        self.rows += sum(delete)
        new_bodies = [None if d else body for body, d in zip(bodies, delete, strict=True)]
        columns = [rows["time"], pa.array(new_ids, pa.string()), pa.array(new_bodies, pa.binary())]
        return pa.table(columns, schema=BODIES)


class ScrubRollup:
    """Replace forgotten names in a rollup, as `Forgotten.event` does in events; sums stay."""

    def __init__(self, forgotten: Forgotten, table: Rollup) -> None:
        self.forgotten, self.table = forgotten, table

    def __call__(self, rows: Any) -> Any:
        """Transform a row group."""
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
        after: list[Sequence[str]] = [changed.get(values, values) for values in before]
        for i, name in enumerate(names):
            column = pa.array([values[i] for values in after], pa.string())
            index = rows.schema.get_field_index(name)
            rows = rows.set_column(index, rows.schema.field(name), column)
        return self.table.combined(rows)  # two names may have become the same

    def _new(self, old: dict[str, str]) -> tuple[str, ...]:
        """Return the names as in the changed event."""
        if "user" in old:
            return (self.forgotten.account(old["user"]),)
        event = Event("", 0, old["topic"], old["category"], None, (), (), None, 0, "", 0)
        event = self.forgotten.event(event)
        return event.topic, event.category
