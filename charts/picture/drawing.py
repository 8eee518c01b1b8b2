"""What goes into a picture around its plot, and the finished picture with its table.

It holds no pygal: who has a `Drawing` can write it, show it in a notebook or turn it into PNG or a
page without the library that drew it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubbub.charts.picture.text import clean
from hubbub.charts.picture.theme import USUAL, Style, Theme

__all__ = ["Drawing", "Sheet", "digest"]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything around the plot. Whoever fills it in cleans the texts."""

    title: str
    subtitle: str = ""
    note: str = ""  # what the number would be otherwise, on lines of its own
    description: str = ""  # the finding in words; the title where empty
    source: str = ""
    badge: str = ""  # what is known to be missing; empty where the coverage is complete
    empty: str = "No data in this range"
    theme: Theme = "auto"
    style: Style = field(default=USUAL, repr=False)
    width: int = 800
    height: int = 450
    metadata: Mapping[str, Any] = field(default_factory=dict)


def digest(value: Any) -> str:
    """SHA-256 of a JSON-like value, in hexadecimal; the order of keys does not matter."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished picture."""

    data: bytes = field(repr=False)
    title: str
    description: str
    columns: Sequence[str] = field(default=(), repr=False)
    rows: Sequence[Sequence[Any]] = field(default=(), repr=False)
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def svg(self) -> bytes:
        """The SVG, UTF-8."""
        return self.data

    def _repr_svg_(self) -> str:
        """How a notebook shows it."""
        return self.data.decode("utf-8")

    def png(
        self,
        width: int | None = None,
        *,
        height: int | None = None,
        font_dirs: Sequence[Path] = (),
    ) -> bytes:
        """The same picture as PNG, `width` px wide (default: as the SVG says).

        Raises:
            UsageError: the extra `png` is not installed.
        """
        from hubbub.charts.picture.png import rasterise

        return rasterise(self.data, width=width, height=height, font_dirs=font_dirs)

    def html(self) -> str:
        """A page of its own: the picture, its table, and its data as CSV; asks for nothing."""
        from hubbub.charts.picture.html import single

        return single(self)

    def table(self) -> list[dict[str, Any]]:
        """The rows behind the picture, as records; texts as drawn."""
        return [
            {c: clean(v) if isinstance(v, str) else v for c, v in zip(self.columns, r, strict=True)}
            for r in self.rows
        ]
