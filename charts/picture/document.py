"""A deterministic replacement for pygal's SVG document.

The bytes depend on the data alone: no UUID, date, script or library version; attributes in the
order in which they were set; coordinates with at most two decimals. Nodes carry roles of the theme
as CSS classes.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from typing import Any

from pygal.svg import Svg

from hubbub.charts.picture import theme as themes
from hubbub.charts.picture.drawing import Sheet
from hubbub.language import ENGLISH

__all__ = ["Document", "number", "path"]


def number(value: float) -> str:
    """Format a coordinate with at most two decimals.

    Raises:
        ValueError: NaN or infinite; callers draw a gap for such a value.
    """
    text = f"{value:.2f}"
    if text[-1] in "fn":
        raise ValueError(f"not a coordinate: {value}")
    text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def path(points: Iterable[tuple[float, float]], *, close: bool = False) -> str:
    """Return SVG path data for a line through the points."""
    body = " ".join(f"{number(x)} {number(y)}" for x, y in points)
    return f"M{body}{'Z' if close else ''}"


class Document(Svg):  # type: ignore[misc]
    """pygal's drawing interface on top of the standard library's ElementTree, never lxml."""

    def __init__(self, graph: Any) -> None:
        sheet: Sheet = graph.sheet
        self.graph, self.sheet = graph, sheet
        self.name = f"chart-{graph.key}"
        self.id = f"#{self.name} "
        self.processing_instructions: list[Any] = []
        size = {"width": str(sheet.width), "height": str(sheet.height)}
        language = {} if sheet.language == ENGLISH else {"xml:lang": sheet.language}
        self.root = ET.Element(
            "svg",
            {
                "xmlns": self.ns,
                "id": self.name,
                "role": "img",
                "aria-labelledby": f"{self.name}-t {self.name}-d",
                "viewBox": f"0 0 {sheet.width} {sheet.height}",
                **size,
                **language,
                "font-family": sheet.style.fonts.replace('"', "'"),
                "font-size": "12",
            },
        )
        for tag, text in (("title", sheet.title), ("desc", sheet.description or sheet.title)):
            node = ET.SubElement(self.root, tag, {"id": f"{self.name}-{tag[0]}"})
            node.text = text
        ET.SubElement(self.root, "metadata").text = json.dumps(
            dict(sheet.metadata), sort_keys=True, default=str
        )
        self.style = ET.SubElement(self.root, "style")

    def node(
        self,
        parent: Any = None,
        tag: str = "g",
        attrib: Mapping[str, Any] | None = None,
        **extras: Any,
    ) -> ET.Element:
        """Add a node; numbers are rounded to two decimals, attributes of None are left out."""
        attributes: dict[str, str] = {}
        for key, value in {**(attrib or {}), **extras}.items():
            if value is not None:
                text = number(value) if isinstance(value, int | float) else str(value)
                attributes[key.rstrip("_").replace("_", "-")] = text
        return ET.SubElement(self.root if parent is None else parent, tag, attributes)

    def text(self, parent: Any, x: float, y: float, text: str, roles: str = "t") -> ET.Element:
        """Add a text; y is its baseline."""
        node = self.node(parent, "text", x=x, y=y, class_=roles)
        node.text = text
        return node

    def draw_no_data(self) -> None:
        """Write into an empty plot why it is empty."""
        view = self.graph.view
        self.text(
            self.graph.nodes["text_overlay"],
            view.width / 2,
            view.height / 2,
            self.sheet.empty,
            "mu t2 m",
        )

    def pre_render(self) -> None:
        """Set base colours on every node, and write the style sheet for the roles in use."""
        theme, style = self.sheet.theme, self.sheet.style
        roles: set[str] = set()
        for node in self.root.iter():
            node_roles = node.get("class", "").split()
            roles.update(node_roles)
            for key, value in themes.attributes(node_roles, theme, style).items():
                node.attrib.setdefault(key, value)
        self.style.text = themes.css(self.name, roles, theme, style)

    def render(self, is_unicode: bool = False, pretty_print: bool = False) -> Any:  # noqa: ARG002, FBT001, FBT002
        """Return the document as UTF-8 bytes, or as text with `is_unicode`."""
        body = ET.tostring(self.root, encoding="unicode")
        text = f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'
        return text if is_unicode else text.encode("utf-8")
