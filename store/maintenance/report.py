"""What a verification reports."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Fault", "Report"]


@dataclass(frozen=True, slots=True)
class Fault:
    """An inconsistency in a store."""

    part: str  # state, ledger, spool, stream, journal, dead-letters, logs, ids, or a table's name
    what: str
    where: str = ""
    hint: str = ""


@dataclass(slots=True)
class Report:
    """The result of a verification."""

    checked: dict[str, int] = field(default_factory=dict)  # kind of thing → how many
    faults: list[Fault] = field(default_factory=list)
    repaired: list[Fault] = field(default_factory=list)
    #: When the verification began that this one continued (seconds since the epoch), if it did,
    #: and how many files were not read again.
    continued: float | None = None
    skipped: int = 0

    @property
    def clean(self) -> bool:
        """Whether there is no fault, or none that was not repaired."""
        return not self.faults
