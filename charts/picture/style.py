"""Custom colours and font from a TOML file, and checks of their legibility.

`load` reads a `Style`; `check` finds colours that are hard to see or to tell apart. They are not
refused: the publisher decides.

    font = "Fira Sans"                # preferred to hubbub's own font list

    [light]                           # and [dark]; colours that are not set keep their defaults
    page = "#ffffff"                  # background
    text = "#1f2328"
    muted = "#59636e"                 # subtitles and labels
    guide = "#d9dee4"                 # lines behind the data
    base = "#8b949e"                  # the axis
    other = "#8b8f94"                 # "other"
    more = "#1a63c0"                  # bars up
    fewer = "#c25a00"                 # bars down
    warn = "#8a4600"                  # badge of incomplete coverage
    series = ["#1a2fc0", …]           # one to six; the others keep their defaults
    heat = ["#dfe9f7", …]             # seven, from few to many

Contrast follows WCAG 2.2 (4.5 for text, 3 for shapes). The difference between colours is their
distance in OKLab, with normal vision and with each of the three dichromacies (Machado, Oliveira and
Fernandes 2009, IEEE TVCG 15, severity 1).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from hubbub.charts.picture.theme import DARK, FONTS, LIGHT, Palette, Style
from hubbub.errors import UsageError

__all__ = ["StyleWarning", "check", "contrast", "distance", "load"]

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_FONT = re.compile(r"[\w][\w -]{0,60}")
_TEXT, _SHAPE = 4.5, 3.0  # WCAG 2.2: 1.4.3 and 1.4.11
_APART = 0.09  # in OKLab; hubbub's own colours are at least 0.099 apart
_HEAT = 7

Colour = tuple[float, float, float]
#: Colours in linear RGB as seen with this vision: "" is normal vision.
_VISION: Mapping[str, Sequence[Colour]] = {
    "": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}  # fmt: skip


class StyleWarning(UserWarning):
    """Some people will not see these colours, or cannot tell them apart."""


def _linear(colour: str) -> Colour:
    """Return linear red, green and blue, 0…1."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))

    def light(v: float) -> float:
        return v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 (sRGB)

    return light(red), light(green), light(blue)


def _times(matrix: Sequence[Colour], v: Colour) -> Colour:
    x, y, z = (sum(m * c for m, c in zip(row, v, strict=True)) for row in matrix)
    return x, y, z


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, from 1 (the same) to 21 (black and white)."""
    weights = ((0.2126, 0.7152, 0.0722),) * 3
    low, high = sorted(_times(weights, _linear(colour))[0] for colour in (first, second))
    return (high + 0.05) / (low + 0.05)


def _oklab(v: Colour) -> Colour:
    """Convert linear RGB to OKLab (Björn Ottosson), where equal distances look equal."""
    cones = _times(
        (
            (0.4122214708, 0.5363325363, 0.0514459929),
            (0.2119034982, 0.6806995451, 0.1073969566),
            (0.0883024619, 0.2817188376, 0.6299787005),
        ),
        v,
    )
    roots = tuple(max(c, 0) ** (1 / 3) for c in cones)
    return _times(
        (
            (0.2104542553, 0.7936177850, -0.0040720468),
            (1.9779984951, -2.4285922050, 0.4505937099),
            (0.0259040371, 0.7827717662, -0.8086757660),
        ),
        (roots[0], roots[1], roots[2]),
    )


def distance(first: str, second: str, vision: str = "") -> float:
    """Return how different two colours look (black and white: 1).

    Args:
        first: a colour, `#rrggbb`.
        second: another.
        vision: `protanopia`, `deuteranopia`, `tritanopia`; empty: normal vision.
    """

    def seen(colour: str) -> Colour:
        red, green, blue = (min(max(c, 0), 1) for c in _times(_VISION[vision], _linear(colour)))
        return _oklab((red, green, blue))

    pairs = zip(seen(first), seen(second), strict=True)
    return float(sum((a - b) ** 2 for a, b in pairs) ** 0.5)


def check(style: Style) -> list[str]:
    """Return a sentence for each colour or pair of colours that is hard to see or to tell apart."""
    warnings: list[str] = []
    for theme, palette in (("light", style.light), ("dark", style.dark)):
        warnings += [f"{theme}: {sentence}" for sentence in _faint(palette)]
        warnings += [f"{theme}: {sentence}" for sentence in _similar(palette)]
    return warnings


def _faint(palette: Palette) -> Iterator[str]:
    named = [(n, getattr(palette, n), _TEXT) for n in ("text", "muted", "warn")]
    named += [(n, getattr(palette, n), _SHAPE) for n in ("more", "fewer", "other", "base")]
    named += [(f"series {i}", c, _SHAPE) for i, c in enumerate(palette.series, 1)]
    for name, colour, least in named:
        ratio = contrast(colour, palette.page)
        if ratio < least:
            yield (
                f"{name} {colour} is hard to see on {palette.page}: contrast {ratio:.1f}, "
                f"at least {least:g} is needed"
            )


def _similar(palette: Palette) -> Iterator[str]:
    series = [(f"series {i}", c) for i, c in enumerate(palette.series, 1)]
    pairs = [*combinations(series, 2), (("more", palette.more), ("fewer", palette.fewer))]
    for (name, colour), (other_name, other) in pairs:
        distances = {vision: distance(colour, other, vision) for vision in _VISION}
        worst = min(distances, key=lambda vision: distances[vision])
        if distances[worst] < _APART:
            who = f"with {worst}" if distances[""] >= _APART else "to everyone"
            yield (
                f"{name} {colour} and {other_name} {other} look alike {who} "
                f"({distances[worst]:.2f} apart)"
            )


def load(path: Path) -> Style:
    """Read a style from a TOML file; `check` finds legibility problems.

    Raises:
        UsageError: the file cannot be read, or is not a valid style.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the style: {error.strerror}", where=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"the style is not TOML: {error}", where=str(path)) from error
    _check_names(document, ("font", "light", "dark"), str(path))
    fonts = FONTS
    if "font" in document:
        font = document["font"]
        if not isinstance(font, str) or not _FONT.fullmatch(font):
            raise UsageError(
                "font must be the name of one font",
                where=str(path),
                hint='write font = "Fira Sans"',
            )
        fonts = f'"{font}",{FONTS}'
    light = _palette(document.get("light", {}), LIGHT, f"{path}: [light]")
    dark = _palette(document.get("dark", {}), DARK, f"{path}: [dark]")
    return Style(light, dark, fonts)


def _check_names(table: Any, names: Sequence[str], where: str) -> None:
    if not isinstance(table, dict):
        raise UsageError("must be a table of names and colours", where=where)
    for name in table:
        if name not in names:
            raise UsageError(
                f"unknown name {str(name)[:40]!r}", where=where, hint=f"one of: {', '.join(names)}"
            )


def _palette(table: Any, base: Palette, where: str) -> Palette:
    _check_names(table, [f.name for f in fields(Palette)], where)
    changes: dict[str, Any] = {}
    for name, value in table.items():
        default = getattr(base, name)
        if isinstance(default, str):
            changes[name] = _colour(value, f"{where} {name}")
            continue
        if not isinstance(value, list) or not 1 <= len(value) <= len(default):
            raise UsageError(f"{name} must be a list of 1 to {len(default)} colours", where=where)
        if name == "heat" and len(value) != _HEAT:
            raise UsageError(f"heat must have {_HEAT} colours, from few to many", where=where)
        colours = tuple(_colour(v, f"{where} {name}") for v in value)
        changes[name] = colours + default[len(colours) :]
    return replace(base, **changes)


def _colour(value: Any, where: str) -> str:
    if not isinstance(value, str) or not _COLOUR.fullmatch(value):
        raise UsageError(f"not a colour: {str(value)[:40]!r}", where=where, hint='write "#1a2fc0"')

    return value.lower()
