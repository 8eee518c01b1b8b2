"""Public names that a package resolves when they are first used (PEP 562)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """A `__getattr__` for a package whose public names live in submodules.

    Importing the package stays cheap: a module is imported with the first use of a name of it.

    Args:
        package: the package's `__name__`.
        modules: name to the full name of the module that defines it.

    Raises:
        AttributeError: (from the returned function) the name is not one of these.
    """

    def __getattr__(name: str) -> Any:  # noqa: N807 - what it becomes
        if name in modules:
            return getattr(import_module(modules[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return __getattr__
