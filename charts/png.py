"""From SVG to PNG, by resvg: the extra `png`.

Comes in: the bytes of a `Drawing`. Goes out: a PNG of the same content. Fonts come from the system
and from the folders given; it never asks the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hubbub.errors import UsageError

__all__ = ["rasterise"]

_FAMILY = "DejaVu Sans"  # for the generic sans-serif, where no font of the stack is there
_MOST = 10_000  # px; a picture larger than that is a typing error, and takes gigabytes


def rasterise(
    svg: bytes,
    *,
    width: int | None = None,
    height: int | None = None,
    font_dirs: Sequence[Path] = (),
) -> bytes:
    """A PNG `width` px wide; with `height` too, the picture is fitted into that box.

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
    data = resvg_py.svg_to_bytes(
        svg_string=svg.decode("utf-8"),
        width=width,
        height=height,
        sans_serif_family=_FAMILY,
        font_dirs=[str(f) for f in font_dirs] or None,
    )
    return bytes(data)
