"""Accesses to notebooks, and the rules for which of them count.

`daily_metrics` and `material_usage` share these rules, which are those of the notebook server that
first published such numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hubbub.analyzers.common.times import micros

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["FORMAT", "Accounts", "Rules", "access_counts", "accesses", "time_of"]

#: Which accounts count as persons.
Accounts = Literal["seed", "later", "all"]
#: The import format of these events, and their topic.
FORMAT = "notebook-events"
_TOPIC = "notebook.access"
_KILLING = "killing"
_SHORTEST = 28  # characters of a person's account, where it has no dot
_FILES, _LINES = 10**6, 10**12  # files and lines that `position` distinguishes; both fit 64 bits


def accesses(events: Events, *columns: str) -> ir.Table:
    """One row for each access: `student`, `notebook`, `at` (µs), `position`, `killing`.

    `notebook` is its name as stored. `position` orders accesses by time, then by their line in the
    file. It is a single number because the engine finds the minimum of a number in half the time of
    that of a struct. Accesses of several files in the same microsecond are ordered by the
    names of the files.
    """
    import ibis
    from ibis import _

    rows = events.filter(events.topic == _TOPIC).unnest_users(
        "time", "source", "seq", "action", "objects", *columns
    )
    files = rows.select("source").distinct()
    file = ibis.row_number().over(ibis.window(order_by="source")) % _FILES
    rows = rows.join(files.mutate(file=file), "source")
    at, line = micros(rows.time), rows.file * _LINES + rows.seq
    time = at.cast("decimal(38,0)") * ibis.literal(_FILES * _LINES, "decimal(19,0)")
    return rows.select(
        *(["time", *columns] if columns else []),
        student=_.user,
        notebook=ibis.coalesce(rows.objects[0], "-"),
        at=at,
        position=(time + line.cast("decimal(38,0)")).cast("decimal(38,0)"),
        killing=(_.action == _KILLING).fill_null(False),  # noqa: FBT003 - Ibis' own
    )


def time_of(position: Any) -> int:
    """Return the time of a position, in microseconds since the epoch."""
    return int(position) // (_FILES * _LINES)


def access_counts(included: Mapping[str, int], excluded: Mapping[str, int]) -> dict[str, int]:
    """Return the diagnostics: how many accesses count, and why others do not.

    Args:
        included: `number` of accesses of students who count, and `killing` ones among them.
        excluded: the same of those who do not count.
    """
    return {
        "ignored_action": included["killing"] + excluded["killing"],
        "ignored_user": excluded["number"] - excluded["killing"],
        "counted": included["number"] - included["killing"],
    }


@dataclass(frozen=True, slots=True)
class Rules:
    """Who counts, and how notebooks are named.

    Attributes:
        staff: students who do not count.
        accounts: which accounts belong to persons. `all`: all of them; `seed`: those that start
            with 32 lower-case hex digits; `later`: those with a dot or at least 28 characters, and
            notebooks are named without their suffix.
    """

    staff: Collection[str]
    accounts: Accounts

    def excludes(self, student: ir.StringValue) -> ir.BooleanValue:
        """Whether a student does not count."""
        import ibis

        staff: ir.BooleanValue = student.isin(list(self.staff))
        if self.accounts == "seed":
            return staff | ~student.re_search("^[0-9a-f]{32}")
        if self.accounts == "later":
            return staff | ~(student.contains(".") | (student.length() >= _SHORTEST))
        return staff if self.staff else ibis.literal(value=False)

    @property
    def renames(self) -> bool:
        """Whether notebooks get other names than the stored ones."""
        return self.accounts == "later"

    def renamed(self, notebook: ir.StringValue) -> ir.StringValue:
        """Path without empty and `.` parts (`./a//b` is `a/b`) and without a notebook's suffix."""
        short = notebook.re_replace(r"/(?:\.?/)+", "/").re_replace(r"^(?:\./)+(.)", r"\1")
        short = short.re_replace(r"(.)/\.?$", r"\1")
        return short.re_replace(r"([^/])\.(?:ipynb|md|py)$", r"\1")
