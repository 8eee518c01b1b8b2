"""Accesses to notebooks: which of the stored ones count, and what the others were.

Comes in: events, a list of staff, and which accounts are persons'. Goes out: a row for each access,
and expressions that say who counts. The rules are those of the notebook server whose numbers these
are (shared by `daily_metrics` and `material_usage`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from hubbub.analyzers.common.times import micros

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["FORMAT", "Accounts", "Rules", "accesses", "ignored", "time_of"]

#: Which accounts are persons.
Accounts = Literal["seed", "later", "all"]
#: The import format that these events come from, and their topic.
FORMAT = "notebook-events"
_TOPIC = "notebook.access"
_KILLING = "killing"
_SHORTEST = 28  # characters of a person's account, where it has no dot
_FILE, _LINE = 10**6, 10**12  # files and lines that `place` tells apart; both fit 64 bits


def accesses(events: Events) -> ir.Table:
    """A row for each access: `student`, `notebook` (as stored), `at` (µs), `place`, `killing`.

    `place` says in which order accesses are read: by time, then as they stand in their file. It is
    one number, since an engine finds the least number in half the time of the least struct. Files
    that have accesses in the same microsecond come one after another, in any order.
    """
    import ibis
    from ibis import _

    rows = events.filter(events.topic == _TOPIC).unnest_users(
        "time", "source", "seq", "action", "objects"
    )
    at = micros(rows.time)
    file = (_hash()(rows.source) % _FILE).cast("int64")
    place = at.cast("decimal(38,0)") * ibis.literal(_FILE * _LINE, "decimal(19,0)")
    return rows.select(
        student=_.user,
        notebook=ibis.coalesce(rows.objects[0], "-"),
        at=at,
        place=(place + (file * _LINE + rows.seq).cast("decimal(38,0)")).cast("decimal(38,0)"),
        killing=(_.action == _KILLING).fill_null(False),  # noqa: FBT003 - Ibis' own
    )


def time_of(place: Any) -> int:
    """The microseconds since the epoch of a place."""
    return int(place) // (_FILE * _LINE)


@cache
def _hash() -> Any:
    import ibis

    @ibis.udf.scalar.builtin(name="hash")  # type: ignore[untyped-decorator]
    def of_text(text: str) -> int:  # type: ignore[empty-body]
        ...

    return of_text


def ignored(people: Mapping[str, int], nobodies: Mapping[str, int]) -> dict[str, int]:
    """The diagnostics, of `number` accesses and `killing` among them.

    Args:
        people: of those who count.
        nobodies: of those who do not.
    """
    return {
        "ignored_action": people["killing"] + nobodies["killing"],
        "ignored_user": nobodies["number"] - nobodies["killing"],
        "counted": people["number"] - people["killing"],
    }


@dataclass(frozen=True, slots=True)
class Rules:
    """Who counts, and what notebooks are called.

    Attributes:
        staff: students who do not count.
        accounts: `seed`: an account that does not start with 32 lower-case hex digits is not a
            person's; `later`: one without a dot and shorter than 28 characters is not, and
            notebooks are named without their suffix; `all`: every account is.
    """

    staff: Collection[str]
    accounts: Accounts

    def nobody(self, student: ir.StringValue) -> ir.BooleanValue:
        """Whether a student does not count."""
        import ibis

        staff: ir.BooleanValue = student.isin(list(self.staff))
        if self.accounts == "seed":
            return staff | ~student.re_search("^[0-9a-f]{32}")
        if self.accounts == "later":
            return staff | ~(student.contains(".") | (student.length() >= _SHORTEST))
        return staff if self.staff else ibis.literal(value=False)

    @property
    def rename(self) -> bool:
        """Whether notebooks are called otherwise than stored."""
        return self.accounts == "later"

    def named(self, notebook: ir.StringValue) -> ir.StringValue:
        """Its path without empty and `.` parts (`./a//b` is `a/b`), without a notebook's suffix."""
        short = notebook.re_replace(r"/(?:\.?/)+", "/").re_replace(r"^(?:\./)+(.)", r"\1")
        short = short.re_replace(r"(.)/\.?$", r"\1")
        return short.re_replace(r"([^/])\.(?:ipynb|md|py)$", r"\1")
