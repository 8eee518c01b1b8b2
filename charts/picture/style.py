"""A community's colours and font, from a file: read, and checked for people's eyes.

Comes in: TOML. Goes out: a `Style`, and sentences about what may not be seen or told apart. It
never refuses a colour for its looks: whoever publishes decides.

    font = "Fira Sans"                # before the fonts that hubbub falls back to

    [light]                           # and [dark]; what is not named stays
    page = "#ffffff"                  # the ground
    text = "#1f2328"
    muted = "#59636e"                 # subtitles and labels
    guide = "#d9dee4"                 # lines behind the data
    base = "#8b949e"                  # the axis
    other = "#8b8f94"                 # "other"
    more = "#1a63c0"                  # bars up
    fewer = "#c25a00"                 # bars down
    warn = "#8a4600"                  # the badge of what is missing
    series = ["#1a2fc0", …]           # one to six; those not given stay
    heat = ["#dfe9f7", …]             # seven, from few to many

Contrast is that of WCAG 2.2 (4.5 for text, 3 for shapes). Colours are told apart by their distance
in OKLab, as seen with full sight and with each of the three dichromacies (Machado, Oliveira and
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

__all__ = ["StyleWarning", "contrast", "distance", "doubts", "load"]

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_FONT = re.compile(r"[\w][\w -]{0,60}")
_TEXT, _SHAPE = 4.5, 3.0  # WCAG 2.2: 1.4.3 and 1.4.11
_APART = 0.09  # OKLab; what hubbub comes with keeps 0.099
_HEAT = 7

Colour = tuple[float, float, float]
_EYES: Mapping[str, Sequence[Colour]] = {
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
    """Colours that some people will not see or tell apart."""


def _linear(colour: str) -> Colour:
    """Red, green and blue as light, 0…1."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))

    def light(v: float) -> float:
        return v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 (sRGB)

    return light(red), light(green), light(blue)


def _times(matrix: Sequence[Colour], v: Colour) -> Colour:
    one, two, three = (sum(m * c for m, c in zip(row, v, strict=True)) for row in matrix)
    return one, two, three


def contrast(one: str, two: str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    weights = ((0.2126, 0.7152, 0.0722),) * 3
    low, high = sorted(_times(weights, _linear(c))[0] for c in (one, two))
    return (high + 0.05) / (low + 0.05)


def _oklab(v: Colour) -> Colour:
    """Björn Ottosson's space, in which equal distances look equal."""
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


def distance(one: str, two: str, eyes: str = "") -> float:
    """How far apart two colours look (black and white: 1) to such eyes."""

    def seen(colour: str) -> Colour:
        red, green, blue = (min(max(c, 0), 1) for c in _times(_EYES[eyes], _linear(colour)))
        return _oklab((red, green, blue))

    pairs = zip(seen(one), seen(two), strict=True)
    return float(sum((a - b) ** 2 for a, b in pairs) ** 0.5)


def doubts(style: Style) -> list[str]:
    """What may not be seen or told apart, a sentence each; empty where all is well."""
    out: list[str] = []
    for theme, palette in (("light", style.light), ("dark", style.dark)):
        out += [f"{theme}: {said}" for said in _faint(palette)]
        out += [f"{theme}: {said}" for said in _alike(palette)]
    return out


def _faint(palette: Palette) -> Iterator[str]:
    named = [(n, getattr(palette, n), _TEXT) for n in ("text", "muted", "warn")]
    named += [(n, getattr(palette, n), _SHAPE) for n in ("more", "fewer", "other", "base")]
    named += [(f"series {i}", c, _SHAPE) for i, c in enumerate(palette.series, 1)]
    for name, colour, least in named:
        found = contrast(colour, palette.page)
        if found < least:
            yield (
                f"{name} {colour} is hard to see on {palette.page}: contrast {found:.1f}, "
                f"and {least:g} is needed"
            )


def _alike(palette: Palette) -> Iterator[str]:
    named = [(f"series {i}", c) for i, c in enumerate(palette.series, 1)]
    pairs = [*combinations(named, 2), (("more", palette.more), ("fewer", palette.fewer))]
    for (name, one), (other, two) in pairs:
        found = {eyes: distance(one, two, eyes) for eyes in _EYES}
        eyes = min(found, key=lambda e: found[e])
        if found[eyes] < _APART:
            who = f"with {eyes}" if found[""] >= _APART else "for anybody"
            yield f"{name} {one} and {other} {two} look alike {who} ({found[eyes]:.2f} apart)"


def load(path: Path) -> Style:
    """The style of a file; `doubts` says what is wrong with it.

    Raises:
        UsageError: the file cannot be read, or holds what is no style.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the style: {error.strerror}", where=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"the style is not TOML: {error}", where=str(path)) from error
    _known(document, ("font", "light", "dark"), str(path))
    fonts = FONTS
    if "font" in document:
        font = document["font"]
        if not isinstance(font, str) or not _FONT.fullmatch(font):
            raise UsageError("font is the name of one font, of letters and spaces", where=str(path))
        fonts = f'"{font}",{FONTS}'
    light = _palette(document.get("light", {}), LIGHT, f"{path}: [light]")
    dark = _palette(document.get("dark", {}), DARK, f"{path}: [dark]")
    return Style(light, dark, fonts)


def _known(table: Any, names: Sequence[str], where: str) -> None:
    if not isinstance(table, dict):
        raise UsageError("a table of names and colours belongs here", where=where)
    for name in table:
        if name not in names:
            raise UsageError(
                f"there is no {str(name)[:40]!r}", where=where, hint=f"there are {', '.join(names)}"
            )


def _palette(table: Any, base: Palette, where: str) -> Palette:
    _known(table, [f.name for f in fields(Palette)], where)
    given: dict[str, Any] = {}
    for name, value in table.items():
        kept = getattr(base, name)
        if isinstance(kept, str):
            given[name] = _colour(value, f"{where} {name}")
            continue
        if not isinstance(value, list) or not 1 <= len(value) <= len(kept):
            raise UsageError(f"{name} is a list of 1 to {len(kept)} colours", where=where)
        if name == "heat" and len(value) != _HEAT:
            raise UsageError(f"heat has {_HEAT} colours, from few to many", where=where)
        colours = tuple(_colour(v, f"{where} {name}") for v in value)
        given[name] = colours + kept[len(colours) :]
    return replace(base, **given)


def _colour(value: Any, where: str) -> str:
    if not isinstance(value, str) or not _COLOUR.fullmatch(value):
        raise UsageError(f"{str(value)[:40]!r} is no colour", where=where, hint='write "#1a2fc0"')
    return value.lower()
