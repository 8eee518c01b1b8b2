"""Accesses to notebooks: which of the stored ones count, and what the others were.

Comes in: events, a list of staff, and which accounts are persons'. Goes out: a row for each access
that counts, and how many do not. The rules are those of the notebook server whose numbers these are
(shared by `daily_metrics` and `material_usage`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import ibis.expr.types as ir

    from hubbub.store.engine import Events

__all__ = ["FORMAT", "Accounts", "accesses"]

#: Which accounts are persons.
Accounts = Literal["seed", "later", "all"]
#: The import format that these events come from, and their topic.
FORMAT = "notebook-events"
_TOPIC = "notebook.access"
_KILLING = "killing"
_SHORTEST = 28  # characters of a person's account, where it has no dot


def accesses(
    events: Events,
    staff: Collection[str],
    accounts: str,
    malformed: Callable[[str], list[int]],
) -> tuple[ir.Table, dict[str, Any]]:
    """Columns `time`, `source`, `seq`, `student`, `notebook`, and what did not count.

    The order of accesses is that of `time`, then `source` and `seq`: the file's.

    Args:
        events: of which those with the topic `notebook.access` are read.
        staff: students who do not count.
        accounts: `seed`: an account that does not start with 32 lower-case hex digits is not a
            person's; `later`: one without a dot and shorter than 28 characters is not, and
            notebooks are named without their suffix; `all`: every account is.
        malformed: gives the numbers of the lines of a format that could not be read.
    """
    import ibis
    from ibis import _

    columns = ("time", "source", "seq", "action", "objects")
    rows = events.filter(events.topic == _TOPIC).unnest_users(*columns)
    rows = rows.mutate(
        killing=(_.action == _KILLING).fill_null(False),  # noqa: FBT003 - Ibis' own
        nobody=_.user.isin(list(staff)) | ~_real(rows.user, accounts),
    )
    [found] = (
        rows.agg(
            ignored_action=_.killing.sum(),
            ignored_user=(~_.killing & _.nobody).sum(),
            counted=(~_.killing & ~_.nobody).sum(),
        )
        .to_pyarrow()
        .to_pylist()
    )
    name = rows.objects[0]
    counted = rows.filter(~_.killing, ~_.nobody).select(
        "time",
        "source",
        "seq",
        student=_.user,
        notebook=ibis.coalesce(_canonical(name) if accounts == "later" else name, "-"),
    )
    diagnostics = {name: int(number or 0) for name, number in found.items()}
    return counted, {"malformed_lines": malformed(FORMAT), **diagnostics}


def _real(user: ir.StringValue, accounts: str) -> ir.BooleanValue:
    import ibis

    if accounts == "seed":
        return user.re_search("^[0-9a-f]{32}")
    if accounts == "later":
        return user.contains(".") | (user.length() >= _SHORTEST)
    every: ir.BooleanValue = ibis.literal(value=True)
    return every


def _canonical(name: ir.StringValue) -> ir.StringValue:
    """The path without empty and `.` parts (`./a//b` is `a/b`), without its notebook's suffix."""
    short = name.re_replace(r"/(?:\.?/)+", "/").re_replace(r"^(?:\./)+(.)", r"\1")
    return short.re_replace(r"(.)/\.?$", r"\1").re_replace(r"([^/])\.(?:ipynb|md|py)$", r"\1")
