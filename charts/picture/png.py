"""Convert SVG to PNG with resvg (the extra `png`).

Glyphs come from the fonts in this folder and from the given folders, never from the system, so that
every machine makes the same picture. No network access.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from hubbub.charts.picture.size import boxed
from hubbub.errors import UsageError

__all__ = ["FontWarning", "rasterise", "unsupported_scripts"]

_FONTS = Path(__file__).parent / "fonts"
_FAMILY = "Noto Sans"
_MOST = 10_000  # px; a larger size is a typing error, and takes gigabytes
#: Code points that the bundled fonts hold (see fonts/OFL.txt), as inclusive ranges.
_HELD = (
    *((0x20, 0x7E), (0xA0, 0x24F), (0x259, 0x259), (0x2B0, 0x36F), (0x370, 0x52F)),
    *((0x1E00, 0x1EFF), (0x200C, 0x200D), (0x2010, 0x205E), (0x2070, 0x209C), (0x20A0, 0x20BF)),
    *((0x2100, 0x214F), (0x2190, 0x2195), (0x2212, 0x2212), (0x2264, 0x2265), (0xFFFD, 0xFFFD)),
)
_SCRIPTS = {
    **dict.fromkeys(("CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC"), "Chinese and Japanese"),
    "HANGUL": "Korean",
}
_EMOJI = range(0x1F000, 0x20000)
_BACKGROUND = re.compile(r'class="bg" fill="(#[0-9a-f]{6})"')


class FontWarning(UserWarning):
    """The available fonts lack characters of the picture."""


def unsupported_scripts(svg: bytes) -> list[str]:
    """Return the names of scripts in the picture that the bundled fonts do not hold."""
    root = ET.fromstring(svg)  # noqa: S314 (hubbub's own output)
    texts = (node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}text"))
    scripts: set[str] = set()
    for c in {c for text in texts for c in text}:
        if any(low <= ord(c) <= high for low, high in _HELD):
            continue
        first = unicodedata.name(c, "other signs").split()[0].split("-")[0]
        emoji = ord(c) in _EMOJI or unicodedata.category(c) == "So"
        scripts.add("emoji" if emoji else _SCRIPTS.get(first, first.capitalize()))
    return sorted(scripts, key=str.lower)


def rasterise(
    svg: bytes,
    *,
    width: int | None = None,
    height: int | None = None,
    font_dirs: Sequence[Path] = (),
) -> bytes:
    """Render a PNG `width` px wide; with `height` too, centred in a box of that size.

    Warns:
        FontWarning: texts need scripts that the bundled fonts lack, and no folder was given.

    Raises:
        UsageError: the extra is not installed, the size is out of range, or a folder is missing.
    """
    try:
        import resvg_py
    except ImportError:
        raise UsageError(
            "PNG needs the extra `png`", hint="pip install 'hubbub[png]', or write .svg instead"
        ) from None
    for name, value in (("width", width), ("height", height)):
        if value is not None and not 0 < value <= _MOST:
            raise UsageError(f"{name} {value} px is out of range", hint=f"1 to {_MOST} px")
    for folder in font_dirs:
        if not folder.is_dir():
            raise UsageError("font folder not found", where=str(folder))
    if not font_dirs and (scripts := unsupported_scripts(svg)):
        warnings.warn(
            f"letters may be missing from the PNG ({', '.join(scripts)}): give a folder of fonts "
            "that hold them with --font-dir, or publish the SVG",
            FontWarning,
            stacklevel=3,
        )
    text = svg.decode("utf-8")
    background = _BACKGROUND.search(text)
    if width is not None and height is not None:
        text = boxed(text, width, height)
    data = resvg_py.svg_to_bytes(
        svg_string=text,
        width=width,
        height=height,
        background=background[1] if background else None,
        skip_system_fonts=True,
        font_files=[str(f) for f in sorted(_FONTS.glob("*.ttf"))],
        font_dirs=[str(f) for f in font_dirs] or None,
        font_family=_FAMILY,
        sans_serif_family=_FAMILY,
    )
    return bytes(data)
