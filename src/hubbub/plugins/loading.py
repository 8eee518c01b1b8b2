"""Loading of plugins: modules whose functions register themselves on import.

Plugins are hubbub's own analyzers and charts, entry points of the group `hubbub.plugins`, modules
that the configuration names, and `.py` files. Every loader returns notes for the user: a name that
was replaced, an installed plugin that cannot be loaded.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2s
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from hubbub.errors import HubbubError, UsageError
from hubbub.registry import REGISTRY, builtins

__all__ = [
    "GROUP",
    "installed",
    "load",
    "load_builtins",
    "load_file",
    "load_installed",
    "load_module",
]

GROUP = "hubbub.plugins"


@contextmanager
def _collecting_warnings(notes: list[str]) -> Iterator[None]:
    """Append the registry's warnings to `notes`, whatever warning filters the process has."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        yield
    notes.extend(str(warning.message) for warning in caught)


def load_builtins(modules: Iterable[str] = builtins.MODULES) -> list[str]:
    """Import hubbub's own analyzers and charts, or those of `modules`."""
    notes: list[str] = []
    with _collecting_warnings(notes):
        for name in modules:
            importlib.import_module(name)
    return notes


def installed() -> list[EntryPoint]:
    """Return the plugins of installed packages, by name."""
    return sorted(entry_points(group=GROUP), key=lambda e: (e.name, e.value))


def load_installed() -> list[str]:
    """Import the plugins of installed packages; one that fails does not stop the others."""
    notes: list[str] = []
    for entry in installed():
        try:
            with _collecting_warnings(notes):
                entry.load()
        except Exception as error:  # noqa: BLE001 - third-party code may raise anything
            notes.append(
                f"the plugin {entry.name!r} ({entry.value}) cannot be loaded: "
                f"{type(error).__name__}: {error}"
            )
    return notes


def _module_name(path: Path) -> str:
    """Return a module name for a file: stable, and unique among files of the same name."""
    return f"hubbub_plugin_{path.stem}_{blake2s(str(path).encode(), digest_size=4).hexdigest()}"


def _line(error: BaseException, path: Path) -> int | None:
    """Return the line of `path` at which the import failed."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return frames[-1].lineno if frames else None


def load_file(path: Path) -> list[str]:
    """Import a `.py` file, unless it is loaded already.

    Raises:
        UsageError: the file does not exist, is not a Python file, or cannot be imported.
    """
    full = path.expanduser().resolve()
    if not full.is_file():
        raise UsageError("this plugin file does not exist", where=str(path))
    name = _module_name(full)
    if name in sys.modules:
        return []
    spec = importlib.util.spec_from_file_location(name, full)
    if spec is None or spec.loader is None:
        raise UsageError("a plugin is a Python file whose name ends in .py", where=str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    REGISTRY.files[name] = full.stem
    notes: list[str] = []
    try:
        with _collecting_warnings(notes):
            spec.loader.exec_module(module)
    except HubbubError:
        del sys.modules[name]
        raise
    except Exception as error:
        del sys.modules[name]
        line = _line(error, full)
        raise UsageError(
            f"the plugin cannot be imported: {type(error).__name__}: {error}",
            where=f"{path}:{line}" if line else str(path),
            hint="use -vv to see the traceback",
        ) from error
    return notes


def load_module(name: str) -> list[str]:
    """Import a module by its name, as `[plugins] modules` gives it.

    Raises:
        UsageError: there is no such module, or it cannot be imported.
    """
    notes: list[str] = []
    try:
        with _collecting_warnings(notes):
            importlib.import_module(name)
    except HubbubError:
        raise
    except Exception as error:
        raise UsageError(
            f"the plugin cannot be imported: {type(error).__name__}: {error}",
            where=name,
            hint="it is a name in [plugins] modules; use -vv to see the traceback",
        ) from error
    return notes


def load(files: Iterable[Path] = (), modules: Iterable[str] = ()) -> list[str]:
    """Load built-ins, installed plugins, then others; later definitions replace earlier ones.

    Args:
        files: Python files.
        modules: names of modules, imported before the files.
    """
    notes = load_builtins() + load_installed()
    for name in modules:
        notes += load_module(name)
    for path in files:
        notes += load_file(path)
    return notes
