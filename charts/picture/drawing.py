"""`Sheet`, the texts around a plot, and `Drawing`, a finished picture with the table behind it.

Does not import pygal: a `Drawing` can be written, shown in a notebook, or converted to PNG or HTML
without the library that drew it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubbub.charts.picture.text import clean
from hubbub.charts.picture.theme import DEFAULT_STYLE, Style, Theme
from hubbub.language import current_language

__all__ = ["Drawing", "Sheet", "digest"]

_ROOT = re.compile(rb'<svg\b[^>]* id="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything around the plot. The texts have been cleaned."""

    title: str
    subtitle: str = ""
    note: str = ""  # the finding with other options (with bots), below the subtitle
    description: str = ""  # the finding in words, for screen readers; empty: the title
    source: str = ""
    badge: str = ""  # what is missing of the range; empty if the coverage is complete
    empty: str = "No data in this range"
    theme: Theme = "auto"
    style: Style = field(default=DEFAULT_STYLE, repr=False)
    width: int = 800
    height: int = 450
    language: str = field(default_factory=current_language, repr=False)  # of the texts
    metadata: Mapping[str, Any] = field(default_factory=dict)


def digest(value: Any) -> str:
    """Return the SHA-256 of a JSON-like value in hexadecimal, independent of the order of keys."""
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
    empty: str = ""  # why there is nothing to see; empty where there is

    def svg(self) -> bytes:
        """Return the SVG in UTF-8."""
        return self.data

    @property
    def still(self) -> str:
        """The fragment that shows the last frame of an animation; empty if nothing moves."""
        if b'<g class="moving"' not in self.data:
            return ""
        found = _ROOT.search(self.data)
        assert found is not None, "an animated picture has an id"
        return found[1].decode("ascii")

    def _repr_svg_(self) -> str:
        """Return the SVG for display in a notebook."""
        return self.data.decode("utf-8")

    def png(
        self,
        width: int | None = None,
        *,
        height: int | None = None,
        font_dirs: Sequence[Path] = (),
    ) -> bytes:
        """Return the picture as PNG, `width` px wide (default: the width of the SVG).

        Raises:
            UsageError: the extra `png` is not installed.
        """
        from hubbub.charts.picture.png import rasterise

        return rasterise(self.data, width=width, height=height, font_dirs=font_dirs)

    def html(self) -> str:
        """Return a self-contained HTML page: the picture, its table, and its data as CSV."""
        from hubbub.charts.picture.html import single

        return single(self)

    def table(self) -> list[dict[str, Any]]:
        """Return the rows behind the picture as records, with texts cleaned as in the picture."""
        return [
            {c: clean(v) if isinstance(v, str) else v for c, v in zip(self.columns, r, strict=True)}
            for r in self.rows
        ]
