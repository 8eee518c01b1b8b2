"""A result as a table: columns and rows of plain cells, whatever shape its data has.

Lists of records stay as they are. The documents that are no tables get the long form, one row per
number: `radar` a row per user and axis, `diff` a row per name and label.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hubbub.analyzers.result import Result

__all__ = ["Table", "clean", "table"]

# Joiners that emoji and several scripts need; every other format character can hide or turn text.
_JOINERS = "\u200c\u200d"
_HARMLESS = re.compile(r"[\x20-\x7e]*")


class Table(NamedTuple):
    """Columns, and rows of cells: text, number, bool, None, or a nested value."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def clean(text: str) -> str:
    """Text of strangers for a terminal or a cell: control, bidi and format characters removed."""
    if _HARMLESS.fullmatch(text):
        return text
    kept = (
        " " if char in "\t\n\r" else char
        for char in text
        if char in "\t\n\r" or char in _JOINERS or unicodedata.category(char) not in _HIDDEN
    )
    return "".join(kept)


_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def cell(value: Any) -> str:
    """A cell as text: empty for None, numbers as they are, nested values as JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, list) and all(isinstance(one, (str, int, float)) for one in value):
        return ", ".join(cell(one) for one in value)
    return clean(json.dumps(value, ensure_ascii=False))


def _radar(data: Mapping[str, Any]) -> Table:
    rows = [
        (user, axis, count, total, share)
        for user, its in data["users"].items()
        for axis, total, count, share in zip(
            data["axes"], data["totals"], its["counts"], its["share"], strict=True
        )
    ]
    if not rows:
        return Table(("axis", "total"), list(zip(data["axes"], data["totals"], strict=True)))
    return Table(("user", "axis", "count", "total", "share"), rows)


def _series(data: Mapping[str, Any]) -> Table:
    """`{"labels": […], NAME: {series: […]}, …}`: a row per series and label."""
    labels = data["labels"]
    numbers = [name for name, value in data.items() if isinstance(value, Mapping)]
    series = dict.fromkeys(key for name in numbers for key in data[name])
    rows = [
        (one, label, *(data[name].get(one, [None] * len(labels))[at] for name in numbers))
        for one in series
        for at, label in enumerate(labels)
    ]
    return Table(("name", "label", *numbers), rows)


def _list(data: list[Any], columns: Sequence[str]) -> Table:
    if all(isinstance(row, Mapping) for row in data):
        columns = tuple(columns) or tuple(dict.fromkeys(key for row in data for key in row))
        return Table(columns, [[row.get(column) for column in columns] for row in data])
    if all(isinstance(row, list) and len(row) == len(data[0]) for row in data):
        unnamed = [f"column {n + 1}" for n in range(len(data[0]))]
        return Table(columns or unnamed, data)
    return Table(("value",), [(value,) for value in data])


def table(result: Result) -> Table:
    """The result's data as a table."""
    data = result.data
    if isinstance(data, list):
        return _list(data, result.columns)
    if isinstance(data, Mapping):
        if {"axes", "totals", "users"} <= data.keys():
            return _radar(data)
        if isinstance(data.get("labels"), list):
            return _series(data)
        return Table(("name", "value"), list(data.items()))
    return Table(("value",), [(data,)])
