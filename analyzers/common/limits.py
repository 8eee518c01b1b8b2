"""Checks of numeric options."""

from __future__ import annotations

from hubbub.errors import UsageError

__all__ = ["require_minimum"]


def require_minimum(value: int, option: str, *, minimum: int = 1) -> None:
    """Refuse a value below the minimum of an option.

    Raises:
        UsageError: the value is too small.
    """
    if value < minimum:
        raise UsageError(f"{value} is too small", where=option, hint=f"write {minimum} or more")
