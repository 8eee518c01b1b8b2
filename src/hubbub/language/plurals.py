"""Messages with a number, whose words depend on it."""

from __future__ import annotations

import math

from hubbub.language.catalogue import filled, translations
from hubbub.language.numbers import amount

__all__ = ["ngettext", "npgettext", "plural"]

_FRACTION = 2  # a part of one takes the plural, as 2 does


def _whole(n: float) -> int:
    """Return a whole number whose form fits `n`."""
    return int(n) if n == int(n) else max(math.ceil(n), _FRACTION)


def plural(number: int, one: str, many: str = "") -> str:
    """Return a number with its words, in English: `1 file waits`, `1,024 files wait`.

    For messages of commands, logs and the server; what is translated has `ngettext`.

    Args:
        number: of things.
        one: the words for 1.
        many: those for all other numbers; if empty, `one` and an s.
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def ngettext(one: str, many: str, n: float, /, **values: object) -> str:
    """Return the message for a number.

    Args:
        one: the English sentence for 1.
        many: that for all other numbers.
        n: chooses the form; `{n}` is its place, formatted, unless `values` have another `n`.
        values: as in `_`.
    """
    catalogue, number = translations(), _whole(n)
    if catalogue is None:
        text = one if number == 1 else many
    else:
        text = catalogue.ngettext(one, many, number)
    return filled(text, {"n": amount(n), **values})


def npgettext(context: str, one: str, many: str, n: float, /, **values: object) -> str:
    """Return the message for a number, told from others of the same words by its context."""
    catalogue, number = translations(), _whole(n)
    if catalogue is None:
        text = one if number == 1 else many
    else:
        text = catalogue.npgettext(context, one, many, number)
    return filled(text, {"n": amount(n), **values})
