"""What is imported on first use: public names of a package (PEP 562), and whole modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_module", "lazy_names"]


class _LazyModule:
    """Stands for a module, and imports it when one of its names is used."""

    def __init__(self, name: str) -> None:
        self.__dict__["__name__"] = name

    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module(self.__dict__["__name__"]), name)
        self.__dict__[name] = value  # the next use costs no more than that of a module
        return value


def lazy_module(name: str) -> Any:
    """Return an object with a module's names, which imports it on their first use.

    For modules that are slow to import and that most commands do not need: importing
    `pyarrow.compute` takes a tenth of a short query.

    Args:
        name: full name of the module.

    Raises:
        AttributeError: (on use) the module has no such name.
    """
    return _LazyModule(name)


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
