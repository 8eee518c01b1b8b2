"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hubbub.errors import HubbubError

__all__ = ["Check", "Level", "from_error"]


class Level(StrEnum):
    """How a check ended."""

    OK = "ok"
    UNKNOWN = "unknown"  # it cannot be known here
    WARNING = "warning"  # it works, and will not for long or not well
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """What was checked, what came of it, and what to do."""

    name: str
    level: Level
    what: str
    hint: str = ""


def from_error(name: str, error: HubbubError) -> Check:
    """Return the failed check of an error."""
    where = f"{error.where}: " if error.where and error.where not in name else ""
    return Check(name, Level.FAILED, f"{where}{error.what}", error.hint)
