"""Times of Apache's `%{…}t`: a format of strftime, or a number of units since 1970.

A time may be written in several pieces: `%{%d/%b/%Y %T}t.%{usec_frac}t %{%z}t`. Each piece becomes
a part of a regular expression with a group for each directive; `joined` puts them together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["GROUP", "joined", "missing", "pieces"]

#: How the names of groups begin that are pieces of a time.
GROUP = "time_"
_TWO = "[0-9]{2}"
_DIRECTIVES = {
    "Y": "[0-9]{4}", "m": _TWO, "d": _TWO, "e": "[ 0-9]?[0-9]", "b": "[A-Z][a-z]{2}",
    "h": "[A-Z][a-z]{2}", "H": _TWO, "M": _TWO, "S": _TWO, "z": "[+-][0-9]{2}:?[0-9]{2}",
    "s": "[0-9]{1,10}", "a": "[A-Z][a-z]{2}", "A": "[A-Z][a-z]{2,8}",
}  # fmt: skip
_COMPOSED = {"%T": "%H:%M:%S", "%F": "%Y-%m-%d", "%R": "%H:%M"}
_UNITS = {"sec": "s", "msec": "s", "usec": "s", "msec_frac": "frac", "usec_frac": "frac"}
_SAME = {"e": "d", "h": "b"}  # directive → the group that it shares with another
_PIECE = re.compile(r"%(.)|(\s+)|(.)", re.DOTALL)


def pieces(argument: str, taken: set[str]) -> str | None:
    """Return the regular expression of an argument of `%{…}t`; None: it is not understood.

    Args:
        argument: such as `%d/%b/%Y %T`, `sec`, `begin:msec_frac`.
        taken: names of groups that exist already; those that are added are put in.
    """
    unit = _UNITS.get(argument.rpartition(":")[2])
    if unit is not None:
        return _group(unit, "[0-9]{1,19}", taken)
    for short, long in _COMPOSED.items():
        argument = argument.replace(short, long)
    parts = []
    for directive, space, literal in _PIECE.findall(argument):
        if space:
            parts.append(r"\s{1,16}")
        elif literal == "Z" and f"{GROUP}S" in taken:
            parts.append(_group("z", "Z", taken))
        elif literal or directive == "%":
            parts.append(re.escape(literal or directive))
        elif directive not in _DIRECTIVES:
            return None
        else:
            name = _SAME.get(directive, directive)
            parts.append(_group(name, _DIRECTIVES[directive], taken))
    return "".join(parts)


def _group(name: str, inner: str, taken: set[str]) -> str:
    name = GROUP + name
    if name in taken:
        return inner
    taken.add(name)
    return f"(?P<{name}>{inner})"


def missing(taken: set[str]) -> str | None:
    """Return what a time of these groups lacks; None: nothing, or there are none."""
    has = {name.removeprefix(GROUP) for name in taken if name.startswith(GROUP)}
    if not has or "s" in has:
        return None
    if not (has >= set("YdHMS") and has & set("mb")):
        return "has no whole time: a date and a time of day to the second"
    return None if "z" in has else "has a time without a zone: add %{%z}t"


def joined(found: Mapping[str, str]) -> str | None:
    """Return the time of a line's groups; None: there are none."""
    piece = {name.removeprefix(GROUP): found[name] for name in found if name.startswith(GROUP)}
    fraction = f".{piece['frac']}" if "frac" in piece else ""
    if "s" in piece:
        return piece["s"] + fraction
    if not piece:
        return None
    clock = f"{piece['H']}:{piece['M']}:{piece['S']}{fraction}"
    day = piece["d"].strip().zfill(2)
    if "m" in piece:
        return f"{piece['Y']}-{piece['m']}-{day}T{clock}{piece['z']}"
    zone = "+0000" if piece["z"] == "Z" else piece["z"]
    return f"{day}/{piece['b']}/{piece['Y']}:{clock} {zone}"
