"""Row transformations that replace forgotten names: in events, in bodies, in rollups.

Each takes the rows of a data file and returns the rows to be written; rollups keep the same sums
under the pseudonym.
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
from hubbub.store.tables.events import to_arrow, to_events

__all__ = ["ScrubBodies", "ScrubEvents", "ScrubRollup"]


class ScrubEvents:
    """Rows of events without the forgotten names.

    Attributes:
        rows: how many held one.
        ids: whether an id was one of the things that did.
    """

    def __init__(self, forgotten: Forgotten) -> None:
        self.forgotten, self.rows, self.ids = forgotten, 0, False

    def __call__(self, rows: Any) -> Any:
        """A row group."""
        held = _holding(rows, self.forgotten)
        if not held:
            return rows
        at = pa.array(sorted(held), pa.int64())
        old = to_events(rows.take(at))
        new = [self.forgotten.event(event) for event in old]
        self.rows += len(new)
        self.ids |= any(a.id != b.id for a, b in zip(old, new, strict=True))
        places = pa.array([i for i in range(rows.num_rows) if i not in held], pa.int64())
        both = pa.concat_tables([rows.take(places), to_arrow(new)])
        return both.take(pc.sort_indices(pa.concat_arrays([places, at])))


def _holding(rows: Any, forgotten: Forgotten) -> set[int]:
    """The places of the rows that hold a forgotten name: each distinct value is looked at once."""
    scalars = {
        "id": forgotten.identifier,
        "topic": forgotten.topic,
        "agent": forgotten.account,
        "action": forgotten.text,
        "source": forgotten.text,
    }
    held: set[int] = set()
    for name, test in scalars.items():
        column = rows[name].combine_chunks()
        bad = _bad(column, test)
        if len(bad):
            held.update(pc.indices_nonzero(pc.is_in(column, bad)).to_pylist())
    for name, test in (("users", forgotten.account), ("objects", forgotten.text)):
        column = rows[name].combine_chunks()
        flat = pc.list_flatten(column)
        bad = _bad(flat, test)
        if len(bad):
            parents = pc.list_parent_indices(column)
            held.update(parents.filter(pc.is_in(flat, bad)).to_pylist())
    extra = rows["extra"]
    if extra.null_count < len(extra):
        for at, one in enumerate(extra.to_pylist()):
            if any(forgotten.text(text) != text for pair in one or () for text in pair if text):
                held.add(at)
    return held


def _bad(column: Any, test: Callable[[str], str]) -> Any:
    """The distinct values that do not stay as they are."""
    values: Sequence[str | None] = pc.unique(column).to_pylist()
    return pa.array([v for v in values if v is not None and test(v) != v], pa.string())


class ScrubBodies:
    """Rows of bodies: one that holds a forgotten name becomes null, its id loses the name.

    Attributes:
        rows: how many bodies were dropped.
    """

    def __init__(self, forgotten: Forgotten) -> None:
        self.forgotten, self.rows = forgotten, 0

    def __call__(self, rows: Any) -> Any:
        """A row group."""
        ids, bodies = rows["id"].to_pylist(), rows["body"].to_pylist()
        new_ids = [self.forgotten.identifier(one) for one in ids]
        drop = [one is not None and self.forgotten.holds(one) for one in bodies]
        if new_ids == ids and not any(drop):
            return rows
        self.rows += sum(drop)
        kept = [None if gone else one for one, gone in zip(bodies, drop, strict=True)]
        columns = [rows["time"], pa.array(new_ids, pa.string()), pa.array(kept, pa.binary())]
        return pa.table(columns, schema=BODIES)


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
