"""PyArrow and Ibis without what they import and hubbub does not use.

That takes longer than most commands. Both import pandas, which the extra `spark` installs, with the
first result; Ibis imports what writes SQL for twenty engines, where DuckDB is one.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

__all__ = ["arrow_without_pandas", "duckdb_backend"]

_COMPILERS = "ibis.backends.sql.compilers"
_CONVERTER = "ibis.backends.duckdb.converter"


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


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Look for no garbage: what an import makes stays, and looking takes a tenth of its time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()  # and back, as old: else all of it would be looked at next
            gc.unfreeze()
        if enabled:
            gc.enable()


@cache
def arrow_without_pandas() -> None:
    """Let PyArrow look for pandas now, and find none: it looks once."""
    if "pandas" in sys.modules:
        return
    import pyarrow as pa

    with _hidden():
        pa.array([0])


def duckdb_backend() -> Any:
    """Return the class of Ibis' backend of DuckDB."""
    with _without_collecting():
        _compilers_on_use()
        from ibis.backends.duckdb import Backend

        _converter_without_pandas()
    return Backend


@cache
def _compilers_on_use() -> None:
    """Let Ibis import the compiler of an engine when it is used, instead of all of them."""
    spec = find_spec(_COMPILERS)
    if _COMPILERS in sys.modules or spec is None or spec.loader is None:
        return
    package, loader = module_from_spec(spec), spec.loader

    def late(attribute: str) -> Any:
        name = f"{_COMPILERS}.{attribute}"
        if attribute.startswith("__"):
            raise AttributeError(f"module {_COMPILERS!r} has no attribute {attribute!r}")
        if find_spec(name) is not None:
            return importlib.import_module(name)
        package.__dict__.pop("__getattr__", None)
        loader.exec_module(package)
        return getattr(package, attribute)

    package.__dict__["__getattr__"] = late
    sys.modules[_COMPILERS] = package
    importlib.import_module("ibis.backends.sql").__dict__["compilers"] = package


@cache
def _converter_without_pandas() -> None:
    """Import what Ibis converts results with, and what makes data frames only when it is used."""
    arrow_without_pandas()
    if {"pandas", _CONVERTER} & sys.modules.keys():
        return
    with _hidden():
        converter = importlib.import_module(_CONVERTER)

    def late(attribute: str) -> Any:
        if "pandas" not in attribute.lower():
            raise AttributeError(f"module {_CONVERTER!r} has no attribute {attribute!r}")
        del converter.__dict__["__getattr__"]
        return getattr(importlib.reload(converter), attribute)

    converter.__dict__["__getattr__"] = late
