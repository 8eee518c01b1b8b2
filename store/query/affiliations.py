"""Affiliations of accounts with organisations over time, read from a CSV file.

Nothing is guessed, in particular not from the domain of an e-mail address: an account that is not
in the file is "unknown".

    account,organisation,from,to
    alice,Example Corp,2019-03-01,2024-07-01
    alice,,2024-07-01,
    bob,Example University,,

Days are those of the request's time zone; `from` is the first day, `to` the first day after the
last. Without `from` or `to` the affiliation has no start or no end; an empty organisation means
"unknown".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

from hubbub.collector.names import normalise_object
from hubbub.errors import UsageError
from hubbub.store.query.identity import Persons
from hubbub.zones import UNIVERSAL, Zone

__all__ = ["ALWAYS", "STILL", "Affiliation", "by_person", "read"]

COLUMNS = ("account", "organisation", "from", "to")
#: An affiliation without a start or end has these.
ALWAYS, STILL = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
_MAX_BYTES = 64 << 20  # a larger file is taken for a mistake


@dataclass(frozen=True, slots=True)
class Affiliation:
    """A line of the file: `account` is with `organisation` in [start, end)."""

    account: str
    organisation: str
    start: datetime = ALWAYS
    end: datetime = STILL
    where: str = ""  # file and line


def read(path: Path, zone: Zone = UNIVERSAL) -> tuple[Affiliation, ...]:
    """Read the lines of a file, whose days are those of `zone`; a comment line begins with `#`.

    Raises:
        UsageError: the file cannot be read, lacks a column, or a line is invalid or contradicts
            another.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UsageError("this is too large for a file of affiliations", where=str(path))
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(
            f"the affiliations cannot be read: {error.strerror}", where=str(path)
        ) from error
    except UnicodeDecodeError:
        raise UsageError("the affiliations are not UTF-8", where=str(path)) from None
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: list[Affiliation] = []
    columns: list[int] = []
    try:
        for row in rows:
            if not any(cell.strip() for cell in row) or row[0].startswith("#"):
                continue
            where = f"{path}:{rows.line_num}"
            if not columns:
                columns = _column_indices(row, where)
            else:
                lines.append(_line(row, columns, where, zone))
    except csv.Error as error:
        raise UsageError(f"this is not CSV: {error}", where=f"{path}:{rows.line_num}") from None
    _check_overlaps(lines)
    return tuple(lines)


def by_person(lines: Iterable[Affiliation], persons: Persons) -> list[Affiliation]:
    """Return the lines by person: a line about any of a person's accounts applies to the person.

    Raises:
        UsageError: two accounts of a person are with different organisations at the same time.
    """
    merged = [replace(line, account=persons.name(line.account)) for line in lines]
    _check_overlaps(merged)
    return merged


def _column_indices(row: Sequence[str], where: str) -> list[int]:
    """Return the index of each column, from the header."""
    names = [cell.strip().lower() for cell in row]
    if missing := [name for name in COLUMNS if name not in names]:
        raise UsageError(
            f"the affiliations lack the column {missing[0]!r}",
            where=where,
            hint=f"the first line is {','.join(COLUMNS)}",
        )
    return [names.index(name) for name in COLUMNS]


def _line(row: Sequence[str], columns: Sequence[int], where: str, zone: Zone) -> Affiliation:
    cells = [row[index].strip() if index < len(row) else "" for index in columns]
    account = normalise_object(cells[0])
    if account is None:
        raise UsageError("a line without an account", where=where)
    start, end = _day(cells[2], ALWAYS, where, zone), _day(cells[3], STILL, where, zone)
    if start >= end:
        raise UsageError(
            f"{account!r} leaves on {cells[3]}, not after {cells[2]}",
            where=where,
            hint="`to` is the first day after the last one",
        )
    return Affiliation(account, normalise_object(cells[1]) or "", start, end, where)


def _day(cell: str, empty: datetime, where: str, zone: Zone) -> datetime:
    if not cell:
        return empty
    try:
        return zone.midnight(date.fromisoformat(cell))
    except (OverflowError, ValueError):
        raise UsageError(f"{cell!r} is not a date", where=where, hint="write 2026-01-31") from None


def _check_overlaps(lines: Sequence[Affiliation]) -> None:
    """Raise UsageError where an account is with two organisations at the same time."""
    ordered = sorted(lines, key=lambda line: (line.account, line.start))
    for before, after in pairwise(ordered):
        if before.account == after.account and after.start < before.end:
            raise UsageError(
                f"{after.account!r} is with two organisations from {after.start:%Y-%m-%d} on: "
                f"{before.organisation or 'unknown'} ({before.where})",
                where=after.where,
                hint="end the first line where the second begins",
            )
