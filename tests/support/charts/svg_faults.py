"""Check what every SVG written by hubbub must satisfy."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

SVG = "{http://www.w3.org/2000/svg}"
GEOMETRY = frozenset(
    ["d", "x", "y", "cx", "cy", "r", "rx", "width", "height", "points", "transform", "viewBox"]
)
HIDDEN = re.compile(
    "[\u202a-\u202e\u2066-\u2069\u200e\u200f\u0000-\u0008\u000b-\u001f\u007f-\u009f]"
)


def faults(data: bytes) -> list[str]:  # noqa: C901, PLR0912 (a flat list of checks)
    """Return the reasons why an SVG may not be published; empty if it may."""
    out: list[str] = []
    if not data.startswith(b"<?xml"):
        out.append("does not start with <?xml")
    try:
        root = ET.fromstring(data)
    except ET.ParseError as error:
        return [*out, f"not well-formed: {error}"]
    ids: list[str] = []
    for node in root.iter():
        tag = str(node.tag).rsplit("}", 1)[-1]
        if tag in {"script", "foreignObject", "iframe", "a", "image", "use"}:
            out.append(f"<{tag}>")
        for key, value in node.attrib.items():
            name = key.rsplit("}", 1)[-1]
            if name.lower().startswith("on") or name == "style":
                out.append(f"attribute {name}")
            if name == "href":
                out.append(f"reference {value[:40]}")
            if name == "id":
                ids.append(value)
            if name in GEOMETRY:
                if re.search(r"nan|inf", value, re.IGNORECASE):
                    out.append(f"{name} holds nan or inf")
                if re.search(r"\.\d{3}", value):
                    out.append(f"{name} has more than 2 decimals: {value[:40]}")
        if tag in {"text", "rect", "path"} and not {"fill", "stroke"} & set(node.attrib):
            out.append(f"<{tag}> has no base colour")
        if HIDDEN.search(node.text or ""):
            out.append(f"a control character in <{tag}>")
        if tag == "text" and not (node.text or "").strip():
            out.append("an empty text")
    out += [f"id {i} twice" for i in set(ids) if ids.count(i) > 1]
    out += [f"id {i} without the prefix" for i in ids if not i.startswith(ids[0])]
    out += [f"no {k}" for k in ("width", "height", "viewBox") if k not in root.attrib]
    if root.get("role") != "img":
        out.append("role is not img")
    if set((root.get("aria-labelledby") or "").split()) - set(ids):
        out.append("aria-labelledby names no id")
    for tag in ("title", "desc", "metadata"):
        if not root.findtext(SVG + tag, "").strip():
            out.append(f"no {tag}")
    text = data.decode("utf-8", "replace")
    if "var(" in text or "@import" in text or re.search(r"url\(", text):
        out.append("CSS that rasterisers do not support, or that loads something")
    if re.search(r"pygal|uuid", re.sub(r"<(title|desc|text|metadata).*?</\1>", "", text)):
        out.append("traces of the library")
    return out
