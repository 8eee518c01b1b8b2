"""Badges: one number as a small picture, with how complete its range is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from hubbub.charts.picture import text
from hubbub.charts.picture.theme import FONTS
from hubbub.errors import UsageError
from hubbub.language import N_, _
from hubbub.language.numbers import amount

__all__ = ["draw", "number_at"]

_ALL = "*"
_DEPTH = 20  # parts of a path
_LABEL = 40  # characters
_HEIGHT, _SIZE, _PADDING = 20, 11, 7  # px
_SHOWN = 8  # keys in a hint
_STYLE = (
    ".l{fill:#444c56}.v{fill:#1a4f9c}.u{fill:#6b4a00}text{fill:#fff}"
    "@media(prefers-color-scheme:dark){.l{fill:#d0d7de}.v{fill:#9cc5ff}.u{fill:#f0c674}"
    "text{fill:#0d1117}}"
)
#: What a badge says about the completeness of its range; nothing where every message is there.
_COVERAGE: Mapping[str, str] = {"unproven": N_("unproven")}
_SENTENCES: Mapping[str, str] = {
    "complete": N_("complete"),
    "healed": N_("complete; what the bus missed came from history"),
    "unproven": N_("completeness unproven: only what was heard or imported is counted"),
}


def number_at(data: Any, path: str) -> float | None:
    """Return the number at a path into the data of a query; None where there is none.

    Args:
        data: JSON-ready.
        path: keys and indexes, separated by dots (`0.messages`), or by slashes after a first slash
            (`/counts/org.example/0`); -1 is the last of a list, `*` the sum of all.

    Raises:
        UsageError: the path leads nowhere, or to what is no number.
    """
    separator = "/" if path.startswith("/") else "."
    parts = path.removeprefix("/").split(separator) if path else []
    if len(parts) > _DEPTH:
        raise UsageError(f"the path has {len(parts)} parts", where="path", hint="write fewer")
    return _number(data, parts, path)


def _number(data: Any, parts: Sequence[str], path: str) -> float | None:
    for i, part in enumerate(parts):
        if part == _ALL and isinstance(data, (list, dict)):
            items = data.values() if isinstance(data, dict) else data
            numbers = [_number(item, parts[i + 1 :], path) for item in items]
            return sum((number for number in numbers if number is not None), 0)
        data = _member(data, part, path)
    if data is None:
        return None
    if isinstance(data, bool) or not isinstance(data, (int, float)):
        raise UsageError(
            f"{path[:80]!r} is {_kind(data)}, not a number", where="path", hint=_hint(data)
        )
    return data


def _member(data: Any, part: str, path: str) -> Any:
    if data is None:
        return None
    if isinstance(data, dict) and part in data:
        return data[part]
    digits = part.removeprefix("-")
    if isinstance(data, list) and digits.isascii() and digits.isdigit() and len(digits) <= 9:  # noqa: PLR2004
        index = int(part)
        if -len(data) <= index < len(data):
            return data[index]
        return None  # an empty answer has no rows
    raise UsageError(f"{path[:80]!r} has no part {part[:80]!r}", where="path", hint=_hint(data))


def _kind(data: Any) -> str:
    if isinstance(data, list):
        return f"a list of {len(data):,}"
    return "an object" if isinstance(data, dict) else "a text"


def _hint(data: Any) -> str:
    """Say how a path goes on."""
    if isinstance(data, dict):
        return f"it has {', '.join(text.clean(key, 40) for key in list(data)[:_SHOWN])}"
    if isinstance(data, list):
        row = next((row for row in data if isinstance(row, dict)), None)
        inside = f".{next(iter(row))}" if row else ""
        return f"write for example path=-1{inside} for the last row, or path=*{inside} for the sum"
    return "write a shorter path"


def draw(
    label: str, number: float | str | None, coverage: str, *, incomplete: bool = False
) -> bytes:
    """Draw a badge.

    Args:
        label: what the number is; any text.
        number: a text is drawn as it is, None as "no data".
        coverage: of its range: complete, healed or unproven.
        incomplete: whether the range has a known gap.
    """
    shown = text.clean(label, _LABEL) or "hubbub"
    if isinstance(number, str):
        value = text.clean(number, _LABEL) or _("no data")
    else:
        finite = None if number is None or not math.isfinite(number) else number
        value = _("no data") if finite is None else amount(finite)
    missing = _("incomplete") if incomplete else ""
    if not incomplete and coverage in _COVERAGE:
        missing = _(_COVERAGE[coverage])
    fields = [(shown, "l"), (value, "v"), *([(missing, "u")] if missing else [])]
    widths = [round(text.width(field, _SIZE)) + 2 * _PADDING for field, _ in fields]
    state = (
        _("incomplete: messages are known to be missing") if incomplete else _(_SENTENCES[coverage])
    )
    svg = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": str(sum(widths)),
            "height": str(_HEIGHT),
            "role": "img",
            "aria-labelledby": "title",
        },
    )
    ET.SubElement(svg, "title", {"id": "title"}).text = _(
        "{label}: {value} ({coverage})", label=shown, value=value, coverage=state
    )
    ET.SubElement(svg, "style").text = _STYLE
    fills = {"l": "#444c56", "v": "#1a4f9c", "u": "#6b4a00"}
    left = 0
    for (field, role), width in zip(fields, widths, strict=True):
        ET.SubElement(
            svg, "rect",
            {"class": role, "x": str(left), "width": str(width), "height": str(_HEIGHT),
             "fill": fills[role]},
        )  # fmt: skip
        ET.SubElement(
            svg, "text",
            {"x": str(left + width / 2), "y": "14", "text-anchor": "middle", "fill": "#ffffff",
             "font-family": FONTS, "font-size": str(_SIZE), "aria-hidden": "true"},
        ).text = field  # fmt: skip
        left += width
    document: bytes = ET.tostring(svg, encoding="utf-8", xml_declaration=True)
    return document
