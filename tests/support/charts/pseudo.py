"""A language made for tests: each message stands in ⟦ ⟧; what is written without is seen."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from tests.support.paths import ROOT

__all__ = ["NAME", "make_catalogues", "unwrapped", "write"]

NAME = "xx"
#: Contexts of messages that are signs or lists of words, not texts.
_SIGNS = ("decimal sign", "thousands sign", "beginnings of sentences")


def make_catalogues() -> Any:
    """Import docs/make_catalogues.py."""
    spec = importlib.util.spec_from_file_location(
        "make_catalogues", ROOT / "docs" / "make_catalogues.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(folder: Path) -> None:
    """Write the compiled catalogue of the language into a folder."""
    catalogue = Catalog(locale="en")
    for context, one, many in make_catalogues().template():
        key = (one, many) if many else one
        wrapped = tuple(f"⟦{text}⟧" for text in (one, many)) if many else f"⟦{one}⟧"
        plain = (one, many) if many else one
        text = plain if context.startswith(_SIGNS) else wrapped
        catalogue.add(key, text, context=context or None)
    with (folder / f"{NAME}.mo").open("wb") as file:
        write_mo(file, catalogue)


def unwrapped(text: str, data: Iterable[str] = ()) -> str:
    """Return what stands outside of all brackets and has letters, without names of the data."""
    depth, outside = 0, ""
    for character in text:
        depth += (character == "⟦") - (character == "⟧")
        outside += character if depth == 0 and character != "⟧" else "\n" * (character == "⟦")
    left = []
    for part in outside.split("\n"):
        for name in sorted(data, key=len, reverse=True):
            part = part.replace(name, "")  # noqa: PLW2901
        if any(c.isalpha() for c in part):
            left.append(part.strip())
    return " | ".join(left)
