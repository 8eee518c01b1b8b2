"""PyArrow and Ibis without pandas, which both import with the first result where it is installed.

pandas is there with the extra `spark`, and takes as long to import as the rest of a command does.
Both import it when they are asked for a data frame.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any

__all__ = ["arrow_without_pandas", "ibis_without_pandas"]


class _Hiding(MetaPathFinder):
    """Finds everything but pandas."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> None:
        """Leave a module to the next finder.

        Raises:
            ModuleNotFoundError: it is pandas.
        """
        del path, target
        if name == "pandas":
            raise ModuleNotFoundError("not yet", name=name)


@contextmanager
def _hidden() -> Iterator[None]:
    hiding = _Hiding()
    sys.meta_path.insert(0, hiding)
    try:
        yield
    finally:
        sys.meta_path.remove(hiding)


@cache
def arrow_without_pandas() -> None:
    """Let PyArrow look for pandas now, and find none: it looks once."""
    if "pandas" in sys.modules:
        return
    import pyarrow as pa

    with _hidden():
        pa.array([0])


@cache
def ibis_without_pandas() -> None:
    """Import what Ibis converts results with, and what makes data frames only when it is used."""
    arrow_without_pandas()
    name = "ibis.backends.duckdb.converter"
    if {"pandas", name} & sys.modules.keys():
        return
    with _hidden():
        converter = importlib.import_module(name)

    def late(attribute: str) -> Any:
        if "pandas" not in attribute.lower():
            raise AttributeError(f"module {name!r} has no attribute {attribute!r}")
        del converter.__dict__["__getattr__"]
        return getattr(importlib.reload(converter), attribute)

    converter.__dict__["__getattr__"] = late
