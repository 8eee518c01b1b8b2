"""Public names that a package resolves on first use (PEP 562)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a `__getattr__` for a package whose public names live in submodules.

    Importing the package stays cheap: a module is imported on the first use of one of its names.

    Args:
        package: the package's `__name__`.
        modules: public name to the full name of the module that defines it.

    Raises:
        AttributeError: (from the returned function) the name is not one of these.
    """

    def __getattr__(name: str) -> Any:  # noqa: N807 - becomes the package's `__getattr__`
        if name in modules:
            return getattr(import_module(modules[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return __getattr__
