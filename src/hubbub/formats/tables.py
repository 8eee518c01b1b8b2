"""Conversion of a result, whatever the shape of its data, to a table.

Lists of records are tables already. Other documents get the long form, one row per number: `radar`
one per user and axis, `diff` one per name and label.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hubbub.analyzers.result import Result

__all__ = ["Table", "cell", "clean", "clean_lines", "table"]

# Needed by emoji and several scripts; every other format character can hide or reorder text.
_JOINERS = "\u200c\u200d"
_PRINTABLE_ASCII = re.compile(r"[\x20-\x7e]*")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # Unicode categories


class Table(NamedTuple):
    """Columns, and rows of cells: text, number, bool, None, or a nested value."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def clean(text: str) -> str:
    """Remove control, bidi and format characters; tabs and line breaks become spaces."""
    if _PRINTABLE_ASCII.fullmatch(text):
        return text
    return "".join(
        " " if char in "\t\n\r" else char
        for char in text
        if char in "\t\n\r" or char in _JOINERS or unicodedata.category(char) not in _HIDDEN
    )


def clean_lines(text: str) -> str:
    """Clean each line of a text; its line breaks stay."""
    return "\n".join(map(clean, text.split("\n")))


def cell(value: Any) -> str:
    """Format a cell as text: empty for None, lists joined by commas, nested values as JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, list) and all(isinstance(item, (str, int, float)) for item in value):
        return ", ".join(map(cell, value))
    return clean(json.dumps(value, ensure_ascii=False))


def _radar(data: Mapping[str, Any]) -> Table:
    rows = [
        (user, axis, count, total, share)
        for user, values in data["users"].items()
        for axis, total, count, share in zip(
            data["axes"], data["totals"], values["counts"], values["share"], strict=True
        )
    ]
    if not rows:
        return Table(("axis", "total"), list(zip(data["axes"], data["totals"], strict=True)))
    return Table(("user", "axis", "count", "total", "share"), rows)


def _series(data: Mapping[str, Any]) -> Table:
    """Convert `{"labels": […], COLUMN: {series: […]}, …}`: one row per series and label."""
    labels = data["labels"]
    columns = [name for name, value in data.items() if isinstance(value, Mapping)]
    names = dict.fromkeys(key for column in columns for key in data[column])
    missing = [None] * len(labels)
    rows = [
        (name, label, *(data[column].get(name, missing)[i] for column in columns))
        for name in names
        for i, label in enumerate(labels)
    ]
    return Table(("name", "label", *columns), rows)


def _list(data: list[Any], columns: Sequence[str]) -> Table:
    if all(isinstance(row, Mapping) for row in data):
        columns = tuple(columns) or tuple(dict.fromkeys(key for row in data for key in row))
        return Table(columns, [[row.get(column) for column in columns] for row in data])
    if all(isinstance(row, list) and len(row) == len(data[0]) for row in data):
        unnamed = [f"column {n + 1}" for n in range(len(data[0]))]
        return Table(columns or unnamed, data)
    return Table(("value",), [(value,) for value in data])


def table(result: Result) -> Table:
    """Convert the result's data to a table."""
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
