"""From SVG to PNG, by resvg: the extra `png`.

Comes in: the bytes of a `Drawing`. Goes out: a PNG of the same content. The letters come from the
fonts in this folder and from the folders given, never from the system: a machine without fonts
makes the same picture. It never asks the network.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from hubbub.errors import UsageError

__all__ = ["FontWarning", "foreign", "rasterise"]

_FONTS = Path(__file__).parent / "fonts"
_FAMILY = "Noto Sans"
_MOST = 10_000  # px; a picture larger than that is a typing error, and takes gigabytes
#: What the fonts in the folder hold (see OFL.txt there), as ranges of code points.
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
_SIZE = re.compile(r'viewBox="0 0 (\d+) (\d+)" width="\d+" height="\d+"')
_GROUND = re.compile(r'class="bg" fill="(#[0-9a-f]{6})"')


class FontWarning(UserWarning):
    """The fonts at hand lack letters that the picture needs."""


def foreign(svg: bytes) -> list[str]:
    """The scripts of texts that the fonts in this folder do not hold, by name."""
    root = ET.fromstring(svg)  # noqa: S314 (written by the layer itself)
    texts = (node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}text"))
    found: set[str] = set()
    for c in {c for text in texts for c in text}:
        if any(low <= ord(c) <= high for low, high in _HELD):
            continue
        first = unicodedata.name(c, "other signs").split()[0].split("-")[0]
        emoji = ord(c) in _EMOJI or unicodedata.category(c) == "So"
        found.add("emoji" if emoji else _SCRIPTS.get(first, first.capitalize()))
    return sorted(found, key=str.lower)


def boxed(svg: str, width: int, height: int) -> str:
    """The picture in the middle of a canvas of that shape, nothing of it cut or stretched."""
    found = _SIZE.search(svg)
    if found is None:
        raise UsageError("the picture does not say its size", hint="give a width alone")
    wide, high = float(found[1]), float(found[2])
    scale = max(wide / width, high / height)
    x, y = (wide - width * scale) / 2, (high - height * scale) / 2
    size = f'width="{width}" height="{height}"'
    view = f'viewBox="{x:.2f} {y:.2f} {width * scale:.2f} {height * scale:.2f}" {size}'
    return svg[: found.start()] + view + svg[found.end() :]


def rasterise(
    svg: bytes,
    *,
    width: int | None = None,
    height: int | None = None,
    font_dirs: Sequence[Path] = (),
) -> bytes:
    """A PNG `width` px wide; with `height` too, the picture stands in the middle of that box.

    Warns:
        FontWarning: there are texts in scripts for which no font was given.

    Raises:
        UsageError: the extra is not installed, or the size is out of range.
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
            raise UsageError("there is no such folder of fonts", where=str(folder))
    if not font_dirs and (scripts := foreign(svg)):
        warnings.warn(
            f"letters may be missing from the PNG ({', '.join(scripts)}): it needs fonts that hold "
            "them; give their folder with --font-dir, or publish the SVG",
            FontWarning,
            stacklevel=3,
        )
    text = svg.decode("utf-8")
    ground = _GROUND.search(text)
    if width is not None and height is not None:
        text = boxed(text, width, height)
    data = resvg_py.svg_to_bytes(
        svg_string=text,
        width=width,
        height=height,
        background=ground[1] if ground else None,
        skip_system_fonts=True,
        font_files=[str(f) for f in sorted(_FONTS.glob("*.ttf"))],
        font_dirs=[str(f) for f in font_dirs] or None,
        font_family=_FAMILY,
        sans_serif_family=_FAMILY,
    )
    return bytes(data)
