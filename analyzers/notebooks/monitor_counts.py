"""The query `monitor_counts`: counts of a system over time.

Its data are one document of lists, ready for a plotting library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from hubbub.registry import query

if TYPE_CHECKING:
    from hubbub.store.tables.samples import SelectedSamples
    from hubbub.zones import Zone

__all__ = ["monitor_counts"]

_FORMAT = "notebook-counts"
_MEMORY = ("memory_free", "memory_available")


@query(names_people=False)
def monitor_counts(
    samples: SelectedSamples, malformed: Callable[[str], list[int]], zone: Zone
) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """System counts over time: one list for each column, named by the column plus `s`.

    `timestamps` has the times, as clocks in the time zone of the request show them. All
    lists have the same length, in the order of the file's lines, with null for missing
    values. The diagnostics have memory as percentages too. Only imported system counts are read;
    the filters by topic, user and so on do not apply to them.
    """
    from ibis import _

    columns = {name: f"v{number}" for number, name in enumerate(samples.columns)}
    lines = samples.table.group_by("time", "origin", "seq").agg(
        **{column: _.value.max(where=_.name == name) for name, column in columns.items()}
    )
    origins = samples.table.group_by("origin").agg(first=_.time.min())
    table = lines.join(origins, "origin").order_by("first", "origin", "seq").to_pyarrow()
    values = {name: table[column].to_pylist() for name, column in columns.items()}
    data = {f"{name}s": numbers for name, numbers in values.items()}
    data["timestamps"] = [
        f"{zone.local(time):%Y-%m-%dT%H:%M:%S}" for time in table["time"].to_pylist()
    ]
    diagnostics: dict[str, Any] = {"malformed_lines": malformed(_FORMAT)}
    if "memory_total" in values:
        diagnostics["memory_percent"] = {
            f"{name}_percent": _percent(values[name], values["memory_total"])
            for name in _MEMORY
            if name in values
        }
    return data, diagnostics


def _percent(parts: Sequence[int | None], totals: Sequence[int | None]) -> list[float | None]:
    return [
        None if part is None or not total else 100 * part / total
        for part, total in zip(parts, totals, strict=True)
    ]
