"""Periods and alerts for programs: JSON documents, and rows of CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from hubbub.formats.tables import clean
from hubbub.live.terminal.periods import Period
from hubbub.spreadsheet import escape_formula
from hubbub.store.state.alerts import NewChange
from hubbub.times import from_micros
from hubbub.zones import Zone

__all__ = ["change_document", "csv_header", "csv_row", "period_document"]

_COLUMNS = ("end", "total_hits", "total_bytes", "max_section", "max_hit", "without_section")


def period_document(period: Period, zone: Zone) -> dict[str, Any]:
    """Return a period: `end`, and the statistics of the query `traffic`."""
    return {"end": zone.iso(from_micros(period.end)), **period.document()}


def change_document(change: NewChange, zone: Zone) -> dict[str, Any]:
    """Return an alert that was raised or ended, with the names that the query `alerts` gives."""
    return {
        "alert": change.state,
        "time": zone.iso(from_micros(change.time)),
        "measure": change.measure,
        "short_rate": change.measured,
        "long_rate": change.expected,
        **change.details,
    }


def csv_header() -> str:
    """Return the first row."""
    return _row(_COLUMNS)


def csv_row(period: Period, zone: Zone) -> str:
    """Return a period as a row."""
    document = period_document(period, zone)
    name = document["max_section"]
    document["max_section"] = "" if name is None else escape_formula(clean(name))
    return _row([document[column] for column in _COLUMNS])


def _row(values: Sequence[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue()
