"""How many of the issues and pull requests that a repository opened are stored: an estimate.

A forge numbers them without holes. Between the lowest number that was opened in a range and the
highest that any event of the range names, every number was therefore opened; those that did not
come as opened were missed, unless they were deleted, or transferred from another repository, which
keeps their first date. So it is an estimate, and no proof in either direction.

GitHub and Pagure number issues and pull requests together, GitLab issues and merge requests each
for itself: an event says which numbers it counts among (`extra`: `number`, `numbers`,
`repository`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["REASON", "completeness", "numbered", "sentence"]

REASON = (
    "an estimate: numbers are given without holes, so one that did not come as opened was missed, "
    "unless it was deleted or transferred"
)


def numbered(events: Events) -> ir.Table:
    """Return a row for each repository and numbering, those with most missed numbers first.

    Columns: `repository` (`github.com/owner/name`), `numbers` (`issues and pull requests`),
    `first` and `last` (number), `opened` (different numbers that came as opened), `missed`.
    A repository of which none came as opened has no row.
    """
    from ibis import _

    rows = events.stored.filter(_.extra.notnull()).mutate(
        number=_.extra.get("number").try_cast("int64"),
        numbers=_.extra.get("numbers"),
        repository=_.extra.get("repository"),
        is_opened=_.action.endswith(".opened"),
    )
    rows = rows.filter(_.number.notnull(), _.numbers.notnull(), _.repository.notnull())
    found = rows.group_by("repository", "numbers").agg(
        first=_.number.min(where=_.is_opened),
        last=_.number.max(),
        opened=_.number.nunique(where=_.is_opened),
    )
    return (
        found.filter(_.opened > 0)
        .mutate(missed=_.last - _.first + 1 - _.opened)
        .order_by(_.missed.desc(), "repository", "numbers")
    )


def completeness(events: Events) -> list[dict[str, Any]]:
    """Return the rows of `numbered` as records, with `percent` and `estimate`, a sentence."""
    records = numbered(events).to_pyarrow().to_pylist()
    return [
        record
        | {
            "percent": _percent(record["opened"], record["opened"] + record["missed"]),
            "estimate": sentence(record),
            "reason": REASON,
        }
        for record in records
    ]


def _percent(part: int, whole: int) -> float:
    """Return a percentage; 100 only for all, 0 only for none."""
    return min(round(100 * part / whole, 1), 99.9 if part < whole else 100.0)


def sentence(record: dict[str, Any]) -> str:
    """Return the estimate in words."""
    first, last, opened = record["first"], record["last"], record["opened"]
    percent = _percent(opened, last - first + 1)
    return (
        f"the archive has {_rounded(percent)} of the {record['numbers']} that "
        f"{record['repository'].partition('/')[2]} opened "
        f"(numbers {first:,}\N{EN DASH}{last:,}; {opened:,} came as opened)"
    )


def _rounded(percent: float) -> str:
    """Format a percentage; one that is not all is never shown as 100 %."""
    if percent > 99 or percent < 1:  # noqa: PLR2004 - %
        return f"{percent:g} %"
    return f"{percent:.0f} %"
