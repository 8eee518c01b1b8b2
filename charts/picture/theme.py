"""Colours and CSS of a picture: light, dark, or as the reader's screen prefers (`auto`).

Elements have roles (CSS classes). Each role gets presentation attributes, so that a picture is
legible without its style sheet, and CSS rules. No CSS variables: rasterisers paint them black.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

__all__ = [
    "DARK",
    "DEFAULT_STYLE",
    "FONTS",
    "LIGHT",
    "Palette",
    "Style",
    "Theme",
    "attributes",
    "css",
]

Theme = Literal["auto", "light", "dark"]
FONTS = '"Noto Sans","Open Sans","DejaVu Sans",Verdana,sans-serif'


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of one theme; `style.check` measures their contrast and how different they look."""

    page: str
    text: str
    muted: str
    guide: str
    base: str
    series: tuple[str, ...]
    other: str
    more: str
    fewer: str
    warn: str
    heat: tuple[str, ...]  # from few to many


LIGHT = Palette(
    page="#ffffff",
    text="#1f2328",
    muted="#59636e",
    guide="#d9dee4",
    base="#8b949e",
    series=("#1a2fc0", "#c9731a", "#007b60", "#8a1478", "#524f00", "#2a90f5"),
    other="#8b8f94",
    more="#1a63c0",
    fewer="#c25a00",
    warn="#8a4600",
    heat=("#dfe9f7", "#c3d9f2", "#9fc3ec", "#74a8e0", "#3a78c2", "#1f5fae", "#123c7a"),
)
DARK = Palette(
    page="#0d1117",
    text="#e6edf3",
    muted="#9da7b3",
    guide="#2a313a",
    base="#6e7681",
    series=("#4aa8ff", "#f0a985", "#22914a", "#ff5ad0", "#dce02a", "#85dcf3"),
    other="#7d858f",
    more="#5aaeff",
    fewer="#ff9a4d",
    warn="#f5b65c",
    heat=("#1b2c45", "#1a3a62", "#1a4a7c", "#2469ac", "#3f8bd6", "#7ab4f0", "#c4defb"),
)


@dataclass(frozen=True, slots=True)
class Style:
    """The colours of both themes, and a CSS font list."""

    light: Palette = LIGHT
    dark: Palette = DARK
    fonts: str = FONTS


DEFAULT_STYLE = Style()
_TEXT = (
    "font-size:12px;font-weight:400;text-anchor:start;"
    "font-variant-numeric:tabular-nums;unicode-bidi:isolate"
)
#: Properties that do not depend on the theme, by role.
_SHAPES: Mapping[str, Mapping[str, str]] = {
    "t1": {"font-size": "19", "font-weight": "700"},
    "t2": {"font-size": "13"},
    "t3": {"font-size": "11"},
    "b": {"font-weight": "700"},
    "m": {"text-anchor": "middle"},
    "e": {"text-anchor": "end"},
    "g": {"stroke-width": "1"},
    "l": {"stroke-width": "2", "stroke-linejoin": "round", "stroke-linecap": "round"},
    "hair": {"stroke-width": "0.6"},
    "thin": {"stroke-width": "1.25"},
    "d1": {"stroke-dasharray": "7 3"},
    "d2": {"stroke-dasharray": "2 4"},
    "d3": {"stroke-dasharray": "10 3 2 3"},
    "d4": {"stroke-dasharray": "14 4"},
    "d5": {"stroke-dasharray": "5 5"},
    "rim": {"stroke-width": "1.5"},
    "mark": {"stroke-width": "1.3"},
    "still": {"display": "none"},
    "area": {"fill-opacity": "0.14", "stroke": "none"},
}


def _paints(p: Palette) -> dict[str, dict[str, str]]:
    """Return the properties that depend on the theme, by role."""
    line = {"fill": "none"}
    paints = {
        "bg": {"fill": p.page},
        "t": {"fill": p.text, "stroke": "none"},
        "mu": {"fill": p.muted, "stroke": "none"},
        "wa": {"fill": p.warn, "stroke": "none"},
        "mark": {**line, "stroke": p.page},
        "g": {**line, "stroke": p.guide},
        "ba": {**line, "stroke": p.base},
        "so": {**line, "stroke": p.other},
        "fo": {"fill": p.other, "stroke": "none"},
        "up": {"fill": p.more, "stroke": "none"},
        "dn": {"fill": p.fewer, "stroke": "none"},
        "on": {"fill": p.page, "stroke": "none"},
        "rim": {**line, "stroke": p.page},
        "halo": {"stroke": p.page, "stroke-width": "4", "paint-order": "stroke"},
    }
    for i, colour in enumerate(p.series):
        paints[f"s{i}"] = {**line, "stroke": colour}
        paints[f"f{i}"] = {"fill": colour, "stroke": "none"}
    for i, colour in enumerate(p.heat):
        paints[f"q{i}"] = {**line, "stroke": colour}
    return paints


def _rules(prefix: str, roles: Iterable[str], paints: Mapping[str, Mapping[str, str]]) -> str:
    # "halo" comes last, so that it overrides the `stroke: none` of the text's own role.
    order = [r for r in paints if r in roles]
    return "".join(
        f"#{prefix} .{r}{{{';'.join(f'{k}:{v}' for k, v in paints[r].items())}}}" for r in order
    )


def _with_units(properties: Mapping[str, str]) -> dict[str, str]:
    return {k: f"{v}px" if k == "font-size" else v for k, v in properties.items()}


def attributes(
    classes: Iterable[str], theme: Theme, style: Style = DEFAULT_STYLE
) -> dict[str, str]:
    """Return the presentation attributes of an element with these roles."""
    paints = _paints(style.dark if theme == "dark" else style.light)
    roles = list(classes)
    properties: dict[str, str] = {}
    for role in (r for table in (paints, _SHAPES) for r in table if r in roles):
        properties |= {**paints.get(role, {}), **_SHAPES.get(role, {})}
    return properties


def css(prefix: str, roles: Iterable[str], theme: Theme, style: Style = DEFAULT_STYLE) -> str:
    """Return the style sheet for these roles; every rule is limited to the picture by its id.

    Raises:
        ValueError: no such theme.
    """
    if theme not in get_args(Theme):
        raise ValueError(f"unknown theme {theme!r}; themes are {', '.join(get_args(Theme))}")
    used = set(roles)
    out = f"#{prefix}{{font-family:{style.fonts};max-width:100%;height:auto}}"
    # Inlined in a page, the page's rules for `text` must not apply inside the picture.
    out += f"#{prefix} text{{{_TEXT}}}"
    out += _rules(prefix, used, {r: _with_units(p) for r, p in _SHAPES.items()})
    out += _rules(prefix, used, _paints(style.dark if theme == "dark" else style.light))
    if "area" in used:
        out += f"#{prefix} .area{{stroke:none}}"
    if theme == "auto":
        out += "@media screen and (prefers-color-scheme:dark){"
        out += _rules(prefix, used, _paints(style.dark)) + "}"
    out += f"@media print{{#{prefix} .bg{{fill:none}}}}"
    if "still" in used:  # no animation on paper, or if the reader prefers reduced motion
        still = f"#{prefix} .moving{{display:none}}#{prefix} .still{{display:inline}}"
        out += f"@media print{{{still}}}@media (prefers-reduced-motion:reduce){{{still}}}"
        # in `<img>` browsers apply neither; a page then asks for the fragment: picture.svg#PREFIX
        out += still.replace(f"#{prefix} ", f"#{prefix}:target ")
    return out + f"@media (forced-colors:active){{#{prefix} text{{fill:CanvasText}}}}"
