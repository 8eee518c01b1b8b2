"""Numbers, shares and sizes as text, with the signs of the current language."""

from __future__ import annotations

import math

from hubbub.language.catalogue import N_, _, pgettext

__all__ = ["amount", "brief", "byte_size", "decimal", "percent", "signed", "tick"]

_UNITS = (1e12, N_("{n}T")), (1e9, N_("{n}G")), (1e6, N_("{n}M")), (1e3, N_("{n}k"))
_SIZES = (1e12, N_("{n} TB")), (1e9, N_("{n} GB")), (1e6, N_("{n} MB")), (1e3, N_("{n} kB"))
_THREE = 0.9995  # from this part of a unit on, three digits round up to it


def decimal(text: str) -> str:
    """Write a number such as `-1,234.5` with the signs of the language."""
    text = text.replace("-", "−")
    signs = pgettext("decimal sign", "."), pgettext("thousands sign", ",")
    if signs == (".", ","):
        return text
    return text.translate({ord("."): signs[0], ord(","): signs[1]})


def amount(value: float) -> str:
    """Format a number for a sentence: `18,505`, `3.4`, `0.044`, `0.0002`."""
    if value == int(value) and abs(value) < 1e15:  # noqa: PLR2004 (exact in a float)
        return decimal(f"{int(value):,}")
    magnitude = abs(value)
    if magnitude < 0.0005:  # noqa: PLR2004 (three decimals would make it 0)
        return decimal(f"{value:.1g}")
    digits = 0 if magnitude >= 100 else 1 if magnitude >= 1 else 3  # noqa: PLR2004
    return decimal(f"{value:,.{digits}f}")


def tick(value: float, step: float = 0) -> str:
    """Format an axis label: `0.2`, `40`, `4k`, `1.5M`; decimals follow from the axis' `step`."""
    magnitude = max(abs(value), abs(step))
    for size, unit in _UNITS:
        if magnitude >= size and (abs(value) >= size or value == 0):
            number = decimal(f"{round(value / size, 3):g}")
            return _(unit, n=number) if value else number
    if magnitude < 1e-4 and value:  # noqa: PLR2004 (smaller numbers are shorter as a power of ten)
        return decimal(f"{value:.1e}")
    digits = max(0, 1 - math.floor(math.log10(step))) if 0 < step < 1 else 3
    return decimal(f"{round(value, digits) or 0:g}")  # never −0


def brief(value: float) -> str:
    """Format a number with three digits: `708`, `1.29k`, `18.5k`."""
    for size, unit in _UNITS:
        if abs(value) >= size * _THREE:
            return _(unit, n=decimal(f"{value / size:.3g}"))
    return decimal(f"{value:.3g}")


def byte_size(n: float) -> str:
    """Format a number of bytes with three digits: `500 B`, `118 MB`."""
    for size, unit in _SIZES:
        if abs(n) >= size * _THREE:
            return _(unit, n=decimal(f"{n / size:.3g}"))
    return _("{n} B", n=decimal(f"{n:.3g}"))


def signed(value: float) -> str:
    """Format a change: `+387`, `−36`, `±0`."""
    return "±0" if not value else ("+" if value > 0 else "") + amount(value)


def percent(share: float) -> str:
    """Format a share: `65%`, `0.4%`, `<0.1%`; `0%` and `100%` are always exact."""
    points = share * 100
    if 0 < abs(points) < 0.1:  # noqa: PLR2004
        return ("<" if points > 0 else ">") + _points("0.1" if points > 0 else "-0.1")
    rounded = f"{points:.0f}" if abs(points) >= 1 or not points else f"{points:.1f}"
    if rounded == "100" and points < 100:  # noqa: PLR2004
        rounded = f"{math.floor(points * 10) / 10:.1f}"
    return _points(rounded)


def _points(text: str) -> str:
    return pgettext("percentage", "{n}%", n=decimal(text))
