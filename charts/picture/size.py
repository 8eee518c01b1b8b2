"""Give a finished SVG another size: scaled, or centred in a box."""

from __future__ import annotations

import re

from hubbub.errors import UsageError

__all__ = ["boxed", "resized"]

_SIZE = re.compile(r'viewBox="0 0 (\d+) (\d+)" width="\d+" height="\d+"')
_PAGE = re.compile(r'<rect width="\d+" height="\d+" (class="bg")')
_MOST = 10_000  # px; a larger size is a typing error


def boxed(svg: str, width: int, height: int) -> str:
    """Centre the picture on a canvas of that size, neither cropped nor stretched.

    Raises:
        UsageError: it states no size.
    """
    match = _SIZE.search(svg)
    if match is None:
        raise UsageError("the picture does not state its size", hint="give only a width")
    svg_width, svg_height = float(match[1]), float(match[2])
    scale = max(svg_width / width, svg_height / height)
    x, y = (svg_width - width * scale) / 2, (svg_height - height * scale) / 2
    box = f"{width * scale:.2f} {height * scale:.2f}".split()
    view = f'viewBox="{x:.2f} {y:.2f} {" ".join(box)}" width="{width}" height="{height}"'
    page = f'<rect x="{x:.2f}" y="{y:.2f}" width="{box[0]}" height="{box[1]}" \\1'
    return svg[: match.start()] + view + _PAGE.sub(page, svg[match.end() :], count=1)


def resized(svg: bytes, width: int, height: int | None = None) -> bytes:
    """Return an SVG of another size: `width` px wide, or centred in a box if `height` is given.

    Raises:
        UsageError: the size is out of range.
    """
    for name, value in (("width", width), ("height", height)):
        if value is not None and not 0 < value <= _MOST:
            raise UsageError(f"{name} {value} px is out of range", hint=f"1 to {_MOST} px")
    text = svg.decode("utf-8")
    match = _SIZE.search(text)
    if height is None and match is not None:
        height = max(round(int(match[2]) * width / int(match[1])), 1)
        size = f'viewBox="0 0 {match[1]} {match[2]}" width="{width}" height="{height}"'
        return (text[: match.start()] + size + text[match.end() :]).encode("utf-8")
    return boxed(text, width, height or width).encode("utf-8")
