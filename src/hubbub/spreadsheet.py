"""Protection of CSV cells against being run as formulas (OWASP: CSV injection)."""

from __future__ import annotations

__all__ = ["escape_formula"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # first characters that make a spreadsheet run a text


def escape_formula(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet program would run as a formula.

    For texts only: a negative number is not a formula.
    """
    return f"'{text}" if text.startswith(_FORMULA) else text
