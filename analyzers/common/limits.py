"""Checks of numeric options."""

from __future__ import annotations

from hubbub.errors import UsageError

__all__ = ["require_minimum", "require_numbers"]

#: Numbers in an answer that lists a value for each name and column: some 200 MB.
MOST_NUMBERS = 5_000_000


def require_minimum(value: int, option: str, *, minimum: int = 1) -> None:
    """Refuse a value below the minimum of an option.

    Raises:
        UsageError: the value is too small.
    """
    if value < minimum:
        raise UsageError(f"{value} is too small", where=option, hint=f"write {minimum} or more")


def require_numbers(names: int, columns: int, what: str, hint: str) -> None:
    """Refuse an answer that has a number for each name and column, if these are too many.

    Args:
        names: how many.
        columns: how many.
        what: names and columns as nouns.
        hint: how to ask for less.

    Raises:
        UsageError: these are more than `MOST_NUMBERS` numbers.
    """
    if names * columns > MOST_NUMBERS:
        raise UsageError(f"the answer would have {names * columns:,} numbers: {what}", hint=hint)
