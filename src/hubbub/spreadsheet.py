"""CSV cells that a spreadsheet program does not run as formulas (OWASP: CSV injection)."""

from __future__ import annotations

__all__ = ["escape_formula"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # first characters of a text that would be run


def escape_formula(text: str) -> str:
    """Prefix text that would be run as a formula with an apostrophe.

    For texts only: a negative number is no formula.
    """
    return f"'{text}" if text.startswith(_FORMULA) else text
