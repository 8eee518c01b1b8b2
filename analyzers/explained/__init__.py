"""Which events a cell of a query's table counts: a declaration for each query that counts events.

`EXPLANATIONS` maps the name of a query to its `Explanation`, `REASONS` the names of the others to
why they have none. The declarations select events by the row of the table, with the expressions of
the queries; `hubbub.run.explain` applies them.
"""

from __future__ import annotations

from collections.abc import Mapping

from hubbub.analyzers.explained import evenness, notebooks, objects, people, periods, returning
from hubbub.analyzers.explained.cell import Column, Explanation, Request

__all__ = ["EXPLANATIONS", "REASONS", "Column", "Explanation", "Request"]

EXPLANATIONS: Mapping[str, Explanation] = {
    **periods.EXPLANATIONS,
    **people.EXPLANATIONS,
    **returning.EXPLANATIONS,
    **objects.EXPLANATIONS,
    **evenness.EXPLANATIONS,
    **notebooks.EXPLANATIONS,
}

#: Queries without an explanation: why, and what to ask instead.
REASONS: Mapping[str, tuple[str, str]] = {
    "coverage": (
        "it is read from the ledger of what was received, not counted from events",
        "`hubbub query coverage --per source` states the proof of each span",
    ),
    "monitor_counts": (
        "it shows samples of a system, not events",
        "`hubbub query monitor_counts` shows each sample",
    ),
    "overload": (
        "its numbers are statistics of a person's actions over time, not counts of events",
        "explain `users` with --row user=NAME to see a person's events",
    ),
    "suspects": (
        "its numbers are measures of an account's rhythm, not counts of events",
        "explain `users` with --by agent --row user=NAME to see an account's events",
    ),
    "usage": (
        "it counts what the job `usage` stored for each day, not events",
        "explain `active_users` to count the stored events instead",
    ),
}
