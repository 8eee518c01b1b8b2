"""The cell that a request names: a row by the values of its key columns, and a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hubbub.analyzers.explained import Column, Explanation
from hubbub.errors import UsageError
from hubbub.run.errors import close_matches
from hubbub.zones import Zone

__all__ = ["choose_column", "choose_row", "parse_row"]

_LISTED = 20  # rows of which a hint shows the values


def parse_row(texts: Sequence[str]) -> dict[str, str]:
    """Split texts of the form KEY=VALUE.

    Raises:
        UsageError: a text has another form, or a key occurs twice.
    """
    row: dict[str, str] = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise UsageError(
                f"{text[:80]!r} does not name a row", where="--row", hint="write --row KEY=VALUE"
            )
        if key in row:
            raise UsageError(f"the key {key[:80]!r} is given twice", where="--row")
        row[key] = value
    return row


def choose_row(
    explanation: Explanation,
    rows: Sequence[Mapping[str, Any]],
    wanted: Mapping[str, str],
    zone: Zone,
) -> Mapping[str, Any]:
    """Return the only row with these values.

    Raises:
        UsageError: no row has them, or several have.
    """
    for key in wanted:
        if key not in explanation.keys:
            raise UsageError(
                f"{key[:80]!r} does not identify a row",
                where="--row",
                hint=close_matches(key[:80], explanation.keys),
            )
    found = [
        row for row in rows if all(_matches(row[key], text, zone) for key, text in wanted.items())
    ]
    if len(found) == 1:
        return found[0]
    if found:
        open_keys = [key for key in explanation.keys if len({row[key] for row in found}) > 1]
        raise UsageError(
            f"{len(found):,} rows of the table have these values",
            where="--row",
            hint=f"add --row {open_keys[0]}=VALUE, for example {_examples(found, open_keys[0])}",
        )
    key = next(iter(wanted))
    raise UsageError(
        "no row of the table has these values",
        where="--row",
        hint=f"{key} is for example {_examples(rows, key)}" if rows else "the table is empty",
    )


def _examples(rows: Sequence[Mapping[str, Any]], key: str) -> str:
    values = dict.fromkeys("" if row[key] is None else str(row[key]) for row in rows[:_LISTED])
    return ", ".join(value[:80] for value in list(values)[:3])


def _matches(value: Any, text: str, zone: Zone) -> bool:
    """Whether a cell is what a text says; times are compared as such, a date is its midnight."""
    if value is None:
        return text == ""
    if str(value) == text:
        return True
    if not isinstance(value, str):
        return False
    try:
        when, given = datetime.fromisoformat(value), datetime.fromisoformat(text)
    except ValueError:
        return False
    if given.tzinfo is None and when.tzinfo is not None:
        return when == zone.instant(given)
    return when == given if (given.tzinfo is None) == (when.tzinfo is None) else False


def choose_column(
    explanation: Explanation, row: Mapping[str, Any], name: str | None
) -> tuple[str, Column]:
    """Return the column to explain.

    Raises:
        UsageError: it does not count events, or the cell is empty.
    """
    columns = explanation.columns
    if name is None:
        name = next((each for each in columns if row[each] is not None), next(iter(columns)))
    if name not in columns:
        derived = " is computed from other numbers" if name in row else " does not exist"
        raise UsageError(
            f"the column {name[:80]!r}{derived}",
            where="--column",
            hint=f"explain one of {', '.join(columns)}",
        )
    if row[name] is None:
        raise UsageError(
            f"the cell {name!r} of this row is empty", where="--column", hint="choose another row"
        )
    return name, columns[name]
